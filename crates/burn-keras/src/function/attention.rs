//! Functions around attention over any axes.

use burn::tensor::{Bool, Tensor};
use burn_keras_nn::attention;

use super::no_rank;
use crate::rank::at_rank;
use crate::value::Erased;
use crate::{Error, Value};

pub(super) fn fold_axes(x: Value, axes: &[usize]) -> Result<Value, Error> {
    let rank = x.rank();
    at_rank!(rank, D => {
        Ok(attention::fold_axes(Tensor::<D>::restore(x)?, axes).erase())
    }, else no_rank(rank))
}

pub(super) fn unfold_axes(x: Value, like: Value, axes: &[usize]) -> Result<Value, Error> {
    let x = Tensor::<3>::restore(x)?;
    let rank = like.rank();
    at_rank!(rank, D => {
        Ok(attention::unfold_axes(x, Tensor::<D>::restore(like)?, axes).erase())
    }, else no_rank(rank))
}

pub(super) fn fold_mask(
    mask: Value,
    query: Value,
    key: Value,
    axes: &[usize],
) -> Result<Value, Error> {
    let (of_mask, rank) = (mask.rank(), query.rank());
    at_rank!(of_mask, M => at_rank!(rank, D => {
        let mask = Tensor::<M, Bool>::restore(mask)?;
        let (query, key) = (Tensor::<D>::restore(query)?, Tensor::<D>::restore(key)?);
        Ok(attention::fold_mask(mask, query, key, axes).erase())
    }, else no_rank(rank)), else no_rank(of_mask))
}

pub(super) fn unfold_scores(
    scores: Value,
    query: Value,
    key: Value,
    axes: &[usize],
    rank: usize,
) -> Result<Value, Error> {
    let scores = Tensor::<4>::restore(scores)?;
    let of_query = query.rank();
    at_rank!(of_query, D => at_rank!(rank, D2 => {
        let (query, key) = (Tensor::<D>::restore(query)?, Tensor::<D>::restore(key)?);
        Ok(attention::unfold_scores::<D, D2>(scores, query, key, axes).erase())
    }, else no_rank(rank)), else no_rank(of_query))
}
