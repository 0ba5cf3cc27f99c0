//! `PReLU`.

use alloc::vec::Vec;
use burn::{
    module::{Initializer, Module, Param},
    tensor::{Device, Tensor, activation::relu},
};

use super::keras1::of_elements;

/// Configuration of a [`PRelu`].
#[derive(Clone, Debug, PartialEq)]
pub struct PReluConfig {
    /// The shape of Keras's `alpha`: that of the input without the batch axis, 1 along shared axes.
    pub shape: Vec<usize>,
}

impl PReluConfig {
    /// An `alpha` of `shape`.
    pub fn new(shape: impl Into<Vec<usize>>) -> Self {
        Self {
            shape: shape.into(),
        }
    }

    /// Makes the module.
    pub fn init(&self, device: &Device) -> PRelu {
        PRelu {
            alpha: Initializer::Zeros.init([self.shape.iter().product::<usize>()], device),
            shape: self.shape.clone(),
        }
    }
}

/// Keras's `PReLU`: `max(x, 0) + alpha * min(x, 0)`, with an `alpha` for every element, or one
/// along each shared axis. Burn's has one for every channel on axis 1.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::activation::PReluConfig;
///
/// # fn forward(device: &Device) -> Tensor<4> {
/// let x = Tensor::<4>::zeros([2, 5, 4, 3], device);
/// let prelu = PReluConfig::new([1, 1, 3]).init(device);
/// prelu.forward(x)
/// # }
/// ```
#[derive(Module, Debug)]
pub struct PRelu {
    /// The slopes: a row of the elements of `shape`.
    pub alpha: Param<Tensor<1>>,
    /// The shape of Keras's `alpha`.
    pub shape: Vec<usize>,
}

impl PRelu {
    /// Applies the function to `x` `[batch, ...]`.
    ///
    /// # Panics
    ///
    /// If `x` has not one axis more than `alpha`, or its sizes do not fit.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let alpha = of_elements(&self.alpha, &self.shape);
        let negative = relu(x.clone().neg()).mul(alpha);
        relu(x).sub(negative)
    }
}
