//! What a training step needs: what the model was compiled with, and what comes out of its layers
//! besides the outputs.

mod objects;
mod optimizer;
mod outputs;

use std::collections::{BTreeMap, HashSet};

use keras_ir::graph::{Graph, LayerId, LayerKind, ModelId, WeightRef};
use keras_ir::training::{Losses, Metrics};
use keras_ir::{Generation, Problem, ProblemKind};

use super::body::Purpose;
use crate::plan::{Literal, Parameter, Plan, Training, Transform};

pub(super) use outputs::{add_outputs, penalize};

/// What a model was compiled with, as far as it is understood.
#[derive(Default)]
pub(super) struct Compiled {
    losses: Losses,
    metrics: Metrics,
    /// What is not understood.
    problems: Vec<Problem>,
}

impl Compiled {
    /// Losses and metrics of the training config.
    pub fn of(graph: &Graph) -> Self {
        let mut problems = Vec::new();
        let losses = graph.losses().unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let metrics = graph.metrics().unwrap_or_else(|problem| {
            problems.push(problem);
            Metrics::new()
        });
        for index in 0..graph.layers.len() {
            problems.extend(outputs::unsupported_penalty(graph, LayerId(index)));
        }
        Self {
            losses: losses.unwrap_or_default(),
            metrics,
            problems,
        }
    }

    /// What the root is called for in a training step; `None` if there is no loss, or one that is
    /// not understood.
    pub fn purpose(&self) -> Option<Purpose> {
        let logits = self.losses.iter().any(objects::looks_at_logits);
        let is_known = !self.losses.is_empty() && self.problems.is_empty();
        is_known.then_some(Purpose::Training { logits })
    }
}

/// How a plan is trained, by the body at `body`; what is not understood becomes a note.
pub(super) fn training(
    graph: &Graph,
    plan: &Plan,
    compiled: Compiled,
    body: usize,
    notes: &mut Vec<String>,
) -> Option<Training> {
    graph.training_config.as_ref()?;
    let Compiled {
        losses,
        metrics,
        mut problems,
    } = compiled;
    let regularizers = match regularizers(graph, plan) {
        Ok(regularizers) => regularizers,
        Err(found) => {
            problems.extend(found);
            Vec::new()
        }
    };
    // A loss without one of its parts is another loss.
    let is_known = problems.is_empty() && !losses.is_empty();
    let compiled = is_known.then(|| {
        let names = graph.output_names(graph.root());
        let of_body = plan.root().bodies.get(body);
        let of_body = of_body.and_then(|body| body.training.as_ref());
        objects::compiled(&losses, &metrics, &names, of_body, generation(graph))
    });
    let optimizer = optimizer::optimizer(graph, plan).unwrap_or_else(|found| {
        problems.extend(found);
        None
    });
    notes.extend(problems.iter().map(note));
    for loss in &losses {
        if let (Some(option), Some(function)) = (loss.unsaved, &loss.function) {
            let class = function.class;
            notes.push(format!(
                "the {option} of the loss {class} is not in the file: Keras 3 does not save it, and \
                 its default is taken"
            ));
        }
    }
    if compiled.is_none() && optimizer.is_none() {
        return None;
    }
    Some(Training {
        body,
        compiled,
        optimizer,
        regularizers,
        generation: generation(graph),
    })
}

/// The regularizers that come to the loss, by the path of their parameter.
fn regularizers(graph: &Graph, plan: &Plan) -> Result<Vec<(String, Literal)>, Vec<Problem>> {
    let by_weight = parameters(plan);
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for of in graph.regularizers()? {
        let Some(parameter) = by_weight.get(&of.weight) else {
            continue; // of a layer that is not called
        };
        // Keras 3 adds the penalties of what it trains alone, tf.keras those of all.
        if graph.generation.is_keras3() && !parameter.trained {
            continue;
        }
        let is_same = parameter.param.source.transform == Transform::None;
        if of.object.class == "OrthogonalRegularizer" && !(is_same && parameter.shape.len() == 2) {
            let layer = graph.layer(of.weight.layer);
            let problem = Problem::new(ProblemKind::Training)
                .at(&layer.path, &layer.class)
                .key("OrthogonalRegularizer")
                .expected("a weight that is a matrix")
                .found(&parameter.keras_path);
            problems.push(problem);
            continue;
        }
        found.push((parameter.path.clone(), objects::regularizer(&of.object)));
    }
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(problems)
    }
}

/// The parameters by the weight that they hold.
fn parameters(plan: &Plan) -> BTreeMap<WeightRef, &Parameter> {
    plan.parameters.iter().map(|p| (p.weight, p)).collect()
}

/// A problem of a training config: the model computes without it.
fn note(problem: &Problem) -> String {
    format!("not trained as in Keras: {}", problem.in_one_line())
}

/// Whose details count.
fn generation(graph: &Graph) -> Literal {
    let variant = match graph.generation {
        Generation::Keras3 => "Keras3",
        _ => "TfKeras",
    };
    Literal::Variant("Generation", variant, Vec::new())
}

/// The models in which a layer has a penalty of what it gives. `models` lists each model behind
/// those that it calls.
pub(super) fn models_with_penalty(graph: &Graph, models: &[ModelId]) -> HashSet<ModelId> {
    let mut with_penalty = HashSet::new();
    for id in models {
        let layers = graph.model(*id).layers.iter();
        let mut leaves = layers.flat_map(|layer| graph.leaves(*layer));
        let has_penalty = leaves.any(|leaf| match &graph.layer(leaf).kind {
            LayerKind::Model(inner) => with_penalty.contains(inner),
            // One that is not known is reported where it is called.
            _ => !matches!(graph.activity_regularizer(leaf), Ok(None)),
        });
        if has_penalty {
            with_penalty.insert(*id);
        }
    }
    with_penalty
}
