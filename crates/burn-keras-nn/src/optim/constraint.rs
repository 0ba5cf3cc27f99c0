//! What parameters must be after a step.

use alloc::vec::Vec;
use burn::{config::Config, tensor::Tensor};

use super::layout::Layout;

/// Keras's `backend.epsilon()`.
const EPSILON: f64 = 1e-7;

/// The constraints of `keras.constraints`, with the names of their options. Axes are Keras's, and
/// negative ones count from the last.
#[derive(Config, Debug, PartialEq)]
pub enum Constraint {
    /// Norms are at most `max_value`.
    MaxNorm {
        /// The largest norm.
        max_value: f64,
        /// The axes that a norm is over.
        axis: Vec<isize>,
    },
    /// No value is below 0.
    NonNeg,
    /// Norms are 1.
    UnitNorm {
        /// The axes that a norm is over.
        axis: Vec<isize>,
    },
    /// Norms come nearer to those between `min_value` and `max_value`.
    MinMaxNorm {
        /// The smallest norm.
        min_value: f64,
        /// The largest norm.
        max_value: f64,
        /// How near: 1 for all the way.
        rate: f64,
        /// The axes that a norm is over.
        axis: Vec<isize>,
    },
}

impl Constraint {
    /// The axes that a norm is over.
    pub(super) fn axes(&self) -> &[isize] {
        match self {
            Self::NonNeg => &[],
            Self::MaxNorm { axis, .. }
            | Self::UnitNorm { axis }
            | Self::MinMaxNorm { axis, .. } => axis,
        }
    }

    /// The parameter as it must be.
    pub(super) fn apply<const D: usize>(&self, parameter: Tensor<D>, layout: &Layout) -> Tensor<D> {
        if *self == Self::NonNeg {
            return parameter.clamp_min(0.0);
        }
        let shape = parameter.dims();
        let keras = layout.to_keras(parameter);
        let norms = layout.sum(keras.clone().square(), self.axes()).sqrt();
        let divisor = norms.clone().add_scalar(EPSILON);
        let constrained = match self {
            Self::NonNeg | Self::UnitNorm { .. } => keras / divisor,
            Self::MaxNorm { max_value, .. } => keras * (norms.clamp(0.0, *max_value) / divisor),
            Self::MinMaxNorm {
                min_value,
                max_value,
                rate,
                ..
            } => {
                let near = norms
                    .clone()
                    .clamp(*min_value, *max_value)
                    .mul_scalar(*rate);
                let desired = near + norms.mul_scalar(1.0 - rate);
                keras * (desired / divisor)
            }
        };
        layout.to_burn(constrained, shape)
    }
}
