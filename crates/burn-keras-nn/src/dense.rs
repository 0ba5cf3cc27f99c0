//! Dense layers of Keras 1 that no later Keras has, and a bias by itself.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use burn_keras_nn::dense::{HighwayConfig, MaxoutDenseConfig};
//!
//! # fn forward(device: &Device, x: Tensor<2>) -> Tensor<2> {
//! let maxout = MaxoutDenseConfig::new(8, 16, 4).init(device);
//! let highway = HighwayConfig::new(16).init(device);
//! highway.forward(maxout.forward(x))
//! # }
//! ```

use burn::{
    module::{Initializer, Module, Param},
    tensor::{Device, Tensor, activation::sigmoid},
};

use crate::activation::Activation;

const KERNEL: Initializer = Initializer::XavierUniform { gain: 1.0 };

/// Configuration of a [`Bias`].
#[derive(Clone, Debug, PartialEq)]
pub struct BiasConfig {
    /// How many features there are.
    pub features: usize,
}

impl BiasConfig {
    /// A bias for `features`.
    pub fn new(features: usize) -> Self {
        Self { features }
    }

    /// Makes the module; it starts with zeros.
    pub fn init(&self, device: &Device) -> Bias {
        Bias {
            bias: Initializer::Zeros.init([self.features], device),
        }
    }
}

/// A bias for the last axis: what a dense layer has of its own whose kernel is another layer's.
#[derive(Module, Debug)]
pub struct Bias {
    /// `[features]`.
    pub bias: Param<Tensor<1>>,
}

impl Bias {
    /// Adds the bias to `x` `[..., features]`.
    ///
    /// # Panics
    ///
    /// If `x` has another number of features.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        x + self.bias.val().unsqueeze()
    }
}

/// Configuration of a [`MaxoutDense`].
#[derive(Clone, Debug, PartialEq)]
pub struct MaxoutDenseConfig {
    /// Features of the input.
    pub d_input: usize,
    /// Features of the output.
    pub d_output: usize,
    /// How many values there are to choose from, for each feature: Keras's `nb_feature`.
    pub pieces: usize,
    /// Whether there is a bias. Default: true.
    pub bias: bool,
}

impl MaxoutDenseConfig {
    /// `d_output` features from `d_input`, with a bias.
    pub fn new(d_input: usize, d_output: usize, pieces: usize) -> Self {
        Self {
            d_input,
            d_output,
            pieces,
            bias: true,
        }
    }

    /// Sets [`bias`](Self::bias).
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Makes the module. Parameters are lazy and start as Keras's defaults: Glorot uniform, zeros.
    pub fn init(&self, device: &Device) -> MaxoutDense {
        let Self {
            d_input,
            d_output,
            pieces,
            bias,
        } = *self;
        let shape = [pieces, d_input, d_output];
        let fans = (Some(d_input), Some(d_output));
        MaxoutDense {
            weight: KERNEL.init_with(shape, fans.0, fans.1, device),
            bias: bias.then(|| Initializer::Zeros.init([pieces, d_output], device)),
        }
    }
}

/// Keras 1's `MaxoutDense`: for each feature the largest of several `x weight + bias`.
#[derive(Module, Debug)]
pub struct MaxoutDense {
    /// `[pieces, d_input, d_output]`.
    pub weight: Param<Tensor<3>>,
    /// `[pieces, d_output]`.
    pub bias: Option<Param<Tensor<2>>>,
}

impl MaxoutDense {
    /// `x` is `[batch, d_input]`, the result `[batch, d_output]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let weight = self.weight.val();
        let [pieces, _, d_output] = weight.dims();
        let [batch, d_input] = x.dims();
        let x: Tensor<3> = x.unsqueeze_dim(0);
        let mut y = x.expand([pieces, batch, d_input]).matmul(weight);
        if let Some(bias) = &self.bias {
            y = y + bias.val().unsqueeze_dim(1);
        }
        y.max_dim(0).reshape([batch, d_output])
    }
}

/// Configuration of a [`Highway`].
#[derive(Clone, Debug, PartialEq)]
pub struct HighwayConfig {
    /// Features of input and output.
    pub d_model: usize,
    /// Whether there are biases. Default: true.
    pub bias: bool,
    /// Of what is not the input. Default: linear.
    pub activation: Activation,
}

impl HighwayConfig {
    /// `d_model` features, with biases.
    pub fn new(d_model: usize) -> Self {
        Self {
            d_model,
            bias: true,
            activation: Activation::Linear,
        }
    }

    /// Sets [`bias`](Self::bias).
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Sets [`activation`](Self::activation).
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Makes the module. Parameters are lazy and start as Keras's defaults: Glorot uniform, zeros,
    /// and ones for the bias of the gate.
    pub fn init(&self, device: &Device) -> Highway {
        let n = self.d_model;
        let kernel = || KERNEL.init_with([n, n], Some(n), Some(n), device);
        Highway {
            weight: kernel(),
            gate_weight: kernel(),
            bias: self.bias.then(|| Initializer::Zeros.init([n], device)),
            gate_bias: self.bias.then(|| Initializer::Ones.init([n], device)),
            activation: self.activation,
        }
    }
}

/// Keras 1's `Highway`: `t * activation(x weight + bias) + (1 - t) * x`, where
/// `t = sigmoid(x gate_weight + gate_bias)`.
#[derive(Module, Debug)]
pub struct Highway {
    /// `[d_model, d_model]`.
    pub weight: Param<Tensor<2>>,
    /// Keras's `W_carry`, `[d_model, d_model]`.
    pub gate_weight: Param<Tensor<2>>,
    /// `[d_model]`.
    pub bias: Option<Param<Tensor<1>>>,
    /// Keras's `b_carry`, `[d_model]`.
    pub gate_bias: Option<Param<Tensor<1>>>,
    /// See [`HighwayConfig::activation`].
    #[module(skip)]
    pub activation: Activation,
}

impl Highway {
    /// `x` is `[batch, d_model]`, and so is the result.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let affine = |weight: &Param<Tensor<2>>, bias: &Option<Param<Tensor<1>>>| {
            let y = x.clone().matmul(weight.val());
            match bias {
                Some(bias) => y + bias.val().unsqueeze(),
                None => y,
            }
        };
        let gate = sigmoid(affine(&self.gate_weight, &self.gate_bias));
        let y = self.activation.forward(affine(&self.weight, &self.bias));
        y * gate.clone() + (gate.ones_like() - gate) * x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, devices, values, wave};

    // Values of NumPy, in float64, for weights of `wave`.
    #[test]
    fn maxout_takes_the_largest() {
        for device in devices() {
            let mut layer = MaxoutDenseConfig::new(2, 3, 2).init(&device);
            layer.weight = Param::from_tensor(wave([2, 2, 3], 1.0, &device));
            layer.bias = Some(Param::from_tensor(wave([2, 3], 2.0, &device)));
            let y = layer.forward(wave([2, 2], 3.0, &device));
            assert_eq!(y.dims(), [2, 3]);
            close(&values(y), &MAXOUT, 1e-6);
            assert!(
                MaxoutDenseConfig::new(2, 3, 2)
                    .with_bias(false)
                    .init(&device)
                    .bias
                    .is_none()
            );
        }
    }

    #[test]
    fn highway_carries_a_part() {
        for device in devices() {
            let config = HighwayConfig::new(3).with_activation(Activation::Tanh);
            let mut layer = config.init(&device);
            layer.weight = Param::from_tensor(wave([3, 3], 1.0, &device));
            layer.gate_weight = Param::from_tensor(wave([3, 3], 2.0, &device));
            layer.bias = Some(Param::from_tensor(wave([3], 3.0, &device)));
            layer.gate_bias = Some(Param::from_tensor(wave([3], 4.0, &device)));
            let x = wave([2, 3], 5.0, &device);
            close(&values(layer.forward(x.clone())), &HIGHWAY, 1e-6);
            layer.bias = None;
            layer.gate_bias = None;
            close(&values(layer.forward(x)), &HIGHWAY_WITHOUT_BIAS, 1e-6);
        }
    }

    const MAXOUT: [f32; 6] = [0.815237, 0.677153, 0.419464, 1.022964, 0.734049, 0.315480];
    const HIGHWAY: [f32; 6] = [
        -0.918129, -0.785671, -0.594860, 0.015088, 0.271150, 0.531047,
    ];
    const HIGHWAY_WITHOUT_BIAS: [f32; 6] = [
        -0.910161, -0.752072, -0.469625, -0.006754, 0.183706, 0.354432,
    ];
}
