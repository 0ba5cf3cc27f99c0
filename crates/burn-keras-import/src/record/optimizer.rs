//! The record of an optimizer's state, as Burn's optimizers and those of `burn-keras-nn` read it.

use std::collections::{BTreeMap, BTreeSet};

use burn_pack::Scalar;
use keras_ir::graph::{Graph, WeightRef};
use keras_ir::optimizer::{Optimizer, Slot, SlotName};
use keras_ir::training::optimizer::{Class, OptimizerConfig, Rule};
use keras_ir::{Problem, ProblemKind, Report};
use serde_json::{Value, json};

use crate::plan::{Parameter, Plan, Transform};

use super::fields::{BASE, field, fields};
use super::weights::stored;
use super::write::Record;
use super::{
    ITERATIONS_KEY, LEARNING_RATE_KEY, LOSS_SCALE_KEY, LOSS_SCALE_STEPS_KEY, NAME_KEY,
    OPTIMIZER_CLASS_KEY, OPTIMIZER_CONFIG_KEY, SLOTS_KEY, SOURCE_KEY, VERSION_KEY,
};

const HELP: &str = "import with --fresh-optimizer to start the optimizer anew; with --no-optimizer \
                    to leave it out";

/// The record of an optimizer's state: per slot one `f32` tensor `{id}.{field}` in the layout of
/// its weight, in Keras's order of variables; steps, learning rate, loss scale, class and config
/// beside them. [`fields`] says where each slot goes. Adafactor's `r` and `c` lie as in Keras.
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
    let options = &optimizer.options;
    let class = options.class;
    // Where the file does not say, no step depends on it.
    let iterations = optimizer.iterations.unwrap_or(0);
    if optimizer.slots.is_empty() && iterations == 0 && optimizer.loss_scale.is_none() {
        return Ok(None);
    }
    let by_weight: BTreeMap<WeightRef, &Parameter> =
        plan.parameters.iter().map(|p| (p.weight, p)).collect();
    let trained = Trained::of(graph);
    let mut problems = Vec::new();
    let mut record = Record::default();
    let mut order: Vec<Value> = Vec::new();
    let mut present: BTreeMap<WeightRef, BTreeSet<SlotName>> = BTreeMap::new();
    for slot in trained.in_order(class, &optimizer.slots) {
        let place = Place {
            graph,
            class,
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
        let transform = slot_transform(parameter, slot.name);
        let shape = slot_shape(parameter, slot);
        record.push(name, shape, id, slot.tensor.clone(), transform);
    }
    if problems.is_empty() && (iterations > 0 || !present.is_empty()) {
        problems = incomplete(graph, options, &trained, &present);
    }
    if !problems.is_empty() {
        return Err(Report {
            file: graph.file.clone(),
            problems,
        });
    }
    let fields = fields(class);
    // With accumulation, steps are those that change the weights.
    let time = iterations / options.gradient_accumulation_steps.unwrap_or(1).max(1);
    for (weight, slots) in &present {
        let Some(parameter) = by_weight.get(weight) else {
            continue; // every slot has been checked
        };
        let id = parameter.id(&plan.name);
        record.scalar(format!("{id}.__rank"), parameter.shape.len().into());
        let has_rule = fields.slots.iter().any(|field| slots.contains(&field.slot));
        if let Some(field) = fields.time.filter(|_| has_rule) {
            record.scalar(format!("{id}.{field}"), Scalar::UInt(time));
        }
        if let Some(product) = optimizer.u_product {
            for name in fields.scalars {
                record.scalar(format!("{id}.{name}"), Scalar::Float(product));
            }
        }
        record.metadata(id.to_string(), parameter.path.clone());
    }
    if let Some(iterations) = optimizer.iterations {
        record.scalar(ITERATIONS_KEY, Scalar::UInt(iterations));
    }
    if let Some(rate) = optimizer.learning_rate {
        record.scalar(LEARNING_RATE_KEY, Scalar::Float(rate));
    }
    if let Some(state) = optimizer.loss_scale {
        record.scalar(LOSS_SCALE_KEY, Scalar::Float(state.scale));
        record.scalar(LOSS_SCALE_STEPS_KEY, Scalar::UInt(state.steps));
    }
    record.metadata(SOURCE_KEY, plan.digest());
    record.metadata(NAME_KEY, plan.name.clone());
    record.metadata(VERSION_KEY, plan.keras_version.clone());
    record.metadata(OPTIMIZER_CLASS_KEY, class.as_str());
    record.metadata(OPTIMIZER_CONFIG_KEY, optimizer.config.to_string());
    record.metadata(SLOTS_KEY, Value::Array(order).to_string());
    Ok(Some(record))
}

fn problem() -> Problem {
    Problem::new(ProblemKind::Optimizer).help(HELP)
}

/// Adafactor's averages, which lack an axis of their weight and are not permuted with it.
fn is_reduced(slot: SlotName) -> bool {
    matches!(slot, SlotName::R | SlotName::C)
}

/// How a slot gets from Keras's layout into that of the record.
pub(crate) fn slot_transform(parameter: &Parameter, slot: SlotName) -> Transform {
    if is_reduced(slot) {
        Transform::None
    } else {
        parameter.param.source.transform.clone()
    }
}

/// The shape of a slot in the record.
pub(crate) fn slot_shape(parameter: &Parameter, slot: &Slot) -> Vec<usize> {
    if is_reduced(slot.name) {
        slot.tensor.shape().to_vec()
    } else {
        parameter.shape.clone()
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

    fn in_keras_order(&self) -> Vec<WeightRef> {
        let mut weights: Vec<_> = self.0.iter().collect();
        weights.sort_by_key(|(_, place)| **place);
        weights.into_iter().map(|(weight, _)| *weight).collect()
    }

    /// The slots of each weight together, weights in Keras's order; what belongs to none is last.
    pub(super) fn in_order<'a>(&self, class: Class, slots: &'a [Slot]) -> Vec<&'a Slot> {
        let mut sorted: Vec<&Slot> = slots.iter().collect();
        sorted.sort_by_key(|slot| {
            let of_weight = self.0.get(&slot.weight).copied();
            let of_slot = field(class, slot.name).map(|(place, _)| place);
            (of_weight.unwrap_or(usize::MAX), of_slot)
        });
        sorted
    }
}

/// A slot and what it should fit.
struct Place<'a> {
    graph: &'a Graph,
    class: Class,
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
        let found = self.slot.tensor.shape();
        if is_reduced(self.slot.name) {
            let weight = stored(self.graph, self.slot.weight).map(|weight| weight.tensor.shape());
            let expected = weight.map(|shape| self.slot.name.shape(shape));
            if expected.as_deref() != Some(found) {
                return Err(self
                    .problem()
                    .expected(format!("{:?}", expected.unwrap_or_default()))
                    .found(format!("{found:?}")));
            }
        } else if !parameter.fits(found) {
            return Err(self
                .problem()
                .expected(format!("{:?} in Burn", parameter.shape))
                .found(format!("{found:?} in Keras")));
        }
        if parameter.param.source.transform == Transform::SumOfHalves {
            return Err(self
                .problem()
                .expected("one bias for input and state")
                .found("the two of cuDNN, which Keras trains each by itself"));
        }
        let Some((_, field)) = field(self.class, self.slot.name) else {
            return Err(self
                .problem()
                .expected(format!("a slot of {}", self.class.as_str()))
                .found("a slot of another optimizer"));
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
    options: &OptimizerConfig,
    trained: &Trained,
    present: &BTreeMap<WeightRef, BTreeSet<SlotName>>,
) -> Vec<Problem> {
    let all = || BASE.iter().chain(fields(options.class).slots);
    let mut problems = Vec::new();
    for weight in trained.in_keras_order() {
        let rank = stored(graph, weight).map_or(0, |weight| weight.tensor.shape().len());
        for field in all().filter(|field| is_needed(options, field.slot, rank)) {
            let slots = present.get(&weight);
            if !slots.is_some_and(|slots| slots.contains(&field.slot)) {
                problems.push(at(graph, weight, field.slot).found("no such slot"));
            }
        }
    }
    problems
}

/// Whether a weight of that rank in Keras has the slot. Of Muon's matrices some have a velocity, by
/// their paths.
fn is_needed(options: &OptimizerConfig, slot: SlotName, rank: usize) -> bool {
    match (slot, &options.rule) {
        (SlotName::Average, _) => options.ema.is_some(),
        (SlotName::GradientAccumulator, _) => options.gradient_accumulation_steps.is_some(),
        (SlotName::R | SlotName::C, _) => rank >= 2,
        (SlotName::Velocity, Rule::Muon { .. }) => rank != 2,
        (SlotName::VelocityHat, Rule::Adam { amsgrad, .. }) => *amsgrad,
        (SlotName::Momentum, Rule::Sgd { momentum, .. }) => *momentum != 0.0,
        (SlotName::Momentum, Rule::RmsProp { momentum, .. }) => *momentum > 0.0,
        (SlotName::AverageGradient, Rule::RmsProp { centered, .. }) => *centered,
        _ => true,
    }
}
