//! Embedding lookup of any rank, and back from features to scores of all rows.

use burn::tensor::{Int, Tensor};

/// Row `ids[...]` of `weight` `[vocabulary, features]`: shape of `ids`, then `features`.
///
/// `D2` is `D + 1`. An id outside `0 .. vocabulary` gives a row of NaN, on every backend alike:
/// TensorFlow raises an error on a CPU and gives zeros on a GPU, Burn's backends differ. NaN
/// neither stops a running service nor passes for a value.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use burn_keras_nn::embedding::embedding;
///
/// fn forward(weight: Tensor<2>, ids: Tensor<2, Int>) -> Tensor<3> {
///     embedding(weight, ids)
/// }
/// ```
pub fn embedding<const D: usize, const D2: usize>(
    weight: Tensor<2>,
    ids: Tensor<D, Int>,
) -> Tensor<D2> {
    let dims = ids.dims();
    let [vocabulary, features] = weight.dims();
    let shape: [usize; D2] = core::array::from_fn(|i| dims.get(i).copied().unwrap_or(features));
    let count = dims.iter().product::<usize>();
    if vocabulary == 0 {
        let options = (&weight.device(), weight.dtype());
        return Tensor::full(shape, f32::NAN, options);
    }
    let ids: Tensor<1, Int> = ids.reshape([count]);
    let last = vocabulary as i64 - 1;
    let outside = ids
        .clone()
        .lower_scalar(0)
        .bool_or(ids.clone().greater_scalar(last))
        .reshape([count, 1])
        .expand([count, features]);
    weight
        .select(0, ids.clamp(0, last))
        .mask_fill(outside, f32::NAN)
        .reshape(shape)
}

/// The scores of all rows of `weight` `[vocabulary, features]`: `x weightᵀ`, for `x` of any rank with
/// the features last. The output layer of a language model whose kernel is its embedding's table.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::embedding::project;
///
/// fn logits(table: Tensor<2>, hidden: Tensor<3>) -> Tensor<3> {
///     project(table, hidden)
/// }
/// ```
///
/// # Panics
///
/// If `x` has another number of features.
pub fn project<const D: usize>(weight: Tensor<2>, x: Tensor<D>) -> Tensor<D> {
    let mut shape = x.dims();
    let [vocabulary, features] = weight.dims();
    let count = shape.iter().rev().skip(1).product::<usize>();
    if let Some(last) = shape.last_mut() {
        *last = vocabulary;
    }
    x.reshape([count, features])
        .matmul(weight.transpose())
        .reshape(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{devices, values};

    #[test]
    fn scores_of_all_rows() {
        for device in devices() {
            let weight = Tensor::<2>::from_floats([[1., 2.], [3., 4.], [5., 6.]], &device);
            let x = Tensor::<3>::from_floats([[[1., 0.], [0., 1.]]], &device);
            let y = project(weight, x);
            assert_eq!(y.dims(), [1, 2, 3]);
            assert_eq!(values(y), [1., 3., 5., 2., 4., 6.]);
        }
    }

    #[test]
    fn any_rank_and_ids_outside() {
        for device in devices() {
            let weight = Tensor::<2>::from_floats([[1., 2.], [3., 4.], [5., 6.]], &device);
            let ids = Tensor::<3, Int>::from_ints([[[2], [0]]], &device);
            let y: Tensor<4> = embedding(weight.clone(), ids);
            assert_eq!(y.dims(), [1, 2, 1, 2]);
            assert_eq!(values(y), [5., 6., 1., 2.]);

            let ids = Tensor::<1, Int>::from_ints([-1, 1, 3], &device);
            let y = values(embedding::<1, 2>(weight, ids));
            assert_eq!(y[2..4], [3., 4.]);
            assert!([0, 1, 4, 5].iter().all(|&i| y[i].is_nan()));
        }
    }
}
