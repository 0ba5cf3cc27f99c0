//! What can be wrong with shapes.

use alloc::{string::String, vec::Vec};

/// Why a loss, a metric or a regularizer cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// The target does not belong to the output.
    #[error("a target of shape {target:?} does not fit an output of shape {output:?}")]
    Target {
        /// The output's shape.
        output: Vec<usize>,
        /// The target's shape.
        target: Vec<usize>,
    },
    /// The weights, or the mask, do not belong to the values.
    #[error("weights of shape {weights:?} do not broadcast to values of shape {values:?}")]
    Weights {
        /// The shape of the values, or of the mask.
        values: Vec<usize>,
        /// The shape of the weights.
        weights: Vec<usize>,
    },
    /// The tensor has not the rank that is needed.
    #[error("a tensor of rank {expected} is needed, not one of shape {shape:?}")]
    Rank {
        /// The rank that is needed.
        expected: usize,
        /// The tensor's shape.
        shape: Vec<usize>,
    },
    /// The tensor has no such axis.
    #[error("there is no axis {axis} in shape {shape:?}")]
    Axis {
        /// The axis.
        axis: isize,
        /// The tensor's shape.
        shape: Vec<usize>,
    },
    /// There are not as many targets as outputs with a loss.
    #[error("{found} targets for {expected} outputs")]
    Targets {
        /// How many are needed.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A module has no such parameter.
    #[error("there is no parameter {path}")]
    Parameter {
        /// The path in Burn.
        path: String,
    },
    /// As many numbers are needed as there are classes.
    #[error("{found} numbers do not fit {classes} classes")]
    Classes {
        /// Classes of the output.
        classes: usize,
        /// How many there are.
        found: usize,
    },
}
