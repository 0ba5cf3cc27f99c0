//! The functions behind the plan's activations.

use burn::tensor::Tensor;
use burn_keras_nn::activation;
use keras_ir::Activation;

/// Calls the function that `activation` names; functions along an axis act along the last one.
pub(crate) fn apply<const D: usize>(which: Activation, x: Tensor<D>) -> Tensor<D> {
    match which {
        Activation::Glu => activation::glu(x, D - 1),
        other => module(other).forward(x),
    }
}

/// The activation as a value of `burn-keras-nn`. `Glu`, which halves an axis, has none: it stands
/// for itself.
pub(crate) fn module(which: Activation) -> activation::Activation {
    use activation::Activation as To;
    match which {
        // a gated unit is no activation of a recurrent layer: see `apply`
        Activation::Linear | Activation::Glu => To::Linear,
        Activation::Relu => To::Relu,
        Activation::ReluWith {
            negative_slope,
            max_value,
            threshold,
        } => To::ReluWith {
            negative_slope,
            max_value,
            threshold,
        },
        Activation::Relu6 => To::Relu6,
        Activation::LeakyRelu { negative_slope } => To::LeakyRelu { negative_slope },
        Activation::Elu { alpha } => To::Elu { alpha },
        Activation::Selu => To::Selu,
        Activation::Celu { alpha } => To::Celu { alpha },
        Activation::Gelu => To::Gelu,
        Activation::GeluApproximate => To::GeluApproximate,
        Activation::Sigmoid => To::Sigmoid,
        Activation::HardSigmoid { alpha, beta } => To::HardSigmoid { alpha, beta },
        Activation::HardSwish => To::HardSwish,
        Activation::Silu => To::Silu,
        Activation::Mish => To::Mish,
        Activation::Tanh => To::Tanh,
        Activation::Exponential => To::Exponential,
        Activation::Softplus => To::Softplus,
        Activation::Softsign => To::Softsign,
        Activation::LogSigmoid => To::LogSigmoid,
        Activation::HardTanh => To::HardTanh,
        Activation::HardShrink { threshold } => To::HardShrink { threshold },
        Activation::SoftShrink { threshold } => To::SoftShrink { threshold },
        Activation::TanhShrink => To::TanhShrink,
        Activation::Squareplus { b } => To::Squareplus { b },
        Activation::SparsePlus => To::SparsePlus,
        Activation::SparseSigmoid => To::SparseSigmoid,
        Activation::Threshold {
            threshold,
            default_value,
        } => To::Threshold {
            threshold,
            default_value,
        },
        Activation::Softmax | Activation::SoftmaxAlong(_) => To::Softmax,
        Activation::LogSoftmax => To::LogSoftmax,
        Activation::Sparsemax => To::Sparsemax,
    }
}
