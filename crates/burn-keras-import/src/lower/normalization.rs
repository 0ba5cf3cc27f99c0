//! Normalization.

mod adapted;
mod batch;
mod layer;

use keras_ir::Problem;
use keras_ir::layer::normalization::{GroupNormalization, UnitNormalization};

use super::body::{axis_to_one, invert};
use super::{LayerCall, LayerView, Lower};
use crate::plan::{Function, Module, Operation, ValueId};

impl Lower for GroupNormalization {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let input = layer.calls.first()?.first()?;
        let channels = input.shape.dim(self.position(input)?)?;
        Some(Module::GroupNormalization {
            groups: self.groups.unwrap_or(channels),
            channels,
            epsilon: self.epsilon,
            center: self.center,
            scale: self.scale,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        if self.weighted && call.mask().is_some() {
            // The mask must have the input's axes there: that of a sequence fails in tf.keras too.
            let expected = "no mask: tf.keras weights mean and variance by it";
            return Err(call.unsupported("mask", expected, "a mask"));
        }
        let input = call.float_input();
        let axis = self.position(call.spec(input)).unwrap_or(1);
        let axes = axis_to_one(call.rank(input), axis);
        let value = call.permute(input, axes.clone());
        let value = forward(call, value)?;
        let value = call.permute(value, invert(&axes));
        call.output(value);
        Ok(())
    }
}

impl Lower for UnitNormalization {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let axes = self.positions(call.spec(input)).unwrap_or_default();
        let least_square = self.least_square;
        let value = call.map(Function::L2Normalize { axes, least_square }, input);
        call.output(value);
        Ok(())
    }
}

/// The value through the layer's module, which keeps its shape.
pub(super) fn forward(call: &mut LayerCall<'_, '_>, value: ValueId) -> Result<ValueId, Problem> {
    let spec = call.spec(value).clone();
    let module = Operation::Module(call.module()?);
    Ok(call.step(module, vec![value], spec))
}
