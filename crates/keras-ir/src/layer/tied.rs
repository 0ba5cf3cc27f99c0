//! Tied layers as files have them: `TiedDense` takes the table of its embedding as an input.
//!
//! ```text
//! hidden ──► TableRows ──► Embedding ──┐
//!    └─────────────────────────────────┴─► TiedDense
//! ```
//!
//! So the table is a weight of the embedding alone, in every kind of file, and what Keras loads has one
//! variable of it. In a graph that was read, the four are one
//! [`TiedDense`](crate::layer::wrapper::TiedDense).

use super::config::Config;
use super::{KerasLayer, MaskRule, Mismatch, WeightSpec};
use crate::activation::Activation;
use crate::shape::{Kind, Shape, Spec};

/// The numbers of all rows of a table, whatever the input.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRows {
    /// How many there are.
    pub rows: usize,
}

impl KerasLayer for TableRows {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            rows: config.size("rows"),
        }
    }

    fn outputs(&self, _inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        Ok(vec![Spec {
            shape: Shape(vec![Some(self.rows)]),
            kind: Kind::Int,
        }])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}

/// `activation(x · tableᵀ + bias)` of `[x, table]`.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseOnTable {
    /// Whether there is a bias.
    pub use_bias: bool,
    /// Applied to the result.
    pub activation: Activation,
}

impl DenseOnTable {
    /// The rows of the table.
    fn units(inputs: &[Spec]) -> Result<usize, Mismatch> {
        if let [x, table] = inputs
            && let [Some(units), Some(size)] = table.shape.0.as_slice()
            && x.shape.rank() >= 2
            && x.shape.last() == Some(*size)
        {
            return Ok(*units);
        }
        Err(Mismatch::new(
            "a tensor and a table of its features",
            inputs,
        ))
    }
}

impl KerasLayer for DenseOnTable {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            use_bias: config.bool("use_bias", true),
            activation: config.activation("activation"),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let units = Self::units(inputs)?;
        let mut dims = inputs[0].shape.0.clone();
        if let Some(last) = dims.last_mut() {
            *last = Some(units);
        }
        Ok(vec![Spec::float(dims)])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let units = Self::units(inputs)?;
        let bias = WeightSpec::trained("bias", vec![Some(units)]);
        Ok(self.use_bias.then_some(bias).into_iter().collect())
    }
}
