//! Resizing.

use burn::tensor::Tensor;
use burn_keras_nn::resize;
use keras_ir::layer::resizing::Interpolation;

use super::array;
use crate::value::Erased;
use crate::{Error, Value};

pub(super) fn upsample(
    x: Value,
    factors: &[usize],
    interpolation: Interpolation,
) -> Result<Value, Error> {
    let interpolation = named(interpolation);
    Ok(resize::upsample2d(Tensor::restore(x)?, array(factors)?, interpolation).erase())
}

pub(super) fn resize(
    x: Value,
    size: &[usize],
    interpolation: Interpolation,
    antialias: bool,
) -> Result<Value, Error> {
    let (size, interpolation) = (array(size)?, named(interpolation));
    Ok(resize::resize2d(Tensor::restore(x)?, size, interpolation, antialias).erase())
}

/// The interpolation as `burn-keras-nn` names it.
fn named(interpolation: Interpolation) -> burn_keras_nn::Interpolation {
    use burn_keras_nn::Interpolation as Named;
    match interpolation {
        Interpolation::Nearest => Named::Nearest,
        Interpolation::Bilinear => Named::Bilinear,
        Interpolation::BilinearGrid => Named::BilinearGrid,
        Interpolation::Bicubic => Named::Bicubic,
        Interpolation::Lanczos3 => Named::Lanczos3,
        Interpolation::Lanczos5 => Named::Lanczos5,
        Interpolation::Area => Named::Area,
        Interpolation::Gaussian => Named::Gaussian,
        Interpolation::MitchellCubic => Named::MitchellCubic,
    }
}
