//! Arguments that are no tensors, as data: what a printer writes into a call.

use keras_ir::Activation;
use keras_ir::layer::resizing::Interpolation;
use keras_ir::layer::rnn::{DropoutMasks, MaskedOutput};

/// An argument that is known when a plan is made.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A size or an axis.
    Size(usize),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A text.
    Text(String),
    /// `None`, or `Some` of something.
    Option(Option<Box<Literal>>),
    /// `[a, b]`
    Array(Vec<Literal>),
    /// `&[a, b]`
    Slice(Vec<Literal>),
    /// `vec![a, b]`
    Vec(Vec<Literal>),
    /// `(a, b)`
    Tuple(Vec<Literal>),
    /// A variant of an enum, with its fields: `Activation::Elu { alpha: 1.0 }`.
    Variant(&'static str, &'static str, Vec<(&'static str, Literal)>),
    /// A variant with fields that have no names: `PaddingConfig1d::Explicit(1, 2)`.
    TupleVariant(&'static str, &'static str, Vec<Literal>),
    /// A struct with its fields: `Auc { num_thresholds: 200, .. }`, all of them.
    Struct(&'static str, Fields),
    /// A text that is owned: `String::from("a")`.
    String(String),
    /// Values by name: `BTreeMap::from([(String::from("a"), b)])`.
    Map(Vec<(String, Literal)>),
    /// A configuration, `AdamConfig::new().with_beta_1(0.9)`: its type, what it is made of, and
    /// what is not as it is by default.
    Config(&'static str, Fields, Fields),
}

/// Values by the names of their fields.
pub type Fields = Vec<(&'static str, Literal)>;

impl Literal {
    /// `[a, b]` of sizes.
    pub fn sizes(sizes: &[usize]) -> Self {
        Self::Array(sizes.iter().copied().map(Self::Size).collect())
    }

    /// `[(a, b), (c, d)]` of sizes.
    pub fn pairs(pairs: &[(usize, usize)]) -> Self {
        Self::Array(pairs.iter().map(|pair| (*pair).into()).collect())
    }

    /// `vec![a, b]` of anything.
    pub fn list<T: Into<Self>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::Vec(items.into_iter().map(Into::into).collect())
    }
}

impl From<usize> for Literal {
    fn from(size: usize) -> Self {
        Self::Size(size)
    }
}

impl From<i64> for Literal {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<f64> for Literal {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<(usize, usize)> for Literal {
    fn from((a, b): (usize, usize)) -> Self {
        Self::Tuple(vec![a.into(), b.into()])
    }
}

impl<T: Into<Self>> From<Option<T>> for Literal {
    fn from(option: Option<T>) -> Self {
        Self::Option(option.map(|value| Box::new(value.into())))
    }
}

impl From<Activation> for Literal {
    /// A value of `burn_keras_nn::Activation`.
    fn from(activation: Activation) -> Self {
        let (_, variant, fields) = activation_parts(activation);
        Self::Variant("Activation", variant, fields)
    }
}

impl From<MaskedOutput> for Literal {
    /// A value of `burn_keras_nn::recurrent::MaskedOutput`.
    fn from(output: MaskedOutput) -> Self {
        let variant = match output {
            MaskedOutput::Previous | MaskedOutput::ZeroUnturned => "Previous",
            MaskedOutput::Zero => "Zero",
            MaskedOutput::State => "State",
        };
        Self::Variant("MaskedOutput", variant, vec![])
    }
}

impl From<DropoutMasks> for Literal {
    /// A value of `burn_keras_nn::recurrent::DropoutMasks`.
    fn from(masks: DropoutMasks) -> Self {
        let variant = match masks {
            DropoutMasks::Shared => "Shared",
            DropoutMasks::PerGate => "PerGate",
            DropoutMasks::SharedWithState => "SharedWithState",
        };
        Self::Variant("DropoutMasks", variant, vec![])
    }
}

impl From<Interpolation> for Literal {
    /// A value of `burn_keras_nn::Interpolation`.
    fn from(interpolation: Interpolation) -> Self {
        let variant = match interpolation {
            Interpolation::Nearest => "Nearest",
            Interpolation::Bilinear => "Bilinear",
            Interpolation::BilinearGrid => "BilinearGrid",
            Interpolation::Bicubic => "Bicubic",
            Interpolation::Lanczos3 => "Lanczos3",
            Interpolation::Lanczos5 => "Lanczos5",
            Interpolation::Area => "Area",
            Interpolation::Gaussian => "Gaussian",
            Interpolation::MitchellCubic => "MitchellCubic",
        };
        Self::Variant("Interpolation", variant, vec![])
    }
}

/// The name of an activation's function in `burn_keras_nn::activation`, its variant in
/// `burn_keras_nn::Activation`, and its options with their names there.
pub fn activation_parts(
    activation: Activation,
) -> (&'static str, &'static str, Vec<(&'static str, Literal)>) {
    let one = |name, value: f64| vec![(name, value.into())];
    match activation {
        Activation::Linear => ("linear", "Linear", vec![]),
        Activation::Relu => ("relu", "Relu", vec![]),
        Activation::Relu6 => ("relu6", "Relu6", vec![]),
        Activation::ReluWith {
            negative_slope,
            max_value,
            threshold,
        } => {
            let fields = vec![
                ("negative_slope", negative_slope.into()),
                ("max_value", max_value.into()),
                ("threshold", threshold.into()),
            ];
            ("relu_with", "ReluWith", fields)
        }
        Activation::LeakyRelu { negative_slope } => (
            "leaky_relu",
            "LeakyRelu",
            one("negative_slope", negative_slope),
        ),
        Activation::Elu { alpha } => ("elu", "Elu", one("alpha", alpha)),
        Activation::Selu => ("selu", "Selu", vec![]),
        Activation::Celu { alpha } => ("celu", "Celu", one("alpha", alpha)),
        Activation::Gelu => ("gelu", "Gelu", vec![]),
        Activation::GeluApproximate => ("gelu_approximate", "GeluApproximate", vec![]),
        Activation::Sigmoid => ("sigmoid", "Sigmoid", vec![]),
        Activation::HardSigmoid { alpha, beta } => {
            let fields = vec![("alpha", alpha.into()), ("beta", beta.into())];
            ("hard_sigmoid", "HardSigmoid", fields)
        }
        Activation::HardSwish => ("hard_swish", "HardSwish", vec![]),
        Activation::Silu => ("silu", "Silu", vec![]),
        Activation::Mish => ("mish", "Mish", vec![]),
        Activation::Tanh => ("tanh", "Tanh", vec![]),
        Activation::Exponential => ("exponential", "Exponential", vec![]),
        Activation::Softplus => ("softplus", "Softplus", vec![]),
        Activation::Softsign => ("softsign", "Softsign", vec![]),
        Activation::LogSigmoid => ("log_sigmoid", "LogSigmoid", vec![]),
        Activation::HardTanh => ("hard_tanh", "HardTanh", vec![]),
        Activation::HardShrink { threshold } => {
            ("hard_shrink", "HardShrink", one("threshold", threshold))
        }
        Activation::SoftShrink { threshold } => {
            ("soft_shrink", "SoftShrink", one("threshold", threshold))
        }
        Activation::TanhShrink => ("tanh_shrink", "TanhShrink", vec![]),
        Activation::Squareplus { b } => ("squareplus", "Squareplus", one("b", b)),
        Activation::SparsePlus => ("sparse_plus", "SparsePlus", vec![]),
        Activation::SparseSigmoid => ("sparse_sigmoid", "SparseSigmoid", vec![]),
        Activation::Threshold {
            threshold,
            default_value,
        } => {
            let fields = vec![
                ("threshold", threshold.into()),
                ("default_value", default_value.into()),
            ];
            ("threshold", "Threshold", fields)
        }
        Activation::Softmax | Activation::SoftmaxAlong(_) => ("softmax", "Softmax", vec![]),
        Activation::LogSoftmax => ("log_softmax", "LogSoftmax", vec![]),
        Activation::Sparsemax => ("sparsemax", "Sparsemax", vec![]),
        Activation::Glu => ("glu", "Glu", vec![]),
    }
}
