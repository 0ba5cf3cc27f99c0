//! Recurrent layers.

use keras_ir::Problem;
use keras_ir::layer::KerasLayer;
use keras_ir::layer::rnn::{MaskedOutput, Recurrent, RecurrentOptions, WeightLayout};
use keras_ir::shape::Kind;

use super::{Bound, LayerCall, LayerView, Lower};
use crate::plan::{Argument, Function, Module, Operation, ValueId};

/// The states among the fields of what the modules give.
const STATES: [&str; 2] = ["hidden", "cell"];

impl Lower for Recurrent {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let (cell, options) = (&self.cell, &self.options);
        let plain = Module::Recurrent {
            cell: cell.kind,
            layout: cell.layout,
            input: layer.weight("kernel").first().copied()?,
            units: cell.units,
            bias: cell.use_bias,
            activation: cell.activation,
            recurrent_activation: cell.recurrent_activation,
            go_backwards: options.go_backwards,
            masked_output: match options.masked_output {
                // The zeros are put in behind the layer.
                MaskedOutput::ZeroUnturned => MaskedOutput::Previous,
                other => other,
            },
        };
        Some(match cell.dropout {
            None => plain,
            Some(dropout) => Module::RecurrentDropout {
                layer: Box::new(plain),
                dropout,
            },
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        if self.options.stateful && call.times_called() > 1 {
            // The second call would start with the states of the first.
            let expected = "false, for a layer that is called more than once";
            return Err(call.unsupported("stateful", expected, "true"));
        }
        let sequence = call.float_input();
        let mut state = initial_state(call);
        if !state.is_empty() && state.len() != self.cell.states() {
            let expected = format!("{} states", self.cell.states());
            let found = format!("{} states", state.len());
            return Err(call.unsupported("initial_state", &expected, &found));
        }
        let mask = used_mask(call, !state.is_empty());
        if mask.is_some() && self.cell.layout == WeightLayout::CuDnn {
            return Err(call.unsupported("mask", "no mask, which cuDNN does not take", "a mask"));
        }

        let all = Self {
            cell: self.cell.clone(),
            options: RecurrentOptions {
                return_state: true,
                ..self.options
            },
        };
        let mut specs = match all.outputs(&[call.spec(sequence).clone()]) {
            Ok(outputs) => outputs,
            Err(m) => return Err(call.unsupported("inputs", &m.expected, &m.found)),
        };
        let mut carried = Vec::new();
        if self.options.stateful && call.with_state() && state.is_empty() {
            for (part, spec) in STATES.into_iter().zip(&specs[1..]) {
                carried.push(call.state(part, spec.clone()));
            }
            state.clone_from(&carried);
        } else {
            specs.truncate(call.count);
        }
        let returns_sequence = self.options.return_sequences;
        let (mut sequence, mut used_mask) = (sequence, mask);
        if self.options.time_major {
            sequence = swap(call, sequence);
            used_mask = mask.map(|mask| swap(call, mask));
            if returns_sequence {
                specs[0].shape.0.swap(0, 1);
            }
        }
        let first = if returns_sequence { "sequence" } else { "last" };
        let operation = Operation::Apply {
            module: call.module()?,
            arguments: vec![
                Argument::Tensor,
                Argument::Optional(mask.is_some()),
                match self.cell.states() {
                    1 => Argument::Optional(!state.is_empty()),
                    _ => Argument::Several(state.len()),
                },
            ],
            results: std::iter::once(first)
                .chain(STATES)
                .take(specs.len())
                .collect(),
        };
        let inputs = std::iter::once(sequence).chain(used_mask).chain(state);
        let mut outputs = call.steps(operation, inputs.collect(), specs);
        for (before, after) in carried.into_iter().zip(&outputs[1..]) {
            call.change_state(before, *after);
        }
        outputs.truncate(call.count);
        if self.options.time_major && returns_sequence {
            outputs[0] = swap(call, outputs[0]);
        }
        if let (MaskedOutput::ZeroUnturned, Some(mask)) = (self.options.masked_output, mask) {
            outputs[0] = zero_masked(call, mask, outputs[0]);
        }
        for output in outputs {
            call.output(output);
        }
        Ok(())
    }
}

/// Batch and steps exchanged.
fn swap(call: &mut LayerCall<'_, '_>, value: ValueId) -> ValueId {
    let mut axes: Vec<usize> = (0..call.rank(value)).collect();
    axes.swap(0, 1);
    call.permute(value, axes)
}

/// The initial states: they follow the sequence (Keras 2, tf.keras), or are named (Keras 3).
pub(super) fn initial_state(call: &mut LayerCall<'_, '_>) -> Vec<ValueId> {
    let given = call.named_values("initial_state");
    let states = given.unwrap_or_else(|| call.inputs()[1..].to_vec());
    let states = states.into_iter();
    states.map(|state| call.cast(state, Kind::Float)).collect()
}

/// The mask that the layer computes with: Keras 3 looks at the mask that comes with the sequence
/// if that is the only tensor of the call.
pub(super) fn used_mask(call: &LayerCall<'_, '_>, has_state: bool) -> Option<ValueId> {
    let ignores_mask = call.generation().is_keras3() && has_state && !call.has_explicit_mask();
    call.mask().filter(|_| !ignores_mask)
}

/// The mask of a layer's sequence: the one that came, whether the layer looks at it or not.
pub(super) fn output_mask(call: &LayerCall<'_, '_>, return_sequences: bool) -> Option<ValueId> {
    call.mask().filter(|_| return_sequences)
}

/// What a wrapper calls a recurrent layer with: the inputs and the named arguments.
pub(super) fn arguments(
    sequence: ValueId,
    mask: Option<ValueId>,
    state: &[ValueId],
) -> (Vec<Bound>, Vec<(String, Vec<Bound>)>) {
    let plain = |value| Bound { value, mask: None };
    let mut named = Vec::new();
    // By name, so that the layer looks at it, state or not.
    if let Some(mask) = mask {
        named.push(("mask".to_owned(), vec![plain(mask)]));
    }
    if !state.is_empty() {
        let state = state.iter().copied().map(plain).collect();
        named.push(("initial_state".to_owned(), state));
    }
    (vec![plain(sequence)], named)
}

/// Zeros at the steps that `mask` hides.
pub(super) fn zero_masked(
    call: &mut LayerCall<'_, '_>,
    mask: ValueId,
    sequence: ValueId,
) -> ValueId {
    let spec = call.spec(sequence).clone();
    let operation = Operation::Function(Function::Fill(0.0));
    call.step(operation, vec![mask, sequence], spec)
}
