//! Batch renormalization.

use burn::{
    module::{Flag, Initializer, Module, Param, RunningState},
    tensor::{Device, Tensor},
};

use super::batch::{parameter, state, training};
use crate::ids::Scope;
use crate::math::square_root;

/// Configuration of a [`BatchRenormalization`].
#[derive(Clone, Debug, PartialEq)]
pub struct BatchRenormalizationConfig {
    /// Size of the normalised axis.
    pub features: usize,
    /// Added to the variance. Default: 1e-3.
    pub epsilon: f64,
    /// The share of the old running statistics that stays at an update. Default: 0.99.
    pub momentum: f64,
    /// Whether there is a `beta`. Default: true.
    pub center: bool,
    /// Whether there is a `gamma`. Default: true.
    pub scale: bool,
    /// The share of the old `renorm_*` that stays at an update. Default: 0.99.
    pub renorm_momentum: f64,
    /// The least ratio of the deviations. Default: none.
    pub rmin: Option<f64>,
    /// The largest ratio of the deviations. Default: none.
    pub rmax: Option<f64>,
    /// The largest distance of the means. Default: none.
    pub dmax: Option<f64>,
}

impl BatchRenormalizationConfig {
    /// Keras's defaults, for an axis of `features`.
    pub fn new(features: usize) -> Self {
        Self {
            features,
            epsilon: 1e-3,
            momentum: 0.99,
            center: true,
            scale: true,
            renorm_momentum: 0.99,
            rmin: None,
            rmax: None,
            dmax: None,
        }
    }

    /// Sets [`epsilon`](Self::epsilon).
    pub fn with_epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Sets [`momentum`](Self::momentum), in Keras's sense.
    pub fn with_momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets [`center`](Self::center).
    pub fn with_center(mut self, center: bool) -> Self {
        self.center = center;
        self
    }

    /// Sets [`scale`](Self::scale).
    pub fn with_scale(mut self, scale: bool) -> Self {
        self.scale = scale;
        self
    }

    /// Sets [`renorm_momentum`](Self::renorm_momentum), in Keras's sense.
    pub fn with_renorm_momentum(mut self, momentum: f64) -> Self {
        self.renorm_momentum = momentum;
        self
    }

    /// Sets [`rmin`](Self::rmin).
    pub fn with_rmin(mut self, rmin: f64) -> Self {
        self.rmin = Some(rmin);
        self
    }

    /// Sets [`rmax`](Self::rmax).
    pub fn with_rmax(mut self, rmax: f64) -> Self {
        self.rmax = Some(rmax);
        self
    }

    /// Sets [`dmax`](Self::dmax).
    pub fn with_dmax(mut self, dmax: f64) -> Self {
        self.dmax = Some(dmax);
        self
    }

    /// Makes the module, with the ids of `scope`.
    pub fn init(&self, scope: &Scope, device: &Device) -> BatchRenormalization {
        let n = self.features;
        let zeros = |name| state(Tensor::zeros([n], device), scope, name);
        let ones = |name| state(Tensor::ones([n], device), scope, name);
        let weight = |initializer, name| parameter(initializer, n, scope, name, device);
        BatchRenormalization {
            gamma: self.scale.then(|| weight(Initializer::Ones, "gamma")),
            beta: self.center.then(|| weight(Initializer::Zeros, "beta")),
            running_mean: zeros("running_mean"),
            running_var: ones("running_var"),
            running_std: ones("running_std"),
            renorm_mean: zeros("renorm_mean"),
            renorm_std: ones("renorm_std"),
            training: training(scope),
            epsilon: self.epsilon,
            momentum: self.momentum,
            renorm_momentum: self.renorm_momentum,
            rmin: self.rmin,
            rmax: self.rmax,
            dmax: self.dmax,
        }
    }
}

/// Keras's `BatchNormalization` of axis 1 with `renorm`.
///
/// At inference it is a [`BatchNormalization`](super::BatchNormalization). On an autodiff device,
/// while `training` is on, batches are normalised by their own statistics and then moved towards
/// the slowly changing `renorm_mean` and `renorm_std`, by a ratio `r` and a distance `d` that no
/// gradient runs through:
/// `gamma * ((x - mean) / std * r + d) + beta`, `r = std / renorm_std`,
/// `d = (mean - renorm_mean) / renorm_std`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::{Scope, normalization::BatchRenormalizationConfig};
///
/// # fn forward(device: &Device, x: Tensor<4>) -> Tensor<4> {
/// let scope = Scope::new("net").enter("bn");
/// let norm = BatchRenormalizationConfig::new(3).with_rmax(3.0).init(&scope, device);
/// norm.forward(x)
/// # }
/// ```
#[derive(Module, Debug)]
pub struct BatchRenormalization {
    /// Scale `[features]`.
    pub gamma: Option<Param<Tensor<1>>>,
    /// Shift `[features]`.
    pub beta: Option<Param<Tensor<1>>>,
    /// Keras's `moving_mean` `[features]`.
    pub running_mean: RunningState<Tensor<1>>,
    /// Keras's `moving_variance` `[features]`.
    pub running_var: RunningState<Tensor<1>>,
    /// Keras's `moving_stddev` `[features]`.
    pub running_std: RunningState<Tensor<1>>,
    /// Keras's `renorm_mean` `[features]`.
    pub renorm_mean: RunningState<Tensor<1>>,
    /// Keras's `renorm_stddev` `[features]`.
    pub renorm_std: RunningState<Tensor<1>>,
    /// Whether batch statistics are used and learnt on an autodiff device.
    pub training: Param<Flag>,
    /// Added to the variance.
    pub epsilon: f64,
    /// The share of the old running statistics that stays at an update.
    pub momentum: f64,
    /// The share of the old `renorm_*` that stays at an update.
    pub renorm_momentum: f64,
    /// The least `r`.
    pub rmin: Option<f64>,
    /// The largest `r`.
    pub rmax: Option<f64>,
    /// The largest `d`, on both sides.
    pub dmax: Option<f64>,
}

impl BatchRenormalization {
    /// Normalises `x` `[batch, features, ...]`. Without the feature `std` the statistics do not
    /// move.
    ///
    /// # Panics
    ///
    /// If the rank is below 2 or axis 1 has another size.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let device = x.device();
        let shape: [usize; D] =
            core::array::from_fn(|axis| if axis == 1 { x.dims()[1] } else { 1 });
        let stored = |state: &RunningState<Tensor<1>>| state.value().to_device(&device);
        let of_axis = |row: Tensor<1>| row.reshape(shape);
        let row = |value: Tensor<D>| value.detach().reshape([shape[1]]);
        if !(device.is_autodiff() && self.training.is_enabled()) {
            let deviation = stored(&self.running_var).add_scalar(self.epsilon).sqrt();
            let y = x
                .sub(of_axis(stored(&self.running_mean)))
                .div(of_axis(deviation));
            return super::affine(y, self.gamma.as_ref(), self.beta.as_ref(), shape);
        }
        let others: alloc::vec::Vec<usize> = (0..D).filter(|axis| *axis != 1).collect();
        let mean = x.clone().mean_dims(&others);
        let centered = x.sub(mean.clone());
        let variance = centered.clone().square().mean_dims(&others);
        let deviation = variance.add_scalar(self.epsilon).sqrt();
        let y = centered.div(deviation.clone());

        let (mean, deviation) = (row(mean), row(deviation));
        // Keras avoids a division by zero early in training.
        let renorm_std = stored(&self.renorm_std).clamp_min(square_root(self.epsilon));
        let mut r = deviation.clone().div(renorm_std.clone());
        let mut d = mean.clone().sub(stored(&self.renorm_mean)).div(renorm_std);
        if let Some(least) = self.rmin {
            r = r.clamp_min(least);
        }
        if let Some(largest) = self.rmax {
            r = r.clamp_max(largest);
        }
        if let Some(largest) = self.dmax {
            d = d.clamp(-largest, largest);
        }
        #[cfg(feature = "std")]
        self.update(mean, deviation);
        let y = y.mul(of_axis(r)).add(of_axis(d));
        super::affine(y, self.gamma.as_ref(), self.beta.as_ref(), shape)
    }

    /// Moves the statistics towards those of a batch.
    #[cfg(feature = "std")]
    fn update(&self, mean: Tensor<1>, deviation: Tensor<1>) {
        let moved = |state: &RunningState<Tensor<1>>, batch: &Tensor<1>, momentum: f64| {
            let old = state.value_sync().to_device(&batch.device());
            let new = old.mul_scalar(momentum) + batch.clone().mul_scalar(1.0 - momentum);
            state.update(new.clone().detach());
            new
        };
        moved(&self.renorm_mean, &mean, self.renorm_momentum);
        moved(&self.renorm_std, &deviation, self.renorm_momentum);
        moved(&self.running_mean, &mean, self.momentum);
        let deviation = moved(&self.running_std, &deviation, self.momentum);
        // The deviation holds epsilon already; rounding must not make the variance negative.
        let variance = deviation.square().sub_scalar(self.epsilon).clamp_min(0.0);
        self.running_var.update(variance.detach());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{collect, param_id};
    use crate::testing::{close, devices, values, wave};

    // BatchNormalization(axis=1, momentum=.9, epsilon=1e-2, renorm=True, renorm_momentum=.8,
    // renorm_clipping={"rmin": .5, "rmax": 1.2, "dmax": .1}) of Keras 3.15.1 and tf_keras 2.21, gamma
    // [1.5, .5], beta [.5, -1]: a training step on x = wave((3, 2, 2), .8), one on 2 x + 1, then
    // inference on x.
    #[test]
    fn two_steps_and_inference_are_kerass() {
        let scope = Scope::new("net").enter("bn");
        for device in devices() {
            let device = device.autodiff();
            let x = wave([3, 2, 2], 0.8, &device);
            let mut norm = BatchRenormalizationConfig::new(2)
                .with_momentum(0.9)
                .with_epsilon(1e-2)
                .with_renorm_momentum(0.8)
                .with_rmin(0.5)
                .with_rmax(1.2)
                .with_dmax(0.1)
                .init(&scope, &device);
            let ids = collect(&norm);
            assert_eq!(ids.len(), 7);
            let fits = |(id, name): &(_, alloc::string::String)| {
                *id == param_id("net", &alloc::format!("bn.{name}"))
            };
            assert!(ids.iter().all(fits));
            norm.gamma = Some(Param::from_data([1.5, 0.5], &device));
            norm.beta = Some(Param::from_data([0.5, -1.0], &device));
            norm.forward(x.clone());
            let y = norm.forward(x.clone().mul_scalar(2.0).add_scalar(1.0));
            close(
                &values(y),
                &[
                    2.095478,
                    2.620746,
                    -0.09451354,
                    -0.1876782,
                    1.827179,
                    0.9295825,
                    -1.027689,
                    -1.328643,
                    -1.633915,
                    -1.939071,
                    -1.614221,
                    -1.447255,
                ],
                2e-6,
            );
            let states = [
                (&norm.running_mean, [0.1301354, 0.07152048]),
                (&norm.running_var, [1.054962, 1.057538]),
                (&norm.running_std, [1.03197, 1.033217]),
                (&norm.renorm_mean, [0.2581924, 0.1450051]),
                (&norm.renorm_std, [1.068564, 1.070973]),
            ];
            for (state, expected) in states {
                close(&values(state.value_sync()), &expected, 1e-6);
            }
            close(
                &values(norm.valid().forward(x.without_autodiff())),
                &[
                    1.353543, 1.677559, -0.5520844, -0.6098083, 1.18804, 0.6343508, -1.13027,
                    -1.316738, -0.946964, -1.135202, -1.493679, -1.390229,
                ],
                2e-6,
            );
        }
    }
}
