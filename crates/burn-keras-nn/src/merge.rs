//! Merging layers of two inputs: axes of size 1 are broadcast as in NumPy.
//!
//! More inputs are merged from the left. Inputs of unequal rank get axes of size 1 behind the
//! batch axis first; that is the caller's, who knows the ranks.
//!
//! ```
//! use burn::tensor::{Tensor, kind::Basic};
//! use burn_keras_nn::merge;
//!
//! fn forward(a: Tensor<3>, b: Tensor<3>, c: Tensor<3>) -> Tensor<3> {
//!     merge::maximum(merge::add(a, b), c)
//! }
//! ```

use alloc::vec::Vec;
use burn::tensor::kind::{Basic, Numeric, Ordered};
use burn::tensor::{Bool, Int, IntDType, Tensor};

/// `a` and `b`, both in the shape that they have together.
pub(crate) fn broadcast<const D: usize, K: Basic>(
    a: Tensor<D, K>,
    b: Tensor<D, K>,
) -> (Tensor<D, K>, Tensor<D, K>) {
    let (left, right) = (a.dims(), b.dims());
    if left == right {
        return (a, b);
    }
    let dims: [usize; D] = core::array::from_fn(|i| if left[i] == 1 { right[i] } else { left[i] });
    (a.expand(dims), b.expand(dims))
}

/// `a + b`.
pub fn add<const D: usize, K: Numeric>(a: Tensor<D, K>, b: Tensor<D, K>) -> Tensor<D, K> {
    a.add(b)
}

/// `a - b`.
pub fn subtract<const D: usize, K: Numeric>(a: Tensor<D, K>, b: Tensor<D, K>) -> Tensor<D, K> {
    a.sub(b)
}

/// `a * b`.
pub fn multiply<const D: usize, K: Numeric>(a: Tensor<D, K>, b: Tensor<D, K>) -> Tensor<D, K> {
    a.mul(b)
}

/// The larger of `a` and `b`; NaN if either is.
pub fn maximum<const D: usize, K: Ordered>(a: Tensor<D, K>, b: Tensor<D, K>) -> Tensor<D, K> {
    let (a, b) = broadcast(a, b);
    let take_b = a.clone().lower(b.clone()).bool_or(is_nan(&b));
    a.mask_where(take_b, b)
}

/// The smaller of `a` and `b`; NaN if either is.
pub fn minimum<const D: usize, K: Ordered>(a: Tensor<D, K>, b: Tensor<D, K>) -> Tensor<D, K> {
    let (a, b) = broadcast(a, b);
    let take_b = a.clone().greater(b.clone()).bool_or(is_nan(&b));
    a.mask_where(take_b, b)
}

/// Where `x` is not equal to itself; nowhere among integers.
fn is_nan<const D: usize, K: Basic>(x: &Tensor<D, K>) -> Tensor<D, Bool> {
    x.clone().not_equal(x.clone())
}

/// The sum of all, from the left, divided by their number.
pub fn average<const D: usize>(first: Tensor<D>, others: Vec<Tensor<D>>) -> Tensor<D> {
    let count = others.len() + 1;
    others.into_iter().fold(first, add).div_scalar(count as f64)
}

/// Cosines of the angles between the rows of `a` and `b`, `[batch, size]`, as `[batch, 1, 1]`:
/// Keras 1's `Merge` in mode `cos`. A product of norms below 1e-7 counts as 1e-7.
pub fn cosine(a: Tensor<2>, b: Tensor<2>) -> Tensor<3> {
    let dot = |a: &Tensor<2>, b: &Tensor<2>| a.clone().mul(b.clone()).sum_dim(1);
    let norms = dot(&a, &a).mul(dot(&b, &b)).sqrt().clamp_min(1e-7);
    dot(&a, &b).div(norms).unsqueeze_dim(1)
}

/// All tensors joined along `axis`. Integers of several widths, which Burn does not join, get the
/// widest.
pub fn concatenate_int<const D: usize>(
    first: Tensor<D, Int>,
    others: Vec<Tensor<D, Int>>,
    axis: usize,
) -> Tensor<D, Int> {
    let dtype = first.dtype();
    let differ = others.iter().any(|other| other.dtype() != dtype);
    let widen = |x: Tensor<D, Int>| if differ { x.cast(IntDType::I64) } else { x };
    let all = core::iter::once(first).chain(others).map(widen);
    Tensor::cat(all.collect(), axis)
}

/// Keras's `Dot`: for each sample, the sums of products of `a` and `b` along `axes` of each.
///
/// The result has the other axes of `a`, then those of `b`; there being none, an axis of size 1.
/// `D3` is `D1 + D2 - 3`, but at least 2. `normalize` is
/// [`l2_normalize`](crate::normalization::l2_normalize) of both before.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::merge;
///
/// fn forward(a: Tensor<3>, b: Tensor<2>) -> Tensor<2> {
///     merge::dot(a, b, [2, 1])
/// }
/// ```
///
/// # Panics
///
/// If the axes are of different sizes, or one is the batch axis.
pub fn dot<const D1: usize, const D2: usize, const D3: usize>(
    a: Tensor<D1>,
    b: Tensor<D2>,
    axes: [usize; 2],
) -> Tensor<D3> {
    let (a_dims, b_dims) = (a.dims(), b.dims());
    let others = |dims: &[usize], at: usize| -> Vec<usize> {
        (1..dims.len()).filter(|axis| *axis != at).collect()
    };
    let (a_others, b_others) = (others(&a_dims, axes[0]), others(&b_dims, axes[1]));
    let sizes = |dims: &[usize], axes: &[usize]| -> Vec<usize> {
        axes.iter().map(|axis| dims[*axis]).collect()
    };
    let (a_sizes, b_sizes) = (sizes(&a_dims, &a_others), sizes(&b_dims, &b_others));
    // `[batch, others, n]` times `[batch, n, others]`
    let order = |at: usize| {
        if at == 0 {
            0
        } else if at <= a_others.len() {
            a_others[at - 1]
        } else {
            axes[0]
        }
    };
    let a = a
        .permute(core::array::from_fn::<usize, D1, _>(order))
        .reshape([a_dims[0], a_sizes.iter().product(), a_dims[axes[0]]]);
    let order = |at: usize| match at {
        0 => 0,
        1 => axes[1],
        _ => b_others[at - 2],
    };
    let b = b
        .permute(core::array::from_fn::<usize, D2, _>(order))
        .reshape([b_dims[0], b_dims[axes[1]], b_sizes.iter().product()]);
    let y: Tensor<3> = a.matmul(b);
    let batch = y.dims()[0];
    let shape: Vec<usize> = core::iter::once(batch)
        .chain(a_sizes)
        .chain(b_sizes)
        .collect();
    y.reshape(core::array::from_fn::<usize, D3, _>(|axis| {
        shape.get(axis).copied().unwrap_or(1)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, devices, values, wave};
    use alloc::vec;
    use burn::tensor::Int;

    #[test]
    fn broadcasts_on_both_sides() {
        for device in devices() {
            let a = Tensor::<2>::from_floats([[1.0], [5.0]], &device);
            let b = Tensor::<2>::from_floats([[2.0, 3.0, 4.0]], &device);
            let run = |f: fn(Tensor<2>, Tensor<2>) -> Tensor<2>| values(f(a.clone(), b.clone()));
            assert_eq!(run(add), [3., 4., 5., 7., 8., 9.]);
            assert_eq!(run(subtract), [-1., -2., -3., 3., 2., 1.]);
            assert_eq!(run(multiply), [2., 3., 4., 10., 15., 20.]);
            assert_eq!(run(maximum), [2., 3., 4., 5., 5., 5.]);
            assert_eq!(run(minimum), [1., 1., 1., 2., 3., 4.]);
            assert_eq!(
                values(average(a.clone(), vec![b.clone(), b])),
                [5. / 3., 7. / 3., 3., 3., 11. / 3., 13. / 3.]
            );
        }
    }

    #[test]
    fn cosines_of_rows() {
        for device in devices() {
            let a = Tensor::<2>::from_floats([[3.0, 4.0], [0.0, 0.0], [1e-4, 0.0]], &device);
            let b = Tensor::<2>::from_floats([[4.0, 3.0], [1.0, 2.0], [1e-4, 0.0]], &device);
            let y = cosine(a, b);
            assert_eq!(y.dims(), [3, 1, 1]);
            crate::testing::close(&values(y), &[0.96, 0.0, 0.1], 1e-6);
        }
    }

    #[test]
    fn integers_stay_exact() {
        for device in devices() {
            let a = Tensor::<1, Int>::from_ints([16_777_217, -3], &device);
            let b = Tensor::<1, Int>::from_ints([1, 2], &device);
            let run = |y: Tensor<1, Int>| y.into_data().iter::<i64>().collect::<Vec<_>>();
            assert_eq!(run(add(a.clone(), b.clone())), [16_777_218, -1]);
            assert_eq!(run(maximum(a.clone(), b.clone())), [16_777_217, 2]);
            assert_eq!(run(minimum(a, b)), [1, -3]);
        }
    }

    #[test]
    fn not_a_number_stays() {
        for device in devices() {
            let a = Tensor::<1>::from_floats([f32::NAN, 1.0, 1.0], &device);
            let b = Tensor::<1>::from_floats([1.0, f32::NAN, 2.0], &device);
            let y = values(maximum(a.clone(), b.clone()));
            assert!(y[0].is_nan() && y[1].is_nan() && y[2] == 2.0);
            let y = values(minimum(a, b));
            assert!(y[0].is_nan() && y[1].is_nan() && y[2] == 1.0);
        }
    }

    // Keras 3.15: Dot(axes=(-2, -1)) of shapes (2, 3, 2) and (2, 1, 2, 3), Dot(axes=(1, 1)) of
    // (2, 3, 2) and (2, 3), Dot(axes=(1, 2)) of (2, 3) and (2, 2, 3), Dot(axes=1) of (2, 3) and (2, 3).
    #[test]
    fn products_along_any_axes() {
        for device in devices() {
            let a = wave([2, 3, 2], 0.1, &device);
            let b = wave([2, 1, 2, 3], 0.2, &device);
            let y: Tensor<4> = dot(a.clone(), b, [1, 3]);
            assert_eq!(y.dims(), [2, 2, 1, 2]);
            close(
                &values(y),
                &[
                    1.338086, 1.58497, 1.362633, 2.012724, 0.595852, 0.8786424, 0.4766206, 1.598122,
                ],
                1e-6,
            );
            let y: Tensor<2> = dot(a, wave([2, 3], 0.2, &device), [1, 1]);
            close(
                &values(y),
                &[1.338086, 1.362633, -0.5258913, -1.315957],
                1e-6,
            );
            let a = wave([2, 3], 0.1, &device);
            let y: Tensor<2> = dot(a.clone(), wave([2, 2, 3], 0.2, &device), [1, 2]);
            close(
                &values(y),
                &[1.014375, 1.169189, 0.01644123, -2.476213],
                1e-6,
            );
            let y: Tensor<2> = dot(a.clone(), a, [1, 1]);
            assert_eq!(y.dims(), [2, 1]);
        }
    }
}
