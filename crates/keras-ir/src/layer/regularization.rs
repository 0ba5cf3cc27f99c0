//! Dropout and noise: active in training alone.

use serde_json::Value;

use super::config::Config;
use super::{KerasLayer, Mismatch, single, single_of_rank};
use crate::shape::{Kind, Spec};

/// The share that is dropped. Nothing would be left at 1, where Burn and Keras part.
fn rate(config: &mut Config<'_>) -> f64 {
    let rate = config.number("rate", 0.0);
    if !(0.0..1.0).contains(&rate) {
        config.unsupported("rate", "a number from 0 and below 1");
    }
    rate
}

/// Which distribution a [`Dropout`] draws from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Noise {
    /// `Dropout`: zero with probability `rate`, the rest scaled up.
    Bernoulli,
    /// `AlphaDropout`: keeps mean and variance of SELU activations.
    Alpha,
    /// `GaussianDropout`: multiplied by noise around one.
    Gaussian,
}

/// `Dropout`, `AlphaDropout` and `GaussianDropout`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dropout {
    /// The distribution.
    pub noise: Noise,
    /// Probability that an element is dropped.
    pub rate: f64,
    /// Shape of the noise; `None` entries follow the input.
    pub noise_shape: Option<Vec<Option<usize>>>,
}

impl KerasLayer for Dropout {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        let noise_shape = config.value("noise_shape").and_then(|shape| {
            let dims: Option<Vec<Option<usize>>> = shape.as_array().and_then(|dims| {
                dims.iter()
                    .map(|dim| match dim {
                        Value::Null => Some(None),
                        size => Some(Some(usize::try_from(size.as_u64()?).ok()?)),
                    })
                    .collect()
            });
            if dims.is_none() {
                config.unsupported("noise_shape", "a list of sizes and nulls");
            }
            dims
        });
        Self {
            noise: match class {
                "AlphaDropout" => Noise::Alpha,
                "GaussianDropout" => Noise::Gaussian,
                _ => Noise::Bernoulli,
            },
            rate: rate(config),
            noise_shape,
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        Ok(vec![single(inputs)?.with_kind(Kind::Float)])
    }

    fn is_nothing(&self) -> bool {
        true
    }
}

/// `SpatialDropout1D/2D/3D`: whole channels are dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct SpatialDropout {
    /// Number of spatial axes.
    pub dimensions: usize,
    /// Probability that a channel is dropped.
    pub rate: f64,
    /// The position of the channel axis.
    pub channel_axis: usize,
}

impl KerasLayer for SpatialDropout {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        let dimensions = match class {
            "SpatialDropout1D" => 1,
            "SpatialDropout2D" => 2,
            _ => 3,
        };
        Self {
            dimensions,
            rate: rate(config),
            channel_axis: config.data_format().channel_axis(dimensions + 2),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single_of_rank(inputs, self.dimensions + 2)?;
        Ok(vec![input.with_kind(Kind::Float)])
    }

    fn is_nothing(&self) -> bool {
        true
    }
}

/// `GaussianNoise`: noise around zero is added.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianNoise {
    /// Standard deviation.
    pub stddev: f64,
}

impl KerasLayer for GaussianNoise {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        let stddev = config.number("stddev", 0.0);
        if !(stddev >= 0.0 && stddev.is_finite()) {
            config.unsupported("stddev", "a number from 0");
        }
        Self { stddev }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        Ok(vec![single(inputs)?.with_kind(Kind::Float)])
    }

    fn is_nothing(&self) -> bool {
        true
    }
}
