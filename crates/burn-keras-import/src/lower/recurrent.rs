//! Recurrent layers.

use keras_ir::Problem;
use keras_ir::layer::KerasLayer;
use keras_ir::layer::rnn::Lstm;
use keras_ir::shape::{Kind, Spec};

use super::{LayerCall, LayerView, Lower};
use crate::plan::{Argument, Module, Operation, ValueId};

impl Lower for Lstm {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        Some(Module::Lstm {
            input: layer.weight("kernel").first().copied()?,
            units: self.units,
            bias: self.use_bias,
            activation: self.activation,
            recurrent_activation: self.recurrent_activation,
            go_backwards: self.go_backwards,
            zero_output_for_mask: self.zero_output_for_mask,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let sequence = call.float_input();
        // Initial states follow the sequence (Keras 2, tf.keras), or are named (Keras 3).
        let given = call.named_values("initial_state");
        let states: Vec<ValueId> = given.unwrap_or_else(|| call.inputs()[1..].to_vec());
        let mut state = Vec::with_capacity(2);
        for value in states {
            state.push(call.cast(value, Kind::Float));
        }
        if !matches!(state.len(), 0 | 2) {
            let found = format!("{} states", state.len());
            return Err(call.unsupported("initial_state", "two states", &found));
        }
        // Keras 3 looks at the implicit mask of a call with one tensor alone.
        let ignores_mask =
            call.generation().is_keras3() && !state.is_empty() && !call.has_explicit_mask();
        let mask = call.mask().filter(|_| !ignores_mask);

        let first = if self.return_sequences {
            "sequence"
        } else {
            "last"
        };
        let results = [first, "hidden", "cell"].into_iter().take(call.count);
        let spec = call.spec(sequence).clone();
        let specs: Vec<Spec> = match self.outputs(&[spec]) {
            Ok(outputs) => outputs.into_iter().take(call.count).collect(),
            Err(m) => return Err(call.unsupported("inputs", &m.expected, &m.found)),
        };
        let operation = Operation::Apply {
            module: call.module()?,
            arguments: vec![
                Argument::Tensor,
                Argument::Optional(mask.is_some()),
                Argument::Several(state.len()),
            ],
            results: results.collect(),
        };
        let inputs = std::iter::once(sequence).chain(mask).chain(state).collect();
        for output in call.steps(operation, inputs, specs) {
            call.output(output);
        }
        Ok(())
    }
}
