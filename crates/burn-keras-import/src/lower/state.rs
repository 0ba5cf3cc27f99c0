//! States that stateful layers carry from one call of the model to the next.

use std::collections::{HashMap, HashSet};

use keras_ir::graph::{Call, Graph, LayerId, LayerKind, ModelId};
use keras_ir::layer::{LayerKind as Class, Wrapper};

/// How often Keras calls each layer when the root is called once; some large number stands for
/// more. `models` lists each model behind those that it calls.
pub(super) fn times_called(graph: &Graph, models: &[ModelId]) -> HashMap<LayerId, usize> {
    let mut times = HashMap::new();
    let mut of_models: HashMap<ModelId, usize> = HashMap::from([(graph.root, 1)]);
    for model in models.iter().rev() {
        let of_model = of_models.get(model).copied().unwrap_or(0);
        for call in &graph.model(*model).calls {
            count(graph, call.layer, of_model, &mut times, &mut of_models);
        }
    }
    times
}

fn count(
    graph: &Graph,
    layer: LayerId,
    more: usize,
    times: &mut HashMap<LayerId, usize>,
    of_models: &mut HashMap<ModelId, usize>,
) {
    let of_layer = times.entry(layer).or_insert(0);
    *of_layer = of_layer.saturating_add(more);
    match &graph.layer(layer).kind {
        LayerKind::Model(inner) => {
            let of_model = of_models.entry(*inner).or_insert(0);
            *of_model = of_model.saturating_add(more);
        }
        LayerKind::Wrapper(wrapper, parts) => {
            // Once for each step, as many as there are.
            let more = match wrapper {
                Wrapper::TimeDistributed(_) => more.saturating_mul(2),
                _ => more,
            };
            for part in parts {
                count(graph, *part, more, times, of_models);
            }
        }
        _ => {}
    }
}

/// The models in which layers start a call with the states that the one before left.
///
/// None, if tf.keras is given initial states for a stateful layer: it takes them for as long as
/// the layer's own states are zeros.
pub(super) fn models_with_state(graph: &Graph, models: &[ModelId]) -> HashSet<ModelId> {
    let mut with_state = HashSet::new();
    for id in models {
        for call in &graph.model(*id).calls {
            let leaves = graph.leaves(call.layer).into_iter();
            let mut leaves = leaves.map(|leaf| &graph.layer(leaf).kind);
            let is_stateful = leaves.any(|kind| match kind {
                LayerKind::Layer(Class::Recurrent(layer)) => layer.options.stateful,
                LayerKind::Model(inner) => with_state.contains(inner),
                _ => false,
            });
            let is_given = is_stateful && has_initial_state(graph, call);
            if is_given && !graph.generation.is_keras3() {
                return HashSet::new();
            }
            if is_stateful && !is_given {
                with_state.insert(*id);
            }
        }
    }
    with_state
}

/// Whether a call of a recurrent layer has initial states.
fn has_initial_state(graph: &Graph, call: &Call) -> bool {
    let is_model = matches!(graph.layer(call.layer).kind, LayerKind::Model(_));
    !is_model && (call.inputs.len() > 1 || call.argument("initial_state").is_some())
}
