//! Pooling with TensorFlow's padding, channels-first.

mod adaptive;

pub use adaptive::{adaptive_average_pool, adaptive_max_pool};

use burn::tensor::{
    Bool, Tensor, module,
    ops::{AvgPoolOptions, MaxPoolOptions},
};

use crate::padding::{Padding, same_pairs, theano_padding};

fn pairs<const D: usize, const N: usize>(
    x: &Tensor<D>,
    kernel: [usize; N],
    stride: [usize; N],
    padding: Padding,
) -> [(usize, usize); N] {
    match padding {
        Padding::Valid => [(0, 0); N],
        Padding::Same => same_pairs(x.dims(), kernel, stride, [1; N]),
        Padding::TheanoSame => {
            let sizes = x.dims();
            core::array::from_fn(|i| theano_padding(sizes[D - N + i], kernel[i], stride[i]))
        }
    }
}

fn max_options<const D: usize, const N: usize>(
    x: &Tensor<D>,
    kernel: [usize; N],
    stride: [usize; N],
    padding: Padding,
) -> MaxPoolOptions<N> {
    let mut options = MaxPoolOptions::new(kernel);
    options.padding = pairs(x, kernel, stride, padding);
    options.stride = stride;
    options
}

fn average_options<const D: usize, const N: usize>(
    x: &Tensor<D>,
    kernel: [usize; N],
    stride: [usize; N],
    padding: Padding,
) -> AvgPoolOptions<N> {
    let mut options = AvgPoolOptions::new(kernel);
    options.padding = pairs(x, kernel, stride, padding);
    options.stride = stride;
    options.count_include_pad = false;
    options
}

/// `MaxPooling1D` of `[batch, channels, steps]`; [`Padding::Same`] pads with minus infinity.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::{Padding, pool::max_pool1d};
///
/// fn forward(x: Tensor<3>) -> Tensor<3> {
///     max_pool1d(x, [3], [2], Padding::Same)
/// }
/// ```
pub fn max_pool1d(
    x: Tensor<3>,
    kernel: [usize; 1],
    stride: [usize; 1],
    padding: Padding,
) -> Tensor<3> {
    let options = max_options(&x, kernel, stride, padding);
    module::max_pool1d(x, options)
}

/// `MaxPooling2D` of `[batch, channels, height, width]`; [`Padding::Same`] pads with minus
/// infinity.
pub fn max_pool2d(
    x: Tensor<4>,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> Tensor<4> {
    let options = max_options(&x, kernel, stride, padding);
    module::max_pool2d(x, options)
}

/// `AveragePooling1D` of `[batch, channels, steps]`; padded positions do not count in the divisor.
pub fn average_pool1d(
    x: Tensor<3>,
    kernel: [usize; 1],
    stride: [usize; 1],
    padding: Padding,
) -> Tensor<3> {
    let options = average_options(&x, kernel, stride, padding);
    module::avg_pool1d(x, options)
}

/// `AveragePooling2D` of `[batch, channels, height, width]`; padded positions do not count in the
/// divisor.
pub fn average_pool2d(
    x: Tensor<4>,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> Tensor<4> {
    let options = average_options(&x, kernel, stride, padding);
    module::avg_pool2d(x, options)
}

/// The last two axes of `[batch, channels, depth, height, width]` pooled as images, then the depth.
///
/// A window's maximum is that of its planes' maxima; and since the part of a window that is inside
/// is a box, its mean is that of its planes' means.
fn planes_then_depth(
    x: Tensor<5>,
    kernel: [usize; 3],
    stride: [usize; 3],
    pool: impl Fn(Tensor<4>, [usize; 2], [usize; 2]) -> Tensor<4>,
) -> Tensor<5> {
    let [batch, channels, depth, height, width] = x.dims();
    let x = x.reshape([batch, channels * depth, height, width]);
    let x = pool(x, [kernel[1], kernel[2]], [stride[1], stride[2]]);
    let [_, _, height, width] = x.dims();
    let x = x.reshape([batch, channels, depth, height * width]);
    let x = pool(x, [kernel[0], 1], [stride[0], 1]);
    let depth = x.dims()[2];
    x.reshape([batch, channels, depth, height, width])
}

/// `MaxPooling3D` of `[batch, channels, depth, height, width]`; [`Padding::Same`] pads with minus
/// infinity.
pub fn max_pool3d(
    x: Tensor<5>,
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: Padding,
) -> Tensor<5> {
    planes_then_depth(x, kernel, stride, |x, kernel, stride| {
        max_pool2d(x, kernel, stride, padding)
    })
}

/// `AveragePooling3D` of `[batch, channels, depth, height, width]`; padded positions do not count
/// in the divisor.
pub fn average_pool3d(
    x: Tensor<5>,
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: Padding,
) -> Tensor<5> {
    planes_then_depth(x, kernel, stride, |x, kernel, stride| {
        average_pool2d(x, kernel, stride, padding)
    })
}

/// `x`, whose `axes` have size 1, with those axes (`D2 == D`) or without them (`D2 == D - N`).
fn keep_or_drop<const D: usize, const D2: usize, const N: usize>(
    x: Tensor<D>,
    axes: [usize; N],
) -> Tensor<D2> {
    let dims = x.dims();
    let mut kept = dims
        .iter()
        .enumerate()
        .filter(|(axis, _)| D2 == D || !axes.contains(axis))
        .map(|(_, size)| *size);
    let shape: [usize; D2] = core::array::from_fn(|_| kept.next().unwrap_or(1));
    x.reshape(shape)
}

/// The mean over `axes`, which stay with size 1 if `D2 == D` (`keepdims`), and go if
/// `D2 == D - N`.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::pool::global_average_pool;
///
/// fn forward(x: Tensor<4>) -> Tensor<2> {
///     global_average_pool(x, [2, 3])
/// }
/// ```
pub fn global_average_pool<const D: usize, const D2: usize, const N: usize>(
    x: Tensor<D>,
    axes: [usize; N],
) -> Tensor<D2> {
    keep_or_drop(x.mean_dims(&axes), axes)
}

/// The maximum over `axes`; see [`global_average_pool`] for the shape. Keras ignores masks here.
pub fn global_max_pool<const D: usize, const D2: usize, const N: usize>(
    x: Tensor<D>,
    axes: [usize; N],
) -> Tensor<D2> {
    keep_or_drop(x.max_dims(&axes), axes)
}

/// `GlobalAveragePooling1D` with a mask `[batch, steps]`: the mean of the kept steps.
///
/// `steps_axis` is 1 for `[batch, steps, features]`, 2 for `[batch, features, steps]`. A sample
/// without any kept step gives NaN, as in Keras.
pub fn global_average_pool_masked<const D2: usize>(
    x: Tensor<3>,
    mask: Tensor<2, Bool>,
    steps_axis: usize,
) -> Tensor<D2> {
    let [batch, steps] = mask.dims();
    let mut shape = [batch, 1, 1];
    shape[steps_axis] = steps;
    let mask = mask.reshape(shape);
    let count = mask.clone().float().cast(x.dtype()).sum_dim(steps_axis);
    let masked = mask.bool_not().expand(x.dims());
    let sum = x.mask_fill(masked, 0.0).sum_dim(steps_axis);
    keep_or_drop(sum / count, [steps_axis])
}

#[cfg(test)]
mod tests;
