//! The archive of Keras 3: the variables of each object under its path in the tree of objects.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Placed, cells};
use crate::graph::{Graph, LayerKind};
use crate::json::text;
use crate::reader::{ARCHIVED_WEIGHTS, ListedState, object_paths, specs};
use crate::writer::error::WriteError;
use crate::writer::tree::Tree;
use crate::writer::{Member, write_archive};

/// Gives every layer's weights their places.
pub(super) fn place(graph: &Graph, placed: &mut Placed) -> Result<(), WriteError> {
    let first_inputs = graph.clone().infer_all()?;
    let cells = cells(graph);
    for (id, path) in object_paths(graph, None) {
        let layer = graph.layer(id);
        let LayerKind::Layer(kind) = &layer.kind else {
            continue;
        };
        let mut next: HashMap<String, usize> = HashMap::new();
        for spec in specs(kind, id, &first_inputs) {
            let group = match attribute(&layer.class, spec.part) {
                part if part.is_empty() || cells.contains(&id) => path.clone(),
                part => format!("{path}/{part}"),
            };
            let index = next.entry(group.clone()).or_default();
            placed.put(id, spec.name, format!("{group}/vars/{index}"))?;
            *index += 1;
        }
    }
    // There in every file.
    placed.tree.group("vars")?;
    Ok(())
}

/// What Keras 3.15 calls the part of a layer: those without a property are private.
fn attribute(class: &str, part: &str) -> String {
    let is_private =
        part == "gate_dense" || (class.starts_with("Group") && part.ends_with("_dense"));
    match is_private {
        true => format!("_{part}"),
        false => part.to_owned(),
    }
}

/// Writes the archive.
pub(super) fn write(
    graph: &Graph,
    tree: &mut Tree,
    state: Option<ListedState>,
    mut config: Value,
    path: &Path,
) -> Result<(), WriteError> {
    for tensor in state.map(|state| state.tensors).unwrap_or_default() {
        let path = tensor.path().to_owned();
        tree.put(&path, tensor)?;
    }
    if let Some(Value::Object(training)) = &graph.training_config {
        config["compile_config"] = compile_config(training.clone());
    }
    let metadata = json!({"keras_version": graph.keras_version}).to_string();
    let config = text(&config);
    write_archive(
        path,
        &[
            ("metadata.json", Member::Bytes(metadata.as_bytes())),
            ("config.json", Member::Bytes(config.as_bytes())),
            (ARCHIVED_WEIGHTS, Member::Hdf5(tree)),
        ],
    )
}

/// The training config as an archive has it: under another key, and each object with its module, which
/// legacy files leave out.
fn compile_config(mut training: Map<String, Value>) -> Value {
    let optimizer = training.remove("optimizer_config");
    training.insert("optimizer".to_owned(), optimizer.unwrap_or_default());
    for (key, module) in [
        ("optimizer", "keras.optimizers"),
        ("loss", "keras.losses"),
        ("metrics", "keras.metrics"),
        ("weighted_metrics", "keras.metrics"),
    ] {
        if let Some(value) = training.get_mut(key) {
            name_module(value, module);
        }
    }
    training.into()
}

/// Names the module of all objects in `value`.
fn name_module(value: &mut Value, module: &str) {
    match value {
        Value::Object(object) if object.contains_key("class_name") => {
            object.entry("module").or_insert_with(|| module.into());
            object.entry("registered_name").or_insert(Value::Null);
        }
        Value::Object(by_output) => {
            by_output
                .values_mut()
                .for_each(|value| name_module(value, module));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| name_module(item, module)),
        _ => {}
    }
}
