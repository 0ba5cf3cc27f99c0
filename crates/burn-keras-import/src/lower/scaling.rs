//! Layers that multiply by numbers that stand in the config.

use keras_ir::Problem;
use keras_ir::layer::KerasLayer;
use keras_ir::layer::scaling::{CustomScale, Rescaling};
use keras_ir::shape::{Kind, Spec};

use super::pooling::outputs;
use super::{LayerCall, Lower};
use crate::plan::{Function, Operation};

impl Lower for Rescaling {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        outputs(self, call)?;
        let value = match (self.scale.as_slice(), self.offset.as_slice()) {
            ([scale], [offset]) => {
                let value = call.map(Function::Scale(*scale), input);
                if *offset == 0.0 {
                    value
                } else {
                    call.map(Function::Shift(*offset), value)
                }
            }
            (scale, offset) => {
                let (scale, offset) = (scale.to_vec(), offset.to_vec());
                call.map(Function::Rescale { scale, offset }, input)
            }
        };
        call.output(value);
        Ok(())
    }
}

impl Lower for CustomScale {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let inputs = call.inputs();
        let specs: Vec<Spec> = inputs.iter().map(|id| call.spec(*id).clone()).collect();
        let outputs = self.outputs(&specs);
        let outputs = outputs.map_err(|m| call.unsupported("inputs", &m.expected, &m.found))?;
        let (Some(spec), [first, second]) = (outputs.into_iter().next(), inputs.as_slice()) else {
            return Err(call.unsupported("inputs", "two inputs", "others"));
        };
        let first = call.cast(*first, Kind::Float);
        let second = call.cast(*second, Kind::Float);
        let second = call.map(Function::Scale(self.scale), second);
        let add = Operation::Function(Function::Add);
        let value = call.step(add, vec![first, second], spec.with_kind(Kind::Float));
        call.output(value);
        Ok(())
    }
}
