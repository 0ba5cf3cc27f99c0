//! Calls of nested models resolved into the calls inside of them.

use std::collections::{BTreeSet, HashMap};

use crate::graph::{Call, Graph, LayerKind, Model, ModelId, Tensor, TensorId};
use crate::problem::{Problem, ProblemKind};

use super::settle::renumber;

/// A graph in whose outermost model some calls of nested models are resolved.
pub(super) struct Inlined {
    /// The graph. Its layers are the same; a layer may stand in more models than before.
    pub graph: Graph,
    /// The tensors of the outermost model by where they came from: the calls that led there, and
    /// the tensor of the innermost model.
    pub tensors: HashMap<(Vec<usize>, TensorId), TensorId>,
}

/// Resolves the calls of nested models at `paths`, each a way from the outermost model through
/// positions in [`Model::calls`]; the beginnings of each are resolved too.
pub(super) fn inline(graph: &Graph, paths: &BTreeSet<Vec<usize>>) -> Result<Inlined, Problem> {
    let root = graph.root();
    let mut inliner = Inliner {
        graph,
        paths,
        model: Model {
            calls: Vec::new(),
            tensors: Vec::new(),
            ..root.clone()
        },
        nodes: Vec::new(),
        found: HashMap::new(),
    };
    let inputs: Vec<TensorId> = root.inputs.iter().map(|t| inliner.copy(root, *t)).collect();
    let outputs = inliner.calls(graph.root, &mut Vec::new(), &inputs)?;
    let Inliner {
        mut model,
        nodes,
        found: tensors,
        ..
    } = inliner;
    model.inputs = inputs;
    model.outputs = outputs;
    renumber(&mut model, &nodes);
    let mut graph = graph.clone();
    graph.models[graph.root.0] = model;
    Ok(Inlined { graph, tensors })
}

struct Inliner<'a> {
    graph: &'a Graph,
    paths: &'a BTreeSet<Vec<usize>>,
    /// The outermost model, as it becomes.
    model: Model,
    /// For each of its calls the nodes on the way to it, its own last.
    nodes: Vec<Vec<usize>>,
    found: HashMap<(Vec<usize>, TensorId), TensorId>,
}

impl Inliner<'_> {
    fn copy(&mut self, from: &Model, tensor: TensorId) -> TensorId {
        self.model.tensors.push(from.tensors[tensor.0].clone());
        TensorId(self.model.tensors.len() - 1)
    }

    /// Takes over the calls of a model with these inputs; its outputs.
    fn calls(
        &mut self,
        id: ModelId,
        path: &mut Vec<usize>,
        inputs: &[TensorId],
    ) -> Result<Vec<TensorId>, Problem> {
        let graph = self.graph;
        let model = graph.model(id);
        let mut bound: HashMap<TensorId, TensorId> = HashMap::new();
        bound.extend(model.inputs.iter().copied().zip(inputs.iter().copied()));
        for (position, call) in model.calls.iter().enumerate() {
            let inside = |tensors: &[TensorId]| all(&bound, tensors);
            path.push(position);
            let outputs = match graph.layer(call.layer).kind {
                LayerKind::Model(inner) if self.paths.contains(path) => {
                    let inputs = inside(&call.inputs)?;
                    self.check_kinds(inner, call, &inputs)?;
                    self.calls(inner, path, &inputs)?
                }
                _ => {
                    let named = call.named.iter().map(|(name, tensors)| {
                        let tensors = tensors.iter();
                        let tensors = tensors.map(|t| t.map(|t| one(&bound, t)).transpose());
                        Ok((name.clone(), tensors.collect::<Result<_, Problem>>()?))
                    });
                    let call = Call {
                        inputs: inside(&call.inputs)?,
                        named: named.collect::<Result<_, Problem>>()?,
                        order: inside(&call.order)?,
                        outputs: call.outputs.iter().map(|t| self.copy(model, *t)).collect(),
                        ..call.clone()
                    };
                    let outputs = call.outputs.clone();
                    let mut nodes = self.nodes_on(&path[..path.len() - 1]);
                    nodes.push(call.node);
                    self.nodes.push(nodes);
                    self.model.calls.push(call);
                    outputs
                }
            };
            path.pop();
            bound.extend(call.outputs.iter().copied().zip(outputs));
        }
        let outputs = all(&bound, &model.outputs)?;
        let here = bound
            .into_iter()
            .map(|(old, new)| ((path.clone(), old), new));
        self.found.extend(here);
        Ok(outputs)
    }

    /// The nodes of the calls of nested models on the way.
    fn nodes_on(&self, path: &[usize]) -> Vec<usize> {
        let mut model = self.graph.root();
        let mut nodes = Vec::with_capacity(path.len() + 1);
        for position in path {
            let call = &model.calls[*position];
            nodes.push(call.node);
            if let LayerKind::Model(inner) = self.graph.layer(call.layer).kind {
                model = self.graph.model(inner);
            }
        }
        nodes
    }

    /// A model casts what comes in to the kind that it declares, which a resolved call does not.
    fn check_kinds(&self, inner: ModelId, call: &Call, inputs: &[TensorId]) -> Result<(), Problem> {
        let inner = self.graph.model(inner);
        for (declared, given) in inner.inputs.iter().zip(inputs) {
            let declared = inner.tensors[declared.0].spec.kind;
            let given = self.model.tensors[given.0].spec.kind;
            if !inner.deferred && declared != given {
                let layer = self.graph.layer(call.layer);
                return Err(Problem::new(ProblemKind::Surgery)
                    .at(&layer.path, &layer.class)
                    .expected(format!(
                        "an input of kind {declared}, as the model declares"
                    ))
                    .found(format!("{given}, which the model casts"))
                    .help("places inside of a model that casts its input cannot be reached"));
            }
        }
        Ok(())
    }
}

fn one(bound: &HashMap<TensorId, TensorId>, tensor: TensorId) -> Result<TensorId, Problem> {
    bound.get(&tensor).copied().ok_or_else(|| {
        Problem::new(ProblemKind::BrokenConnection)
            .expected("calls after those that they need")
            .found("a call before one that it needs")
    })
}

fn all(
    bound: &HashMap<TensorId, TensorId>,
    tensors: &[TensorId],
) -> Result<Vec<TensorId>, Problem> {
    tensors.iter().map(|tensor| one(bound, *tensor)).collect()
}

/// The model that a chain of calls of nested models leads to.
pub(super) fn model_at(graph: &Graph, path: &[usize]) -> Option<ModelId> {
    path.iter().try_fold(graph.root, |model, position| {
        let call = graph.model(model).calls.get(*position)?;
        match graph.layer(call.layer).kind {
            LayerKind::Model(inner) => Some(inner),
            _ => None,
        }
    })
}

/// Makes room for outputs of a call that nothing has looked at so far.
pub(super) fn add_outputs(graph: &mut Graph, model: ModelId, call: usize, count: usize) {
    let model = &mut graph.models[model.0];
    let Some(of_call) = model.calls.get_mut(call) else {
        return;
    };
    while of_call.outputs.len() < count {
        let Some(first) = of_call.outputs.first() else {
            return;
        };
        let tensor = Tensor {
            index: of_call.outputs.len(),
            ..model.tensors[first.0].clone()
        };
        of_call.outputs.push(TensorId(model.tensors.len()));
        model.tensors.push(tensor);
    }
}
