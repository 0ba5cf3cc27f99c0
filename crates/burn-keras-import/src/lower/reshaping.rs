//! Layers that move elements and compute nothing.

use keras_ir::Problem;
use keras_ir::layer::config::DataFormat;
use keras_ir::layer::reshaping::{Flatten, Permute, RepeatVector, Reshape};
use keras_ir::shape::Spec;

use super::pooling::outputs;
use super::{LayerCall, Lower};
use crate::plan::{Function, ValueId};

/// Reshapes everything but the batch axis to `spec`, of which one size at most is unknown.
fn reshape(call: &mut LayerCall<'_, '_>, value: ValueId, spec: Spec) -> ValueId {
    let sizes = spec.shape.0.iter().skip(1);
    let known = sizes.map(|size| size.and_then(|size| i64::try_from(size).ok()).unwrap_or(-1));
    let sizes = std::iter::once(0).chain(known).collect();
    call.function(Function::Reshape(sizes), value, spec)
}

impl Lower for Flatten {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.input();
        let spec = outputs(self, call)?;
        let rank = call.rank(input);
        let value = match rank {
            2 => input,
            1 => call.function(Function::ExpandDims(vec![1]), input, spec),
            _ => {
                let value = match self.data_format {
                    DataFormat::ChannelsLast => input,
                    // Both formats flatten to the same order.
                    DataFormat::ChannelsFirst => {
                        let axes = std::iter::once(0).chain(2..rank).chain([1]).collect();
                        call.permute(input, axes)
                    }
                };
                reshape(call, value, spec)
            }
        };
        call.output(value);
        Ok(())
    }
}

impl Lower for Reshape {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.input();
        let spec = outputs(self, call)?;
        let value = reshape(call, input, spec);
        call.output(value);
        Ok(())
    }
}

impl Lower for Permute {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.input();
        let axes = std::iter::once(0)
            .chain(self.dims.iter().copied())
            .collect();
        let value = call.permute(input, axes);
        call.output(value);
        Ok(())
    }
}

impl Lower for RepeatVector {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.input();
        let spec = outputs(self, call)?;
        let value = call.function(Function::RepeatVector(self.n), input, spec);
        call.output(value);
        Ok(())
    }
}
