//! Functions that move elements or change their kind.

use burn::tensor::{Bool, Float, Int, Tensor};
use burn_keras_nn::{padding, resize, shape};

use super::{any_kind, array, float, no_rank};
use crate::rank::at_rank;
use crate::value::Erased;
use crate::{Error, Value};

pub(super) fn to_float(x: Value) -> Result<Value, Error> {
    at_rank!(x.rank(), D => match x {
        Value::Int(_) => Ok(Tensor::<D, Int>::restore(x)?.float().erase()),
        Value::Bool(_) => Ok(Tensor::<D, Bool>::restore(x)?.float().erase()),
        Value::Float(_) => Ok(x),
    }, else no_rank(x.rank()))
}

pub(super) fn to_int(x: Value) -> Result<Value, Error> {
    at_rank!(x.rank(), D => match x {
        Value::Float(_) => Ok(Tensor::<D>::restore(x)?.int().erase()),
        Value::Bool(_) => Ok(Tensor::<D, Bool>::restore(x)?.int().erase()),
        Value::Int(_) => Ok(x),
    }, else no_rank(x.rank()))
}

pub(super) fn permute(x: Value, axes: &[usize]) -> Result<Value, Error> {
    any_kind!(x, D, K, x => x.permute(array::<usize, D>(axes)?); Tensor<D, K>)
}

pub(super) fn reshape(x: Value, shape: &[i64]) -> Result<Value, Error> {
    let rank = shape.len();
    at_rank!(rank, D2 => {
        let shape: [i64; D2] = array(shape)?;
        any_kind!(x, D, K, x => x.reshape(shape); Tensor<D2, K>)
    }, else no_rank(rank))
}

pub(super) fn expand_dims(x: Value, axes: &[usize]) -> Result<Value, Error> {
    let axes: Vec<isize> = axes.iter().map(|axis| axis.cast_signed()).collect();
    let rank = x.rank() + axes.len();
    at_rank!(rank, D2 => {
        any_kind!(x, D, K, x => x.unsqueeze_dims::<D2>(&axes); Tensor<D2, K>)
    }, else no_rank(rank))
}

pub(super) fn repeat_vector(x: Value, count: usize) -> Result<Value, Error> {
    Ok(match x {
        Value::Float(_) => shape::repeat_vector(Tensor::<2, Float>::restore(x)?, count).erase(),
        Value::Int(_) => shape::repeat_vector(Tensor::<2, Int>::restore(x)?, count).erase(),
        Value::Bool(_) => shape::repeat_vector(Tensor::<2, Bool>::restore(x)?, count).erase(),
    })
}

pub(super) fn fold_steps(x: Value) -> Result<Value, Error> {
    let folded = x.shape();
    let mut sizes = vec![-1];
    sizes.extend(folded.get(2..).unwrap_or_default().iter().map(to_i64));
    reshape(x, &sizes)
}

pub(super) fn unfold_steps(x: Value, like: &Value) -> Result<Value, Error> {
    let (shape, like) = (x.shape(), like.shape());
    let steps = like.get(..2).unwrap_or_default();
    let sizes: Vec<i64> = steps
        .iter()
        .chain(shape.get(1..).unwrap_or_default())
        .map(to_i64)
        .collect();
    reshape(x, &sizes)
}

fn to_i64(size: &usize) -> i64 {
    i64::try_from(*size).unwrap_or(i64::MAX)
}

pub(super) fn reverse(x: Value, axis: usize) -> Result<Value, Error> {
    any_kind!(x, D, K, x => x.flip([axis]); Tensor<D, K>)
}

pub(super) fn pad(x: Value, pairs: &[(usize, usize)]) -> Result<Value, Error> {
    float!(x, D, x => padding::pad::<D>(x, array(pairs)?))
}

pub(super) fn crop(x: Value, pairs: &[(usize, usize)]) -> Result<Value, Error> {
    any_kind!(x, D, K, x => padding::crop::<D, K>(x, array(pairs)?); Tensor<D, K>)
}

pub(super) fn repeat(x: Value, factors: &[usize]) -> Result<Value, Error> {
    any_kind!(x, D, K, x => resize::repeat::<D, K>(x, array(factors)?); Tensor<D, K>)
}

pub(super) fn pad_same(
    x: Value,
    kernel: &[usize],
    strides: &[usize],
    dilation: &[usize],
) -> Result<Value, Error> {
    /// All numbers as arrays of as many spatial axes as the function has.
    macro_rules! padded {
        ($function:ident) => {{
            let (kernel, strides, dilation) = (array(kernel)?, array(strides)?, array(dilation)?);
            Ok(padding::$function(Tensor::restore(x)?, kernel, strides, dilation).erase())
        }};
    }
    match kernel.len() {
        1 => padded!(pad_same1d),
        2 => padded!(pad_same2d),
        _ => padded!(pad_same3d),
    }
}
