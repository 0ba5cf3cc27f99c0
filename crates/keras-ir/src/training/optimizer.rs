//! The optimizer of a training config, with all of its options.
//!
//! Every option has a value here: where a config lacks one, that is the default of the code that
//! wrote it. Options that change no number are left out, those that are not known are problems.
//!
//! ```text
//! class   which optimizer, and the code that it is of
//! rule    its update rule, with the options that are its own
//! scale   `LossScaleOptimizer` around it
//! read    the config, and the options that all have
//! ```

mod class;
mod read;
mod rule;
mod scale;

use super::schedule::LearningRate;

pub use class::{Class, Implementation};
pub use rule::{Epsilon, Rule};
pub use scale::LossScale;

/// How gradients are kept small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clipping {
    /// `clipnorm`: each gradient's norm is at most this.
    Norm(f64),
    /// `clipvalue`: no element is further from 0 than this.
    Value(f64),
    /// `global_clipnorm`, and `clipnorm` of Keras 1 and 2: the norm of all gradients together is at
    /// most this.
    GlobalNorm(f64),
}

/// An average of each weight over the steps: `use_ema`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ema {
    /// The share of the past.
    pub momentum: f64,
    /// After how many steps, again and again, the averages replace the weights.
    pub overwrite_frequency: Option<u64>,
    /// Whether averages start with the weights before the first step, as in tf.keras, and not with
    /// those after it, as in Keras 3.
    pub from_initial: bool,
}

/// An optimizer's options. Which weights have no weight decay is in no config but Muon's.
#[derive(Clone, Debug, PartialEq)]
pub struct OptimizerConfig {
    /// Its class; that of the inner one with `LossScaleOptimizer`.
    pub class: Class,
    /// Which code it is of.
    pub implementation: Implementation,
    /// The update rule.
    pub rule: Rule,
    /// The learning rate when the config was written.
    pub learning_rate: LearningRate,
    /// The rate after `s` steps is divided by `1 + decay s` if this is above 0: `decay` of
    /// `tf.keras.optimizers.legacy`, Keras 1 and 2.
    pub decay: f64,
    /// The share of each weight, times the learning rate, that is taken away before the step.
    pub weight_decay: Option<f64>,
    /// What happens to gradients, in this order.
    pub clipping: Vec<Clipping>,
    /// Averages of the weights.
    pub ema: Option<Ema>,
    /// Weights change in each of that many steps, with the mean of the gradients; at least 2.
    pub gradient_accumulation_steps: Option<u64>,
    /// How the loss is scaled.
    pub loss_scale: Option<LossScale>,
}

impl OptimizerConfig {
    /// Whether the rule divides each step by a count of steps, or the rate depends on it: whether a
    /// count that is not known could change a number.
    pub fn counts_steps(&self) -> bool {
        let counts = matches!(
            self.rule,
            Rule::Adafactor { .. }
                | Rule::Adam { .. }
                | Rule::Adamax { .. }
                | Rule::Lamb { .. }
                | Rule::Muon { .. }
                | Rule::Nadam { .. }
        );
        let scheduled = matches!(self.learning_rate, LearningRate::Schedule(_));
        counts || scheduled || self.decay > 0.0
    }
}

#[cfg(test)]
mod tests;
