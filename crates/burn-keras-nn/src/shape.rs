//! Shapes: steps folded into the batch and back, repetition.

use burn::tensor::Tensor;
use burn::tensor::kind::Basic;

/// `[batch, steps, …]` to `[batch * steps, …]`: what Keras's `TimeDistributed` hands to its layer.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::shape;
///
/// # fn forward(x: Tensor<3>) {
/// let rows: Tensor<2> = shape::fold_steps(x);
/// # }
/// ```
pub fn fold_steps<const D: usize, const D2: usize, K: Basic>(x: Tensor<D, K>) -> Tensor<D2, K> {
    x.flatten(0, 1)
}

/// The first axis of `x` in two, as large as the first two of `like`: the way back from
/// [`fold_steps`].
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::shape;
///
/// # fn forward(y: Tensor<2>, x: Tensor<3>) {
/// let steps: Tensor<3> = shape::unfold_steps(y, x);
/// # }
/// ```
pub fn unfold_steps<const D: usize, const D2: usize, const L: usize, K: Basic, K2: Basic>(
    x: Tensor<D, K>,
    like: Tensor<L, K2>,
) -> Tensor<D2, K> {
    let mut shape = [0; D2];
    let from = like.dims();
    shape[..2].copy_from_slice(&from[..2]);
    shape[2..].copy_from_slice(&x.dims()[1..]);
    x.reshape(shape)
}

/// `[batch, features]` to `[batch, count, features]`: Keras's `RepeatVector`.
pub fn repeat_vector<K: Basic>(x: Tensor<2, K>, count: usize) -> Tensor<3, K> {
    x.unsqueeze_dim::<3>(1).repeat_dim(1, count)
}
