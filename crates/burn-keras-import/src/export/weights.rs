//! The weights of a record, as tensors of the Keras file.

use keras_ir::graph::{Graph, WeightRef};
use keras_ir::{Problem, ProblemKind};

use crate::plan::{Parameter, Plan};
use crate::record::stored;

use super::record::Stored;
use super::tensors::Tensors;

/// Puts every parameter of the plan in its place, and reports those that are missing, left over or of
/// another shape.
pub(super) fn weights(
    plan: &Plan,
    graph: &Graph,
    record: &mut Stored,
    tensors: &mut Tensors,
    problems: &mut Vec<Problem>,
) {
    for parameter in &plan.parameters {
        let placed = place(graph, parameter, record, tensors);
        problems.extend(
            placed
                .err()
                .map(|problem| at(graph, parameter.weight, problem)),
        );
    }
    problems.extend(record.left_over().map(|path| {
        Problem::new(ProblemKind::LeftOverWeight)
            .key(path)
            .expected("the parameters of the model")
            .found(format!("another one in {}", record.name))
    }));
}

fn place(
    graph: &Graph,
    parameter: &Parameter,
    record: &mut Stored,
    tensors: &mut Tensors,
) -> Result<(), Problem> {
    let values = record.take(&parameter.path, &parameter.shape)?;
    let weight = stored(graph, parameter.weight)
        .filter(|weight| parameter.fits(weight.tensor.shape()))
        .ok_or_else(|| {
            Problem::new(ProblemKind::WeightShape)
                .key(&parameter.keras_path)
                .expected(format!(
                    "a weight that becomes {:?} in Burn",
                    parameter.shape
                ))
                .found("another shape in Keras")
        })?;
    let transform = &parameter.param.source.transform;
    for copy in &weight.copies {
        tensors.put(copy, transform, values.clone())?;
    }
    tensors.put(&weight.tensor, transform, values)
}

/// Says which layer a problem is of.
pub(super) fn at(graph: &Graph, weight: WeightRef, problem: Problem) -> Problem {
    match graph.layers.get(weight.layer.0) {
        Some(layer) => problem.at(&layer.path, &layer.class),
        None => problem,
    }
}
