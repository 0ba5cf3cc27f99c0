//! Insert and replace.

use std::collections::BTreeMap;

use crate::graph::{Call, Graph, LayerId, LayerKind, ModelId, Tensor, TensorId};
use crate::problem::{Problem, ProblemKind, Report};
use crate::shape::Spec;

use super::builder::{NewLayer, add_layer, snake_case};
use super::inline::model_at;
use super::layer::Found;
use super::names::unique_name;
use super::place::{End, input_specs, layers};
use super::settle::{each_use, settle_fresh};
use super::training::settle_losses;

impl Graph {
    /// The model with a new layer behind the tensor `place`: everything that takes the tensor takes
    /// the new layer's output. In a nested model that happens in all of its calls.
    ///
    /// ```no_run
    /// use keras_ir::surgery::NewLayer;
    /// use serde_json::json;
    ///
    /// let graph = keras_ir::read("classifier.h5", keras_ir::ReadOptions::default())?;
    /// let dropout = NewLayer::new("Dropout", json!({"rate": 0.5}));
    /// let graph = graph.insert_after("flatten", &dropout, 0)?;
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// # Errors
    ///
    /// No such tensor; a layer that cannot take it; layers behind it that cannot take what the new
    /// one gives.
    pub fn insert_after(&self, place: &str, new: &NewLayer, seed: u64) -> Result<Self, Report> {
        let found = self.place(place).map_err(|problem| self.refuse(problem))?;
        let model = model_at(self, &found.calls).unwrap_or(self.root);
        let of_model = self.model(model);
        let tensor = match found.end {
            End::Input(position) => of_model.inputs.get(position),
            End::Output { call, index } => {
                of_model.calls.get(call).and_then(|c| c.outputs.get(index))
            }
        };
        let Some(tensor) = tensor.copied() else {
            let problem = Problem::new(ProblemKind::Place).key(place);
            let problem = problem.expected("a tensor that something looks at");
            return Err(self.refuse(problem.found(self.place_name(&found))));
        };
        let mut graph = self.clone();
        let layer = new_layer(&mut graph, model, new)?;
        let output = call_on(&mut graph, model, layer, 0, tensor)?;
        let of_model = &mut graph.models[model.0];
        let own = of_model.calls.pop();
        each_use(of_model, &mut |used| {
            if *used == tensor {
                *used = output;
            }
        });
        of_model.calls.extend(own);
        settle_losses(&mut graph, self);
        settle_fresh(graph, self, seed)
    }

    /// The model with a new layer in front of the layer at `path`, called as often.
    ///
    /// # Errors
    ///
    /// No such layer; a layer with several inputs ([`insert_after`](Self::insert_after) says which);
    /// shapes that do not fit.
    pub fn insert_before(&self, path: &str, new: &NewLayer, seed: u64) -> Result<Self, Report> {
        let Found { model, layer, .. } = self.own_layer(path)?;
        let mut graph = self.clone();
        let inserted = new_layer(&mut graph, model, new)?;
        let calls = self.model(model).calls.iter().enumerate();
        let calls = calls.filter(|(_, call)| call.layer == layer);
        for (node, (position, call)) in calls.enumerate() {
            let [input] = call.order.as_slice() else {
                let of_graph = self.layer(layer);
                let problem =
                    Problem::new(ProblemKind::Surgery).at(&of_graph.path, &of_graph.class);
                return Err(self.refuse(
                    problem
                        .expected("a layer with one input")
                        .found(format!("{} inputs", call.order.len()))
                        .help("insert behind one of the tensors that go in"),
                ));
            };
            let output = call_on(&mut graph, model, inserted, node, *input)?;
            let call = &mut graph.models[model.0].calls[position];
            call.inputs = vec![output];
            call.order = vec![output];
        }
        settle_fresh(graph, self, seed)
    }

    /// The model with a new layer in the place of the one at `path`: it is called with the same
    /// inputs, and has the same name unless it brings one. Its weights are fresh.
    ///
    /// ```no_run
    /// use keras_ir::surgery::NewLayer;
    /// use serde_json::json;
    ///
    /// let graph = keras_ir::read("classifier.h5", keras_ir::ReadOptions::default())?;
    /// let head = NewLayer::new("Dense", json!({"units": 3, "activation": "softmax"}));
    /// let graph = graph.replace("predictions", &head, 7)?;
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// # Errors
    ///
    /// No such layer; shapes that do not fit; arguments that only the old layer's class has; fewer
    /// outputs than are looked at.
    pub fn replace(&self, path: &str, new: &NewLayer, seed: u64) -> Result<Self, Report> {
        let Found { model, layer, .. } = self.own_layer(path)?;
        let old = self.layer(layer);
        let problem = || Problem::new(ProblemKind::Surgery).at(&old.path, &old.class);
        let mut graph = self.clone();
        let name = new.config["name"].as_str().unwrap_or(&old.name);
        if name != old.name {
            check_name(self, model, name)?;
        }
        let replacement = add_layer(&mut graph, new, name)?;
        let of_model = self.model(model);
        for call in &of_model.calls {
            if call.layer != layer {
                continue;
            }
            let has_arguments = !call.named.is_empty() || !call.literals.is_empty();
            if has_arguments && graph.layer(replacement).class != old.class {
                let names = call.named.iter().map(|(name, _)| name.as_str());
                let names: Vec<&str> = names
                    .chain(call.literals.iter().map(|(name, _)| name.as_str()))
                    .collect();
                return Err(self.refuse(
                    problem()
                        .expected(format!(
                            "a {} again: it is called with arguments",
                            old.class
                        ))
                        .found(format!("{} for {}", new.class, names.join(", "))),
                ));
            }
            let outputs = graph.outputs_of(replacement, &input_specs(of_model, call));
            let outputs = outputs.map_err(|problem| self.refuse(problem))?;
            if outputs.len() < call.outputs.len() {
                return Err(self.refuse(
                    problem()
                        .expected(format!("{} outputs", call.outputs.len()))
                        .found(format!("{} of {}", outputs.len(), new.class)),
                ));
            }
        }
        exchange(&mut graph, model, layer, replacement);
        graph.infer_all()?;
        settle_losses(&mut graph, self);
        settle_fresh(graph, self, seed)
    }

    /// The layer of a model, with calls, at `path`.
    fn own_layer(&self, path: &str) -> Result<Found, Report> {
        let found = self
            .find_layer(path)
            .map_err(|problem| self.refuse(problem))?;
        let layer = self.layer(found.layer);
        if found.is_part || matches!(layer.kind, LayerKind::Input) {
            let problem = Problem::new(ProblemKind::Surgery).at(&layer.path, &layer.class);
            let problem = problem.expected("a layer of a model, with an input");
            return Err(self.refuse(problem.found(&layer.class)));
        }
        Ok(found)
    }
}

/// Lets a model call `new` where it called `old`.
pub(super) fn exchange(graph: &mut Graph, model: ModelId, old: LayerId, new: LayerId) {
    let model = &mut graph.models[model.0];
    let calls = model.calls.iter_mut().map(|call| &mut call.layer);
    let tensors = model.tensors.iter_mut().map(|tensor| &mut tensor.layer);
    for layer in calls.chain(tensors).chain(&mut model.layers) {
        if *layer == old {
            *layer = new;
        }
    }
}

fn check_name(graph: &Graph, model: ModelId, name: &str) -> Result<(), Report> {
    if layers(graph.model(model)).any(|layer| graph.layer(layer).name == name) {
        let problem = Problem::new(ProblemKind::Surgery).key("name");
        let problem = problem.expected("a name that no other layer of the model has");
        return Err(graph.refuse(problem.found(name)));
    }
    Ok(())
}

/// A new layer for a model, by the name that it brings or that Keras gives.
fn new_layer(graph: &mut Graph, model: ModelId, new: &NewLayer) -> Result<LayerId, Report> {
    let name = match new.config["name"].as_str() {
        Some(name) => name.to_owned(),
        None => {
            let all: Vec<LayerId> = layers(graph.model(model)).collect();
            let is_taken = |name: &str| all.iter().any(|id| graph.layer(*id).name == name);
            unique_name(&snake_case(&new.class), is_taken)
        }
    };
    check_name(graph, model, &name)?;
    add_layer(graph, new, &name)
}

/// Calls a layer with one tensor, as the last call of a model; its first output.
fn call_on(
    graph: &mut Graph,
    model: ModelId,
    layer: LayerId,
    node: usize,
    input: TensorId,
) -> Result<TensorId, Report> {
    let spec = graph.model(model).tensors[input.0].spec.clone();
    let outputs = graph.outputs_of(layer, std::slice::from_ref(&spec));
    let outputs: Vec<Spec> = outputs.map_err(|problem| graph.refuse(problem))?;
    let of_model = &mut graph.models[model.0];
    let first = TensorId(of_model.tensors.len());
    let made = outputs.into_iter().take(1).map(|spec| Tensor {
        layer,
        node,
        index: 0,
        spec,
    });
    of_model.tensors.extend(made);
    of_model.calls.push(Call {
        layer,
        node,
        inputs: vec![input],
        named: Vec::new(),
        order: vec![input],
        literals: Vec::new(),
        outputs: vec![first],
    });
    Ok(first)
}

/// The calls of each layer, in all models.
pub(super) fn calls_of_layers(graph: &Graph) -> BTreeMap<LayerId, Vec<(ModelId, usize)>> {
    let mut calls: BTreeMap<LayerId, Vec<(ModelId, usize)>> = BTreeMap::new();
    for model in graph.callees_first() {
        for (position, call) in graph.model(model).calls.iter().enumerate() {
            for leaf in std::iter::once(call.layer).chain(graph.leaves(call.layer)) {
                let of_layer = calls.entry(leaf).or_default();
                if of_layer.last() != Some(&(model, position)) {
                    of_layer.push((model, position));
                }
            }
        }
    }
    calls
}
