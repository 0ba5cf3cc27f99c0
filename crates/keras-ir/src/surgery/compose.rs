//! One model behind another.

use std::collections::{HashMap, HashSet};

use crate::graph::{Call, Graph, LayerId, LayerKind, ModelClass, ModelId, Tensor, TensorId};
use crate::optimizer::Optimizer;
use crate::problem::{Problem, ProblemKind, Report};

use super::mask::reunite;
use super::merge::take_in;
use super::names::{set_name, unique_name};
use super::place::layers;
use super::settle::settle;

impl Graph {
    /// This model with `tail` behind it: the outputs of this one are the inputs of `tail`, in their
    /// order. The halves of a model that was split compose to it: layers that both have, with the
    /// same weights, are one layer again.
    ///
    /// Losses, metrics and the optimizer's config are those of `tail`; the optimizer's state is that
    /// of both, if they are of the same training.
    ///
    /// ```no_run
    /// let graph = keras_ir::read("resnet50.h5", keras_ir::ReadOptions::default())?;
    /// let head = graph.extract(&["conv4_block1_add"])?;
    /// let tail = graph.split(&["conv4_block1_add"], &[] as &[&str])?;
    /// let whole = head.compose(&tail)?;
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Inputs that do not fit the outputs, models of two generations of Keras.
    pub fn compose(&self, tail: &Self) -> Result<Self, Report> {
        check_fit(self, tail).map_err(|problem| self.refuse(problem))?;
        let mut graph = self.clone();
        let taken = take_in(&mut graph, tail);
        let (first_layer, tail_root) = taken.map_err(|problem| self.refuse(problem))?;
        let same = same_layers(&graph, first_layer);
        unify(&mut graph, &same);
        graph.notes.dedup();

        let head_names: HashSet<LayerId> = layers(self.root()).collect();
        let (root, of_tail) = (graph.root, graph.model(tail_root).clone());
        let model = &mut graph.models[root.0];
        model.class = ModelClass::Functional;
        let mut moved: HashMap<TensorId, TensorId> = HashMap::new();
        moved.extend(of_tail.inputs.iter().copied().zip(model.outputs.clone()));
        let mut of_head: HashMap<LayerId, usize> = HashMap::new();
        for call in &model.calls {
            *of_head.entry(call.layer).or_default() += 1;
        }
        for call in &of_tail.calls {
            let node = call.node + of_head.get(&call.layer).copied().unwrap_or(0);
            for (index, tensor) in call.outputs.iter().enumerate() {
                model.tensors.push(Tensor {
                    layer: call.layer,
                    node,
                    index,
                    spec: of_tail.tensors[tensor.0].spec.clone(),
                });
                moved.insert(*tensor, TensorId(model.tensors.len() - 1));
            }
            let all = |tensors: &[TensorId]| tensors.iter().map(|t| moved[t]).collect::<Vec<_>>();
            let named = call.named.iter().map(|(name, tensors)| {
                let tensors = tensors.iter().map(|tensor| tensor.map(|t| moved[&t]));
                (name.clone(), tensors.collect())
            });
            model.calls.push(Call {
                layer: call.layer,
                node,
                inputs: all(&call.inputs),
                named: named.collect(),
                order: all(&call.order),
                literals: call.literals.clone(),
                outputs: all(&call.outputs),
            });
        }
        model.outputs = of_tail.outputs.iter().map(|tensor| moved[tensor]).collect();
        model.output_keys.clone_from(&of_tail.output_keys);
        let new: Vec<LayerId> = of_tail.calls.iter().map(|call| call.layer).collect();
        name_apart(&mut graph, &head_names, &new);
        graph.training_config.clone_from(&tail.training_config);
        join_optimizers(&mut graph, tail, first_layer, &same);
        reunite(&mut graph);
        settle(graph, self)
    }
}

fn check_fit(head: &Graph, tail: &Graph) -> Result<(), Problem> {
    let (of_head, of_tail) = (head.root(), tail.root());
    let specs = |graph: &Graph, tensors: &[TensorId]| -> Vec<String> {
        let model = graph.root();
        let specs = tensors.iter().map(|tensor| &model.tensors[tensor.0].spec);
        specs
            .map(|spec| format!("{} of {}", spec.kind, spec.shape))
            .collect()
    };
    let pairs = of_head.outputs.iter().zip(&of_tail.inputs);
    let fits = of_head.outputs.len() == of_tail.inputs.len()
        && pairs.into_iter().all(|(output, input)| {
            let (output, input) = (
                &of_head.tensors[output.0].spec,
                &of_tail.tensors[input.0].spec,
            );
            output.kind == input.kind && input.shape.accepts(&output.shape)
        });
    if fits {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::Shape)
        .at(&of_tail.name, "Functional")
        .key("inputs")
        .expected(specs(tail, &of_tail.inputs).join(", "))
        .found(specs(head, &of_head.outputs).join(", ")))
}

/// The layers from `first` on that are one with an earlier one.
fn same_layers(graph: &Graph, first: usize) -> HashMap<LayerId, LayerId> {
    let mut by_name: HashMap<(&str, &str), Vec<LayerId>> = HashMap::new();
    for id in (0..first).map(LayerId) {
        let key = (graph.own_name(id), graph.layer(id).class.as_str());
        by_name.entry(key).or_default().push(id);
    }
    let mut same = HashMap::new();
    for id in (first..graph.layers.len()).map(LayerId) {
        let key = (graph.own_name(id), graph.layer(id).class.as_str());
        let others = by_name.get(&key).map(Vec::as_slice).unwrap_or_default();
        if let Some(other) = others.iter().find(|other| is_same(graph, **other, id)) {
            same.insert(id, *other);
        }
    }
    same
}

/// Whether two layers are clones of one, with the same weights.
fn is_same(graph: &Graph, a: LayerId, b: LayerId) -> bool {
    let all_same = |a: &[LayerId], b: &[LayerId]| {
        let mut pairs = a.iter().zip(b);
        a.len() == b.len() && pairs.all(|(a, b)| is_same(graph, *a, *b))
    };
    let (of_a, of_b) = (graph.layer(a), graph.layer(b));
    let weights = of_a.weights.iter().zip(&of_b.weights);
    graph.own_name(a) == graph.own_name(b)
        && of_a.class == of_b.class
        && of_a.config == of_b.config
        && of_a.weights.len() == of_b.weights.len()
        && weights.into_iter().all(|(a, b)| a.tensor.is(&b.tensor))
        && match (&of_a.kind, &of_b.kind) {
            (LayerKind::Input, LayerKind::Input) => true,
            (LayerKind::Layer(a), LayerKind::Layer(b)) => a == b,
            (LayerKind::Operation(a), LayerKind::Operation(b)) => a == b,
            (LayerKind::Wrapper(a, of_a), LayerKind::Wrapper(b, of_b)) => {
                a == b && all_same(of_a, of_b)
            }
            (LayerKind::Model(a), LayerKind::Model(b)) => same_models(graph, *a, *b),
            _ => false,
        }
}

fn same_models(graph: &Graph, a: ModelId, b: ModelId) -> bool {
    let (a, b) = (graph.model(a), graph.model(b));
    let position = |list: &[LayerId], id: LayerId| list.iter().position(|other| *other == id);
    let mut layers = a.layers.iter().zip(&b.layers);
    let mut calls = a.calls.iter().zip(&b.calls);
    a.layers.len() == b.layers.len()
        && a.calls.len() == b.calls.len()
        && (&a.inputs, &a.outputs) == (&b.inputs, &b.outputs)
        && layers.all(|(a, b)| is_same(graph, *a, *b))
        && calls.all(|(of_a, of_b)| {
            position(&a.layers, of_a.layer) == position(&b.layers, of_b.layer)
                && (&of_a.inputs, &of_a.named, &of_a.literals, &of_a.outputs)
                    == (&of_b.inputs, &of_b.named, &of_b.literals, &of_b.outputs)
        })
}

/// Puts the earlier layers in the place of those that are one with them.
fn unify(graph: &mut Graph, same: &HashMap<LayerId, LayerId>) {
    let unified = |id: &mut LayerId| {
        if let Some(earlier) = same.get(id) {
            *id = *earlier;
        }
    };
    for model in &mut graph.models {
        let calls = model.calls.iter_mut().map(|call| &mut call.layer);
        let tensors = model.tensors.iter_mut().map(|tensor| &mut tensor.layer);
        let lists = model.layers.iter_mut().chain(&mut model.input_layers);
        calls.chain(tensors).chain(lists).for_each(unified);
    }
    for layer in &mut graph.layers {
        if let LayerKind::Wrapper(_, parts) = &mut layer.kind {
            parts.iter_mut().for_each(unified);
        }
    }
}

/// Layers that came in get names that the others of the outermost model do not have.
fn name_apart(graph: &mut Graph, own: &HashSet<LayerId>, new: &[LayerId]) {
    let mut taken: HashSet<String> = own.iter().map(|id| graph.layer(*id).name.clone()).collect();
    let mut done: HashSet<LayerId> = own.clone();
    for id in new {
        if !done.insert(*id) {
            continue;
        }
        let wanted = graph.layer(*id).name.clone();
        let name = unique_name(&wanted, |name| taken.contains(name));
        if name != wanted {
            set_name(graph, *id, &name);
        }
        taken.insert(name);
    }
}

/// The optimizer's state of both, if both are of the same training.
fn join_optimizers(
    graph: &mut Graph,
    tail: &Graph,
    first_layer: usize,
    same: &HashMap<LayerId, LayerId>,
) {
    let (head, tail) = match (&mut graph.optimizer, &tail.optimizer) {
        (Ok(Some(head)), Ok(Some(tail))) if same_training(head, tail) => (head, tail),
        (Ok(None), Ok(None)) => return,
        _ => {
            graph.optimizer = Ok(None);
            graph
                .notes
                .push("two models of different training: the optimizer's state is left out".into());
            return;
        }
    };
    for slot in &tail.slots {
        let mut slot = slot.clone();
        let id = LayerId(slot.weight.layer.0 + first_layer);
        slot.weight.layer = same.get(&id).copied().unwrap_or(id);
        let mut slots = head.slots.iter();
        if !slots.any(|of_head| (of_head.weight, of_head.name) == (slot.weight, slot.name)) {
            head.slots.push(slot);
        }
    }
}

fn same_training(a: &Optimizer, b: &Optimizer) -> bool {
    (&a.options, &a.config, a.iterations) == (&b.options, &b.config, b.iterations)
}
