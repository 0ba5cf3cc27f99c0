//! What can go wrong in a container.

use std::io;

/// What went wrong in a container: always names the file, and the object inside it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// The file cannot be opened or mapped.
    #[error("{file}: cannot be read: {source}")]
    Io {
        /// Name of the file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file has no HDF5 signature.
    #[error("{file}: not an HDF5 file")]
    NotHdf5 {
        /// Name of the file.
        file: String,
    },
    /// The file begins as a zip archive does, and is none that can be read.
    #[error(
        "{file}: a zip archive that is truncated or damaged ({reason}); copy or download it again"
    )]
    NotZip {
        /// Name of the file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The file is shorter than it says: an unfinished download or copy.
    #[error(
        "{file}: truncated: the file should have {expected_bytes} bytes or more, \
         {found_bytes} are there; copy or download it again"
    )]
    Truncated {
        /// Name of the file.
        file: String,
        /// Length that the file declares.
        expected_bytes: u64,
        /// Length that it has.
        found_bytes: u64,
    },
    /// There is no such group or dataset.
    #[error("{file}: no {expected} at {path:?} (links to other objects or files are not followed)")]
    MissingObject {
        /// Name of the file.
        file: String,
        /// Path inside the file.
        path: String,
        /// What was looked for: a group or a dataset.
        expected: &'static str,
    },
    /// There is no such attribute.
    #[error("{file}: {path:?} has no attribute {attribute:?}")]
    MissingAttribute {
        /// Name of the file.
        file: String,
        /// Path inside the file.
        path: String,
        /// Name of the attribute.
        attribute: String,
    },
    /// An attribute holds something else than what Keras stores there.
    #[error("{file}: attribute {attribute:?} of {path:?} must be {expected}, found {found}")]
    WrongAttributeType {
        /// Name of the file.
        file: String,
        /// Path inside the file.
        path: String,
        /// Name of the attribute.
        attribute: String,
        /// What it should hold.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
    /// The elements of a dataset are of a type that no Keras variable has.
    #[error("{file}: {path:?} has elements of type {found}, which Keras variables never have")]
    UnsupportedDtype {
        /// Name of the file.
        file: String,
        /// Path inside the file.
        path: String,
        /// The type in the file.
        found: String,
    },
    /// The object is stored in a way that is not read, by choice or for lack of support.
    #[error("{file}: {path:?} is not supported: {feature}")]
    Unsupported {
        /// Name of the file.
        file: String,
        /// Path inside the file.
        path: String,
        /// What is not supported.
        feature: String,
    },
    /// The object declares more bytes than a file of this size can honestly hold.
    #[error("{file}: {path:?} declares {bytes} bytes, at most {limit} are accepted for it")]
    TooLarge {
        /// Name of the file.
        file: String,
        /// Path inside the file.
        path: String,
        /// Bytes that it declares.
        bytes: u64,
        /// Bytes that are accepted.
        limit: u64,
    },
    /// The description of the object takes more to read than any honest file needs.
    #[error(
        "{file}: reading {path:?} takes more than {limit} bytes of structure; \
         the file is damaged or hostile"
    )]
    Exhausted {
        /// Name of the file.
        file: String,
        /// Path inside the file.
        path: String,
        /// Bytes that may be read for it.
        limit: u64,
    },
    /// The data of an object lie outside the file.
    #[error(
        "{file}: the {bytes} bytes of {path:?} at {start} lie outside the file of {file_bytes} bytes"
    )]
    OutOfBounds {
        /// Name of the file.
        file: String,
        /// Path inside the file.
        path: String,
        /// Where the data start.
        start: u64,
        /// Length of the data.
        bytes: u64,
        /// Length of the file.
        file_bytes: u64,
    },
    /// The object contradicts itself or the file format.
    #[error("{file}: {path:?} is malformed: {reason}")]
    Malformed {
        /// Name of the file.
        file: String,
        /// Path inside the file.
        path: String,
        /// What is wrong.
        reason: String,
    },
}
