//! Normalization of each sample over some of its axes.

use alloc::vec::Vec;
use burn::{
    module::{Initializer, Module, Param},
    tensor::{Device, Tensor},
};

use super::{affine, kept_sizes, scale, shift};

/// Configuration of a [`LayerNormalization`].
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNormalizationConfig {
    /// The number of elements that are normalised together.
    pub features: usize,
    /// The axes, ascending.
    pub axes: Vec<usize>,
    /// Added to the variance. Default: 1e-3.
    pub epsilon: f64,
    /// Whether there is a `beta`. Default: true.
    pub center: bool,
    /// Whether there is a `gamma`. Default: true.
    pub scale: bool,
    /// Whether the mean stays: Keras 3's `rms_scaling`. Default: false.
    pub rms_scaling: bool,
}

impl LayerNormalizationConfig {
    /// Keras's defaults, for `axes` that have `features` elements together.
    pub fn new(features: usize, axes: impl Into<Vec<usize>>) -> Self {
        Self {
            features,
            axes: axes.into(),
            epsilon: 1e-3,
            center: true,
            scale: true,
            rms_scaling: false,
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

    /// Sets [`rms_scaling`](Self::rms_scaling).
    pub fn with_rms_scaling(mut self, rms_scaling: bool) -> Self {
        self.rms_scaling = rms_scaling;
        self
    }

    /// Makes the module.
    pub fn init(&self, device: &Device) -> LayerNormalization {
        LayerNormalization {
            gamma: scale(self.scale, self.features, device),
            beta: shift(self.center, self.features, device),
            axes: self.axes.clone(),
            epsilon: self.epsilon,
            rms_scaling: self.rms_scaling,
        }
    }
}

/// Keras's `LayerNormalization` of any axes.
///
/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance (biased) over `axes`.
/// With `rms_scaling` the mean is not taken off, though the variance is about it: what Keras 3
/// computes under that name.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::normalization::LayerNormalizationConfig;
///
/// # fn forward(device: &Device) -> Tensor<4> {
/// let x = Tensor::<4>::zeros([2, 5, 4, 3], device);
/// let norm = LayerNormalizationConfig::new(5 * 3, [1, 3]).init(device);
/// norm.forward(x)
/// # }
/// ```
#[derive(Module, Debug)]
pub struct LayerNormalization {
    /// Scale `[features]`: a row of the normalised axes' elements.
    pub gamma: Option<Param<Tensor<1>>>,
    /// Shift `[features]`.
    pub beta: Option<Param<Tensor<1>>>,
    /// The normalised axes, ascending.
    pub axes: Vec<usize>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether the mean stays.
    pub rms_scaling: bool,
}

impl LayerNormalization {
    /// Normalises `x`.
    ///
    /// # Panics
    ///
    /// If `x` lacks one of the axes, or has another number of elements along them.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let shape = kept_sizes(&x, &self.axes);
        let mean = x.clone().mean_dims(&self.axes);
        let centered = x.clone().sub(mean);
        let variance = centered.clone().square().mean_dims(&self.axes);
        let numerator = if self.rms_scaling { x } else { centered };
        let y = numerator.div(variance.add_scalar(self.epsilon).sqrt());
        affine(y, self.gamma.as_ref(), self.beta.as_ref(), shape)
    }
}

/// Configuration of an [`RmsNormalization`].
#[derive(Clone, Debug, PartialEq)]
pub struct RmsNormalizationConfig {
    /// The sizes of the input's last axes, which `gamma` scales.
    pub shape: Vec<usize>,
    /// The normalised axes, ascending.
    pub axes: Vec<usize>,
    /// Added to the mean square. Default: 1e-6.
    pub epsilon: f64,
}

impl RmsNormalizationConfig {
    /// Keras's defaults, for `axes` of the sizes `shape`.
    pub fn new(shape: impl Into<Vec<usize>>, axes: impl Into<Vec<usize>>) -> Self {
        Self {
            shape: shape.into(),
            axes: axes.into(),
            epsilon: 1e-6,
        }
    }

    /// Sets [`epsilon`](Self::epsilon).
    pub fn with_epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Makes the module.
    pub fn init(&self, device: &Device) -> RmsNormalization {
        RmsNormalization {
            gamma: Initializer::Ones.init([self.shape.iter().product::<usize>()], device),
            shape: self.shape.clone(),
            axes: self.axes.clone(),
            epsilon: self.epsilon,
        }
    }
}

/// Keras 3's `RMSNormalization` of any axes: `x / sqrt(mean(x^2) + epsilon) * gamma`.
///
/// The mean square is taken over `axes`, but `gamma` (Keras's `scale`) is multiplied onto the last
/// axes, whichever were normalised: Keras 3.15 broadcasts it as NumPy does.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::normalization::RmsNormalizationConfig;
///
/// # fn forward(device: &Device) -> Tensor<3> {
/// let x = Tensor::<3>::zeros([2, 5, 3], device);
/// let norm = RmsNormalizationConfig::new([3], [2]).init(device);
/// norm.forward(x)
/// # }
/// ```
#[derive(Module, Debug)]
pub struct RmsNormalization {
    /// Scale: a row of the elements of `shape`.
    pub gamma: Param<Tensor<1>>,
    /// The sizes of the last axes, which `gamma` scales.
    pub shape: Vec<usize>,
    /// The normalised axes, ascending.
    pub axes: Vec<usize>,
    /// Added to the mean square.
    pub epsilon: f64,
}

impl RmsNormalization {
    /// Normalises `x`.
    ///
    /// # Panics
    ///
    /// If `x` lacks one of the axes, or its last axes have other sizes than `gamma`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let missing = D - self.shape.len();
        let shape: [usize; D] =
            core::array::from_fn(|axis| axis.checked_sub(missing).map_or(1, |at| self.shape[at]));
        let square = x.clone().square().mean_dims(&self.axes);
        let y = x.div(square.add_scalar(self.epsilon).sqrt());
        affine(y, Some(&self.gamma), None, shape)
    }
}
