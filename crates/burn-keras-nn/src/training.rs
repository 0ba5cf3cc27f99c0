//! What Keras's `fit` computes of a batch: the loss that it minimises, and the metrics that it
//! reports.
//!
//! A generated model has a function `compiled` that gives what the model was compiled with, and a
//! method `predictions` that gives what a training step needs of a batch; `loss` is both together.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use burn_keras_nn::loss::LossFunction;
//! use burn_keras_nn::training::{Compiled, OutputLoss, Prediction, Predictions, Targets};
//!
//! let device = Device::flex();
//! let loss = OutputLoss::new(0, "score", LossFunction::MeanSquaredError);
//! let compiled = Compiled::new([loss], []);
//! let output = Tensor::<2>::from_floats([[1.0], [3.0]], &device);
//! let predictions = Predictions::new([Prediction::new(output)]);
//! let target = Tensor::<2>::from_floats([[0.0], [1.0]], &device);
//! let loss = compiled.loss(&predictions, &target.into())?; // [1]
//! assert_eq!(loss.into_scalar::<f32>(), 2.5);
//! # Ok::<(), burn_keras_nn::loss::ShapeError>(())
//! ```

mod metrics;
mod prediction;
mod targets;
#[cfg(test)]
mod tests;

pub use metrics::{Metrics, OutputMetric, Report};
pub use prediction::{Prediction, Predictions};
pub use targets::Targets;

use alloc::{string::String, vec::Vec};
use burn::serde::{Deserialize, Serialize};
use burn::tensor::Tensor;

use crate::Generation;
use crate::loss::{self, Loss, LossFunction, Reduction, ShapeError};
use crate::metric::MetricFunction;

/// A loss or metric that may depend on the shapes of output and target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub enum Choice<F> {
    /// This one.
    Function(F),
    /// The crossentropy that fits: `"crossentropy"`, `"ce"`.
    Crossentropy,
    /// The accuracy that fits: `"accuracy"`, `"acc"`.
    Accuracy,
}

impl From<LossFunction> for Choice<LossFunction> {
    fn from(function: LossFunction) -> Self {
        Self::Function(function)
    }
}

impl From<MetricFunction> for Choice<MetricFunction> {
    fn from(function: MetricFunction) -> Self {
        Self::Function(function)
    }
}

/// The loss of one output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub struct OutputLoss {
    /// The output, by its position.
    pub output: usize,
    /// The output's name.
    pub name: String,
    /// What is measured.
    pub function: Choice<LossFunction>,
    /// How samples become one number. Default: their mean.
    pub reduction: Reduction,
    /// The factor of Keras's `loss_weights`. Default: 1.
    pub weight: f64,
}

impl OutputLoss {
    /// The mean of `function` for the output at position `output`, which is called `name`.
    pub fn new(
        output: usize,
        name: impl Into<String>,
        function: impl Into<Choice<LossFunction>>,
    ) -> Self {
        Self {
            output,
            name: name.into(),
            function: function.into(),
            reduction: Reduction::default(),
            weight: 1.0,
        }
    }

    /// Sets [`reduction`](Self::reduction).
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// Sets [`weight`](Self::weight).
    pub fn with_weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }
}

/// What a model was compiled with: the losses and metrics of its outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub struct Compiled {
    /// At most one for each output.
    pub losses: Vec<OutputLoss>,
    /// In Keras's order.
    pub metrics: Vec<OutputMetric>,
    /// Whose details count. Default: [`Generation::Keras3`].
    pub generation: Generation,
}

impl Compiled {
    /// These losses and metrics, as Keras 3 computes them.
    pub fn new(
        losses: impl IntoIterator<Item = OutputLoss>,
        metrics: impl IntoIterator<Item = OutputMetric>,
    ) -> Self {
        Self {
            losses: losses.into_iter().collect(),
            metrics: metrics.into_iter().collect(),
            generation: Generation::default(),
        }
    }

    /// Sets [`generation`](Self::generation).
    pub fn with_generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self
    }

    /// What `fit` minimises for a batch, `[1]`: the weighted sum of the outputs' losses, and the
    /// penalties. A loss that is not reduced is summed, as its gradient is.
    ///
    /// There is one target for each output that has a loss, or for each output, in their order.
    ///
    /// # Errors
    ///
    /// Another number of targets; shapes that do not fit.
    pub fn loss(
        &self,
        predictions: &Predictions,
        targets: &Targets,
    ) -> Result<Tensor<1>, ShapeError> {
        let outputs = self.losses(predictions, targets)?;
        let weights = self.losses.iter().map(|loss| loss.weight);
        let penalties = predictions.penalties.iter().cloned();
        loss::total(outputs.into_iter().zip(weights), penalties).ok_or(ShapeError::Targets {
            expected: 1,
            found: 0,
        })
    }

    /// The losses of the outputs, neither weighted nor with penalties: each `[1]`, or `[values]`
    /// with [`Reduction::None`].
    ///
    /// # Errors
    ///
    /// As [`loss`](Self::loss).
    pub fn losses(
        &self,
        predictions: &Predictions,
        targets: &Targets,
    ) -> Result<Vec<Tensor<1>>, ShapeError> {
        let chosen: Vec<usize> = self.losses.iter().map(|loss| loss.output).collect();
        let places = targets.places(&chosen, predictions.outputs.len())?;
        let losses = self.losses.iter().zip(places);
        losses
            .map(|(loss, place)| {
                let prediction = predictions.output(loss.output)?;
                let (target, weight) = targets.at(place)?;
                let function = match &loss.function {
                    Choice::Function(function) => function.clone(),
                    Choice::Crossentropy | Choice::Accuracy => {
                        LossFunction::crossentropy_for(prediction.shape(), target.shape())
                    }
                };
                prediction.loss(
                    Loss {
                        function,
                        reduction: loss.reduction,
                        generation: self.generation,
                    },
                    target,
                    weight,
                )
            })
            .collect()
    }

    /// The metrics, which have seen nothing yet, and the mean of the loss.
    pub fn metrics(&self) -> Metrics {
        Metrics::new(self)
    }
}
