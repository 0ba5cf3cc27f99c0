//! `TimeDistributed`: all steps of all samples are one batch for the layer inside.

use keras_ir::Problem;
use keras_ir::layer::wrapper::TimeDistributed;
use keras_ir::shape::Kind;

use crate::lower::{Bound, LayerCall, LowerWrapper};
use crate::plan::{Function, ValueId};

impl LowerWrapper for TimeDistributed {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<Vec<Bound>, Problem> {
        let input = call.input();
        let mask = call.mask();
        let folded = Bound {
            value: call.fold_steps(input),
            // A mask of whole steps means nothing inside of a step.
            mask: mask
                .filter(|mask| call.rank(*mask) > 2)
                .map(|mask| call.fold_steps(mask)),
        };
        let count = call.count;
        let outputs = call.part(0, vec![folded], Vec::new(), count)?;
        let mut bound = Vec::with_capacity(outputs.len());
        for (index, output) in outputs.into_iter().enumerate() {
            let value = call.unfold_steps(output.value, input);
            let mask = if index > 0 {
                None
            } else if call.generation().is_keras3() {
                // Keras 3 hands on the mask that came, whatever the layer inside makes of it.
                mask
            } else {
                match (output.mask, mask) {
                    (Some(made), _) => Some(call.unfold_steps(made, input)),
                    (None, Some(mask)) => Some(steps(call, mask)),
                    (None, None) => None,
                }
            };
            bound.push(Bound { value, mask });
        }
        Ok(bound)
    }
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
