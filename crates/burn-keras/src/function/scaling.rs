//! Numbers that stand in the plan.

use burn::tensor::Tensor;
use burn_keras_nn::normalization;

use super::float;
use crate::{Error, Value};

pub(super) fn scale(x: Value, factor: f64) -> Result<Value, Error> {
    float!(x, D, x => x.mul_scalar(factor))
}

pub(super) fn shift(x: Value, number: f64) -> Result<Value, Error> {
    float!(x, D, x => x.add_scalar(number))
}

pub(super) fn rescale(x: Value, scale: &[f64], offset: &[f64]) -> Result<Value, Error> {
    float!(x, D, x => normalization::rescale(x, scale, offset))
}
