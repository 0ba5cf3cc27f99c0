//! The grammars of `inbound_nodes`: how a config says which tensors a call takes.
//!
//! Keras 1 and 2, tf.keras: nested lists (or dicts) with leaves `[layer, node, tensor, kwargs]`.
//! Keras 3: `{"args": […], "kwargs": {…}}` with `__keras_tensor__` objects.

use serde_json::{Map, Value};

/// A reference to a tensor as the file writes it, before nested models' offsets are resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub layer: String,
    pub node: usize,
    pub tensor: usize,
}

impl Reference {
    /// Reads `[layer, node, tensor]`, with or without something behind.
    pub fn read(value: &Value) -> Option<Self> {
        let items = value.as_array()?;
        match items.as_slice() {
            [Value::String(layer), node, tensor] | [Value::String(layer), node, tensor, _] => {
                Some(Self {
                    layer: layer.clone(),
                    node: usize::try_from(node.as_u64()?).ok()?,
                    tensor: usize::try_from(tensor.as_u64()?).ok()?,
                })
            }
            _ => None,
        }
    }
}

/// One call as a config writes it.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Positional tensors, flattened.
    pub inputs: Vec<Reference>,
    /// Tensors passed by name, flattened.
    pub named: Vec<(String, Vec<Reference>)>,
    /// Positional arguments that are no tensors.
    pub literals: Vec<Value>,
    /// Arguments passed by name that are no tensors.
    pub options: Map<String, Value>,
}

impl Node {
    /// All references, in Keras's order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        let named = self.named.iter().flat_map(|(_, references)| references);
        self.inputs.iter().chain(named)
    }
}

/// All calls of a layer; the error is the value that could not be read.
///
/// `is_layer` says whether a string is the name of a layer, which tells a reference from a list
/// that merely looks like one.
pub(super) fn read_nodes(
    inbound: &Value,
    is_layer: &dyn Fn(&str) -> bool,
) -> Result<Vec<Node>, Value> {
    let nodes = inbound.as_array().ok_or_else(|| inbound.clone())?;
    nodes
        .iter()
        .map(|node| match node.as_object() {
            Some(object) if object.contains_key("args") => Ok(read_call(object)),
            _ => read_list(node, is_layer).ok_or_else(|| node.clone()),
        })
        .collect()
}

/// A node of Keras 1, 2 and tf.keras.
fn read_list(node: &Value, is_layer: &dyn Fn(&str) -> bool) -> Option<Node> {
    let mut call = Node::default();
    let mut keywords = None;
    read_leaves(node, &mut call, &mut keywords)?;
    // The same keywords stand on every leaf of the first argument.
    for (name, value) in keywords.into_iter().flatten() {
        let mut references = Vec::new();
        find_list_references(value, is_layer, &mut references);
        if references.is_empty() {
            call.options.insert(name.clone(), value.clone());
        } else {
            call.named.push((name.clone(), references));
        }
    }
    Some(call)
}

fn read_leaves<'a>(
    value: &'a Value,
    call: &mut Node,
    keywords: &mut Option<&'a Map<String, Value>>,
) -> Option<()> {
    if let Some([Value::String(first), _, third, ..]) = value.as_array().map(Vec::as_slice) {
        if first == "_CONSTANT_VALUE" {
            call.literals.push(third.clone());
        } else {
            call.inputs.push(Reference::read(value)?);
        }
        let found = value.get(3).and_then(Value::as_object);
        *keywords = keywords.or(found);
        return Some(());
    }
    match value {
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| read_leaves(item, call, keywords)),
        Value::Object(entries) => sorted(entries)
            .into_iter()
            .try_for_each(|(_, item)| read_leaves(item, call, keywords)),
        _ => None,
    }
}

fn find_list_references(
    value: &Value,
    is_layer: &dyn Fn(&str) -> bool,
    found: &mut Vec<Reference>,
) {
    match Reference::read(value) {
        Some(reference) if is_layer(&reference.layer) => found.push(reference),
        _ => match value {
            Value::Array(items) => {
                for item in items {
                    find_list_references(item, is_layer, found);
                }
            }
            Value::Object(entries) => {
                for (_, item) in sorted(entries) {
                    find_list_references(item, is_layer, found);
                }
            }
            _ => {}
        },
    }
}

/// A node of Keras 3.
fn read_call(object: &Map<String, Value>) -> Node {
    let mut call = Node::default();
    for argument in object["args"].as_array().into_iter().flatten() {
        let before = call.inputs.len();
        find_call_references(argument, &mut call.inputs);
        if call.inputs.len() == before && !argument.is_null() {
            call.literals.push(argument.clone());
        }
    }
    if let Some(keywords) = object.get("kwargs").and_then(Value::as_object) {
        // Keras 3 flattens keyword arguments in the order of their names.
        for (name, value) in sorted(keywords) {
            let mut references = Vec::new();
            find_call_references(value, &mut references);
            if references.is_empty() {
                call.options.insert(name.clone(), value.clone());
            } else if name == "inputs" && call.inputs.is_empty() {
                // `layer(inputs=x)`, by the name that most layers have for it.
                call.inputs = references;
            } else {
                call.named.push((name.clone(), references));
            }
        }
    }
    call
}

fn find_call_references(value: &Value, found: &mut Vec<Reference>) {
    match value {
        Value::Object(entries) if value["class_name"] == "__keras_tensor__" => {
            let history = entries
                .get("config")
                .and_then(|config| config.get("keras_history"));
            found.extend(history.and_then(Reference::read));
        }
        Value::Object(entries) => {
            for (_, item) in sorted(entries) {
                find_call_references(item, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                find_call_references(item, found);
            }
        }
        _ => {}
    }
}

/// The leaves of `input_layers` or `output_layers`, flattened as Keras does (dicts by sorted
/// keys), with the keys if it is a dict; the error is the value that could not be read.
pub(super) fn read_ends(value: &Value) -> Result<(Vec<Reference>, Vec<String>), Value> {
    let mut references = Vec::new();
    flatten_ends(value, &mut references)?;
    let keys = match value {
        Value::Object(entries) if entries.len() == references.len() => {
            let entries = sorted(entries).into_iter();
            entries.map(|(key, _)| key.clone()).collect()
        }
        _ => Vec::new(),
    };
    Ok((references, keys))
}

fn flatten_ends(value: &Value, found: &mut Vec<Reference>) -> Result<(), Value> {
    if let Some(reference) = Reference::read(value) {
        found.push(reference);
        return Ok(());
    }
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| flatten_ends(item, found)),
        Value::Object(entries) => sorted(entries)
            .into_iter()
            .try_for_each(|(_, item)| flatten_ends(item, found)),
        other => Err(other.clone()),
    }
}

fn sorted(entries: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(inbound: &Value) -> Vec<Node> {
        read_nodes(inbound, &|name| name.len() < 3).unwrap_or_default()
    }

    fn names(references: &[Reference]) -> Vec<String> {
        let references = references.iter();
        references
            .map(|r| format!("{}:{}:{}", r.layer, r.node, r.tensor))
            .collect()
    }

    #[test]
    fn every_list_form_is_read() {
        for (form, expected) in [
            (json!([[["a", 0, 0]]]), vec!["a:0:0"]),
            (
                json!([[["a", 0, 0, {}], ["b", 1, 2, {}]]]),
                vec!["a:0:0", "b:1:2"],
            ),
            (json!([["q", 0, 0, {"y": 2.0}]]), vec!["q:0:0"]),
            (
                json!([{"y": ["b", 0, 0, {}], "x": ["a", 0, 0, {}]}]),
                vec!["a:0:0", "b:0:0"],
            ),
        ] {
            let nodes = read(&form);
            assert_eq!(nodes.len(), 1, "{form}");
            assert_eq!(names(&nodes[0].inputs), expected, "{form}");
        }
    }

    #[test]
    fn keywords_are_tensors_or_options() {
        let nodes = read(&json!([[["x", 0, 0, {
            "mask": ["m", 1, 0],
            "initial_state": [["h", 0, 0], ["c", 0, 1]],
            "training": false,
            "shape": ["not a layer", 1, 2]
        }]]]));
        let named: Vec<_> = nodes[0]
            .named
            .iter()
            .map(|(name, references)| (name.as_str(), names(references)))
            .collect();
        assert_eq!(
            named,
            [
                ("mask", vec!["m:1:0".to_string()]),
                ("initial_state", vec!["h:0:0".into(), "c:0:1".into()]),
            ]
        );
        assert_eq!(nodes[0].options.len(), 2);
    }

    #[test]
    fn calls_of_keras_3_are_read() {
        let tensor = |name: &str| json!({"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 1]}});
        let nodes = read(&json!([{
            "args": [[tensor("a"), tensor("b")], 5],
            "kwargs": {"training": false, "mask": tensor("m")}
        }]));
        assert_eq!(names(&nodes[0].inputs), ["a:0:1", "b:0:1"]);
        assert_eq!(nodes[0].literals, [json!(5)]);
        assert_eq!(names(&nodes[0].named[0].1), ["m:0:1"]);
        let nodes = read(&json!([{"args": [], "kwargs": {"inputs": tensor("a")}}]));
        assert_eq!(names(&nodes[0].inputs), ["a:0:1"]);
        assert!(nodes[0].named.is_empty());
    }

    #[test]
    fn ends_in_every_nesting() {
        for form in [
            json!(["i", 0, 0]),
            json!([["i", 0, 0]]),
            json!({"k": ["i", 0, 0]}),
            json!([[["i", 0, 0]]]),
        ] {
            let (references, _) = read_ends(&form).unwrap_or_default();
            assert_eq!(names(&references), ["i:0:0"], "{form}");
        }
        assert!(read_ends(&json!(3)).is_err());
    }
}
