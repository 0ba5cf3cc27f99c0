//! What a model gives for inputs.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, FloatDType, Tensor};

use super::{FORWARD, Model, Port, WITH_STATE};
use crate::execute::Frame;
use crate::{Error, Value, value};

impl Model {
    /// The outputs for `inputs`, both in Keras's order.
    ///
    /// Inputs are moved to the model's device, and cast where the model takes another kind or
    /// floating-point type.
    ///
    /// # Errors
    ///
    /// Inputs of another number, rank or shape than the model takes.
    pub fn predict(
        &self,
        inputs: impl IntoIterator<Item = impl Into<Value>>,
    ) -> Result<Vec<Value>, Error> {
        self.run(FORWARD, self.taken(inputs)?)
    }

    /// [`predict`](Self::predict) for a model with stateful layers, which go on from `state`, what
    /// another call gave or [`zero_state`](Self::zero_state). The outputs, and the states after
    /// the call.
    ///
    /// ```no_run
    /// # use burn::tensor::{Device, Tensor};
    /// # fn run(model: &burn_keras::Model, parts: [Tensor<3>; 2]) -> Result<(), burn_keras::Error> {
    /// let mut state = model.zero_state(1);
    /// for x in parts {
    ///     let outputs;
    ///     (outputs, state) = model.predict_with_state([x], state)?;
    ///     println!("{}", outputs[0]);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict); another number of states than the model has, or of another
    /// shape.
    pub fn predict_with_state(
        &self,
        inputs: impl IntoIterator<Item = impl Into<Value>>,
        state: Vec<Value>,
    ) -> Result<(Vec<Value>, Vec<Value>), Error> {
        let mut arguments = self.taken(inputs)?;
        let batch = arguments
            .first()
            .and_then(|value| value.shape().first().copied());
        if state.len() != self.states.len() {
            return Err(Error::StateCount {
                expected: self.states.len(),
                found: state.len(),
            });
        }
        for (value, port) in state.iter().zip(self.states.iter()) {
            check(value, port, batch)?;
        }
        if self.states.is_empty() {
            return Ok((self.run(FORWARD, arguments)?, state));
        }
        arguments.extend(state);
        let mut outputs = self.run(WITH_STATE, arguments)?;
        let state = outputs.split_off(outputs.len().saturating_sub(self.states.len()));
        Ok((outputs, state))
    }

    /// The states of stateful layers before a first call with `batch` samples: zeros, as
    /// [`states`](Self::states) lists them.
    pub fn zero_state(&self, batch: usize) -> Vec<Value> {
        let options = (&self.device(), DType::from(self.float_type()));
        let states = self.states.iter();
        let zeros = states.map(|port| {
            let units = port.spec.shape.last().unwrap_or_default();
            Tensor::<2>::zeros([batch, units], options).into()
        });
        zeros.collect()
    }

    /// [`predict`](Self::predict) with inputs and outputs by name.
    ///
    /// ```no_run
    /// # use burn::tensor::{Device, Tensor};
    /// # fn run(model: &burn_keras::Model, x: Tensor<2>) -> Result<(), burn_keras::Error> {
    /// for (name, output) in model.predict_named([("left", x.clone()), ("right", x)])? {
    ///     println!("{name}: {output}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict); names that the model does not have, or that are missing.
    pub fn predict_named(
        &self,
        inputs: impl IntoIterator<Item = (impl AsRef<str>, impl Into<Value>)>,
    ) -> Result<Vec<(String, Value)>, Error> {
        let mut places: Vec<Vec<Value>> = vec![Vec::new(); self.inputs.len()];
        for (name, value) in inputs {
            let name = name.as_ref();
            let place = self.inputs.iter().position(|port| port.name == name);
            let Some(place) = place else {
                return Err(Error::UnknownInput {
                    name: name.to_owned(),
                    inputs: self.inputs.iter().map(|port| port.name.clone()).collect(),
                });
            };
            places[place].push(value.into());
        }
        let ordered = places.into_iter().zip(self.inputs.iter());
        let ordered = ordered.map(|(values, port)| {
            let [value] = <[Value; 1]>::try_from(values).map_err(|values| Error::InputTimes {
                name: port.name.clone(),
                times: values.len(),
            })?;
            Ok(value)
        });
        let outputs = self.predict(ordered.collect::<Result<Vec<_>, Error>>()?)?;
        let names = self.outputs.iter().map(|port| port.name.clone());
        Ok(names.zip(outputs).collect())
    }

    /// The outputs for `inputs` as they are: on the model's device and of the kinds that it takes.
    ///
    /// On a device with autodiff this is the forward pass of training: gradients flow back to the
    /// inputs and to the parameters.
    ///
    /// # Errors
    ///
    /// Inputs of another number, kind, rank or shape than the model takes.
    pub fn forward(&self, inputs: Vec<Value>) -> Result<Vec<Value>, Error> {
        self.check(&inputs, true)?;
        self.run(FORWARD, inputs)
    }

    /// Inputs as the model takes them.
    fn taken(
        &self,
        inputs: impl IntoIterator<Item = impl Into<Value>>,
    ) -> Result<Vec<Value>, Error> {
        let device = self.device();
        let float = self.float_type();
        let given: Vec<Value> = inputs.into_iter().map(Into::into).collect();
        self.check(&given, false)?;
        let inputs = given.into_iter().zip(self.inputs.iter());
        let inputs =
            inputs.map(|(value, port)| value.to_device(&device).cast(port.spec.kind, float));
        Ok(inputs.collect())
    }

    pub(crate) fn run(&self, body: usize, arguments: Vec<Value>) -> Result<Vec<Value>, Error> {
        let frame = Frame {
            program: &self.program,
            model: self.plan().root_index(),
            body,
            own: &self.root,
            borrowed: Vec::new(),
        };
        let mut outputs = frame.run(arguments)?;
        if body == FORWARD {
            outputs.truncate(self.outputs.len()); // masks stand behind the outputs
        }
        Ok(outputs)
    }

    /// Number, ranks, sizes and batch size; kinds too if they have to be those of the model.
    pub(crate) fn check(&self, inputs: &[Value], kinds: bool) -> Result<(), Error> {
        if inputs.len() != self.inputs.len() {
            return Err(Error::InputCount {
                expected: self.inputs.iter().map(|port| port.name.clone()).collect(),
                found: inputs.len(),
            });
        }
        let batch = inputs
            .first()
            .and_then(|value| value.shape().first().copied());
        for (value, port) in inputs.iter().zip(self.inputs.iter()) {
            check(value, port, batch)?;
            if kinds && value.kind() != port.spec.kind {
                return Err(misfit(value, port, ""));
            }
        }
        Ok(())
    }

    /// The floating-point type of the parameters.
    fn float_type(&self) -> FloatDType {
        let mut first = FirstFloat(None);
        self.root.visit(&mut first);
        first.0.unwrap_or(FloatDType::F32)
    }
}

/// Rank, sizes and batch size. The batch axis takes any size, whatever the file says.
fn check(value: &Value, port: &Port, batch: Option<usize>) -> Result<(), Error> {
    let shape = value.shape();
    let known = &port.spec.shape;
    let mut sizes = shape.iter().zip(&known.0).skip(1);
    if shape.len() != known.rank()
        || !sizes.all(|(size, known)| known.is_none_or(|known| known == *size))
    {
        return Err(misfit(value, port, ""));
    }
    if shape.contains(&0) {
        return Err(misfit(value, port, " without empty axes"));
    }
    match batch {
        Some(batch) if shape.first() != Some(&batch) => {
            let samples = format!(" with as many samples as the first input has, {batch}");
            Err(misfit(value, port, &samples))
        }
        _ => Ok(()),
    }
}

fn misfit(value: &Value, port: &Port, more: &str) -> Error {
    Error::Input {
        name: port.name.clone(),
        expected: format!("{} {}{more}", value::name(port.spec.kind), port.spec.shape),
        found: value.to_string(),
    }
}

struct FirstFloat(Option<FloatDType>);

impl ModuleVisitor for FirstFloat {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.0.is_none() {
            let dtype = param.val().dtype();
            self.0 = dtype.is_float().then(|| dtype.into());
        }
    }
}
