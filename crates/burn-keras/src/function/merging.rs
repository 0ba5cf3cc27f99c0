//! Functions that merge tensors.

use burn::tensor::kind::{Basic, Ordered};
use burn::tensor::{Bool, Float, Int, IntDType, Tensor};
use burn_keras_import::plan::Function;
use burn_keras_nn::merge as nn;

use super::no_rank;
use crate::rank::at_rank;
use crate::value::Erased;
use crate::{Error, Value};

pub(super) fn merge(function: &Function, a: Value, b: Value) -> Result<Value, Error> {
    let rank = a.rank();
    let [a, b] = super::take(as_wide(vec![a, b])?)?;
    match a {
        Value::Int(_) => at_rank!(rank, D => two::<D, Int>(function, a, b), else no_rank(rank)),
        _ => at_rank!(rank, D => two::<D, Float>(function, a, b), else no_rank(rank)),
    }
}

fn two<const D: usize, K: Ordered>(function: &Function, a: Value, b: Value) -> Result<Value, Error>
where
    Tensor<D, K>: Erased,
{
    let (a, b) = (Tensor::<D, K>::restore(a)?, Tensor::restore(b)?);
    let y = match function {
        Function::Add => nn::add(a, b),
        Function::Subtract => nn::subtract(a, b),
        Function::Multiply => nn::multiply(a, b),
        Function::Maximum => nn::maximum(a, b),
        Function::Minimum => nn::minimum(a, b),
        _ => {
            return Err(Error::Data(format!(
                "{function:?} does not take two inputs"
            )));
        }
    };
    Ok(y.erase())
}

pub(super) fn dot(a: Value, b: Value, axes: [usize; 2], rank: usize) -> Result<Value, Error> {
    let (a_rank, b_rank) = (a.rank(), b.rank());
    at_rank!(a_rank, A => at_rank!(b_rank, B => at_rank!(rank, D => {
        dot_of::<A, B, D>(a, b, axes)
    }, else no_rank(rank)), else no_rank(b_rank)), else no_rank(a_rank))
}

fn dot_of<const A: usize, const B: usize, const D: usize>(
    a: Value,
    b: Value,
    axes: [usize; 2],
) -> Result<Value, Error>
where
    Tensor<A>: Erased,
    Tensor<B>: Erased,
    Tensor<D>: Erased,
{
    if D != (A + B).saturating_sub(3).max(2) {
        return no_rank(D);
    }
    Ok(nn::dot::<A, B, D>(Tensor::restore(a)?, Tensor::restore(b)?, axes).erase())
}

pub(super) fn cosine(a: Value, b: Value) -> Result<Value, Error> {
    Ok(nn::cosine(Tensor::restore(a)?, Tensor::restore(b)?).erase())
}

pub(super) fn average(inputs: Vec<Value>) -> Result<Value, Error> {
    let rank = inputs.first().map_or(0, Value::rank);
    at_rank!(rank, D => average_of(restore_all::<D, Float>(inputs)?), else no_rank(rank))
}

fn average_of<const D: usize>(tensors: Vec<Tensor<D>>) -> Result<Value, Error>
where
    Tensor<D>: Erased,
{
    let mut tensors = tensors.into_iter();
    match tensors.next() {
        Some(first) => Ok(nn::average(first, tensors.collect()).erase()),
        None => no_rank(D),
    }
}

/// Integers of several widths in the widest: Burn computes with one alone.
pub(super) fn as_wide(inputs: Vec<Value>) -> Result<Vec<Value>, Error> {
    let is_int = |value: &Value| matches!(value, Value::Int(_));
    let first = inputs.iter().find(|value| is_int(value)).map(Value::dtype);
    let other = |value: &Value| is_int(value) && Some(value.dtype()) != first;
    if !inputs.iter().any(other) {
        return Ok(inputs);
    }
    let widen = |value: Value| match value.rank() {
        rank if is_int(&value) => at_rank!(rank, D => {
            Ok(Tensor::<D, Int>::restore(value)?.cast(IntDType::I64).erase())
        }, else no_rank(rank)),
        _ => Ok(value),
    };
    inputs.into_iter().map(widen).collect()
}

pub(super) fn concatenate(inputs: Vec<Value>, axis: usize) -> Result<Value, Error> {
    let inputs = as_wide(inputs)?;
    let Some(first) = inputs.first() else {
        return no_rank(0);
    };
    let rank = first.rank();
    match first {
        Value::Float(_) => {
            at_rank!(rank, D => join::<D, Float>(inputs, axis), else no_rank(rank))
        }
        Value::Int(_) => at_rank!(rank, D => join::<D, Int>(inputs, axis), else no_rank(rank)),
        Value::Bool(_) => at_rank!(rank, D => join::<D, Bool>(inputs, axis), else no_rank(rank)),
    }
}

fn join<const D: usize, K: Basic>(inputs: Vec<Value>, axis: usize) -> Result<Value, Error>
where
    Tensor<D, K>: Erased,
{
    Ok(Tensor::cat(restore_all::<D, K>(inputs)?, axis).erase())
}

fn restore_all<const D: usize, K: Basic>(values: Vec<Value>) -> Result<Vec<Tensor<D, K>>, Error>
where
    Tensor<D, K>: Erased,
{
    values.into_iter().map(Tensor::restore).collect()
}
