//! Adagrad.

use alloc::{vec, vec::Vec};
use burn::{config::Config, tensor::Tensor};

use super::rule::{Epsilon, Field, Rule, Slots, Step};

/// Keras's `Adagrad`:
///
/// ```text
/// a += g^2
/// p -= lr g / sqrt(a + epsilon)
/// ```
///
/// `tf.keras.optimizers.legacy`, Keras 1 and 2 add epsilon after the root; in Keras 1 and 2 `a`
/// starts at 0.
#[derive(Config, Debug, PartialEq)]
pub struct AdagradConfig {
    /// Where `a` starts.
    #[config(default = 0.1)]
    pub initial_accumulator_value: f64,
    /// Added to the sum of squares, or to its root.
    #[config(default = 1e-7)]
    pub epsilon: f64,
    /// Whether epsilon is under the root.
    #[config(default = "Epsilon::Inside")]
    pub epsilon_place: Epsilon,
}

impl Rule for AdagradConfig {
    const FIELDS: &'static [Field] = &[Field::new("accumulator", "lr_decay.sum")];
    const TIME: Option<&'static str> = Some("lr_decay.time");

    fn slots(&self, _step: &Step<'_>) -> Vec<&'static str> {
        vec!["accumulator"]
    }

    fn update<const D: usize>(
        &self,
        step: &Step<'_>,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        slots: &mut Slots,
    ) -> Tensor<D> {
        let a = slots.take_or("accumulator", self.initial_accumulator_value, &gradient);
        let a = a + gradient.clone().square();
        slots.keep("accumulator", a.clone());
        let root = self.epsilon_place.root(a, self.epsilon);
        parameter - gradient.mul_scalar(step.rate) / root
    }
}
