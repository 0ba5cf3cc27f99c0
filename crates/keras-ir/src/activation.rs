//! Activations with their formulas settled: which generation wrote the file is decided here.
//!
//! Formulas: `keras.activations` of Keras 3.15 and tf_keras 2.21.

use serde_json::Value;

use crate::json;
use crate::version::Generation;

/// An activation function with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `x`
    Linear,
    /// `max(x, 0)`
    Relu,
    /// `ReLU` in full: `x ≥ threshold ? min(x, max_value) : negative_slope · (x − threshold)`
    ReluWith {
        /// Slope below the threshold.
        negative_slope: f64,
        /// Upper bound.
        max_value: Option<f64>,
        /// Where the slope changes.
        threshold: f64,
    },
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x > 0 ? x : negative_slope · x`
    LeakyRelu {
        /// Slope below zero.
        negative_slope: f64,
    },
    /// `x > 0 ? x : alpha · (eˣ − 1)`
    Elu {
        /// Scale below zero.
        alpha: f64,
    },
    /// `1.05070098 · elu(x, 1.67326324)`
    Selu,
    /// `max(0, x) + min(0, alpha · (e^(x / alpha) − 1))`
    Celu {
        /// Scale below zero.
        alpha: f64,
    },
    /// `x · Φ(x)`
    Gelu,
    /// `gelu` by its tanh approximation.
    GeluApproximate,
    /// `1 / (1 + e⁻ˣ)`
    Sigmoid,
    /// `clip(alpha · x + beta, 0, 1)`: (0.2, 0.5) until Keras 2, (1/6, 0.5) in Keras 3.
    HardSigmoid {
        /// Slope.
        alpha: f64,
        /// Offset.
        beta: f64,
    },
    /// `x · relu6(x + 3) / 6`
    HardSwish,
    /// `x · sigmoid(x)`
    Silu,
    /// `x · tanh(softplus(x))`
    Mish,
    /// `tanh(x)`
    Tanh,
    /// `eˣ`
    Exponential,
    /// `ln(1 + eˣ)`
    Softplus,
    /// `x / (1 + |x|)`
    Softsign,
    /// `ln(sigmoid(x))`
    LogSigmoid,
    /// `clip(x, −1, 1)`
    HardTanh,
    /// `|x| > threshold ? x : 0`
    HardShrink {
        /// Half the width of the gap.
        threshold: f64,
    },
    /// `sign(x) · max(|x| − threshold, 0)`
    SoftShrink {
        /// Half the width of the gap.
        threshold: f64,
    },
    /// `x − tanh(x)`
    TanhShrink,
    /// `(x + √(x² + b)) / 2`
    Squareplus {
        /// Smoothness.
        b: f64,
    },
    /// `x ≤ −1 ? 0 : x ≥ 1 ? x : (x + 1)² / 4`
    SparsePlus,
    /// `clip((x + 1) / 2, 0, 1)`
    SparseSigmoid,
    /// `x > threshold ? x : default_value`
    Threshold {
        /// The threshold.
        threshold: f64,
        /// The value at and below it.
        default_value: f64,
    },
    /// Softmax along the last axis.
    Softmax,
    /// Softmax along another Keras axis: the layer `Softmax` used as an activation.
    SoftmaxAlong(i64),
    /// Logarithm of softmax along the last axis.
    LogSoftmax,
    /// Projection onto the simplex along the last axis.
    Sparsemax,
    /// `a · sigmoid(b)` for the halves of the last axis.
    Glu,
}

/// Keras's names of its functions.
const NAMES: [&str; 29] = [
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "sigmoid",
    "hard_sigmoid",
    "hard_silu",
    "silu",
    "mish",
    "tanh",
    "exponential",
    "softplus",
    "softsign",
    "log_sigmoid",
    "hard_tanh",
    "hard_shrink",
    "soft_shrink",
    "tanh_shrink",
    "squareplus",
    "sparse_plus",
    "sparse_sigmoid",
    "softmax",
    "log_softmax",
    "sparsemax",
    "glu",
];

impl Activation {
    /// The activation that `name` means in a file of `generation`.
    pub fn by_name(name: &str, generation: Generation) -> Option<Self> {
        let keras3 = generation.is_keras3();
        Some(match name {
            "linear" => Self::Linear,
            "relu" => Self::Relu,
            "relu6" => Self::Relu6,
            // The function's slope is 0.2 in every generation; the layer's is 0.3.
            "leaky_relu" => Self::LeakyRelu {
                negative_slope: 0.2,
            },
            "elu" => Self::Elu { alpha: 1.0 },
            "selu" => Self::Selu,
            "celu" => Self::Celu { alpha: 1.0 },
            "gelu" => Self::Gelu,
            "sigmoid" => Self::Sigmoid,
            "hard_sigmoid" if keras3 => Self::HardSigmoid {
                alpha: 1.0 / 6.0,
                beta: 0.5,
            },
            "hard_sigmoid" => Self::HardSigmoid {
                alpha: 0.2,
                beta: 0.5,
            },
            "hard_silu" | "hard_swish" => Self::HardSwish,
            "silu" | "swish" => Self::Silu,
            "mish" => Self::Mish,
            "tanh" => Self::Tanh,
            "exponential" => Self::Exponential,
            "softplus" => Self::Softplus,
            "softsign" => Self::Softsign,
            "log_sigmoid" => Self::LogSigmoid,
            "hard_tanh" => Self::HardTanh,
            "hard_shrink" => Self::HardShrink { threshold: 0.5 },
            "soft_shrink" => Self::SoftShrink { threshold: 0.5 },
            "tanh_shrink" => Self::TanhShrink,
            "squareplus" => Self::Squareplus { b: 4.0 },
            "sparse_plus" => Self::SparsePlus,
            "sparse_sigmoid" => Self::SparseSigmoid,
            // TensorFlow's own functions carry a version in their names.
            "softmax" | "softmax_v2" => Self::Softmax,
            "log_softmax" | "log_softmax_v2" => Self::LogSoftmax,
            "sparsemax" => Self::Sparsemax,
            "glu" => Self::Glu,
            _ => return None,
        })
    }

    /// The name of a function that a file of `generation` means this by; those with options of their
    /// own have none.
    pub fn name(self, generation: Generation) -> Option<&'static str> {
        let mut names = NAMES.iter().copied();
        names.find(|name| Self::by_name(name, generation) == Some(self))
    }

    /// The layer `ReLU` with its options; the plain function where they are its defaults.
    pub fn relu(negative_slope: f64, max_value: Option<f64>, threshold: f64) -> Self {
        match max_value {
            None if negative_slope == 0.0 && threshold == 0.0 => Self::Relu,
            Some(6.0) if negative_slope == 0.0 && threshold == 0.0 => Self::Relu6,
            _ => Self::ReluWith {
                negative_slope,
                max_value,
                threshold,
            },
        }
    }

    /// Reads the value of an `activation` key: null, a name, a function object of Keras 3, or a
    /// layer used as an activation.
    pub fn read(value: &Value, generation: Generation) -> Option<Self> {
        let object = match value {
            Value::Null => return Some(Self::Linear),
            Value::String(name) => return Self::by_name(name, generation),
            Value::Object(object) => object,
            _ => return None,
        };
        let config = object.get("config").unwrap_or(&Value::Null);
        let number = |keys: &[&str], default: f64| match keys.iter().find_map(|key| config.get(key))
        {
            None | Some(Value::Null) => Some(default),
            Some(value) => json::number(value),
        };
        Some(match object.get("class_name")?.as_str()? {
            "function" => return Self::by_name(config.as_str()?, generation),
            "Activation" => return Self::read(config.get("activation")?, generation),
            "ReLU" => {
                let max_value = match config.get("max_value") {
                    None | Some(Value::Null) => None,
                    Some(value) => Some(json::number(value)?),
                };
                let negative_slope = number(&["negative_slope"], 0.0)?;
                Self::relu(negative_slope, max_value, number(&["threshold"], 0.0)?)
            }
            "LeakyReLU" => Self::LeakyRelu {
                negative_slope: number(&["negative_slope", "alpha"], 0.3)?,
            },
            "ELU" => Self::Elu {
                alpha: number(&["alpha"], 1.0)?,
            },
            "ThresholdedReLU" => Self::Threshold {
                threshold: number(&["theta"], 1.0)?,
                default_value: 0.0,
            },
            "Softmax" => match config.get("axis") {
                None | Some(Value::Null) => Self::Softmax,
                Some(axis) => match axis.as_i64()? {
                    -1 => Self::Softmax,
                    axis => Self::SoftmaxAlong(axis),
                },
            },
            _ => return None,
        })
    }

    /// Whether each element of the output depends on the same element of the input alone.
    pub fn is_elementwise(self) -> bool {
        !matches!(
            self,
            Self::Softmax | Self::SoftmaxAlong(_) | Self::LogSoftmax | Self::Sparsemax | Self::Glu
        )
    }
}
