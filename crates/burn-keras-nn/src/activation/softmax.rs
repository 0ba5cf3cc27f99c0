//! Functions along axes.

use burn::tensor::{Bool, DType, Int, Tensor, activation};

/// Softmax over several axes together: the values along `axes` sum to 1.
///
/// One axis gives [`softmax`](super::softmax). Several are computed as Keras does it,
/// `exp(x - logsumexp(x))`: where all values are so low that the logarithm is lost in rounding (all
/// masked, in `tf.keras` 2), each comes out as 1.
pub fn softmax_axes<const D: usize, const N: usize>(x: Tensor<D>, axes: [usize; N]) -> Tensor<D> {
    if let [axis] = axes[..] {
        return activation::softmax(x, axis);
    }
    let largest = x.clone().detach().max_dims(&axes);
    let sum = (x.clone() - largest.clone()).exp().sum_dims(&axes);
    (x - (largest + sum.log())).exp()
}

/// Keras 3's `Softmax` layer with a mask (true = keep), which is broadcast along axes of size 1.
///
/// Masked logits become -1e9 (-3e4 in float16), and masked outputs are zeroed afterwards, so a row
/// without any kept value is all zeros. For `tf.keras` see [`lower_masked`].
pub fn softmax_masked<const D: usize, const N: usize>(
    x: Tensor<D>,
    mask: Tensor<D, Bool>,
    axes: [usize; N],
) -> Tensor<D> {
    let low = if x.dtype() == DType::F16 { -3e4 } else { -1e9 };
    let masked = mask.bool_not().expand(x.dims());
    let y = softmax_axes(x.mask_fill(masked.clone(), low), axes);
    y.mask_fill(masked, 0.0)
}

/// `x + (1 - mask) * -1e9` (-65504 in float16): what `tf.keras` 2's `Softmax` does with a mask before
/// it computes. The mask is one of numbers, 1 to keep and 0 to mask, broadcast along axes of size 1.
///
/// A row without any kept value comes out about uniform.
pub fn lower_masked<const D: usize>(x: Tensor<D>, mask: Tensor<D>) -> Tensor<D> {
    let low = if x.dtype() == DType::F16 {
        -65504.0
    } else {
        -1e9
    };
    let masked = mask.cast(x.dtype()).neg().add_scalar(1.0);
    x.add(masked.mul_scalar(low))
}

/// Keras 3's `sparsemax` along `axis`.
///
/// Keras's threshold is the sum of all cumulative sums in the support, not the last of them, so
/// its values are not the projection onto the simplex that the name stands for as soon as the
/// support has more than one member. A model was trained with them; they are reproduced.
pub fn sparsemax<const D: usize>(x: Tensor<D>, axis: usize) -> Tensor<D> {
    let device = x.device();
    let sorted = x.clone().sort_descending(axis);
    let sums = sorted.clone().cumsum(axis);
    let mut shape = [1; D];
    shape[axis] = x.dims()[axis];
    let rank = Tensor::<1, Int>::arange(1..shape[axis] as i64 + 1, &device)
        .float()
        .cast(x.dtype())
        .reshape(shape);
    let outside = (sorted - sums.clone().sub_scalar(1.0) / rank).lower_equal_scalar(0.0);
    let members = outside
        .clone()
        .bool_not()
        .float()
        .cast(x.dtype())
        .sum_dim(axis);
    let sum = sums.mask_fill(outside, 0.0).sum_dim(axis);
    let threshold = sum.sub_scalar(1.0) / members;
    activation::relu(x - threshold)
}
