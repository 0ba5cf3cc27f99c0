//! An output and its target in the same shape.

use alloc::vec::Vec;
use burn::tensor::Tensor;

use super::{ShapeError, Target, Values};
use crate::Generation;

/// An output and its target with the same rank. Where Keras drops an axis, both have one of size
/// 1 in front instead.
pub(crate) struct Pair<const D: usize> {
    pub target: Tensor<D>,
    pub output: Tensor<D>,
    /// Axes of size 1 in front that Keras has not.
    pub pad: usize,
}

impl<const D: usize> Pair<D> {
    /// Shapes that broadcast to each other are accepted, as in Keras.
    pub fn new(
        output: Tensor<D>,
        target: &Target,
        generation: Generation,
    ) -> Result<Self, ShapeError> {
        let fail = || ShapeError::Target {
            output: output.dims().to_vec(),
            target: target.shape().to_vec(),
        };
        let mut target_shape = target.shape().to_vec();
        let mut output_shape = output.dims().to_vec();
        // `fit` of tf_keras does so whatever the second axis
        if generation == Generation::TfKeras && target_shape.len() == 1 && D == 2 {
            target_shape.push(1);
        }
        match_ranks(&mut target_shape, &mut output_shape);
        let rank = target_shape.len();
        let fits = |(a, b): (&usize, &usize)| a == b || *a == 1 || *b == 1;
        if rank != output_shape.len()
            || rank > D
            || !target_shape.iter().zip(&output_shape).all(fits)
        {
            return Err(fail());
        }
        let pad = D - rank;
        let padded = |shape: &[usize]| -> [usize; D] {
            core::array::from_fn(|axis| axis.checked_sub(pad).map_or(1, |axis| shape[axis]))
        };
        Ok(Self {
            target: target
                .float(&output)
                .flat
                .reshape::<D, _>(padded(&target_shape)),
            output: output.reshape::<D, _>(padded(&output_shape)),
            pad,
        })
    }

    /// For functions that do not broadcast.
    pub fn same(
        output: Tensor<D>,
        target: &Target,
        generation: Generation,
    ) -> Result<Self, ShapeError> {
        let pair = Self::new(output, target, generation)?;
        if pair.target.dims() != pair.output.dims() {
            return Err(ShapeError::Target {
                output: pair.output.dims()[pair.pad..].to_vec(),
                target: pair.target.dims()[pair.pad..].to_vec(),
            });
        }
        Ok(pair)
    }

    /// The axis of the tensors that Keras calls `axis`.
    pub fn axis(&self, axis: isize) -> Result<usize, ShapeError> {
        let shape = &self.output.dims()[self.pad..];
        Ok(resolve(axis, shape)? + self.pad)
    }

    /// `function(target, output)` at every place, and the mean over `axis` of it.
    pub fn mean(
        self,
        axis: isize,
        function: impl FnOnce(Tensor<D>, Tensor<D>) -> Tensor<D>,
    ) -> Result<Values, ShapeError> {
        let axis = self.axis(axis)?;
        let values = function(self.target, self.output).mean_dim(axis);
        Ok(Values::reduced(values, self.pad, &[axis]))
    }

    /// `function(target, output)` at every place, and the sum over `axis` of it.
    pub fn sum(
        self,
        axis: isize,
        function: impl FnOnce(Tensor<D>, Tensor<D>, usize) -> Tensor<D>,
    ) -> Result<Values, ShapeError> {
        let axis = self.axis(axis)?;
        let values = function(self.target, self.output, axis).sum_dim(axis);
        Ok(Values::reduced(values, self.pad, &[axis]))
    }
}

/// The axis that `axis` is, counted from the end where it is negative.
pub(crate) fn resolve(axis: isize, shape: &[usize]) -> Result<usize, ShapeError> {
    let from_end = if axis < 0 { shape.len() } else { 0 };
    from_end
        .checked_add_signed(axis)
        .filter(|axis| *axis < shape.len())
        .ok_or_else(|| ShapeError::Axis {
            axis,
            shape: shape.to_vec(),
        })
}

/// Keras's `squeeze_or_expand_to_same_rank`: if one shape has an axis of size 1 more, at the end,
/// it is dropped, or added to the other shape if that has one axis only.
pub(crate) fn match_ranks(a: &mut Vec<usize>, b: &mut Vec<usize>) {
    fn fit(long: &mut Vec<usize>, short: &mut Vec<usize>) {
        if long.len() == short.len() + 1 && long.last() == Some(&1) {
            if short.len() == 1 {
                short.push(1);
            } else {
                long.pop();
            }
        }
    }
    fit(a, b);
    fit(b, a);
}
