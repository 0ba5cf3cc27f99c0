//! Normalization of each sample over groups of channels.

use super::no_axes;
use crate::layer::config::Config;
use crate::layer::{KerasLayer, Mismatch, WeightSpec, single};
use crate::shape::{Kind, Spec};

/// `GroupNormalization`: mean 0 and variance 1 over all axes within each group of channels.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupNormalization {
    /// The number of groups; `None` (Keras's −1) is one per channel.
    pub groups: Option<usize>,
    /// The Keras axis of the channels.
    pub axis: i64,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether there is a `beta`.
    pub center: bool,
    /// Whether there is a `gamma`.
    pub scale: bool,
    /// Whether a mask weights mean and variance: in tf.keras alone.
    pub weighted: bool,
}

impl GroupNormalization {
    /// The position of the channel axis.
    pub fn position(&self, input: &Spec) -> Option<usize> {
        input.shape.axis(self.axis).filter(|position| *position > 0)
    }

    fn channels(&self, inputs: &[Spec]) -> Result<Option<usize>, Mismatch> {
        // A mask may follow the input.
        let input = inputs
            .first()
            .ok_or_else(|| no_axes(&[self.axis], inputs))?;
        let position = self.position(input);
        let position = position.ok_or_else(|| no_axes(&[self.axis], inputs))?;
        let channels = input.shape.dim(position);
        match (channels, self.groups) {
            (Some(channels), Some(groups)) if !channels.is_multiple_of(groups) => Err(
                Mismatch::new(format!("channels in {groups} groups of one size"), inputs),
            ),
            _ => Ok(channels),
        }
    }
}

impl KerasLayer for GroupNormalization {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        let groups = match config.integer("groups", 32) {
            -1 => None,
            _ => Some(config.size_or("groups", 32)),
        };
        Self {
            groups,
            axis: config.integer("axis", -1),
            epsilon: config.number("epsilon", 1e-3),
            center: config.bool("center", true),
            scale: config.bool("scale", true),
            weighted: !config.generation().is_keras3(),
        }
    }

    fn looks_at_masks(&self) -> bool {
        self.weighted
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        self.channels(inputs)?;
        Ok(vec![single(inputs)?.with_kind(Kind::Float)])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let shape = vec![self.channels(inputs)?];
        let mut weights = Vec::with_capacity(2);
        if self.scale {
            weights.push(WeightSpec::trained("gamma", shape.clone()));
        }
        if self.center {
            weights.push(WeightSpec::trained("beta", shape));
        }
        Ok(weights)
    }
}
