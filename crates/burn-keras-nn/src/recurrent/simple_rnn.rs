//! The fully connected recurrent layer.

use burn::{
    module::{Initializer, Module, Param},
    tensor::{Bool, Device, Tensor},
};

use super::dropout::{Masks, Product};
use super::{DropoutMasks, MaskedOutput, RecurrentDropout, RnnOutput, Run, kernels, project};
use crate::activation::Activation;

/// Configuration of a [`SimpleRnn`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::{Activation, recurrent::SimpleRnnConfig};
///
/// # fn forward(device: &Device, x: Tensor<3>) -> Tensor<2> {
/// let rnn = SimpleRnnConfig::new(8, 16).with_activation(Activation::Relu).init(device);
/// rnn.forward(x, None, None).last
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SimpleRnnConfig {
    /// Features of the input.
    pub d_input: usize,
    /// Features of the output.
    pub units: usize,
    /// Whether there is a bias: Keras's `use_bias`. Default: true.
    pub bias: bool,
    /// Of the state. Default: tanh.
    pub activation: Activation,
    /// Whether time runs backwards. Default: false.
    pub go_backwards: bool,
    /// What masked steps give. Default: the previous output.
    pub masked_output: MaskedOutput,
    /// The share of input features dropped in training. Default: 0.
    pub dropout: f64,
    /// The share of state features dropped in training. Default: 0.
    pub recurrent_dropout: f64,
}

impl SimpleRnnConfig {
    /// `units` features from `d_input`, everything else as Keras's defaults.
    pub fn new(d_input: usize, units: usize) -> Self {
        Self {
            d_input,
            units,
            bias: true,
            activation: Activation::Tanh,
            go_backwards: false,
            masked_output: MaskedOutput::Previous,
            dropout: 0.0,
            recurrent_dropout: 0.0,
        }
    }

    setters! {
        with_bias bias: bool;
        with_activation activation: Activation;
        with_go_backwards go_backwards: bool;
        with_masked_output masked_output: MaskedOutput;
        with_dropout dropout: f64;
        with_recurrent_dropout recurrent_dropout: f64;
    }

    /// Makes the module. Parameters are lazy and start as Keras's defaults: Glorot uniform,
    /// orthogonal, zeros.
    pub fn init(&self, device: &Device) -> SimpleRnn {
        let [kernel, recurrent_kernel] = kernels(self.d_input, self.units, 1, device);
        let bias = || Initializer::Zeros.init([self.units], device);
        SimpleRnn {
            kernel,
            recurrent_kernel,
            bias: self.bias.then(bias),
            activation: self.activation,
            units: self.units,
            go_backwards: self.go_backwards,
            masked_output: self.masked_output,
            dropout: RecurrentDropout::new(
                self.dropout,
                self.recurrent_dropout,
                DropoutMasks::Shared,
            ),
        }
    }
}

/// Keras's `SimpleRNN`, with its weights as Keras stores them.
///
/// For each step: `h = activation(x kernel + h recurrent_kernel + bias)`.
#[derive(Module, Debug)]
pub struct SimpleRnn {
    /// `[d_input, units]`.
    pub kernel: Param<Tensor<2>>,
    /// `[units, units]`.
    pub recurrent_kernel: Param<Tensor<2>>,
    /// `[units]`.
    pub bias: Option<Param<Tensor<1>>>,
    /// See [`SimpleRnnConfig::activation`].
    #[module(skip)]
    pub activation: Activation,
    /// Features of the output.
    pub units: usize,
    /// See [`SimpleRnnConfig::go_backwards`].
    pub go_backwards: bool,
    /// See [`SimpleRnnConfig::masked_output`].
    #[module(skip)]
    pub masked_output: MaskedOutput,
    /// What is dropped in training.
    pub dropout: RecurrentDropout,
}

impl SimpleRnn {
    /// Runs over the steps of `x` `[batch, steps, d_input]`, last step first if `go_backwards`.
    ///
    /// * `mask` `[batch, steps]`, true = keep. A masked step carries the state on; for its output
    ///   see [`MaskedOutput`].
    /// * `state`: `h` to start with, `[batch, units]`; zeros if there is none.
    ///
    /// The order of the sequence is that of the processing: `go_backwards` does not turn it back.
    pub fn forward(
        &self,
        x: Tensor<3>,
        mask: Option<Tensor<2, Bool>>,
        state: Option<Tensor<2>>,
    ) -> RnnOutput {
        let masks = self.dropout.draw(&x, self.units, 1);
        self.run(x, mask, state, masks)
    }

    /// [`forward`](Self::forward) with given masks of dropout.
    pub(super) fn run(
        &self,
        x: Tensor<3>,
        mask: Option<Tensor<2, Bool>>,
        state: Option<Tensor<2>>,
        masks: Masks,
    ) -> RnnOutput {
        let bias = self.bias.as_ref().map(|bias| bias.val().unsqueeze());
        let z = project(x, self.kernel.val(), masks.inputs, bias);
        let recurrent = Product::by(self.recurrent_kernel.val(), masks.states);
        let run = Run {
            units: self.units,
            go_backwards: self.go_backwards,
            masked_output: self.masked_output,
        };
        let state = state.map(|state| [state]);
        let outcome = run.over(z, mask, state, |z, [h]| {
            [self.activation.forward(z + recurrent.of(h))]
        });
        outcome.into()
    }
}
