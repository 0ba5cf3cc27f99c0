//! Noise layers that Burn lacks. Each is the identity unless the input is on an autodiff device
//! and the module's `training` flag is on, as Burn's own `Dropout`.
//!
//! Keras's `Dropout` and `GaussianNoise` are Burn's `Dropout` and `GaussianNoise`.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use burn_keras_nn::dropout::SpatialDropoutConfig;
//!
//! # fn forward(device: &Device, x: Tensor<4>) -> Tensor<4> {
//! let dropout = SpatialDropoutConfig::new(0.2).init(device);
//! dropout.forward(x)
//! # }
//! ```

use alloc::vec::Vec;
use burn::{
    module::{Flag, Module, Param},
    tensor::{Device, Distribution, Tensor},
};

use crate::math::square_root;

/// Whether a layer with `rate` has anything to do.
pub(crate) fn active<const D: usize>(x: &Tensor<D>, training: &Param<Flag>, rate: f64) -> bool {
    rate > 0.0 && training.is_enabled() && x.device().is_autodiff()
}

/// 1 with probability `1 - rate`, else 0, in `shape`.
fn keep<const D: usize, const R: usize>(x: &Tensor<D>, shape: [usize; R], rate: f64) -> Tensor<R> {
    let options = (&x.device(), x.dtype());
    Tensor::random(shape, Distribution::Bernoulli(1.0 - rate), options)
}

/// 0 with probability `rate`, else `1 / (1 - rate)`, in `shape`; for rates below 1.
pub(crate) fn scaled_keep<const D: usize, const R: usize>(
    x: &Tensor<D>,
    shape: [usize; R],
    rate: f64,
) -> Tensor<R> {
    keep(x, shape, rate).div_scalar(1.0 - rate)
}

fn drop<const D: usize>(x: Tensor<D>, shape: [usize; D], rate: f64) -> Tensor<D> {
    if rate >= 1.0 {
        return x.zeros_like();
    }
    let noise = scaled_keep(&x, shape, rate);
    x.mul(noise)
}

/// The shape of the noise: `noise_shape` from the last axis on, `None` where it is that of `dims`.
fn noise_dims<const D: usize>(dims: [usize; D], noise_shape: &[Option<usize>]) -> [usize; D] {
    let missing = D.saturating_sub(noise_shape.len());
    core::array::from_fn(|axis| match axis.checked_sub(missing) {
        None => 1,
        Some(at) => noise_shape[at].unwrap_or(dims[axis]),
    })
}

/// Configuration of a [`SpatialDropout`].
#[derive(Clone, Debug, PartialEq)]
pub struct SpatialDropoutConfig {
    /// The share of channels that become 0.
    pub prob: f64,
    /// The axis of the channels. Default: 1.
    pub channel_axis: usize,
}

impl SpatialDropoutConfig {
    /// Drops the share `rate` of the channels, which are axis 1.
    pub fn new(rate: f64) -> Self {
        Self {
            prob: rate,
            channel_axis: 1,
        }
    }

    /// Sets [`channel_axis`](Self::channel_axis).
    pub fn with_channel_axis(mut self, channel_axis: usize) -> Self {
        self.channel_axis = channel_axis;
        self
    }

    /// Makes the module.
    pub fn init(&self, _device: &Device) -> SpatialDropout {
        SpatialDropout {
            prob: self.prob,
            channel_axis: self.channel_axis,
            training: Param::from_bool(true),
        }
    }
}

/// Keras's `SpatialDropout1D`, `2D` and `3D`: drops whole channels of a sample and scales the
/// others by `1 / (1 - prob)`.
#[derive(Module, Debug)]
pub struct SpatialDropout {
    /// The share of channels that become 0.
    pub prob: f64,
    /// The axis of the channels; axis 0 is the batch.
    pub channel_axis: usize,
    /// Whether noise is wanted at all.
    pub training: Param<Flag>,
}

impl SpatialDropout {
    /// `x` of any shape, with noise while training.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if !active(&x, &self.training, self.prob) {
            return x;
        }
        let dims = x.dims();
        let shape = core::array::from_fn(|axis| {
            if axis == 0 || axis == self.channel_axis {
                dims[axis]
            } else {
                1
            }
        });
        drop(x, shape, self.prob)
    }
}

/// Configuration of a [`NoiseDropout`].
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseDropoutConfig {
    /// The share of the noise that is 0.
    pub prob: f64,
    /// Keras's `noise_shape`: `None` stands for the size of the input. Default: empty, which gives
    /// one value for everything.
    pub noise_shape: Vec<Option<usize>>,
}

impl NoiseDropoutConfig {
    /// Drops with probability `rate`.
    pub fn new(rate: f64) -> Self {
        Self {
            prob: rate,
            noise_shape: Vec::new(),
        }
    }

    /// Sets [`noise_shape`](Self::noise_shape).
    pub fn with_noise_shape(mut self, noise_shape: Vec<Option<usize>>) -> Self {
        self.noise_shape = noise_shape;
        self
    }

    /// Makes the module.
    pub fn init(&self, _device: &Device) -> NoiseDropout {
        NoiseDropout {
            prob: self.prob,
            noise_shape: self.noise_shape.clone(),
            training: Param::from_bool(true),
        }
    }
}

/// Keras's `Dropout` with a `noise_shape`: along axes of size 1 of the noise, values are dropped
/// or kept together.
#[derive(Module, Debug)]
pub struct NoiseDropout {
    /// The share of the noise that is 0.
    pub prob: f64,
    /// See [`NoiseDropoutConfig::noise_shape`].
    pub noise_shape: Vec<Option<usize>>,
    /// Whether noise is wanted at all.
    pub training: Param<Flag>,
}

impl NoiseDropout {
    /// `x` of any shape, with noise while training.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if !active(&x, &self.training, self.prob) {
            return x;
        }
        let shape = noise_dims(x.dims(), &self.noise_shape);
        drop(x, shape, self.prob)
    }
}

/// Configuration of a [`GaussianDropout`].
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianDropoutConfig {
    /// Keras's `rate`.
    pub prob: f64,
}

impl GaussianDropoutConfig {
    /// Noise as strong as that of a dropout of `rate`.
    pub fn new(rate: f64) -> Self {
        Self { prob: rate }
    }

    /// Makes the module.
    pub fn init(&self, _device: &Device) -> GaussianDropout {
        GaussianDropout {
            prob: self.prob,
            training: Param::from_bool(true),
        }
    }
}

/// Keras's `GaussianDropout`: multiplies by noise with mean 1 and standard deviation
/// `sqrt(prob / (1 - prob))`.
#[derive(Module, Debug)]
pub struct GaussianDropout {
    /// Keras's `rate`.
    pub prob: f64,
    /// Whether noise is wanted at all.
    pub training: Param<Flag>,
}

impl GaussianDropout {
    /// `x` of any shape, with noise while training.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if !active(&x, &self.training, self.prob) {
            return x;
        }
        let variance = self.prob / (1.0 - self.prob);
        let noise = x.random_like(Distribution::Normal(0.0, 1.0));
        let noise = noise.mul_scalar(square_root(variance)).add_scalar(1.0);
        x.mul(noise)
    }
}

/// Configuration of an [`AlphaDropout`].
#[derive(Clone, Debug, PartialEq)]
pub struct AlphaDropoutConfig {
    /// The share of values that are replaced.
    pub prob: f64,
    /// Keras's `noise_shape`, if it has one.
    pub noise_shape: Option<Vec<Option<usize>>>,
}

impl AlphaDropoutConfig {
    /// Replaces the share `rate` of the values.
    pub fn new(rate: f64) -> Self {
        Self {
            prob: rate,
            noise_shape: None,
        }
    }

    /// Sets [`noise_shape`](Self::noise_shape).
    pub fn with_noise_shape(mut self, noise_shape: Vec<Option<usize>>) -> Self {
        self.noise_shape = Some(noise_shape);
        self
    }

    /// Makes the module.
    pub fn init(&self, _device: &Device) -> AlphaDropout {
        AlphaDropout {
            prob: self.prob,
            noise_shape: self.noise_shape.clone(),
            training: Param::from_bool(true),
        }
    }
}

/// Keras's `AlphaDropout`: replaces values by the negative limit of SELU, then scales and shifts
/// so that mean and variance stay.
#[derive(Module, Debug)]
pub struct AlphaDropout {
    /// The share of values that are replaced.
    pub prob: f64,
    /// See [`AlphaDropoutConfig::noise_shape`].
    #[module(skip)]
    pub noise_shape: Option<Vec<Option<usize>>>,
    /// Whether noise is wanted at all.
    pub training: Param<Flag>,
}

impl AlphaDropout {
    /// `x` of any shape, with noise while training.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        const LIMIT: f64 = -1.673_263_242_354_377_2 * 1.050_700_987_355_480_5;
        let rate = self.prob;
        if !active(&x, &self.training, rate) {
            return x;
        }
        let shape = match &self.noise_shape {
            Some(shape) => noise_dims(x.dims(), shape),
            None => x.dims(),
        };
        let kept = keep(&x, shape, rate);
        let scale = 1.0 / square_root((1.0 - rate) * (1.0 + rate * LIMIT * LIMIT));
        let shift = -scale * LIMIT * rate;
        let replaced = kept.clone().mul_scalar(-LIMIT).add_scalar(LIMIT);
        let mixed = x.mul(kept).add(replaced);
        mixed.mul_scalar(scale).add_scalar(shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{devices, values};
    use alloc::vec;

    #[test]
    fn identity_at_inference() {
        for device in devices() {
            let x = Tensor::<3>::ones([2, 3, 4], &device);
            let expected = values(x.clone());
            let spatial = SpatialDropoutConfig::new(0.5).init(&device);
            assert_eq!(values(spatial.forward(x.clone())), expected);
            let alpha = AlphaDropoutConfig::new(0.5).init(&device);
            assert_eq!(values(alpha.forward(x.clone())), expected);
            let gaussian = GaussianDropoutConfig::new(0.5).init(&device);
            assert_eq!(values(gaussian.forward(x)), expected);

            let x = Tensor::<3>::ones([2, 3, 4], &device.clone().autodiff());
            assert_eq!(values(spatial.freeze().forward(x)), expected);
        }
    }

    #[test]
    fn channels_are_dropped_whole() {
        for device in devices() {
            let x = Tensor::<4>::ones([8, 16, 2, 2], &device.autodiff());
            let y = SpatialDropoutConfig::new(0.5)
                .init(&x.device())
                .forward(x.clone());
            let y = values(y);
            let channels: Vec<_> = y.chunks(4).collect();
            assert!(channels.iter().all(|c| c.iter().all(|v| *v == c[0])));
            let kept = channels.iter().filter(|c| c[0] == 2.0).count();
            let dropped = channels.iter().filter(|c| c[0] == 0.0).count();
            assert_eq!(kept + dropped, 128);
            assert!((30..=98).contains(&kept), "{kept}");

            let noise = NoiseDropoutConfig::new(0.5)
                .with_noise_shape(vec![None, None, Some(1), Some(1)])
                .init(&x.device());
            let y = values(noise.forward(x));
            assert!(y.chunks(4).all(|c| c.iter().all(|v| *v == c[0])));
        }
    }

    #[test]
    fn noise_keeps_mean_and_variance() {
        for device in devices() {
            let device = device.autodiff();
            let x = Tensor::<1>::random([40_000], Distribution::Normal(0.0, 1.0), &device);
            let moments = |y: Tensor<1>| {
                let y = values(y);
                let n = y.len() as f32;
                let mean = y.iter().sum::<f32>() / n;
                (
                    mean,
                    y.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / n,
                )
            };
            let (mean, variance) = moments(
                AlphaDropoutConfig::new(0.3)
                    .init(&device)
                    .forward(x.clone()),
            );
            assert!(
                mean.abs() < 0.04 && (variance - 1.0).abs() < 0.06,
                "{mean} {variance}"
            );
            let (mean, variance) = moments(
                GaussianDropoutConfig::new(0.2)
                    .init(&device)
                    .forward(x.ones_like()),
            );
            assert!((mean - 1.0).abs() < 0.02 && (variance - 0.25).abs() < 0.02);
        }
    }

    #[test]
    fn noise_shapes_end_with_the_last_axis() {
        assert_eq!(noise_dims([5, 6, 7], &[None, Some(1)]), [1, 6, 1]);
    }
}
