//! Normalization over the batch.

use burn::{
    module::{Flag, Initializer, Module, Param, RunningState},
    nn::BatchNorm,
    tensor::{Device, Tensor, module},
};

use crate::ids::Scope;

/// Burn's [`BatchNorm`], made as Keras's `BatchNormalization` with `center` and `scale`.
///
/// Both normalise axis 1 with the biased variance of the batch. `momentum` is Keras's: the share
/// of the old statistics that stays. The ids of the parameters and of the running statistics are
/// those of `scope`; Burn never changes the id of a running state later.
///
/// ```
/// use burn::{nn::BatchNorm, tensor::Device};
/// use burn_keras_nn::{Scope, normalization::batch_norm};
///
/// fn block(scope: &Scope, device: &Device) -> BatchNorm {
///     batch_norm(64, 1e-3, 0.99, &scope.enter("bn"), device)
/// }
/// ```
pub fn batch_norm(
    features: usize,
    epsilon: f64,
    momentum: f64,
    scope: &Scope,
    device: &Device,
) -> BatchNorm {
    let [running_mean, running_var] = statistics(features, scope, device);
    BatchNorm {
        gamma: parameter(Initializer::Ones, features, scope, "gamma", device),
        beta: parameter(Initializer::Zeros, features, scope, "beta", device),
        training: training(scope),
        running_mean,
        running_var,
        momentum: 1.0 - momentum,
        epsilon,
    }
}

pub(super) fn parameter(
    initializer: Initializer,
    features: usize,
    scope: &Scope,
    name: &str,
    device: &Device,
) -> Param<Tensor<1>> {
    let mut param = initializer.init([features], device);
    param.id = scope.id(name);
    param
}

pub(super) fn training(scope: &Scope) -> Param<Flag> {
    Param::initialized(scope.id("training"), Flag::new(true))
}

/// A running state with the id of its place.
pub(super) fn state(value: Tensor<1>, scope: &Scope, name: &str) -> RunningState<Tensor<1>> {
    RunningState::with_id(scope.id(name), value)
}

fn statistics(features: usize, scope: &Scope, device: &Device) -> [RunningState<Tensor<1>>; 2] {
    [
        state(Tensor::zeros([features], device), scope, "running_mean"),
        state(Tensor::ones([features], device), scope, "running_var"),
    ]
}

/// Configuration of a [`BatchNormalization`].
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNormalizationConfig {
    /// Size of the normalised axis.
    pub features: usize,
    /// Added to the variance. Default: 1e-3.
    pub epsilon: f64,
    /// The share of the old statistics that stays at an update. Default: 0.99.
    pub momentum: f64,
    /// Whether there is a `beta`. Default: true.
    pub center: bool,
    /// Whether there is a `gamma`. Default: true.
    pub scale: bool,
    /// Whether the running variance learns the unbiased variance of the batch, as TensorFlow's fused
    /// kernel gives it to tf.keras. Default: false.
    pub unbiased: bool,
}

impl BatchNormalizationConfig {
    /// Keras's defaults, for an axis of `features`.
    pub fn new(features: usize) -> Self {
        Self {
            features,
            epsilon: 1e-3,
            momentum: 0.99,
            center: true,
            scale: true,
            unbiased: false,
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

    /// Sets [`unbiased`](Self::unbiased).
    pub fn with_unbiased(mut self, unbiased: bool) -> Self {
        self.unbiased = unbiased;
        self
    }

    /// Makes the module, with the ids of `scope`.
    pub fn init(&self, scope: &Scope, device: &Device) -> BatchNormalization {
        let n = self.features;
        let [running_mean, running_var] = statistics(n, scope, device);
        BatchNormalization {
            gamma: self
                .scale
                .then(|| parameter(Initializer::Ones, n, scope, "gamma", device)),
            beta: self
                .center
                .then(|| parameter(Initializer::Zeros, n, scope, "beta", device)),
            running_mean,
            running_var,
            training: training(scope),
            epsilon: self.epsilon,
            momentum: self.momentum,
            unbiased: self.unbiased,
        }
    }
}

/// Keras's `BatchNormalization` of axis 1, also without `center` or `scale`.
///
/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta`. On an autodiff device, while
/// `training` is on, mean and variance (biased) are those of the batch and move the running
/// statistics, where the variance may be the unbiased one; otherwise they are the running statistics. Field names are those of Burn's
/// [`BatchNorm`], which [`batch_norm`] makes when there are both `gamma` and `beta`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::{Scope, normalization::BatchNormalizationConfig};
///
/// # fn forward(device: &Device, x: Tensor<4>) -> Tensor<4> {
/// let scope = Scope::new("net").enter("bn");
/// let bn = BatchNormalizationConfig::new(3).with_scale(false).init(&scope, device);
/// bn.forward(x)
/// # }
/// ```
#[derive(Module, Debug)]
pub struct BatchNormalization {
    /// Scale `[features]`.
    pub gamma: Option<Param<Tensor<1>>>,
    /// Shift `[features]`.
    pub beta: Option<Param<Tensor<1>>>,
    /// Keras's `moving_mean` `[features]`.
    pub running_mean: RunningState<Tensor<1>>,
    /// Keras's `moving_variance` `[features]`.
    pub running_var: RunningState<Tensor<1>>,
    /// Whether batch statistics are used and learnt on an autodiff device.
    pub training: Param<Flag>,
    /// Added to the variance.
    pub epsilon: f64,
    /// The share of the old statistics that stays at an update.
    pub momentum: f64,
    /// See [`BatchNormalizationConfig::unbiased`].
    pub unbiased: bool,
}

impl BatchNormalization {
    /// Normalises `x` `[batch, features, ...]`. Without the feature `std` the running statistics
    /// do not move.
    ///
    /// # Panics
    ///
    /// If the rank is below 2 or axis 1 has another size.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let device = x.device();
        let mean = self.running_mean.value();
        let gamma = match &self.gamma {
            Some(gamma) => gamma.val(),
            None => mean.ones_like().to_device(&device),
        };
        let beta = match &self.beta {
            Some(beta) => beta.val(),
            None => mean.zeros_like().to_device(&device),
        };
        if !(device.is_autodiff() && self.training.is_enabled()) {
            let mean = mean.to_device(&device);
            let var = self.running_var.value().to_device(&device);
            return module::batch_norm(x, gamma, beta, mean, var, self.epsilon);
        }
        #[cfg(feature = "std")]
        let per_feature = x.shape().num_elements() / x.dims()[1].max(1);
        let batch = module::batch_norm_train(x, gamma, beta, self.epsilon);
        #[cfg(feature = "std")]
        let variance = if self.unbiased {
            let others = per_feature.saturating_sub(1).max(1);
            batch
                .variance
                .mul_scalar(per_feature as f64 / others as f64)
        } else {
            batch.variance
        };
        #[cfg(feature = "std")]
        for (state, value) in [
            (&self.running_mean, batch.mean),
            (&self.running_var, variance),
        ] {
            let old = state.value_sync().to_device(&device);
            let new =
                old.mul_scalar(self.momentum) + value.detach().mul_scalar(1.0 - self.momentum);
            state.update(new.detach());
        }
        batch.output
    }
}

#[cfg(test)]
mod tests;
