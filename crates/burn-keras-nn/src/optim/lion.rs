//! Lion.

use alloc::{vec, vec::Vec};
use burn::{config::Config, tensor::Tensor};

use super::rule::{Field, Rule, Slots, Step};

/// Keras's `Lion`:
///
/// ```text
/// p -= lr sign(beta_1 m + (1 - beta_1) g)
/// m = beta_2 m + (1 - beta_2) g
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct LionConfig {
    /// The share of the past in the change.
    #[config(default = 0.9)]
    pub beta_1: f64,
    /// The share of the past in the average.
    #[config(default = 0.99)]
    pub beta_2: f64,
}

impl Rule for LionConfig {
    const FIELDS: &'static [Field] = &[Field::new("momentum", "momentum")];

    fn slots(&self, _step: &Step<'_>) -> Vec<&'static str> {
        vec!["momentum"]
    }

    fn update<const D: usize>(
        &self,
        step: &Step<'_>,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        slots: &mut Slots,
    ) -> Tensor<D> {
        let m = slots.take_or("momentum", 0.0, &gradient);
        let mixed = |share: f64| {
            let share = share as f32; // subtracted as float32
            m.clone().mul_scalar(share) + gradient.clone().mul_scalar(1.0 - share)
        };
        let change = mixed(self.beta_1).sign().mul_scalar(step.rate);
        slots.keep("momentum", mixed(self.beta_2));
        parameter - change
    }
}
