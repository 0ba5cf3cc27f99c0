//! Correlations along an axis. Keras 3 only.

use burn::tensor::Tensor;

use crate::loss::operations::EPSILON;
use crate::loss::pair::Pair;
use crate::loss::{ShapeError, Values};

pub(super) fn pearson<const D: usize>(pair: Pair<D>, axis: isize) -> Result<Values, ShapeError> {
    let axis = pair.axis(axis)?;
    let standard = |x: Tensor<D>| {
        let x = x.clone() - x.mean_dim(axis);
        let variance = (x.clone() * x.clone()).mean_dim(axis);
        x / variance.sqrt()
    };
    let values = (standard(pair.target) * standard(pair.output)).mean_dim(axis);
    Ok(Values::reduced(values, pair.pad, &[axis]))
}

/// With Keras's covariance, which takes the target's distance from the output's mean; the mean
/// over the axis is the same.
pub(super) fn concordance<const D: usize>(
    pair: Pair<D>,
    axis: isize,
) -> Result<Values, ShapeError> {
    let axis = pair.axis(axis)?;
    let (target, output) = (pair.target, pair.output);
    let variance = |x: &Tensor<D>, mean: &Tensor<D>| {
        let x = x.clone() - mean.clone();
        (x.clone() * x).mean_dim(axis)
    };
    let target_mean = target.clone().mean_dim(axis);
    let output_mean = output.clone().mean_dim(axis);
    let gap = target_mean.clone() - output_mean.clone();
    let norm =
        variance(&target, &target_mean) + variance(&output, &output_mean) + gap.clone() * gap;
    let product = (target - output_mean.clone()) * (output - output_mean);
    let values = (product.mul_scalar(2.0) / norm.add_scalar(EPSILON)).mean_dim(axis);
    Ok(Values::reduced(values, pair.pad, &[axis]))
}
