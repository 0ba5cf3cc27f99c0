//! Normalization to length 1.

use burn::tensor::Tensor;

/// `x` scaled to length 1 over `axes`: Keras's `UnitNormalization`, and `Dot` with `normalize`.
///
/// A vector whose square is below `least_square` is divided by the root of `least_square`:
/// `tf.linalg.l2_normalize` has 1e-12 for it, Keras 3's `ops.normalize` the square of its epsilon.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::normalization::l2_normalize;
///
/// fn forward(x: Tensor<3>) -> Tensor<3> {
///     l2_normalize(x, [1, 2], 1e-24)
/// }
/// ```
pub fn l2_normalize<const D: usize, const N: usize>(
    x: Tensor<D>,
    axes: [usize; N],
    least_square: f64,
) -> Tensor<D> {
    let square = x.clone().square().sum_dims(&axes);
    x.div(square.clamp_min(least_square).sqrt())
}
