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
use burn::tensor::{Tensor, kind::Basic};

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

/// The sum of all, from the left, divided by their number.
pub fn average<const D: usize>(first: Tensor<D>, others: Vec<Tensor<D>>) -> Tensor<D> {
    let count = others.len() + 1;
    others.into_iter().fold(first, add).div_scalar(count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{devices, values};
    use alloc::vec;

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
}
