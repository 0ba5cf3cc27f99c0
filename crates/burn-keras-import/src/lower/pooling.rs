//! Pooling.

use keras_ir::Problem;
use keras_ir::layer::KerasLayer;
use keras_ir::layer::config::DataFormat;
use keras_ir::layer::pooling::{AdaptivePooling, GlobalPooling, Pooling, Reduction};
use keras_ir::shape::Spec;

use super::{LayerCall, Lower};
use crate::plan::{Function, Operation, PoolWindow, ReducedAxes};

impl Lower for Pooling {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let output = outputs(self, call)?;
        let format = self.window.data_format;
        let value = call.channels_first(input, format);
        let window = PoolWindow {
            size: self.window.size.clone(),
            strides: self.window.strides.clone(),
            padding: self.window.padding,
        };
        let function = match self.reduction {
            Reduction::Max => Function::MaxPool(window),
            Reduction::Average => Function::AveragePool(window),
        };
        let value = call.function(function, value, channels_first(output, format));
        let value = call.restore_channels(value, format);
        call.output(value);
        Ok(())
    }
}

impl Lower for GlobalPooling {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let spec = outputs(self, call)?;
        let axes = ReducedAxes {
            axes: self.axes(),
            keepdims: self.keepdims,
        };
        let mask = call.mask().filter(|_| self.uses_mask());
        let output = match (self.reduction, mask) {
            (Reduction::Max, _) => call.function(Function::GlobalMaxPool(axes), input, spec),
            (Reduction::Average, None) => {
                call.function(Function::GlobalAveragePool(axes), input, spec)
            }
            (Reduction::Average, Some(mask)) => {
                let function = Function::GlobalAveragePoolMasked { axes };
                call.step(Operation::Function(function), vec![input, mask], spec)
            }
        };
        call.output(output);
        Ok(())
    }
}

impl Lower for AdaptivePooling {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let output = outputs(self, call)?;
        let format = self.data_format;
        let value = call.channels_first(input, format);
        let size = self.output_size.clone();
        let function = match self.reduction {
            Reduction::Max => Function::AdaptiveMaxPool(size),
            Reduction::Average => Function::AdaptiveAveragePool(size),
        };
        let value = call.function(function, value, channels_first(output, format));
        let value = call.restore_channels(value, format);
        call.output(value);
        Ok(())
    }
}

/// `spec`, which is in `format`, with the channels on axis 1.
pub(super) fn channels_first(spec: Spec, format: DataFormat) -> Spec {
    let mut shape = spec.shape.0.clone();
    let channels = shape.remove(format.channel_axis(shape.len()));
    shape.insert(1, channels);
    spec.with_shape(shape)
}

/// The layer's output for the first input.
pub(super) fn outputs(layer: &dyn KerasLayer, call: &LayerCall<'_, '_>) -> Result<Spec, Problem> {
    let spec = call.spec(call.input()).clone();
    match layer.outputs(&[spec]) {
        Ok(mut outputs) => Ok(outputs.remove(0)),
        Err(m) => Err(call.unsupported("inputs", &m.expected, &m.found)),
    }
}
