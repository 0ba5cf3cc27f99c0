//! Other shapes, and tensors of constants.

use burn::tensor::kind::{Basic, Numeric};
use burn::tensor::{Bool, Float, Int, Tensor};
use burn_keras_nn::{indexing, shape};
use keras_ir::layer::operation::Constant;
use keras_ir::shape::Kind;

use super::{numbers, whole};
use crate::function::{any_kind, apply, array, float, no_rank};
use crate::rank::at_rank;
use crate::value::Erased;
use crate::{Error, Value};

pub(super) fn squeeze(x: Value, axes: &[usize], rank: usize) -> Result<Value, Error> {
    let axes: Vec<isize> = axes.iter().map(|axis| axis.cast_signed()).collect();
    at_rank!(rank, D2 => {
        any_kind!(x, D, K, x => x.squeeze_dims::<D2>(&axes); Tensor<D2, K>)
    }, else no_rank(rank))
}

pub(super) fn expand(x: Value, sizes: &[i64]) -> Result<Value, Error> {
    any_kind!(x, D, K, x => {
        let sizes: [i64; D] = array(sizes)?;
        x.expand(sizes)
    }; Tensor<D, K>)
}

pub(super) fn tile(x: Value, counts: &[usize]) -> Result<Value, Error> {
    any_kind!(x, D, K, x => x.repeat(counts); Tensor<D, K>)
}

pub(super) fn pad_with(x: Value, widths: &[(usize, usize)], value: f64) -> Result<Value, Error> {
    numbers!(x, D, K, x => indexing::pad_with::<D, K>(x, array(widths)?, value))
}

pub(super) fn sizes(x: Value) -> Result<Value, Error> {
    any_kind!(x, D, K, x => shape::sizes::<D, K>(x); Tensor<1, Int>)
}

pub(super) fn triangle(x: Value, upper: bool, diagonal: i64) -> Result<Value, Error> {
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

pub(super) fn full(x: Value, number: f64) -> Result<Value, Error> {
    let rank = x.rank();
    match x {
        Value::Int(_) => at_rank!(rank, D => apply(x, |x: Tensor<D, Int>| {
            Ok(x.full_like(whole(number)))
        }), else no_rank(rank)),
        _ => float!(x, D, x => x.full_like(number)),
    }
}

pub(super) fn constant(like: Value, constant: &Constant) -> Result<Value, Error> {
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

pub(super) fn rearrange(x: Value, block: usize, to_space: bool) -> Result<Value, Error> {
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

/// Tensors of one element each.
fn held(values: impl Iterator<Item = Value>) -> Result<Vec<Tensor<1, Int>>, Error> {
    values.map(Tensor::restore).collect()
}

pub(in crate::function) fn reshape_by(inputs: Vec<Value>, target: &[i64]) -> Result<Value, Error> {
    let mut inputs = inputs.into_iter();
    let Some(x) = inputs.next() else {
        return no_rank(0);
    };
    let sizes = held(inputs)?;
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
    crate::function::shaping::reshape(x, &target)
}

pub(in crate::function) fn full_by(
    inputs: Vec<Value>,
    target: &[i64],
    value: f64,
) -> Result<Value, Error> {
    let mut sizes = held(inputs.into_iter())?;
    if sizes.is_empty() {
        return no_rank(0);
    }
    let first = sizes.remove(0);
    let rank = target.len();
    at_rank!(rank, D => {
        Ok(shape::full_by::<D>(first, sizes, array(target)?, value).erase())
    }, else no_rank(rank))
}
