//! The saved state of an optimizer, keyed by weight.

use serde_json::Value;

use super::WeightRef;
use crate::container::StoredTensor;
use crate::training::optimizer::OptimizerConfig;

/// An optimizer with its state.
#[derive(Clone, Debug)]
pub struct Optimizer {
    /// Its class and options.
    pub options: OptimizerConfig,
    /// Keras's config, as it is in the file.
    pub config: Value,
    /// How many steps were made; `None` where the file does not say: RMSprop, Adagrad and Adadelta
    /// of Keras 1, and of Keras 2 before 2.3.
    pub iterations: Option<u64>,
    /// The learning rate at the time of saving, if the state holds it (Keras 3) or the config
    /// has a number; `None` for schedules.
    pub learning_rate: Option<f64>,
    /// The dynamic loss scale, where the file holds it.
    pub loss_scale: Option<LossScaleState>,
    /// Nadam's product of momenta, one for all weights.
    pub u_product: Option<f64>,
    /// One tensor per trained weight and kind of slot, in Keras's order of variables.
    pub slots: Vec<Slot>,
    /// The tensors of the numbers above, of those that the file holds.
    pub numbers: Vec<(Number, StoredTensor)>,
    /// Tensors that the file holds a second time, each by the path of the first.
    pub copies: Vec<(String, StoredTensor)>,
}

/// A number of an optimizer's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Number {
    /// [`Optimizer::iterations`].
    Iterations,
    /// [`Optimizer::learning_rate`].
    LearningRate,
    /// [`LossScaleState::scale`].
    LossScale,
    /// [`LossScaleState::steps`].
    LossScaleSteps,
    /// [`Optimizer::u_product`].
    UProduct,
}

/// The state of `LossScaleOptimizer`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossScaleState {
    /// The factor of the loss.
    pub scale: f64,
    /// Steps made since it changed.
    pub steps: u64,
}

/// One tensor of an optimizer's state.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The weight that it belongs to.
    pub weight: WeightRef,
    /// Keras 3's name of the slot.
    pub name: SlotName,
    /// The values, in the shape and layout of the weight; [`SlotName::R`] and [`SlotName::C`] lack an
    /// axis.
    pub tensor: StoredTensor,
}

/// The kinds of slots, by Keras 3's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SlotName {
    /// The moving average of the weight (`use_ema`).
    Average,
    /// The sum of gradients until they are applied (`gradient_accumulation_steps`).
    GradientAccumulator,
    /// SGD's velocity, Adam's first moment, RMSprop's last change.
    Momentum,
    /// The second moment of Adam and its like, and of RMSprop; of Adafactor.
    Velocity,
    /// Adam's largest second moment (`amsgrad`).
    VelocityHat,
    /// Adamax's largest gradient.
    Norm,
    /// RMSprop's first moment (`centered`).
    AverageGradient,
    /// The sum of squares of Adagrad and Ftrl.
    Accumulator,
    /// Adadelta's average of squared gradients.
    AccumulatedGrad,
    /// Adadelta's average of squared changes.
    AccumulatedDeltaVar,
    /// Ftrl's sum.
    Linear,
    /// Adafactor's averages over the last axis.
    R,
    /// Adafactor's averages over the last axis but one.
    C,
}

impl SlotName {
    /// Keras 3's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::GradientAccumulator => "gradient_accumulator",
            Self::Momentum => "momentum",
            Self::Velocity => "velocity",
            Self::VelocityHat => "velocity_hat",
            Self::Norm => "norm",
            Self::AverageGradient => "average_gradient",
            Self::Accumulator => "accumulator",
            Self::AccumulatedGrad => "accumulated_grad",
            Self::AccumulatedDeltaVar => "accumulated_delta_var",
            Self::Linear => "linear",
            Self::R => "r",
            Self::C => "c",
        }
    }

    /// The shape that the slot has for a weight of the shape `shape`.
    pub fn shape(self, shape: &[usize]) -> Vec<usize> {
        let without = match self {
            Self::R => 1,
            Self::C => 2,
            _ => 0,
        };
        let mut shape = shape.to_vec();
        if without > 0 && without <= shape.len() {
            shape.remove(shape.len() - without);
        }
        shape
    }
}
