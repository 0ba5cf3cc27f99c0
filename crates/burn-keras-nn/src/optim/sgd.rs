//! Stochastic gradient descent.

use alloc::{vec, vec::Vec};
use burn::{config::Config, tensor::Tensor};

use super::rule::{Field, Rule, Slots, Step};

/// Keras's `SGD`: `p -= lr g`, or with momentum
///
/// ```text
/// m = momentum m - lr g
/// p += m                          or, with nesterov,
/// p += momentum m - lr g
/// ```
///
/// The learning rate is inside of `m`; in Burn's velocity it is not.
#[derive(Config, Debug, PartialEq)]
pub struct SgdConfig {
    /// The share of the last change that goes on.
    #[config(default = 0.0)]
    pub momentum: f64,
    /// Whether to look one step ahead.
    #[config(default = false)]
    pub nesterov: bool,
}

impl Rule for SgdConfig {
    const FIELDS: &'static [Field] = &[Field::new("momentum", "momentum.velocity")];

    fn slots(&self, _step: &Step<'_>) -> Vec<&'static str> {
        if self.momentum == 0.0 {
            vec![]
        } else {
            vec!["momentum"]
        }
    }

    fn update<const D: usize>(
        &self,
        step: &Step<'_>,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        slots: &mut Slots,
    ) -> Tensor<D> {
        let change = gradient.mul_scalar(step.rate);
        if self.momentum == 0.0 {
            return parameter - change;
        }
        let m = slots.take_or("momentum", 0.0, &change);
        let m = m.mul_scalar(self.momentum) - change.clone();
        slots.keep("momentum", m.clone());
        if self.nesterov {
            parameter + (m.mul_scalar(self.momentum) - change)
        } else {
            parameter + m
        }
    }
}
