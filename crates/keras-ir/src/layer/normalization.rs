//! Normalization.

mod adapted;
mod batch;
mod group;
mod layer;
mod unit;

pub use adapted::{Constant, Normalization};
pub use batch::{BatchNormalization, Renorm};
pub use group::GroupNormalization;
pub use layer::{LayerNormalization, RmsNormalization};
pub use unit::UnitNormalization;
pub(crate) use unit::least_square;

use super::Mismatch;
use crate::shape::Spec;

/// Inputs that lack the axes to normalise.
fn no_axes(axes: &[i64], inputs: &[Spec]) -> Mismatch {
    Mismatch::new(
        format!("an input with different axes {axes:?}, none of them the batch axis"),
        inputs,
    )
}
