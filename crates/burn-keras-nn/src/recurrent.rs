//! Recurrent layers in Keras's own weight layout, with Keras's masking.
//!
//! A layer is a cell that the loop of this module runs over the steps; the loop is the same for
//! all of them. The projection of the inputs is one multiplication for all steps.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use burn_keras_nn::recurrent::{GruConfig, MaskedOutput};
//!
//! # fn forward(device: &Device, x: Tensor<3>) -> Tensor<3> {
//! let gru = GruConfig::new(8, 16).with_masked_output(MaskedOutput::Zero).init(device);
//! gru.forward(x, None, None).sequence
//! # }
//! ```

/// The `with_` methods of a configuration.
macro_rules! setters {
    ($($setter:ident $field:ident: $type:ty;)*) => {
        $(
            #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
            pub fn $setter(mut self, $field: $type) -> Self {
                self.$field = $field;
                self
            }
        )*
    };
}

mod dropout;
mod gru;
mod lstm;
mod simple_rnn;

pub use dropout::{DropoutMasks, RecurrentDropout};
pub use gru::{Gru, GruConfig};
pub use lstm::{Lstm, LstmConfig, LstmOutput};
pub use simple_rnn::{SimpleRnn, SimpleRnnConfig};

use alloc::vec::Vec;
use burn::{
    module::{Initializer, Param},
    tensor::{Bool, Device, Tensor},
};

use crate::activation::Activation;
use dropout::Product;

/// What a step gives that the mask hides. The states are carried over it in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MaskedOutput {
    /// The output of the step before, zeros before the first kept step.
    #[default]
    Previous,
    /// Zeros: Keras's `zero_output_for_mask`.
    Zero,
    /// The state, also an initial one before the first kept step: standalone Keras 2.
    State,
}

/// What a layer with one state returns.
#[derive(Clone, Debug)]
pub struct RnnOutput {
    /// The output of every step, in the order of processing: `[batch, steps, units]`.
    pub sequence: Tensor<3>,
    /// The output of the last step processed: `[batch, units]`.
    pub last: Tensor<2>,
    /// The state after the last step: `[batch, units]`.
    ///
    /// It differs from [`last`](Self::last) only where the mask hides the last step and
    /// masked outputs are zeros, or hides all steps and there was an initial state.
    pub hidden: Tensor<2>,
}

/// How a layer runs over the steps.
#[derive(Clone, Copy, Debug)]
struct Run {
    units: usize,
    go_backwards: bool,
    masked_output: MaskedOutput,
}

/// What a run over the steps gives; the first state is the output of an unmasked step.
struct Outcome<const STATES: usize> {
    sequence: Tensor<3>,
    last: Tensor<2>,
    states: [Tensor<2>; STATES],
}

impl From<Outcome<1>> for RnnOutput {
    fn from(outcome: Outcome<1>) -> Self {
        let [hidden] = outcome.states;
        Self {
            sequence: outcome.sequence,
            last: outcome.last,
            hidden,
        }
    }
}

impl Run {
    /// Runs `cell` over the steps of `z` `[steps, batch, gates]`, the projected inputs.
    ///
    /// `cell` makes of one step `[batch, gates]` and the states the next states.
    fn over<const STATES: usize>(
        self,
        z: Tensor<3>,
        mask: Option<Tensor<2, Bool>>,
        initial: Option<[Tensor<2>; STATES]>,
        cell: impl Fn(Tensor<2>, [Tensor<2>; STATES]) -> [Tensor<2>; STATES],
    ) -> Outcome<STATES> {
        let [steps, batch, gates] = z.dims();
        let units = self.units;
        let options = (&z.device(), z.dtype());
        let zeros = Tensor::<2>::zeros([batch, units], options);
        // From zeros on, the state is what the previous step gave.
        let output_is_state = match self.masked_output {
            MaskedOutput::Previous => initial.is_none(),
            MaskedOutput::Zero => false,
            MaskedOutput::State => true,
        };
        let mut states = initial.unwrap_or_else(|| core::array::from_fn(|_| zeros.clone()));
        let mut output = zeros.clone();
        let mut outputs: Vec<Tensor<3>> = Vec::with_capacity(steps);
        for step in 0..steps {
            let step = if self.go_backwards {
                steps - 1 - step
            } else {
                step
            };
            let z = z.clone().slice_dim(0, step..step + 1);
            let new = cell(z.reshape([batch, gates]), states.clone());
            match &mask {
                None => {
                    states = new;
                    output = states[0].clone();
                }
                Some(mask) => {
                    let keep = mask.clone().slice_dim(1, step..step + 1);
                    let keep = keep.expand([batch, units]);
                    if !output_is_state {
                        let masked = match self.masked_output {
                            MaskedOutput::Zero => zeros.clone(),
                            _ => output,
                        };
                        output = masked.mask_where(keep.clone(), new[0].clone());
                    }
                    let mut new = new.into_iter();
                    states = states.map(|state| match new.next() {
                        Some(new) => state.mask_where(keep.clone(), new),
                        None => state,
                    });
                    if output_is_state {
                        output = states[0].clone();
                    }
                }
            }
            outputs.push(output.clone().unsqueeze_dim(1));
        }
        let sequence = if outputs.is_empty() {
            Tensor::zeros([batch, 0, units], options)
        } else {
            Tensor::cat(outputs, 1)
        };
        Outcome {
            sequence,
            last: output,
            states,
        }
    }
}

/// `x` `[batch, steps, features]` times `kernel`, plus `bias`: `[steps, batch, gates]`. `masks`
/// `[batch, features]` lie over `x` at every step, see [`Product`].
///
/// Steps come first, so that each is a contiguous slice.
fn project(
    x: Tensor<3>,
    kernel: Tensor<2>,
    masks: Vec<Tensor<2>>,
    bias: Option<Tensor<2>>,
) -> Tensor<3> {
    let [batch, steps, features] = x.dims();
    let [_, gates] = kernel.dims();
    if steps * batch == 0 {
        return Tensor::zeros([steps, batch, gates], (&x.device(), x.dtype()));
    }
    let x = x.swap_dims(0, 1).reshape([steps * batch, features]);
    let at_all_steps = |mask: Tensor<2>| {
        let mask = mask.unsqueeze_dim::<3>(0).expand([steps, batch, features]);
        mask.reshape([steps * batch, features])
    };
    let masks = masks.into_iter().map(at_all_steps).collect();
    let mut z = Product::by(kernel, masks).of(x);
    if let Some(bias) = bias {
        z = z + bias;
    }
    z.reshape([steps, batch, gates])
}

/// Activates two gates that stand side by side in `z` `[batch, 2 * units]`.
fn two_gates(activation: &Activation, z: Tensor<2>, units: usize) -> [Tensor<2>; 2] {
    let halves = |z: Tensor<2>| {
        [
            z.clone().slice_dim(1, 0..units),
            z.slice_dim(1, units..2 * units),
        ]
    };
    if activation.is_elementwise() {
        halves(activation.forward(z))
    } else {
        halves(z).map(|gate| activation.forward(gate))
    }
}

/// Keras's defaults for the kernels of a layer with `gates` gates: Glorot uniform, orthogonal.
fn kernels(d_input: usize, units: usize, gates: usize, device: &Device) -> [Param<Tensor<2>>; 2] {
    let width = gates * units;
    let glorot = Initializer::XavierUniform { gain: 1.0 };
    let orthogonal = Initializer::Orthogonal { gain: 1.0 };
    [
        glorot.init_with([d_input, width], Some(d_input), Some(width), device),
        orthogonal.init([units, width], device),
    ]
}

#[cfg(test)]
mod tests;
