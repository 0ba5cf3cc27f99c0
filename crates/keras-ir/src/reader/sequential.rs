//! Sequential models: a chain of layers, whose input may have to be found.

use serde_json::{Map, Value};

use super::build::{Builder, Draft, Entry, read_shape};
use super::nodes::Node;
use crate::graph::{LayerId, ModelClass, ModelId};

impl Builder {
    pub(super) fn sequential(
        &mut self,
        name: &str,
        config: &Value,
        layers: &[Value],
        path: &str,
    ) -> Option<ModelId> {
        let mut entries = Vec::with_capacity(layers.len() + 1);
        for value in layers {
            entries.push(self.entry(value, path)?);
        }
        let has_input = entries
            .first()
            .is_some_and(|first| first.class == "InputLayer");
        let mut deferred = false;
        if !has_input {
            let input = implicit_input(name, config, entries.first());
            deferred = input.config["batch_shape"].is_null();
            entries.insert(0, input);
        }
        // Each layer is called once, on the output of the one before.
        for position in 1..entries.len() {
            entries[position].nodes = vec![Node {
                inputs: vec![entries[position - 1].output()],
                ..Node::default()
            }];
        }
        let ids: Vec<LayerId> = entries
            .iter()
            .map(|entry| self.layer(entry, path))
            .collect();
        let inputs = vec![entries[0].output()];
        let outputs = vec![entries[entries.len() - 1].output()];
        let draft = Draft {
            name,
            path,
            class: ModelClass::Sequential,
            trainable: config["trainable"].as_bool().unwrap_or(true),
            entries,
            ids,
            output_keys: Vec::new(),
            in_order: false,
            deferred,
        };
        Some(self.connect(&draft, &inputs, &outputs))
    }
}

/// The input layer that a Sequential does not list: its shape stands in the first layer, or beside
/// the layers.
fn implicit_input(model: &str, config: &Value, first: Option<&Entry>) -> Entry {
    let none = Value::Null;
    let of_first = first.map_or(&none, |first| &first.config);
    let shape = [
        &of_first["batch_input_shape"],
        &of_first["batch_shape"],
        &config["build_input_shape"],
    ]
    .into_iter()
    .find(|shape| read_shape(shape).is_some())
    .cloned()
    .unwrap_or(Value::Null);
    // Ids are integers, whatever dtype the table of an embedding has.
    let dtype = match first.map(|first| first.class.as_str()) {
        Some("Embedding") => Value::from("int32"),
        _ => Value::from("float32"),
    };
    let name = first.map_or(model, |first| first.name.as_str());
    let mut input = Map::new();
    input.insert("batch_shape".into(), shape);
    input.insert("dtype".into(), dtype);
    Entry {
        name: format!("{name}_input"),
        class: "InputLayer".into(),
        module: None,
        config: Value::Object(input),
        nodes: Vec::new(),
        shared_object_id: None,
    }
}
