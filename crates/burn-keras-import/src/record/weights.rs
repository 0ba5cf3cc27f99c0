//! The record of the weights.

use keras_ir::graph::{Graph, WeightRef};
use keras_ir::{Problem, ProblemKind, Report};
use serde_json::{Map, Value};

use crate::plan::{Parameter, Plan};

use super::write::Record;
use super::{MAP_KEY, NAME_KEY, SOURCE_KEY, VERSION_KEY};

/// The record of a plan's weights: one `f32` tensor per parameter, in the plan's order, named by
/// its path and laid out as Burn's module wants it.
///
/// Elements are read, converted and permuted when the record is written.
///
/// # Errors
///
/// A report of every parameter whose weight is not in `graph` or has another shape.
pub fn weights(plan: &Plan, graph: &Graph) -> Result<Record, Report> {
    let mut problems = Vec::new();
    let mut record = Record::default();
    let mut map = Map::new();
    for parameter in &plan.parameters {
        match stored(graph, parameter.weight) {
            Some(weight) if parameter.fits(weight.tensor.shape()) => {
                record.push(
                    parameter.path.clone(),
                    parameter.shape.clone(),
                    parameter.id(&plan.name),
                    weight.tensor.clone(),
                    parameter.param.source.transform.clone(),
                );
                map.insert(parameter.path.clone(), parameter.keras_path.clone().into());
            }
            found => problems.push(misfit(graph, parameter, found)),
        }
    }
    if !problems.is_empty() {
        return Err(Report {
            file: graph.file.clone(),
            problems,
        });
    }
    record.metadata(SOURCE_KEY, plan.digest());
    record.metadata(NAME_KEY, plan.name.clone());
    record.metadata(VERSION_KEY, plan.keras_version.clone());
    record.metadata(MAP_KEY, Value::Object(map).to_string());
    Ok(record)
}

/// The weight `weight`, if the graph has it.
pub(crate) fn stored(graph: &Graph, weight: WeightRef) -> Option<&keras_ir::graph::Weight> {
    let layer = graph.layers.get(weight.layer.0)?;
    layer.weights.get(weight.index)
}

impl Parameter {
    /// Whether a Keras tensor of shape `shape` becomes one of the parameter's shape.
    pub(crate) fn fits(&self, shape: &[usize]) -> bool {
        let transform = &self.param.source.transform;
        let rank = transform.rank();
        rank.is_none_or(|rank| rank == shape.len()) && transform.shape(shape) == self.shape
    }
}

fn misfit(
    graph: &Graph,
    parameter: &Parameter,
    found: Option<&keras_ir::graph::Weight>,
) -> Problem {
    let kind = match found {
        Some(_) => ProblemKind::WeightShape,
        None => ProblemKind::MissingWeight,
    };
    let mut problem = Problem::new(kind)
        .key(&parameter.keras_path)
        .expected(format!(
            "a weight for {} of shape {:?} in Burn",
            parameter.path, parameter.shape
        ))
        .found(match found {
            Some(weight) => format!("shape {:?} in Keras", weight.tensor.shape()),
            None => "no such weight".to_owned(),
        });
    if let Some(layer) = graph.layers.get(parameter.weight.layer.0) {
        problem = problem.at(&layer.path, &layer.class);
    }
    problem
}
