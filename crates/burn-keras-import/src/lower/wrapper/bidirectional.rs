//! `Bidirectional`: both layers, and what merges their outputs.

use keras_ir::Problem;
use keras_ir::layer::wrapper::{Bidirectional, BidirectionalMerge};

use crate::lower::recurrent::{arguments, initial_state, output_mask, used_mask};
use crate::lower::{Bound, LayerCall, LowerWrapper};
use crate::plan::{Function, Operation, ValueId};

impl LowerWrapper for Bidirectional {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<Vec<Bound>, Problem> {
        let state = initial_state(call);
        let mask = used_mask(call, !state.is_empty());
        let sequence = call.input();
        let merged_outputs = if self.merge.is_some() { 1 } else { 2 };
        let count = if call.count > merged_outputs {
            usize::MAX
        } else {
            1
        };
        let mut outputs = Vec::new();
        let mut states = Vec::new();
        let (forward, backward) = state.split_at(state.len() / 2);
        for (index, state) in [forward, backward].into_iter().enumerate() {
            let (inputs, named) = arguments(sequence, mask, state);
            let mut of_part = call.part(index, inputs, named, count)?.into_iter();
            outputs.extend(of_part.next().map(|output| output.value));
            states.extend(of_part);
        }
        if let (true, Some(turned)) = (self.return_sequences, outputs.get_mut(1)) {
            // The layers give their outputs in the order of processing.
            *turned = call.map(Function::Reverse(self.time_axis), *turned);
        }
        if let Some(merge) = self.merge {
            outputs = vec![merged(call, merge, outputs)];
        }
        let mask = output_mask(call, self.return_sequences);
        let outputs = outputs.into_iter().map(|value| Bound { value, mask });
        Ok(outputs.chain(states).collect())
    }
}

fn merged(
    call: &mut LayerCall<'_, '_>,
    merge: BidirectionalMerge,
    outputs: Vec<ValueId>,
) -> ValueId {
    let mut spec = call.spec(outputs[0]).clone();
    let last = spec.shape.rank() - 1;
    let function = match merge {
        BidirectionalMerge::Concatenate => {
            let widths = outputs.iter().map(|id| call.spec(*id).shape.last());
            spec.shape.0[last] = widths.sum();
            Function::Concatenate(last)
        }
        BidirectionalMerge::Sum => Function::Add,
        BidirectionalMerge::Multiply => Function::Multiply,
        BidirectionalMerge::Average => Function::Average,
    };
    call.step(Operation::Function(function), outputs, spec)
}
