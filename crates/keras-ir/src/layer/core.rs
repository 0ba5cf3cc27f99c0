//! Core layers: `Dense`, a bias, `Embedding`, `Masking`, and those that change nothing at inference.

use super::config::Config;
use super::{KerasLayer, MaskRule, Mismatch, WeightSpec, single};
use crate::activation::Activation;
use crate::shape::{Kind, Spec};

/// `Dense`: `activation(x · kernel + bias)` on the last axis, for any rank from 2.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// Size of the last axis of the output.
    pub units: usize,
    /// Whether there is a bias.
    pub use_bias: bool,
    /// Applied to the result.
    pub activation: Activation,
}

impl KerasLayer for Dense {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            units: config.size("units"),
            use_bias: config.bool("use_bias", true),
            activation: config.activation("activation"),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single(inputs)?;
        if input.shape.rank() < 2 {
            return Err(Mismatch::new("an input of at least 2 axes", inputs));
        }
        let mut shape = input.shape.0.clone();
        if let Some(last) = shape.last_mut() {
            *last = Some(self.units);
        }
        Ok(vec![Spec::float(shape)])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let features = single(inputs)?.shape.last();
        let units = Some(self.units);
        let mut weights = vec![WeightSpec::trained("kernel", vec![features, units])];
        if self.use_bias {
            weights.push(WeightSpec::trained("bias", vec![units]));
        }
        Ok(weights)
    }
}

/// A bias by itself: what a tied dense layer has of its own (see
/// [`TiedDense`](crate::layer::wrapper::TiedDense)). No class of Keras.
#[derive(Clone, Debug, PartialEq)]
pub struct Bias {
    /// Size of the last axis.
    pub units: usize,
}

impl KerasLayer for Bias {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            units: config.size("units"),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single(inputs)?;
        match input.shape.last() {
            Some(units) if units == self.units => Ok(vec![input.with_kind(Kind::Float)]),
            _ => Err(Mismatch::new(format!("{} features", self.units), inputs)),
        }
    }

    fn weights(&self, _inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        Ok(vec![WeightSpec::trained("bias", vec![Some(self.units)])])
    }
}

/// `Embedding`: a row of a table for each id, ids of any rank.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// Number of rows.
    pub input_dim: usize,
    /// Length of a row.
    pub output_dim: usize,
    /// Whether id 0 is padding, so that a mask is made.
    pub mask_zero: bool,
}

impl KerasLayer for Embedding {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        // Since `input_dim` also stands in the configs of old first layers as an input shape, it
        // is neutral elsewhere.
        Self {
            input_dim: config.size("input_dim"),
            output_dim: config.size("output_dim"),
            mask_zero: config.bool("mask_zero", false),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let mut shape = single(inputs)?.shape.0.clone();
        shape.push(Some(self.output_dim));
        Ok(vec![Spec::float(shape)])
    }

    fn weights(&self, _inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let shape = vec![Some(self.input_dim), Some(self.output_dim)];
        Ok(vec![WeightSpec::trained("embeddings", shape)])
    }

    fn mask_rule(&self) -> MaskRule {
        if self.mask_zero {
            MaskRule::NotZero
        } else {
            MaskRule::Stop
        }
    }
}

/// `Masking`: steps whose features all equal `mask_value` are masked and zeroed.
#[derive(Clone, Debug, PartialEq)]
pub struct Masking {
    /// The value that marks padding.
    pub mask_value: f64,
}

impl KerasLayer for Masking {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            mask_value: config.number("mask_value", 0.0),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single(inputs)?;
        if input.shape.rank() < 2 {
            return Err(Mismatch::new("an input of at least 2 axes", inputs));
        }
        Ok(vec![input.with_kind(Kind::Float)])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::NotValue(self.mask_value)
    }
}

/// `Identity`, and `ActivityRegularization`, whose penalty acts in training alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Whether a mask goes on: not through tf.keras's `Identity`, which does not know of masks.
    pub passes_mask: bool,
}

impl KerasLayer for Identity {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        // Penalties of ActivityRegularization.
        config.optional_number("l1");
        config.optional_number("l2");
        Self {
            passes_mask: class != "Identity" || config.generation().is_keras3(),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        Ok(vec![single(inputs)?.clone()])
    }

    fn mask_rule(&self) -> MaskRule {
        if self.passes_mask {
            MaskRule::Pass
        } else {
            MaskRule::Stop
        }
    }

    fn is_nothing(&self) -> bool {
        true
    }
}
