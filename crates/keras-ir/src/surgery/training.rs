//! What training has of a graph that was changed: the optimizer's state, losses and metrics.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use crate::container::{Dtype, StoredTensor};
use crate::graph::optimizer::{Optimizer, Slot, SlotName};
use crate::graph::{Graph, Weight, WeightRef};
use crate::problem::{Problem, ProblemKind, Report};
use crate::shape::Kind;
use crate::training::optimizer::Rule;

/// The optimizer has slots for exactly the weights that are trained: those of others go, and new
/// ones are as Keras makes them.
pub(super) fn settle_optimizer(graph: &mut Graph) -> Result<(), Report> {
    let trained = graph.trainable_variables();
    let Ok(Some(optimizer)) = &mut graph.optimizer else {
        return Ok(());
    };
    let places: HashMap<WeightRef, usize> = trained.iter().copied().zip(0..).collect();
    let names: BTreeSet<SlotName> = optimizer.slots.iter().map(|slot| slot.name).collect();
    optimizer
        .slots
        .retain(|slot| places.contains_key(&slot.weight));
    let present: HashSet<(WeightRef, SlotName)> = optimizer
        .slots
        .iter()
        .map(|slot| (slot.weight, slot.name))
        .collect();
    let mut added = Vec::new();
    for weight in &trained {
        let layer = &graph.layers[weight.layer.0];
        let of_layer = &layer.weights[weight.index];
        let missing = names.iter().filter(|name| {
            !present.contains(&(*weight, **name)) && has(optimizer, of_layer, **name)
        });
        let missing: Vec<SlotName> = missing.copied().collect();
        for name in missing {
            let path = format!("{}/{}/{}", layer.path, of_layer.name, name.as_str());
            let tensor = fresh(optimizer, of_layer, name, path).map_err(|problem| {
                let problem = problem.at(&layer.path, &layer.class);
                problem.in_file(&graph.file)
            })?;
            optimizer.slots.push(Slot {
                weight: *weight,
                name,
                tensor,
            });
            if added.last() != Some(&layer.path) {
                added.push(layer.path.clone());
            }
        }
    }
    let place = |slot: &Slot| (places.get(&slot.weight).copied(), slot.name);
    optimizer.slots.sort_by_key(place);
    for path in added {
        graph
            .notes
            .push(format!("{path}: the optimizer's state of it begins anew"));
    }
    Ok(())
}

/// Gives one weight the optimizer's state of another.
pub(super) fn move_slots(graph: &mut Graph, from: WeightRef, to: WeightRef) {
    if let Ok(Some(optimizer)) = &mut graph.optimizer {
        let slots = optimizer.slots.iter_mut();
        slots
            .filter(|slot| slot.weight == from)
            .for_each(|slot| slot.weight = to);
    }
}

/// Whether a weight has the slot, where others have it.
fn has(optimizer: &Optimizer, weight: &Weight, name: SlotName) -> bool {
    let rank = weight.tensor.shape().len();
    match (name, &optimizer.options.rule) {
        (SlotName::R | SlotName::C, _) => rank >= 2,
        // Muon's matrices have none.
        (SlotName::Velocity, Rule::Muon { .. }) => rank != 2,
        _ => true,
    }
}

/// What Keras begins with: the weight itself for its moving average, a number for sums of squares,
/// zeros.
fn fresh(
    optimizer: &Optimizer,
    weight: &Weight,
    name: SlotName,
    path: String,
) -> Result<StoredTensor, Problem> {
    let start = match (name, &optimizer.options.rule) {
        (SlotName::Average, _) => return Ok(weight.tensor.clone()),
        (
            SlotName::Accumulator,
            Rule::Adagrad {
                initial_accumulator_value,
                ..
            }
            | Rule::Ftrl {
                initial_accumulator_value,
                ..
            },
        ) => *initial_accumulator_value,
        _ => 0.0,
    };
    let shape = name.shape(weight.tensor.shape());
    let count: usize = shape.iter().product();
    #[expect(clippy::cast_possible_truncation, reason = "slots are float32")]
    let bytes = (start as f32).to_le_bytes().repeat(count);
    StoredTensor::from_parts(path, shape, Dtype::F32, bytes)
        .map_err(|error| Problem::new(ProblemKind::Optimizer).found(error.to_string()))
}

/// Losses and metrics stay where the outputs have the same names, types and activations: a head with
/// other units is trained as the one before it, one without its softmax is not.
pub(super) fn settle_losses(graph: &mut Graph, before: &Graph) {
    if outputs(graph) != outputs(before) {
        forget_losses(graph);
    }
}

/// What a loss sees of the outputs.
#[derive(PartialEq)]
struct Output {
    name: String,
    rank: usize,
    kind: Kind,
    activation: Value,
}

fn outputs(graph: &Graph) -> Vec<Output> {
    let root = graph.root();
    let names = graph.output_names(root).into_iter();
    let outputs = names.zip(&root.outputs).map(|(name, tensor)| {
        let tensor = &root.tensors[tensor.0];
        let activation = graph.layer(tensor.layer).config.get("activation");
        Output {
            name,
            rank: tensor.spec.shape.rank(),
            kind: tensor.spec.kind,
            activation: activation.cloned().unwrap_or_else(|| "linear".into()),
        }
    });
    outputs.collect()
}

/// Losses and metrics of outputs that are no longer those that the model was trained on.
pub(super) fn forget_losses(graph: &mut Graph) {
    let Some(Value::Object(training)) = &mut graph.training_config else {
        return;
    };
    let keys = ["loss", "metrics", "weighted_metrics", "loss_weights"];
    let mut forgotten = Vec::new();
    for key in keys {
        let Some(value) = training.get_mut(key) else {
            continue;
        };
        if !crate::json::says_nothing(value) {
            *value = Value::Null;
            forgotten.push(key);
        }
    }
    if !forgotten.is_empty() {
        graph.notes.push(format!(
            "the outputs are not those that the model was compiled for: {} left out",
            forgotten.join(", ")
        ));
    }
}
