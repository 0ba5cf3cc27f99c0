//! Dropout of inputs and states: drawn once for a call, the same at every step.

use alloc::vec::Vec;
use burn::{
    module::{Flag, Module, Param},
    tensor::Tensor,
};

use crate::dropout::{active, scaled_keep};

/// Which masks the gates of a cell have. A cell without gates has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DropoutMasks {
    /// One for all gates: Keras's `implementation=2`.
    #[default]
    Shared,
    /// One for each gate: `implementation=1`, and Keras's choice wherever states are dropped.
    PerGate,
    /// One for all gates, and a GRU mixes the dropped state with its candidate: `implementation=2`
    /// in standalone Keras 2 and in TensorFlow until 2.1.
    SharedWithState,
}

/// What a recurrent layer drops in training.
///
/// Each call draws masks of `[batch, features]` for the inputs and of `[batch, units]` for the
/// states: 0 with probability `p`, else `1 / (1 - p)`. They hold for all steps of the call.
/// Nothing is dropped unless the input is on an autodiff device and `training` is on, nor where
/// `p` is 1, as in Keras's cells with gates.
#[derive(Module, Debug)]
pub struct RecurrentDropout {
    /// The share of input features that become 0: Keras's `dropout`.
    pub inputs: f64,
    /// The share of state features that become 0: Keras's `recurrent_dropout`.
    pub state: f64,
    /// Which masks the gates have.
    #[module(skip)]
    pub masks: DropoutMasks,
    /// Whether dropout is wanted at all.
    pub training: Param<Flag>,
}

impl RecurrentDropout {
    pub(super) fn new(inputs: f64, state: f64, masks: DropoutMasks) -> Self {
        Self {
            inputs,
            state,
            masks,
            training: Param::from_bool(true),
        }
    }

    /// Draws the masks of one call, with inputs `x` `[batch, steps, features]`.
    pub(super) fn draw(&self, x: &Tensor<3>, units: usize, gates: usize) -> Masks {
        let [batch, _, features] = x.dims();
        let count = match self.masks {
            DropoutMasks::PerGate => gates,
            DropoutMasks::Shared | DropoutMasks::SharedWithState => 1,
        };
        let draw = |rate: f64, width: usize| {
            let acts = rate < 1.0 && active(x, &self.training, rate);
            let count = if acts { count } else { 0 };
            let mask = || scaled_keep(x, [batch, width], rate);
            core::iter::repeat_with(mask).take(count).collect()
        };
        Masks {
            inputs: draw(self.inputs, features),
            states: draw(self.state, units),
        }
    }
}

/// The masks of one call: none, one, or one for each gate.
pub(super) struct Masks {
    /// `[batch, features]`.
    pub inputs: Vec<Tensor<2>>,
    /// `[batch, units]`.
    pub states: Vec<Tensor<2>>,
}

/// A kernel, cut into the columns that have a mask of their own.
pub(super) struct Product(Vec<(Option<Tensor<2>>, Tensor<2>)>);

impl Product {
    /// `kernel` as it is without `masks`, else in as many equal parts as there are masks.
    pub(super) fn by(kernel: Tensor<2>, masks: Vec<Tensor<2>>) -> Self {
        let [_, columns] = kernel.dims();
        Self(match masks.len() {
            0 => alloc::vec![(None, kernel)],
            count => {
                let parts = kernel.split(columns / count, 1);
                masks.into_iter().map(Some).zip(parts).collect()
            }
        })
    }

    /// `x` times the kernel, each part with its own mask over `x`.
    pub(super) fn of(&self, x: Tensor<2>) -> Tensor<2> {
        let parts = self.0.iter().map(|(mask, kernel)| {
            let x = match mask {
                Some(mask) => x.clone() * mask.clone(),
                None => x.clone(),
            };
            x.matmul(kernel.clone())
        });
        let mut parts: Vec<Tensor<2>> = parts.collect();
        match parts.len() {
            1 => parts.remove(0),
            _ => Tensor::cat(parts, 1),
        }
    }
}
