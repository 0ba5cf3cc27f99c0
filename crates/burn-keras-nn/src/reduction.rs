//! Reductions over axes, which stay with size 1 if `D2 == D`, and go if `D2 == D - N`.
//!
//! A tensor of which nothing is left has one axis of size 1: Burn has no scalars.

use burn::tensor::Tensor;
use burn::tensor::kind::{Basic, Numeric, Ordered};

/// `x`, whose `axes` have size 1, with those axes or without them.
fn keep_or_drop<const D: usize, const D2: usize, const N: usize, K: Basic>(
    x: Tensor<D, K>,
    axes: [usize; N],
) -> Tensor<D2, K> {
    let dims = x.dims();
    let kept = dims.iter().enumerate();
    let mut kept = kept
        .filter(|(axis, _)| D2 == D || !axes.contains(axis))
        .map(|(_, size)| *size);
    let shape: [usize; D2] = core::array::from_fn(|_| kept.next().unwrap_or(1));
    x.reshape(shape)
}

/// The sum over `axes`.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::reduction::sum;
///
/// fn forward(x: Tensor<4>) -> Tensor<2> {
///     sum(x, [1, 2])
/// }
/// ```
pub fn sum<const D: usize, const D2: usize, const N: usize, K: Numeric>(
    x: Tensor<D, K>,
    axes: [usize; N],
) -> Tensor<D2, K> {
    keep_or_drop(x.sum_dims(&axes), axes)
}

/// The mean over `axes`.
pub fn mean<const D: usize, const D2: usize, const N: usize>(
    x: Tensor<D>,
    axes: [usize; N],
) -> Tensor<D2> {
    keep_or_drop(x.mean_dims(&axes), axes)
}

/// The product over `axes`.
pub fn product<const D: usize, const D2: usize, const N: usize, K: Numeric>(
    x: Tensor<D, K>,
    axes: [usize; N],
) -> Tensor<D2, K> {
    keep_or_drop(x.prod_dims(&axes), axes)
}

/// The largest over `axes`.
pub fn max<const D: usize, const D2: usize, const N: usize, K: Ordered>(
    x: Tensor<D, K>,
    axes: [usize; N],
) -> Tensor<D2, K> {
    keep_or_drop(x.max_dims(&axes), axes)
}

/// The smallest over `axes`.
pub fn min<const D: usize, const D2: usize, const N: usize, K: Ordered>(
    x: Tensor<D, K>,
    axes: [usize; N],
) -> Tensor<D2, K> {
    keep_or_drop(x.min_dims(&axes), axes)
}

/// The logarithm of the sum of exponentials over `axes`.
pub fn log_sum_exp<const D: usize, const D2: usize, const N: usize>(
    x: Tensor<D>,
    axes: [usize; N],
) -> Tensor<D2> {
    let largest = x.clone().max_dims(&axes);
    // What is infinite cannot be taken off.
    let is_finite = largest.clone().is_finite();
    let shift = largest.zeros_like().mask_where(is_finite, largest);
    let sum = (x - shift.clone()).exp().sum_dims(&axes);
    keep_or_drop(sum.log() + shift, axes)
}

/// The middle one of the elements in order, or the mean of both middle ones, along `axis`.
pub fn median<const D: usize, const D2: usize>(x: Tensor<D>, axis: usize) -> Tensor<D2> {
    let size = x.dims()[axis];
    let sorted = x.sort(axis);
    let low = sorted.clone().narrow(axis, size.saturating_sub(1) / 2, 1);
    let high = sorted.narrow(axis, size / 2, 1);
    keep_or_drop((low + high).mul_scalar(0.5), [axis])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, devices, values};
    use burn::tensor::Int;

    #[test]
    fn axes_stay_or_go() {
        for device in devices() {
            let x = Tensor::<2>::from_floats([[1.0, 2.0, 6.0], [4.0, 5.0, 3.0]], &device);
            let gone: Tensor<1> = sum(x.clone(), [1]);
            assert_eq!(values(gone), [9.0, 12.0]);
            let kept: Tensor<2> = max(x.clone(), [0]);
            assert_eq!(
                (kept.dims(), values(kept)),
                ([1, 3], alloc::vec![4.0, 5.0, 6.0])
            );
            let all: Tensor<1> = product(x.clone(), [0, 1]);
            assert_eq!(values(all), [720.0]);
            let both: Tensor<2> = sum(x.clone(), [0, 1]);
            assert_eq!(both.dims(), [1, 1]);
            let middle: Tensor<1> = median(x.clone(), 1);
            assert_eq!(values(middle), [2.0, 4.0]);
            let middle: Tensor<1> = median(x, 0);
            assert_eq!(values(middle), [2.5, 3.5, 4.5]);
            let whole = Tensor::<2, Int>::from_ints([[1, 2], [3, 4]], &device);
            let y: Tensor<1, Int> = sum(whole, [0]);
            assert_eq!(
                y.into_data().iter::<i64>().collect::<alloc::vec::Vec<_>>(),
                [4, 6]
            );
        }
    }

    #[test]
    fn sums_of_large_exponentials() {
        for device in devices() {
            let inf = f32::INFINITY;
            let x = Tensor::<2>::from_floats([[100.0, 101.0], [-inf, -inf], [inf, 1.0]], &device);
            let y: Tensor<1> = log_sum_exp(x, [1]);
            close(&values(y), &[101.31326, -inf, inf], 1e-6);
        }
    }
}
