//! Adamax.

use alloc::{vec, vec::Vec};
use burn::{config::Config, tensor::Tensor};

use super::rule::{Field, Rule, Slots, Step, moved, power};

/// Keras's `Adamax`, the same in all versions:
///
/// ```text
/// m += (g - m) (1 - beta_1)
/// u = max(beta_2 u, |g|)
/// p -= lr m / ((1 - beta_1^t) (u + epsilon))
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct AdamaxConfig {
    /// Decay of the first moment.
    #[config(default = 0.9)]
    pub beta_1: f64,
    /// Decay of the norm.
    #[config(default = 0.999)]
    pub beta_2: f64,
    /// Added to the norm.
    #[config(default = 1e-7)]
    pub epsilon: f64,
}

impl Rule for AdamaxConfig {
    const FIELDS: &'static [Field] = &[
        Field::new("momentum", "momentum.moment_1"),
        Field::new("norm", "norm"),
    ];
    const TIME: Option<&'static str> = Some("momentum.time");

    fn slots(&self, _step: &Step<'_>) -> Vec<&'static str> {
        vec!["momentum", "norm"]
    }

    fn update<const D: usize>(
        &self,
        step: &Step<'_>,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        slots: &mut Slots,
    ) -> Tensor<D> {
        let m = slots.take_or("momentum", 0.0, &gradient);
        let u = slots.take_or("norm", 0.0, &gradient);
        let m = moved(m, gradient.clone(), 1.0 - self.beta_1);
        let u = u.mul_scalar(self.beta_2).max_pair(gradient.abs());
        slots.keep("momentum", m.clone());
        slots.keep("norm", u.clone());
        let correction = 1.0 - power(self.beta_1, step.time as f64);
        let divisor = u.add_scalar(self.epsilon).mul_scalar(correction);
        parameter - m.mul_scalar(step.rate) / divisor
    }
}
