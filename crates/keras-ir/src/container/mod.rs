//! Containers: files that hold named groups, attributes and tensors.
//!
//! [`Container`] is what the readers of Keras' layouts see of a file; [`H5File`] implements it
//! over HDF5. An [`Archive`] holds files by name: a zip, or the folder that it was unpacked to. A
//! [`Checkpoint`] is TensorFlow's: tensors, and the objects that own them. Files come from strangers:
//! every size is checked before anything is allocated, every error names the file and the object,
//! and nothing outside the file is ever opened.

mod archive;
mod arrangement;
mod attributes;
mod bytes;
pub mod checkpoint;
mod dtype;
mod error;
mod hdf5;
mod shards;
mod tensor;
pub(crate) mod walk;

use std::fmt::Debug;
use std::sync::Arc;

pub use archive::Archive;
pub use arrangement::Arrangement;
pub use attributes::{Attribute, Attributes};
pub use bytes::ByteView;
pub use checkpoint::Checkpoint;
pub use dtype::Dtype;
pub use error::ContainerError;
pub use hdf5::H5File;
pub(crate) use hdf5::{Chunks, RawAttributes, datatype};
pub use shards::Shards;
pub use tensor::StoredTensor;
pub(crate) use tensor::{Place, swap_bytes};

/// The names of a group's members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Children {
    /// Names of the groups inside, sorted.
    pub groups: Vec<String>,
    /// Names of the datasets inside, sorted.
    pub datasets: Vec<String>,
}

/// A file of groups, attributes and tensors.
///
/// Paths start at the root and are split at `/`, so a name that holds `/` is a path of several
/// groups, as it is in HDF5. The empty path and `/` are the root group. Links to other objects or
/// files are never followed.
pub trait Container: Debug + Send + Sync {
    /// The name of the file, for messages.
    fn name(&self) -> &str;

    /// Whether a readable group stands at `path`.
    fn has_group(&self, path: &str) -> bool;

    /// Whether a readable dataset stands at `path`.
    fn has_dataset(&self, path: &str) -> bool;

    /// The members of a group. Prefer [`has_group`](Self::has_group) and
    /// [`tensor`](Self::tensor) for names that are known: an HDF5 group of the old format that
    /// holds a soft link cannot be listed.
    fn children(&self, group: &str) -> Result<Children, ContainerError>;

    /// All attributes of a group or dataset.
    fn attributes(&self, path: &str) -> Result<Arc<Attributes>, ContainerError>;

    /// What is known of a dataset without reading its elements.
    fn tensor(&self, path: &str) -> Result<StoredTensor, ContainerError>;

    /// A string attribute of a group; `None` where there is none of that name.
    fn string_attribute(&self, group: &str, name: &str) -> Result<Option<String>, ContainerError> {
        let attributes = self.attributes(group)?;
        attributes::string(&attributes, self.name(), group, name)
    }

    /// A list of strings; `None` where there is none of that name.
    ///
    /// A list that Keras cut into `name0`, `name1`, … because of its length is joined again, in
    /// numeric order. An empty array of any type is the empty list: Keras stores that as float64.
    fn string_list_attribute(
        &self,
        group: &str,
        name: &str,
    ) -> Result<Option<Vec<String>>, ContainerError> {
        let attributes = self.attributes(group)?;
        attributes::string_list(&attributes, self.name(), group, name)
    }
}
