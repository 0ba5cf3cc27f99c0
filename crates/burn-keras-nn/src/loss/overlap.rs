//! Losses of the overlap of regions.

use alloc::vec::Vec;
use burn::tensor::Tensor;

use super::operations::EPSILON;
use super::pair::Pair;
use super::{ShapeError, Values};

/// The axes to sum over: all of them, unless there are `axes`.
fn axes<const D: usize>(pair: &Pair<D>, axes: Option<&[isize]>) -> Result<Vec<usize>, ShapeError> {
    match axes {
        Some(axes) => axes.iter().map(|axis| pair.axis(*axis)).collect(),
        None => Ok((pair.pad..D).collect()),
    }
}

pub(super) fn dice<const D: usize>(
    pair: Pair<D>,
    over: Option<&[isize]>,
) -> Result<Values, ShapeError> {
    let axes = axes(&pair, over)?;
    let sum = |x: Tensor<D>| x.sum_dims(&axes);
    let both = sum(pair.target.clone() * pair.output.clone()).mul_scalar(2.0);
    let all = (sum(pair.target) + sum(pair.output)).add_scalar(EPSILON);
    let values = (both / all).neg().add_scalar(1.0);
    Ok(Values::reduced(values, pair.pad, &axes))
}

pub(super) fn tversky<const D: usize>(
    pair: Pair<D>,
    alpha: f64,
    beta: f64,
    over: Option<&[isize]>,
) -> Result<Values, ShapeError> {
    let axes = axes(&pair, over)?;
    let sum = |x: Tensor<D>| x.sum_dims(&axes);
    let not = |x: Tensor<D>| x.neg().add_scalar(1.0);
    let (target, output) = (pair.target, pair.output);
    let both = sum(target.clone() * output.clone());
    // Keras's names for them are the other way round
    let missed = sum(not(output.clone()) * target.clone()).mul_scalar(alpha);
    let extra = sum(output * not(target)).mul_scalar(beta);
    let all = (both.clone() + missed + extra).add_scalar(EPSILON);
    let values = (both / all).neg().add_scalar(1.0);
    Ok(Values::reduced(values, pair.pad, &axes))
}
