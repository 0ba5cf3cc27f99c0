//! Operations between layers: elementwise, reductions, places, products.

use burn::tensor::kind::{Basic, Numeric, Ordered};
use burn::tensor::{Bool, Float, Int, Tensor};
use burn_keras_import::plan::{Function, ReducedAxes};
use burn_keras_nn::{
    einsum as products, elementwise, indexing, merge, reduction, regularizer, shape,
};
use keras_ir::layer::operation::Constant;
use keras_ir::layer::operation::elementwise::{Binary, Comparison, Test, Unary};
use keras_ir::layer::operation::indexing::Range;
use keras_ir::layer::operation::reduction::Reduction;
use keras_ir::shape::Kind;

use super::{any_kind, apply, array, float, no_rank};
use crate::rank::{at_number, at_rank};
use crate::value::Erased;
use crate::{Error, Value};

/// `$body`, of a tensor `$t` of numbers of kind `$K` and of rank `$D`.
macro_rules! numbers {
    ($x:expr, $D:ident, $K:ident, $t:ident => $body:expr) => {{
        let x: Value = $x;
        let rank = x.rank();
        at_rank!(rank, $D => match x {
            x @ Value::Float(_) => {
                type $K = Float;
                with(x, |$t: Tensor<$D, $K>| Ok($body.erase()))
            }
            x @ Value::Int(_) => {
                type $K = Int;
                with(x, |$t: Tensor<$D, $K>| Ok($body.erase()))
            }
            Value::Bool(_) => no_numbers(),
        }, else no_rank(rank))
    }};
}

/// A function of a tensor as one of a value.
fn with<A: Erased>(x: Value, f: impl FnOnce(A) -> Result<Value, Error>) -> Result<Value, Error> {
    f(A::restore(x)?)
}

fn no_numbers<T>() -> Result<T, Error> {
    Err(Error::Data("booleans are no numbers".into()))
}

fn not_there<T>(function: &dyn std::fmt::Debug) -> Result<T, Error> {
    Err(Error::Data(format!("{function:?} has no such form")))
}

/// A number as an integer: as generated source has it.
#[allow(clippy::cast_possible_truncation)]
fn whole(value: f64) -> i64 {
    value as i64
}

pub(super) fn unary(function: &Function, x: Value, rank: usize) -> Result<Value, Error> {
    match function {
        Function::Unary(which) => each(*which, x),
        Function::Scalar(binary, number) => scalar(*binary, x, *number),
        Function::CompareScalar(comparison, number) => compare_scalar(*comparison, x, *number),
        Function::Not => {
            at_rank!(x.rank(), D => apply(x, |x: Tensor<D, Bool>| Ok(x.bool_not())), else no_rank(rank))
        }
        Function::Test(test) => self::test(*test, x),
        Function::Clip { least, most } => clip(x, *least, *most),
        Function::Reduce { reduction, axes } => reduce(*reduction, x, axes, rank),
        Function::ArgReduce { largest, axis } => arg_reduce(x, *largest, *axis),
        Function::Cumulative { product, axis } => cumulative(x, *product, *axis),
        Function::Slice(ranges) => slice(x, ranges),
        Function::Squeeze(axes) => squeeze(x, axes, rank),
        Function::Tile(counts) => any_kind!(x, D, K, x => x.repeat(counts); Tensor<D, K>),
        Function::Expand(sizes) => expand(x, sizes),
        Function::PadWith { widths, value } => {
            numbers!(x, D, K, x => indexing::pad_with::<D, K>(x, array(widths)?, *value))
        }
        Function::OneHot { classes, axis } => one_hot(x, *classes, *axis),
        Function::Sort { axis, descending } => sort(x, *axis, *descending),
        Function::Argsort { axis, descending } => argsort(x, *axis, *descending),
        Function::Triangle { upper, diagonal } => triangle(x, *upper, *diagonal),
        Function::Full(number) => full(x, *number),
        Function::Constant(constant) => self::constant(x, constant),
        Function::Sizes => any_kind!(x, D, K, x => shape::sizes::<D, K>(x); Tensor<1, Int>),
        Function::DepthToSpace(block) => rearrange(x, *block, true),
        Function::SpaceToDepth(block) => rearrange(x, *block, false),
        Function::ActivityPenalty { l1, l2 } => activity_penalty(x, *l1, *l2),
        _ => Err(Error::Data(format!("{function:?} takes other inputs"))),
    }
}

pub(super) fn binary(function: &Function, a: Value, b: Value, rank: usize) -> Result<Value, Error> {
    match function {
        Function::Binary(which) => pair(*which, a, b),
        Function::Compare(comparison) => compare(*comparison, a, b),
        Function::Xor => {
            let rank = a.rank();
            at_rank!(rank, D => apply(a, |a: Tensor<D, Bool>| {
                Ok(elementwise::xor(a, Tensor::<D, Bool>::restore(b)?))
            }), else no_rank(rank))
        }
        Function::Take(axis) => take(a, b, *axis, rank),
        Function::TakeAlong(axis) => {
            numbers!(a, D, K, a => indexing::take_along::<D, K>(a, Tensor::restore(b)?, *axis))
        }
        Function::Matmul => {
            let [a, b] = super::take(super::merging::as_wide(vec![a, b])?)?;
            numbers!(a, D, K, a => a.matmul(Tensor::<D, K>::restore(b)?))
        }
        _ => not_there(function),
    }
}

fn each(which: Unary, x: Value) -> Result<Value, Error> {
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

fn pair(which: Binary, a: Value, b: Value) -> Result<Value, Error> {
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

fn scalar(which: Binary, x: Value, number: f64) -> Result<Value, Error> {
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

fn compare(which: Comparison, a: Value, b: Value) -> Result<Value, Error> {
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

fn compare_scalar(which: Comparison, x: Value, number: f64) -> Result<Value, Error> {
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

fn test(which: Test, x: Value) -> Result<Value, Error> {
    let rank = x.rank();
    at_rank!(rank, D => apply(x, |x: Tensor<D>| Ok(match which {
        Test::Nan => x.is_nan(),
        Test::Infinite => x.is_inf(),
        Test::Finite => x.is_finite(),
    })), else no_rank(rank))
}

fn clip(x: Value, least: Option<f64>, most: Option<f64>) -> Result<Value, Error> {
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

pub(super) fn select(x: Value, keep: Value, other: Value) -> Result<Value, Error> {
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

fn reduce(
    which: Reduction,
    x: Value,
    ReducedAxes { axes, .. }: &ReducedAxes,
    rank: usize,
) -> Result<Value, Error> {
    let of_x = x.rank();
    at_rank!(of_x, D => reduce_from::<D>(which, x, axes, rank), else no_rank(of_x))
}

fn reduce_from<const D: usize>(
    which: Reduction,
    x: Value,
    axes: &[usize],
    rank: usize,
) -> Result<Value, Error>
where
    Tensor<D>: Erased,
    Tensor<D, Int>: Erased,
{
    at_rank!(rank, D2 => reduce_to::<D, D2>(which, x, axes), else no_rank(rank))
}

fn reduce_to<const D: usize, const D2: usize>(
    which: Reduction,
    x: Value,
    axes: &[usize],
) -> Result<Value, Error>
where
    Tensor<D>: Erased,
    Tensor<D2>: Erased,
    Tensor<D, Int>: Erased,
    Tensor<D2, Int>: Erased,
{
    let count = axes.len();
    at_number!(count, N in 1 2 3 4 5 6 => {
        reduce_over::<D, D2, N>(which, x, array(axes)?)
    }, else no_rank(count))
}

fn reduce_over<const D: usize, const D2: usize, const N: usize>(
    which: Reduction,
    x: Value,
    axes: [usize; N],
) -> Result<Value, Error>
where
    Tensor<D>: Erased,
    Tensor<D2>: Erased,
    Tensor<D, Int>: Erased,
    Tensor<D2, Int>: Erased,
{
    match x {
        Value::Int(_) => Ok(int_reduce::<D, D2, N>(which, Tensor::restore(x)?, axes)?.erase()),
        _ => Ok(float_reduce::<D, D2, N>(which, Tensor::restore(x)?, axes)?.erase()),
    }
}

fn float_reduce<const D: usize, const D2: usize, const N: usize>(
    which: Reduction,
    x: Tensor<D>,
    axes: [usize; N],
) -> Result<Tensor<D2>, Error> {
    Ok(match which {
        Reduction::Sum => reduction::sum(x, axes),
        Reduction::Mean => reduction::mean(x, axes),
        Reduction::Max => reduction::max(x, axes),
        Reduction::Min => reduction::min(x, axes),
        Reduction::Product => reduction::product(x, axes),
        Reduction::LogSumExp => reduction::log_sum_exp(x, axes),
        Reduction::Median => reduction::median(x, axes[0]),
        other => return not_there(&other),
    })
}

fn int_reduce<const D: usize, const D2: usize, const N: usize>(
    which: Reduction,
    x: Tensor<D, Int>,
    axes: [usize; N],
) -> Result<Tensor<D2, Int>, Error> {
    Ok(match which {
        Reduction::Sum => reduction::sum(x, axes),
        Reduction::Max => reduction::max(x, axes),
        Reduction::Min => reduction::min(x, axes),
        Reduction::Product => reduction::product(x, axes),
        other => return not_there(&other),
    })
}

fn arg_reduce(x: Value, largest: bool, axis: usize) -> Result<Value, Error> {
    numbers!(x, D, K, x => extremum::<D, K>(x, largest, axis))
}

fn extremum<const D: usize, K: Ordered>(
    x: Tensor<D, K>,
    largest: bool,
    axis: usize,
) -> Tensor<D, Int> {
    if largest {
        x.argmax(axis)
    } else {
        x.argmin(axis)
    }
}

fn cumulative(x: Value, product: bool, axis: usize) -> Result<Value, Error> {
    numbers!(x, D, K, x => if product { x.cumprod(axis) } else { x.cumsum(axis) })
}

fn slice(x: Value, ranges: &[Range]) -> Result<Value, Error> {
    let ranges: Vec<indexing::Range> = { ranges.iter() }
        .map(|range| (range.start, range.stop, range.step.unwrap_or(1)))
        .collect();
    any_kind!(x, D, K, x => indexing::slice::<D, K>(x, array(&ranges)?); Tensor<D, K>)
}

fn squeeze(x: Value, axes: &[usize], rank: usize) -> Result<Value, Error> {
    let axes: Vec<isize> = axes.iter().map(|axis| axis.cast_signed()).collect();
    at_rank!(rank, D2 => {
        any_kind!(x, D, K, x => x.squeeze_dims::<D2>(&axes); Tensor<D2, K>)
    }, else no_rank(rank))
}

fn expand(x: Value, sizes: &[i64]) -> Result<Value, Error> {
    any_kind!(x, D, K, x => {
        let sizes: [i64; D] = array(sizes)?;
        x.expand(sizes)
    }; Tensor<D, K>)
}

fn one_hot(x: Value, classes: usize, axis: usize) -> Result<Value, Error> {
    macro_rules! classes_of {
        ($($rank:literal)*) => {
            match x.rank() {
                $($rank => Ok(indexing::one_hot::<$rank, { $rank + 1 }>(x.try_into()?, classes, axis).into()),)*
                rank => no_rank(rank),
            }
        };
    }
    classes_of!(1 2 3 4 5)
}

fn take(x: Value, places: Value, axis: usize, rank: usize) -> Result<Value, Error> {
    let of_places = places.rank();
    if x.rank() + of_places != rank + 1 {
        return no_rank(rank);
    }
    at_rank!(of_places, DI => {
        take_to::<DI>(x, Tensor::restore(places)?, axis, rank)
    }, else no_rank(of_places))
}

fn take_to<const DI: usize>(
    x: Value,
    places: Tensor<DI, Int>,
    axis: usize,
    rank: usize,
) -> Result<Value, Error> {
    at_rank!(rank, D2 => taken::<DI, D2>(x, places, axis), else no_rank(rank))
}

fn taken<const DI: usize, const D2: usize>(
    x: Value,
    places: Tensor<DI, Int>,
    axis: usize,
) -> Result<Value, Error>
where
    Tensor<D2>: Erased,
    Tensor<D2, Int>: Erased,
{
    numbers!(x, D, K, x => indexing::take::<D, DI, D2, K>(x, places, axis))
}

fn sort(x: Value, axis: usize, descending: bool) -> Result<Value, Error> {
    numbers!(x, D, K, x => if descending { x.sort_descending(axis) } else { x.sort(axis) })
}

fn argsort(x: Value, axis: usize, descending: bool) -> Result<Value, Error> {
    numbers!(x, D, K, x => if descending { x.argsort_descending(axis) } else { x.argsort(axis) })
}

fn triangle(x: Value, upper: bool, diagonal: i64) -> Result<Value, Error> {
    numbers!(x, D, K, x => part_of::<D, K>(x, upper, diagonal))
}

fn part_of<const D: usize, K: Numeric>(
    x: Tensor<D, K>,
    upper: bool,
    diagonal: i64,
) -> Tensor<D, K> {
    if upper {
        x.triu(diagonal)
    } else {
        x.tril(diagonal)
    }
}

fn full(x: Value, number: f64) -> Result<Value, Error> {
    let rank = x.rank();
    match x {
        Value::Int(_) => at_rank!(rank, D => apply(x, |x: Tensor<D, Int>| {
            Ok(x.full_like(whole(number)))
        }), else no_rank(rank)),
        _ => float!(x, D, x => x.full_like(number)),
    }
}

fn constant(like: Value, constant: &Constant) -> Result<Value, Error> {
    let rank = constant.shape.len();
    at_rank!(rank, D2 => constant_of::<D2>(like, constant), else no_rank(rank))
}

fn constant_of<const D2: usize>(like: Value, constant: &Constant) -> Result<Value, Error>
where
    Tensor<D2>: Erased,
    Tensor<D2, Int>: Erased,
    Tensor<D2, Bool>: Erased,
{
    let sizes: [usize; D2] = array(&constant.shape)?;
    let values = &constant.values;
    match constant.kind {
        Kind::Float => {
            any_kind!(like, D, K, x => shape::constant::<D2, D, K>(x, values, sizes); Tensor<D2>)
        }
        Kind::Int => int_constant(
            like,
            values.iter().map(|value| whole(*value)).collect(),
            sizes,
        ),
        Kind::Bool => bool_constant(
            like,
            values.iter().map(|value| *value != 0.0).collect(),
            sizes,
        ),
    }
}

fn int_constant<const D2: usize>(
    like: Value,
    values: Vec<i64>,
    sizes: [usize; D2],
) -> Result<Value, Error>
where
    Tensor<D2, Int>: Erased,
{
    any_kind!(like, D, K, x => {
        shape::int_constant::<D2, D, K>(x, &values, sizes)
    }; Tensor<D2, Int>)
}

fn bool_constant<const D2: usize>(
    like: Value,
    values: Vec<bool>,
    sizes: [usize; D2],
) -> Result<Value, Error>
where
    Tensor<D2, Bool>: Erased,
{
    any_kind!(like, D, K, x => {
        shape::bool_constant::<D2, D, K>(x, &values, sizes)
    }; Tensor<D2, Bool>)
}

fn rearrange(x: Value, block: usize, to_space: bool) -> Result<Value, Error> {
    fn of_kind<K: Basic>(x: Tensor<4, K>, block: usize, to_space: bool) -> Tensor<4, K> {
        if to_space {
            shape::depth_to_space(x, block)
        } else {
            shape::space_to_depth(x, block)
        }
    }
    Ok(match x {
        Value::Float(_) => of_kind(Tensor::<4>::restore(x)?, block, to_space).erase(),
        Value::Int(_) => of_kind(Tensor::<4, Int>::restore(x)?, block, to_space).erase(),
        Value::Bool(_) => of_kind(Tensor::<4, Bool>::restore(x)?, block, to_space).erase(),
    })
}

fn activity_penalty(x: Value, l1: f64, l2: f64) -> Result<Value, Error> {
    let rank = x.rank();
    at_rank!(rank, D => {
        with(x, |x: Tensor<D>| Ok(regularizer::activity_penalty(x, l1, l2).erase()))
    }, else no_rank(rank))
}

/// Tensors of one element each.
fn sizes(values: impl Iterator<Item = Value>) -> Result<Vec<Tensor<1, Int>>, Error> {
    values.map(Tensor::restore).collect()
}

pub(super) fn reshape_by(inputs: Vec<Value>, target: &[i64]) -> Result<Value, Error> {
    let mut inputs = inputs.into_iter();
    let Some(x) = inputs.next() else {
        return no_rank(0);
    };
    let sizes = sizes(inputs)?;
    let mut held = sizes.iter();
    let target: Result<Vec<i64>, Error> = { target.iter() }
        .map(|size| match size {
            -2 => match held.next() {
                Some(tensor) => {
                    let values = tensor.clone().try_into_vec_as::<i64>();
                    let values = values.map_err(|error| Error::Data(format!("{error:?}")))?;
                    Ok(values.first().copied().unwrap_or(1))
                }
                None => no_rank(0),
            },
            size => Ok(*size),
        })
        .collect();
    let target = target?;
    crate::fit::reshape(&x.shape(), &target).map_err(Error::Data)?;
    super::shaping::reshape(x, &target)
}

pub(super) fn full_by(inputs: Vec<Value>, target: &[i64], value: f64) -> Result<Value, Error> {
    let mut sizes = sizes(inputs.into_iter())?;
    if sizes.is_empty() {
        return no_rank(0);
    }
    let first = sizes.remove(0);
    let rank = target.len();
    at_rank!(rank, D => {
        Ok(shape::full_by::<D>(first, sizes, array(target)?, value).erase())
    }, else no_rank(rank))
}

pub(super) fn einsum(inputs: Vec<Value>, equation: &str, rank: usize) -> Result<Value, Error> {
    at_rank!(rank, D2 => einsum_to::<D2>(inputs, equation), else no_rank(rank))
}

fn einsum_to<const D2: usize>(inputs: Vec<Value>, equation: &str) -> Result<Value, Error>
where
    Tensor<D2>: Erased,
    Tensor<D2, Int>: Erased,
{
    if let [a] = inputs.as_slice() {
        let a = a.clone();
        return numbers!(a, D, K, a => products::einsum_of_one::<D, D2, K>(a, equation));
    }
    let [a, b] = super::take(super::merging::as_wide(inputs)?)?;
    let of_b = b.rank();
    at_rank!(of_b, B => einsum_with::<B, D2>(a, b, equation), else no_rank(of_b))
}

fn einsum_with<const B: usize, const D2: usize>(
    a: Value,
    b: Value,
    equation: &str,
) -> Result<Value, Error>
where
    Tensor<B>: Erased,
    Tensor<B, Int>: Erased,
    Tensor<D2>: Erased,
    Tensor<D2, Int>: Erased,
{
    numbers!(a, D, K, a => {
        let b = Tensor::<B, K>::restore(b)?;
        products::einsum::<D, B, D2, K>(a, b, equation)
    })
}
