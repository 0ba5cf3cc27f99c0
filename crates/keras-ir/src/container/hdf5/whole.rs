//! What copies of a file need beyond what Keras's readers do.

use hdf5::AttrValue;

use super::H5File;
use super::dataset::words;
use super::meter::Budget;
use crate::container::{ByteView, ContainerError};

/// Attributes by name, as the HDF5 crate has them.
pub(crate) type RawAttributes = Vec<(String, AttrValue)>;

/// How a dataset in chunks is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunks {
    /// The shape of one.
    pub shape: Vec<u64>,
    /// What they are encoded with, by HDF5's numbers.
    pub filters: Vec<u16>,
}

impl H5File {
    /// The file.
    pub(crate) fn bytes(&self) -> &ByteView {
        &self.inner.bytes
    }

    /// All attributes of a group, by name.
    ///
    /// # Errors
    ///
    /// An attribute that cannot be read.
    pub(crate) fn group_attributes(&self, path: &str) -> Result<RawAttributes, ContainerError> {
        let group = self.inner.group(path)?;
        let read = || Ok((group.group().attr_datatypes()?, group.group().attrs()?));
        self.complete(path, read)
    }

    /// All attributes of a dataset, by name.
    ///
    /// # Errors
    ///
    /// An attribute that cannot be read.
    pub(crate) fn dataset_attributes(&self, path: &str) -> Result<RawAttributes, ContainerError> {
        let node = self.inner.dataset(path)?;
        let read = || Ok((node.dataset().attr_datatypes()?, node.dataset().attrs()?));
        self.complete(path, read)
    }

    /// The chunks of a dataset, if it has some.
    pub(crate) fn chunks(&self, path: &str) -> Result<Option<Chunks>, ContainerError> {
        let node = self.inner.dataset(path)?;
        let read = || Ok((node.dataset().chunk_shape()?, node.dataset().filters()));
        let (shape, filters) = self.inner.run(path, "dataset", read)?;
        Ok(shape.map(|shape| Chunks { shape, filters }))
    }

    fn complete(
        &self,
        path: &str,
        read: impl Fn() -> Result<(Types, Values), hdf5::Error> + Sync,
    ) -> Result<RawAttributes, ContainerError> {
        let budget = Budget::attributes(self.inner.bytes.len());
        let (types, mut values) = self.inner.run_within(budget, path, "object", read)?;
        let mut complete = Vec::with_capacity(types.len());
        for (name, datatype) in types {
            let Some(value) = values.remove(&name) else {
                let feature = format!("an attribute {name:?} of type {}", words(&datatype));
                return Err(self.inner.unsupported(path, feature));
            };
            complete.push((name, value));
        }
        complete.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(complete)
    }
}

type Types = std::collections::HashMap<String, hdf5::Datatype>;
type Values = std::collections::HashMap<String, AttrValue>;
