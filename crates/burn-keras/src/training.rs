//! Training: the loss of a batch, and the optimizer that the model was compiled with.

mod config;
#[cfg(feature = "optim")]
mod optimizer;

use burn::tensor::{Bool, Tensor};
use burn_keras_import::plan::{Body, Function, Training};
use burn_keras_nn::Generation;
use burn_keras_nn::regularizer::{self, Regularizer};
use burn_keras_nn::training::{Compiled, Prediction, Predictions, Targets};
use keras_ir::shape::Kind;

use crate::rank::at_rank;
use crate::{Error, Model, Value};

impl Model {
    /// The losses and metrics that the model was compiled with.
    ///
    /// # Errors
    ///
    /// A model that was not compiled, or whose training config is not understood: the plan's notes
    /// say why.
    pub fn compiled(&self) -> Result<Compiled, Error> {
        let compiled = self.training()?.compiled.as_ref();
        config::value(compiled.ok_or_else(|| self.not_compiled("loss"))?)
    }

    /// What a training step needs of a batch, from the inputs of [`forward`](Self::forward): the
    /// outputs, and the penalties that come to the loss. On an autodiff device this is the forward
    /// pass of training.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward) and [`compiled`](Self::compiled).
    pub fn predictions(&self, inputs: Vec<Value>) -> Result<Predictions, Error> {
        let training = self.training()?;
        let body = self.plan().root().bodies.get(training.body);
        let body = body.ok_or_else(|| self.not_compiled("loss"))?;
        self.check(&inputs, true)?;
        let results = self.run(training.body, inputs)?;
        let (predictions, of_activities) = predictions(body, &results)?;
        let generation: Generation = config::value(&training.generation)?;
        let regularizers = training.regularizers.iter();
        let regularizers: Vec<(&str, Regularizer)> = regularizers
            .map(|(path, regularizer)| Ok((path.as_str(), config::value(regularizer)?)))
            .collect::<Result<_, Error>>()?;
        let penalties = regularizer::penalties(self, &regularizers, generation)?;
        let penalties = penalties.into_iter().chain(of_activities);
        Ok(predictions.with_penalties(penalties))
    }

    /// What Keras's `fit` minimises for a batch, `[1]`: [`compiled`](Self::compiled) of
    /// [`predictions`](Self::predictions).
    ///
    /// ```no_run
    /// # use burn::tensor::{Device, Tensor};
    /// # fn run(model: &burn_keras::Model, x: Tensor<2>, y: Tensor<2>) -> Result<(), burn_keras::Error> {
    /// let loss = model.loss(vec![x.into()], y)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`predictions`](Self::predictions); another number of targets than the model has losses or
    /// outputs, targets that do not fit.
    pub fn loss(
        &self,
        inputs: Vec<Value>,
        targets: impl Into<Targets>,
    ) -> Result<Tensor<1>, Error> {
        let predictions = self.predictions(inputs)?;
        Ok(self.compiled()?.loss(&predictions, &targets.into())?)
    }

    fn training(&self) -> Result<&Training, Error> {
        let training = self.plan().training.as_ref();
        training.ok_or_else(|| self.not_compiled("training config"))
    }

    fn not_compiled(&self, what: &'static str) -> Error {
        Error::NotCompiled {
            model: self.plan().name.clone(),
            what,
        }
    }
}

/// The outputs of Keras's model, with logits and masks, and the penalty of activities.
fn predictions(body: &Body, results: &[Value]) -> Result<(Predictions, Option<Tensor<1>>), Error> {
    let missing = || Error::Data("the model gives another number of tensors".into());
    let result = |at: usize| results.get(at).cloned().ok_or_else(missing);
    let training = body.training.clone();
    let count = training
        .as_ref()
        .map_or(body.outputs.len(), |training| training.count);
    let mut masks = body.outputs.len()..;
    let mut outputs = Vec::with_capacity(count);
    for (at, output) in body.outputs.iter().take(count).enumerate() {
        let value = floats(result(at)?)?;
        let rank = value.rank();
        let mut prediction = at_rank!(rank, D => {
            Prediction::new(Tensor::<D>::try_from(value)?)
        }, else return Err(missing()));
        let logits = training.as_ref().and_then(|of| of.logits.get(at).copied()?);
        if let Some(logits) = logits {
            let value = floats(result(logits)?)?;
            let rank = value.rank();
            prediction = at_rank!(rank, D => {
                prediction.with_logits(Tensor::<D>::try_from(value)?)
            }, else return Err(missing()));
        }
        if let Some(at) = output.mask.and_then(|_| masks.next()) {
            let value = result(at)?;
            let rank = value.rank();
            prediction = at_rank!(rank, D => {
                prediction.with_mask(Tensor::<D, Bool>::try_from(value)?)
            }, else return Err(missing()));
        }
        outputs.push(prediction);
    }
    let penalty = training.and_then(|training| training.penalty);
    let penalty = penalty.map(|at| Tensor::<1>::try_from(result(at)?));
    Ok((Predictions::new(outputs), penalty.transpose()?))
}

/// Losses are of numbers.
fn floats(value: Value) -> Result<Value, Error> {
    match value.kind() {
        Kind::Float => Ok(value),
        Kind::Int | Kind::Bool => crate::function::call(&Function::ToFloat, vec![value], 0),
    }
}
