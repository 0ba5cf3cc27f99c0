//! Layers that give the spatial axes other sizes.

use keras_ir::Problem;
use keras_ir::layer::config::DataFormat;
use keras_ir::layer::resizing::{Aspect, CenterCrop, Interpolation, Resizing, UpSampling};
use keras_ir::shape::Spec;

use super::borders::spatial;
use super::pooling::{channels_first, outputs};
use super::{LayerCall, Lower};
use crate::plan::{Function, ValueId};

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

impl Lower for Resizing {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let spec = outputs(self, call)?;
        let input = call.float_input();
        let value = resize(call, self, input, spec)?;
        call.output(value);
        Ok(())
    }
}

impl Lower for CenterCrop {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let spec = outputs(self, call)?;
        let input = call.float_input();
        let [height, width] = self.size;
        let found = image_size(call, input, self.data_format)?;
        let value = match (found[0].checked_sub(height), found[1].checked_sub(width)) {
            (Some(more_height), Some(more_width)) => {
                let pairs = [more_height, more_width].map(|more| (more / 2, more - more / 2));
                let pairs = spatial(&pairs, self.data_format, (0, 0));
                call.function(Function::Crop(pairs), input, spec)
            }
            _ => {
                let resizing = Resizing {
                    size: self.size,
                    interpolation: Interpolation::Bilinear,
                    antialias: false,
                    aspect: Aspect::Crop,
                    data_format: self.data_format,
                };
                resize(call, &resizing, input, spec)?
            }
        };
        call.output(value);
        Ok(())
    }
}

/// Height and width of an image, which must be known to tell what is cut off or put around it.
fn image_size(
    call: &LayerCall<'_, '_>,
    input: ValueId,
    format: DataFormat,
) -> Result<[usize; 2], Problem> {
    let shape = &call.spec(input).shape;
    let first = format.first_spatial_axis();
    match (shape.dim(first), shape.dim(first + 1)) {
        (Some(height), Some(width)) => Ok([height, width]),
        _ => {
            let expected = "an image of known height and width";
            Err(call.unsupported("inputs", expected, &shape.to_string()))
        }
    }
}

/// `input` with the layer's aspect ratio, and then in its size.
fn resize(
    call: &mut LayerCall<'_, '_>,
    layer: &Resizing,
    input: ValueId,
    output: Spec,
) -> Result<ValueId, Problem> {
    let format = layer.data_format;
    let mut value = input;
    if layer.aspect != Aspect::Stretch {
        let [height, width] = image_size(call, input, format)?;
        let pairs = spatial(&layer.borders(height, width), format, (0, 0));
        let crops = layer.aspect == Aspect::Crop;
        let mut spec = call.spec(input).clone();
        for (size, (before, after)) in spec.shape.0.iter_mut().zip(&pairs) {
            *size = size.map(|size| {
                if crops {
                    size - before - after
                } else {
                    size + before + after
                }
            });
        }
        let function = if crops {
            Function::Crop(pairs)
        } else {
            Function::Pad(pairs)
        };
        value = call.function(function, value, spec);
    }
    let value = call.channels_first(value, format);
    let function = Function::Resize {
        size: layer.size.to_vec(),
        interpolation: layer.interpolation,
        antialias: layer.antialias,
    };
    let value = call.function(function, value, channels_first(output, format));
    Ok(call.restore_channels(value, format))
}
