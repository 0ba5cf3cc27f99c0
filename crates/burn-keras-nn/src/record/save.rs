//! Saving to the same bytes every time.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use burn::{
    module::{Module, ModuleVisitor, Param},
    store::burn_pack::{Error, Tensor as PackTensor, Writer},
    tensor::{Bool, Bytes, Int, Tensor, TensorData},
};

/// Why a record was not saved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// A file cannot be written, or a tensor cannot be read from its device.
    #[error("cannot write {to}: {reason}")]
    Write {
        /// The file, or says that the record is made in memory.
        to: String,
        /// What is wrong.
        reason: String,
    },
}

/// The record of a module: a burnpack container that [`load_bytes`](super::load_bytes) and Burn
/// itself read.
///
/// Tensors stand in the order of their paths, so equal parameters give equal bytes. Batch
/// statistics are those after the last update, which Burn's own `into_record` misses.
pub fn to_bytes<M: Module>(module: &M) -> Result<Bytes, SaveError> {
    writer(module)
        .into_bytes()
        .map_err(failed("a record in memory"))
}

/// Writes [`to_bytes`] to a file, one tensor at a time. An existing file is replaced once the new
/// one is complete.
#[cfg(feature = "std")]
pub fn save_file<M: Module>(
    module: &M,
    path: impl AsRef<std::path::Path>,
) -> Result<(), SaveError> {
    let path = path.as_ref();
    writer(module)
        .auto_extension(false)
        .overwrite(true)
        .write_to_file(path)
        .map_err(failed(&path.display().to_string()))
}

pub(crate) fn failed(to: &str) -> impl Fn(Error) -> SaveError {
    move |error| SaveError::Write {
        to: to.into(),
        reason: error.to_string(),
    }
}

fn writer<M: Module>(module: &M) -> Writer {
    let mut collect = Collect::default();
    module.valid().visit(&mut collect); // `valid` brings running statistics up to date
    collect.tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Writer::new(collect.tensors)
}

#[derive(Default)]
struct Collect {
    path: Vec<String>,
    tensors: Vec<PackTensor>,
}

macro_rules! visit_kind {
    ($visit:ident, $kind:ty) => {
        fn $visit<const D: usize>(&mut self, param: &Param<Tensor<D, $kind>>) {
            let tensor = param.transform_for_save().into_value();
            let (dtype, shape) = (tensor.dtype(), tensor.shape());
            let name = self.path.join(".");
            let id = Some(param.id.val());
            // quantized data has a length of its own; everything else is read when it is written
            let pack = if matches!(dtype, burn::tensor::DType::QFloat(_)) {
                let (bytes, shape, dtype) = tensor.into_data().into_parts();
                PackTensor::new(name, dtype, shape, id, bytes)
            } else {
                let length = shape.num_elements() * dtype.size();
                PackTensor::deferred(name, dtype, shape, id, length, move || {
                    let data = tensor.clone().try_into_data();
                    data.map(TensorData::into_parts)
                        .map(|(bytes, _, _)| bytes)
                        .map_err(|error| Error::IoError(format!("{error:?}")))
                })
            };
            self.tensors.push(pack);
        }
    };
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(String::from(name));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    visit_kind!(visit_float, burn::tensor::Float);
    visit_kind!(visit_int, Int);
    visit_kind!(visit_bool, Bool);
}
