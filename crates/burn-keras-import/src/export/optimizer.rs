//! The optimizer's state of a record, as tensors of the Keras file.

use std::collections::BTreeMap;

use burn_pack::Scalar;
use keras_ir::graph::{Graph, WeightRef};
use keras_ir::optimizer::{Number, Optimizer, Slot};
use keras_ir::training::optimizer::Class;
use keras_ir::{Problem, ProblemKind};

use crate::plan::{Parameter, Plan};
use crate::record::{
    self, ITERATIONS_KEY, LEARNING_RATE_KEY, LOSS_SCALE_KEY, LOSS_SCALE_STEPS_KEY,
    OPTIMIZER_CLASS_KEY,
};

use super::record::Stored;
use super::tensors::Tensors;
use super::weights::at;

/// Puts every slot and number in its place, and reports those that are missing, left over or of
/// another shape.
pub(super) fn optimizer(
    plan: &Plan,
    graph: &Graph,
    state: &Optimizer,
    record: &mut Stored,
    tensors: &mut Tensors,
    problems: &mut Vec<Problem>,
) {
    if let Err(problem) = same_class(state, record) {
        problems.push(problem);
        return;
    }
    let mut export = Placing {
        class: state.options.class,
        ids: ids(plan, record),
        parameters: plan.parameters.iter().map(|p| (p.weight, p)).collect(),
        record,
        tensors,
    };
    for slot in &state.slots {
        let placed = export.slot(slot);
        problems.extend(placed.err().map(|problem| at(graph, slot.weight, problem)));
    }
    problems.extend(export.numbers(state).err().into_iter().flatten());
    problems.extend(export.record.left_over().map(|name| {
        problem()
            .key(readable(name, export.record))
            .expected(format!(
                "the slots of {} that the original has",
                state.options.class.as_str()
            ))
            .found(format!("another one in {}", export.record.name))
    }));
    for (path, copy) in &state.copies {
        tensors.repeat(path, copy);
    }
}

fn problem() -> Problem {
    Problem::new(ProblemKind::Optimizer)
}

/// `42.momentum.moment_1` with the path of the parameter in the place of its id.
fn readable(name: &str, record: &Stored) -> String {
    let found = name.split_once('.').and_then(|(id, field)| {
        let path = record.metadata.get(id)?;
        Some(format!("{path}: {field}"))
    });
    found.unwrap_or_else(|| name.to_owned())
}

fn same_class(state: &Optimizer, record: &Stored) -> Result<(), Problem> {
    let own = state.options.class.as_str();
    let Some(found) = record.metadata.get(OPTIMIZER_CLASS_KEY) else {
        return Ok(()); // Burn's own records do not say
    };
    let is_adam = |class: &str| matches!(class, "Adam" | "AdamW");
    if found == own || (is_adam(found) && is_adam(own)) {
        return Ok(());
    }
    Err(problem()
        .key(OPTIMIZER_CLASS_KEY)
        .expected(format!("the state of {own}"))
        .found(format!("that of {found} in {}", record.name)))
}

/// The id of each parameter in the record, which may have been made in another namespace: records
/// list the path of each id.
fn ids(plan: &Plan, record: &Stored) -> BTreeMap<String, u64> {
    let own = plan.parameters.iter();
    let own = own.map(|parameter| (parameter.path.clone(), parameter.id(&plan.name)));
    let listed = record.metadata.iter().filter_map(|(id, path)| {
        let id: u64 = id.parse().ok()?;
        Some((path.clone(), id))
    });
    own.chain(listed).collect()
}

struct Placing<'a> {
    class: Class,
    ids: BTreeMap<String, u64>,
    parameters: BTreeMap<WeightRef, &'a Parameter>,
    record: &'a mut Stored,
    tensors: &'a mut Tensors,
}

impl Placing<'_> {
    fn slot(&mut self, slot: &Slot) -> Result<(), Problem> {
        let name = slot.name.as_str();
        let found = self.parameters.get(&slot.weight).copied();
        let found = found.zip(record::field(self.class, slot.name));
        let Some((parameter, (_, field))) = found else {
            return Err(problem()
                .key(name)
                .expected(format!("a slot of {}", self.class.as_str()))
                .found("one that has no place in Burn"));
        };
        let id = self.ids.get(&parameter.path).copied().unwrap_or_default();
        let shape = record::slot_shape(parameter, slot);
        let values = self.record.take(&format!("{id}.{field}"), &shape);
        let values = values.map_err(|found| Problem {
            kind: ProblemKind::Optimizer,
            key: Some(format!("{}: {field}", parameter.path)),
            ..found
        })?;
        let transform = record::slot_transform(parameter, slot.name);
        self.tensors.put(&slot.tensor, &transform, values)
    }

    /// The numbers beside the slots, of those that the file holds.
    fn numbers(&mut self, state: &Optimizer) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        for (number, tensor) in &state.numbers {
            let value = self.number(*number, state);
            let put = value.and_then(|value| match value {
                Some(value) => self.tensors.number(tensor, value),
                None => Ok(()),
            });
            problems.extend(put.err().map(|problem| problem.key(tensor.path())));
        }
        let has_rate = state
            .numbers
            .iter()
            .any(|(number, _)| *number == Number::LearningRate);
        if let Some(rate) = self.scalar(LEARNING_RATE_KEY).filter(|_| !has_rate)
            && let Some(own) = state.learning_rate
            && rate as f32 != own as f32
        {
            problems.push(
                problem()
                    .key("learning_rate")
                    .expected(format!(
                        "{own}, which this Keras keeps in the training config"
                    ))
                    .found(format!("{rate} in {}", self.record.name))
                    .help(
                        "set the rate in Keras after loading, and export with that of the original",
                    ),
            );
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// The value of a number; `None` where that of the original stays.
    fn number(&self, number: Number, state: &Optimizer) -> Result<Option<f64>, Problem> {
        Ok(match number {
            Number::Iterations => {
                let steps = self.scalar(ITERATIONS_KEY).or_else(|| self.steps(state));
                Some(steps.ok_or_else(|| {
                    problem()
                        .expected("how many steps were made")
                        .found(format!("nothing in {}", self.record.name))
                        .help("save the optimizer as a `KerasOptimizer`, which counts them")
                })?)
            }
            // A schedule of Burn's is not in the record.
            Number::LearningRate => self.scalar(LEARNING_RATE_KEY),
            Number::LossScale => self.scalar(LOSS_SCALE_KEY),
            Number::LossScaleSteps => self.scalar(LOSS_SCALE_STEPS_KEY),
            Number::UProduct => {
                let mut products = self.of_parameters("u_product");
                let first = products.next();
                if products.any(|product| Some(product) != first) {
                    return Err(problem()
                        .expected("one product of momenta, as Keras has for all weights")
                        .found(format!("several in {}", self.record.name)));
                }
                first
            }
        })
    }

    /// Steps that changed the weights, as the parameters count them, and what they were the sum of.
    fn steps(&self, state: &Optimizer) -> Option<f64> {
        let field = record::fields(self.class).time?;
        let steps = self.of_parameters(field).reduce(f64::max)?;
        let each = state
            .options
            .gradient_accumulation_steps
            .unwrap_or(1)
            .max(1);
        Some(steps * each as f64)
    }

    fn scalar(&self, key: &str) -> Option<f64> {
        self.record.scalars.get(key).and_then(value)
    }

    /// A number that each parameter has.
    fn of_parameters<'a>(&'a self, field: &'a str) -> impl Iterator<Item = f64> + 'a {
        let ids = self.ids.values();
        ids.filter_map(move |id| self.scalar(&format!("{id}.{field}")))
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of steps")]
fn value(scalar: &Scalar) -> Option<f64> {
    match *scalar {
        Scalar::Float(value) => Some(value),
        Scalar::Int(value) => Some(value as f64),
        Scalar::UInt(value) => Some(value as f64),
        _ => None,
    }
}
