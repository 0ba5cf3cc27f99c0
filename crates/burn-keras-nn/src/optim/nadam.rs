//! Adam with Nesterov's momentum.

use alloc::{vec, vec::Vec};
use core::ops::ControlFlow;

use burn::{config::Config, tensor::Tensor};

use super::rule::{Field, Rule, Slots, Step, moved, power};

/// Keras's `Nadam`: with `u(t) = beta_1 (1 - 0.96^(schedule_decay t) / 2)` and its product `U(t)`
///
/// ```text
/// m += (g - m) (1 - beta_1)
/// v += (g^2 - v) (1 - beta_2)
/// m' = u(t + 1) m / (1 - U(t + 1)) + (1 - u(t)) g / (1 - U(t))
/// p -= lr m' / (sqrt(v / (1 - beta_2^t)) + epsilon)
/// ```
///
/// `U` is a number of the state. Where a record lacks it, as files of tf.keras do, it is the
/// product over the steps taken.
#[derive(Config, Debug, PartialEq)]
pub struct NadamConfig {
    /// Decay of the first moment.
    #[config(default = 0.9)]
    pub beta_1: f64,
    /// Decay of the second moment.
    #[config(default = 0.999)]
    pub beta_2: f64,
    /// Added to the root of the second moment.
    #[config(default = 1e-7)]
    pub epsilon: f64,
    /// How fast the momentum rises: 1 in Keras 3 and tf.keras since 2.11. In
    /// `tf.keras.optimizers.legacy`, Keras 1 and 2 it is an option, 0.004 by default.
    #[config(default = 1.0)]
    pub schedule_decay: f64,
}

const PRODUCT: &str = "u_product";

impl NadamConfig {
    /// `u(t)`
    fn momentum(&self, time: usize) -> f32 {
        let exponent = self.schedule_decay as f32 * time as f32;
        self.beta_1 as f32 * (1.0 - 0.5 * power(0.96, f64::from(exponent)))
    }

    /// `U(t)`, from the product after the steps that `slots` counts.
    fn product(&self, slots: &Slots, time: usize) -> f32 {
        let (done, product) = match slots.scalar(PRODUCT) {
            Some(product) => (slots.time, product as f32),
            None => (0, 1.0),
        };
        let mut factors = (done + 1..=time).map(|time| self.momentum(time));
        let next = |product: f32, factor| match product * factor {
            0.0 => ControlFlow::Break(0.0), // after some 900 steps, and for good
            product => ControlFlow::Continue(product),
        };
        match factors.try_fold(product, next) {
            ControlFlow::Break(product) | ControlFlow::Continue(product) => product,
        }
    }
}

impl Rule for NadamConfig {
    const FIELDS: &'static [Field] = &[
        Field::new("momentum", "momentum.moment_1"),
        Field::new("velocity", "momentum.moment_2"),
    ];
    const TIME: Option<&'static str> = Some("momentum.time");
    const SCALARS: &'static [&'static str] = &[PRODUCT];

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
        let next = self.momentum(step.time + 1);
        let product = self.product(slots, step.time);
        slots.keep_scalar(PRODUCT, f64::from(product));
        // betas are float32 here, where Keras's other optimizers subtract them as float64
        let beta_1 = 1.0 - self.beta_1 as f32;
        let beta_2 = 1.0 - self.beta_2 as f32;

        let m = slots.take_or("momentum", 0.0, &gradient);
        let v = slots.take_or("velocity", 0.0, &gradient);
        let m = moved(m, gradient.clone(), f64::from(beta_1));
        let v = moved(v, gradient.clone().square(), f64::from(beta_2));
        slots.keep("momentum", m.clone());
        slots.keep("velocity", v.clone());

        let share = 1.0 - self.momentum(step.time);
        let ahead = m.mul_scalar(next).div_scalar(1.0 - product * next)
            + gradient.mul_scalar(share).div_scalar(1.0 - product);
        let root = v
            .div_scalar(1.0 - power(self.beta_2, step.time as f64))
            .sqrt();
        parameter - ahead.mul_scalar(step.rate) / root.add_scalar(self.epsilon)
    }
}
