//! Layers that Keras 1 had and no later Keras has.

use super::config::Config;
use super::rnn::step_activation;
use super::{KerasLayer, MaskRule, Mismatch, WeightSpec, single_of_rank};
use crate::activation::Activation;
use crate::shape::Spec;

/// `MaxoutDense`: the largest of several `x · W + b`, for each unit.
#[derive(Clone, Debug, PartialEq)]
pub struct MaxoutDense {
    /// Size of the output.
    pub units: usize,
    /// How many there are to choose from.
    pub pieces: usize,
    /// Whether there is a bias.
    pub use_bias: bool,
}

impl KerasLayer for MaxoutDense {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            units: config.size("output_dim"),
            pieces: config.size_or("nb_feature", 4),
            use_bias: config.bool("bias", true),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single_of_rank(inputs, 2)?;
        let shape = vec![input.shape.0[0], Some(self.units)];
        Ok(vec![Spec::float(shape)])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let features = single_of_rank(inputs, 2)?.shape.last();
        let (units, pieces) = (Some(self.units), Some(self.pieces));
        let mut weights = vec![WeightSpec::trained("W", vec![pieces, features, units])];
        if self.use_bias {
            weights.push(WeightSpec::trained("b", vec![pieces, units]));
        }
        Ok(weights)
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}

/// `Highway`: `t · activation(x · W + b) + (1 − t) · x`, where
/// `t = sigmoid(x · W_carry + b_carry)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Highway {
    /// Whether there are biases.
    pub use_bias: bool,
    /// Of what is carried over.
    pub activation: Activation,
}

impl KerasLayer for Highway {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        // An initial value of the bias, before 1.1.
        config.optional_number("transform_bias");
        Self {
            use_bias: config.bool("bias", true),
            activation: step_activation(config, "activation", Activation::Linear),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single_of_rank(inputs, 2)?;
        Ok(vec![Spec::float(input.shape.0.clone())])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let features = single_of_rank(inputs, 2)?.shape.last();
        let mut weights = vec![
            WeightSpec::trained("W", vec![features, features]),
            WeightSpec::trained("W_carry", vec![features, features]),
        ];
        if self.use_bias {
            weights.push(WeightSpec::trained("b", vec![features]));
            weights.push(WeightSpec::trained("b_carry", vec![features]));
        }
        Ok(weights)
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}

/// `Merge` in mode `cos`: the cosine of the angle between two vectors, `(batch, 1, 1)`.
///
/// The other modes are layers of their own since Keras 2.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeCosine;

impl KerasLayer for MergeCosine {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        config.choice("mode", &["cos"]);
        // With two axes there is one that can be contracted.
        let axes = config.integers("dot_axes").unwrap_or_default();
        if axes.iter().any(|axis| !matches!(axis, 1 | -1)) {
            config.unsupported("dot_axes", "the last axis of vectors");
        }
        Self
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        match inputs {
            [a, b] if a.shape.rank() == 2 && b.shape.rank() == 2 => {
                let batch = a.shape.0[0].or(b.shape.0[0]);
                let sizes = (a.shape.last(), b.shape.last());
                match sizes {
                    (Some(a), Some(b)) if a != b => {}
                    _ => return Ok(vec![Spec::float(vec![batch, Some(1), Some(1)])]),
                }
            }
            _ => {}
        }
        Err(Mismatch::new(
            "two vectors of one size, (batch, size)",
            inputs,
        ))
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}
