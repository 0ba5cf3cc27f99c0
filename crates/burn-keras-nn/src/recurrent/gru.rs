//! Gated recurrent unit.

use alloc::vec::Vec;
use burn::{
    module::{Initializer, Module, Param},
    tensor::{Bool, Device, Tensor},
};

use super::dropout::{Masks, Product};
use super::{
    DropoutMasks, MaskedOutput, RecurrentDropout, RnnOutput, Run, kernels, project, two_gates,
};
use crate::activation::Activation;

/// Configuration of a [`Gru`].
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::recurrent::GruConfig;
///
/// # fn forward(device: &Device, x: Tensor<3>) -> Tensor<2> {
/// let gru = GruConfig::new(8, 16).with_reset_after(false).init(device);
/// gru.forward(x, None, None).last
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GruConfig {
    /// Features of the input.
    pub d_input: usize,
    /// Features of the output.
    pub units: usize,
    /// Whether there is a bias: Keras's `use_bias`. Default: true.
    pub bias: bool,
    /// Of the candidate. Default: tanh.
    pub activation: Activation,
    /// Of the gates. Default: sigmoid; Keras 1 and 2 had `HardSigmoid { alpha: 0.2, beta: 0.5 }`.
    pub recurrent_activation: Activation,
    /// Whether the reset gate acts behind the multiplication of the state. Default: true; Keras 1
    /// and 2 had false.
    pub reset_after: bool,
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

impl GruConfig {
    /// `units` features from `d_input`, everything else as Keras's defaults.
    pub fn new(d_input: usize, units: usize) -> Self {
        Self {
            d_input,
            units,
            bias: true,
            activation: Activation::Tanh,
            recurrent_activation: Activation::Sigmoid,
            reset_after: true,
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
        with_reset_after reset_after: bool;
        with_go_backwards go_backwards: bool;
        with_masked_output masked_output: MaskedOutput;
        with_dropout dropout: f64;
        with_recurrent_dropout recurrent_dropout: f64;
        with_dropout_masks dropout_masks: DropoutMasks;
    }

    /// Makes the module. Parameters are lazy and start as Keras's defaults: Glorot uniform,
    /// orthogonal, zeros.
    pub fn init(&self, device: &Device) -> Gru {
        let [kernel, recurrent_kernel] = kernels(self.d_input, self.units, 3, device);
        let rows = if self.reset_after { 2 } else { 1 };
        let bias = || Initializer::Zeros.init([rows, 3 * self.units], device);
        Gru {
            kernel,
            recurrent_kernel,
            bias: self.bias.then(bias),
            activation: self.activation,
            recurrent_activation: self.recurrent_activation,
            reset_after: self.reset_after,
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

/// Keras's `GRU`, with its weights as Keras stores them; gates stand in the order `z r h`.
///
/// For each step, with `a = x kernel + bias[0]`, `U = recurrent_kernel` and the gates
/// `z = recurrent_activation(a_z + h U_z)`, `r = recurrent_activation(a_r + h U_r)`:
///
/// ```text
/// h' = activation(a_h + (r h) U_h)
/// h  = z h + (1 - z) h'
/// ```
///
/// With `reset_after`, `h U + bias[1]` stands for `h U`, and `r (h U_h + bias[1]_h)` for
/// `(r h) U_h`.
#[derive(Module, Debug)]
pub struct Gru {
    /// `[d_input, 3 * units]`.
    pub kernel: Param<Tensor<2>>,
    /// `[units, 3 * units]`.
    pub recurrent_kernel: Param<Tensor<2>>,
    /// `[2, 3 * units]` with `reset_after`, for the input and for the state; else
    /// `[1, 3 * units]`.
    pub bias: Option<Param<Tensor<2>>>,
    /// See [`GruConfig::activation`].
    #[module(skip)]
    pub activation: Activation,
    /// See [`GruConfig::recurrent_activation`].
    #[module(skip)]
    pub recurrent_activation: Activation,
    /// See [`GruConfig::reset_after`].
    pub reset_after: bool,
    /// Features of the output.
    pub units: usize,
    /// See [`GruConfig::go_backwards`].
    pub go_backwards: bool,
    /// See [`GruConfig::masked_output`].
    #[module(skip)]
    pub masked_output: MaskedOutput,
    /// What is dropped in training.
    pub dropout: RecurrentDropout,
}

impl Gru {
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
        let masks = self.dropout.draw(&x, self.units, 3);
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
        let u = self.units;
        let bias = self.bias.as_ref().map(Param::val);
        let bias_row = |row: usize| bias.clone().map(|bias| bias.slice_dim(0, row..row + 1));
        let Masks { inputs, mut states } = masks;
        // Otherwise the masks lie between the state and the kernel alone.
        let of_state = match self.dropout.masks {
            DropoutMasks::SharedWithState => states.pop(),
            DropoutMasks::Shared | DropoutMasks::PerGate => None,
        };
        let dropped = |h: Tensor<2>| match &of_state {
            Some(mask) => h * mask.clone(),
            None => h,
        };
        let z = project(x, self.kernel.val(), inputs, bias_row(0));
        let run = Run {
            units: u,
            go_backwards: self.go_backwards,
            masked_output: self.masked_output,
        };
        let state = state.map(|state| [state]);
        let kernel = self.recurrent_kernel.val();
        let outcome = if self.reset_after {
            let bias = bias_row(1);
            let recurrent = Product::by(kernel, states);
            run.over(z, mask, state, |a, [h]| {
                let h = dropped(h);
                let mut inner = recurrent.of(h.clone());
                if let Some(bias) = &bias {
                    inner = inner + bias.clone();
                }
                let [z, r] = self.gates(a.clone(), inner.clone());
                let reset = r * inner.slice_dim(1, 2 * u..3 * u);
                [self.mix(z, a, reset, h)]
            })
        } else {
            // The last mask is the candidate's, and with it the gates' where they share one.
            let of_candidate: Vec<_> = states.last().cloned().into_iter().collect();
            states.truncate(2);
            let gates = Product::by(kernel.clone().slice_dim(1, 0..2 * u), states);
            let candidate = Product::by(kernel.slice_dim(1, 2 * u..3 * u), of_candidate);
            run.over(z, mask, state, |a, [h]| {
                let h = dropped(h);
                let [z, r] = self.gates(a.clone(), gates.of(h.clone()));
                let reset = candidate.of(r * h.clone());
                [self.mix(z, a, reset, h)]
            })
        };
        outcome.into()
    }

    /// The gates `z` and `r`, from what input and state add to them.
    fn gates(&self, a: Tensor<2>, inner: Tensor<2>) -> [Tensor<2>; 2] {
        let both = 0..2 * self.units;
        let sum = a.slice_dim(1, both.clone()) + inner.slice_dim(1, both);
        two_gates(&self.recurrent_activation, sum, self.units)
    }

    /// The new state, from the gate `z`, the input's part, the reset state and the old state.
    fn mix(&self, z: Tensor<2>, a: Tensor<2>, reset: Tensor<2>, h: Tensor<2>) -> Tensor<2> {
        let a = a.slice_dim(1, 2 * self.units..3 * self.units);
        let candidate = self.activation.forward(a + reset);
        z.clone() * h + z.neg().add_scalar(1) * candidate
    }
}
