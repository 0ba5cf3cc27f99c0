//! Normalization over the batch.

use serde_json::Value;

use super::no_axes;
use crate::json;
use crate::layer::config::Config;
use crate::layer::{KerasLayer, Mismatch, WeightSpec, single};
use crate::shape::{Kind, Spec};
use crate::version::Generation;

/// `BatchNormalization` of one axis, and in tf.keras of several.
///
/// With several axes tf.keras gives the weights all axes of the input, of size 1 where nothing is
/// normalised.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNormalization {
    /// The Keras axes of the features.
    pub axes: Vec<i64>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Share of the old statistics in an update (Keras's sense: 0.99).
    pub momentum: f64,
    /// Whether there is a `beta`.
    pub center: bool,
    /// Whether there is a `gamma`.
    pub scale: bool,
    /// Batch renormalization, which acts in training alone.
    pub renorm: Option<Renorm>,
}

/// Batch renormalization: how far training may lean on the running statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Renorm {
    /// Share of the old statistics in an update.
    pub momentum: f64,
    /// Least ratio of the deviations.
    pub rmin: Option<f64>,
    /// Largest ratio of the deviations.
    pub rmax: Option<f64>,
    /// Largest distance of the means.
    pub dmax: Option<f64>,
}

impl BatchNormalization {
    /// The positions of the feature axes, ascending.
    pub fn positions(&self, input: &Spec) -> Option<Vec<usize>> {
        let positions = input.shape.axes(&self.axes)?;
        let first = *positions.first()?;
        (first > 0).then_some(positions)
    }

    fn weight_shape(&self, input: &Spec, positions: &[usize]) -> Vec<Option<usize>> {
        if let [position] = positions {
            return vec![input.shape.dim(*position)];
        }
        let sizes = input.shape.0.iter().enumerate();
        sizes
            .map(|(axis, size)| {
                if positions.contains(&axis) {
                    *size
                } else {
                    Some(1)
                }
            })
            .collect()
    }
}

fn read_renorm(config: &mut Config<'_>) -> Option<Renorm> {
    let renorm = config.bool("renorm", false);
    let momentum = config.number("renorm_momentum", 0.99);
    let clipping = config.value("renorm_clipping");
    let bound = |key: &str| {
        clipping
            .and_then(|bounds| bounds.get(key))
            .and_then(json::number)
    };
    let known = |key: &String| ["rmin", "rmax", "dmax"].contains(&key.as_str());
    let all_known = match clipping {
        None => true,
        Some(Value::Object(bounds)) => bounds
            .iter()
            .all(|(key, value)| known(key) && (value.is_null() || json::number(value).is_some())),
        Some(_) => false,
    };
    let found = Renorm {
        momentum,
        rmin: bound("rmin"),
        rmax: bound("rmax"),
        dmax: bound("dmax"),
    };
    if renorm && !all_known {
        config.unsupported("renorm_clipping", "numbers for rmin, rmax and dmax");
    }
    renorm.then_some(found)
}

impl KerasLayer for BatchNormalization {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        // tf.keras writes a list, `[3]`.
        let axes = config.integers("axis").unwrap_or_else(|| vec![-1]);
        if config.value("virtual_batch_size").is_some() {
            // The axes that tf.keras saves with it are off by one, and it cannot load the file.
            config.unsupported("virtual_batch_size", "null");
        }
        let renorm = read_renorm(config);
        if axes.len() != 1 && config.generation() != Generation::TfKeras {
            config.unsupported("axis", "one axis");
        }
        Self {
            axes,
            epsilon: config.number("epsilon", 1e-3),
            momentum: config.number("momentum", 0.99),
            center: config.bool("center", true),
            scale: config.bool("scale", true),
            renorm,
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single(inputs)?;
        match self.positions(input) {
            Some(_) => Ok(vec![input.with_kind(Kind::Float)]),
            None => Err(no_axes(&self.axes, inputs)),
        }
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let input = single(inputs)?;
        let positions = self.positions(input);
        let positions = positions.ok_or_else(|| no_axes(&self.axes, inputs))?;
        let shape = self.weight_shape(input, &positions);
        let mut weights = Vec::with_capacity(7);
        if self.scale {
            weights.push(WeightSpec::trained("gamma", shape.clone()));
        }
        if self.center {
            weights.push(WeightSpec::trained("beta", shape.clone()));
        }
        let statistics: &[_] = match self.renorm {
            None => &["moving_mean", "moving_variance"],
            Some(_) => &[
                "moving_mean",
                "moving_variance",
                "moving_stddev",
                "renorm_mean",
                "renorm_stddev",
            ],
        };
        for name in statistics {
            weights.push(WeightSpec::untrained(name, shape.clone()));
        }
        Ok(weights)
    }
}
