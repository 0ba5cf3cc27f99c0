//! HDF5 files, read with the `hdf5-pure` crate.

mod dataset;
mod group;
mod meter;
mod whole;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use hdf5::{ChunkCacheConfig, Error, FileAccessProperties, FormatError};

pub(crate) use self::dataset::datatype;
use self::group::GroupNode;
use self::meter::{Budget, Failure, Lifetime, Metered};
pub(crate) use self::whole::{Chunks, RawAttributes};
use super::{Attributes, ByteView, Children, Container, ContainerError, StoredTensor};

/// An open HDF5 file: cheap to clone, shared between threads.
///
/// Groups and attributes are remembered once they have been read; elements of tensors never are.
#[derive(Clone)]
pub struct H5File {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    bytes: ByteView,
    file: hdf5::File,
    lifetime: Lifetime,
    groups: Mutex<HashMap<String, Arc<GroupNode>>>,
    /// Bytes of attributes remembered so far.
    remembered: AtomicUsize,
    /// Group members remembered so far.
    listed: AtomicUsize,
}

impl H5File {
    /// Opens a file by mapping it into memory; see [`ByteView::map`] for what that asks of it.
    pub fn open(path: &Path) -> Result<Self, ContainerError> {
        let name = path.display().to_string();
        match ByteView::map(path) {
            Ok(bytes) => Self::from_view(name, bytes),
            Err(source) => Err(ContainerError::Io { file: name, source }),
        }
    }

    /// Opens a file in memory, which messages call `name`.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, ContainerError> {
        Self::from_view(name, ByteView::from_vec(bytes))
    }

    /// Opens a file that is a part of another one, such as an uncompressed member of an archive.
    pub fn from_view(name: impl Into<String>, bytes: ByteView) -> Result<Self, ContainerError> {
        let name = name.into();
        let options = FileAccessProperties::new().with_chunk_cache(ChunkCacheConfig::disabled());
        let lifetime = Lifetime::default();
        let opened = lifetime.run(Budget::object(bytes.len()), || {
            let source = Metered(bytes.clone());
            hdf5::File::from_source_with_options(source, options)
        });
        let file = opened.map_err(|failure| not_opened(&name, bytes.len(), failure))?;
        let expected_bytes = file.superblock().eof_address;
        let found_bytes = bytes.len() as u64;
        if expected_bytes > found_bytes {
            return Err(ContainerError::Truncated {
                file: name,
                expected_bytes,
                found_bytes,
            });
        }
        let inner = Arc::new(Inner {
            name,
            bytes,
            file,
            lifetime,
            groups: Mutex::default(),
            remembered: AtomicUsize::new(0),
            listed: AtomicUsize::new(0),
        });
        Ok(Self { inner })
    }
}

impl Container for H5File {
    fn name(&self) -> &str {
        &self.inner.name
    }

    fn has_group(&self, path: &str) -> bool {
        self.inner.group(path).is_ok()
    }

    fn has_dataset(&self, path: &str) -> bool {
        self.inner.dataset(path).is_ok()
    }

    fn children(&self, group: &str) -> Result<Children, ContainerError> {
        self.inner.children(group)
    }

    fn attributes(&self, path: &str) -> Result<Arc<Attributes>, ContainerError> {
        self.inner.attributes(path)
    }

    fn tensor(&self, path: &str) -> Result<StoredTensor, ContainerError> {
        dataset::tensor(&self.inner, path)
    }
}

impl fmt::Debug for H5File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("H5File").field(&self.inner.name).finish()
    }
}

impl Inner {
    /// Runs a call about the object at `path`.
    fn run<R: Send>(
        &self,
        path: &str,
        expected: &'static str,
        call: impl Fn() -> Result<R, Error> + Sync,
    ) -> Result<R, ContainerError> {
        self.run_within(Budget::object(self.bytes.len()), path, expected, call)
    }

    fn run_within<R: Send>(
        &self,
        budget: Budget,
        path: &str,
        expected: &'static str,
        call: impl Fn() -> Result<R, Error> + Sync,
    ) -> Result<R, ContainerError> {
        self.lifetime
            .run(budget, call)
            .map_err(|failure| self.failed(path, expected, failure))
    }

    fn failed(&self, path: &str, expected: &'static str, failure: Failure) -> ContainerError {
        match failure {
            Failure::Hdf5(
                Error::Format(FormatError::PathNotFound(_))
                | Error::NotADataset(_)
                | Error::NotAGroup(_),
            ) => self.missing(path, expected),
            Failure::Hdf5(Error::Format(
                error @ (FormatError::UnsupportedExternalStorage
                | FormatError::UnsupportedVirtualLayout
                | FormatError::UnsupportedFilter(_)),
            )) => self.unsupported(path, error.to_string()),
            Failure::Hdf5(error) => self.malformed(path, error.to_string()),
            Failure::Limit(reason) => self.malformed(path, reason),
            Failure::Budget(limit) => ContainerError::Exhausted {
                file: self.name.clone(),
                path: path.to_owned(),
                limit,
            },
            Failure::NoAddress => {
                self.unsupported(path, "a soft link, or an object without an address")
            }
        }
    }

    fn missing(&self, path: &str, expected: &'static str) -> ContainerError {
        ContainerError::MissingObject {
            file: self.name.clone(),
            path: path.to_owned(),
            expected,
        }
    }

    fn malformed(&self, path: &str, reason: impl Into<String>) -> ContainerError {
        ContainerError::Malformed {
            file: self.name.clone(),
            path: path.to_owned(),
            reason: reason.into(),
        }
    }

    fn unsupported(&self, path: &str, feature: impl Into<String>) -> ContainerError {
        ContainerError::Unsupported {
            file: self.name.clone(),
            path: path.to_owned(),
            feature: feature.into(),
        }
    }
}

fn not_opened(name: &str, len: usize, failure: Failure) -> ContainerError {
    let file = name.to_owned();
    let reason = match failure {
        Failure::Hdf5(Error::Format(FormatError::SignatureNotFound)) => {
            return ContainerError::NotHdf5 { file };
        }
        Failure::Hdf5(Error::Format(FormatError::UnexpectedEof { expected, .. })) => {
            return ContainerError::Truncated {
                file,
                expected_bytes: expected as u64,
                found_bytes: len as u64,
            };
        }
        Failure::Hdf5(error) => error.to_string(),
        Failure::Limit(reason) => reason,
        Failure::Budget(_) | Failure::NoAddress => "the superblock leads nowhere".to_owned(),
    };
    ContainerError::Malformed {
        file,
        path: "/".to_owned(),
        reason,
    }
}
