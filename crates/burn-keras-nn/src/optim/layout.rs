//! How parameters lie in Keras.

use alloc::vec::Vec;
use burn::tensor::Tensor;

/// The most axes that a [`Layout`] can have.
const AXES: usize = 6;

/// How a parameter lies in Keras: Keras's tensor with its axes in another order, then in the shape
/// that the parameter has, is the parameter in Burn.
///
/// Most rules do not ask for it. Adafactor, Muon and the constraints work along axes, which are
/// Keras's.
///
/// ```
/// use burn_keras_nn::optim::Layout;
///
/// // a Conv2D kernel: height, width, inputs, outputs in Keras; the other way round in Burn
/// let layout = Layout::new(vec![3, 3, 8, 16], vec![3, 2, 0, 1]).unwrap();
/// assert_eq!(layout.rank(), 4);
/// assert!(Layout::new(vec![3, 8], vec![0, 2]).is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    shape: Vec<usize>,
    axes: Vec<usize>,
}

impl Layout {
    /// The layout of a parameter that has the shape `shape` in Keras, and whose axes in Burn are
    /// Keras's `axes`; `None` if `axes` is no order of all of them, or if they are more than six.
    pub fn new(shape: Vec<usize>, axes: Vec<usize>) -> Option<Self> {
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        let valid = sorted.into_iter().eq(0..shape.len()) && shape.len() <= AXES;
        valid.then_some(Self { shape, axes })
    }

    /// Keras's is Burn's.
    pub(super) fn same(shape: &[usize]) -> Self {
        Self {
            shape: shape.to_vec(),
            axes: (0..shape.len()).collect(),
        }
    }

    /// The number of axes in Keras.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The shape in Keras.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// A tensor of the parameter's shape as in Keras, behind axes of size 1.
    pub(super) fn to_keras<const D: usize>(&self, tensor: Tensor<D>) -> Tensor<AXES> {
        let mut shape = [1; AXES];
        for (at, axis) in (self.first()..).zip(&self.axes) {
            shape[at] = self.shape[*axis];
        }
        let mut back = [0; AXES];
        for (to, from) in self.order().into_iter().enumerate() {
            back[from] = to as isize;
        }
        tensor.reshape(shape).permute(back)
    }

    /// A tensor of Keras's shape as the parameter, which has the shape `shape`.
    pub(super) fn to_burn<const D: usize>(
        &self,
        tensor: Tensor<AXES>,
        shape: [usize; D],
    ) -> Tensor<D> {
        tensor
            .permute(self.order().map(|axis| axis as isize))
            .reshape(shape)
    }

    /// The sum along `axes` of Keras, which stay with size 1, of a tensor of
    /// [`to_keras`](Self::to_keras). Negative axes count from the last.
    pub(super) fn sum(&self, tensor: Tensor<AXES>, axes: &[isize]) -> Tensor<AXES> {
        axes.iter().fold(tensor, |tensor, axis| {
            let axis = if *axis < 0 {
                AXES.saturating_add_signed(*axis)
            } else {
                self.first().saturating_add_signed(*axis)
            };
            tensor.sum_dim(axis)
        })
    }

    /// Keras's shape as matrices over the last two of at least two axes.
    pub(super) fn matrices(&self) -> [usize; 3] {
        let [leading @ .., rows, columns] = self.shape.as_slice() else {
            return [1, 1, self.shape.iter().product()];
        };
        [leading.iter().product(), *rows, *columns]
    }

    /// Where Keras's first axis stands behind those of size 1.
    fn first(&self) -> usize {
        AXES - self.rank()
    }

    /// From Keras's axes to Burn's, with those of size 1 before them.
    fn order(&self) -> [usize; AXES] {
        let mut order = [0, 1, 2, 3, 4, 5];
        for (at, axis) in (self.first()..).zip(&self.axes) {
            order[at] = self.first() + axis;
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{devices, values, wave};

    #[test]
    fn there_and_back() {
        let device = &devices()[0];
        let keras: Tensor<4> = wave([2, 3, 4, 5], 0.1, device);
        let layout = Layout::new(keras.dims().to_vec(), alloc::vec![3, 2, 0, 1]).unwrap();
        let burn = keras.clone().permute([3, 2, 0, 1]);
        let there = layout.to_keras(burn.clone());
        assert_eq!(there.dims(), [1, 1, 2, 3, 4, 5]);
        assert_eq!(values(there.clone()), values(keras.clone()));
        assert_eq!(
            values(layout.to_burn(there.clone(), [5, 4, 2, 3])),
            values(burn)
        );
        for (axes, expected) in [([0, 2], [0, 2]), ([-1, -4], [3, 0])] {
            let sum = layout.sum(there.clone(), &axes);
            assert_eq!(values(sum), values(keras.clone().sum_dims(&expected)));
        }
        assert_eq!(layout.matrices(), [6, 4, 5]);
        // a depthwise kernel: two axes of Keras are one in Burn
        let burn: Tensor<4> = keras.clone().permute([2, 3, 0, 1]).reshape([20, 1, 2, 3]);
        let layout = Layout::new(keras.dims().to_vec(), alloc::vec![2, 3, 0, 1]).unwrap();
        assert_eq!(values(layout.to_keras(burn)), values(keras));
    }
}
