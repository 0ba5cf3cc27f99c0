//! Normalization of each sample over groups of channels.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor},
};

use super::{affine, scale, shift};

/// Configuration of a [`GroupNormalization`].
#[derive(Clone, Debug, PartialEq)]
pub struct GroupNormalizationConfig {
    /// The number of groups.
    pub groups: usize,
    /// The number of channels, a multiple of the groups.
    pub channels: usize,
    /// Added to the variance. Default: 1e-3.
    pub epsilon: f64,
    /// Whether there is a `beta`. Default: true.
    pub center: bool,
    /// Whether there is a `gamma`. Default: true.
    pub scale: bool,
}

impl GroupNormalizationConfig {
    /// Keras's defaults, for `channels` in `groups`.
    pub fn new(groups: usize, channels: usize) -> Self {
        Self {
            groups,
            channels,
            epsilon: 1e-3,
            center: true,
            scale: true,
        }
    }

    /// Sets [`epsilon`](Self::epsilon).
    pub fn with_epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
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

    /// Makes the module.
    pub fn init(&self, device: &Device) -> GroupNormalization {
        GroupNormalization {
            gamma: scale(self.scale, self.channels, device),
            beta: shift(self.center, self.channels, device),
            groups: self.groups,
            epsilon: self.epsilon,
        }
    }
}

/// Keras's `GroupNormalization` of the channels on axis 1.
///
/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance (biased) over a
/// group's channels and all axes behind them. Burn's `GroupNorm` has both of `gamma` and `beta` or
/// neither, and panics on inputs of two elements.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::normalization::GroupNormalizationConfig;
///
/// # fn forward(device: &Device) -> Tensor<4> {
/// let x = Tensor::<4>::zeros([2, 6, 5, 4], device);
/// let norm = GroupNormalizationConfig::new(3, 6).with_center(false).init(device);
/// norm.forward(x)
/// # }
/// ```
#[derive(Module, Debug)]
pub struct GroupNormalization {
    /// Scale `[channels]`.
    pub gamma: Option<Param<Tensor<1>>>,
    /// Shift `[channels]`.
    pub beta: Option<Param<Tensor<1>>>,
    /// The number of groups.
    pub groups: usize,
    /// Added to the variance.
    pub epsilon: f64,
}

impl GroupNormalization {
    /// Normalises `x` `[batch, channels, ...]`.
    ///
    /// # Panics
    ///
    /// If the rank is below 2, or the channels do not fall into the groups.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let dims = x.dims();
        let elements = dims[1..].iter().product::<usize>() / self.groups;
        let x = x.reshape([dims[0], self.groups, elements]);
        let centered = x.clone().sub(x.mean_dim(2));
        let variance = centered.clone().square().mean_dim(2);
        let y = centered.div(variance.add_scalar(self.epsilon).sqrt());
        let shape = core::array::from_fn(|axis| if axis == 1 { dims[1] } else { 1 });
        affine(
            y.reshape(dims),
            self.gamma.as_ref(),
            self.beta.as_ref(),
            shape,
        )
    }
}
