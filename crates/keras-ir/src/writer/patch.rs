//! A file with other elements in the places of its tensors: all else stays byte for byte.

use std::collections::BTreeMap;
use std::io::Write;

use tempfile::TempPath;

use super::error::Failure;
use crate::container::{
    ByteView, Container, ContainerError, H5File, Place, StoredTensor, swap_bytes,
};

/// An HDF5 file with other elements in some places.
pub(super) struct Patched {
    bytes: ByteView,
    /// In the order of their places.
    patches: Vec<(Place, StoredTensor)>,
    /// The file itself, if it is there for this alone: it goes once its bytes are no longer mapped.
    _skeleton: Option<TempPath>,
}

impl Patched {
    /// `file` with `tensors` in the places of the datasets of these paths; `None` if one of them has
    /// no place that fits: the dataset is not there, has another shape or type, or is compressed.
    ///
    /// # Errors
    ///
    /// A dataset that cannot be read, or two in one place.
    pub fn new(
        file: &H5File,
        tensors: &BTreeMap<String, StoredTensor>,
    ) -> Result<Option<Self>, ContainerError> {
        let mut patches = Vec::with_capacity(tensors.len());
        for (path, tensor) in tensors {
            if !file.has_dataset(path) {
                return Ok(None);
            }
            let old = file.tensor(path)?;
            if old.shape() != tensor.shape() || old.dtype() != tensor.dtype() {
                return Ok(None);
            }
            if old.is_empty() {
                continue;
            }
            let Some(place) = old.place_in(file.bytes()) else {
                return Ok(None);
            };
            patches.push((place, tensor.clone()));
        }
        patches.sort_by_key(|(place, _)| place.range.start);
        let overlap = patches.windows(2).find_map(|pair| match pair {
            [(one, _), (two, tensor)] if one.range.end > two.range.start => Some(tensor),
            _ => None,
        });
        match overlap {
            None => Ok(Some(Self {
                bytes: file.bytes().clone(),
                patches,
                _skeleton: None,
            })),
            Some(tensor) => Err(ContainerError::Malformed {
                file: file.name().to_owned(),
                path: tensor.path().to_owned(),
                reason: "its elements are those of another tensor too".into(),
            }),
        }
    }

    /// The same, of a file that is there for this alone.
    pub fn of_skeleton(self, file: TempPath) -> Self {
        Self {
            _skeleton: Some(file),
            ..self
        }
    }

    /// The length of the file.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Writes the file from front to back, one tensor in memory at a time.
    pub fn write(&self, to: &mut dyn Write) -> Result<(), Failure> {
        let mut written = 0;
        let original = |range, to: &mut dyn Write| {
            // Places lie inside the file, one behind the other.
            let bytes = self.bytes.get(range).unwrap_or_default();
            to.write_all(bytes)
        };
        for (place, tensor) in &self.patches {
            original(written..place.range.start, to)?;
            let elements = tensor.read()?;
            if place.big_endian {
                let mut elements = elements.into_owned();
                swap_bytes(&mut elements, tensor.dtype());
                to.write_all(&elements)?;
            } else {
                to.write_all(&elements)?;
            }
            written = place.range.end;
        }
        original(written..self.bytes.len(), to)?;
        Ok(())
    }
}
