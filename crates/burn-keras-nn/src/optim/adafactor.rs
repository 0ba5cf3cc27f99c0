//! Adafactor.

use alloc::{vec, vec::Vec};
use burn::{config::Config, tensor::Tensor};

use super::{
    layout::Layout,
    rule::{Field, Rule, Slots, Step, power},
};

/// Keras's `Adafactor`: with the root of the mean square `rms`
///
/// ```text
/// alpha = max(epsilon_2, rms(p)) min(lr, 1 / sqrt(t))
/// b = 1 - t^beta_2_decay
/// v = b v + (1 - b) (g^2 + epsilon_1)                     for one axis or none
/// r = b r + (1 - b) mean(g^2 + epsilon_1, last axis)      else
/// c = b c + (1 - b) mean(g^2 + epsilon_1, second last axis)
/// v = r c / mean(r, last axis)
/// u = g / sqrt(v)
/// p -= alpha u / max(1, rms(u) / clip_threshold)
/// ```
///
/// The axes are Keras's, which a [`Layout`](super::Layout) tells: a convolution's kernel has its
/// last axes first in Burn. In the record, `r` and `c` have Keras's shapes, and `v` is as the
/// parameter. Keras's `relative_step` takes the minimum of `lr` and `1 / sqrt(t)` a second time,
/// which changes nothing.
#[derive(Config, Debug, PartialEq)]
pub struct AdafactorConfig {
    /// How the share of the past grows.
    #[config(default = "-0.8")]
    pub beta_2_decay: f64,
    /// Added to the squares.
    #[config(default = 1e-30)]
    pub epsilon_1: f64,
    /// The smallest scale of a parameter.
    #[config(default = 1e-3)]
    pub epsilon_2: f64,
    /// The largest root mean square of a change.
    #[config(default = 1.0)]
    pub clip_threshold: f64,
}

impl Rule for AdafactorConfig {
    const FIELDS: &'static [Field] = &[
        Field::optional("r", "r"),
        Field::optional("c", "c"),
        Field::new("velocity", "velocity"),
    ];
    const TIME: Option<&'static str> = Some("time");

    fn slots(&self, step: &Step<'_>) -> Vec<&'static str> {
        if step.layout.rank() < 2 {
            vec!["velocity"]
        } else {
            vec!["r", "c", "velocity"]
        }
    }

    fn update<const D: usize>(
        &self,
        step: &Step<'_>,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        slots: &mut Slots,
    ) -> Tensor<D> {
        let falling = 1.0 / libm::sqrtf(step.time as f32);
        let size = rms(&parameter).clamp_min(self.epsilon_2);
        let alpha = size.mul_scalar(step.rate.min(falling));
        let past = 1.0 - power(step.time as f64, f64::from(self.beta_2_decay as f32));
        let squares = gradient.clone().square().add_scalar(self.epsilon_1);

        let v = if step.layout.rank() < 2 {
            let v = slots.take_or("velocity", 0.0, &gradient);
            averaged(v, squares, past)
        } else {
            let shape = step.layout.matrices();
            let squares = step.layout.to_keras(squares);
            let keras = squares.dims();
            let squares = squares.reshape(shape);
            let [r, c] = [("r", 2), ("c", 1)].map(|(name, axis)| {
                let new = squares.clone().mean_dim(axis);
                let old = slots.take_shaped(name, new.dims(), &new);
                let old = old.unwrap_or_else(|| new.zeros_like());
                let new = averaged(old, new, past);
                slots.keep_shaped(name, new.clone(), shape_of(name, step.layout));
                new
            });
            let v = (r.clone() / r.mean_dim(1)) * c;
            step.layout.to_burn(v.reshape(keras), gradient.dims())
        };
        slots.keep("velocity", v.clone());
        let change = gradient / v.sqrt();
        let excess = rms(&change).div_scalar(self.clip_threshold).clamp_min(1.0);
        parameter - (change / excess) * alpha
    }
}

fn averaged<const D: usize>(old: Tensor<D>, new: Tensor<D>, past: f32) -> Tensor<D> {
    old.mul_scalar(past) + new.mul_scalar(1.0 - past)
}

/// The root of the mean square, with all axes of size 1.
fn rms<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    x.clone().square().mean().sqrt().reshape([1; D])
}

/// Keras's shape of `r` and `c`.
pub(super) fn shape_of(slot: &str, layout: &Layout) -> Vec<usize> {
    let mut shape = layout.shape().to_vec();
    let without = match slot {
        "r" => 1,
        "c" => 2,
        _ => 0,
    };
    if without > 0 && without <= shape.len() {
        shape.remove(shape.len() - without);
    }
    shape
}
