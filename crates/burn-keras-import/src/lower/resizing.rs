//! Layers that give the spatial axes other sizes.

use keras_ir::Problem;
use keras_ir::layer::resizing::{Interpolation, UpSampling};

use super::borders::spatial;
use super::pooling::{channels_first, outputs};
use super::{LayerCall, Lower};
use crate::plan::Function;

impl Lower for UpSampling {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let spec = outputs(self, call)?;
        let format = self.data_format;
        let value = match self.interpolation {
            // The mean of a part of a pixel is the pixel.
            Interpolation::Nearest | Interpolation::Area => {
                let input = call.input();
                let factors = spatial(&self.size, format, 1);
                let spec = spec.with_kind(call.spec(input).kind);
                call.function(Function::Repeat(factors), input, spec)
            }
            interpolation => {
                let input = call.float_input();
                let value = call.channels_first(input, format);
                let function = Function::Upsample {
                    factors: self.size.clone(),
                    interpolation,
                };
                let value = call.function(function, value, channels_first(spec, format));
                call.restore_channels(value, format)
            }
        };
        call.output(value);
        Ok(())
    }
}
