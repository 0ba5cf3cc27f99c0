//! `BatchNormalization` of Keras 1 in the modes that do not look at running statistics.

use burn::{
    module::{Initializer, Module, Param},
    tensor::{Device, Tensor, module},
};

/// Configuration of an [`UntrackedNormalization`].
#[derive(Clone, Debug, PartialEq)]
pub struct UntrackedNormalizationConfig {
    /// Size of the axis of the features.
    pub features: usize,
    /// Whether each sample is normalised by itself, over its last axis: Keras 1's mode 1, not 2.
    /// Default: false.
    pub by_sample: bool,
    /// Added to the variance. Default: 1e-3.
    pub epsilon: f64,
}

impl UntrackedNormalizationConfig {
    /// Keras's defaults, for an axis of `features`.
    pub fn new(features: usize) -> Self {
        Self {
            features,
            by_sample: false,
            epsilon: 1e-3,
        }
    }

    /// Sets [`by_sample`](Self::by_sample).
    pub fn with_by_sample(mut self, by_sample: bool) -> Self {
        self.by_sample = by_sample;
        self
    }

    /// Sets [`epsilon`](Self::epsilon).
    pub fn with_epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Makes the module.
    pub fn init(&self, device: &Device) -> UntrackedNormalization {
        UntrackedNormalization {
            gamma: Initializer::Ones.init([self.features], device),
            beta: Initializer::Zeros.init([self.features], device),
            by_sample: self.by_sample,
            epsilon: self.epsilon,
        }
    }
}

/// Keras 1's `BatchNormalization` in mode 1 or 2, in training and at inference.
///
/// By the batch (mode 2): `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance
/// (biased) of each feature of axis 1 in the batch at hand. By the sample (mode 1): those of the
/// last axis, with `sqrt(variance + epsilon) + epsilon` below the line.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::normalization::UntrackedNormalizationConfig;
///
/// # fn forward(device: &Device) -> Tensor<4> {
/// let x = Tensor::<4>::zeros([2, 3, 5, 4], device);
/// let norm = UntrackedNormalizationConfig::new(3).init(device);
/// norm.forward(x)
/// # }
/// ```
#[derive(Module, Debug)]
pub struct UntrackedNormalization {
    /// Scale `[features]`.
    pub gamma: Param<Tensor<1>>,
    /// Shift `[features]`.
    pub beta: Param<Tensor<1>>,
    /// See [`UntrackedNormalizationConfig::by_sample`].
    pub by_sample: bool,
    /// Added to the variance.
    pub epsilon: f64,
}

impl UntrackedNormalization {
    /// Normalises `x`, whose features are on axis 1, or on the last axis by the sample.
    ///
    /// # Panics
    ///
    /// If the rank is below 2 or that axis has another size.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let (gamma, beta) = (self.gamma.val(), self.beta.val());
        if !self.by_sample {
            return module::batch_norm_train(x, gamma, beta, self.epsilon).output;
        }
        let centered = x.clone().sub(x.mean_dim(D - 1));
        let variance = centered.clone().square().mean_dim(D - 1);
        let deviation = variance.add_scalar(self.epsilon).sqrt();
        let y = centered.div(deviation.add_scalar(self.epsilon));
        let mut shape = [1; D];
        shape[D - 1] = gamma.dims()[0];
        y.mul(gamma.reshape(shape)).add(beta.reshape(shape))
    }
}
