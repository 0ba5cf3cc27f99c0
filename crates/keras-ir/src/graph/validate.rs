//! Whether a graph is one: what every reader of it relies on.

use std::collections::{HashMap, HashSet};

use super::{
    FirstInputs, Graph, LayerId, LayerKind, Model, ModelClass, ModelId, TensorId, keras_order,
};
use crate::problem::{Problem, ProblemKind, Report};
use crate::shape::Shape;
use crate::version::Generation;

impl Graph {
    /// Checks what everything that reads a graph relies on: each call after those that it needs,
    /// calls numbered from 0, layers in Keras's order and with names that differ, no model in
    /// itself, shapes as inference gives them, weights and optimizer slots that fit.
    ///
    /// # Errors
    ///
    /// Everything that is otherwise.
    pub fn validate(&self) -> Result<(), Report> {
        let mut problems = Vec::new();
        if self.root.0 >= self.models.len() {
            problems.push(wrong("root", "a model", "none"));
        } else {
            let mut before = HashSet::new();
            for id in self.callees_first() {
                self.validate_model(self.model(id), &before, &mut problems);
                before.insert(id);
            }
        }
        if problems.is_empty() {
            self.validate_shapes(&mut problems);
            self.validate_optimizer(&mut problems);
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Report {
            file: self.file.clone(),
            problems,
        })
    }

    /// Checks one model; the models `before` were checked.
    fn validate_model(
        &self,
        model: &Model,
        before: &HashSet<ModelId>,
        problems: &mut Vec<Problem>,
    ) {
        let name = &model.name;
        let mut refuse = |expected: &str, found: String| {
            problems.push(wrong(name, expected, &found));
        };
        let lists = model.layers.iter().chain(&model.input_layers);
        let called = model.calls.iter().map(|call| &call.layer);
        let made = model.tensors.iter().map(|tensor| &tensor.layer);
        let mut layers = lists.chain(called).chain(made);
        if let Some(LayerId(layer)) = layers.find(|layer| layer.0 >= self.layers.len()) {
            return refuse("layers of the graph", format!("layer {layer}"));
        }
        let count = model.tensors.len();
        let mut made: HashSet<TensorId> = model.inputs.iter().copied().collect();
        if model.inputs.len() != model.input_layers.len() {
            refuse(
                "an input layer for each input",
                format!("{} for {}", model.input_layers.len(), model.inputs.len()),
            );
        }
        let mut nodes: HashMap<LayerId, Vec<usize>> = HashMap::new();
        for call in &model.calls {
            let path = &self.layer(call.layer).path;
            let named = call.named.iter();
            let named = named.flat_map(|(_, tensors)| tensors.iter().flatten());
            let mut needs = call.inputs.iter().chain(named).chain(&call.order);
            if let Some(TensorId(tensor)) = needs.find(|tensor| !made.contains(tensor)) {
                refuse(
                    "calls after those that they need",
                    format!("{path}, which needs tensor {tensor} before it is made"),
                );
            }
            for (index, tensor) in call.outputs.iter().enumerate() {
                let is_its = model.tensors.get(tensor.0).is_some_and(|of_model| {
                    (of_model.layer, of_model.node, of_model.index)
                        == (call.layer, call.node, index)
                });
                if !is_its || !made.insert(*tensor) {
                    refuse(
                        "tensors that know their calls",
                        format!("output {index} of {path}"),
                    );
                }
            }
            nodes.entry(call.layer).or_default().push(call.node);
            if let LayerKind::Model(inner) = self.layer(call.layer).kind
                && !before.contains(&inner)
            {
                refuse("no model that is in itself", path.clone());
            }
        }
        if let Some(TensorId(tensor)) = model.outputs.iter().find(|t| !made.contains(t)) {
            refuse("outputs that a call makes", format!("tensor {tensor}"));
        }
        if made.len() != count {
            refuse(
                "tensors that calls or inputs make",
                format!("{count}, of which {}", made.len()),
            );
        }
        for (layer, mut nodes) in nodes {
            nodes.sort_unstable();
            if !nodes.iter().copied().eq(0..nodes.len()) {
                refuse(
                    "calls numbered from 0",
                    format!("{}: {nodes:?}", self.layer(layer).path),
                );
            }
        }
        let mut names = HashSet::new();
        for layer in &model.layers {
            if !names.insert(&self.layer(*layer).name) {
                refuse("names that differ", self.layer(*layer).name.clone());
            }
        }
        // Some models of Keras 1 have the order of their config.
        if problems.is_empty()
            && self.generation != Generation::Keras1
            && model.class == ModelClass::Functional
            && model.layers != keras_order(model)
        {
            problems.push(wrong(name, "layers in Keras's order", "another order"));
        }
    }

    fn validate_shapes(&self, problems: &mut Vec<Problem>) {
        let mut inferred = self.clone();
        let mut callers_first = self.callees_first();
        callers_first.reverse();
        let first_inputs = inferred.infer(&callers_first, problems);
        for id in callers_first {
            let (model, inferred) = (self.model(id), inferred.model(id));
            let tensors = model.tensors.iter().zip(&inferred.tensors);
            for (tensor, inferred) in tensors {
                if tensor.spec != inferred.spec {
                    problems.push(wrong(
                        &self.layer(tensor.layer).path,
                        &format!("{:?}, as inference says", inferred.spec),
                        &format!("{:?}", tensor.spec),
                    ));
                }
            }
        }
        problems.extend(misshapen(self, &first_inputs));
    }

    fn validate_optimizer(&self, problems: &mut Vec<Problem>) {
        let Ok(Some(optimizer)) = &self.optimizer else {
            return;
        };
        let trained: HashSet<_> = self.trainable_variables().into_iter().collect();
        for slot in &optimizer.slots {
            if !trained.contains(&slot.weight) {
                problems.push(wrong(
                    slot.name.as_str(),
                    "slots of weights that are trained",
                    &format!("one of {:?}", slot.weight),
                ));
                continue;
            }
            let layer = self.layer(slot.weight.layer);
            let weight = &layer.weights[slot.weight.index];
            let expected = slot.name.shape(weight.tensor.shape());
            if expected != slot.tensor.shape() {
                problems.push(wrong(
                    &layer.path,
                    &format!("a slot of shape {expected:?}"),
                    &format!("{:?}", slot.tensor.shape()),
                ));
            }
        }
    }
}

fn wrong(key: &str, expected: &str, found: &str) -> Problem {
    Problem::new(ProblemKind::BrokenConnection)
        .key(key)
        .expected(expected)
        .found(found)
}

/// Weights that are not what their layers have for the inputs of their first calls.
pub(crate) fn misshapen(graph: &Graph, first_inputs: &FirstInputs) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, layer) in graph.layers.iter().enumerate() {
        let (LayerKind::Layer(kind), Some(inputs)) =
            (&layer.kind, first_inputs.get(&LayerId(index)))
        else {
            continue;
        };
        let expected = kind.layer().weights(inputs).unwrap_or_default();
        for weight in &layer.weights {
            let found = Shape(weight.tensor.shape().iter().copied().map(Some).collect());
            let mut of_name = expected.iter().filter(|spec| spec.name == weight.name);
            if let Some(spec) = of_name.next() {
                let expected = Shape(spec.shape.clone());
                if !expected.accepts(&found) {
                    problems.push(
                        Problem::new(ProblemKind::WeightShape)
                            .at(&layer.path, &layer.class)
                            .key(weight.name)
                            .expected(format!("inputs that fit a weight of shape {found}"))
                            .found(format!("inputs that need a weight of shape {expected}")),
                    );
                }
            }
        }
        if layer.weights.len() < expected.len() {
            problems.push(
                Problem::new(ProblemKind::MissingWeight)
                    .at(&layer.path, &layer.class)
                    .expected(format!("{} weights", expected.len()))
                    .found(layer.weights.len().to_string()),
            );
        }
    }
    problems
}
