//! Long short-term memory.

use burn::{
    module::{Module, Param, ParamId},
    tensor::{Bool, Device, Tensor},
};

use super::dropout::{Masks, Product};
use super::{DropoutMasks, MaskedOutput, RecurrentDropout, Run, kernels, project, two_gates};
use crate::activation::Activation;

/// Configuration of an [`Lstm`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::{Activation, recurrent::LstmConfig};
///
/// # fn forward(device: &Device, x: Tensor<3>) -> Tensor<2> {
/// let hard = Activation::HardSigmoid { alpha: 0.2, beta: 0.5 };
/// let lstm = LstmConfig::new(8, 16).with_recurrent_activation(hard).init(device);
/// lstm.forward(x, None, None).last
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LstmConfig {
    /// Features of the input.
    pub d_input: usize,
    /// Features of the output.
    pub units: usize,
    /// Whether there is a bias: Keras's `use_bias`. Default: true.
    pub bias: bool,
    /// Of the candidate and of the cell state on its way out. Default: tanh.
    pub activation: Activation,
    /// Of the gates. Default: sigmoid; Keras 1 and 2 had `HardSigmoid { alpha: 0.2, beta: 0.5 }`.
    pub recurrent_activation: Activation,
    /// Whether time runs backwards. Default: false.
    pub go_backwards: bool,
    /// What masked steps give. Default: the previous output.
    pub masked_output: MaskedOutput,
    /// The share of input features dropped in training. Default: 0.
    pub dropout: f64,
    /// The share of state features dropped in training. Default: 0.
    pub recurrent_dropout: f64,
    /// Whether gates share the masks of dropout. Default: they do, as in Keras 3 and tf.keras
    /// where no states are dropped.
    pub dropout_masks: DropoutMasks,
}

impl LstmConfig {
    /// `units` features from `d_input`, everything else as Keras's defaults.
    pub fn new(d_input: usize, units: usize) -> Self {
        Self {
            d_input,
            units,
            bias: true,
            activation: Activation::Tanh,
            recurrent_activation: Activation::Sigmoid,
            go_backwards: false,
            masked_output: MaskedOutput::Previous,
            dropout: 0.0,
            recurrent_dropout: 0.0,
            dropout_masks: DropoutMasks::Shared,
        }
    }

    setters! {
        with_bias bias: bool;
        with_activation activation: Activation;
        with_recurrent_activation recurrent_activation: Activation;
        with_go_backwards go_backwards: bool;
        with_masked_output masked_output: MaskedOutput;
        with_dropout dropout: f64;
        with_recurrent_dropout recurrent_dropout: f64;
        with_dropout_masks dropout_masks: DropoutMasks;
    }

    /// Makes the module. Parameters are lazy and start as Keras's defaults: Glorot uniform,
    /// orthogonal, and zeros with ones for the forget gate.
    pub fn init(&self, device: &Device) -> Lstm {
        let [kernel, recurrent_kernel] = kernels(self.d_input, self.units, 4, device);
        Lstm {
            kernel,
            recurrent_kernel,
            bias: self.bias.then(|| forget_bias(self.units, device)),
            activation: self.activation,
            recurrent_activation: self.recurrent_activation,
            units: self.units,
            go_backwards: self.go_backwards,
            masked_output: self.masked_output,
            dropout: RecurrentDropout::new(
                self.dropout,
                self.recurrent_dropout,
                self.dropout_masks,
            ),
        }
    }
}

fn forget_bias(units: usize, device: &Device) -> Param<Tensor<1>> {
    let make = move |device: &Device, require_grad: bool| {
        let zeros = |n| Tensor::<1>::zeros([n], device);
        let ones = Tensor::<1>::ones([units], device);
        Tensor::cat(alloc::vec![zeros(units), ones, zeros(2 * units)], 0)
            .set_require_grad(require_grad)
    };
    Param::uninitialized(
        ParamId::new(),
        make,
        device.clone(),
        true,
        [4 * units].into(),
    )
}

/// Keras's `LSTM`, with its weights as Keras stores them; gates stand in the order `i f c o`.
///
/// For each step, with `z = x kernel + h recurrent_kernel + bias`:
///
/// ```text
/// c = recurrent_activation(z_f) c + recurrent_activation(z_i) activation(z_c)
/// h = recurrent_activation(z_o) activation(c)
/// ```
#[derive(Module, Debug)]
pub struct Lstm {
    /// `[d_input, 4 * units]`.
    pub kernel: Param<Tensor<2>>,
    /// `[units, 4 * units]`.
    pub recurrent_kernel: Param<Tensor<2>>,
    /// `[4 * units]`.
    pub bias: Option<Param<Tensor<1>>>,
    /// See [`LstmConfig::activation`].
    #[module(skip)]
    pub activation: Activation,
    /// See [`LstmConfig::recurrent_activation`].
    #[module(skip)]
    pub recurrent_activation: Activation,
    /// Features of the output.
    pub units: usize,
    /// See [`LstmConfig::go_backwards`].
    pub go_backwards: bool,
    /// See [`LstmConfig::masked_output`].
    #[module(skip)]
    pub masked_output: MaskedOutput,
    /// What is dropped in training.
    pub dropout: RecurrentDropout,
}

/// What [`Lstm::forward`] returns.
#[derive(Clone, Debug)]
pub struct LstmOutput {
    /// The output of every step, in the order of processing: `[batch, steps, units]`.
    pub sequence: Tensor<3>,
    /// The output of the last step processed: `[batch, units]`.
    pub last: Tensor<2>,
    /// The state `h` after the last step: `[batch, units]`.
    ///
    /// It differs from [`last`](Self::last) only where the mask hides the last step and
    /// masked outputs are zeros, or hides all steps and there was an initial state.
    pub hidden: Tensor<2>,
    /// The state `c` after the last step: `[batch, units]`.
    pub cell: Tensor<2>,
}

impl Lstm {
    /// Runs over the steps of `x` `[batch, steps, d_input]`, last step first if `go_backwards`.
    ///
    /// * `mask` `[batch, steps]`, true = keep. A masked step carries the states on; for its output
    ///   see [`MaskedOutput`].
    /// * `state`: `[h, c]` to start with, both `[batch, units]`; zeros if there are none.
    ///
    /// The order of the sequence is that of the processing: `go_backwards` does not turn it back.
    pub fn forward(
        &self,
        x: Tensor<3>,
        mask: Option<Tensor<2, Bool>>,
        state: Option<[Tensor<2>; 2]>,
    ) -> LstmOutput {
        let masks = self.dropout.draw(&x, self.units, 4);
        self.run(x, mask, state, masks)
    }

    /// [`forward`](Self::forward) with given masks of dropout.
    pub(super) fn run(
        &self,
        x: Tensor<3>,
        mask: Option<Tensor<2, Bool>>,
        state: Option<[Tensor<2>; 2]>,
        masks: Masks,
    ) -> LstmOutput {
        let bias = self.bias.as_ref().map(|bias| bias.val().unsqueeze());
        let z = project(x, self.kernel.val(), masks.inputs, bias);
        let recurrent = Product::by(self.recurrent_kernel.val(), masks.states);
        let run = Run {
            units: self.units,
            go_backwards: self.go_backwards,
            masked_output: self.masked_output,
        };
        let outcome = run.over(z, mask, state, |z, [h, c]| {
            self.step(z + recurrent.of(h), c)
        });
        let [hidden, cell] = outcome.states;
        LstmOutput {
            sequence: outcome.sequence,
            last: outcome.last,
            hidden,
            cell,
        }
    }

    /// One step, from `z` `[batch, 4 * units]`.
    fn step(&self, z: Tensor<2>, c: Tensor<2>) -> [Tensor<2>; 2] {
        let u = self.units;
        let part = |from: usize, to: usize| z.clone().slice_dim(1, from * u..to * u);
        let gate = &self.recurrent_activation;
        let [i, f] = two_gates(gate, part(0, 2), u);
        let candidate = self.activation.forward(part(2, 3));
        let o = gate.forward(part(3, 4));
        let c = f * c + i * candidate;
        let h = o * self.activation.forward(c.clone());
        [h, c]
    }
}
