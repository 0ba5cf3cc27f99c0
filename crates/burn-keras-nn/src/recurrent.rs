//! Recurrent layers in Keras's own weight layout, with Keras's masking.

use alloc::vec::Vec;
use burn::{
    module::{Initializer, Module, Param, ParamId},
    tensor::{Bool, Device, Tensor},
};

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
    /// Whether there is a bias. Default: true.
    pub bias: bool,
    /// Of the candidate and of the cell state on its way out. Default: tanh.
    pub activation: Activation,
    /// Of the gates. Default: sigmoid; Keras 1 and 2 had `HardSigmoid { alpha: 0.2, beta: 0.5 }`.
    pub recurrent_activation: Activation,
    /// Whether time runs backwards. Default: false.
    pub go_backwards: bool,
    /// Whether the output of a masked step is 0 instead of the previous one. Default: false.
    pub zero_output_for_mask: bool,
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
            zero_output_for_mask: false,
        }
    }

    /// Sets [`bias`](Self::bias): Keras's `use_bias`.
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Sets [`activation`](Self::activation).
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Sets [`recurrent_activation`](Self::recurrent_activation).
    pub fn with_recurrent_activation(mut self, activation: Activation) -> Self {
        self.recurrent_activation = activation;
        self
    }

    /// Sets [`go_backwards`](Self::go_backwards).
    pub fn with_go_backwards(mut self, go_backwards: bool) -> Self {
        self.go_backwards = go_backwards;
        self
    }

    /// Sets [`zero_output_for_mask`](Self::zero_output_for_mask).
    pub fn with_zero_output_for_mask(mut self, zero_output_for_mask: bool) -> Self {
        self.zero_output_for_mask = zero_output_for_mask;
        self
    }

    /// Makes the module. Parameters are lazy and start as Keras's defaults: Glorot uniform,
    /// orthogonal, and zeros with ones for the forget gate.
    pub fn init(&self, device: &Device) -> Lstm {
        let (c, u) = (self.d_input, self.units);
        let glorot = Initializer::XavierUniform { gain: 1.0 };
        let orthogonal = Initializer::Orthogonal { gain: 1.0 };
        Lstm {
            kernel: glorot.init_with([c, 4 * u], Some(c), Some(4 * u), device),
            recurrent_kernel: orthogonal.init([u, 4 * u], device),
            bias: self.bias.then(|| forget_bias(u, device)),
            activation: self.activation,
            recurrent_activation: self.recurrent_activation,
            units: u,
            go_backwards: self.go_backwards,
            zero_output_for_mask: self.zero_output_for_mask,
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
    /// See [`LstmConfig::zero_output_for_mask`].
    pub zero_output_for_mask: bool,
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
    /// `zero_output_for_mask` is set, or hides all steps and there was an initial state.
    pub hidden: Tensor<2>,
    /// The state `c` after the last step: `[batch, units]`.
    pub cell: Tensor<2>,
}

impl Lstm {
    /// Runs over the steps of `x` `[batch, steps, d_input]`, last step first if `go_backwards`.
    ///
    /// * `mask` `[batch, steps]`, true = keep. A masked step carries the states on. Its output is
    ///   the previous step's, zeros before the first kept step; with `zero_output_for_mask` it is
    ///   always zeros.
    /// * `state`: `[h, c]` to start with, both `[batch, units]`; zeros if there are none.
    ///
    /// The order of the sequence is that of the processing: `go_backwards` does not turn it back.
    pub fn forward(
        &self,
        x: Tensor<3>,
        mask: Option<Tensor<2, Bool>>,
        state: Option<[Tensor<2>; 2]>,
    ) -> LstmOutput {
        let [batch, steps, features] = x.dims();
        let units = self.units;
        let options = (&x.device(), x.dtype());
        let zeros = Tensor::<2>::zeros([batch, units], options);
        // the output before the first step is 0 even where the state is not
        let output_is_state = state.is_none() && !self.zero_output_for_mask;
        let [mut h, mut c] = state.unwrap_or_else(|| [zeros.clone(), zeros.clone()]);
        let mut output = zeros.clone();
        if steps == 0 {
            return LstmOutput {
                sequence: Tensor::zeros([batch, 0, units], options),
                last: output,
                hidden: h,
                cell: c,
            };
        }

        // one multiplication for all steps; steps first, so that each is a contiguous slice
        let x = x.swap_dims(0, 1).reshape([steps * batch, features]);
        let mut z = x.matmul(self.kernel.val());
        if let Some(bias) = &self.bias {
            z = z + bias.val().unsqueeze();
        }
        let z = z.reshape([steps, batch, 4 * units]);
        let recurrent_kernel = self.recurrent_kernel.val();

        let mut outputs: Vec<Tensor<3>> = Vec::with_capacity(steps);
        for step in 0..steps {
            let step = if self.go_backwards {
                steps - 1 - step
            } else {
                step
            };
            let z = z.clone().slice_dim(0, step..step + 1);
            let z = z.reshape([batch, 4 * units]) + h.clone().matmul(recurrent_kernel.clone());
            let [new_h, new_c] = self.cell(z, c.clone());
            match &mask {
                None => {
                    h = new_h;
                    c = new_c;
                    output = h.clone();
                }
                Some(mask) => {
                    let keep = mask.clone().slice_dim(1, step..step + 1);
                    let keep = keep.expand([batch, units]);
                    if !output_is_state {
                        let masked = if self.zero_output_for_mask {
                            zeros.clone()
                        } else {
                            output
                        };
                        output = masked.mask_where(keep.clone(), new_h.clone());
                    }
                    h = h.mask_where(keep.clone(), new_h);
                    c = c.mask_where(keep, new_c);
                    if output_is_state {
                        output = h.clone();
                    }
                }
            }
            outputs.push(output.clone().unsqueeze_dim(1));
        }
        LstmOutput {
            sequence: Tensor::cat(outputs, 1),
            last: output,
            hidden: h,
            cell: c,
        }
    }

    /// One step, from `z` `[batch, 4 * units]`.
    fn cell(&self, z: Tensor<2>, c: Tensor<2>) -> [Tensor<2>; 2] {
        let u = self.units;
        let part = |from: usize, to: usize| z.clone().slice_dim(1, from * u..to * u);
        let gate = &self.recurrent_activation;
        let (i, f) = if gate.is_elementwise() {
            let both = gate.forward(part(0, 2));
            (both.clone().slice_dim(1, 0..u), both.slice_dim(1, u..2 * u))
        } else {
            (gate.forward(part(0, 1)), gate.forward(part(1, 2)))
        };
        let candidate = self.activation.forward(part(2, 3));
        let o = gate.forward(part(3, 4));
        let c = f * c + i * candidate;
        let h = o * self.activation.forward(c.clone());
        [h, c]
    }
}

#[cfg(test)]
mod tests;
