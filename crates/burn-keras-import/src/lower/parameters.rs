//! The parameters of a plan, and the checks that none is lost or mistaken for another.

use std::collections::{HashMap, HashSet};

use keras_ir::graph::{Graph, WeightRef};
use keras_ir::{Problem, ProblemKind, Report};

use crate::plan::{FieldKind, ParamKind, Parameter, Plan};

/// The parameters in the order in which modules are visited.
pub(super) fn collect(
    graph: &Graph,
    plan: &Plan,
    model: usize,
    prefix: &str,
    parameters: &mut Vec<Parameter>,
) {
    for field in &plan.models[model].fields {
        let path = format!("{prefix}{}", field.name);
        match &field.kind {
            FieldKind::Model(inner) => {
                collect(graph, plan, *inner, &format!("{path}."), parameters);
            }
            FieldKind::Module(module) => {
                let layer = graph.layer(field.layer);
                for param in module.params() {
                    let weights = layer.weights.iter();
                    let index = weights
                        .clone()
                        .position(|weight| weight.name == param.source.weight);
                    let Some(index) = index else { continue };
                    let weight = &layer.weights[index];
                    parameters.push(Parameter {
                        path: format!("{path}.{}", param.name),
                        shape: param.source.transform.shape(weight.tensor.shape()),
                        keras_path: format!("{}/{}", layer.path, weight.name),
                        trained: param.kind == ParamKind::Trained && !field.frozen,
                        weight: WeightRef {
                            layer: field.layer,
                            index,
                        },
                        param,
                    });
                }
            }
        }
    }
}

/// Every weight of the graph is a parameter of the plan: a module that lacks one would lose it in
/// silence.
pub(super) fn check_weights(graph: &Graph, plan: &Plan) -> Result<(), Report> {
    let placed: HashSet<WeightRef> = plan.parameters.iter().map(|p| p.weight).collect();
    let lost = graph
        .variables()
        .into_iter()
        .map(|variable| variable.weight);
    let problems: Vec<Problem> = lost
        .filter(|weight| !placed.contains(weight))
        .map(|weight| {
            let layer = graph.layer(weight.layer);
            let weight = &layer.weights[weight.index];
            Problem::new(ProblemKind::LeftOverWeight)
                .at(&layer.path, &layer.class)
                .key(weight.tensor.path())
                .expected(format!("a parameter in Burn that holds {}", weight.name))
                .found("none")
        })
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Report {
        file: graph.file.clone(),
        problems,
    })
}

/// Ids are hashes of paths: two paths that collide would share optimizer state.
pub(super) fn check_ids(plan: &Plan, file: &str) -> Result<(), Report> {
    let mut seen: HashMap<u64, &str> = HashMap::new();
    for parameter in &plan.parameters {
        if let Some(other) = seen.insert(parameter.id(&plan.name), &parameter.path) {
            return Err(Problem::new(ProblemKind::Config)
                .key("name")
                .expected("parameter paths with different ids")
                .found(format!("{other} and {} have the same", parameter.path))
                .help("import under another name with --name")
                .in_file(file));
        }
    }
    Ok(())
}
