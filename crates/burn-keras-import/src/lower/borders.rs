//! Layers that add to the borders of the spatial axes, or cut them off.

use keras_ir::Problem;
use keras_ir::layer::borders::{Cropping, ZeroPadding};
use keras_ir::layer::config::DataFormat;

use super::pooling::outputs;
use super::{LayerCall, Lower};
use crate::plan::Function;

impl Lower for ZeroPadding {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let spec = outputs(self, call)?;
        let pairs = spatial(&self.padding, self.data_format, (0, 0));
        let value = call.function(Function::Pad(pairs), input, spec);
        call.output(value);
        Ok(())
    }
}

impl Lower for Cropping {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.input();
        let spec = outputs(self, call)?;
        let pairs = spatial(&self.cropping, self.data_format, (0, 0));
        let value = call.function(Function::Crop(pairs), input, spec);
        call.output(value);
        Ok(())
    }
}

/// What belongs to each axis: `items` to the spatial ones, `neutral` to batch and channels.
pub(super) fn spatial<T: Clone>(items: &[T], format: DataFormat, neutral: T) -> Vec<T> {
    let mut all = vec![neutral; items.len() + 2];
    let first = format.first_spatial_axis();
    all[first..first + items.len()].clone_from_slice(items);
    all
}
