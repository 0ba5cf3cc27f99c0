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
            let parts = part.path().split('/').filter(|name| !name.is_empty());
            let path = parts.collect::<Vec<_>>().join("/");
            let Some(other) = self.0.insert(path, part.clone()) else {
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
}

fn unreadable(error: &ContainerError) -> Problem {
    Problem::new(ProblemKind::Container).found(error.to_string())
}
