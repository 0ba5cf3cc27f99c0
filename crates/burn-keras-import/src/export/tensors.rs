//! The tensors of a Keras file that get other elements.

use std::collections::BTreeMap;

use keras_ir::container::{ContainerError, StoredTensor};
use keras_ir::{Problem, ProblemKind};

use crate::plan::Transform;

use super::record::Values;

/// Tensors by the paths of their datasets.
#[derive(Default)]
pub(super) struct Tensors(pub BTreeMap<String, StoredTensor>);

impl Tensors {
    /// Puts `values` where the file has `tensor`, which becomes theirs by `transform`. Two layers that
    /// are one in the file must agree.
    pub fn put(
        &mut self,
        tensor: &StoredTensor,
        transform: &Transform,
        values: Values,
    ) -> Result<(), Problem> {
        let parts = values.into_stored(tensor, transform);
        for part in parts.map_err(|error| unreadable(&error))? {
            let Some(other) = self.0.insert(dataset(&part), part.clone()) else {
                continue;
            };
            let read = |part: &StoredTensor| {
                let elements = part.read().map_err(|error| unreadable(&error))?;
                Ok::<_, Problem>(elements.into_owned())
            };
            if read(&other)? != read(&part)? {
                return Err(Problem::new(ProblemKind::LeftOverWeight)
                    .key(part.path())
                    .expected("one value for what is one tensor in the file")
                    .found("two parameters that differ"));
            }
        }
        Ok(())
    }

    /// Puts a number where the file has `tensor`.
    pub fn number(&mut self, tensor: &StoredTensor, value: f64) -> Result<(), Problem> {
        let bytes = tensor.dtype().from_f64(&[value]);
        let number = StoredTensor::from_parts(tensor.path(), tensor.shape(), tensor.dtype(), bytes);
        let number = number.map_err(|error| unreadable(&error))?;
        self.0.insert(dataset(tensor), number);
        Ok(())
    }

    /// Puts what `of` gets where the file has `copy`, too.
    pub fn repeat(&mut self, of: &str, copy: &StoredTensor) {
        if let Some(tensor) = self.0.get(&plain(of)).cloned() {
            self.0.insert(dataset(copy), tensor);
        }
    }
}

/// The path of a tensor's dataset.
fn dataset(tensor: &StoredTensor) -> String {
    plain(tensor.path())
}

/// A path without empty names.
fn plain(path: &str) -> String {
    let names = path.split('/').filter(|name| !name.is_empty());
    names.collect::<Vec<_>>().join("/")
}

fn unreadable(error: &ContainerError) -> Problem {
    Problem::new(ProblemKind::Container).found(error.to_string())
}
