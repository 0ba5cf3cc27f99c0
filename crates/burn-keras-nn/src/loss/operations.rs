//! Functions with the gradients that TensorFlow gives them.

use burn::tensor::Tensor;

use crate::Generation;

/// Keras's `epsilon()`.
pub(crate) const EPSILON: f64 = 1e-7;

/// The larger of `x` and `least`; where they are equal, the gradient is that of `x`.
pub(crate) fn at_least<const D: usize>(x: Tensor<D>, least: f64) -> Tensor<D> {
    let below = x.clone().lower_scalar(least);
    x.mask_fill(below, least)
}

/// `x` in `least ..= most`, with a gradient of 0 outside only.
pub(crate) fn clip<const D: usize>(x: Tensor<D>, least: f64, most: f64) -> Tensor<D> {
    let x = at_least(x, least);
    let above = x.clone().greater_scalar(most);
    x.mask_fill(above, most)
}

/// Probabilities that have a logarithm.
pub(crate) fn clip_probability<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    clip(x, EPSILON, 1.0 - EPSILON)
}

/// `x` divided by its length along `axis`.
///
/// A length has a lower bound, 1e-7 in Keras 3 (`ops.normalize`) and 1e-6 in tf_keras
/// (`tf.linalg.l2_normalize`), so that 0 stays 0.
pub(crate) fn normalize<const D: usize>(
    x: Tensor<D>,
    axis: usize,
    generation: Generation,
) -> Tensor<D> {
    let least = match generation {
        Generation::Keras3 => 1e-14,
        Generation::TfKeras => 1e-12,
    };
    let squares = (x.clone() * x.clone()).sum_dim(axis);
    x * at_least(squares, least).sqrt().recip()
}

/// The largest value along `axis`; values that are equally large share its gradient.
pub(crate) fn largest<const D: usize>(x: Tensor<D>, axis: usize) -> Tensor<D> {
    let top = x.clone().detach().max_dim(axis);
    let share = x.clone().equal(top.clone().expand(x.dims())).float();
    let share = share.clone() / share.sum_dim(axis);
    top.clone() + ((x - top) * share.detach()).sum_dim(axis)
}

/// `x / y`, and 0 where `y` is 0.
pub(crate) fn divide_or_zero<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Tensor<D> {
    let zero = y.clone().equal_scalar(0.0);
    (x / y.mask_fill(zero.clone(), 1.0)).mask_fill(zero, 0.0)
}
