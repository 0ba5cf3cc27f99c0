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

/// Whose mean and deviation an [`EarlyBatchNormalization`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyStatistics {
    /// Those of each sample over its last axis: mode 1.
    Sample,
    /// Those of each feature in the batch at hand: mode 2.
    Batch,
    /// The running ones, which hold deviations: before 1.0.6, and with it on Theano.
    Deviation,
    /// The running ones, with `epsilon` outside of the variance's root: 1.0.7 on Theano.
    Variance,
}

impl EarlyStatistics {
    /// What the reader calls them.
    pub(crate) const NAMES: [(&str, Self); 4] = [
        ("sample", Self::Sample),
        ("batch", Self::Batch),
        ("deviation", Self::Deviation),
        ("variance", Self::Variance),
    ];
}

/// `BatchNormalization` where it is not that of Keras 2.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyBatchNormalization {
    /// Whose mean and deviation are taken.
    pub statistics: EarlyStatistics,
    /// The axis of the features.
    pub axis: i64,
    /// Added to variance or deviation.
    pub epsilon: f64,
    /// The share of the running statistics that stays at an update.
    pub momentum: f64,
}

impl EarlyBatchNormalization {
    /// Where the axis of the features is in inputs that fit.
    ///
    /// # Errors
    ///
    /// When the layer cannot take the inputs.
    pub fn position(&self, inputs: &[Spec]) -> Result<usize, Mismatch> {
        let shape = &single(inputs)?.shape;
        let axis = normalize_axis(self.axis, shape.rank()).filter(|axis| *axis > 0);
        let last = shape.rank().saturating_sub(1);
        // Samples are normalized over the last axis, with weights of the size of another.
        let fits = |axis: &usize| {
            self.statistics != EarlyStatistics::Sample || shape.dim(*axis) == shape.dim(last)
        };
        axis.filter(fits).ok_or_else(|| {
            let expected = format!("an input with features on axis {}", self.axis);
            Mismatch::new(expected, inputs)
        })
    }
}

impl KerasLayer for EarlyBatchNormalization {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        let names = EarlyStatistics::NAMES.map(|(name, _)| name);
        let statistics = config.choice("statistics", &names);
        Self {
            statistics: EarlyStatistics::NAMES[statistics].1,
            axis: config.integer("axis", -1),
            epsilon: config.number("epsilon", 1e-3),
            momentum: config.number("momentum", 0.99),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        self.position(inputs)?;
        Ok(vec![Spec::float(single(inputs)?.shape.0.clone())])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let features = vec![single(inputs)?.shape.dim(self.position(inputs)?)];
        let spread = match self.statistics {
            EarlyStatistics::Deviation => "moving_deviation",
            _ => "moving_variance",
        };
        Ok(vec![
            WeightSpec::trained("gamma", features.clone()),
            WeightSpec::trained("beta", features.clone()),
            WeightSpec::untrained("moving_mean", features.clone()),
            WeightSpec::untrained(spread, features),
        ])
    }

    fn notes(&self) -> Vec<&'static str> {
        match self.statistics {
            EarlyStatistics::Batch => {
                vec!["mode 2 normalizes with the statistics of each batch, at inference too"]
            }
            _ => Vec::new(),
        }
    }
}
