//! RMSprop.

use alloc::{vec, vec::Vec};
use burn::{config::Config, tensor::Tensor};

use super::rule::{Epsilon, Field, Rule, Slots, Step, mixed};

/// Keras's `RMSprop`:
///
/// ```text
/// v = rho v + (1 - rho) g^2
/// a = rho a + (1 - rho) g             centered, else a = 0
/// change = lr g / sqrt(v - a^2 + epsilon)
/// m = momentum m + change             with momentum, else m = change
/// p -= m
/// ```
///
/// `tf.keras.optimizers.legacy` without momentum and Keras 1 and 2 add epsilon after the root.
#[derive(Config, Debug, PartialEq)]
pub struct RmsPropConfig {
    /// The share of the past in the averages.
    #[config(default = 0.9)]
    pub rho: f64,
    /// The share of the last change that goes on.
    #[config(default = 0.0)]
    pub momentum: f64,
    /// Added to the mean square, or to its root.
    #[config(default = 1e-7)]
    pub epsilon: f64,
    /// Whether epsilon is under the root.
    #[config(default = "Epsilon::Inside")]
    pub epsilon_place: Epsilon,
    /// Whether to divide by the variance and not by the mean square.
    #[config(default = false)]
    pub centered: bool,
}

impl Rule for RmsPropConfig {
    const FIELDS: &'static [Field] = &[
        Field::new("velocity", "square_avg.square_avg"),
        Field::optional("momentum", "momentum.buf"),
        Field::optional("average_gradient", "centered.grad_avg"),
    ];

    fn slots(&self, _step: &Step<'_>) -> Vec<&'static str> {
        let mut slots = vec!["velocity"];
        if self.momentum > 0.0 {
            slots.push("momentum");
        }
        if self.centered {
            slots.push("average_gradient");
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
        let v = slots.take_or("velocity", 0.0, &gradient);
        let v = mixed(v, gradient.clone().square(), self.rho);
        slots.keep("velocity", v.clone());
        let variance = if self.centered {
            let a = slots.take_or("average_gradient", 0.0, &gradient);
            let a = mixed(a, gradient.clone(), self.rho);
            slots.keep("average_gradient", a.clone());
            v - a.square()
        } else {
            v
        };
        let root = self.epsilon_place.root(variance, self.epsilon);
        let change = gradient.mul_scalar(step.rate) / root;
        if self.momentum > 0.0 {
            let m = slots.take_or("momentum", 0.0, &change);
            let m = m.mul_scalar(self.momentum) + change;
            slots.keep("momentum", m.clone());
            parameter - m
        } else {
            parameter - change
        }
    }
}
