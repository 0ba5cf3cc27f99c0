//! Zero padding, and TensorFlow's `SAME`.

use burn::tensor::{Tensor, kind::Basic, ops::PadMode};

/// Keras's `padding` of convolutions and pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// No padding: windows stay inside.
    Valid,
    /// As many windows as `size / stride`, rounded up: see [`same_padding`].
    Same,
    /// As many, with the borders that pooling of Keras 1 had on Theano: see [`theano_padding`].
    TheanoSame,
}

/// What TensorFlow's `SAME` puts before and after an axis of `size`.
///
/// The total is `(ceil(size / stride) - 1) * stride + dilation * (kernel - 1) + 1 - size`, or 0 if
/// that is negative; an odd one has the extra element at the end.
///
/// ```
/// use burn_keras_nn::padding::same_padding;
///
/// assert_eq!(same_padding(6, 3, 2, 1), (0, 1));
/// assert_eq!(same_padding(5, 3, 2, 1), (1, 1));
/// assert_eq!(same_padding(8, 3, 1, 2), (2, 2));
/// ```
pub fn same_padding(size: usize, kernel: usize, stride: usize, dilation: usize) -> (usize, usize) {
    let windows = size.div_ceil(stride.max(1));
    let window = dilation * kernel.saturating_sub(1) + 1;
    let total = (windows.saturating_sub(1) * stride + window).saturating_sub(size);
    (total / 2, total - total / 2)
}

/// What `same` of pooling puts before and after an axis of `size` on Theano (Keras 1.2.2,
/// `pool2d` of the Theano backend): in front all of a window but one, one less of an odd window
/// above 2; behind what `size / stride` windows, rounded up, need.
///
/// ```
/// use burn_keras_nn::padding::theano_padding;
///
/// assert_eq!(theano_padding(6, 2, 2), (1, 0));
/// assert_eq!(theano_padding(6, 3, 1), (1, 1));
/// assert_eq!(theano_padding(6, 5, 1), (3, 1));
/// ```
pub fn theano_padding(size: usize, kernel: usize, stride: usize) -> (usize, usize) {
    let before = match kernel {
        kernel if kernel > 2 && !kernel.is_multiple_of(2) => kernel - 2,
        kernel => kernel.saturating_sub(1),
    };
    let windows = size.div_ceil(stride.max(1));
    let covered = windows.saturating_sub(1) * stride + kernel;
    (before, covered.saturating_sub(size + before))
}

/// [`same_padding`] of the spatial axes: axis 2 and those that follow.
pub(crate) fn same_pairs<const D: usize, const N: usize>(
    dims: [usize; D],
    kernel: [usize; N],
    stride: [usize; N],
    dilation: [usize; N],
) -> [(usize, usize); N] {
    core::array::from_fn(|i| same_padding(dims[D - N + i], kernel[i], stride[i], dilation[i]))
}

/// Zeros around `[batch, channels, steps]`, so that a convolution without padding does what
/// `SAME` does; the sizes are those of `x` at run time.
///
/// Burn's own `Same` leaves the dilation out.
pub fn pad_same1d(
    x: Tensor<3>,
    kernel: [usize; 1],
    stride: [usize; 1],
    dilation: [usize; 1],
) -> Tensor<3> {
    let [steps] = same_pairs(x.dims(), kernel, stride, dilation);
    pad(x, [(0, 0), (0, 0), steps])
}

/// Zeros around `[batch, channels, height, width]`: see [`pad_same1d`].
pub fn pad_same2d(
    x: Tensor<4>,
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
) -> Tensor<4> {
    let [height, width] = same_pairs(x.dims(), kernel, stride, dilation);
    pad(x, [(0, 0), (0, 0), height, width])
}

/// Zeros around `[batch, channels, depth, height, width]`: see [`pad_same1d`].
pub fn pad_same3d(
    x: Tensor<5>,
    kernel: [usize; 3],
    stride: [usize; 3],
    dilation: [usize; 3],
) -> Tensor<5> {
    let [depth, height, width] = same_pairs(x.dims(), kernel, stride, dilation);
    pad(x, [(0, 0), (0, 0), depth, height, width])
}

/// Zeros before and after each axis.
pub fn pad<const D: usize>(x: Tensor<D>, padding: [(usize, usize); D]) -> Tensor<D> {
    if padding.iter().all(|pair| *pair == (0, 0)) {
        return x;
    }
    x.pad(padding, PadMode::Constant(0.0))
}

/// `x` without so many elements before and after, along each axis; the opposite of [`pad`].
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::padding::crop;
///
/// fn forward(x: Tensor<4>) -> Tensor<4> {
///     crop(x, [(0, 0), (0, 0), (1, 0), (2, 2)])
/// }
/// ```
///
/// # Panics
///
/// If nothing is left along an axis.
pub fn crop<const D: usize, K: Basic>(
    x: Tensor<D, K>,
    cropping: [(usize, usize); D],
) -> Tensor<D, K> {
    let dims = x.dims();
    x.slice(core::array::from_fn::<_, D, _>(|axis| {
        let (before, after) = cropping[axis];
        before..dims[axis] - after
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{devices, values};

    // tf.nn.conv1d(np.arange(1, n + 1)[None, :, None], np.ones((k, 1, 1)), s, "SAME", dilations=d)
    #[test]
    fn sums_of_windows_are_tensorflows() {
        for device in devices() {
            let sums = |n: usize, k: usize, s: usize, d: usize| {
                let x = Tensor::<1, burn::tensor::Int>::arange(1..n as i64 + 1, &device)
                    .float()
                    .reshape([1, 1, n]);
                let weight = Tensor::<3>::ones([1, 1, k], &device);
                let options = burn::tensor::ops::ConvOptions::new([s], [0], [d], 1);
                let x = pad_same1d(x, [k], [s], [d]);
                values(burn::tensor::module::conv1d(x, weight, None, options))
            };
            assert_eq!(sums(6, 3, 2, 1), [6.0, 12.0, 11.0]);
            assert_eq!(sums(5, 3, 2, 1), [3.0, 9.0, 9.0]);
            assert_eq!(sums(5, 2, 1, 2), [2.0, 4.0, 6.0, 8.0, 4.0]);
            assert_eq!(sums(7, 4, 3, 1), [6.0, 18.0, 13.0]);
            assert_eq!(sums(5, 1, 3, 1), [1.0, 4.0]);
        }
    }

    #[test]
    fn pads_every_axis() {
        let x = Tensor::<2>::ones([1, 2], &devices()[0]);
        let y = pad(x, [(1, 0), (0, 2)]);
        assert_eq!(y.dims(), [2, 4]);
        assert_eq!(values(y), [0., 0., 0., 0., 1., 1., 0., 0.]);
    }

    #[test]
    fn crops_every_axis() {
        let x = Tensor::<1, burn::tensor::Int>::arange(0..12, &devices()[0]);
        let y = crop(x.reshape([3, 4]).float(), [(1, 0), (0, 2)]);
        assert_eq!(y.dims(), [2, 2]);
        assert_eq!(values(y), [4., 5., 8., 9.]);
    }
}
