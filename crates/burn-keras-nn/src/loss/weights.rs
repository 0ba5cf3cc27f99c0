//! Weights of samples and masks.

use burn::tensor::{Bool, Tensor};

use super::{ShapeError, Shaped};

/// Weights of samples, and the mask that came with an output.
///
/// Sample weights have the shape of the loss's values, `[batch]` or `[batch, steps]`, or one that
/// broadcasts to it; an axis of size 1 may be added at the end. Weights `[batch]` of values
/// `[batch, steps]` work in tf_keras only: Keras 3 wants `[batch, 1]` there.
///
/// A mask, `true` where a step counts, becomes weights of 0 and 1. With
/// [`Reduction::SumOverBatchSize`](super::Reduction::SumOverBatchSize) they are scaled so that the
/// mean is over the steps that count.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    pub(crate) sample_weight: Option<Shaped>,
    pub(crate) mask: Option<Shaped<Bool>>,
}

impl Weights {
    /// Neither weights nor mask.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `fit`'s `sample_weight`. Class weights are sample weights looked up by class.
    pub fn with_sample_weight<const D: usize>(mut self, weights: Tensor<D>) -> Self {
        self.sample_weight = Some(Shaped::new(weights));
        self
    }

    /// Sets the mask that the output carries in Keras.
    pub fn with_mask<const D: usize>(mut self, mask: Tensor<D, Bool>) -> Self {
        self.mask = Some(Shaped::new(mask));
        self
    }

    /// The sample weights beside `values`.
    pub(crate) fn sample_weight(&self, values: &Tensor<1>) -> Option<Shaped> {
        let weights = self.sample_weight.as_ref()?.beside(values);
        Some(Shaped {
            flat: weights.flat.cast(values.dtype()),
            shape: weights.shape,
        })
    }

    /// The mask and `keep`, as 0 and 1 beside `values`.
    pub(crate) fn mask(
        &self,
        values: &Tensor<1>,
        keep: Option<Shaped<Bool>>,
    ) -> Result<Option<Shaped>, ShapeError> {
        let number = |mask: Shaped<Bool>| Shaped {
            flat: mask.flat.float().cast(values.dtype()),
            shape: mask.shape,
        };
        let mask = self.mask.as_ref().map(|mask| number(mask.beside(values)));
        match (mask, keep.map(number)) {
            (Some(mask), Some(keep)) => mask.times(keep).map(Some),
            (mask, keep) => Ok(mask.or(keep)),
        }
    }
}
