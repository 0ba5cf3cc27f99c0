//! The trained variables in the order in which an optimizer lists their slots.

use crate::container::StoredTensor;
use crate::graph::{Graph, Weight, WeightRef};
use crate::problem::{Problem, ProblemKind};
use crate::version::Generation;

/// What has slots of its own: a trained weight, or a part of one that the file stores in parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variable {
    pub weight: WeightRef,
    pub part: usize,
}

impl Variable {
    pub(super) fn weight(self, graph: &Graph) -> &Weight {
        &graph.layer(self.weight.layer).weights[self.weight.index]
    }

    /// The tensor of the file.
    pub(super) fn tensor(self, graph: &Graph) -> &StoredTensor {
        &self.weight(graph).tensor.sources()[self.part]
    }

    /// What the file calls it: `/model_weights/<layer>/<variable>`, where the layer's name may hold
    /// slashes itself.
    pub(super) fn name(self, graph: &Graph) -> &str {
        let path = self.tensor(graph).path();
        let variable = path.trim_start_matches('/').splitn(3, '/').nth(2);
        variable.unwrap_or(path)
    }
}

/// The trained variables in Keras's order, by depth.
pub(super) fn by_depth(graph: &Graph) -> Vec<Variable> {
    let weights = graph.trainable_variables().into_iter();
    let variables = weights.flat_map(|weight| {
        let tensor = &graph.layer(weight.layer).weights[weight.index].tensor;
        let parts = 0..tensor.sources().len();
        parts.map(move |part| Variable { weight, part })
    });
    variables.collect()
}

/// The trained variables in the order in which the writer lists their slots: Keras 1 and Keras 2.0.0 to
/// 2.0.5 sorted them by name.
pub(super) fn in_order(graph: &Graph) -> Result<Vec<Variable>, Problem> {
    let mut order = by_depth(graph);
    let version = graph.keras_version.as_deref().unwrap_or_default();
    let patch = version.strip_prefix("2.0.").map(str::parse::<u32>);
    let is_keras1 = graph.generation == Generation::Keras1;
    let is_early = graph.generation == Generation::Keras2 && matches!(patch, Some(Ok(0..=5)));
    if is_keras1 || is_early {
        order.sort_by_key(|variable| variable.name(graph));
    }
    if is_keras1 {
        // Theano's counter of variables sorts those without a name.
        let nameless = order
            .iter()
            .find(|variable| variable.name(graph).starts_with("param_"));
        if let Some(variable) = nameless {
            return Err(Problem::new(ProblemKind::Optimizer)
                .key(variable.tensor(graph).path())
                .expected("weights with names, which order the slots")
                .found("a weight without one")
                .help(super::FRESH));
        }
    }
    Ok(order)
}
