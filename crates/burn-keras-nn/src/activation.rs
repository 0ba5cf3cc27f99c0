//! Every activation function of Keras, by Keras's name (`keras.activations`, Keras 3.15).
//!
//! Burn's function is used where it equals Keras's to 1e-6, values up to +-100 included, and where
//! its gradient stays finite there; the others are written here. All keep the shape of `x`, but
//! for [`glu`], which halves an axis.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use burn_keras_nn::Activation;
//!
//! # fn forward(device: &Device) -> Tensor<2> {
//! let x = Tensor::<2>::from_floats([[-1.0, 0.0, 3.0]], device);
//! Activation::HardSigmoid { alpha: 0.2, beta: 0.5 }.forward(x)
//! # }
//! ```

mod function;
mod keras1;
mod prelu;
mod softmax;
#[cfg(test)]
mod tests;

pub use function::*;
pub use keras1::*;
pub use prelu::*;
pub use softmax::*;

pub use burn::tensor::activation::{
    gelu, glu, hard_shrink, hard_sigmoid, hard_swish, leaky_relu, log_sigmoid, log_softmax, mish,
    relu, relu6, sigmoid, silu, soft_shrink, softmax, softsign, tanh, threshold,
};

use burn::tensor::Tensor;

/// An activation that is chosen by a value: what recurrent layers hold.
///
/// The parameters are those of the function of the same name in [this module](self). Functions
/// along an axis ([`Softmax`](Self::Softmax), [`LogSoftmax`](Self::LogSoftmax),
/// [`Sparsemax`](Self::Sparsemax)) act along the last one, as Keras's do when they are named in a
/// layer.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
#[allow(missing_docs)] // every variant is the function of its name
pub enum Activation {
    #[default]
    Linear,
    Relu,
    Relu6,
    ReluWith {
        negative_slope: f64,
        max_value: Option<f64>,
        threshold: f64,
    },
    LeakyRelu {
        negative_slope: f64,
    },
    Elu {
        alpha: f64,
    },
    Selu,
    Celu {
        alpha: f64,
    },
    Gelu,
    GeluApproximate,
    Sigmoid,
    HardSigmoid {
        alpha: f64,
        beta: f64,
    },
    HardSwish,
    Silu,
    Mish,
    Tanh,
    Exponential,
    Softplus,
    Softsign,
    Softmax,
    LogSoftmax,
    LogSigmoid,
    HardTanh,
    HardShrink {
        threshold: f64,
    },
    SoftShrink {
        threshold: f64,
    },
    TanhShrink,
    Squareplus {
        b: f64,
    },
    SparsePlus,
    SparseSigmoid,
    Sparsemax,
    Threshold {
        threshold: f64,
        default_value: f64,
    },
}

impl Activation {
    /// Applies the function to `x` of any shape.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let last = D.saturating_sub(1);
        match *self {
            Self::Linear => x,
            Self::Relu => relu(x),
            Self::Relu6 => relu6(x),
            Self::ReluWith {
                negative_slope,
                max_value,
                threshold,
            } => relu_with(x, negative_slope, max_value, threshold),
            Self::LeakyRelu { negative_slope } => leaky_relu(x, negative_slope),
            Self::Elu { alpha } => elu(x, alpha),
            Self::Selu => selu(x),
            Self::Celu { alpha } => celu(x, alpha),
            Self::Gelu => gelu(x),
            Self::GeluApproximate => gelu_approximate(x),
            Self::Sigmoid => sigmoid(x),
            Self::HardSigmoid { alpha, beta } => hard_sigmoid(x, alpha, beta),
            Self::HardSwish => hard_swish(x),
            Self::Silu => silu(x),
            Self::Mish => mish(x),
            Self::Tanh => tanh(x),
            Self::Exponential => exponential(x),
            Self::Softplus => softplus(x),
            Self::Softsign => softsign(x),
            Self::Softmax => softmax(x, last),
            Self::LogSoftmax => log_softmax(x, last),
            Self::LogSigmoid => log_sigmoid(x),
            Self::HardTanh => hard_tanh(x),
            Self::HardShrink { threshold } => hard_shrink(x, threshold),
            Self::SoftShrink { threshold } => soft_shrink(x, threshold),
            Self::TanhShrink => tanh_shrink(x),
            Self::Squareplus { b } => squareplus(x, b),
            Self::SparsePlus => sparse_plus(x),
            Self::SparseSigmoid => sparse_sigmoid(x),
            Self::Sparsemax => sparsemax(x, last),
            Self::Threshold {
                threshold: t,
                default_value,
            } => threshold(x, t, default_value),
        }
    }

    /// Whether the function acts on each element alone, so that it may be applied to several
    /// tensors joined along any axis.
    pub fn is_elementwise(&self) -> bool {
        !matches!(self, Self::Softmax | Self::LogSoftmax | Self::Sparsemax)
    }
}
