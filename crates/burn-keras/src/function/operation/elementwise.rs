//! Functions of each element.

use burn::tensor::{Bool, Float, Int, Tensor};
use burn_keras_nn::{elementwise, indexing, merge};
use keras_ir::layer::operation::elementwise::{Binary, Comparison, Test, Unary};

use super::{not_there, whole};
use crate::function::{any_kind, apply, float, no_rank};
use crate::rank::at_rank;
use crate::value::Erased;
use crate::{Error, Value};

pub(super) fn each(which: Unary, x: Value) -> Result<Value, Error> {
    let rank = x.rank();
    match x {
        Value::Int(_) => at_rank!(rank, D => {
            apply(x, |x: Tensor<D, Int>| int_each(which, x))
        }, else no_rank(rank)),
        _ => float!(x, D, x => float_each(which, x)),
    }
}

fn float_each<const D: usize>(which: Unary, x: Tensor<D>) -> Tensor<D> {
    match which {
        Unary::Absolute | Unary::FloatAbsolute => x.abs(),
        Unary::Negative => x.neg(),
        Unary::Sign => x.sign(),
        Unary::Square => x.square(),
        Unary::Round => elementwise::round(x),
        Unary::Trunc => x.trunc(),
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Sqrt => x.sqrt(),
        Unary::Rsqrt => elementwise::rsqrt(x),
        Unary::Cbrt => elementwise::cbrt(x),
        Unary::Reciprocal => x.recip(),
        Unary::Exp => x.exp(),
        Unary::Exp2 => elementwise::exp2(x),
        Unary::Expm1 => elementwise::expm1(x),
        Unary::Log => x.log(),
        Unary::Log2 => elementwise::log2(x),
        Unary::Log10 => elementwise::log10(x),
        Unary::Log1p => x.log1p(),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Tan => x.tan(),
        Unary::Arcsin => elementwise::arcsin(x),
        Unary::Arccos => elementwise::arccos(x),
        Unary::Arctan => x.atan(),
        Unary::Sinh => x.sinh(),
        Unary::Cosh => x.cosh(),
        Unary::Tanh => x.tanh(),
        Unary::Arcsinh => x.asinh(),
        Unary::Arccosh => x.acosh(),
        Unary::Arctanh => x.atanh(),
        Unary::Sinc => elementwise::sinc(x),
        Unary::Erf => x.erf(),
        Unary::Erfc => elementwise::erfc(x),
        Unary::DegreesToRadians => x.deg2rad(),
        Unary::RadiansToDegrees => x.rad2deg(),
    }
}

fn int_each<const D: usize>(which: Unary, x: Tensor<D, Int>) -> Result<Tensor<D, Int>, Error> {
    Ok(match which {
        Unary::Absolute => x.abs(),
        Unary::Negative => x.neg(),
        Unary::Sign => x.sign(),
        Unary::Square => x.square(),
        other => return not_there(&other),
    })
}

pub(super) fn pair(which: Binary, a: Value, b: Value) -> Result<Value, Error> {
    let rank = a.rank();
    match a {
        Value::Int(_) => at_rank!(rank, D => apply(a, |a: Tensor<D, Int>| {
            int_pair(which, a, Tensor::restore(b)?)
        }), else no_rank(rank)),
        _ => float!(a, D, a => float_pair(which, a, Tensor::<D>::restore(b)?)),
    }
}

fn float_pair<const D: usize>(which: Binary, a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    match which {
        Binary::Add => merge::add(a, b),
        Binary::Subtract => merge::subtract(a, b),
        Binary::Multiply => merge::multiply(a, b),
        Binary::Maximum => merge::maximum(a, b),
        Binary::Minimum => merge::minimum(a, b),
        Binary::Divide => elementwise::divide(a, b),
        Binary::DivideNoNan => elementwise::divide_no_nan(a, b),
        Binary::FloorDivide => elementwise::floor_divide(a, b),
        Binary::Modulo => elementwise::modulo(a, b),
        Binary::Remainder => elementwise::remainder(a, b),
        Binary::Power => elementwise::power(a, b),
        Binary::SquaredDifference => elementwise::squared_difference(a, b),
        Binary::Arctan2 => elementwise::arctan2(a, b),
        Binary::Hypot => elementwise::hypot(a, b),
        Binary::Logaddexp => elementwise::logaddexp(a, b),
    }
}

fn int_pair<const D: usize>(
    which: Binary,
    a: Tensor<D, Int>,
    b: Tensor<D, Int>,
) -> Result<Tensor<D, Int>, Error> {
    Ok(match which {
        Binary::Add => elementwise::int_add(a, b),
        Binary::Subtract => elementwise::int_subtract(a, b),
        Binary::Multiply => elementwise::int_multiply(a, b),
        Binary::FloorDivide => elementwise::int_floor_divide(a, b),
        Binary::Modulo => elementwise::int_modulo(a, b),
        Binary::Remainder => elementwise::int_remainder(a, b),
        Binary::Power => elementwise::int_power(a, b),
        Binary::Maximum => elementwise::int_maximum(a, b),
        Binary::Minimum => elementwise::int_minimum(a, b),
        Binary::SquaredDifference => elementwise::int_squared_difference(a, b),
        other => return not_there(&other),
    })
}

pub(super) fn scalar(which: Binary, x: Value, number: f64) -> Result<Value, Error> {
    let rank = x.rank();
    match x {
        Value::Int(_) => at_rank!(rank, D => apply(x, |x: Tensor<D, Int>| {
            let number = whole(number);
            Ok(match which {
                Binary::Add => x.add_scalar(number),
                Binary::Subtract => x.sub_scalar(number),
                Binary::Multiply => x.mul_scalar(number),
                other => return not_there(&other),
            })
        }), else no_rank(rank)),
        _ => float!(x, D, x => match which {
            Binary::Add => x.add_scalar(number),
            Binary::Subtract => x.sub_scalar(number),
            Binary::Multiply => x.mul_scalar(number),
            Binary::Divide => x.div_scalar(number),
            Binary::Power => x.powf_scalar(number),
            other => return not_there(&other),
        }),
    }
}

pub(super) fn compare(which: Comparison, a: Value, b: Value) -> Result<Value, Error> {
    let rank = a.rank();
    match a {
        Value::Int(_) => at_rank!(rank, D => apply(a, |a: Tensor<D, Int>| {
            let b = Tensor::restore(b)?;
            Ok(match which {
                Comparison::Equal => elementwise::int_equal(a, b),
                Comparison::NotEqual => elementwise::int_not_equal(a, b),
                Comparison::Greater => elementwise::int_greater(a, b),
                Comparison::GreaterEqual => elementwise::int_greater_equal(a, b),
                Comparison::Less => elementwise::int_less(a, b),
                Comparison::LessEqual => elementwise::int_less_equal(a, b),
            })
        }), else no_rank(rank)),
        _ => at_rank!(rank, D => apply(a, |a: Tensor<D>| {
            let b = Tensor::restore(b)?;
            Ok(match which {
                Comparison::Equal => elementwise::equal(a, b),
                Comparison::NotEqual => elementwise::not_equal(a, b),
                Comparison::Greater => elementwise::greater(a, b),
                Comparison::GreaterEqual => elementwise::greater_equal(a, b),
                Comparison::Less => elementwise::less(a, b),
                Comparison::LessEqual => elementwise::less_equal(a, b),
            })
        }), else no_rank(rank)),
    }
}

pub(super) fn compare_scalar(which: Comparison, x: Value, number: f64) -> Result<Value, Error> {
    let rank = x.rank();
    match x {
        Value::Int(_) => at_rank!(rank, D => apply(x, |x: Tensor<D, Int>| {
            let number = whole(number);
            Ok(match which {
                Comparison::Equal => x.equal_scalar(number),
                Comparison::NotEqual => x.not_equal_scalar(number),
                Comparison::Greater => x.greater_scalar(number),
                Comparison::GreaterEqual => x.greater_equal_scalar(number),
                Comparison::Less => x.lower_scalar(number),
                Comparison::LessEqual => x.lower_equal_scalar(number),
            })
        }), else no_rank(rank)),
        _ => at_rank!(rank, D => apply(x, |x: Tensor<D>| {
            Ok(match which {
                Comparison::Equal => x.equal_scalar(number),
                Comparison::NotEqual => x.not_equal_scalar(number),
                Comparison::Greater => x.greater_scalar(number),
                Comparison::GreaterEqual => x.greater_equal_scalar(number),
                Comparison::Less => x.lower_scalar(number),
                Comparison::LessEqual => x.lower_equal_scalar(number),
            })
        }), else no_rank(rank)),
    }
}

pub(super) fn not(x: Value) -> Result<Value, Error> {
    let rank = x.rank();
    at_rank!(rank, D => apply(x, |x: Tensor<D, Bool>| Ok(x.bool_not())), else no_rank(rank))
}

pub(super) fn xor(a: Value, b: Value) -> Result<Value, Error> {
    let rank = a.rank();
    at_rank!(rank, D => apply(a, |a: Tensor<D, Bool>| {
        Ok(elementwise::xor(a, Tensor::<D, Bool>::restore(b)?))
    }), else no_rank(rank))
}

pub(super) fn test(which: Test, x: Value) -> Result<Value, Error> {
    let rank = x.rank();
    at_rank!(rank, D => apply(x, |x: Tensor<D>| Ok(match which {
        Test::Nan => x.is_nan(),
        Test::Infinite => x.is_inf(),
        Test::Finite => x.is_finite(),
    })), else no_rank(rank))
}

pub(super) fn clip(x: Value, least: Option<f64>, most: Option<f64>) -> Result<Value, Error> {
    let rank = x.rank();
    match x {
        Value::Int(_) => at_rank!(rank, D => apply(x, |x: Tensor<D, Int>| {
            Ok(match (least.map(whole), most.map(whole)) {
                (Some(least), Some(most)) => x.clamp(least, most),
                (Some(least), None) => x.clamp_min(least),
                (None, Some(most)) => x.clamp_max(most),
                (None, None) => x,
            })
        }), else no_rank(rank)),
        _ => float!(x, D, x => match (least, most) {
            (Some(least), Some(most)) => x.clamp(least, most),
            (Some(least), None) => x.clamp_min(least),
            (None, Some(most)) => x.clamp_max(most),
            (None, None) => x,
        }),
    }
}

pub(in crate::function) fn select(x: Value, keep: Value, other: Value) -> Result<Value, Error> {
    let rank = x.rank();
    match x {
        Value::Int(_) => at_rank!(rank, D => apply(x, |x: Tensor<D, Int>| {
            Ok(indexing::int_select(x, Tensor::restore(keep)?, Tensor::restore(other)?))
        }), else no_rank(rank)),
        _ => any_kind!(x, D, K, x => {
            let keep = Tensor::<D, Bool>::restore(keep)?;
            indexing::select::<D, K>(x, keep, Tensor::restore(other)?)
        }; Tensor<D, K>),
    }
}
