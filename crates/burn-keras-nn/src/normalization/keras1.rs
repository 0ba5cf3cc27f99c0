//! `BatchNormalization` of Keras 1 where it is not that of later versions.

use alloc::vec::Vec;
use burn::{
    module::{Flag, Initializer, Module, Param, RunningState},
    tensor::{Device, Tensor},
};

use super::batch::{parameter, state, training};
use crate::ids::Scope;

/// Whose mean and deviation an [`EarlyBatchNormalization`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyStatistics {
    /// Those of each sample over its last axis: mode 1. The deviation is
    /// `sqrt(variance + epsilon) + epsilon`.
    Sample,
    /// Those of each feature in the batch at hand, at inference too: mode 2. The deviation is
    /// `sqrt(variance + epsilon)`.
    Batch,
    /// The running ones, which hold deviations: before Keras 1.0.6, and with it on Theano. In
    /// training they are `sqrt(variance + epsilon)`; `epsilon` is added once more.
    Deviation,
    /// The running ones, with `sqrt(variance) + epsilon` for the deviation: Keras 1.0.7 on Theano.
    Variance,
}

/// Configuration of an [`EarlyBatchNormalization`].
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyBatchNormalizationConfig {
    /// Size of the axis of the features.
    pub features: usize,
    /// Whose mean and deviation are taken.
    pub statistics: EarlyStatistics,
    /// Added to variance or deviation. Default: 1e-3.
    pub epsilon: f64,
    /// The share of the old statistics that stays at an update. Default: 0.99.
    pub momentum: f64,
}

impl EarlyBatchNormalizationConfig {
    /// Keras's defaults, for an axis of `features`.
    pub fn new(features: usize, statistics: EarlyStatistics) -> Self {
        Self {
            features,
            statistics,
            epsilon: 1e-3,
            momentum: 0.99,
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

    /// Makes the module, with the ids of `scope`.
    pub fn init(&self, scope: &Scope, device: &Device) -> EarlyBatchNormalization {
        let n = self.features;
        EarlyBatchNormalization {
            gamma: parameter(Initializer::Ones, n, scope, "gamma", device),
            beta: parameter(Initializer::Zeros, n, scope, "beta", device),
            running_mean: state(Tensor::zeros([n], device), scope, "running_mean"),
            running_var: state(Tensor::ones([n], device), scope, "running_var"),
            training: training(scope),
            statistics: self.statistics,
            epsilon: self.epsilon,
            momentum: self.momentum,
        }
    }
}

/// Keras 1's `BatchNormalization` in other modes than 0, and before Keras 1.0.8:
/// `gamma * (x - mean) / deviation + beta`, with mean and deviation after [`EarlyStatistics`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::Scope;
/// use burn_keras_nn::normalization::{EarlyBatchNormalizationConfig, EarlyStatistics};
///
/// # fn forward(device: &Device, x: Tensor<4>) -> Tensor<4> {
/// let scope = Scope::new("net").enter("bn");
/// let config = EarlyBatchNormalizationConfig::new(3, EarlyStatistics::Batch);
/// config.init(&scope, device).forward(x)
/// # }
/// ```
#[derive(Module, Debug)]
pub struct EarlyBatchNormalization {
    /// Scale `[features]`.
    pub gamma: Param<Tensor<1>>,
    /// Shift `[features]`.
    pub beta: Param<Tensor<1>>,
    /// Keras's `running_mean` `[features]`.
    pub running_mean: RunningState<Tensor<1>>,
    /// Keras's `running_std` `[features]`: variances, or deviations.
    pub running_var: RunningState<Tensor<1>>,
    /// Whether batch statistics are used and learnt on an autodiff device.
    pub training: Param<Flag>,
    /// Whose mean and deviation are taken.
    #[module(skip)]
    pub statistics: EarlyStatistics,
    /// Added to variance or deviation.
    pub epsilon: f64,
    /// The share of the old statistics that stays at an update.
    pub momentum: f64,
}

impl EarlyBatchNormalization {
    /// The axis of the features in a tensor of `rank` axes: 1, or the last one in samples.
    pub fn axis(&self, rank: usize) -> usize {
        match self.statistics {
            EarlyStatistics::Sample => rank.saturating_sub(1),
            _ => 1,
        }
    }

    /// Normalises `x`, which has its features on [`axis`](Self::axis). Without the feature `std`
    /// the running statistics do not move.
    ///
    /// # Panics
    ///
    /// If the rank is below 2 or that axis has another size.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let device = x.device();
        let features = self.axis(D);
        let row = |row: Tensor<1>| {
            let mut shape = [1; D];
            shape[features] = row.dims()[0];
            row.to_device(&device).reshape(shape)
        };
        let is_running = matches!(
            self.statistics,
            EarlyStatistics::Deviation | EarlyStatistics::Variance
        );
        let (mean, deviation) =
            if is_running && !(device.is_autodiff() && self.training.is_enabled()) {
                let running = row(self.running_var.value());
                let deviation = match self.statistics {
                    EarlyStatistics::Variance => running.sqrt(),
                    _ => running,
                };
                (row(self.running_mean.value()), deviation)
            } else {
                let axes: Vec<usize> = match self.statistics {
                    EarlyStatistics::Sample => [features].into(),
                    _ => (0..D).filter(|axis| *axis != features).collect(),
                };
                let mean = x.clone().mean_dims(&axes);
                let variance = x.clone().sub(mean.clone()).square().mean_dims(&axes);
                let deviation = match self.statistics {
                    EarlyStatistics::Variance => variance.clone().sqrt(),
                    _ => variance.clone().add_scalar(self.epsilon).sqrt(),
                };
                match self.statistics {
                    EarlyStatistics::Variance => self.learn(&mean, &variance),
                    EarlyStatistics::Deviation => self.learn(&mean, &deviation),
                    EarlyStatistics::Sample | EarlyStatistics::Batch => {}
                }
                (mean, deviation)
            };
        let deviation = match self.statistics {
            EarlyStatistics::Batch => deviation,
            _ => deviation.add_scalar(self.epsilon),
        };
        let y = x.sub(mean).div(deviation);
        y.mul(row(self.gamma.val())).add(row(self.beta.val()))
    }

    /// Moves the running statistics towards those of a batch.
    #[cfg(feature = "std")]
    fn learn<const D: usize>(&self, mean: &Tensor<D>, spread: &Tensor<D>) {
        for (state, value) in [(&self.running_mean, mean), (&self.running_var, spread)] {
            let old = state.value_sync().to_device(&value.device());
            let value = value.clone().detach().reshape(old.dims());
            let new = old.mul_scalar(self.momentum) + value.mul_scalar(1.0 - self.momentum);
            state.update(new.detach());
        }
    }

    #[cfg(not(feature = "std"))]
    fn learn<const D: usize>(&self, _mean: &Tensor<D>, _spread: &Tensor<D>) {}
}
