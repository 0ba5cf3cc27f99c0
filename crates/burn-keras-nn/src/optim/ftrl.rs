//! Follow the regularized leader.

use alloc::{vec, vec::Vec};
use burn::{config::Config, tensor::Tensor};

use super::rule::{Field, Rule, Slots, Step};

/// Keras's `Ftrl`, the same in all versions: with `s(x) = x^(-learning_rate_power)`, and the
/// strengths `l1`, `l2` and `shrinkage`
///
/// ```text
/// n = a + g^2
/// z += g + 2 shrinkage p - (s(n) - s(a)) / lr * p
/// p = (clip(z, -l1, l1) - z) / (s(n) / lr + 2 (l2 + beta / (2 lr)))
/// a = n
/// ```
///
/// A parameter's first value plays no role: without a gradient it becomes 0.
#[derive(Config, Debug, PartialEq)]
pub struct FtrlConfig {
    /// How the rate falls with the sum of squares; not above 0.
    #[config(default = "-0.5")]
    pub learning_rate_power: f64,
    /// Where the sum of squares starts.
    #[config(default = 0.1)]
    pub initial_accumulator_value: f64,
    /// `l1`.
    #[config(default = 0.0)]
    pub l1_regularization_strength: f64,
    /// `l2`.
    #[config(default = 0.0)]
    pub l2_regularization_strength: f64,
    /// `shrinkage`.
    #[config(default = 0.0)]
    pub l2_shrinkage_regularization_strength: f64,
    /// Added to `l2`, over twice the learning rate.
    #[config(default = 0.0)]
    pub beta: f64,
}

impl Rule for FtrlConfig {
    const FIELDS: &'static [Field] = &[
        Field::new("accumulator", "accumulator"),
        Field::new("linear", "linear"),
    ];

    fn slots(&self, _step: &Step<'_>) -> Vec<&'static str> {
        vec!["accumulator", "linear"]
    }

    fn update<const D: usize>(
        &self,
        step: &Step<'_>,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        slots: &mut Slots,
    ) -> Tensor<D> {
        let scaled = |x: &Tensor<D>| x.clone().powf_scalar(-self.learning_rate_power);
        let l2 = self.l2_regularization_strength as f32 + self.beta as f32 / (2.0 * step.rate);

        let old = slots.take_or("accumulator", self.initial_accumulator_value, &gradient);
        let new = old.clone() + gradient.clone().square();
        let linear = slots.take_or("linear", 0.0, &gradient);
        let shrinkage = 2.0 * self.l2_shrinkage_regularization_strength;
        let gradient = gradient + parameter.clone().mul_scalar(shrinkage);
        let sigma = (scaled(&new) - scaled(&old)).div_scalar(step.rate);
        let linear = linear + (gradient - sigma * parameter);
        let quadratic = scaled(&new).div_scalar(step.rate).add_scalar(2.0 * l2);
        let l1 = self.l1_regularization_strength;
        let clipped = linear.clone().clamp(-l1, l1);
        slots.keep("accumulator", new);
        slots.keep("linear", linear.clone());
        (clipped - linear) / quadratic
    }
}
