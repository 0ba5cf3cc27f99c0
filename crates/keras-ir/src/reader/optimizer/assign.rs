//! Each slot to its weight, checked by count and shape.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::layout::{Layout, Place};
use super::state::{Named, PlacedSlot, unreadable};
use super::variable::{self, Variable};
use super::{FRESH, LEAVE};
use crate::container::StoredTensor;
use crate::graph::optimizer::{Slot, SlotName};
use crate::graph::{Graph, WeightRef};
use crate::problem::{Problem, ProblemKind};
use crate::training::optimizer::{Class, Implementation, OptimizerConfig};

/// A slot, and what the file calls it.
struct Found<'a> {
    of: Variable,
    name: SlotName,
    key: String,
    tensor: &'a StoredTensor,
}

/// Takes the slots in the order of a list.
pub(super) fn listed(
    graph: &Graph,
    config: &OptimizerConfig,
    mut list: VecDeque<Named>,
) -> Result<Vec<Slot>, Vec<Problem>> {
    let fail = |problem| vec![problem];
    let layout = Layout::of(config).map_err(fail)?;
    let variables = variable::in_order(graph).map_err(fail)?;
    let count = variables.len();
    let places = layout.places(graph, &variables);
    if config.implementation == Implementation::Keras2 && config.class == Class::Adam {
        // From 2.1.3 on it lists largest moments that hold nothing without `amsgrad`.
        let rest = list.len().saturating_sub(places.len());
        let mut behind = list.iter().skip(places.len());
        if rest == count && behind.all(|(_, tensor)| tensor.shape() == [1]) {
            list.truncate(places.len());
        }
    }
    if list.len() != places.len() {
        return Err(vec![
            problem()
                .key("optimizer_weights: weight_names")
                .expected(format!(
                    "{} slots for {count} trained weights",
                    places.len()
                ))
                .found(format!("{} slots", list.len())),
        ]);
    }
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for (place, (name, tensor)) in places.into_iter().zip(&list) {
        let key = if tensor.path().contains("optimizer/vars") {
            tensor.path().trim_start_matches('/').to_owned()
        } else {
            format!("optimizer_weights/{name}")
        };
        match place {
            Place::Slot(of, name) => found.push(Found {
                of,
                name,
                key,
                tensor,
            }),
            Place::Dummy if tensor.shape().is_empty() => {}
            Place::Dummy => problems.push(
                problem()
                    .key(key)
                    .expected("a number in place of r or c of a vector")
                    .found(format!("shape {:?}", tensor.shape())),
            ),
        }
    }
    check(graph, found, problems)
}

/// Takes the slots in the order of their layout, each from the weight that it names.
pub(super) fn placed(
    graph: &Graph,
    config: &OptimizerConfig,
    slots: &[PlacedSlot],
) -> Result<Vec<Slot>, Vec<Problem>> {
    let layout = Layout::of(config).map_err(|problem| vec![problem])?;
    let mut known: HashMap<(&str, SlotName), &StoredTensor> = HashMap::new();
    let mut problems = Vec::new();
    for slot in slots {
        match legacy_name(config.class, &slot.name) {
            Some(name) => {
                if known.insert((&slot.weight, name), &slot.tensor).is_some() {
                    let problem = problem().key(slot.tensor.path());
                    problems.push(problem.found("the same slot twice"));
                }
            }
            None => problems.push(
                problem()
                    .key(slot.tensor.path())
                    .expected(format!("a slot of {}", config.class.as_str()))
                    .found(&slot.name),
            ),
        }
    }
    let mut found = Vec::new();
    for place in layout.places(graph, &variable::by_depth(graph)) {
        let Place::Slot(of, name) = place else {
            continue;
        };
        match known.remove(&(of.tensor(graph).path(), name)) {
            Some(tensor) => found.push(Found {
                of,
                name,
                key: tensor.path().to_owned(),
                tensor,
            }),
            None => problems.push(
                at(graph, of)
                    .key(of.weight(graph).tensor.path())
                    .expected(format!("{} of {}", name.as_str(), of.weight(graph).name))
                    .found("no such slot"),
            ),
        }
    }
    let mut left: Vec<&str> = known.values().map(|tensor| tensor.path()).collect();
    left.sort_unstable();
    problems.extend(left.into_iter().map(|path| {
        problem()
            .key(path)
            .expected("slots of weights that are trained")
            .found("a slot of another")
    }));
    check(graph, found, problems)
}

/// The slot that a legacy optimizer of tf.keras calls so.
fn legacy_name(class: Class, name: &str) -> Option<SlotName> {
    let slot = match (class, name) {
        (_, "m") | (Class::Sgd | Class::RmsProp, "momentum") => SlotName::Momentum,
        (Class::Adamax, "v") => SlotName::Norm,
        (_, "v") | (Class::RmsProp, "rms") => SlotName::Velocity,
        (_, "vhat") => SlotName::VelocityHat,
        (Class::RmsProp, "mg") => SlotName::AverageGradient,
        (_, "accumulator") => SlotName::Accumulator,
        (_, "accum_grad") => SlotName::AccumulatedGrad,
        (_, "accum_var") => SlotName::AccumulatedDeltaVar,
        (_, "linear") => SlotName::Linear,
        _ => return None,
    };
    Some(slot)
}

/// What a legacy optimizer of tf.keras calls a slot.
pub(super) fn name_in_legacy(class: Class, slot: SlotName) -> &'static str {
    // Those of some classes alone come first.
    const NAMES: [&str; 10] = [
        "momentum",
        "rms",
        "mg",
        "m",
        "v",
        "vhat",
        "accumulator",
        "accum_grad",
        "accum_var",
        "linear",
    ];
    let mut names = NAMES.into_iter();
    let name = names.find(|name| legacy_name(class, name) == Some(slot));
    name.unwrap_or(slot.as_str())
}

/// Slots whose shapes are those of their weights.
fn check(
    graph: &Graph,
    found: Vec<Found<'_>>,
    mut problems: Vec<Problem>,
) -> Result<Vec<Slot>, Vec<Problem>> {
    let mut parts: BTreeMap<(WeightRef, SlotName), Vec<(usize, StoredTensor)>> = BTreeMap::new();
    let mut order = Vec::new();
    for Found {
        of,
        name,
        key,
        tensor,
    } in found
    {
        let expected = name.shape(of.tensor(graph).shape());
        let title = |shape| {
            let weight = of.weight(graph).name;
            format!("{} of {weight} in shape {shape:?}", name.as_str())
        };
        if tensor.shape() != expected {
            let found = format!("shape {:?}", tensor.shape());
            let problem = at(graph, of).key(key);
            problems.push(problem.expected(title(&expected)).found(found));
        } else if !tensor.dtype().is_float() {
            let problem = at(graph, of).key(key).expected("floats");
            problems.push(problem.found(tensor.dtype().name()));
        } else {
            let slot = parts.entry((of.weight, name)).or_insert_with(|| {
                order.push((of.weight, name));
                Vec::new()
            });
            slot.push((of.part, tensor.clone()));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let slots = order.into_iter().map(|(weight, name)| {
        let mut parts = parts.remove(&(weight, name)).unwrap_or_default();
        parts.sort_by_key(|(part, _)| *part);
        let parts = parts.into_iter().map(|(_, tensor)| tensor).collect();
        // As the weight is made of what the file stores.
        let owner = &graph.layer(weight.layer).weights[weight.index].tensor;
        let tensor = owner.arrange_alike(parts);
        let tensor = tensor.map_err(|error| vec![unreadable(&error)])?;
        Ok(Slot {
            weight,
            name,
            tensor,
        })
    });
    slots.collect()
}

fn problem() -> Problem {
    Problem::new(ProblemKind::Optimizer).help(format!("{FRESH}; {LEAVE}"))
}

fn at(graph: &Graph, of: Variable) -> Problem {
    let layer = graph.layer(of.weight.layer);
    problem().at(&layer.path, &layer.class)
}
