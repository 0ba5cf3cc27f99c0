//! Normalization to length 1.

use super::super::config::Config;
use crate::layer::{KerasLayer, Mismatch, single};
use crate::shape::{Kind, Spec};
use crate::version::Generation;

/// The least square of a length that is divided by: shorter vectors are divided by its root.
///
/// tf.keras (`tf.linalg.l2_normalize`) bounds the square by 1e-12, Keras 3 (`ops.normalize`) the
/// length by an epsilon.
pub(crate) fn least_square(generation: Generation, epsilon: f64) -> f64 {
    if generation.is_keras3() {
        epsilon * epsilon
    } else {
        1e-12
    }
}

/// `UnitNormalization`: length 1 over some axes.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitNormalization {
    /// Keras axes.
    pub axes: Vec<i64>,
    /// The least square of a length that is divided by.
    pub least_square: f64,
}

impl UnitNormalization {
    /// The axes' positions, ascending.
    pub fn positions(&self, input: &Spec) -> Option<Vec<usize>> {
        input.shape.axes(&self.axes)
    }
}

impl KerasLayer for UnitNormalization {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            axes: config.integers("axis").unwrap_or_else(|| vec![-1]),
            // Keras 3.15, `UnitNormalization.call`.
            least_square: least_square(config.generation(), 1e-12),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single(inputs)?;
        match self.positions(input) {
            Some(_) => Ok(vec![input.with_kind(Kind::Float)]),
            None => Err(Mismatch::new(
                format!("an input with different axes {:?}", self.axes),
                inputs,
            )),
        }
    }
}
