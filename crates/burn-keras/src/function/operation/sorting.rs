//! Elements in order.

use burn::tensor::{Float, Int, Tensor};

use super::numbers;
use crate::value::Erased;
use crate::{Error, Value};

pub(super) fn sort(x: Value, axis: usize, descending: bool) -> Result<Value, Error> {
    numbers!(x, D, K, x => if descending { x.sort_descending(axis) } else { x.sort(axis) })
}

pub(super) fn argsort(x: Value, axis: usize, descending: bool) -> Result<Value, Error> {
    numbers!(x, D, K, x => if descending { x.argsort_descending(axis) } else { x.argsort(axis) })
}
