//! Layers that Keras 1 had and no later Keras has.

use super::activation::PRelu;
use super::config::Config;
use super::rnn::step_activation;
use super::{KerasLayer, MaskRule, Mismatch, WeightSpec, single, single_of_rank};
use crate::activation::Activation;
use crate::shape::{Spec, normalize_axis};

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

/// `ParametricSoftplus`: `alpha · softplus(beta · x)` with trained `alpha` and `beta`.
#[derive(Clone, Debug, PartialEq)]
pub struct ParametricSoftplus {
    /// The axes along which one of each serves; the outputs are those of `PReLU` too.
    pub like: PRelu,
}

impl KerasLayer for ParametricSoftplus {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        let like = PRelu::read(class, config);
        Self { like }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        self.like.outputs(inputs)
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        of_elements(&self.like, ["alphas", "betas"], inputs)
    }
}

/// `SReLU`: `x` between two thresholds, and a trained slope beyond each of them.
///
/// The upper threshold is `t_left + |t_right|`.
#[derive(Clone, Debug, PartialEq)]
pub struct SRelu {
    /// The axes along which one of each serves; the outputs are those of `PReLU` too.
    pub like: PRelu,
    /// Whether what a negative lower slope gives is cut off at the upper threshold: on Theano.
    pub cuts_left: bool,
}

impl KerasLayer for SRelu {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        Self {
            like: PRelu::read(class, config),
            cuts_left: config.bool("theano", false),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        self.like.outputs(inputs)
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let names = ["t_left", "a_left", "t_right", "a_right"];
        of_elements(&self.like, names, inputs)
    }
}

/// Trained weights of the shape of `PReLU`'s.
fn of_elements<const N: usize>(
    like: &PRelu,
    names: [&'static str; N],
    inputs: &[Spec],
) -> Result<Vec<WeightSpec>, Mismatch> {
    let shape = like.alpha_shape(single(inputs)?).unwrap_or_default();
    let weights = names.map(|name| WeightSpec::trained(name, shape.clone()));
    Ok(weights.into())
}

/// `BatchNormalization` in mode 1 or 2, which do not look at the running statistics that they have.
#[derive(Clone, Debug, PartialEq)]
pub struct UntrackedNormalization {
    /// Mode 1: the features of each sample, the last axis, are normalized together. Otherwise each
    /// feature of [`axis`](Self::axis), in the batch at hand.
    pub by_sample: bool,
    /// The axis of the features.
    pub axis: i64,
    /// Added to the variance; in mode 1 to the standard deviation once more.
    pub epsilon: f64,
}

impl UntrackedNormalization {
    /// Where the axis of the features is, and its size.
    fn features(&self, inputs: &[Spec]) -> Result<(usize, Option<usize>), Mismatch> {
        let shape = &single(inputs)?.shape;
        let axis = normalize_axis(self.axis, shape.rank()).filter(|axis| *axis > 0);
        let last = shape.rank().saturating_sub(1);
        match axis {
            Some(axis) if !self.by_sample || shape.dim(axis) == shape.dim(last) => {
                Ok((axis, shape.dim(axis)))
            }
            _ => Err(Mismatch::new(
                format!("an input with features on axis {}", self.axis),
                inputs,
            )),
        }
    }

    /// Where the axis of the features is.
    pub fn position(&self, input: &Spec) -> Option<usize> {
        let features = self.features(std::slice::from_ref(input));
        features.ok().map(|(position, _)| position)
    }
}

impl KerasLayer for UntrackedNormalization {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        let mode = config.integer("mode", 1);
        if !matches!(mode, 1 | 2) {
            config.unsupported("mode", "0, 1 or 2");
        }
        // Of the running statistics.
        config.number("momentum", 0.99);
        Self {
            by_sample: mode == 1,
            axis: config.integer("axis", -1),
            epsilon: config.number("epsilon", 1e-3),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        self.features(inputs)?;
        Ok(vec![Spec::float(single(inputs)?.shape.0.clone())])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let (_, features) = self.features(inputs)?;
        Ok(vec![
            WeightSpec::trained("gamma", vec![features]),
            WeightSpec::trained("beta", vec![features]),
            WeightSpec::untrained("moving_mean", vec![features]),
            WeightSpec::untrained("moving_variance", vec![features]),
        ])
    }

    fn notes(&self) -> Vec<&'static str> {
        let unused = "its running statistics, which this mode never looks at, are left out";
        if self.by_sample {
            vec![unused]
        } else {
            vec![
                unused,
                "mode 2 normalizes with the statistics of each batch, at inference too",
            ]
        }
    }
}
