//! Normalization with Keras's options.
//!
//! | Keras | here |
//! |---|---|
//! | `BatchNormalization` | [`batch_norm`] makes Burn's own; [`BatchNormalization`], [`BatchRenormalization`] |
//! | `BatchNormalization` of Keras 1 in mode 1 or 2, or before 1.0.8 | [`EarlyBatchNormalization`] |
//! | `LayerNormalization` | Burn's `LayerNorm` on the last axis with a `gamma`; else [`LayerNormalization`] |
//! | `RMSNormalization` | [`RmsNormalization`] |
//! | `GroupNormalization` | [`GroupNormalization`] |
//! | `UnitNormalization` | [`l2_normalize`] |
//! | `Normalization` | [`Normalization`]; [`normalize`] with constants |
//! | `Rescaling` | [`rescale`], unless one number is enough |
//!
//! Weights of several axes are kept as one row, in the order of Keras's array.

mod adapted;
mod batch;
mod group;
mod keras1;
mod layer;
mod renorm;
mod rescale;
mod unit;

#[cfg(test)]
mod tests;

pub use adapted::*;
pub use batch::*;
pub use group::*;
pub use keras1::*;
pub use layer::*;
pub use renorm::*;
pub use rescale::*;
pub use unit::*;

use burn::{
    module::{Initializer, Param},
    tensor::{Device, Tensor},
};

/// A `gamma` of ones, if there is one.
fn scale(present: bool, size: usize, device: &Device) -> Option<Param<Tensor<1>>> {
    present.then(|| Initializer::Ones.init([size], device))
}

/// A `beta` of zeros, if there is one.
fn shift(present: bool, size: usize, device: &Device) -> Option<Param<Tensor<1>>> {
    present.then(|| Initializer::Zeros.init([size], device))
}

/// `x * gamma + beta`, of which either may be missing; both are reshaped to `shape`.
fn affine<const D: usize>(
    x: Tensor<D>,
    gamma: Option<&Param<Tensor<1>>>,
    beta: Option<&Param<Tensor<1>>>,
    shape: [usize; D],
) -> Tensor<D> {
    let x = match gamma {
        Some(gamma) => x.mul(gamma.val().reshape(shape)),
        None => x,
    };
    match beta {
        Some(beta) => x.add(beta.val().reshape(shape)),
        None => x,
    }
}

/// The sizes of `x` along `axes`, 1 along the others.
fn kept_sizes<const D: usize>(x: &Tensor<D>, axes: &[usize]) -> [usize; D] {
    let dims = x.dims();
    core::array::from_fn(|axis| if axes.contains(&axis) { dims[axis] } else { 1 })
}
