//! Values of a training config, one for each output.

use serde_json::Value;

use crate::graph::Graph;
use crate::json;
use crate::problem::{Problem, ProblemKind};

/// The outputs of a model as training configs name them.
pub(super) struct Outputs {
    /// Their names: of layers, or keys of a dict.
    pub names: Vec<String>,
}

impl Outputs {
    pub fn of(graph: &Graph) -> Self {
        Self {
            names: graph.output_names(graph.root()),
        }
    }

    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// The position of the output that a dict has under `key`.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.names.iter().position(|name| name == key)
    }

    /// The values of a dict by output; an error for a key that is no output.
    pub fn of_dict<'a>(
        &self,
        entries: impl IntoIterator<Item = (&'a String, &'a Value)>,
        key: &str,
    ) -> Result<Vec<Option<&'a Value>>, Problem> {
        let mut found = vec![None; self.count()];
        for (name, value) in entries {
            let Some(place) = self.position(name).and_then(|at| found.get_mut(at)) else {
                return Err(Problem::new(ProblemKind::Training)
                    .key(key)
                    .expected(format!("outputs among {}", self.names.join(", ")))
                    .found(name));
            };
            *place = Some(value).filter(|value| !value.is_null());
        }
        Ok(found)
    }
}

/// One value for each output: one for all, a list in the order of the outputs, or a dict by name.
/// `None` if nothing is said at all.
pub(super) fn per_output<'a>(
    value: &'a Value,
    outputs: &Outputs,
    key: &str,
) -> Result<Option<Vec<Option<&'a Value>>>, Problem> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Array(items) if items.len() == outputs.count() => items
            .iter()
            .map(|item| Some(item).filter(|item| !item.is_null()))
            .collect(),
        Value::Object(entries) if !is_object(value) => outputs.of_dict(entries, key)?,
        Value::Array(_) => {
            return Err(Problem::new(ProblemKind::Training)
                .key(key)
                .expected(format!("one for each of {} outputs", outputs.count()))
                .found(json::brief(value)));
        }
        one => vec![Some(one); outputs.count()],
    }))
}

/// Whether `value` is an object of Keras, and no dict by output.
pub(super) fn is_object(value: &Value) -> bool {
    value.get("class_name").is_some_and(Value::is_string)
}
