//! Writing a record, tensor by tensor.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use burn_pack::{Bytes, DType, Scalar, Tensor, Writer};
use keras_ir::container::{ContainerError, StoredTensor};

use crate::plan::Transform;

use super::convert::burn_elements;

/// A record that is ready to be written: tensors that are read when their turn comes, scalars and
/// metadata.
#[derive(Default)]
pub struct Record {
    tensors: Vec<Tensor>,
    scalars: Vec<(String, Scalar)>,
    metadata: Vec<(String, String)>,
    failure: Failure,
}

/// What a provider could not read: burnpack's own errors hold text alone.
type Failure = Arc<Mutex<Option<ContainerError>>>;

/// Why a record was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A tensor of the Keras file cannot be read.
    #[error(transparent)]
    Read(#[from] ContainerError),
    /// The record cannot be made or written.
    #[error("{path}: cannot be written: {source}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What burnpack says.
        source: burn_pack::Error,
    },
}

impl Record {
    pub(super) fn push(
        &mut self,
        name: String,
        shape: Vec<usize>,
        id: u64,
        tensor: StoredTensor,
        transform: Transform,
    ) {
        let byte_len = shape.iter().product::<usize>() * size_of::<f32>();
        let failure = Arc::clone(&self.failure);
        let provider = move || match burn_elements(&tensor, &transform) {
            Ok(elements) => Ok(Bytes::from_bytes_vec(elements)),
            Err(error) => {
                let text = error.to_string();
                *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Err(burn_pack::Error::IoError(text))
            }
        };
        let id = Some(id);
        self.tensors.push(Tensor::deferred(
            name,
            DType::F32,
            shape,
            id,
            byte_len,
            provider,
        ));
    }

    pub(super) fn scalar(&mut self, key: impl Into<String>, value: Scalar) {
        self.scalars.push((key.into(), value));
    }

    pub(super) fn metadata(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.metadata.push((key.into(), value.into()));
    }

    /// The number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there are no tensors.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The record as burnpack's writer.
    pub fn into_writer(self) -> Writer {
        let mut writer = Writer::new(self.tensors);
        for (key, value) in self.scalars {
            writer = writer.with_scalar(&key, value);
        }
        for (key, value) in self.metadata {
            writer = writer.with_metadata(&key, &value);
        }
        writer.auto_extension(false)
    }

    /// Writes the record to a new file, one tensor in memory at a time.
    ///
    /// # Errors
    ///
    /// A tensor that cannot be read, or a file that exists or cannot be written; an unfinished
    /// file may stay behind.
    pub fn write_new(self, path: &Path) -> Result<(), WriteError> {
        let failure = Arc::clone(&self.failure);
        let written = self
            .into_writer()
            .overwrite(false)
            .write_to_file_in_place(path);
        written.map_err(|source| failed(&failure, path, source))
    }

    /// The record in memory.
    ///
    /// # Errors
    ///
    /// A tensor that cannot be read.
    pub fn into_bytes(self) -> Result<Bytes, WriteError> {
        let failure = Arc::clone(&self.failure);
        let bytes = self.into_writer().into_bytes();
        bytes.map_err(|source| failed(&failure, Path::new("memory"), source))
    }
}

fn failed(failure: &Failure, path: &Path, source: burn_pack::Error) -> WriteError {
    let read = failure
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match read {
        Some(error) => WriteError::Read(error),
        None => WriteError::Write {
            path: path.to_owned(),
            source,
        },
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.tensors.iter().map(|t| t.name.as_str()).collect();
        f.debug_struct("Record")
            .field("tensors", &names)
            .field("scalars", &self.scalars)
            .field("metadata", &self.metadata)
            .finish()
    }
}
