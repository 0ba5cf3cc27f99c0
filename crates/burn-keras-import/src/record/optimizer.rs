//! The record of an optimizer's state, as Burn's optimizers and those of `burn-keras-nn` read it.

use std::collections::{BTreeMap, BTreeSet};

use burn_pack::Scalar;
use keras_ir::graph::{Graph, WeightRef};
use keras_ir::optimizer::{Optimizer, Slot, SlotName};
use keras_ir::{Problem, ProblemKind, Report};
use serde_json::{Value, json};

use crate::plan::{Parameter, Plan, Transform};

use super::weights::stored;
use super::write::Record;
use super::{
    ITERATIONS_KEY, LEARNING_RATE_KEY, NAME_KEY, OPTIMIZER_CLASS_KEY, OPTIMIZER_CONFIG_KEY,
    SLOTS_KEY, SOURCE_KEY, VERSION_KEY,
};

const HELP: &str = "import with --no-optimizer to leave the optimizer's state out";

/// The record of an optimizer's state: per slot one `f32` tensor `{id}.momentum.…` in the layout of
/// its weight, in Keras's order of variables; steps, learning rate, class and config beside them.
/// `None` for an optimizer that has made no step and holds nothing.
///
/// Elements are read, converted and permuted when the record is written.
///
/// # Errors
///
/// A report of every slot that does not fit the plan: its weight is not in it, is not trained, has
/// another shape, or lacks another slot that the optimizer needs.
pub fn optimizer(
    plan: &Plan,
    graph: &Graph,
    optimizer: &Optimizer,
) -> Result<Option<Record>, Report> {
    let mut problems = Vec::new();
    let iterations = u64::try_from(optimizer.iterations).unwrap_or_else(|_| {
        problems.push(
            problem()
                .key("iterations")
                .expected("a number of steps")
                .found(optimizer.iterations.to_string()),
        );
        0
    });
    if optimizer.slots.is_empty() && iterations == 0 && problems.is_empty() {
        return Ok(None);
    }
    let by_weight: BTreeMap<WeightRef, &Parameter> =
        plan.parameters.iter().map(|p| (p.weight, p)).collect();
    let trained = Trained::of(graph);
    let adam = is_adam(&optimizer.class);
    let mut record = Record::default();
    let mut order: Vec<Value> = Vec::new();
    let mut present: BTreeMap<WeightRef, BTreeSet<SlotName>> = BTreeMap::new();
    for slot in trained.in_order(&optimizer.slots) {
        let place = Place {
            graph,
            optimizer,
            parameter: by_weight.get(&slot.weight).copied(),
            trained: trained.0.contains_key(&slot.weight),
            slot,
        };
        let (parameter, field) = match place.check() {
            Ok(found) => found,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        if !present.entry(slot.weight).or_default().insert(slot.name) {
            problems.push(place.problem().found("the same slot twice"));
            continue;
        }
        let id = parameter.id(&plan.name);
        let name = format!("{id}.{field}");
        order.push(json!([name, parameter.keras_path, slot.name.as_str()]));
        record.push(
            name,
            parameter.shape.clone(),
            id,
            slot.tensor.clone(),
            parameter.param.source.transform.clone(),
        );
    }
    if problems.is_empty() {
        problems = incomplete(graph, optimizer, &trained, &present);
    }
    if !problems.is_empty() {
        return Err(Report {
            file: graph.file.clone(),
            problems,
        });
    }
    for weight in present.keys() {
        let Some(parameter) = by_weight.get(weight) else {
            continue; // every slot has been checked
        };
        let id = parameter.id(&plan.name);
        record.scalar(format!("{id}.__rank"), parameter.shape.len().into());
        if adam {
            record.scalar(format!("{id}.momentum.time"), Scalar::UInt(iterations));
        }
        record.metadata(id.to_string(), parameter.path.clone());
    }
    record.scalar(ITERATIONS_KEY, Scalar::UInt(iterations));
    if let Some(rate) = optimizer.learning_rate {
        record.scalar(LEARNING_RATE_KEY, Scalar::Float(rate));
    }
    record.metadata(SOURCE_KEY, plan.digest());
    record.metadata(NAME_KEY, plan.name.clone());
    record.metadata(VERSION_KEY, plan.keras_version.clone());
    record.metadata(OPTIMIZER_CLASS_KEY, optimizer.class.clone());
    record.metadata(OPTIMIZER_CONFIG_KEY, optimizer.config.to_string());
    record.metadata(SLOTS_KEY, Value::Array(order).to_string());
    Ok(Some(record))
}

fn problem() -> Problem {
    Problem::new(ProblemKind::Optimizer).help(HELP)
}

fn is_adam(class: &str) -> bool {
    matches!(class, "Adam" | "AdamW")
}

/// The name that a slot has in the state of Burn's optimizer of the same name.
pub(super) fn field(class: &str, slot: SlotName) -> Option<&'static str> {
    match (class, slot) {
        ("SGD", SlotName::Momentum) => Some("momentum.velocity"),
        (class, SlotName::Momentum) if is_adam(class) => Some("momentum.moment_1"),
        (class, SlotName::Velocity) if is_adam(class) => Some("momentum.moment_2"),
        (class, SlotName::VelocityHat) if is_adam(class) => Some("momentum.max_moment_2"),
        _ => None,
    }
}

/// The weights that Keras trains, each with its place in Keras's order.
pub(super) struct Trained(BTreeMap<WeightRef, usize>);

impl Trained {
    pub(super) fn of(graph: &Graph) -> Self {
        let weights = graph.trainable_variables().into_iter();
        Self(
            weights
                .enumerate()
                .map(|(at, weight)| (weight, at))
                .collect(),
        )
    }

    /// The slots of each weight together, weights in Keras's order; what belongs to none is last.
    pub(super) fn in_order<'a>(&self, slots: &'a [Slot]) -> Vec<&'a Slot> {
        let mut sorted: Vec<&Slot> = slots.iter().collect();
        sorted.sort_by_key(|slot| {
            let place = self.0.get(&slot.weight).copied();
            (place.unwrap_or(usize::MAX), slot.name)
        });
        sorted
    }
}

/// A slot and what it should fit.
struct Place<'a> {
    graph: &'a Graph,
    optimizer: &'a Optimizer,
    slot: &'a Slot,
    parameter: Option<&'a Parameter>,
    trained: bool,
}

impl<'a> Place<'a> {
    fn check(&self) -> Result<(&'a Parameter, &'static str), Problem> {
        let Some(parameter) = self.parameter else {
            return Err(self.problem().found("a weight that the model does not use"));
        };
        if !self.trained || !parameter.trained {
            return Err(self
                .problem()
                .expected("no slots for a weight that is not trained")
                .found("a slot"));
        }
        if !parameter.fits(self.slot.tensor.shape()) {
            return Err(self
                .problem()
                .expected(format!("{:?} in Burn", parameter.shape))
                .found(format!("{:?} in Keras", self.slot.tensor.shape())));
        }
        if parameter.param.source.transform == Transform::SumOfHalves {
            return Err(self
                .problem()
                .expected("one bias for input and state")
                .found("the two of cuDNN, which Keras trains each by itself"));
        }
        let Some(field) = field(&self.optimizer.class, self.slot.name) else {
            return Err(self
                .problem()
                .expected("the slots of Adam, AdamW or SGD")
                .found(format!("a slot of {}", self.optimizer.class)));
        };
        Ok((parameter, field))
    }

    fn problem(&self) -> Problem {
        at(self.graph, self.slot.weight, self.slot.name)
    }
}

fn at(graph: &Graph, weight: WeightRef, slot: SlotName) -> Problem {
    let name = stored(graph, weight).map_or("?", |weight| weight.name);
    let problem = problem().key(format!("{name}: {}", slot.as_str()));
    match graph.layers.get(weight.layer.0) {
        Some(layer) => problem.at(&layer.path, &layer.class),
        None => problem,
    }
}

/// Burn drops a state that lacks a part, silently: every trained weight has every slot.
fn incomplete(
    graph: &Graph,
    optimizer: &Optimizer,
    trained: &Trained,
    present: &BTreeMap<WeightRef, BTreeSet<SlotName>>,
) -> Vec<Problem> {
    let mut needed: BTreeSet<SlotName> = present.values().flatten().copied().collect();
    if !needed.is_empty() && is_adam(&optimizer.class) {
        needed.extend([SlotName::Momentum, SlotName::Velocity]);
    }
    let mut problems = Vec::new();
    for weight in trained.0.keys() {
        for slot in &needed {
            if !present
                .get(weight)
                .is_some_and(|slots| slots.contains(slot))
            {
                problems.push(at(graph, *weight, *slot).found("no such slot"));
            }
        }
    }
    problems
}
