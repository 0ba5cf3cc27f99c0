//! Adam and AdamW.

use alloc::{vec, vec::Vec};
use burn::{config::Config, tensor::Tensor};

use super::rule::{Field, Rule, Slots, Step, moved, power};

/// Keras's `Adam`: with the gradient `g`, for the step `t = 1, 2, ...`
///
/// ```text
/// m += (g - m) (1 - beta_1)
/// v += (g^2 - v) (1 - beta_2)
/// p -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)
/// ```
///
/// Burn's own scales epsilon by the bias correction. `AdamW` is this with weight decay: an option
/// of [`KerasOptimizerConfig`](super::KerasOptimizerConfig), or [`AdamWConfig`].
#[derive(Config, Debug, PartialEq)]
pub struct AdamConfig {
    /// Decay of the first moment.
    #[config(default = 0.9)]
    pub beta_1: f64,
    /// Decay of the second moment.
    #[config(default = 0.999)]
    pub beta_2: f64,
    /// Added to the root of the second moment.
    #[config(default = 1e-7)]
    pub epsilon: f64,
    /// Whether to divide by the largest second moment so far.
    #[config(default = false)]
    pub amsgrad: bool,
}

impl Rule for AdamConfig {
    const FIELDS: &'static [Field] = &[
        Field::new("momentum", "momentum.moment_1"),
        Field::new("velocity", "momentum.moment_2"),
        Field::optional("velocity_hat", "momentum.max_moment_2"),
    ];
    const TIME: Option<&'static str> = Some("momentum.time");

    fn slots(&self, _step: &Step<'_>) -> Vec<&'static str> {
        let mut slots = vec!["momentum", "velocity"];
        if self.amsgrad {
            slots.push("velocity_hat");
        }
        slots
    }

    fn update<const D: usize>(
        &self,
        step: &Step<'_>,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        slots: &mut Slots,
    ) -> Tensor<D> {
        let (m, v) = moments(gradient, self.beta_1, self.beta_2, slots);
        let divisor = if self.amsgrad {
            let largest = slots.take_or("velocity_hat", 0.0, &v).max_pair(v);
            slots.keep("velocity_hat", largest.clone());
            largest
        } else {
            v
        };
        let scale = scale(step, self.beta_1, self.beta_2);
        parameter - m.mul_scalar(scale) / divisor.sqrt().add_scalar(self.epsilon)
    }
}

/// Keras's `AdamW` for one tensor: `p -= lr weight_decay p`, then the step of [`AdamConfig`].
///
/// With a [`KerasOptimizer`](super::KerasOptimizer) the weight decay is an option of its own, so
/// there `AdamW` is [`AdamConfig`].
#[derive(Config, Debug, PartialEq)]
pub struct AdamWConfig {
    /// The share of the parameter, times the learning rate, that each step takes away.
    #[config(default = 0.004)]
    pub weight_decay: f64,
    /// What follows.
    #[config(default = "AdamConfig::new()")]
    pub adam: AdamConfig,
}

impl Rule for AdamWConfig {
    const FIELDS: &'static [Field] = AdamConfig::FIELDS;
    const TIME: Option<&'static str> = AdamConfig::TIME;

    fn slots(&self, step: &Step<'_>) -> Vec<&'static str> {
        self.adam.slots(step)
    }

    fn update<const D: usize>(
        &self,
        step: &Step<'_>,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        slots: &mut Slots,
    ) -> Tensor<D> {
        let parameter = decayed(parameter, self.weight_decay, step.rate);
        self.adam.update(step, parameter, gradient, slots)
    }
}

/// `p - p weight_decay lr`.
pub(super) fn decayed<const D: usize>(
    parameter: Tensor<D>,
    weight_decay: f64,
    rate: f32,
) -> Tensor<D> {
    parameter.clone() - parameter.mul_scalar(weight_decay).mul_scalar(rate)
}

/// The moments `m` and `v` after this step, which are kept in `slots` too.
pub(super) fn moments<const D: usize>(
    gradient: Tensor<D>,
    beta_1: f64,
    beta_2: f64,
    slots: &mut Slots,
) -> (Tensor<D>, Tensor<D>) {
    let m = slots.take_or("momentum", 0.0, &gradient);
    let v = slots.take_or("velocity", 0.0, &gradient);
    let m = moved(m, gradient.clone(), 1.0 - beta_1);
    let v = moved(v, gradient.square(), 1.0 - beta_2);
    slots.keep("momentum", m.clone());
    slots.keep("velocity", v.clone());
    (m, v)
}

/// `lr sqrt(1 - beta_2^t) / (1 - beta_1^t)`, in float32 as Keras computes it: at the first steps
/// `1 - 0.999` has an error of 5e-5 there.
pub(super) fn scale(step: &Step<'_>, beta_1: f64, beta_2: f64) -> f32 {
    let time = step.time as f64;
    let root = libm::sqrtf(1.0 - power(beta_2, time));
    step.rate * root / (1.0 - power(beta_1, time))
}
