//! The grammars of `inbound_nodes`: how a config says which tensors a call takes.
//!
//! Keras 1 and 2, tf.keras: nested lists (or dicts) with leaves `[layer, node, tensor, kwargs]`.
//! Keras 3: `{"args": […], "kwargs": {…}}` with `__keras_tensor__` objects.

use serde_json::{Map, Value};

use crate::layer::operation::{self, Argument};

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
    /// For each of `inputs` the position of its argument, where it is not the first.
    pub positions: Vec<usize>,
    /// Tensors passed by name, flattened; a null in a list of them keeps its place.
    pub named: Vec<(String, Vec<Option<Reference>>)>,
    /// All tensors in Keras's order, where `bind` has changed that of `inputs` and `named`.
    pub order: Option<Vec<Reference>>,
    /// Positional arguments that are no tensors.
    pub literals: Vec<Value>,
    /// Arguments passed by name that are no tensors.
    pub options: Map<String, Value>,
    /// Of an operation, its arguments as they stand; all its tensors are `inputs`.
    pub call: Option<operation::Call>,
}

impl Node {
    /// All references, in Keras's order.
    pub fn references(&self) -> Vec<&Reference> {
        match &self.order {
            Some(order) => order.iter().collect(),
            None => {
                let named = self.named.iter().flat_map(|(_, references)| references);
                self.inputs.iter().chain(named.flatten()).collect()
            }
        }
    }

    /// Puts the tensors where the parameters of the layer's `call` say: those of `inputs` become
    /// inputs, in that order, also if they were passed by name; those behind them get the names
    /// `arguments`.
    ///
    /// Without `inputs` there is one parameter for them, and all positional tensors are inputs: a
    /// recurrent layer's states may follow its sequence.
    pub fn bind(&mut self, inputs: &[&str], arguments: &[&str]) {
        if inputs.is_empty() && !self.inputs.is_empty() {
            return;
        }
        self.order = Some(self.references().into_iter().cloned().collect());
        let inputs = if inputs.is_empty() {
            FIRST_PARAMETERS
        } else {
            let names = inputs.iter().chain(arguments).copied();
            let positional = std::mem::take(&mut self.inputs);
            for (index, reference) in positional.into_iter().enumerate() {
                let position = self.positions.get(index).copied().unwrap_or(0);
                let name = names.clone().nth(position).map(str::to_owned);
                let name = name.unwrap_or_else(|| format!("argument {position}"));
                match self.named.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, references)) => references.push(Some(reference)),
                    None => self.named.push((name, vec![Some(reference)])),
                }
            }
            inputs
        };
        for input in inputs {
            if let Some(found) = self.named.iter().position(|(name, _)| name == input) {
                let (_, references) = self.named.remove(found);
                self.inputs.extend(references.into_iter().flatten());
            }
        }
    }
}

/// What the first parameter of `call` is named in Keras 3's layers; it may be passed by name.
const FIRST_PARAMETERS: &[&str] = &["inputs", "sequences", "sequence", "x", "data"];

/// Adds the references in a value to a list.
type Finder<'a> = &'a dyn Fn(&Value, &mut Vec<Reference>);

impl Node {
    /// Takes an argument passed by name: a tensor, several tensors, or something else.
    fn keyword(&mut self, name: &str, value: &Value, find: Finder<'_>) {
        let found_in = |value: &Value| {
            let mut found = Vec::new();
            find(value, &mut found);
            found.into_iter().map(Some).collect::<Vec<_>>()
        };
        let mut references = found_in(value);
        if references.is_empty() {
            self.options.insert(name.to_owned(), value.clone());
            return;
        }
        if let Value::Array(items) = value
            && items.contains(&Value::Null)
        {
            let items = items.iter();
            references = items
                .flat_map(|item| match item {
                    Value::Null => vec![None],
                    item => found_in(item),
                })
                .collect();
        }
        self.named.push((name.to_owned(), references));
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
        call.keyword(name, value, &|value, found| {
            find_list_references(value, is_layer, found);
        });
    }
    Some(call)
}

/// All calls of an operation, whose literals and tensors stay where they stand; the error is the
/// value that could not be read.
pub(super) fn read_operation(
    inbound: &Value,
    is_layer: &dyn Fn(&str) -> bool,
) -> Result<Vec<Node>, Value> {
    let nodes = inbound.as_array().ok_or_else(|| inbound.clone())?;
    let nodes = nodes.iter().map(|node| {
        let mut reader = Arguments {
            is_layer,
            inputs: Vec::new(),
        };
        let call = match node.as_object() {
            Some(object) if object.contains_key("args") => reader.of_keras3(object),
            _ => reader.of_list(node),
        };
        Node {
            inputs: reader.inputs,
            call: Some(call),
            ..Node::default()
        }
    });
    Ok(nodes.collect())
}

/// Reads the arguments of an operation.
struct Arguments<'a> {
    is_layer: &'a dyn Fn(&str) -> bool,
    inputs: Vec<Reference>,
}

impl Arguments<'_> {
    /// A call of Keras 3.
    fn of_keras3(&mut self, object: &Map<String, Value>) -> operation::Call {
        let positional = object["args"].as_array().into_iter().flatten();
        let positional = positional.map(|value| self.argument(value)).collect();
        let named = object.get("kwargs").and_then(Value::as_object);
        let named = named.map(sorted).unwrap_or_default().into_iter();
        let named = named.map(|(name, value)| (name.clone(), self.argument(value)));
        operation::Call {
            positional,
            named: named.collect(),
        }
    }

    /// A call of tf.keras: the first argument, each leaf with the others by name.
    fn of_list(&mut self, node: &Value) -> operation::Call {
        let positional = vec![self.argument(node)];
        let named = first_keywords(node).into_iter().flatten();
        let named = named.map(|(name, value)| (name.clone(), self.argument(value)));
        operation::Call {
            positional,
            named: named.collect(),
        }
    }

    fn tensor(&mut self, reference: Reference) -> Argument {
        self.inputs.push(reference);
        Argument::Tensor(self.inputs.len() - 1)
    }

    fn argument(&mut self, value: &Value) -> Argument {
        match value {
            Value::Array(items) => {
                if let [Value::String(first), _, third, ..] = items.as_slice()
                    && first == "_CONSTANT_VALUE"
                {
                    return Argument::Literal(third.clone());
                }
                match Reference::read(value) {
                    Some(reference) if (self.is_layer)(&reference.layer) => self.tensor(reference),
                    _ => {
                        let items: Vec<Argument> =
                            items.iter().map(|item| self.argument(item)).collect();
                        let is_plain = |item: &Argument| matches!(item, Argument::Literal(_));
                        if items.iter().all(is_plain) {
                            let items = items.into_iter().filter_map(|item| match item {
                                Argument::Literal(value) => Some(value),
                                _ => None,
                            });
                            Argument::Literal(Value::Array(items.collect()))
                        } else {
                            Argument::List(items)
                        }
                    }
                }
            }
            Value::Object(entries) => match entries.get("class_name").and_then(Value::as_str) {
                Some("__keras_tensor__") => {
                    match Reference::read(&value["config"]["keras_history"]) {
                        Some(reference) => self.tensor(reference),
                        None => Argument::Literal(value.clone()),
                    }
                }
                Some("__slice__") => self.slice(&value["config"]),
                Some("__ellipsis__") => Argument::Ellipsis,
                None if entries.contains_key("start") && entries.contains_key("stop") => {
                    self.slice(value)
                }
                _ => Argument::Literal(value.clone()),
            },
            other => Argument::Literal(other.clone()),
        }
    }

    fn slice(&mut self, value: &Value) -> Argument {
        let parts = ["start", "stop", "step"].map(|part| self.argument(&value[part]));
        Argument::Slice(Box::new(parts))
    }
}

/// The keywords of a node of tf.keras, which stand on every leaf.
fn first_keywords(value: &Value) -> Option<&Map<String, Value>> {
    let items = value.as_array()?;
    match items.first() {
        Some(Value::String(_)) => items.get(3)?.as_object(),
        _ => items.iter().find_map(first_keywords),
    }
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
    let arguments = object["args"].as_array().into_iter().flatten();
    for (position, argument) in arguments.enumerate() {
        let before = call.inputs.len();
        find_call_references(argument, &mut call.inputs);
        call.positions.resize(call.inputs.len(), position);
        if call.inputs.len() == before && !argument.is_null() {
            call.literals.push(argument.clone());
        }
    }
    if let Some(keywords) = object.get("kwargs").and_then(Value::as_object) {
        // Keras 3 flattens keyword arguments in the order of their names.
        for (name, value) in sorted(keywords) {
            call.keyword(name, value, &find_call_references);
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

    fn named_names(references: &[Option<Reference>]) -> Vec<String> {
        let name = |reference: &Option<Reference>| match reference {
            Some(reference) => names(std::slice::from_ref(reference)).remove(0),
            None => "-".into(),
        };
        references.iter().map(name).collect()
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
            .map(|(name, references)| (name.as_str(), named_names(references)))
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
    fn nulls_among_tensors_keep_their_place() {
        let nodes = read(&json!([[["x", 0, 0, {"mask": [null, ["m", 0, 0]], "state": [null]}]]]));
        assert_eq!(named_names(&nodes[0].named[0].1), ["-", "m:0:0"]);
        assert_eq!(nodes[0].options["state"], json!([null]));
    }

    #[test]
    fn tensors_stand_where_the_parameters_say() {
        let tensor = |name: &str| json!({"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}});
        let bound = |call: Value| {
            let mut node = read(&json!([call])).remove(0);
            node.bind(&["query", "value", "key"], &["query_mask", "mask"]);
            let named = node.named.iter();
            let named: Vec<String> = named
                .map(|(name, references)| format!("{name}={}", named_names(references).join(",")))
                .collect();
            (names(&node.inputs).join(" "), named.join(" "))
        };
        for (call, inputs, named) in [
            (
                json!({"args": [tensor("q"), tensor("v"), null, null, tensor("m")], "kwargs": {}}),
                "q:0:0 v:0:0",
                "mask=m:0:0",
            ),
            (
                json!({"args": [tensor("q")], "kwargs": {"key": tensor("k"), "value": tensor("v")}}),
                "q:0:0 v:0:0 k:0:0",
                "",
            ),
            (
                json!([["q", 0, 0, {"value": ["v", 0, 0], "mask": ["m", 0, 0]}]]),
                "q:0:0 v:0:0",
                "mask=m:0:0",
            ),
        ] {
            assert_eq!(bound(call), (inputs.into(), named.into()));
        }
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
        assert_eq!(named_names(&nodes[0].named[0].1), ["m:0:1"]);
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
