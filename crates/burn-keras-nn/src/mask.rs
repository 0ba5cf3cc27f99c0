//! Masks as values: `true` keeps, `false` masks, as in Keras.
//!
//! A mask `[batch, steps]` belongs to a tensor `[batch, steps, ...]`.
//!
//! ```
//! use burn::tensor::{Int, Tensor};
//! use burn_keras_nn::mask;
//!
//! fn forward(ids: Tensor<2, Int>, embedded: Tensor<3>) -> Tensor<3> {
//!     let keep = mask::not_equal_int(ids, 0);
//!     mask::apply_mask(embedded, keep)
//! }
//! ```

use burn::tensor::kind::Basic;
use burn::tensor::{Bool, Int, Tensor};

use crate::merge::broadcast;

/// `ids != value`: the mask of `Embedding(mask_zero=True)` with `value` 0.
pub fn not_equal_int<const D: usize>(ids: Tensor<D, Int>, value: i64) -> Tensor<D, Bool> {
    ids.not_equal_scalar(value)
}

/// `keep != value`, with true as 1 and false as 0.
pub fn not_equal_bool<const D: usize>(keep: Tensor<D, Bool>, value: i64) -> Tensor<D, Bool> {
    not_equal_int(keep.int(), value)
}

/// `x != value`, with `value` rounded to the type of `x`.
pub fn not_equal<const D: usize>(x: Tensor<D>, value: f64) -> Tensor<D, Bool> {
    x.not_equal_scalar(value)
}

/// `x > value`: the mask that Keras's `Softmax` makes of numbers, with `value` 0.5.
pub fn above<const D: usize>(x: Tensor<D>, value: f64) -> Tensor<D, Bool> {
    x.greater_scalar(value)
}

/// The mask of Keras's `Masking`: whether any feature (last axis) differs from `mask_value`.
///
/// `D2` is `D - 1`.
pub fn masking<const D: usize, const D2: usize>(x: Tensor<D>, mask_value: f64) -> Tensor<D2, Bool> {
    let dims = x.dims();
    let keep = not_equal(x, mask_value).any_dim(D - 1);
    keep.reshape::<D2, _>(core::array::from_fn::<usize, D2, _>(|i| dims[i]))
}

/// `x` times 1 where `mask` keeps and 0 elsewhere; the mask holds for all trailing axes.
pub fn apply_mask<const D: usize, const D2: usize>(
    x: Tensor<D>,
    mask: Tensor<D2, Bool>,
) -> Tensor<D> {
    let keep = trailing::<D2, D>(mask).float().cast(x.dtype());
    x.mul(keep)
}

/// `x` where `mask` keeps, `other` elsewhere; the mask holds for all trailing axes, and sizes of 1
/// are broadcast.
pub fn select<const D: usize, const D2: usize>(
    mask: Tensor<D2, Bool>,
    x: Tensor<D>,
    other: Tensor<D>,
) -> Tensor<D> {
    let (x, other) = broadcast(x, other);
    let mask = expand_mask(mask, x.dims());
    other.mask_where(mask, x)
}

/// `x` where `mask` keeps, `value` elsewhere; the mask holds for all trailing axes.
pub fn fill<const D: usize, const D2: usize>(
    mask: Tensor<D2, Bool>,
    x: Tensor<D>,
    value: f64,
) -> Tensor<D> {
    let mask = expand_mask(mask, x.dims());
    x.mask_fill(mask.bool_not(), value)
}

/// Whether any element along `axis` keeps. `D2 == D` leaves the axis with size 1, `D2 == D - 1`
/// drops it.
pub fn any<const D: usize, const D2: usize>(
    mask: Tensor<D, Bool>,
    axis: usize,
) -> Tensor<D2, Bool> {
    let mut dims = mask.dims().to_vec();
    if D2 < D {
        dims.remove(axis);
    } else {
        dims[axis] = 1;
    }
    let shape: [usize; D2] = core::array::from_fn(|i| dims[i]);
    mask.any_dim(axis).reshape(shape)
}

/// A mask that keeps everything, in the shape of the first `D2` axes of `x`.
pub fn ones_mask<const D: usize, const D2: usize, K: Basic>(x: Tensor<D, K>) -> Tensor<D2, Bool> {
    let dims = x.dims();
    let shape: [usize; D2] = core::array::from_fn(|i| dims[i]);
    Tensor::<D2, Bool>::full(shape, true, &x.device())
}

/// A mask that keeps nothing, in the shape of `x`.
pub fn zeros_mask<const D: usize, K: Basic>(x: Tensor<D, K>) -> Tensor<D, Bool> {
    Tensor::<D, Bool>::full(x.dims(), false, &x.device())
}

/// Kept where both keep; axes of size 1 are broadcast.
pub fn and<const D: usize>(a: Tensor<D, Bool>, b: Tensor<D, Bool>) -> Tensor<D, Bool> {
    let (a, b) = broadcast(a, b);
    a.bool_and(b)
}

/// Kept where either keeps; axes of size 1 are broadcast.
pub fn or<const D: usize>(a: Tensor<D, Bool>, b: Tensor<D, Bool>) -> Tensor<D, Bool> {
    let (a, b) = broadcast(a, b);
    a.bool_or(b)
}

/// The mask `[1, queries, keys]` with which no step of `queries` looks at a later one of `keys`;
/// `axis` is that of the steps.
pub fn causal<const D: usize>(queries: Tensor<D>, keys: Tensor<D>, axis: usize) -> Tensor<3, Bool> {
    distances(queries, keys, axis).greater_equal_scalar(0)
}

/// The mask `[1, queries, keys]` with which each step of `queries` sees those of `keys` less than
/// `size` steps before and behind it; `axis` is that of the steps.
pub fn window<const D: usize>(
    queries: Tensor<D>,
    keys: Tensor<D>,
    axis: usize,
    size: usize,
) -> Tensor<3, Bool> {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    distances(queries, keys, axis).abs().lower_scalar(size)
}

/// How many steps each key `[1, queries, keys]` is before the query.
fn distances<const D: usize>(queries: Tensor<D>, keys: Tensor<D>, axis: usize) -> Tensor<3, Int> {
    let device = queries.device();
    let steps = |x: &Tensor<D>| i64::try_from(x.dims()[axis]).unwrap_or(i64::MAX);
    let (rows, columns) = (steps(&queries), steps(&keys));
    let shape = [1, queries.dims()[axis], keys.dims()[axis]];
    let positions = |count| Tensor::<1, Int>::arange(0..count, &device);
    let rows = positions(rows).reshape([1, shape[1], 1]).expand(shape);
    let columns = positions(columns).reshape([1, 1, shape[2]]).expand(shape);
    rows - columns
}

/// `mask` repeated along trailing axes, and along axes of size 1, to `like_shape`.
pub fn expand_mask<const D: usize, const D2: usize>(
    mask: Tensor<D, Bool>,
    like_shape: [usize; D2],
) -> Tensor<D2, Bool> {
    trailing::<D, D2>(mask).expand(like_shape)
}

/// `mask` with axes of size 1 behind its own.
fn trailing<const D: usize, const D2: usize>(mask: Tensor<D, Bool>) -> Tensor<D2, Bool> {
    let dims = mask.dims();
    let shape: [usize; D2] = core::array::from_fn(|i| dims.get(i).copied().unwrap_or(1));
    mask.reshape(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{devices, values};
    use alloc::vec::Vec;

    fn bits<const D: usize>(mask: Tensor<D, Bool>) -> Vec<bool> {
        mask.into_data().iter::<bool>().collect()
    }

    #[test]
    fn masks_of_ids_and_features() {
        for device in devices() {
            let ids = Tensor::<2, Int>::from_ints([[3, 0, 1]], &device);
            assert_eq!(bits(not_equal_int(ids, 0)), [true, false, true]);

            let x = Tensor::<3>::from_floats([[[0.1, 0.1], [0.1, 0.2], [0.0, 0.0]]], &device);
            let keep = masking::<3, 2>(x.clone(), 0.1);
            assert_eq!(keep.dims(), [1, 3]);
            assert_eq!(bits(keep.clone()), [false, true, true]);
            assert_eq!(
                values(apply_mask(x.clone(), keep.clone())),
                [0.0, 0.0, 0.1, 0.2, 0.0, 0.0]
            );
            let all = ones_mask::<3, 2, _>(x);
            assert_eq!(bits(all.clone()), [true; 3]);
            assert_eq!(bits(and(all.clone(), keep.clone())), [false, true, true]);
            assert_eq!(bits(or(all, keep.clone())), [true; 3]);
            assert_eq!(
                bits(expand_mask(keep, [1, 3, 2])),
                [false, false, true, true, true, true]
            );
        }
    }

    // Keras 3.15 `Maximum` of a = [1, 9, 9, 1] and b = [5, 5, 5, 5] with these masks: `b` takes
    // a's values first, then `a` takes what `b` has become.
    #[test]
    fn masked_positions_take_the_others_value() {
        for device in devices() {
            let a = Tensor::<3>::from_floats([[[1.0], [9.0], [9.0], [1.0]]], &device);
            let b = Tensor::<3>::from_floats([[[5.0], [5.0], [5.0], [5.0]]], &device);
            let mask = |m: [bool; 4]| Tensor::<2, Bool>::from_data([m], &device);
            let (ma, mb) = (
                mask([true, false, true, false]),
                mask([false, true, true, false]),
            );
            let b = select(mb.clone(), b, a.clone());
            let a = select(ma.clone(), a, b.clone());
            assert_eq!(
                values(crate::merge::maximum(a.clone(), b)),
                [1., 5., 9., 1.]
            );
            assert_eq!(values(fill(ma, a, 7.0)), [1., 7., 9., 7.]);
        }
    }

    #[test]
    fn masks_of_positions() {
        for device in devices() {
            let queries = Tensor::<3>::zeros([2, 2, 1], &device);
            let keys = Tensor::<3>::zeros([2, 3, 1], &device);
            let keep = causal(queries.clone(), keys.clone(), 1);
            assert_eq!(keep.dims(), [1, 2, 3]);
            assert_eq!(bits(keep), [true, false, false, true, true, false]);
            let near = window(keys, queries, 1, 1);
            assert_eq!(bits(near), [true, false, false, true, false, false]);
            let row = Tensor::<2, Bool>::from_data([[true, false]], &device);
            let column = Tensor::<2, Bool>::from_data([[true], [false]], &device);
            assert_eq!(
                bits(and(row.clone(), column.clone())),
                [true, false, false, false]
            );
            assert_eq!(bits(or(row, column)), [true, true, true, false]);
        }
    }

    #[test]
    fn reductions_and_constants_of_masks() {
        for device in devices() {
            let mask = Tensor::<2, Bool>::from_data([[true, false], [false, false]], &device);
            assert_eq!(bits(any::<2, 1>(mask.clone(), 1)), [true, false]);
            assert_eq!(any::<2, 2>(mask.clone(), 0).dims(), [1, 2]);
            assert_eq!(bits(zeros_mask(mask.clone())), [false; 4]);
            assert_eq!(bits(ones_mask::<2, 1, _>(mask)), [true; 2]);
        }
    }
}
