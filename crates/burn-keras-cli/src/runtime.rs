//! The run-time model on a device.

use burn::tensor::Device;
use burn_keras::{Error, LoadOptions, Model, Value};
use keras_ir::container::{ContainerError, Dtype, StoredTensor};

use crate::arguments::{self, DeviceName};
use crate::error::CliError;

/// A loaded model.
pub struct Runtime {
    model: Model,
    device: Device,
}

/// An output of a model.
pub struct Values {
    /// The shape, in Keras's order of axes.
    pub shape: Vec<usize>,
    /// The values, row-major; integers and booleans as numbers.
    pub values: Vec<f32>,
}

impl Runtime {
    /// Loads a model on a device, by default the first that is built in.
    pub fn load(model: &arguments::Model, name: Option<DeviceName>) -> Result<Self, CliError> {
        let device = device(name)?;
        let options = LoadOptions {
            read: model.read_options(),
            ..LoadOptions::new()
        };
        let model = Model::load_with(&model.path, &options, &device)?;
        Ok(Self { model, device })
    }

    /// The names of the inputs, in the model's order.
    pub fn input_names(&self) -> Vec<String> {
        let names = self.model.input_names().into_iter();
        names.map(str::to_owned).collect()
    }

    /// The names of the outputs, in the model's order.
    pub fn output_names(&self) -> Vec<String> {
        let names = self.model.output_names().into_iter();
        names.map(str::to_owned).collect()
    }

    /// The outputs for these inputs, both in the model's order.
    pub fn predict(&self, inputs: &[StoredTensor]) -> Result<Vec<Values>, CliError> {
        let inputs = inputs.iter().map(|tensor| value(tensor, &self.device));
        let outputs = self.model.predict(inputs.collect::<Result<Vec<_>, _>>()?)?;
        let outputs = outputs.into_iter().map(|output| {
            Ok(Values {
                shape: output.shape(),
                values: output.to_data()?.iter::<f32>().collect(),
            })
        });
        outputs.collect()
    }
}

/// An array as a tensor: floats as `f32`, integers in a type of the device that holds them.
fn value(tensor: &StoredTensor, device: &Device) -> Result<Value, CliError> {
    let read = |error: ContainerError| Error::Data(error.to_string());
    let shape = tensor.shape();
    let value = match tensor.dtype() {
        Dtype::F16 | Dtype::Bf16 | Dtype::F32 | Dtype::F64 => {
            let elements = tensor.read_f32().map_err(read)?;
            Value::from_elements(elements, shape, device)
        }
        Dtype::Bool => {
            let bytes = tensor.read().map_err(read)?;
            let elements: Vec<bool> = bytes.iter().map(|byte| *byte != 0).collect();
            Value::from_elements(elements, shape, device)
        }
        Dtype::U64 => {
            let bytes = tensor.read().map_err(read)?;
            let (elements, _) = bytes.as_chunks::<8>();
            let elements: Vec<u64> = elements.iter().map(|b| u64::from_le_bytes(*b)).collect();
            Value::from_elements(elements, shape, device)
        }
        Dtype::I64 => {
            let bytes = tensor.read().map_err(read)?;
            let (elements, _) = bytes.as_chunks::<8>();
            let elements: Vec<i64> = elements.iter().map(|b| i64::from_le_bytes(*b)).collect();
            Value::from_elements(elements, shape, device)
        }
        #[expect(clippy::cast_possible_truncation, reason = "32 bits or less")]
        Dtype::U32 => {
            let elements = tensor.read_f64().map_err(read)?;
            let elements: Vec<i64> = elements.into_iter().map(|x| x as i64).collect();
            Value::from_elements(elements, shape, device)
        }
        #[expect(clippy::cast_possible_truncation, reason = "32 bits or less")]
        Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::U8 | Dtype::U16 => {
            // As wide as Keras computes: what overflows there overflows here.
            let elements = tensor.read_f64().map_err(read)?;
            let elements: Vec<i32> = elements.into_iter().map(|x| x as i32).collect();
            Value::from_elements(elements, shape, device)
        }
    };
    Ok(value?)
}

/// The device `name`, by default the first that is built in.
fn device(name: Option<DeviceName>) -> Result<Device, CliError> {
    let name = name.unwrap_or(match () {
        () if cfg!(feature = "flex") => DeviceName::Flex,
        () if cfg!(feature = "ndarray") => DeviceName::Ndarray,
        () if cfg!(feature = "wgpu") => DeviceName::Wgpu,
        () => DeviceName::Cuda,
    });
    match name {
        #[cfg(feature = "flex")]
        DeviceName::Flex => Ok(Device::flex()),
        #[cfg(feature = "ndarray")]
        #[expect(deprecated, reason = "the reference backend")]
        DeviceName::Ndarray => Ok(Device::ndarray()),
        #[cfg(feature = "wgpu")]
        DeviceName::Wgpu => first(burn::tensor::DeviceType::Wgpu, name),
        #[cfg(feature = "cuda")]
        DeviceName::Cuda => first(burn::tensor::DeviceType::Cuda, name),
        #[allow(unreachable_patterns, reason = "everything is built in")]
        name => Err(CliError::NoDevice(name)),
    }
}

/// The first device of a kind; there need not be one.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn first(kind: burn::tensor::DeviceType, name: DeviceName) -> Result<Device, CliError> {
    let devices = Device::enumerate(kind);
    let device = devices.into_iter().next();
    device.ok_or(CliError::NoAdapter(name))
}
