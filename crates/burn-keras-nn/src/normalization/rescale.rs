//! Rescaling by given numbers.

use alloc::vec::Vec;
use burn::tensor::{Tensor, TensorData};

/// `x` times `scale` plus `offset`, along the last axis; both hold one number for all features or
/// one for each. Keras's `Rescaling`.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::normalization::rescale;
///
/// fn forward(x: Tensor<4>) -> Tensor<4> {
///     rescale(x, &[0.5, 0.25, 0.125], &[-1.0])
/// }
/// ```
pub fn rescale<const D: usize>(x: Tensor<D>, scale: &[f64], offset: &[f64]) -> Tensor<D> {
    let (device, dtype) = (x.device(), x.dtype());
    let along_last = |numbers: &[f64]| {
        let mut shape = [1; D];
        shape[D - 1] = numbers.len();
        #[allow(clippy::cast_possible_truncation)]
        let numbers: Vec<f32> = numbers.iter().map(|number| *number as f32).collect();
        Tensor::<D>::from_data(TensorData::new(numbers, shape), (&device, dtype))
    };
    let scaled = x * along_last(scale);
    scaled + along_last(offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{devices, values};

    #[test]
    fn one_number_for_all_or_one_for_each() {
        for device in devices() {
            let x = || Tensor::<2>::from_data([[1.0, 2.0], [3.0, 4.0]], &device);
            assert_eq!(values(rescale(x(), &[2.0], &[1.0])), [3., 5., 7., 9.]);
            let each = rescale(x(), &[2.0, 0.5], &[0.0, -1.0]);
            assert_eq!(values(each), [2., 0., 6., 1.]);
        }
    }
}
