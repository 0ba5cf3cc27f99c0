//! Boxes, groups and edges of a graph.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{Edge, Node, NodeKind, NodeWeight, Plot, PlotOptions, Signature};
use crate::graph::{
    Call, Graph, Layer, LayerId, LayerKind, Model, ModelClass, ModelId, TensorId, WeightRef,
};
use crate::layer::operation::{Family, Operand};
use crate::summary;

pub(super) fn draw(graph: &Graph, options: PlotOptions) -> Plot {
    let nesting = Nesting::of(graph, options.expand_nested);
    let variables = graph.variables().into_iter();
    let mut scene = Scene {
        graph,
        trained: variables.map(|v| (v.weight, v.trainable)).collect(),
        nodes: Vec::new(),
        at: HashMap::new(),
        groups: HashMap::new(),
        calls: HashMap::new(),
        callers: HashMap::new(),
        several_outputs: HashSet::new(),
    };
    for id in &nesting.models {
        scene.add_model(*id, &nesting);
    }
    for id in &nesting.models {
        scene.add_signatures(graph.model(*id));
    }
    let mut edges = Vec::new();
    for id in &nesting.models {
        for call in &graph.model(*id).calls {
            scene.add_edges(*id, call, &mut edges);
        }
    }
    // A tensor that a call takes twice is one edge.
    let mut seen = HashSet::new();
    edges.retain(|edge| seen.insert(edge.clone()));
    scene.mark_outputs();
    Plot {
        name: graph.root().name.clone(),
        nodes: scene.nodes,
        edges,
        notes: graph.notes.clone(),
        options,
    }
}

/// Which models are drawn, and where a layer belongs that several of them have: in the innermost model
/// around all of them.
struct Nesting {
    /// The models whose layers are drawn, each before those in it.
    models: Vec<ModelId>,
    /// For each model but the outermost, the one that it is drawn in, and how deep it is.
    around: HashMap<ModelId, (ModelId, usize)>,
    /// The model that each layer is drawn in.
    homes: HashMap<LayerId, ModelId>,
}

impl Nesting {
    fn of(graph: &Graph, expand_nested: bool) -> Self {
        let mut nesting = Self {
            models: Vec::new(),
            around: HashMap::new(),
            homes: HashMap::new(),
        };
        let mut callers: HashMap<ModelId, Vec<ModelId>> = HashMap::new();
        for id in graph.callees_first().into_iter().rev() {
            if id != graph.root {
                let Some(callers) = callers.get(&id) else {
                    continue;
                };
                let around = nesting.common(callers);
                nesting
                    .around
                    .insert(id, (around, nesting.depth(around) + 1));
            }
            nesting.models.push(id);
            for layer in layers(graph.model(id)) {
                let home = nesting.homes.get(&layer).copied();
                let home = nesting.common(&[home.unwrap_or(id), id]);
                nesting.homes.insert(layer, home);
                if let (Some(inner), true) = (inner_model(graph, layer), expand_nested) {
                    callers.entry(inner).or_default().push(id);
                }
            }
        }
        nesting
    }

    fn depth(&self, id: ModelId) -> usize {
        self.around.get(&id).map_or(0, |(_, depth)| *depth)
    }

    /// The innermost model around all of these, of which there is at least one.
    fn common(&self, models: &[ModelId]) -> ModelId {
        let mut common = models[0];
        for id in models {
            let mut other = *id;
            while common != other {
                if self.depth(common) >= self.depth(other) {
                    common = self
                        .around
                        .get(&common)
                        .map_or(other, |(around, _)| *around);
                } else {
                    other = self
                        .around
                        .get(&other)
                        .map_or(common, |(around, _)| *around);
                }
            }
        }
        common
    }
}

/// The layers of a model with its inputs, which no list of a Sequential has.
fn layers(model: &Model) -> impl Iterator<Item = LayerId> + '_ {
    let listed: HashSet<&LayerId> = model.layers.iter().collect();
    let unlisted = model.input_layers.iter();
    let unlisted = unlisted.filter(move |input| !listed.contains(input));
    unlisted.chain(&model.layers).copied()
}

/// The model that a layer is, or that a wrapper has for its only part.
fn inner_model(graph: &Graph, id: LayerId) -> Option<ModelId> {
    match &graph.layer(id).kind {
        LayerKind::Model(inner) => Some(*inner),
        LayerKind::Wrapper(_, parts) => match parts.as_slice() {
            [part] => inner_model(graph, *part),
            _ => None,
        },
        _ => None,
    }
}

struct Scene<'a> {
    graph: &'a Graph,
    trained: HashMap<WeightRef, bool>,
    nodes: Vec<Node>,
    /// The node of each layer.
    at: HashMap<LayerId, usize>,
    /// The groups of the models that are drawn as such.
    groups: HashMap<ModelId, usize>,
    /// How many calls of each layer a model has.
    calls: HashMap<(ModelId, LayerId), usize>,
    /// How many models call each layer.
    callers: HashMap<LayerId, usize>,
    /// The nodes with a call that has several outputs.
    several_outputs: HashSet<usize>,
}

impl Scene<'_> {
    fn add_model(&mut self, id: ModelId, nesting: &Nesting) {
        let graph = self.graph;
        let model = graph.model(id);
        for call in &model.calls {
            let calls = self.calls.entry((id, call.layer)).or_default();
            *calls += 1;
            if *calls == 1 {
                *self.callers.entry(call.layer).or_default() += 1;
            }
        }
        for layer in layers(model) {
            if self.at.contains_key(&layer) {
                continue;
            }
            let inner = inner_model(graph, layer);
            let inner = inner.filter(|inner| nesting.around.contains_key(inner));
            if let Some(group) = inner.and_then(|inner| self.groups.get(&inner)) {
                self.at.insert(layer, *group);
                continue;
            }
            let position = self.nodes.len();
            let home = match inner {
                Some(inner) => nesting.around.get(&inner).map(|(around, _)| around),
                None => nesting.homes.get(&layer),
            };
            let mut node = self.node(layer);
            node.group = home.and_then(|home| self.groups.get(home)).copied();
            if let Some(inner) = inner {
                node.kind = NodeKind::Group;
                node.weights = Vec::new();
                self.groups.insert(inner, position);
            }
            self.at.insert(layer, position);
            self.nodes.push(node);
        }
    }

    fn node(&self, id: LayerId) -> Node {
        let layer = self.graph.layer(id);
        let kind = match layer.kind {
            LayerKind::Input => NodeKind::Input,
            LayerKind::Operation(_) => NodeKind::Operation,
            LayerKind::Model(_) => NodeKind::Model,
            _ => NodeKind::Layer,
        };
        let mut refs = Vec::new();
        self.collect_weights(id, &mut HashSet::new(), &mut refs);
        let (mut params, mut trainable_params, mut could_train) = (0, 0, false);
        let mut weights = Vec::new();
        for weight_ref in refs {
            let of_layer = self.graph.layer(weight_ref.layer);
            let weight = &of_layer.weights[weight_ref.index];
            let trainable = self.trained.get(&weight_ref) == Some(&true);
            params += weight.tensor.len();
            trainable_params += if trainable { weight.tensor.len() } else { 0 };
            could_train |= weight.trainable;
            weights.push(NodeWeight {
                path: format!("{}/{}", of_layer.path, weight.name),
                shape: weight.tensor.shape().to_vec(),
                dtype: weight.tensor.dtype().to_string(),
                trainable,
            });
        }
        Node {
            name: layer.name.clone(),
            path: layer.path.clone(),
            class: class(self.graph, layer),
            kind,
            group: None,
            calls: Vec::new(),
            dtype: dtype(&layer.config),
            activation: activation(&layer.config),
            params,
            trainable_params,
            frozen: could_train && trainable_params == 0,
            outputs: Vec::new(),
            weights,
            config: match inner_model(self.graph, id) {
                Some(_) => Map::new(),
                None => layer.config.clone(),
            },
        }
    }

    /// The weights of a layer, of its parts, and of the layers of a model, each once.
    fn collect_weights(&self, id: LayerId, seen: &mut HashSet<LayerId>, refs: &mut Vec<WeightRef>) {
        if !seen.insert(id) {
            return;
        }
        let layer = self.graph.layer(id);
        let inside = match &layer.kind {
            LayerKind::Model(inner) => self.graph.model(*inner).layers.as_slice(),
            LayerKind::Wrapper(_, parts) => parts.as_slice(),
            _ => &[],
        };
        for inner in inside {
            self.collect_weights(*inner, seen, refs);
        }
        refs.extend((0..layer.weights.len()).map(|index| WeightRef { layer: id, index }));
    }

    fn add_signatures(&mut self, model: &Model) {
        let graph = self.graph;
        let shape = |tensor: &TensorId| model.tensors[tensor.0].spec.shape.clone();
        let mut add = |layer: LayerId, signature: Signature| {
            if let Some(position) = self.at.get(&layer) {
                if signature.outputs.len() > 1 {
                    self.several_outputs.insert(*position);
                }
                self.nodes[*position].calls.push(signature);
            }
        };
        for (layer, tensor) in model.input_layers.iter().zip(&model.inputs) {
            let outputs = vec![shape(tensor)];
            let inputs = Vec::new();
            add(*layer, Signature { inputs, outputs });
        }
        let mut calls: Vec<&Call> = model.calls.iter().collect();
        calls.sort_by_key(|call| call.node);
        for call in calls {
            let inputs = call.inputs.iter().map(shape).collect();
            let outputs = summary::outputs(graph, model, call);
            add(call.layer, Signature { inputs, outputs });
        }
    }

    fn add_edges(&self, id: ModelId, call: &Call, edges: &mut Vec<Edge>) {
        let named = call.named.iter().flat_map(|(name, tensors)| {
            let tensors = tensors.iter().flatten();
            tensors.map(move |tensor| (name.as_str(), *tensor))
        });
        let name_of: HashMap<TensorId, &str> = named.clone().map(|(name, t)| (t, name)).collect();
        let inputs = call.inputs.iter().enumerate().map(|(position, tensor)| {
            let name = name_of.get(tensor).copied().unwrap_or_default();
            (position, *tensor, name)
        });
        let taken: HashSet<&TensorId> = call.inputs.iter().collect();
        let others = named.filter(|(_, tensor)| !taken.contains(tensor));
        let others = others.map(|(name, tensor)| (0, tensor, name));
        let label = self.call_label(id, call.layer, call.node);
        for (position, tensor, name) in inputs.chain(others) {
            let (Some(to), Some((from, tail))) =
                (self.target(call.layer, position), self.source(id, tensor))
            else {
                continue;
            };
            let name = (!name.is_empty()).then(|| name.to_owned());
            let head: Vec<String> = label.iter().chain(&name).cloned().collect();
            edges.push(Edge {
                from,
                to,
                tail,
                head: head.join(" "),
                is_mask: name.is_some_and(|name| name == "mask" || name.ends_with("_mask")),
            });
        }
    }

    /// What tells a call of a layer from the others, if there are any: which one it is in its model, and
    /// in which model, if several call the layer.
    fn call_label(&self, id: ModelId, layer: LayerId, node: usize) -> Option<String> {
        let is_called = |count: Option<&usize>| count.is_some_and(|count| *count > 1);
        let by_models = is_called(self.callers.get(&layer));
        if by_models && id != self.graph.root {
            Some(format!("{}:{node}", self.graph.model(id).name))
        } else if by_models || is_called(self.calls.get(&(id, layer))) {
            Some(format!(":{node}"))
        } else {
            None
        }
    }

    /// The box that makes a tensor of a model, and which call and output of it.
    fn source(&self, mut model: ModelId, mut tensor: TensorId) -> Option<(usize, String)> {
        let mut tail = Vec::new();
        // Through groups to a box; there are not more of them than models.
        for _ in 0..=self.graph.models.len() {
            let made = &self.graph.model(model).tensors[tensor.0];
            let position = *self.at.get(&made.layer)?;
            let label = self.call_label(model, made.layer, made.node);
            if self.nodes[position].kind == NodeKind::Group {
                tail.extend(label);
                model = inner_model(self.graph, made.layer)?;
                tensor = *self.graph.model(model).outputs.get(made.index)?;
                continue;
            }
            if self.several_outputs.contains(&position) {
                let label = label.unwrap_or_else(|| format!(":{}", made.node));
                tail.push(format!("{label}:{}", made.index));
            } else {
                tail.extend(label);
            }
            return Some((position, tail.join("/")));
        }
        None
    }

    /// The box that takes an input of a layer: that of the input of a model drawn as a group.
    fn target(&self, layer: LayerId, input: usize) -> Option<usize> {
        let position = *self.at.get(&layer)?;
        if self.nodes[position].kind != NodeKind::Group {
            return Some(position);
        }
        let inner = self.graph.model(inner_model(self.graph, layer)?);
        self.at.get(inner.input_layers.get(input)?).copied()
    }

    fn mark_outputs(&mut self) {
        let root = self.graph.root();
        for (index, tensor) in root.outputs.iter().enumerate() {
            let Some((position, tail)) = self.source(self.graph.root, *tensor) else {
                continue;
            };
            let key = root.output_keys.get(index).cloned();
            let tail = Some(tail).filter(|tail| !tail.is_empty());
            let output: Vec<String> = key.into_iter().chain(tail).collect();
            self.nodes[position].outputs.push(output.join(" "));
        }
    }
}

/// The class of a layer with what is inside a wrapper, or with what an operation does.
fn class(graph: &Graph, layer: &Layer) -> String {
    match &layer.kind {
        LayerKind::Model(inner) => match graph.model(*inner).class {
            ModelClass::Functional => "Functional".to_owned(),
            ModelClass::Sequential => "Sequential".to_owned(),
        },
        LayerKind::Wrapper(_, parts) => {
            let mut inside: Vec<String> = Vec::new();
            for part in parts {
                let part = class(graph, graph.layer(*part));
                if !inside.contains(&part) {
                    inside.push(part);
                }
            }
            format!("{}({})", layer.class, inside.join(", "))
        }
        LayerKind::Operation(operation) => {
            let named = match operation.family {
                Family::Keras => layer.class.clone(),
                _ => format!("{}: {}", layer.class, operation.name),
            };
            let mut has_constant = false;
            let operands = operation.operands.iter().map(|operand| match operand {
                Operand::Tensor(_) => "·".to_owned(),
                Operand::Constant(constant) => {
                    has_constant = true;
                    let number = constant.single();
                    number.map_or_else(|| "[…]".to_owned(), |number| number.to_string())
                }
            });
            let operands: Vec<String> = operands.collect();
            if has_constant {
                format!("{named}({})", operands.join(", "))
            } else {
                named
            }
        }
        _ => layer.class.clone(),
    }
}

/// What a config says of its dtype: a name, or a policy.
fn dtype(config: &Map<String, Value>) -> Option<String> {
    let dtype = config.get("dtype")?;
    let name = dtype.as_str().or_else(|| dtype["config"]["name"].as_str());
    name.map(str::to_owned)
}

/// What a config says of its activation: a name, or an object of it.
fn activation(config: &Map<String, Value>) -> Option<String> {
    let activation = config.get("activation")?;
    let names = [activation, &activation["config"], &activation["class_name"]];
    let name = names.into_iter().find_map(Value::as_str)?;
    (name != "linear").then(|| name.to_owned())
}
