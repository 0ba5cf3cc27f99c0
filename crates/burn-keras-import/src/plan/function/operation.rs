//! How operations are called: which have a method in Burn, and which a function in `burn-keras-nn`.

use keras_ir::layer::operation::Constant;
use keras_ir::layer::operation::elementwise::{Binary, Comparison, Unary};
use keras_ir::layer::operation::reduction::Reduction;
use keras_ir::shape::Kind;

use super::{Expression, ReducedAxes};
use crate::plan::literal::Literal;

fn method(name: &'static str) -> Expression {
    Expression::Method(name, vec![])
}

fn elementwise(name: &'static str) -> Expression {
    Expression::Function("elementwise", name, vec![])
}

/// A number as one of `kind`; integers are cut off.
pub(super) fn number(value: f64, kind: Kind) -> Literal {
    // As Rust casts: towards zero, within the bounds.
    #[allow(clippy::cast_possible_truncation)]
    match kind {
        Kind::Float => Literal::Float(value),
        Kind::Int => Literal::Integer(value as i64),
        Kind::Bool => Literal::Bool(value != 0.0),
    }
}

pub(super) fn unary(unary: Unary) -> Expression {
    match unary {
        Unary::Absolute | Unary::FloatAbsolute => method("abs"),
        Unary::Negative => method("neg"),
        Unary::Sign => method("sign"),
        Unary::Square => method("square"),
        Unary::Round => elementwise("round"),
        Unary::Trunc => method("trunc"),
        Unary::Floor => method("floor"),
        Unary::Ceil => method("ceil"),
        Unary::Sqrt => method("sqrt"),
        Unary::Rsqrt => elementwise("rsqrt"),
        Unary::Cbrt => elementwise("cbrt"),
        Unary::Reciprocal => method("recip"),
        Unary::Exp => method("exp"),
        Unary::Exp2 => elementwise("exp2"),
        Unary::Expm1 => elementwise("expm1"),
        Unary::Log => method("log"),
        Unary::Log2 => elementwise("log2"),
        Unary::Log10 => elementwise("log10"),
        Unary::Log1p => method("log1p"),
        Unary::Sin => method("sin"),
        Unary::Cos => method("cos"),
        Unary::Tan => method("tan"),
        Unary::Arcsin => elementwise("arcsin"),
        Unary::Arccos => elementwise("arccos"),
        Unary::Arctan => method("atan"),
        Unary::Sinh => method("sinh"),
        Unary::Cosh => method("cosh"),
        Unary::Tanh => method("tanh"),
        Unary::Arcsinh => method("asinh"),
        Unary::Arccosh => method("acosh"),
        Unary::Arctanh => method("atanh"),
        Unary::Sinc => elementwise("sinc"),
        Unary::Erf => method("erf"),
        Unary::Erfc => elementwise("erfc"),
        Unary::DegreesToRadians => method("deg2rad"),
        Unary::RadiansToDegrees => method("rad2deg"),
    }
}

pub(super) fn binary(binary: Binary, kind: Kind) -> Expression {
    let merge = |name| Expression::Function("merge", name, vec![]);
    let is_int = kind == Kind::Int;
    match binary {
        Binary::Add if is_int => elementwise("int_add"),
        Binary::Subtract if is_int => elementwise("int_subtract"),
        Binary::Multiply if is_int => elementwise("int_multiply"),
        Binary::FloorDivide if is_int => elementwise("int_floor_divide"),
        Binary::Modulo if is_int => elementwise("int_modulo"),
        Binary::Remainder if is_int => elementwise("int_remainder"),
        Binary::Power if is_int => elementwise("int_power"),
        Binary::Maximum if is_int => elementwise("int_maximum"),
        Binary::Minimum if is_int => elementwise("int_minimum"),
        Binary::SquaredDifference if is_int => elementwise("int_squared_difference"),
        Binary::Add => merge("add"),
        Binary::Subtract => merge("subtract"),
        Binary::Multiply => merge("multiply"),
        Binary::Maximum => merge("maximum"),
        Binary::Minimum => merge("minimum"),
        Binary::Divide => elementwise("divide"),
        Binary::DivideNoNan => elementwise("divide_no_nan"),
        Binary::FloorDivide => elementwise("floor_divide"),
        Binary::Modulo => elementwise("modulo"),
        Binary::Remainder => elementwise("remainder"),
        Binary::Power => elementwise("power"),
        Binary::SquaredDifference => elementwise("squared_difference"),
        Binary::Arctan2 => elementwise("arctan2"),
        Binary::Hypot => elementwise("hypot"),
        Binary::Logaddexp => elementwise("logaddexp"),
    }
}

/// The operations that have a method for a number.
pub(crate) fn has_scalar(binary: Binary, kind: Kind) -> bool {
    match binary {
        Binary::Add | Binary::Subtract | Binary::Multiply => true,
        Binary::Divide | Binary::Power => kind == Kind::Float,
        _ => false,
    }
}

pub(super) fn scalar(binary: Binary, value: f64, kind: Kind) -> Expression {
    let name = match binary {
        Binary::Subtract => "sub_scalar",
        Binary::Multiply => "mul_scalar",
        Binary::Divide => "div_scalar",
        Binary::Power => "powf_scalar",
        _ => "add_scalar",
    };
    Expression::Method(name, vec![number(value, kind)])
}

pub(super) fn compare(comparison: Comparison, kind: Kind) -> Expression {
    let is_int = kind == Kind::Int;
    elementwise(match comparison {
        Comparison::Equal if is_int => "int_equal",
        Comparison::NotEqual if is_int => "int_not_equal",
        Comparison::Greater if is_int => "int_greater",
        Comparison::GreaterEqual if is_int => "int_greater_equal",
        Comparison::Less if is_int => "int_less",
        Comparison::LessEqual if is_int => "int_less_equal",
        Comparison::Equal => "equal",
        Comparison::NotEqual => "not_equal",
        Comparison::Greater => "greater",
        Comparison::GreaterEqual => "greater_equal",
        Comparison::Less => "less",
        Comparison::LessEqual => "less_equal",
    })
}

pub(super) fn compare_scalar(comparison: Comparison, value: f64, kind: Kind) -> Expression {
    let name = match comparison {
        Comparison::Equal => "equal_scalar",
        Comparison::NotEqual => "not_equal_scalar",
        Comparison::Greater => "greater_scalar",
        Comparison::GreaterEqual => "greater_equal_scalar",
        Comparison::Less => "lower_scalar",
        Comparison::LessEqual => "lower_equal_scalar",
    };
    Expression::Method(name, vec![number(value, kind)])
}

/// The reductions that have a function; the importer makes the others of these.
pub(super) fn reduce(reduction: Reduction, axes: &ReducedAxes) -> Expression {
    let name = match reduction {
        Reduction::Mean => "mean",
        Reduction::Max => "max",
        Reduction::Min => "min",
        Reduction::Product => "product",
        Reduction::LogSumExp => "log_sum_exp",
        Reduction::Median => {
            let axis = axes.axes.first().copied().unwrap_or(0);
            return Expression::Function("reduction", "median", vec![axis.into()]);
        }
        _ => "sum",
    };
    Expression::Function("reduction", name, vec![Literal::sizes(&axes.axes)])
}

pub(super) fn constant(constant: &Constant) -> Expression {
    let name = match constant.kind {
        Kind::Float => "constant",
        Kind::Int => "int_constant",
        Kind::Bool => "bool_constant",
    };
    let values = { constant.values.iter() }.map(|value| number(*value, constant.kind));
    let arguments = vec![
        Literal::Slice(values.collect()),
        Literal::sizes(&constant.shape),
    ];
    Expression::Function("shape", name, arguments)
}
