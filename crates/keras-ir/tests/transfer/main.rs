//! The state of an optimizer goes to the weights that play the same part in another model, or is
//! refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod keras;
mod matching;
mod net;
mod random;

use std::collections::HashSet;

use keras_ir::Report;
use keras_ir::container::StoredTensor;
use keras_ir::graph::{Graph, WeightRef};
use keras_ir::optimizer::Optimizer;
use keras_ir::transfer::{Entry, Transfer};

fn tensor(graph: &Graph, weight: WeightRef) -> &StoredTensor {
    &graph.layer(weight.layer).weights[weight.index].tensor
}

fn path(graph: &Graph, weight: WeightRef) -> String {
    let layer = graph.layer(weight.layer);
    format!("{}/{}", layer.path, layer.weights[weight.index].name)
}

fn state(graph: &Graph) -> &Optimizer {
    graph.optimizer.as_ref().unwrap().as_ref().unwrap()
}

/// The layers with weights.
fn weighted(graph: &Graph) -> HashSet<&str> {
    let weights = graph.variables().into_iter();
    let layers = weights.map(|variable| graph.layer(variable.weight.layer).path.as_str());
    layers.collect()
}

/// The layers that were matched, `from -> to how`, in the order of the mapping.
fn layers(transfer: &Transfer) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in &transfer.entries {
        let layer = |path: &str| path.rsplit_once('/').unwrap().0.to_owned();
        let line = match entry {
            Entry::Moved { from, to, by } => format!("{} -> {} {by}", layer(from), layer(to)),
            Entry::Anew { to, .. } => format!("anew {}", layer(to)),
            Entry::LeftOut { from, .. } => format!("left {}", layer(from)),
        };
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines
}

fn moved(from: &Graph, to: &Graph) -> Vec<String> {
    layers(&Optimizer::transfer(from, to, false).unwrap_or_else(|report| panic!("{report}")))
}

fn partly(from: &Graph, to: &Graph) -> Vec<String> {
    layers(&Optimizer::transfer(from, to, true).unwrap_or_else(|report| panic!("{report}")))
}

fn refused(from: &Graph, to: &Graph) -> String {
    let report: Report = Optimizer::transfer(from, to, false).unwrap_err();
    report.to_string()
}
