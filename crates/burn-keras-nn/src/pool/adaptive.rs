//! Pooling to a given size.

use alloc::vec::Vec;
use burn::tensor::Tensor;

/// Keras's `AdaptiveAveragePooling1D/2D/3D`: the last `N` axes become as long as `size` says. Bin
/// `i` of `o` is the mean of the steps from `floor(i n / o)` to `ceil((i + 1) n / o)` of `n`.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::pool::adaptive_average_pool;
///
/// fn forward(x: Tensor<4>) -> Tensor<4> {
///     adaptive_average_pool(x, [7, 7])
/// }
/// ```
pub fn adaptive_average_pool<const D: usize, const N: usize>(
    x: Tensor<D>,
    size: [usize; N],
) -> Tensor<D> {
    bins(x, size, Tensor::mean_dim)
}

/// Keras's `AdaptiveMaxPooling1D/2D/3D`: see [`adaptive_average_pool`] for the bins.
pub fn adaptive_max_pool<const D: usize, const N: usize>(
    x: Tensor<D>,
    size: [usize; N],
) -> Tensor<D> {
    bins(x, size, Tensor::max_dim)
}

/// Axis by axis, since a bin is a box.
fn bins<const D: usize, const N: usize>(
    x: Tensor<D>,
    size: [usize; N],
    reduce: fn(Tensor<D>, usize) -> Tensor<D>,
) -> Tensor<D> {
    size.into_iter().enumerate().fold(x, |x, (i, count)| {
        let axis = D - N + i;
        let steps = x.dims()[axis];
        let bins: Vec<Tensor<D>> = (0..count)
            .map(|bin| {
                let range = bin * steps / count..((bin + 1) * steps).div_ceil(count);
                reduce(x.clone().slice_dim(axis, range), axis)
            })
            .collect();
        Tensor::cat(bins, axis)
    })
}
