//! Elements by their places.

use burn::tensor::{Bool, Float, Int, Tensor};
use burn_keras_nn::indexing;
use keras_ir::layer::operation::indexing::Range;

use super::numbers;
use crate::function::{any_kind, array, no_rank};
use crate::rank::at_rank;
use crate::value::Erased;
use crate::{Error, Value};

pub(super) fn slice(x: Value, ranges: &[Range]) -> Result<Value, Error> {
    let ranges: Vec<indexing::Range> = { ranges.iter() }
        .map(|range| (range.start, range.stop, range.step.unwrap_or(1)))
        .collect();
    any_kind!(x, D, K, x => indexing::slice::<D, K>(x, array(&ranges)?); Tensor<D, K>)
}

pub(super) fn one_hot(x: Value, classes: usize, axis: usize) -> Result<Value, Error> {
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

pub(super) fn take(x: Value, places: Value, axis: usize, rank: usize) -> Result<Value, Error> {
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

pub(super) fn take_along(x: Value, places: Value, axis: usize) -> Result<Value, Error> {
    numbers!(x, D, K, x => indexing::take_along::<D, K>(x, Tensor::restore(places)?, axis))
}
