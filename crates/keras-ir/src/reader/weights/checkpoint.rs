//! Weights of a SavedModel or a checkpoint alone: variables of objects.
//!
//! Objects are found by attributes, as Python finds them: the layers of a model are `layer-0`,
//! `layer-1`, … in Keras's order, a weight is what its layer has under its name. A layer that
//! several models have is one object. Keys of tensors are never built: TensorFlow names them by
//! whatever path it met first.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::container::{Checkpoint, StoredTensor};
use crate::graph::{FirstInputs, Graph, LayerId, LayerKind, ModelClass, ModelId};
use crate::layer::WeightSpec;
use crate::problem::{Problem, ProblemKind};

use super::{Target, is_known, put, specs, unreadable};

/// A checkpoint, and what Keras calls its objects.
#[derive(Debug)]
pub(in crate::reader) struct SavedObjects {
    pub checkpoint: Checkpoint,
    /// The object of the model.
    pub model: usize,
    /// The names of layers, by object, as far as they are known.
    pub names: HashMap<usize, String>,
}

/// Fills in the weights of all layers.
pub(in crate::reader) fn read_objects(
    graph: &mut Graph,
    saved: &SavedObjects,
    first_inputs: &FirstInputs,
    problems: &mut Vec<Problem>,
) {
    let is_complete = problems.is_empty();
    let mut walk = Walk {
        graph,
        saved,
        places: Vec::new(),
    };
    walk.model(graph.root, Some(saved.model));
    let mut used = HashSet::new();
    for (id, node) in walk.places {
        let LayerKind::Layer(kind) = &graph.layer(id).kind else {
            continue;
        };
        let specs = specs(kind, id, first_inputs);
        if specs.is_empty() || !is_known(graph, id, first_inputs) {
            continue;
        }
        let variables = match node {
            Some(node) => saved.variables(node, &specs),
            None => vec![None; specs.len()],
        };
        for (spec, variable) in specs.into_iter().zip(variables) {
            let tensor = variable.map(|node| (node, saved.tensor(node)));
            match tensor {
                Some((node, Ok(tensor))) => {
                    used.insert(node);
                    put(graph, &Target { layer: id, spec }, tensor, problems);
                }
                Some((_, Err(problem))) => problems.push(at(graph, id, problem)),
                None => {
                    let found = match node {
                        Some(_) => "the layer's object has no such variable",
                        None => "no object of this layer",
                    };
                    let problem = Problem::new(ProblemKind::MissingWeight)
                        .key(spec.name)
                        .expected("a variable of the checkpoint")
                        .found(found);
                    problems.push(at(graph, id, problem));
                }
            }
        }
    }
    if is_complete {
        left_over(saved, &used, problems);
    }
}

fn at(graph: &Graph, id: LayerId, problem: Problem) -> Problem {
    let layer = graph.layer(id);
    problem.at(&layer.path, &layer.class)
}

/// A walk over the layers and their objects.
struct Walk<'a> {
    graph: &'a Graph,
    saved: &'a SavedObjects,
    /// The layers that may have weights, with their objects.
    places: Vec<(LayerId, Option<usize>)>,
}

impl Walk<'_> {
    fn model(&mut self, id: ModelId, node: Option<usize>) {
        let model = self.graph.model(id);
        let objects = self.saved.checkpoint.objects();
        let has = |node, position| objects.child(node, &format!("layer-{position}")).is_some();
        // TensorFlow 2.0 and 2.1 list the input layer of a Sequential before its layers.
        let is_longer = node.is_some_and(|node| has(node, model.layers.len()));
        let first = usize::from(model.class == ModelClass::Sequential && is_longer);
        for (position, layer) in model.layers.iter().enumerate() {
            let name = self.graph.own_name(*layer);
            let object = node.and_then(|node| self.saved.layer(node, first + position, name));
            self.layer(*layer, object);
        }
    }

    fn layer(&mut self, id: LayerId, node: Option<usize>) {
        match &self.graph.layer(id).kind {
            LayerKind::Input | LayerKind::Operation(_) | LayerKind::Unknown => {}
            LayerKind::Model(inner) => self.model(*inner, node),
            LayerKind::Wrapper(wrapper, parts) => {
                let paths = attribute_paths(&wrapper.wrapper().part_paths());
                for (part, path) in parts.iter().zip(paths) {
                    let mut steps = path.iter();
                    let object = steps.try_fold(node, |node, step| {
                        let child = self.saved.attribute(node?, step)?;
                        Some(Some(child))
                    });
                    self.layer(*part, object.flatten());
                }
            }
            LayerKind::Layer(_) => self.places.push((id, node)),
        }
    }
}

/// The paths of parts by attributes: Keras 3 names the members of the list `cells` after their
/// classes, tf.keras numbers them.
fn attribute_paths(paths: &[String]) -> Vec<Vec<String>> {
    let mut members: HashMap<String, Vec<&str>> = HashMap::new();
    let paths = paths.iter().map(|path| {
        let mut inside = String::new();
        let mut steps = Vec::new();
        for step in path.split('/') {
            if inside.ends_with("/cells/") {
                let list = members.entry(inside.clone()).or_default();
                if list.last() != Some(&step) {
                    list.push(step);
                }
                steps.push((list.len() - 1).to_string());
            } else {
                steps.push(step.to_owned());
            }
            inside += step;
            inside += "/";
        }
        steps
    });
    paths.collect()
}

impl SavedObjects {
    pub(in crate::reader) fn new(checkpoint: Checkpoint, names: HashMap<usize, String>) -> Self {
        // It is the outermost, or what `tf.train.Checkpoint(model=…)` calls so.
        let objects = checkpoint.objects();
        let inside = objects.child(0, "model");
        let inside = inside.filter(|_| objects.child(0, "layer-0").is_none());
        let model = inside.unwrap_or_default();
        Self {
            checkpoint,
            model,
            names,
        }
    }

    /// The layer of the model `model` that stands at `position`, and should be called `name`.
    fn layer(&self, model: usize, position: usize, name: &str) -> Option<usize> {
        let objects = self.checkpoint.objects();
        let is_called = |node: &usize| self.names.get(node).is_none_or(|known| known == name);
        let layer = objects.child(model, &format!("layer-{position}"));
        layer.filter(is_called).or_else(|| {
            // Another order than ours: the name tells.
            let children = objects.get(model)?.children.iter();
            let mut layers = children.filter(|(child, _)| child.starts_with("layer-"));
            let layer = layers.find(|(_, node)| self.names.get(node).is_some_and(|n| n == name));
            layer.map(|(_, node)| *node)
        })
    }

    /// What an object has under `name`, which may be private (`_query_dense`).
    fn attribute(&self, node: usize, name: &str) -> Option<usize> {
        let objects = self.checkpoint.objects();
        let child = objects.child(node, name);
        child.or_else(|| objects.child(node, &format!("_{name}")))
    }

    /// The variables of the layer `node`, in the order of `specs`.
    fn variables(&self, node: usize, specs: &[WeightSpec]) -> Vec<Option<usize>> {
        let by_name = specs.iter().map(|spec| {
            let part = match spec.part {
                "" => None,
                part => self.attribute(node, part),
            };
            // `query/kernel` is the `kernel` of the part.
            let own_name = spec.name.rsplit('/').next().unwrap_or(spec.name);
            let of_part = part.and_then(|part| self.attribute(part, own_name));
            // The cell of an `RNN` is the object itself, and cuDNN layers have none.
            of_part.or_else(|| self.attribute(node, spec.name))
        });
        let by_name: Vec<_> = by_name.collect();
        if !by_name.contains(&None) {
            return by_name;
        }
        // `layer.weights`: those that are trained, then the others.
        let objects = self.checkpoint.objects();
        let list = objects.child(node, "variables");
        let list = list.map(|list| objects.members(list)).unwrap_or_default();
        if list.len() != specs.len() {
            return by_name;
        }
        let mut order: Vec<usize> = (0..specs.len()).collect();
        order.sort_by_key(|index| !specs[*index].trainable);
        let mut by_order = vec![None; specs.len()];
        for (index, node) in order.into_iter().zip(list) {
            by_order[index] = Some(node);
        }
        by_order
    }

    /// The value of the variable `node`.
    pub(in crate::reader) fn tensor(&self, node: usize) -> Result<StoredTensor, Problem> {
        let variable = self.checkpoint.objects().variable(node);
        let variable = variable.ok_or_else(|| {
            Problem::new(ProblemKind::MissingWeight)
                .key(format!("object {node} of {}", self.checkpoint.name()))
                .expected("a variable with a value")
                .found("an object without one")
        })?;
        let tensor = self.checkpoint.tensor(&variable.key);
        tensor.map_err(|error| unreadable(&error).key(&variable.key))
    }

    /// All variables of the model's layers.
    pub(super) fn all_variables(&self) -> BTreeSet<usize> {
        let objects = self.checkpoint.objects();
        if let Some(list) = objects.child(self.model, "variables") {
            return objects.members(list).into_iter().collect();
        }
        // A model saved without traces lists none: they are what its layers have.
        let mut found = BTreeSet::new();
        let mut seen = HashSet::from([self.model]);
        let mut open = vec![self.model];
        while let Some(node) = open.pop() {
            if objects.variable(node).is_some() {
                found.insert(node);
            }
            let children = objects.get(node).into_iter().flat_map(|o| &o.children);
            let children = children.filter(|(name, _)| !NO_WEIGHTS.contains(&name.as_str()));
            open.extend(
                children
                    .map(|(_, node)| *node)
                    .filter(|node| seen.insert(*node)),
            );
        }
        found
    }
}

/// What objects have beside weights and layers: state of training and of random numbers.
const NO_WEIGHTS: &[&str] = &[
    "optimizer",
    "keras_api",
    "signatures",
    "metrics",
    "_metrics",
    "_random_generator",
    "states",
];

/// Reports the variables of layers that belong to no weight.
fn left_over(saved: &SavedObjects, used: &HashSet<usize>, problems: &mut Vec<Problem>) {
    let objects = saved.checkpoint.objects();
    for node in saved.all_variables() {
        if used.contains(&node) {
            continue;
        }
        let variable = objects.variable(node);
        let problem = Problem::new(ProblemKind::LeftOverWeight)
            .key(variable.map_or("", |variable| &variable.key))
            .expected("weights of layers that are in the config");
        problems.push(match saved.tensor(node) {
            Ok(tensor) => problem.found(format!("a weight of shape {:?}", tensor.shape())),
            Err(_) => problem.found("a weight that none of them has"),
        });
    }
}
