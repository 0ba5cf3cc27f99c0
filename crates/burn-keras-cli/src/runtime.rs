//! The run-time model on a device.

use std::path::Path;

use keras_ir::container::StoredTensor;

use crate::arguments::DeviceName;
use crate::error::CliError;

/// A loaded model.
pub struct Runtime {
}

/// An output of a model.
pub struct Values {
    /// The shape, in Keras's order of axes.
    pub shape: Vec<usize>,
    /// The values, row-major.
    pub values: Vec<f32>,
}

impl Runtime {
    /// Loads a model.
    pub fn load(_model: &Path, _device: Option<DeviceName>) -> Result<Self, CliError> {
        Err(CliError::Runtime(String::new()))
    }

    /// The names of the inputs, in the model's order.
    pub fn input_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The names of the outputs, in the model's order.
    pub fn output_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The outputs for these inputs, both in the model's order.
    pub fn predict(&self, _inputs: &[StoredTensor]) -> Result<Vec<Values>, CliError> {
        Err(CliError::Runtime(String::new()))
    }
}
