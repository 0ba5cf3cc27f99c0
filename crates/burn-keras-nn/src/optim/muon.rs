//! Muon.

use alloc::{string::String, vec, vec::Vec};
use burn::{config::Config, tensor::Tensor};

use super::{
    adam::{moments, scale},
    rule::{Field, Rule, Slots, Step},
};

/// Keras's `Muon`: for matrices
///
/// ```text
/// m = momentum m + g
/// u = g + momentum m                  with nesterov, else u = m
/// p -= lr rms_rate sqrt(max(rows, columns)) orthogonal(u)
/// ```
///
/// where Newton's and Schulz's iteration makes `u` nearly orthogonal. All other parameters are
/// Adam's, with the learning rate times `adam_lr_ratio`.
///
/// With a [`KerasOptimizer`](super::KerasOptimizer) the choice is Keras's, by the rank in Keras and
/// by path, and weight decay is `adam_weight_decay` or the option of the optimizer. As one of
/// Burn's optimizers, all parameters with two axes are taken as matrices, and there is no weight
/// decay.
#[derive(Config, Debug, PartialEq)]
pub struct MuonConfig {
    /// Decay of Adam's first moment.
    #[config(default = 0.9)]
    pub adam_beta_1: f64,
    /// Decay of Adam's second moment.
    #[config(default = 0.999)]
    pub adam_beta_2: f64,
    /// Weight decay of the parameters that are Adam's, which `None` leaves out.
    #[config(default = "Some(0.004)")]
    pub adam_weight_decay: Option<f64>,
    /// Added to the root of Adam's second moment.
    #[config(default = 1e-7)]
    pub epsilon: f64,
    /// Regular expressions: the parameters where one is found in Keras's path are Adam's.
    #[config(default = "Vec::new()")]
    pub exclude_layers: Vec<String>,
    /// Whether the parameters with `embedding` in Keras's path, in capitals or not, are Adam's.
    #[config(default = true)]
    pub exclude_embeddings: bool,
    /// The factor of `x` in the iteration.
    #[config(default = 3.4445)]
    pub muon_a: f64,
    /// The factor of `x x^T x`.
    #[config(default = "-4.7750")]
    pub muon_b: f64,
    /// The factor of `x x^T x x^T x`.
    #[config(default = 2.0315)]
    pub muon_c: f64,
    /// Adam's learning rate over Muon's.
    #[config(default = 1.0)]
    pub adam_lr_ratio: f64,
    /// The share of the past in `m`.
    #[config(default = 0.95)]
    pub momentum: f64,
    /// How often to iterate.
    #[config(default = 5)]
    pub ns_steps: usize,
    /// Whether to look one step ahead.
    #[config(default = true)]
    pub nesterov: bool,
    /// The root mean square of a change over the learning rate; `None` leaves the size as it is.
    #[config(default = "Some(0.2)")]
    pub rms_rate: Option<f64>,
}

impl MuonConfig {
    fn orthogonal(&self, x: Tensor<2>) -> Tensor<2> {
        let [rows, columns] = x.dims();
        let x = if rows > columns { x.transpose() } else { x };
        let norm = x.clone().square().sum().sqrt().add_scalar(1e-7);
        let mut x = x / norm.reshape([1, 1]);
        for _ in 0..self.ns_steps {
            let a = x.clone().matmul(x.clone().transpose());
            let b = a.clone().mul_scalar(self.muon_b) + a.clone().mul_scalar(self.muon_c).matmul(a);
            x = x.clone().mul_scalar(self.muon_a) + b.matmul(x);
        }
        if rows > columns { x.transpose() } else { x }
    }
}

impl Rule for MuonConfig {
    const FIELDS: &'static [Field] = &[
        Field::new("momentum", "momentum.velocity"),
        Field::optional("velocity", "momentum.moment_2"),
    ];
    const TIME: Option<&'static str> = Some("momentum.time");

    fn slots(&self, step: &Step<'_>) -> Vec<&'static str> {
        if step.by_adam {
            vec!["momentum", "velocity"]
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
        if step.by_adam {
            let step = Step {
                rate: step.rate * self.adam_lr_ratio as f32,
                ..*step
            };
            let (m, v) = moments(gradient, self.adam_beta_1, self.adam_beta_2, slots);
            let scale = scale(&step, self.adam_beta_1, self.adam_beta_2);
            return parameter - m.mul_scalar(scale) / v.sqrt().add_scalar(self.epsilon);
        }
        let m = slots.take_or("momentum", 0.0, &gradient);
        let m = m.clone() + (gradient.clone() + m.mul_scalar(self.momentum - 1.0));
        slots.keep("momentum", m.clone());
        let ahead = if self.nesterov {
            gradient + m.mul_scalar(self.momentum)
        } else {
            m
        };
        let [_, rows, columns] = step.layout.matrices();
        let matrix = step.layout.to_keras(ahead).reshape([rows, columns]);
        let change = self.orthogonal(matrix).mul_scalar(step.rate);
        let change = match self.rms_rate {
            Some(rate) => change
                .mul_scalar(libm::sqrtf(rows.max(columns) as f32))
                .mul_scalar(rate),
            None => change,
        };
        let keras = [1, 1, 1, 1, rows, columns];
        parameter.clone() - step.layout.to_burn(change.reshape(keras), parameter.dims())
    }
}
