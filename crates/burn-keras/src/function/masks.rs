//! Functions that make masks and use them.

use burn::tensor::{Bool, Float, Int, Tensor};
use burn_keras_import::plan::Function;
use burn_keras_nn::mask;

use super::{any_kind, apply, float, no_rank};
use crate::rank::at_rank;
use crate::value::Erased;
use crate::{Error, Value};

#[allow(clippy::cast_possible_truncation)] // as generated source has it
pub(super) fn not_equal(x: Value, value: f64) -> Result<Value, Error> {
    let whole = value as i64;
    let rank = x.rank();
    at_rank!(rank, D => match x {
        Value::Float(_) => apply(x, |x: Tensor<D>| Ok(mask::not_equal(x, value))),
        Value::Int(_) => apply(x, |x: Tensor<D, Int>| Ok(mask::not_equal_int(x, whole))),
        Value::Bool(_) => apply(x, |x: Tensor<D, Bool>| Ok(mask::not_equal_bool(x, whole))),
    }, else no_rank(rank))
}

pub(super) fn above(x: Value, value: f64) -> Result<Value, Error> {
    let rank = x.rank();
    at_rank!(rank, D => apply(x, |x: Tensor<D>| Ok(mask::above(x, value))), else no_rank(rank))
}

pub(super) fn masking(x: Value, value: f64, rank: usize) -> Result<Value, Error> {
    let x_rank = x.rank();
    at_rank!(x_rank, D => at_rank!(rank, D2 => {
        apply(x, |x: Tensor<D>| Ok(mask::masking::<D, D2>(x, value)))
    }, else no_rank(rank)), else no_rank(x_rank))
}

pub(super) fn ones_mask(x: Value, rank: usize) -> Result<Value, Error> {
    at_rank!(rank, D2 => {
        any_kind!(x, D, K, x => mask::ones_mask::<D, D2, K>(x); Tensor<D2, Bool>)
    }, else no_rank(rank))
}

pub(super) fn zeros_mask(x: Value) -> Result<Value, Error> {
    any_kind!(x, D, K, x => mask::zeros_mask::<D, K>(x); Tensor<D, Bool>)
}

pub(super) fn any(x: Value, axis: usize, rank: usize) -> Result<Value, Error> {
    let x_rank = x.rank();
    at_rank!(x_rank, D => at_rank!(rank, D2 => {
        apply(x, |x: Tensor<D, Bool>| Ok(mask::any::<D, D2>(x, axis)))
    }, else no_rank(rank)), else no_rank(x_rank))
}

pub(super) fn combine(function: &Function, a: Value, b: Value) -> Result<Value, Error> {
    let rank = a.rank();
    at_rank!(rank, D => {
        apply(a, |a: Tensor<D, Bool>| {
            let b = Tensor::<D, Bool>::restore(b)?;
            match function {
                Function::And => Ok(mask::and(a, b)),
                _ => Ok(mask::or(a, b)),
            }
        })
    }, else no_rank(rank))
}

pub(super) fn apply_mask(x: Value, keep: Value) -> Result<Value, Error> {
    let rank = keep.rank();
    at_rank!(rank, D2 => {
        float!(x, D, x => mask::apply_mask::<D, D2>(x, Tensor::restore(keep)?))
    }, else no_rank(rank))
}

pub(super) fn fill(keep: Value, x: Value, value: f64) -> Result<Value, Error> {
    let rank = keep.rank();
    at_rank!(rank, D2 => {
        float!(x, D, x => mask::fill::<D, D2>(Tensor::restore(keep)?, x, value))
    }, else no_rank(rank))
}

pub(super) fn select(keep: Value, x: Value, other: Value) -> Result<Value, Error> {
    let rank = keep.rank();
    at_rank!(rank, D2 => {
        float!(x, D, x => {
            mask::select::<D, D2>(Tensor::restore(keep)?, x, Tensor::restore(other)?)
        })
    }, else no_rank(rank))
}

pub(super) fn causal(queries: Value, keys: Value, axis: usize) -> Result<Value, Error> {
    let rank = queries.rank();
    at_rank!(rank, D => {
        let (queries, keys) = (Tensor::<D>::restore(queries)?, Tensor::<D>::restore(keys)?);
        Ok(mask::causal(queries, keys, axis).erase())
    }, else no_rank(rank))
}

pub(super) fn window(
    queries: Value,
    keys: Value,
    axis: usize,
    size: usize,
) -> Result<Value, Error> {
    let rank = queries.rank();
    at_rank!(rank, D => {
        let (queries, keys) = (Tensor::<D>::restore(queries)?, Tensor::<D>::restore(keys)?);
        Ok(mask::window(queries, keys, axis, size).erase())
    }, else no_rank(rank))
}
