//! Layer-wise adaptive moments.

use alloc::{vec, vec::Vec};
use burn::{config::Config, tensor::Tensor};

use super::{
    adam::moments,
    rule::{Field, Rule, Slots, Step, power},
};

/// Keras's `Lamb`, with `m` and `v` of [`AdamConfig`](super::AdamConfig):
///
/// ```text
/// u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)
/// p -= lr u |p| / |u|                 lr u where one of the norms is 0
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct LambConfig {
    /// Decay of the first moment.
    #[config(default = 0.9)]
    pub beta_1: f64,
    /// Decay of the second moment.
    #[config(default = 0.999)]
    pub beta_2: f64,
    /// Added to the root of the second moment.
    #[config(default = 1e-7)]
    pub epsilon: f64,
}

impl Rule for LambConfig {
    const FIELDS: &'static [Field] = &[
        Field::new("momentum", "moment_1"),
        Field::new("velocity", "moment_2"),
    ];
    const TIME: Option<&'static str> = Some("time");

    fn slots(&self, _step: &Step<'_>) -> Vec<&'static str> {
        vec!["momentum", "velocity"]
    }

    fn update<const D: usize>(
        &self,
        step: &Step<'_>,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        slots: &mut Slots,
    ) -> Tensor<D> {
        let (m, v) = moments(gradient, self.beta_1, self.beta_2, slots);
        let corrected = |x: Tensor<D>, beta| x.div_scalar(1.0 - power(beta, step.time as f64));
        let root = corrected(v, self.beta_2).sqrt().add_scalar(self.epsilon);
        let update = corrected(m, self.beta_1) / root;

        let norm = |x: &Tensor<D>| x.clone().square().sum().sqrt();
        let (of_parameter, of_update) = (norm(&parameter), norm(&update));
        let zero = of_parameter
            .clone()
            .equal_elem(0.0)
            .bool_or(of_update.clone().equal_elem(0.0));
        let ratio = (of_parameter / of_update).mask_fill(zero, 1.0);
        parameter - ratio.reshape([1; D]).mul_scalar(step.rate) * update
    }
}
