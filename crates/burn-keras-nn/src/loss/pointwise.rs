//! Losses of numbers, place by place.

use burn::tensor::Tensor;

use super::operations::{EPSILON, at_least, largest, normalize};
use super::pair::Pair;
use super::{ShapeError, Values};
use crate::Generation;
use crate::activation::softplus;

pub(crate) fn squared<const D: usize>(target: Tensor<D>, output: Tensor<D>) -> Tensor<D> {
    let error = output - target;
    error.clone() * error
}

pub(super) fn absolute<const D: usize>(target: Tensor<D>, output: Tensor<D>) -> Tensor<D> {
    (output - target).abs()
}

pub(super) fn percentage<const D: usize>(target: Tensor<D>, output: Tensor<D>) -> Tensor<D> {
    let scale = at_least(target.clone().abs(), EPSILON);
    ((target - output) / scale).abs().mul_scalar(100.0)
}

pub(super) fn squared_logarithmic<const D: usize>(
    target: Tensor<D>,
    output: Tensor<D>,
) -> Tensor<D> {
    let log = |x| at_least(x, EPSILON).add_scalar(1.0).log();
    squared(log(target), log(output))
}

pub(super) fn huber<const D: usize>(target: Tensor<D>, output: Tensor<D>, delta: f64) -> Tensor<D> {
    let error = output - target;
    let size = error.clone().abs();
    let far = size.clone().greater_scalar(delta);
    let square = (error.clone() * error).mul_scalar(0.5);
    square.mask_where(far, size.mul_scalar(delta).sub_scalar(0.5 * delta * delta))
}

pub(super) fn log_cosh<const D: usize>(target: Tensor<D>, output: Tensor<D>) -> Tensor<D> {
    let error = output - target;
    error.clone() + softplus(error.mul_scalar(-2.0)).sub_scalar(core::f64::consts::LN_2)
}

pub(super) fn poisson<const D: usize>(target: Tensor<D>, output: Tensor<D>) -> Tensor<D> {
    output.clone() - target * output.add_scalar(EPSILON).log()
}

/// `max(1 - target * output, 0)`, with targets 0 and 1 as -1 and 1 if all are 0 or 1.
pub(super) fn hinge<const D: usize>(target: Tensor<D>, output: Tensor<D>) -> Tensor<D> {
    let zeros = target.clone().equal_scalar(0.0);
    let ones = target.clone().equal_scalar(1.0);
    let binary = zeros.bool_or(ones).all();
    let binary = binary.reshape([1; D]).expand(target.dims());
    let signs = target.clone().mul_scalar(2.0).sub_scalar(1.0);
    let target = target.mask_where(binary, signs);
    at_least((target * output).neg().add_scalar(1.0), 0.0)
}

pub(super) fn squared_hinge<const D: usize>(target: Tensor<D>, output: Tensor<D>) -> Tensor<D> {
    let hinge = hinge(target, output);
    hinge.clone() * hinge
}

pub(super) fn categorical_hinge<const D: usize>(pair: Pair<D>) -> Result<Values, ShapeError> {
    let axis = pair.axis(-1)?;
    let (target, output) = (pair.target, pair.output);
    let right = (target.clone() * output.clone()).sum_dim(axis);
    let wrong = largest(target.neg().add_scalar(1.0) * output, axis);
    let values = at_least((wrong - right).add_scalar(1.0), 0.0);
    Ok(Values::reduced(values, pair.pad, &[axis]))
}

/// The cosine of the angle between target and output.
pub(crate) fn cosine<const D: usize>(
    pair: Pair<D>,
    axis: isize,
    generation: Generation,
) -> Result<Values, ShapeError> {
    pair.sum(axis, |target, output, axis| {
        normalize(target, axis, generation) * normalize(output, axis, generation)
    })
}
