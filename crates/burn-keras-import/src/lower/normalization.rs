//! Normalization.

use keras_ir::Problem;
use keras_ir::layer::normalization::BatchNormalization;

use super::body::{axis_to_one, invert};
use super::{LayerCall, LayerView, Lower};
use crate::plan::{Module, Operation};

impl Lower for BatchNormalization {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let features = layer.weight("moving_mean").first().copied()?;
        let (epsilon, momentum) = (self.epsilon, self.momentum);
        Some(if self.center && self.scale {
            Module::BatchNorm {
                features,
                epsilon,
                momentum,
            }
        } else {
            Module::BatchNormalization {
                features,
                epsilon,
                momentum,
                center: self.center,
                scale: self.scale,
            }
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let spec = call.spec(input).clone();
        let axis = self.position(&spec).unwrap_or(1);
        let axes = axis_to_one(spec.shape.rank(), axis);
        let value = call.permute(input, axes.clone());
        let spec = call.spec(value).clone();
        let module = Operation::Module(call.module()?);
        let value = call.step(module, vec![value], spec);
        let value = call.permute(value, invert(&axes));
        call.output(value);
        Ok(())
    }
}
