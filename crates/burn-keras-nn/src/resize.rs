//! Upsampling and resizing with TensorFlow's interpolations, channels-first.

mod taps;

use alloc::vec::Vec;
use burn::tensor::{Int, Tensor, TensorData, kind::Basic};

use taps::taps;

/// How values between pixels are found: the names of `tf.image.ResizeMethod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Between the two nearest pixels along each axis; a pixel is a square around its centre.
    Bilinear,
    /// The same on a grid whose first point is the first pixel: Keras 2, on TensorFlow 1.
    BilinearGrid,
    /// Cubic with `a = -0.5`; beyond the border there is nothing.
    Bicubic,
    /// Lanczos over 3 pixels on either side.
    Lanczos3,
    /// Lanczos over 5 pixels on either side.
    Lanczos5,
    /// The mean of the area that a new pixel covers.
    Area,
    /// Gaussian over 1.5 pixels on either side.
    Gaussian,
    /// Cubic of Mitchell and Netravali.
    MitchellCubic,
}

/// Every element of axis `i` `factors[i]` times in a row: Keras's `UpSampling1D` and
/// `UpSampling3D`, and `UpSampling2D` with `interpolation="nearest"`.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::resize::repeat;
///
/// fn forward(x: Tensor<3>) -> Tensor<3> {
///     repeat(x, [1, 1, 2])
/// }
/// ```
pub fn repeat<const D: usize, K: Basic>(x: Tensor<D, K>, factors: [usize; D]) -> Tensor<D, K> {
    factors
        .into_iter()
        .enumerate()
        .fold(x, |x, (axis, factor)| {
            if factor == 1 {
                return x;
            }
            let mut dims = x.dims();
            let before = dims[..axis].iter().product::<usize>();
            let after = dims[axis + 1..].iter().product::<usize>();
            let x = x.reshape([before, dims[axis], 1, after]);
            dims[axis] *= factor;
            x.repeat_dim(2, factor).reshape(dims)
        })
}

/// `[batch, channels, height, width]` with both sizes `factors` times as large: Keras's
/// `UpSampling2D`.
pub fn upsample2d(x: Tensor<4>, factors: [usize; 2], interpolation: Interpolation) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let size = [height * factors[0], width * factors[1]];
    resize2d(x, size, interpolation, false)
}

/// `[batch, channels, height, width]` to the size `[height, width]`, as `tf.image.resize` does it.
///
/// With `antialias`, an interpolation between pixels takes more of them when the image becomes
/// smaller.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::{Interpolation, resize::resize2d};
///
/// fn forward(x: Tensor<4>) -> Tensor<4> {
///     resize2d(x, [224, 224], Interpolation::Bilinear, false)
/// }
/// ```
pub fn resize2d(
    x: Tensor<4>,
    size: [usize; 2],
    interpolation: Interpolation,
    antialias: bool,
) -> Tensor<4> {
    size.into_iter().enumerate().fold(x, |x, (i, size)| {
        along(x, 2 + i, size, interpolation, antialias)
    })
}

/// One axis of `x` resized: a sum of as many shifted and weighted copies as the interpolation
/// looks at pixels.
fn along(
    x: Tensor<4>,
    axis: usize,
    size: usize,
    interpolation: Interpolation,
    antialias: bool,
) -> Tensor<4> {
    let device = x.device();
    let options = (&device, x.dtype());
    let mut shape = [1; 4];
    shape[axis] = size;
    let taps = taps(x.dims()[axis], size, interpolation, antialias);
    let copies: Vec<Tensor<4>> = taps
        .into_iter()
        .map(|tap| {
            let pixels = TensorData::new(tap.pixels, [size]);
            let pixels = Tensor::<1, Int>::from_data(pixels, &device);
            let copy = x.clone().select(axis, pixels);
            if tap.weights.iter().all(|weight| *weight == 1.0) {
                return copy;
            }
            copy * Tensor::<4>::from_data(TensorData::new(tap.weights, shape), options)
        })
        .collect();
    copies.into_iter().reduce(Tensor::add).unwrap_or(x)
}

#[cfg(test)]
mod tests;
