//! Recurrent layers: a cell, and how it runs over the steps.

mod cell;
#[cfg(test)]
mod tests;

pub(super) use cell::step_activation;
pub use cell::{Cell, CellDropout, CellKind, DropoutMasks, WeightLayout};

use super::config::Config;
use super::{KerasLayer, MaskRule, Mismatch, WeightSpec};
use crate::shape::Spec;
use crate::version::Generation;

/// The parameters of Keras 3's `call` of all recurrent layers, in order. tf.keras lists states
/// behind the sequence, and names everything else.
pub(crate) const INPUT_PARAMETERS: &[&str] = &["sequences"];
pub(crate) const TENSOR_ARGUMENTS: &[&str] = &["initial_state", "mask"];

/// `SimpleRNN`, `GRU`, `LSTM`, and the two that run on cuDNN.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrent {
    /// What is computed at one step.
    pub cell: Cell,
    /// How the cell runs over the steps.
    pub options: RecurrentOptions,
}

/// The options that all recurrent layers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecurrentOptions {
    /// Whether every step is an output, or the last alone.
    pub return_sequences: bool,
    /// Whether the last states are outputs too.
    pub return_state: bool,
    /// Whether time runs backwards; outputs stay in the order in which they were computed.
    pub go_backwards: bool,
    /// What masked steps give.
    pub masked_output: MaskedOutput,
    /// Whether the steps come first and the batch second, in inputs, outputs and masks.
    pub time_major: bool,
    /// Whether Keras starts a call with the states that the one before it left.
    pub stateful: bool,
}

/// What a step gives that the mask hides, with the formula settled for whoever wrote the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskedOutput {
    /// The output of the step before, zeros before the first kept step.
    Previous,
    /// Zeros: `zero_output_for_mask`.
    Zero,
    /// Zeros, but at the steps that the mask would hide if time ran forwards: what Keras 3.15 and
    /// tf_keras 2.21 give for an unrolled layer that goes backwards.
    ZeroUnturned,
    /// The state, also an initial one before the first kept step: the loop of standalone Keras, and of
    /// TensorFlow until 1.12.
    State,
}

impl RecurrentOptions {
    pub(crate) fn read(config: &mut Config<'_>) -> Self {
        let return_sequences = config.bool("return_sequences", false);
        let go_backwards = config.bool("go_backwards", false);
        let unroll = config.bool("unroll", false);
        let zero = config.bool("zero_output_for_mask", false);
        let writer = config.writer();
        let loop_of_keras2 =
            writer.generation <= Generation::Keras2 || writer.is_tf_keras_before((2, 2));
        let masked_output = if loop_of_keras2 && !unroll {
            MaskedOutput::State
        } else if zero && unroll && go_backwards && return_sequences {
            MaskedOutput::ZeroUnturned
        } else if zero {
            MaskedOutput::Zero
        } else {
            MaskedOutput::Previous
        };
        Self {
            return_sequences,
            return_state: config.bool("return_state", false),
            go_backwards,
            masked_output,
            time_major: config.bool("time_major", false),
            stateful: config.bool("stateful", false),
        }
    }
}

impl KerasLayer for Recurrent {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        let cell = Cell::read(class, config);
        let options = RecurrentOptions::read(config);
        if cell.layout == WeightLayout::CuDnn && options.time_major && options.go_backwards {
            // tf_keras reverses the second axis, whatever it is.
            config.unsupported("time_major", "false, if go_backwards is true");
        }
        Self { cell, options }
    }

    fn looks_at_masks(&self) -> bool {
        true
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let dims = &self.sequence(inputs)?.shape.0;
        let batch = dims[usize::from(self.options.time_major)];
        let units = Some(self.cell.units);
        let mut outputs = vec![Spec::float(if self.options.return_sequences {
            vec![dims[0], dims[1], units]
        } else {
            vec![batch, units]
        })];
        if self.options.return_state {
            let state = Spec::float(vec![batch, units]);
            outputs.extend(vec![state; self.cell.states()]);
        }
        Ok(outputs)
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let features = self.sequence(inputs)?.shape.last();
        Ok(self.cell.weights(features))
    }

    fn mask_rule(&self) -> MaskRule {
        if self.options.return_sequences {
            MaskRule::Pass
        } else {
            MaskRule::Stop
        }
    }

    fn input_parameters(&self) -> &'static [&'static str] {
        INPUT_PARAMETERS
    }

    fn tensor_arguments(&self) -> &'static [&'static str] {
        TENSOR_ARGUMENTS
    }

    fn notes(&self) -> Vec<&'static str> {
        let mut notes = Vec::new();
        if self.options.stateful {
            notes.push(
                "`forward` starts with zeros, as Keras's first call does; `forward_with_state` goes on",
            );
        }
        notes
    }
}

impl Recurrent {
    /// The sequence among the inputs, which may be followed by the initial states.
    fn sequence<'a>(&self, inputs: &'a [Spec]) -> Result<&'a Spec, Mismatch> {
        let (units, count) = (self.cell.units, self.cell.states());
        let fits = |state: &Spec| {
            state.shape.rank() == 2 && state.shape.last().is_none_or(|size| size == units)
        };
        match inputs {
            [sequence, states @ ..]
                if sequence.shape.rank() == 3
                    && (states.is_empty() || states.len() == count)
                    && states.iter().all(fits) =>
            {
                Ok(sequence)
            }
            _ => Err(Mismatch::new(
                format!(
                    "a sequence (batch, steps, features), alone or with {count} states (batch, {units})"
                ),
                inputs,
            )),
        }
    }
}
