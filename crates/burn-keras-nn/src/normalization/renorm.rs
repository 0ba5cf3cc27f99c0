//! Batch renormalization.

use burn::{
    module::{Flag, Module, Param, RunningState},
    tensor::{Device, Tensor},
};

use super::batch::{BatchNormalizationConfig, parameter, state, training};
use crate::ids::Scope;
use burn::module::Initializer;

/// Configuration of a [`BatchRenormalization`].
#[derive(Clone, Debug, PartialEq)]
pub struct BatchRenormalizationConfig {
    /// What it has in common with a batch normalization.
    pub base: BatchNormalizationConfig,
    /// The share of the old statistics of `renorm_*` that stays at an update. Default: 0.99.
    pub renorm_momentum: f64,
    /// The least ratio of the deviations. Default: none.
    pub rmin: Option<f64>,
    /// The largest ratio of the deviations. Default: none.
    pub rmax: Option<f64>,
    /// The largest distance of the means. Default: none.
    pub dmax: Option<f64>,
}

impl BatchRenormalizationConfig {
    /// Keras's defaults for all that `base` does not say.
    pub fn new(base: BatchNormalizationConfig) -> Self {
        Self {
            base,
            renorm_momentum: 0.99,
            rmin: None,
            rmax: None,
            dmax: None,
        }
    }

    /// Sets [`renorm_momentum`](Self::renorm_momentum), in Keras's sense.
    pub fn with_renorm_momentum(mut self, momentum: f64) -> Self {
        self.renorm_momentum = momentum;
        self
    }

    /// Sets [`rmin`](Self::rmin), [`rmax`](Self::rmax) and [`dmax`](Self::dmax).
    pub fn with_clipping(
        mut self,
        rmin: Option<f64>,
        rmax: Option<f64>,
        dmax: Option<f64>,
    ) -> Self {
        (self.rmin, self.rmax, self.dmax) = (rmin, rmax, dmax);
        self
    }

    /// Makes the module, with the ids of `scope`.
    pub fn init(&self, scope: &Scope, device: &Device) -> BatchRenormalization {
        let base = &self.base;
        let zeros = |name| state(Tensor::zeros([base.features], device), scope, name);
        let ones = |name| state(Tensor::ones([base.features], device), scope, name);
        let weight = |initializer, name| parameter(initializer, base.features, scope, name, device);
        BatchRenormalization {
            gamma: base.scale.then(|| weight(Initializer::Ones, "gamma")),
            beta: base.center.then(|| weight(Initializer::Zeros, "beta")),
            running_mean: zeros("running_mean"),
            running_var: ones("running_var"),
            running_std: ones("running_std"),
            renorm_mean: zeros("renorm_mean"),
            renorm_std: ones("renorm_std"),
            training: training(scope),
            epsilon: base.epsilon,
            momentum: base.momentum,
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
/// use burn_keras_nn::Scope;
/// use burn_keras_nn::normalization::{BatchNormalizationConfig, BatchRenormalizationConfig};
///
/// # fn forward(device: &Device, x: Tensor<4>) -> Tensor<4> {
/// let config = BatchRenormalizationConfig::new(BatchNormalizationConfig::new(3));
/// let norm = config.with_clipping(None, Some(3.0), Some(5.0)).init(&Scope::new("net"), device);
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
            let deviation = stored(&self.running_var)
                .add_scalar(self.epsilon)
                .sqrt();
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
        let renorm_std = stored(&self.renorm_std)
            .square()
            .clamp_min(self.epsilon)
            .sqrt();
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
