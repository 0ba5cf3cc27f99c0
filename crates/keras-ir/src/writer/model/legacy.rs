//! The HDF5 file of a whole model: Keras's legacy layout, one group per layer of the outermost model.

use std::collections::HashSet;

use serde_json::Value;

use super::{Placed, cells};
use crate::container::ContainerError;
use crate::graph::Graph;
use crate::json;
use crate::object_names::snake_case;
use crate::reader::{ListedState, file_order};
use crate::version::Generation;
use crate::writer::error::WriteError;
use crate::writer::tree::{AttributeValue, Tree};

const WEIGHTS: &str = "model_weights";
const STATE: &str = "optimizer_weights";
const NAMES: &str = "weight_names";

/// Gives every layer its group, with its weights in Keras's order.
pub(super) fn place(graph: &Graph, placed: &mut Placed) -> Result<(), WriteError> {
    let first_inputs = graph.clone().infer_all()?;
    let cells = cells(graph);
    let before_tf = graph.generation < Generation::TfKeras;
    let ending = if graph.generation.is_keras3() {
        ""
    } else {
        ":0"
    };
    let mut layers = Vec::new();
    for id in &graph.root().layers {
        if graph.layer(*id).is_operation() {
            continue;
        }
        let layer = &graph.layer(*id).name;
        let group = format!("{WEIGHTS}/{layer}");
        let mut names = Vec::new();
        let mut taken = HashSet::new();
        for target in file_order(graph, *id, &first_inputs) {
            let of_weight = graph.layer(target.layer);
            let is_cell = target.spec.part == "cell" && !cells.contains(&target.layer);
            let cell = match is_cell && !before_tf {
                true => format!("{}_cell/", snake_case(&of_weight.class)),
                false => String::new(),
            };
            let own = graph.own_name(target.layer);
            let plain = format!("{own}/{cell}{}", target.spec.name);
            // Keras 2 counts equal names.
            let mut name = format!("{plain}{ending}");
            let mut count = 0;
            while !taken.insert(name.clone()) {
                count += 1;
                name = format!("{plain}_{count}{ending}");
            }
            placed.put(target.layer, target.spec.name, format!("{group}/{name}"))?;
            names.push(name);
        }
        placed.tree.group(&group)?.set_list(NAMES, &names);
        layers.push(layer.clone());
    }
    let group = placed.tree.group(WEIGHTS)?;
    group.set_list("layer_names", &layers);
    if !before_tf {
        group.group("top_level_model_weights")?.set_list(NAMES, &[]);
    }
    Ok(())
}

/// Adds what the file says besides: the architecture, what it was compiled with, and the optimizer.
pub(super) fn describe(
    graph: &Graph,
    tree: &mut Tree,
    state: Option<ListedState>,
    config: &Value,
) -> Result<(), ContainerError> {
    let version = graph.keras_version.as_deref().unwrap_or_default();
    for group in ["", WEIGHTS] {
        let attributes = &mut tree.group(group)?.attributes;
        for (key, value) in [("keras_version", version), ("backend", "tensorflow")] {
            attributes.insert(key.to_owned(), AttributeValue::text(value));
        }
    }
    let config = AttributeValue::text(json::text(config));
    tree.attributes.insert("model_config".to_owned(), config);
    if let Some(training) = &graph.training_config {
        let training = AttributeValue::text(json::text(training));
        tree.attributes
            .insert("training_config".to_owned(), training);
    }
    if let Some(state) = state {
        for tensor in state.tensors {
            let path = tensor.path().to_owned();
            tree.put(&path, tensor)?;
        }
        tree.group(STATE)?.set_list(NAMES, &state.names);
    }
    Ok(())
}
