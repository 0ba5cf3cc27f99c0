//! The saved state of an optimizer, keyed by weight.

use serde_json::Value;

use super::WeightRef;
use crate::container::StoredTensor;

/// An optimizer with its state.
#[derive(Clone, Debug)]
pub struct Optimizer {
    /// Keras's class (`Adam`), without a package in front.
    pub class: String,
    /// Keras's config, as it is in the file.
    pub config: Value,
    /// How many steps were made.
    pub iterations: i64,
    /// The learning rate at the time of saving, if the state holds it (Keras 3) or the config
    /// has a number; `None` for schedules.
    pub learning_rate: Option<f64>,
    /// One tensor per trained weight and kind of slot, in Keras's order of variables.
    pub slots: Vec<Slot>,
}

/// One tensor of an optimizer's state.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The weight that it belongs to.
    pub weight: WeightRef,
    /// Keras 3's name of the slot.
    pub name: SlotName,
    /// The values, in the shape and layout of the weight.
    pub tensor: StoredTensor,
}

/// The kinds of slots, by Keras 3's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SlotName {
    /// SGD's velocity, Adam's first moment.
    Momentum,
    /// Adam's second moment.
    Velocity,
    /// Adam's largest second moment (`amsgrad`).
    VelocityHat,
}

impl SlotName {
    /// Keras 3's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Momentum => "momentum",
            Self::Velocity => "velocity",
            Self::VelocityHat => "velocity_hat",
        }
    }
}
