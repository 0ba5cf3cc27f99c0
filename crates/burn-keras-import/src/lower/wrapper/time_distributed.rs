//! `TimeDistributed`: all steps of all samples are one batch for the layer inside.

use keras_ir::Problem;
use keras_ir::layer::wrapper::TimeDistributed;
use keras_ir::shape::Kind;

use crate::lower::{Bound, LayerCall, LowerWrapper};
use crate::plan::{Function, Operation, ValueId};

impl LowerWrapper for TimeDistributed {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<Vec<Bound>, Problem> {
        let input = call.input();
        let mask = call.mask();
        let folded = Bound {
            value: fold(call, input),
            // A mask of whole steps means nothing inside of a step.
            mask: mask
                .filter(|mask| call.rank(*mask) > 2)
                .map(|mask| fold(call, mask)),
        };
        let count = call.count;
        let outputs = call.part(0, vec![folded], Vec::new(), count)?;
        let mut bound = Vec::with_capacity(outputs.len());
        for (index, output) in outputs.into_iter().enumerate() {
            let value = unfold(call, output.value, input);
            let mask = if index > 0 {
                None
            } else if call.generation().is_keras3() {
                // Keras 3 hands on the mask that came, whatever the layer inside makes of it.
                mask
            } else {
                match (output.mask, mask) {
                    (Some(made), _) => Some(unfold(call, made, input)),
                    (None, Some(mask)) => Some(steps(call, mask)),
                    (None, None) => None,
                }
            };
            bound.push(Bound { value, mask });
        }
        Ok(bound)
    }
}

fn fold(call: &mut LayerCall<'_, '_>, value: ValueId) -> ValueId {
    let spec = call.spec(value);
    let batch = match (spec.shape.dim(0), spec.shape.dim(1)) {
        (Some(batch), Some(steps)) => batch.checked_mul(steps),
        _ => None,
    };
    let mut shape = vec![batch];
    shape.extend(&spec.shape.0[2..]);
    let spec = spec.with_shape(shape);
    call.function(Function::FoldSteps, value, spec)
}

/// `value` with its first axis in two, as `like` has them.
fn unfold(call: &mut LayerCall<'_, '_>, value: ValueId, like: ValueId) -> ValueId {
    let mut shape = call.spec(like).shape.0[..2].to_vec();
    let spec = call.spec(value);
    shape.extend(&spec.shape.0[1..]);
    let spec = spec.with_shape(shape);
    let operation = Operation::Function(Function::UnfoldSteps);
    call.step(operation, vec![value, like], spec)
}

/// tf.keras reduces a mask to whole steps: those in which anything is kept.
fn steps(call: &mut LayerCall<'_, '_>, mut mask: ValueId) -> ValueId {
    while call.rank(mask) > 2 {
        let axis = call.rank(mask) - 1;
        let spec = call.spec(mask);
        let mut shape = spec.shape.0.clone();
        shape.truncate(axis);
        let spec = spec.with_shape(shape).with_kind(Kind::Bool);
        let any = Function::Any {
            axis,
            keepdims: false,
        };
        mask = call.function(any, mask, spec);
    }
    mask
}
