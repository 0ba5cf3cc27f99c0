//! A Keras model at run time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::module::{
    Content, Devices, DisplaySettings, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper,
    ModuleVisitor, Param,
};
use burn::tensor::{DType, Device, FloatDType, Tensor};
use burn_keras_import::{Plan, lower, names, record};
use burn_keras_nn::record::RecordBytes;
use burn_keras_nn::{Scope, stable_ids};
use keras_ir::shape::Spec;
use keras_ir::{Graph, ReadOptions};

use crate::execute::Frame;
use crate::layer::Submodel;
use crate::program::Program;
use crate::{Error, Value, build, value};

/// How to load a model.
///
/// ```
/// use burn_keras::LoadOptions;
///
/// let options = LoadOptions::new().with_name("encoder").with_untie(true);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// What the model is called: the stem of its source and records, and unless
    /// [`namespace`](Self::namespace) says otherwise the namespace of its parameters' ids. The
    /// file's name by default.
    pub name: Option<String>,
    /// The namespace of the parameters' ids: a second instance of a model that is trained beside
    /// the first needs one of its own.
    pub namespace: Option<String>,
    /// How the file is read: whether ties are taken, and where weights or architecture are if
    /// they are in another file.
    pub read: ReadOptions,
}

impl LoadOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`name`](Self::name).
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets [`namespace`](Self::namespace).
    #[must_use]
    pub fn with_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Sets [`ReadOptions::untie`].
    #[must_use]
    pub fn with_untie(mut self, untie: bool) -> Self {
        self.read.untie = untie;
        self
    }

    /// Sets [`ReadOptions::weights`]: the file that has the weights.
    #[must_use]
    pub fn with_weights(mut self, path: impl Into<PathBuf>) -> Self {
        self.read.weights = Some(path.into());
        self
    }

    /// Sets [`ReadOptions::architecture`]: the file that has the architecture.
    #[must_use]
    pub fn with_architecture(mut self, path: impl Into<PathBuf>) -> Self {
        self.read.architecture = Some(path.into());
        self
    }

    /// Sets [`ReadOptions::from`] and [`ReadOptions::to`]: what of the model is loaded.
    ///
    /// ```
    /// use burn_keras::LoadOptions;
    ///
    /// let options = LoadOptions::new().between(["conv4_block1_add"], ["predictions"]);
    /// ```
    #[must_use]
    pub fn between<'a>(
        mut self,
        from: impl IntoIterator<Item = &'a str>,
        to: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.read.from = from.into_iter().map(str::to_owned).collect();
        self.read.to = to.into_iter().map(str::to_owned).collect();
        self
    }
}

/// What a model takes or gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Keras's name: that of the input layer, of the layer that makes the output, or the key of a
    /// dict of outputs.
    pub name: String,
    /// Shape (batch axis first) and kind.
    pub spec: Spec,
}

/// The bodies of the outermost model: a call by itself, and one that goes on from states.
const FORWARD: usize = 0;
const WITH_STATE: usize = 1;

/// A Keras model that is interpreted: the plan behind generated source, run step by step.
///
/// It computes what generated source computes, to the bit, and is a Burn module with the same
/// parameter paths: the same records and optimizers fit both.
///
/// ```no_run
/// use burn::tensor::{Device, Tensor};
/// use burn_keras::Model;
///
/// let device = Device::flex();
/// let model = Model::load("siamese.h5", &device)?;
/// let left = Tensor::<2>::zeros([1, 12], &device);
/// let scores = model.predict([left.clone(), left])?;
/// println!("{}", scores[0]);
/// # Ok::<(), burn_keras::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    program: Arc<Program>,
    inputs: Arc<[Port]>,
    outputs: Arc<[Port]>,
    states: Arc<[Port]>,
    namespace: String,
    root: Submodel,
    /// Where a model without parameters runs.
    device: Device,
}

impl Model {
    /// Loads a saved Keras model, weights included.
    ///
    /// # Errors
    ///
    /// A report of everything in the file that cannot be imported, with all problems at once.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        Self::load_with(path, &LoadOptions::default(), device)
    }

    /// [`load`](Self::load) with options.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_with(
        path: impl AsRef<Path>,
        options: &LoadOptions,
        device: &Device,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let graph = keras_ir::read(path, options.read.clone())?;
        Self::of_graph(&graph, path, options, device)
    }

    /// The model of the graph that was read from `path`.
    pub(crate) fn of_graph(
        graph: &Graph,
        path: &Path,
        options: &LoadOptions,
        device: &Device,
    ) -> Result<Self, Error> {
        let name = options.name.clone().unwrap_or_else(|| {
            let stem = path.file_stem().unwrap_or_default();
            names::module_name(&stem.to_string_lossy())
        });
        let namespace = options.namespace.as_deref().unwrap_or(&name);
        Self::with_weights(graph, &name, namespace, device)
    }

    /// A model of a graph that was read before, and perhaps changed since, with its weights.
    ///
    /// ```no_run
    /// use burn::tensor::Device;
    /// use burn_keras::{Model, keras_ir};
    ///
    /// let graph = keras_ir::read("siamese.h5", keras_ir::ReadOptions::default())?;
    /// let model = Model::from_graph(&graph, "siamese", &Device::flex())?;
    /// # Ok::<(), burn_keras::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A report of everything that cannot be imported.
    pub fn from_graph(graph: &Graph, name: &str, device: &Device) -> Result<Self, Error> {
        Self::with_weights(graph, name, name, device)
    }

    fn with_weights(
        graph: &Graph,
        name: &str,
        namespace: &str,
        device: &Device,
    ) -> Result<Self, Error> {
        let plan = lower::lower(graph, name)?;
        let weights = record::weights(&plan, graph)?.into_bytes()?;
        let model = Self::from_plan(Arc::new(plan), namespace, device)?;
        model.load_record_bytes(weights)
    }

    /// The module of a plan, with fresh parameters: a record comes next.
    ///
    /// # Errors
    ///
    /// A plan whose references lead nowhere, or with tensors of more than 6 axes.
    pub fn from_plan(plan: Arc<Plan>, namespace: &str, device: &Device) -> Result<Self, Error> {
        let program = Program::new(Arc::clone(&plan))?;
        let root = build::model(&plan, plan.root_index(), &Scope::new(namespace), device)?;
        let body = &plan.root().bodies[0];
        let inputs = body.inputs.iter().zip(&body.input_names);
        let inputs = inputs.map(|(id, name)| Port {
            name: name.clone(),
            spec: body.value(*id).spec.clone(),
        });
        let outputs = body.outputs.iter().map(|output| Port {
            name: output.keras_name.clone(),
            spec: body.value(output.value).spec.clone(),
        });
        let with_state = plan.root().bodies.get(WITH_STATE);
        let states = with_state.into_iter().flat_map(|body| {
            body.states.iter().map(|state| Port {
                name: state.name.clone(),
                spec: body.value(state.input).spec.clone(),
            })
        });
        Ok(Self {
            program: Arc::new(program),
            inputs: inputs.collect(),
            outputs: outputs.collect(),
            states: states.collect(),
            namespace: namespace.to_owned(),
            root: stable_ids(root, namespace),
            device: device.clone(),
        })
    }

    /// Loads a weights record from a file: one that the importer wrote beside the source, or one
    /// that was saved after training.
    ///
    /// # Errors
    ///
    /// A record of another model, or one that does not fit in every path, shape and type.
    pub fn load_record_file(self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let digest = self.plan().digest();
        self.with_record(|root| burn_keras_nn::record::load_file(root, path, &digest))
    }

    /// Loads a weights record from memory; see [`load_record_file`](Self::load_record_file).
    ///
    /// # Errors
    ///
    /// As [`load_record_file`](Self::load_record_file).
    pub fn load_record_bytes(self, bytes: impl Into<RecordBytes>) -> Result<Self, Error> {
        let digest = self.plan().digest();
        self.with_record(|root| burn_keras_nn::record::load_bytes(root, bytes, &digest))
    }

    fn with_record(
        self,
        load: impl FnOnce(Submodel) -> Result<Submodel, burn_keras_nn::LoadError>,
    ) -> Result<Self, Error> {
        let root = load(self.root)?;
        // A record brings the ids of the namespace that it was written in.
        let root = stable_ids(root, &self.namespace);
        Ok(Self { root, ..self })
    }

    /// Writes the parameters to a record: the same parameters give the same bytes, which Burn's own
    /// `save_file` does not promise.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn save_record_file(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        Ok(burn_keras_nn::record::save_file(&self.root, path)?)
    }

    /// The plan that is run.
    pub fn plan(&self) -> &Plan {
        &self.program.plan
    }

    /// The modules.
    pub fn root(&self) -> &Submodel {
        &self.root
    }

    /// The namespace of the parameters' ids.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What the model takes, in Keras's order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What the model gives, in Keras's order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// The states that stateful layers carry from one call to the next.
    pub fn states(&self) -> &[Port] {
        &self.states
    }

    /// The names of the inputs, in Keras's order.
    pub fn input_names(&self) -> Vec<&str> {
        self.inputs.iter().map(|port| port.name.as_str()).collect()
    }

    /// The names of the outputs, in Keras's order.
    pub fn output_names(&self) -> Vec<&str> {
        self.outputs.iter().map(|port| port.name.as_str()).collect()
    }

    /// The device on which the model runs.
    pub fn device(&self) -> Device {
        let devices = self.root.devices();
        devices
            .into_iter()
            .next()
            .unwrap_or_else(|| self.device.clone())
    }

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

impl Module for Model {
    fn collect_devices(&self, devices: Devices) -> Devices {
        self.root.collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        Self {
            root: self.root.fork(device),
            device: device.clone(),
            ..self
        }
    }

    fn to_device(self, device: &Device) -> Self {
        Self {
            root: self.root.to_device(device),
            device: device.clone(),
            ..self
        }
    }

    fn train(self) -> Self {
        Self {
            root: self.root.train(),
            ..self
        }
    }

    fn valid(&self) -> Self {
        Self {
            program: Arc::clone(&self.program),
            inputs: Arc::clone(&self.inputs),
            outputs: Arc::clone(&self.outputs),
            states: Arc::clone(&self.states),
            namespace: self.namespace.clone(),
            root: self.root.valid(),
            device: self.device.clone(),
        }
    }

    fn materialize(self) -> Self {
        Self {
            root: self.root.materialize(),
            ..self
        }
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        self.root.visit(visitor);
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        Self {
            root: self.root.map(mapper),
            ..self
        }
    }
}

impl ModuleDisplayDefault for Model {
    fn content(&self, content: Content) -> Option<Content> {
        self.root.content(content)
    }

    fn num_params(&self) -> usize {
        Module::num_params(&self.root)
    }
}

impl ModuleDisplay for Model {}

impl std::fmt::Display for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&ModuleDisplay::format(self, DisplaySettings::default()))
    }
}
