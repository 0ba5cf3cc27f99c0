//! Fewer elements of many, and sums of all before each.

use burn::tensor::kind::Ordered;
use burn::tensor::{Float, Int, Tensor};
use burn_keras_import::plan::ReducedAxes;
use burn_keras_nn::reduction;
use keras_ir::layer::operation::reduction::Reduction;

use super::{not_there, numbers};
use crate::function::{array, no_rank};
use crate::rank::{at_number, at_rank};
use crate::value::Erased;
use crate::{Error, Value};

pub(super) fn reduce(
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

pub(super) fn arg_reduce(x: Value, largest: bool, axis: usize) -> Result<Value, Error> {
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

pub(super) fn cumulative(x: Value, product: bool, axis: usize) -> Result<Value, Error> {
    numbers!(x, D, K, x => if product { x.cumprod(axis) } else { x.cumsum(axis) })
}
