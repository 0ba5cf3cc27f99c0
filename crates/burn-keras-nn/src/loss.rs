//! Keras's losses, with their values and gradients.
//!
//! A [`Loss`] is plain data: a [`LossFunction`] with its options, a [`Reduction`], and the
//! [`Generation`] whose details count. Gradients are those of Keras on TensorFlow: probabilities
//! are clipped, and have no gradient where they are.
//!
//! ```
//! use burn::tensor::{Device, Int, Tensor};
//! use burn_keras_nn::loss::{Loss, LossFunction, Weights};
//!
//! let device = Device::flex();
//! let logits = Tensor::<2>::from_floats([[2.0, 0.0, 1.0], [0.0, 1.0, 0.0]], &device);
//! let labels = Tensor::<1, Int>::from_ints([0, 2], &device);
//! let loss = Loss::new(LossFunction::SparseCategoricalCrossentropy {
//!     from_logits: true,
//!     ignore_class: None,
//! });
//! let mean = loss.forward(logits.clone(), labels.clone())?; // [1]
//! # let mean: f32 = mean.into_scalar();
//! # assert!((mean - 0.979_525_3).abs() < 1e-6);
//!
//! let class_weights = Tensor::<1>::from_floats([1.0, 0.5], &device);
//! let weights = Weights::new().with_sample_weight(class_weights);
//! let weighted = loss.forward_weighted(logits, labels, &weights)?; // [1]
//! # Ok::<(), burn_keras_nn::loss::ShapeError>(())
//! ```
//!
//! # Shapes
//!
//! An output has the shape `[batch, ...]`, channels last: the last axis is the one that most
//! losses reduce. A target has the output's shape; as in Keras, `[batch]` fits `[batch, 1]`, and
//! an axis of size 1 at the end may be missing. Class ids have the output's shape without the
//! classes, or with 1 in their place. Weights and masks have the shape of the values, or one that
//! broadcasts to it ([`Weights`]).
//!
//! # What `fit` sees
//!
//! A compiled Keras model whose last operation is `softmax` or `sigmoid` trains on the logits
//! before it: Keras looks through the activation in crossentropies. Values are the same up to
//! rounding and clipping, but gradients do not vanish in saturated outputs. Hand the logits to
//! [`LossFunction::of_logits`] to train as `fit` does.

mod circle;
mod ctc;
mod error;
pub(crate) mod function;
mod names;
pub(crate) mod operations;
mod overlap;
pub(crate) mod pair;
pub(crate) mod pointwise;
pub(crate) mod probability;
pub(crate) mod reduction;
mod shaped;
#[cfg(test)]
mod tests;
mod weights;

pub use error::ShapeError;
pub use function::LossFunction;
pub use names::{NAMES, Name};
pub use reduction::Reduction;
pub use shaped::{Shaped, Target};
pub use weights::Weights;

pub(crate) use pair::match_ranks;
pub(crate) use shaped::Values;

use burn::tensor::Tensor;

use crate::Generation;

/// A loss of Keras: what is measured, and how a batch of it becomes a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// What is measured for each sample.
    pub function: LossFunction,
    /// How the samples' values become one. Default: [`Reduction::SumOverBatchSize`].
    pub reduction: Reduction,
    /// Whose details count. Default: [`Generation::Keras3`].
    pub generation: Generation,
}

impl Loss {
    /// The mean of `function` over the batch, as Keras 3 computes it.
    pub fn new(function: LossFunction) -> Self {
        Self {
            function,
            reduction: Reduction::default(),
            generation: Generation::default(),
        }
    }

    /// Sets [`reduction`](Self::reduction).
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// Sets [`generation`](Self::generation).
    pub fn with_generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self
    }

    /// The loss of each sample, neither weighted nor reduced: Keras's shape of it, with axes of
    /// size 1 behind. For an output `[batch, steps, features]` of a loss over the last axis that
    /// is `[batch, steps, 1]`.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    pub fn values<const D: usize>(
        &self,
        output: Tensor<D>,
        target: impl Into<Target>,
    ) -> Result<Tensor<D>, ShapeError> {
        let values = self
            .function
            .evaluate(output, &target.into(), self.generation)?;
        let shape: [usize; D] =
            core::array::from_fn(|axis| values.shape.get(axis).copied().unwrap_or(1));
        Ok(values.flat.reshape(shape))
    }

    /// The loss of a batch without weights: `[1]`, or `[values]` with [`Reduction::None`].
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    pub fn forward<const D: usize>(
        &self,
        output: Tensor<D>,
        target: impl Into<Target>,
    ) -> Result<Tensor<1>, ShapeError> {
        self.forward_weighted(output, target, &Weights::default())
    }

    /// The loss of a batch: `[1]`, or `[values]`, in row-major order, with [`Reduction::None`].
    ///
    /// Weights and the mask are applied as `fit` does: see [`Weights`].
    ///
    /// # Errors
    ///
    /// If the shapes do not fit.
    pub fn forward_weighted<const D: usize>(
        &self,
        output: Tensor<D>,
        target: impl Into<Target>,
        weights: &Weights,
    ) -> Result<Tensor<1>, ShapeError> {
        let values = self
            .function
            .evaluate(output, &target.into(), self.generation)?;
        self.reduction.apply(values, weights, self.generation)
    }
}

/// What a model minimises: the losses of its outputs, each times its number of `loss_weights`,
/// and what else was added: penalties of weights and activities, and the model's own.
///
/// A loss that is not reduced is summed, as its gradient is. None if there is nothing.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::loss;
///
/// let device = Device::flex();
/// let [first, second, penalty] = [2.0, 3.0, 0.5].map(|x| Tensor::<1>::from_floats([x], &device));
/// let total = loss::total([(first, 1.0), (second, 0.1)], [penalty]);
/// assert_eq!(total.map(|x| x.into_scalar::<f32>()), Some(2.8));
/// ```
pub fn total(
    outputs: impl IntoIterator<Item = (Tensor<1>, f64)>,
    added: impl IntoIterator<Item = Tensor<1>>,
) -> Option<Tensor<1>> {
    outputs
        .into_iter()
        .map(|(loss, weight)| loss.sum().mul_scalar(weight))
        .chain(added.into_iter().map(Tensor::sum))
        .reduce(|sum, loss| sum + loss)
}
