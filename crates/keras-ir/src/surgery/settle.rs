//! What every change of a graph ends with: only what is needed stays, in Keras's order, with shapes,
//! paths and the optimizer's state of what is kept.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::graph::{
    Call, FirstInputs, Graph, LayerId, LayerKind, Model, ModelClass, ModelId, Tensor, TensorId,
    keras_order, misshapen,
};
use crate::problem::{Problem, ProblemKind, Report};

use super::initializer::initialize;
use super::place::layers;
use super::training::settle_optimizer;

impl Graph {
    /// One problem as the report of this graph's file.
    pub(super) fn refuse(&self, problem: Problem) -> Report {
        problem.in_file(&self.file)
    }

    /// Infers all shapes anew.
    pub(crate) fn infer_all(&mut self) -> Result<FirstInputs, Report> {
        let mut callers_first = self.callees_first();
        callers_first.reverse();
        let mut problems = Vec::new();
        let first_inputs = self.infer(&callers_first, &mut problems);
        self.report(problems)?;
        Ok(first_inputs)
    }

    fn report(&self, problems: Vec<Problem>) -> Result<(), Report> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Report {
                file: self.file.clone(),
                problems,
            })
        }
    }
}

/// Makes a valid graph of one whose calls were changed: `before` is what it was.
pub(super) fn settle(graph: Graph, before: &Graph) -> Result<Graph, Report> {
    finish(graph, before, None)
}

/// [`settle`], with fresh weights of this seed for layers that have none.
pub(super) fn settle_fresh(graph: Graph, before: &Graph, seed: u64) -> Result<Graph, Report> {
    finish(graph, before, Some(seed))
}

fn finish(mut graph: Graph, before: &Graph, seed: Option<u64>) -> Result<Graph, Report> {
    for id in graph.callees_first() {
        let model = &mut graph.models[id.0];
        if let Err(problem) = tidy(model) {
            return Err(graph.refuse(problem));
        }
    }
    let mut graph = compact(graph);
    name_paths(&mut graph);
    let first_inputs = graph.infer_all()?;
    if let Some(seed) = seed {
        let made = initialize(&mut graph, &first_inputs, seed);
        made.or_else(|problems| graph.report(problems))?;
    }
    graph.report(misshapen(&graph, &first_inputs))?;
    settle_notes(&mut graph, before);
    settle_optimizer(&mut graph)?;
    Ok(graph)
}

/// Keeps of a model the calls that its outputs need, each after those that it needs.
fn tidy(model: &mut Model) -> Result<(), Problem> {
    let order = needed(model, &model.outputs)?;
    let mut calls: Vec<Option<Call>> = model.calls.drain(..).map(Some).collect();
    let kept = order.iter().filter_map(|position| calls[*position].take());
    model.calls = kept.collect();

    let mut tensors: Vec<Tensor> = Vec::new();
    let mut moved: HashMap<TensorId, TensorId> = HashMap::new();
    let made = model.calls.iter().flat_map(|call| &call.outputs);
    for tensor in model.inputs.iter().chain(made) {
        moved.entry(*tensor).or_insert_with(|| {
            tensors.push(model.tensors[tensor.0].clone());
            TensorId(tensors.len() - 1)
        });
    }
    model.tensors = tensors;
    let mut disconnected = false;
    let mut move_to = |tensor: &mut TensorId| match moved.get(tensor) {
        Some(new) => *tensor = *new,
        None => disconnected = true,
    };
    each_tensor(model, &mut move_to);
    if disconnected {
        return Err(Problem::new(ProblemKind::BrokenConnection)
            .key(&model.name)
            .expected("tensors that inputs or calls make")
            .found("one that nothing makes"));
    }
    let nodes: Vec<Vec<usize>> = model.calls.iter().map(|call| vec![call.node]).collect();
    renumber(model, &nodes);
    model.layers = match model.class {
        // A chain; its input is hidden.
        ModelClass::Sequential => model.calls.iter().map(|call| call.layer).collect(),
        ModelClass::Functional => keras_order(model),
    };
    Ok(())
}

/// Every use of a tensor in a model.
pub(super) fn each_tensor(model: &mut Model, change: &mut dyn FnMut(&mut TensorId)) {
    for call in &mut model.calls {
        let named = call.named.iter_mut();
        let named = named.flat_map(|(_, tensors)| tensors.iter_mut().flatten());
        let inputs = call.inputs.iter_mut().chain(&mut call.order);
        inputs
            .chain(named)
            .chain(&mut call.outputs)
            .for_each(&mut *change);
    }
    let ends = model.inputs.iter_mut().chain(&mut model.outputs);
    ends.for_each(change);
}

/// Every use of a tensor as an input of a call or an output of a model.
pub(super) fn each_use(model: &mut Model, change: &mut dyn FnMut(&mut TensorId)) {
    for call in &mut model.calls {
        let named = call.named.iter_mut();
        let named = named.flat_map(|(_, tensors)| tensors.iter_mut().flatten());
        let inputs = call.inputs.iter_mut().chain(&mut call.order);
        inputs.chain(named).for_each(&mut *change);
    }
    model.outputs.iter_mut().for_each(change);
}

/// The positions of the calls that make each tensor.
pub(super) fn makers(model: &Model) -> HashMap<TensorId, usize> {
    let calls = model.calls.iter().enumerate();
    let made = calls.flat_map(|(position, call)| call.outputs.iter().map(move |t| (*t, position)));
    made.collect()
}

/// Everything that a call needs.
pub(super) fn needs(call: &Call) -> impl Iterator<Item = TensorId> + '_ {
    let named = call.named.iter();
    let named = named.flat_map(|(_, tensors)| tensors.iter().flatten());
    call.inputs.iter().chain(named).chain(&call.order).copied()
}

/// The positions of the calls that `outputs` need, in an order in which they can run: that in
/// which they stand, as far as it is one.
pub(super) fn needed(model: &Model, outputs: &[TensorId]) -> Result<Vec<usize>, Problem> {
    let makers = makers(model);
    let mut is_needed = vec![false; model.calls.len()];
    let mut open: Vec<usize> = outputs
        .iter()
        .filter_map(|t| makers.get(t).copied())
        .collect();
    while let Some(position) = open.pop() {
        if !std::mem::replace(&mut is_needed[position], true) {
            let needs = needs(&model.calls[position]);
            open.extend(needs.filter_map(|tensor| makers.get(&tensor).copied()));
        }
    }
    // How many of the calls that each one needs have not run.
    let mut waits: Vec<usize> = vec![0; model.calls.len()];
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); model.calls.len()];
    for (position, call) in model.calls.iter().enumerate() {
        let makers: BTreeSet<usize> = needs(call)
            .filter_map(|t| makers.get(&t).copied())
            .collect();
        if is_needed[position] {
            waits[position] = makers.len();
            for maker in makers {
                users[maker].push(position);
            }
        }
    }
    let all = 0..model.calls.len();
    let mut ready: BTreeSet<usize> = all
        .clone()
        .filter(|position| is_needed[*position] && waits[*position] == 0)
        .collect();
    let mut order = Vec::new();
    while let Some(position) = ready.pop_first() {
        order.push(position);
        for user in &users[position] {
            waits[*user] -= 1;
            if waits[*user] == 0 {
                ready.insert(*user);
            }
        }
    }
    if order.len() < all.filter(|position| is_needed[*position]).count() {
        return Err(Problem::new(ProblemKind::BrokenConnection)
            .key(&model.name)
            .expected("calls that can run one after the other")
            .found("calls that need each other"));
    }
    Ok(order)
}

/// Numbers the calls of each layer from 0: in the order of `nodes`, one entry per call.
pub(super) fn renumber(model: &mut Model, nodes: &[Vec<usize>]) {
    let mut calls: BTreeMap<LayerId, Vec<usize>> = BTreeMap::new();
    for (position, call) in model.calls.iter().enumerate() {
        calls.entry(call.layer).or_default().push(position);
    }
    for mut of_layer in calls.into_values() {
        of_layer.sort_by_key(|position| nodes.get(*position));
        for (node, position) in of_layer.into_iter().enumerate() {
            let call = &mut model.calls[position];
            call.node = node;
            for tensor in &call.outputs {
                model.tensors[tensor.0].node = node;
                model.tensors[tensor.0].layer = call.layer;
            }
        }
    }
}

/// Leaves out the models and layers that nothing uses.
fn compact(graph: Graph) -> Graph {
    let models = graph.callees_first();
    let mut used: BTreeSet<LayerId> = BTreeSet::new();
    fn add(graph: &Graph, id: LayerId, used: &mut BTreeSet<LayerId>) {
        if used.insert(id)
            && let LayerKind::Wrapper(_, parts) = &graph.layer(id).kind
        {
            parts.iter().for_each(|part| add(graph, *part, used));
        }
    }
    for id in &models {
        layers(graph.model(*id)).for_each(|layer| add(&graph, layer, &mut used));
    }
    let of_layers: HashMap<LayerId, LayerId> =
        used.iter().copied().zip((0..).map(LayerId)).collect();
    let of_models: HashMap<ModelId, ModelId> =
        models.iter().copied().zip((0..).map(ModelId)).collect();
    let layer = |id: &mut LayerId| {
        if let Some(new) = of_layers.get(id) {
            *id = *new;
        }
    };
    let mut kept = Graph {
        models: models.iter().map(|id| graph.model(*id).clone()).collect(),
        layers: used.iter().map(|id| graph.layer(*id).clone()).collect(),
        root: of_models[&graph.root],
        ..graph
    };
    for model in &mut kept.models {
        let calls = model.calls.iter_mut().map(|call| &mut call.layer);
        let tensors = model.tensors.iter_mut().map(|tensor| &mut tensor.layer);
        let lists = model.layers.iter_mut().chain(&mut model.input_layers);
        calls.chain(tensors).chain(lists).for_each(layer);
    }
    for of_layer in &mut kept.layers {
        match &mut of_layer.kind {
            LayerKind::Model(inner) => {
                if let Some(new) = of_models.get(inner) {
                    *inner = *new;
                }
            }
            LayerKind::Wrapper(_, parts) => parts.iter_mut().for_each(layer),
            _ => {}
        }
    }
    if let Ok(Some(optimizer)) = &mut kept.optimizer {
        optimizer
            .slots
            .retain(|slot| used.contains(&slot.weight.layer));
        let slots = optimizer.slots.iter_mut();
        slots.for_each(|slot| layer(&mut slot.weight.layer));
    }
    kept
}

/// Names every layer by the first way that leads to it: a model's own layers before those inside
/// of them.
fn name_paths(graph: &mut Graph) {
    let mut names = Paths {
        graph,
        paths: HashMap::new(),
        models: HashSet::new(),
    };
    names.of_model(graph.root, "");
    for (id, path) in names.paths {
        graph.layers[id.0].path = path;
    }
}

struct Paths<'a> {
    graph: &'a Graph,
    paths: HashMap<LayerId, String>,
    models: HashSet<ModelId>,
}

impl Paths<'_> {
    fn of_model(&mut self, id: ModelId, prefix: &str) {
        if !self.models.insert(id) {
            return;
        }
        let graph = self.graph;
        for layer in layers(graph.model(id)) {
            let path = || format!("{prefix}{}", graph.layer(layer).name);
            self.paths.entry(layer).or_insert_with(path);
        }
        // Models before wrappers: a layer that is in both is the model's.
        let is_model = |layer: &LayerId| matches!(graph.layer(*layer).kind, LayerKind::Model(_));
        let (models, others): (Vec<LayerId>, Vec<LayerId>) =
            layers(graph.model(id)).partition(is_model);
        for layer in models.into_iter().chain(others) {
            self.inside(layer);
        }
    }

    fn inside(&mut self, id: LayerId) {
        let graph = self.graph;
        let prefix = format!("{}/", self.paths[&id]);
        match &graph.layer(id).kind {
            LayerKind::Model(inner) => self.of_model(*inner, &prefix),
            LayerKind::Wrapper(_, parts) => {
                for part in parts {
                    let path = || format!("{prefix}{}", graph.own_name(*part));
                    self.paths.entry(*part).or_insert_with(path);
                    self.inside(*part);
                }
            }
            _ => {}
        }
    }
}

/// Notes about layers that are gone go too; they begin with the layer's path and class.
fn settle_notes(graph: &mut Graph, before: &Graph) {
    let title = |path: &str, class: &str| format!("{path} ({class})");
    let of = |graph: &Graph| -> HashSet<String> {
        let layers = graph.layers.iter();
        layers
            .map(|layer| title(&layer.path, &layer.class))
            .collect()
    };
    let kept = of(graph);
    let gone: Vec<String> = of(before)
        .into_iter()
        .filter(|title| !kept.contains(title))
        .collect();
    let is_gone = |note: &String| gone.iter().any(|title| note.starts_with(title.as_str()));
    graph.notes.retain(|note| !is_gone(note));
}
