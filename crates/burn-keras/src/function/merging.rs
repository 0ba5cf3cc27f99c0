//! Functions that merge tensors.

use burn::tensor::kind::Basic;
use burn::tensor::{Bool, Float, Int, Tensor};
use burn_keras_import::plan::Function;
use burn_keras_nn::merge as nn;

use super::{float, no_rank};
use crate::rank::at_rank;
use crate::value::Erased;
use crate::{Error, Value};

pub(super) fn merge(function: &Function, a: Value, b: Value) -> Result<Value, Error> {
    float!(a, D, a => {
        let b = Tensor::<D>::restore(b)?;
        match function {
            Function::Add => nn::add(a, b),
            Function::Subtract => nn::subtract(a, b),
            Function::Multiply => nn::multiply(a, b),
            Function::Maximum => nn::maximum(a, b),
            Function::Minimum => nn::minimum(a, b),
            _ => return Err(Error::Data(format!("{function:?} does not take two inputs"))),
        }
    })
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

pub(super) fn concatenate(inputs: Vec<Value>, axis: usize) -> Result<Value, Error> {
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
