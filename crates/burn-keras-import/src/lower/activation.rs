//! Activation layers.

use keras_ir::Problem;
use keras_ir::layer::activation::{ActivationLayer, Softmax};

use super::{LayerCall, Lower};
use crate::plan::{Function, Operation};

impl Lower for ActivationLayer {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let output = call.activate(input, self.activation);
        call.output(output);
        Ok(())
    }
}

impl Lower for Softmax {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let spec = call.spec(input).clone();
        let axes = self.positions(&spec).unwrap_or_default();
        // A mask of the input's shape; that of a sequence, of lower rank, only passes through.
        let positional = call.inputs().get(1).copied();
        let mask = positional
            .or_else(|| call.mask())
            .filter(|mask| call.rank(*mask) == spec.shape.rank());
        let output = match (mask, axes.as_slice()) {
            (Some(mask), _) => {
                let zero_masked = call.generation().is_keras3();
                let function = Function::SoftmaxMasked { axes, zero_masked };
                call.step(Operation::Function(function), vec![input, mask], spec)
            }
            (None, [axis]) => call.map(Function::Softmax(*axis), input),
            (None, _) => call.map(Function::SoftmaxAxes(axes), input),
        };
        call.output(output);
        Ok(())
    }
}
