//! Normalization.

use super::config::Config;
use super::{KerasLayer, Mismatch, WeightSpec, single};
use crate::shape::{Kind, Spec};

/// `BatchNormalization` on one axis.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNormalization {
    /// The Keras axis of the features.
    pub axis: i64,
    /// Added to the variance.
    pub epsilon: f64,
    /// Share of the old statistics in an update (Keras's sense: 0.99).
    pub momentum: f64,
    /// Whether there is a `beta`.
    pub center: bool,
    /// Whether there is a `gamma`.
    pub scale: bool,
}

impl BatchNormalization {
    /// The position of the feature axis.
    pub fn position(&self, input: &Spec) -> Option<usize> {
        input.shape.axis(self.axis)
    }
}

impl KerasLayer for BatchNormalization {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        // tf.keras writes a list, `[3]`; several axes at once exist only in its first version.
        let axes = config.integers("axis").unwrap_or_else(|| vec![-1]);
        if axes.len() != 1 {
            config.unsupported("axis", "one axis");
        }
        if config.bool("renorm", false) {
            config.unsupported("renorm", "false");
        }
        if config.value("virtual_batch_size").is_some() {
            config.unsupported("virtual_batch_size", "null");
        }
        // Clipping and momentum of renorm, which is off.
        config.value("renorm_clipping");
        config.value("renorm_momentum");
        Self {
            axis: axes.first().copied().unwrap_or(-1),
            epsilon: config.number("epsilon", 1e-3),
            momentum: config.number("momentum", 0.99),
            center: config.bool("center", true),
            scale: config.bool("scale", true),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single(inputs)?;
        match self.position(input) {
            Some(position) if position > 0 => Ok(vec![input.with_kind(Kind::Float)]),
            _ => Err(Mismatch::new(
                format!("an input that has axis {}", self.axis),
                inputs,
            )),
        }
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let input = single(inputs)?;
        let features = vec![self.position(input).and_then(|axis| input.shape.dim(axis))];
        let mut weights = Vec::with_capacity(4);
        if self.scale {
            weights.push(WeightSpec::trained("gamma", features.clone()));
        }
        if self.center {
            weights.push(WeightSpec::trained("beta", features.clone()));
        }
        weights.push(WeightSpec::untrained("moving_mean", features.clone()));
        weights.push(WeightSpec::untrained("moving_variance", features));
        Ok(weights)
    }
}
