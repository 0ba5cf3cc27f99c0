//! Operations between layers, by family.

mod elementwise;
mod indexing;
mod linear;
mod reduction;
mod shaping;
mod sorting;

use burn::tensor::Tensor;
use burn_keras_import::plan::Function;
use burn_keras_nn::regularizer;

use super::no_rank;
use crate::rank::at_rank;
use crate::value::Erased;
use crate::{Error, Value};

pub(super) use elementwise::select;
pub(super) use linear::einsum;
pub(super) use shaping::{full_by, reshape_by};

/// `$body`, of a tensor `$t` of numbers of kind `$K` and of rank `$D`.
macro_rules! numbers {
    ($x:expr, $D:ident, $K:ident, $t:ident => $body:expr) => {{
        let x: Value = $x;
        let rank = x.rank();
        $crate::rank::at_rank!(rank, $D => match x {
            x @ Value::Float(_) => {
                type $K = Float;
                $crate::function::operation::with(x, |$t: Tensor<$D, $K>| Ok($body.erase()))
            }
            x @ Value::Int(_) => {
                type $K = Int;
                $crate::function::operation::with(x, |$t: Tensor<$D, $K>| Ok($body.erase()))
            }
            Value::Bool(_) => $crate::function::operation::no_numbers(),
        }, else $crate::function::no_rank(rank))
    }};
}

use numbers;

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
        Function::Unary(which) => elementwise::each(*which, x),
        Function::Scalar(binary, number) => elementwise::scalar(*binary, x, *number),
        Function::CompareScalar(comparison, number) => {
            elementwise::compare_scalar(*comparison, x, *number)
        }
        Function::Not => elementwise::not(x),
        Function::Test(test) => elementwise::test(*test, x),
        Function::Clip { least, most } => elementwise::clip(x, *least, *most),
        Function::Reduce { reduction, axes } => reduction::reduce(*reduction, x, axes, rank),
        Function::ArgReduce { largest, axis } => reduction::arg_reduce(x, *largest, *axis),
        Function::Cumulative { product, axis } => reduction::cumulative(x, *product, *axis),
        Function::Slice(ranges) => indexing::slice(x, ranges),
        Function::Squeeze(axes) => shaping::squeeze(x, axes, rank),
        Function::Tile(counts) => shaping::tile(x, counts),
        Function::Expand(sizes) => shaping::expand(x, sizes),
        Function::PadWith { widths, value } => shaping::pad_with(x, widths, *value),
        Function::OneHot { classes, axis } => indexing::one_hot(x, *classes, *axis),
        Function::Sort { axis, descending } => sorting::sort(x, *axis, *descending),
        Function::Argsort { axis, descending } => sorting::argsort(x, *axis, *descending),
        Function::Triangle { upper, diagonal } => shaping::triangle(x, *upper, *diagonal),
        Function::Full(number) => shaping::full(x, *number),
        Function::Constant(constant) => shaping::constant(x, constant),
        Function::Sizes => shaping::sizes(x),
        Function::DepthToSpace(block) => shaping::rearrange(x, *block, true),
        Function::SpaceToDepth(block) => shaping::rearrange(x, *block, false),
        Function::ActivityPenalty { l1, l2 } => activity_penalty(x, *l1, *l2),
        _ => Err(Error::Data(format!("{function:?} takes other inputs"))),
    }
}

pub(super) fn binary(function: &Function, a: Value, b: Value, rank: usize) -> Result<Value, Error> {
    match function {
        Function::Binary(which) => elementwise::pair(*which, a, b),
        Function::Compare(comparison) => elementwise::compare(*comparison, a, b),
        Function::Xor => elementwise::xor(a, b),
        Function::Take(axis) => indexing::take(a, b, *axis, rank),
        Function::TakeAlong(axis) => indexing::take_along(a, b, *axis),
        Function::Matmul => linear::matmul(a, b),
        _ => not_there(function),
    }
}

fn activity_penalty(x: Value, l1: f64, l2: f64) -> Result<Value, Error> {
    let rank = x.rank();
    at_rank!(rank, D => {
        with(x, |x: Tensor<D>| Ok(regularizer::activity_penalty(x, l1, l2).erase()))
    }, else no_rank(rank))
}
