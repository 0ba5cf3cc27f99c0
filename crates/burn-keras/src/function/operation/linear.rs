//! Products.

use burn::tensor::{Float, Int, Tensor};
use burn_keras_nn::einsum as products;

use super::numbers;
use crate::function::{merging, no_rank, take};
use crate::rank::at_rank;
use crate::value::Erased;
use crate::{Error, Value};

pub(super) fn matmul(a: Value, b: Value) -> Result<Value, Error> {
    let [a, b] = take(merging::as_wide(vec![a, b])?)?;
    numbers!(a, D, K, a => a.matmul(Tensor::<D, K>::restore(b)?))
}

pub(in crate::function) fn einsum(
    inputs: Vec<Value>,
    equation: &str,
    rank: usize,
) -> Result<Value, Error> {
    at_rank!(rank, D2 => einsum_to::<D2>(inputs, equation), else no_rank(rank))
}

fn einsum_to<const D2: usize>(inputs: Vec<Value>, equation: &str) -> Result<Value, Error>
where
    Tensor<D2>: Erased,
    Tensor<D2, Int>: Erased,
{
    if let [a] = inputs.as_slice() {
        let a = a.clone();
        return numbers!(a, D, K, a => products::einsum_of_one::<D, D2, K>(a, equation));
    }
    let [a, b] = take(merging::as_wide(inputs)?)?;
    let of_b = b.rank();
    at_rank!(of_b, B => einsum_with::<B, D2>(a, b, equation), else no_rank(of_b))
}

fn einsum_with<const B: usize, const D2: usize>(
    a: Value,
    b: Value,
    equation: &str,
) -> Result<Value, Error>
where
    Tensor<B>: Erased,
    Tensor<B, Int>: Erased,
    Tensor<D2>: Erased,
    Tensor<D2, Int>: Erased,
{
    numbers!(a, D, K, a => {
        let b = Tensor::<B, K>::restore(b)?;
        products::einsum::<D, B, D2, K>(a, b, equation)
    })
}
