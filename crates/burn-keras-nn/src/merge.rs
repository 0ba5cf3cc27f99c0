//! Merging layers of two inputs: axes of size 1 are broadcast as in NumPy.
//!
//! More inputs are merged from the left. Inputs of unequal rank get axes of size 1 behind the
//! batch axis first; that is the caller's, who knows the ranks.
//!
//! ```
//! use burn::tensor::Tensor;
//! use burn_keras_nn::merge;
//!
//! fn forward(a: Tensor<3>, b: Tensor<3>, c: Tensor<3>) -> Tensor<3> {
//!     merge::maximum(merge::add(a, b), c)
//! }
//! ```

use burn::tensor::{Bool, Tensor};

/// `a` and `b`, both in the shape that they have together.
fn broadcast<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> (Tensor<D>, Tensor<D>) {
    let (left, right) = (a.dims(), b.dims());
    if left == right {
        return (a, b);
    }
    let dims: [usize; D] = core::array::from_fn(|i| if left[i] == 1 { right[i] } else { left[i] });
    (a.expand(dims), b.expand(dims))
}

/// `a + b`.
pub fn add<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    a.add(b)
}

/// `a - b`.
pub fn subtract<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    a.sub(b)
}

/// `a * b`.
pub fn multiply<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    a.mul(b)
}

/// The larger of `a` and `b`; NaN if either is.
pub fn maximum<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (a, b) = broadcast(a, b);
    let take_b = a.clone().lower(b.clone()).bool_or(b.clone().is_nan());
    a.mask_where(take_b, b)
}

/// The smaller of `a` and `b`; NaN if either is.
pub fn minimum<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (a, b) = broadcast(a, b);
    let take_b = a.clone().greater(b.clone()).bool_or(b.clone().is_nan());
    a.mask_where(take_b, b)
}

/// The sum of all, divided by their number. An empty array does not compile.
pub fn average<const D: usize, const N: usize>(xs: [Tensor<D>; N]) -> Tensor<D> {
    const { assert!(N > 0, "average of no tensors") };
    let mut xs = xs.into_iter();
    match xs.next() {
        Some(first) => xs.fold(first, add).div_scalar(N as f64),
        None => unreachable!(),
    }
}

/// Both operands with what the other one has in places that are masked (true = keep).
///
/// Keras 3 replaces `b` first, and `a` by what `b` has become.
fn replace_masked<const D: usize>(
    a: Tensor<D>,
    b: Tensor<D>,
    mask_a: Tensor<D, Bool>,
    mask_b: Tensor<D, Bool>,
) -> (Tensor<D>, Tensor<D>) {
    let (a, b) = broadcast(a, b);
    let dims = a.dims();
    let b = a.clone().mask_where(mask_b.expand(dims), b);
    let a = b.clone().mask_where(mask_a.expand(dims), a);
    (a, b)
}

/// Keras 3's `Maximum` of two inputs with masks: a masked position takes the other's value.
///
/// The masks have the rank of the inputs (Keras adds the last axis) and are broadcast. In a place
/// that both mask, the value is that of `a`. The result's mask is the `or` of both.
pub fn maximum_masked<const D: usize>(
    a: Tensor<D>,
    b: Tensor<D>,
    mask_a: Tensor<D, Bool>,
    mask_b: Tensor<D, Bool>,
) -> Tensor<D> {
    let (a, b) = replace_masked(a, b, mask_a, mask_b);
    maximum(a, b)
}

/// Keras 3's `Minimum` of two inputs with masks: see [`maximum_masked`].
pub fn minimum_masked<const D: usize>(
    a: Tensor<D>,
    b: Tensor<D>,
    mask_a: Tensor<D, Bool>,
    mask_b: Tensor<D, Bool>,
) -> Tensor<D> {
    let (a, b) = replace_masked(a, b, mask_a, mask_b);
    minimum(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{devices, values};

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
                values(average([a.clone(), b.clone(), b])),
                [5. / 3., 7. / 3., 3., 3., 11. / 3., 13. / 3.]
            );
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

    // K3 Maximum/Minimum of a = [1, 9, 9, 1], b = [5, 5, 5, 5] with the masks below
    // (keras.src.backend.set_keras_mask on each input).
    #[test]
    fn masked_positions_take_the_others_value() {
        for device in devices() {
            let a = Tensor::<3>::from_floats([[[1.0], [9.0], [9.0], [1.0]]], &device);
            let b = Tensor::<3>::from_floats([[[5.0], [5.0], [5.0], [5.0]]], &device);
            let mask = |m: [bool; 4]| Tensor::<1, Bool>::from_data(m, &device).reshape([1, 4, 1]);
            let ma = || mask([true, false, true, false]);
            let mb = || mask([false, true, true, false]);
            assert_eq!(
                values(maximum_masked(a.clone(), b.clone(), ma(), mb())),
                [1., 5., 9., 1.]
            );
            assert_eq!(values(minimum_masked(a, b, ma(), mb())), [1., 5., 5., 1.]);
        }
    }
}
