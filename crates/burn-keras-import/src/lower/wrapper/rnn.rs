//! `RNN`: the layers of its cells, one after the other.

use keras_ir::Problem;
use keras_ir::layer::rnn::MaskedOutput;
use keras_ir::layer::wrapper::Rnn;

use crate::lower::recurrent::{arguments, initial_state, output_mask, used_mask, zero_masked};
use crate::lower::{Bound, LayerCall, LowerWrapper};
use crate::plan::Function;

impl LowerWrapper for Rnn {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<Vec<Bound>, Problem> {
        let options = &self.options;
        let state = initial_state(call);
        let Some(states) = self.split_states(&state) else {
            let expected = format!("{} states", self.states.iter().sum::<usize>());
            let found = format!("{} states", state.len());
            return Err(call.unsupported("initial_state", &expected, &found));
        };
        let mask = used_mask(call, !state.is_empty());
        if mask.is_some() && states.len() > 1 && options.masked_output == MaskedOutput::State {
            // Standalone Keras gives the first state of all, which is another cell's.
            return Err(call.unsupported("mask", "no mask for a stack of cells", "a mask"));
        }
        let mut sequence = call.input();
        let mut mask_of_cell = mask;
        let mut last_states = vec![Vec::new(); states.len()];
        let count = if call.count > 1 { usize::MAX } else { 1 };
        for (index, states) in states.into_iter().enumerate() {
            let (inputs, named) = arguments(sequence, mask_of_cell, states);
            let mut outputs = call.part(index, inputs, named, count)?.into_iter();
            if let Some(output) = outputs.next() {
                sequence = output.value;
            }
            last_states[index] = outputs.collect();
            if index == 0 && options.go_backwards {
                // What the first layer gives lies in the order of processing.
                let axis = usize::from(!options.time_major);
                mask_of_cell = mask.map(|mask| call.map(Function::Reverse(axis), mask));
            }
        }
        if let (MaskedOutput::ZeroUnturned, Some(mask)) = (options.masked_output, mask) {
            sequence = zero_masked(call, mask, sequence);
        }
        let mut outputs = vec![Bound {
            value: sequence,
            mask: output_mask(call, options.return_sequences),
        }];
        for cell in self.state_order() {
            outputs.append(&mut last_states[cell]);
        }
        Ok(outputs)
    }
}
