//! Sequential models of Keras 1: bare lists, whose first layer may merge other models.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Translated, Translator};
use crate::json;
use crate::problem::{Problem, ProblemKind};

/// The key of a translated config whose layers are in the order in which Keras lists their weights.
pub(in crate::reader) const IN_ORDER: &str = "in_order";

impl Translator<'_> {
    /// A chain of layers, or the graph that it is if it begins with a `Merge`.
    pub(super) fn sequential(
        &mut self,
        layers: &[Value],
        path: &str,
        groups: Option<&[String]>,
    ) -> Translated {
        let mut layers: Vec<Value> = layers.iter().map(modern).collect();
        let merges = layers.first().is_some_and(is_merge);
        let groups = groups.unwrap_or_default();
        if !merges {
            for (index, layer) in layers.iter_mut().enumerate() {
                set_name(layer, groups.get(index), index);
            }
            if let Some(input) = layers.first().and_then(input_layer) {
                layers.insert(0, input);
            }
            for layer in &mut layers {
                self.entry(layer, path);
            }
            let config = json!({ "layers": layers });
            return Translated {
                class: "Sequential",
                config,
            };
        }
        let mut graph = Flattened {
            groups,
            count: 0,
            layers: Vec::new(),
            positions: HashMap::new(),
            inputs: Vec::new(),
        };
        let output = match graph.chain(&layers, 0) {
            Ok(output) => output,
            Err(found) => {
                self.problems.push(
                    Problem::new(ProblemKind::Config)
                        .at(path.trim_end_matches('/'), "Sequential")
                        .key("layers")
                        .expected("a Merge of models that do not share layers")
                        .found(json::brief(&found)),
                );
                Value::Null
            }
        };
        for layer in &mut graph.layers {
            self.entry(layer, path);
        }
        let config = json!({
            "layers": graph.layers,
            "input_layers": graph.inputs,
            "output_layers": [output],
            IN_ORDER: true,
        });
        Translated {
            class: "Model",
            config,
        }
    }
}

/// An entry of a list of layers; before 1.0 the class stood where the name stands now.
fn modern(entry: &Value) -> Value {
    match entry.as_object() {
        Some(old) if !old.contains_key("class_name") && old.contains_key("name") => {
            let mut config = old.clone();
            config.insert(
                "name".into(),
                old.get("custom_name").cloned().unwrap_or_default(),
            );
            config.remove("custom_name");
            json!({"class_name": old["name"], "config": config})
        }
        _ => entry.clone(),
    }
}

fn is_merge(entry: &Value) -> bool {
    entry["class_name"] == "Merge"
}

/// Names a model in a chain, whose config has no place for a name: as its group of weights.
fn set_name(entry: &mut Value, group: Option<&String>, index: usize) {
    if entry["name"].is_null() && entry["config"]["name"].is_null() && entry.is_object() {
        let class = entry["class_name"].as_str().unwrap_or("layer");
        let made = || format!("{}_{index}", class.to_lowercase());
        entry["name"] = group.cloned().unwrap_or_else(made).into();
    }
}

fn name(entry: &Value) -> &Value {
    match &entry["name"] {
        Value::Null => &entry["config"]["name"],
        name => name,
    }
}

/// The graph of a Sequential that begins with a `Merge`: its branches' layers are its own, as in
/// Keras's list of weights.
struct Flattened<'a> {
    /// The groups of weights, in Keras's order.
    groups: &'a [String],
    /// How many of them have been taken.
    count: usize,
    layers: Vec<Value>,
    /// Where the layers are in the list, by name.
    positions: HashMap<String, usize>,
    inputs: Vec<Value>,
}

/// How deep models may lie in each other; Python's own limit is near.
const DEEPEST: usize = 64;

impl Flattened<'_> {
    /// Adds a chain of layers, and gives a reference to its output. The error is what could not be
    /// added.
    fn chain(&mut self, layers: &[Value], depth: usize) -> Result<Value, Value> {
        let Some((first, others)) = layers.split_first() else {
            return Err(json!([]));
        };
        if depth > DEEPEST {
            return Err(json!("models in models"));
        }
        let mut output = if is_merge(first) {
            let branches = first["config"]["layers"].as_array();
            let branches = branches.ok_or_else(|| first.clone())?.iter();
            let inputs = branches.map(|branch| self.branch(branch, depth + 1));
            let inputs: Vec<Value> = inputs.collect::<Result<_, _>>()?;
            let mut merge = first.clone();
            if let Some(config) = merge["config"].as_object_mut() {
                config.remove("layers");
            }
            self.push(merge, inputs)
        } else {
            self.first(first.clone())?
        };
        for layer in others {
            output = self.add(layer.clone(), output);
        }
        Ok(output)
    }

    /// Adds a branch of a `Merge`.
    fn branch(&mut self, branch: &Value, depth: usize) -> Result<Value, Value> {
        let config = &branch["config"];
        match branch["class_name"].as_str() {
            Some("Sequential") => {
                let layers = config.as_array().ok_or_else(|| branch.clone())?;
                let layers: Vec<Value> = layers.iter().map(modern).collect();
                self.chain(&layers, depth)
            }
            Some("Model" | "Container") => self.graph(config),
            _ => self.chain(&[modern(branch)], depth),
        }
    }

    /// Adds the layers of a functional model, and gives its first output.
    fn graph(&mut self, config: &Value) -> Result<Value, Value> {
        for layer in config["layers"].as_array().into_iter().flatten() {
            if self.find(name(layer)).is_some() {
                return Err(name(layer).clone());
            }
            self.count += 1;
            self.list(layer.clone());
        }
        let inputs = config["input_layers"].as_array().into_iter().flatten();
        self.inputs.extend(inputs.cloned());
        Ok(config["output_layers"][0].clone())
    }

    /// Adds the first layer of a chain, with its input. One that stands in an earlier chain too
    /// has its input there.
    fn first(&mut self, mut layer: Value) -> Result<Value, Value> {
        if self.find(name(&layer)).is_some() {
            return Ok(json!([name(&layer), 0, 0]));
        }
        set_name(&mut layer, self.groups.get(self.count), self.count);
        let input = input_layer(&layer).ok_or_else(|| layer.clone())?;
        let name = name(&input).clone();
        self.list(input);
        let input = json!([name, 0, 0]);
        self.inputs.push(input.clone());
        Ok(self.add(layer, input))
    }

    /// Adds a layer behind `input`, or one more call of it.
    fn add(&mut self, mut layer: Value, input: Value) -> Value {
        if let Some(index) = self.find(name(&layer)) {
            let layer = &mut self.layers[index];
            let calls = layer["inbound_nodes"].as_array_mut();
            let node = calls.map_or(0, |calls| {
                calls.push(json!([input]));
                calls.len() - 1
            });
            return json!([name(layer), node, 0]);
        }
        set_name(&mut layer, self.groups.get(self.count), self.count);
        self.count += 1;
        self.push(layer, vec![input])
    }

    fn push(&mut self, mut layer: Value, inputs: Vec<Value>) -> Value {
        let name = name(&layer).clone();
        let output = json!([name, 0, 0]);
        // What is no object is reported where it is read.
        if let Some(layer) = layer.as_object_mut() {
            layer.insert("name".into(), name);
            layer.insert("inbound_nodes".into(), json!([inputs]));
        }
        self.list(layer);
        output
    }

    fn list(&mut self, layer: Value) {
        if let Some(name) = name(&layer).as_str() {
            self.positions.insert(name.to_owned(), self.layers.len());
        }
        self.layers.push(layer);
    }

    fn find(&self, name: &Value) -> Option<usize> {
        self.positions.get(name.as_str()?).copied()
    }
}

/// The input of a chain that begins with `first`: Keras calls it after the layer, and does not list
/// it. None if `first` is an input itself, or declares no shape.
fn input_layer(first: &Value) -> Option<Value> {
    if first["class_name"] == "InputLayer" {
        return None;
    }
    let (shape, dtype) = declared_input(first, 0)?;
    let name = format!("{}_input", name(first).as_str()?);
    Some(json!({
        "class_name": "InputLayer",
        "name": name,
        "config": {"name": name, "batch_input_shape": shape, "input_dtype": dtype},
        "inbound_nodes": [],
    }))
}

/// The shape and the dtype of the input that a layer or a model declares.
fn declared_input(entry: &Value, depth: usize) -> Option<(Value, Value)> {
    let config = &entry["config"];
    if depth > DEEPEST {
        return None;
    }
    if let Some(layers) = config.as_array() {
        return declared_input(&modern(layers.first()?), depth + 1);
    }
    if let Some(layers) = config["layers"].as_array() {
        let input = &config["input_layers"][0][0];
        let input = layers.iter().find(|layer| name(layer) == input)?;
        return declared_input(input, depth + 1);
    }
    let is_embedding = entry["class_name"] == "Embedding";
    let dtype = match &config["input_dtype"] {
        // Ids are integers.
        Value::Null if is_embedding => json!("int32"),
        Value::Null => json!("float32"),
        dtype => dtype.clone(),
    };
    Some((declared_shape(is_embedding, config.as_object()?)?, dtype))
}

/// The shape with the batch axis, which old configs give in parts.
fn declared_shape(is_embedding: bool, config: &Map<String, Value>) -> Option<Value> {
    let get = |key: &str| config.get(key).filter(|value| !value.is_null());
    if let Some(shape) = get("batch_input_shape") {
        return Some(shape.clone());
    }
    if let Some(shape) = get("input_shape").and_then(Value::as_array) {
        let batch = [Value::Null].into_iter();
        return Some(batch.chain(shape.iter().cloned()).collect());
    }
    let length = config.get("input_length");
    match (is_embedding, length) {
        (true, length) => Some(json!([null, length])),
        (false, Some(length)) => Some(json!([null, length, get("input_dim")?])),
        (false, None) => Some(json!([null, get("input_dim")?])),
    }
}
