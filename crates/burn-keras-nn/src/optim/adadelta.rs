//! Adadelta.

use alloc::{vec, vec::Vec};
use burn::{config::Config, tensor::Tensor};

use super::rule::{Field, Rule, Slots, Step, mixed};

/// Keras's `Adadelta`, the same in all versions:
///
/// ```text
/// a = rho a + (1 - rho) g^2
/// d = -g sqrt(D + epsilon) / sqrt(a + epsilon)
/// D = rho D + (1 - rho) d^2
/// p += lr d
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct AdadeltaConfig {
    /// The share of the past in the averages.
    #[config(default = 0.95)]
    pub rho: f64,
    /// Added to the averages.
    #[config(default = 1e-7)]
    pub epsilon: f64,
}

impl Rule for AdadeltaConfig {
    const FIELDS: &'static [Field] = &[
        Field::new("accumulated_grad", "accumulated_grad"),
        Field::new("accumulated_delta_var", "accumulated_delta_var"),
    ];

    fn slots(&self, _step: &Step<'_>) -> Vec<&'static str> {
        vec!["accumulated_grad", "accumulated_delta_var"]
    }

    fn update<const D: usize>(
        &self,
        step: &Step<'_>,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        slots: &mut Slots,
    ) -> Tensor<D> {
        let root = |x: &Tensor<D>| x.clone().add_scalar(self.epsilon).sqrt();
        let squares = slots.take_or("accumulated_grad", 0.0, &gradient);
        let changes = slots.take_or("accumulated_delta_var", 0.0, &gradient);
        let squares = mixed(squares, gradient.clone().square(), self.rho);
        let change = (root(&changes) * gradient / root(&squares)).neg();
        let changes = mixed(changes, change.clone().square(), self.rho);
        slots.keep("accumulated_grad", squares);
        slots.keep("accumulated_delta_var", changes);
        parameter + change.mul_scalar(step.rate)
    }
}
