//! Why a file was not written.

use std::io;
use std::path::{Path, PathBuf};

use crate::container::ContainerError;
use crate::problem::Report;

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The model is one that Keras has no words for, or not in such a file.
    #[error(transparent)]
    Model(#[from] Report),
    /// What should stand in it cannot be read.
    #[error(transparent)]
    Read(#[from] ContainerError),
    /// The system refuses.
    #[error("{path}: cannot be written: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file's format cannot hold it.
    #[error("{path}: cannot be written: {reason}", path = .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it cannot hold.
        reason: String,
    },
}

impl WriteError {
    /// The same of the file `path`: the one that was written may have been called otherwise until it was
    /// complete.
    #[must_use]
    pub fn at(self, file: &Path) -> Self {
        let path = file.to_owned();
        match self {
            Self::Model(report) => Self::Model(report),
            Self::Read(error) => Self::Read(error),
            Self::Io { source, .. } => Self::Io { path, source },
            Self::Format { reason, .. } => Self::Format { path, reason },
        }
    }
}

/// A [`WriteError`] before it is known which file is written.
#[derive(Debug)]
pub(super) enum Failure {
    Read(ContainerError),
    Io(io::Error),
    Format(String),
}

impl Failure {
    pub fn at(self, path: &Path) -> WriteError {
        let path = path.to_owned();
        match self {
            Self::Read(error) => WriteError::Read(error),
            Self::Io(source) => WriteError::Io { path, source },
            Self::Format(reason) => WriteError::Format { path, reason },
        }
    }
}

impl From<ContainerError> for Failure {
    fn from(error: ContainerError) -> Self {
        Self::Read(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<zip::result::ZipError> for Failure {
    fn from(error: zip::result::ZipError) -> Self {
        match error {
            zip::result::ZipError::Io(error) => Self::Io(error),
            error => Self::Format(error.to_string()),
        }
    }
}

impl From<hdf5::Error> for Failure {
    fn from(error: hdf5::Error) -> Self {
        match error {
            hdf5::Error::Io(error) => Self::Io(error),
            error => Self::Format(error.to_string()),
        }
    }
}
