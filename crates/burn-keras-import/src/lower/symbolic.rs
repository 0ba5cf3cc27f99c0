//! Operations on masks that Keras 3 left in the config.

use keras_ir::Problem;
use keras_ir::layer::KerasLayer;
use keras_ir::layer::symbolic::MaskOperation;
use keras_ir::shape::{Kind, Spec, normalize_axis};

use super::{LayerCall, Lower};
use crate::plan::{Function, Operation, ValueId};

impl Lower for MaskOperation {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let mut inputs = call.inputs();
        let specs: Vec<Spec> = inputs
            .iter()
            .map(|input| call.spec(*input).clone())
            .collect();
        let spec = match self.outputs(&specs) {
            Ok(mut outputs) => outputs.remove(0),
            Err(m) => return Err(call.unsupported("inputs", &m.expected, &m.found)),
        };
        let rank = specs[0].shape.rank();
        let axis_of = |axis: i64, rank: usize| normalize_axis(axis, rank).unwrap_or(0);
        let function = match self {
            // No integer equals a fraction.
            Self::NotEqual(value) if specs[0].kind != Kind::Float && value.fract() != 0.0 => {
                Function::OnesMask(rank)
            }
            Self::NotEqual(value) => Function::NotEqual(*value),
            Self::ZerosLike => Function::ZerosMask,
            Self::OnesLike => Function::OnesMask(rank),
            Self::Cast => {
                let input = inputs[0];
                let value = call.cast(input, Kind::Bool);
                call.output(value);
                return Ok(());
            }
            Self::Any { axis, keepdims } => Function::Any {
                axis: axis_of(*axis, rank),
                keepdims: *keepdims,
            },
            Self::ExpandDims { axis } => Function::ExpandDims(vec![axis_of(*axis, rank + 1)]),
            Self::Or => Function::Or,
            Self::And => Function::And,
            Self::Concatenate { axis } => Function::Concatenate(axis_of(*axis, rank)),
        };
        if matches!(
            self,
            Self::Any { .. }
                | Self::ExpandDims { .. }
                | Self::Or
                | Self::And
                | Self::Concatenate { .. }
        ) {
            let masks: Vec<ValueId> = inputs
                .into_iter()
                .map(|input| call.cast(input, Kind::Bool))
                .collect();
            inputs = masks;
        }
        let value = call.step(Operation::Function(function), inputs, spec);
        call.output(value);
        Ok(())
    }
}
