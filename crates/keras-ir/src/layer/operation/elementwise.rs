//! Operations that work element by element.

use super::{Arguments, Family, Operator, Row, row};
use crate::activation::Activation;
use crate::shape::Kind;

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Unary {
    Absolute,
    FloatAbsolute,
    Negative,
    Sign,
    Square,
    Round,
    Trunc,
    Floor,
    Ceil,
    Sqrt,
    Rsqrt,
    Cbrt,
    Reciprocal,
    Exp,
    Exp2,
    Expm1,
    Log,
    Log2,
    Log10,
    Log1p,
    Sin,
    Cos,
    Tan,
    Arcsin,
    Arccos,
    Arctan,
    Sinh,
    Cosh,
    Tanh,
    Arcsinh,
    Arccosh,
    Arctanh,
    Sinc,
    Erf,
    Erfc,
    DegreesToRadians,
    RadiansToDegrees,
}

impl Unary {
    /// Whether integers stay integers.
    pub fn keeps_integers(self) -> bool {
        matches!(
            self,
            Self::Absolute | Self::Negative | Self::Sign | Self::Square | Self::Round | Self::Trunc
        )
    }
}

/// A function of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// `a + b`; of booleans, either.
    Add,
    /// `a - b`
    Subtract,
    /// `a * b`; of booleans, both.
    Multiply,
    /// `a / b`, of integers too.
    Divide,
    /// `a / b`, and 0 where `b` is 0.
    DivideNoNan,
    /// `a / b`, rounded down.
    FloorDivide,
    /// The rest of [`FloorDivide`](Self::FloorDivide): it has the sign of `b`.
    Modulo,
    /// The rest of division towards zero: it has the sign of `a`.
    Remainder,
    /// `a` to the power of `b`.
    Power,
    /// The larger.
    Maximum,
    /// The smaller.
    Minimum,
    /// `(a - b)²`
    SquaredDifference,
    /// The angle of the point `(b, a)`.
    Arctan2,
    /// `√(a² + b²)`
    Hypot,
    /// `log(exp a + exp b)`
    Logaddexp,
}

impl Binary {
    /// The kind of the result for operands that have `kind` together.
    pub fn kind(self, kind: Kind) -> Option<Kind> {
        let is_logical = matches!(
            self,
            Self::Add | Self::Multiply | Self::Maximum | Self::Minimum
        );
        match self {
            Self::Divide | Self::DivideNoNan | Self::Arctan2 | Self::Hypot | Self::Logaddexp => {
                Some(Kind::Float)
            }
            _ if kind == Kind::Bool && !is_logical => None,
            _ => Some(kind),
        }
    }
}

/// A comparison of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
}

/// A function of two truths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Logic {
    And,
    Or,
    Xor,
}

/// A question about a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// Not a number.
    Nan,
    /// Infinite.
    Infinite,
    /// Neither.
    Finite,
}

/// `call(x)`.
fn unary(a: &mut Arguments, which: Unary) -> Operator {
    a.operand("x");
    Operator::Unary(which)
}

/// `call(x1, x2)`.
fn binary(a: &mut Arguments, which: Binary) -> Operator {
    a.operand("x1");
    a.operand("x2");
    Operator::Binary(which)
}

fn compare(a: &mut Arguments, which: Comparison) -> Operator {
    a.operand("x1");
    a.operand("x2");
    // TensorFlow's option for shapes that do not broadcast.
    a.bool("incompatible_shape_error", true);
    Operator::Compare(which)
}

fn logic(a: &mut Arguments, which: Logic) -> Operator {
    a.operand("x1");
    a.operand("x2");
    Operator::Logic(which)
}

fn test(a: &mut Arguments, which: Test) -> Operator {
    a.operand("x");
    Operator::Test(which)
}

/// `call(x)` and an optional dtype of the result.
fn identity(a: &mut Arguments) -> Operator {
    a.operand("x");
    match a.kind("dtype") {
        Some(kind) => Operator::Cast(kind),
        None => Operator::Identity,
    }
}

fn cast(a: &mut Arguments) -> Operator {
    a.operand("x");
    match a.kind("dtype") {
        Some(kind) => Operator::Cast(kind),
        None => {
            a.unsupported("dtype", "a dtype", "nothing");
            Operator::Identity
        }
    }
}

fn clip(a: &mut Arguments) -> Operator {
    a.operand("x");
    Operator::Clip {
        least: a.number("x_min", f64::NEG_INFINITY),
        most: a.number("x_max", f64::INFINITY),
    }
}

/// `call(condition, x1, x2)`.
fn select(a: &mut Arguments) -> Operator {
    a.operand("condition");
    a.operand("x1");
    a.operand("x2");
    Operator::Where
}

fn activation(a: &mut Arguments, which: Activation) -> Operator {
    a.operand("x");
    Operator::Activation(which)
}

pub(super) const ROWS: &[Row] = &[
    row("Absolute", &["x"], |a| unary(a, Unary::Absolute)),
    row("Abs", &["x"], |a| unary(a, Unary::Absolute)),
    row("Fabs", &["x"], |a| unary(a, Unary::FloatAbsolute)),
    row("Negative", &["x"], |a| unary(a, Unary::Negative)),
    row("Sign", &["x"], |a| unary(a, Unary::Sign)),
    row("Square", &["x"], |a| unary(a, Unary::Square)),
    row("Round", &["x"], |a| {
        if a.integer("decimals", 0) != 0 {
            a.unsupported("decimals", "0", "another number");
        }
        unary(a, Unary::Round)
    }),
    row("Trunc", &["x"], |a| unary(a, Unary::Trunc)),
    row("Floor", &["x"], |a| unary(a, Unary::Floor)),
    row("Ceil", &["x"], |a| unary(a, Unary::Ceil)),
    row("Sqrt", &["x"], |a| unary(a, Unary::Sqrt)),
    row("Rsqrt", &["x"], |a| unary(a, Unary::Rsqrt)),
    row("Cbrt", &["x"], |a| unary(a, Unary::Cbrt)),
    row("Reciprocal", &["x"], |a| unary(a, Unary::Reciprocal)),
    row("Exp", &["x"], |a| unary(a, Unary::Exp)),
    row("Exp2", &["x"], |a| unary(a, Unary::Exp2)),
    row("Expm1", &["x"], |a| unary(a, Unary::Expm1)),
    row("Log", &["x"], |a| unary(a, Unary::Log)),
    row("Log2", &["x"], |a| unary(a, Unary::Log2)),
    row("Log10", &["x"], |a| unary(a, Unary::Log10)),
    row("Log1p", &["x"], |a| unary(a, Unary::Log1p)),
    row("Sin", &["x"], |a| unary(a, Unary::Sin)),
    row("Cos", &["x"], |a| unary(a, Unary::Cos)),
    row("Tan", &["x"], |a| unary(a, Unary::Tan)),
    row("Arcsin", &["x"], |a| unary(a, Unary::Arcsin)),
    row("Arccos", &["x"], |a| unary(a, Unary::Arccos)),
    row("Arctan", &["x"], |a| unary(a, Unary::Arctan)),
    row("Sinh", &["x"], |a| unary(a, Unary::Sinh)),
    row("Cosh", &["x"], |a| unary(a, Unary::Cosh)),
    row("Tanh", &["x"], |a| unary(a, Unary::Tanh)),
    row("Arcsinh", &["x"], |a| unary(a, Unary::Arcsinh)),
    row("Arccosh", &["x"], |a| unary(a, Unary::Arccosh)),
    row("Arctanh", &["x"], |a| unary(a, Unary::Arctanh)),
    row("Sinc", &["x"], |a| unary(a, Unary::Sinc)),
    row("Erf", &["x"], |a| unary(a, Unary::Erf)),
    row("Erfc", &["x"], |a| unary(a, Unary::Erfc)),
    row("Deg2rad", &["x"], |a| unary(a, Unary::DegreesToRadians)),
    row("Rad2deg", &["x"], |a| unary(a, Unary::RadiansToDegrees)),
    // The parts of a number that is not complex.
    row("Real", &["x"], identity),
    row("Conjugate", &["x"], identity),
    row("Conj", &["x"], identity),
    row("Copy", &["x"], identity),
    row("StopGradient", &["x"], |a| {
        if a.optional_operand("variable") {
            Operator::Identity
        } else {
            identity(a)
        }
    }),
    row("ConvertToTensor", &["x"], |a| {
        for option in ["sparse", "ragged"] {
            a.bool(option, false);
        }
        identity(a)
    }),
    row("Array", &["x"], identity),
    row("Cast", &["x"], cast),
    row("Add", &["x1", "x2"], |a| binary(a, Binary::Add)),
    row("Subtract", &["x1", "x2"], |a| binary(a, Binary::Subtract)),
    row("Multiply", &["x1", "x2"], |a| binary(a, Binary::Multiply)),
    row("Divide", &["x1", "x2"], |a| binary(a, Binary::Divide)),
    row("TrueDivide", &["x1", "x2"], |a| binary(a, Binary::Divide)),
    row("DivideNoNan", &["x1", "x2"], |a| {
        binary(a, Binary::DivideNoNan)
    }),
    row("FloorDivide", &["x1", "x2"], |a| {
        binary(a, Binary::FloorDivide)
    }),
    row("Mod", &["x1", "x2"], |a| binary(a, Binary::Modulo)),
    row("Fmod", &["x1", "x2"], |a| binary(a, Binary::Remainder)),
    row("Power", &["x1", "x2"], |a| binary(a, Binary::Power)),
    row("Maximum", &["x1", "x2"], |a| binary(a, Binary::Maximum)),
    row("Minimum", &["x1", "x2"], |a| binary(a, Binary::Minimum)),
    row("Arctan2", &["x1", "x2"], |a| binary(a, Binary::Arctan2)),
    row("Hypot", &["x1", "x2"], |a| binary(a, Binary::Hypot)),
    row("Logaddexp", &["x1", "x2"], |a| binary(a, Binary::Logaddexp)),
    row("SquaredDifference", &["x1", "x2"], |a| {
        binary(a, Binary::SquaredDifference)
    })
    .of_tensorflow(),
    row("BiasAdd", &["x1", "x2"], |a| {
        a.choice("data_format", &["N...C", "NWC", "NHWC", "NDHWC"]);
        binary(a, Binary::Add)
    })
    .of_tensorflow(),
    row("AddN", &["x"], |a| {
        a.operands("x");
        Operator::AddN
    })
    .of_tensorflow(),
    row("Equal", &["x1", "x2"], |a| compare(a, Comparison::Equal)),
    row("NotEqual", &["x1", "x2"], |a| {
        compare(a, Comparison::NotEqual)
    }),
    row("Greater", &["x1", "x2"], |a| {
        compare(a, Comparison::Greater)
    }),
    row("GreaterEqual", &["x1", "x2"], |a| {
        compare(a, Comparison::GreaterEqual)
    }),
    row("Less", &["x1", "x2"], |a| compare(a, Comparison::Less)),
    row("LessEqual", &["x1", "x2"], |a| {
        compare(a, Comparison::LessEqual)
    }),
    row("LogicalAnd", &["x1", "x2"], |a| logic(a, Logic::And)),
    row("LogicalOr", &["x1", "x2"], |a| logic(a, Logic::Or)),
    row("LogicalXor", &["x1", "x2"], |a| logic(a, Logic::Xor)),
    row("LogicalNot", &["x"], |a| {
        a.operand("x");
        Operator::Not
    }),
    row("Isnan", &["x"], |a| test(a, Test::Nan)),
    row("Isinf", &["x"], |a| test(a, Test::Infinite)),
    row("Isfinite", &["x"], |a| test(a, Test::Finite)),
    row("Isposinf", &["x"], |a| {
        a.operand("x");
        a.add_number(f64::INFINITY);
        Operator::Compare(Comparison::Equal)
    }),
    row("Isneginf", &["x"], |a| {
        a.operand("x");
        a.add_number(f64::NEG_INFINITY);
        Operator::Compare(Comparison::Equal)
    }),
    row("Where", &["condition", "x1", "x2"], select),
    row("Clip", &["x", "x_min", "x_max"], clip),
    row("NanToNum", &["x"], |a| {
        a.operand("x");
        Operator::NanToNum {
            nan: a.number("nan", 0.0),
            infinity: a.number("posinf", f64::from(f32::MAX)),
            minus_infinity: a.number("neginf", f64::from(f32::MIN)),
        }
    }),
    // Activations.
    row("Relu", &["x"], |a| activation(a, Activation::Relu)),
    row("ReLU", &["x"], |a| {
        let which = Activation::ReluWith {
            negative_slope: a.number("negative_slope", 0.0),
            max_value: a.optional_number("max_value"),
            threshold: a.number("threshold", 0.0),
        };
        activation(a, which)
    }),
    row("Relu6", &["x"], |a| activation(a, Activation::Relu6)),
    row("Sigmoid", &["x"], |a| activation(a, Activation::Sigmoid)),
    row("SparseSigmoid", &["x"], |a| {
        activation(a, Activation::SparseSigmoid)
    }),
    row("Softplus", &["x"], |a| activation(a, Activation::Softplus)),
    row("Softsign", &["x"], |a| activation(a, Activation::Softsign)),
    row("SoftShrink", &["x"], |a| {
        let threshold = a.number("threshold", 0.5);
        activation(a, Activation::SoftShrink { threshold })
    }),
    row("SparsePlus", &["x"], |a| {
        activation(a, Activation::SparsePlus)
    }),
    row("Silu", &["x"], |a| {
        if a.number("beta", 1.0) != 1.0 {
            a.unsupported("beta", "1", "another number");
        }
        activation(a, Activation::Silu)
    }),
    row("Squareplus", &["x"], |a| {
        let b = a.number("b", 4.0);
        activation(a, Activation::Squareplus { b })
    }),
    row("LogSigmoid", &["x"], |a| {
        activation(a, Activation::LogSigmoid)
    }),
    row("LeakyRelu", &["x"], |a| {
        let negative_slope = a.number("negative_slope", 0.2);
        activation(a, Activation::LeakyRelu { negative_slope })
    }),
    row("HardSigmoid", &["x"], |a| {
        let (alpha, beta) = match a.family() {
            // Keras 3: relu6(x + 3) / 6; tf.keras: 0.2 x + 0.5.
            Family::Keras => (1.0 / 6.0, 0.5),
            _ => (0.2, 0.5),
        };
        activation(a, Activation::HardSigmoid { alpha, beta })
    }),
    row("HardSilu", &["x"], |a| activation(a, Activation::HardSwish)),
    row("Elu", &["x"], |a| {
        let alpha = a.number("alpha", 1.0);
        activation(a, Activation::Elu { alpha })
    }),
    row("Selu", &["x"], |a| activation(a, Activation::Selu)),
    row("Gelu", &["x"], |a| {
        let which = match a.bool("approximate", true) {
            true => Activation::GeluApproximate,
            false => Activation::Gelu,
        };
        activation(a, which)
    }),
    row("Celu", &["x"], |a| {
        let alpha = a.number("alpha", 1.0);
        activation(a, Activation::Celu { alpha })
    }),
    row("Mish", &["x"], |a| activation(a, Activation::Mish)),
    row("TanhShrink", &["x"], |a| {
        activation(a, Activation::TanhShrink)
    }),
    row("HardTanh", &["x"], |a| activation(a, Activation::HardTanh)),
    row("HardShrink", &["x"], |a| {
        let threshold = a.number("threshold", 0.5);
        activation(a, Activation::HardShrink { threshold })
    }),
    row("Threshold", &["x"], |a| {
        let threshold = a.number("threshold", 0.0);
        let default_value = a.number("default_value", 0.0);
        activation(
            a,
            Activation::Threshold {
                threshold,
                default_value,
            },
        )
    }),
];
