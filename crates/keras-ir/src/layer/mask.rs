//! What layers do with masks, and the two layers that carry one over a cut.

use super::config::Config;
use super::{KerasLayer, Mismatch, single};
use crate::shape::{Kind, Shape, Spec};

/// What a layer does with the masks of its inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaskRule {
    /// The first input's mask goes on to the first output.
    Pass,
    /// No mask goes on (the layer may still use the one it gets).
    Stop,
    /// A new mask: where the ids are not zero.
    NotZero,
    /// A new mask: where any feature differs from `mask_value`.
    NotValue(f64),
    /// Merge layers: the masks of the inputs are combined.
    Combine,
    /// `Concatenate`: the masks are joined along this Keras axis.
    Join(i64),
    /// The second input is the mask.
    Second,
}

/// The mask of a tensor as a tensor: an output of a model that was cut there. No class of Keras's own:
/// it has this one from `docs/burn_keras_layers.py`.
#[derive(Clone, Debug, PartialEq)]
pub struct GetMask {
    /// How many axes the mask has: the first ones of its tensor.
    pub rank: usize,
}

impl KerasLayer for GetMask {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            rank: config.size("rank"),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let dims = single(inputs)?.shape.0.get(..self.rank);
        let dims = dims.ok_or_else(|| {
            Mismatch::new(format!("an input of {} axes or more", self.rank), inputs)
        })?;
        Ok(vec![Spec {
            shape: Shape(dims.to_vec()),
            kind: Kind::Bool,
        }])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }

    fn looks_at_masks(&self) -> bool {
        true
    }
}

/// A tensor with a mask that came as a tensor: an input of a model that was cut there. No class of
/// Keras's own, as [`GetMask`].
#[derive(Clone, Debug, PartialEq)]
pub struct SetMask;

impl KerasLayer for SetMask {
    fn read(_class: &str, _config: &mut Config<'_>) -> Self {
        Self
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        match inputs {
            [tensor, mask] if mask.kind == Kind::Bool => Ok(vec![tensor.clone()]),
            _ => Err(Mismatch::new("a tensor and its mask", inputs)),
        }
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Second
    }
}
