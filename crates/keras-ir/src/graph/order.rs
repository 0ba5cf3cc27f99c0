//! Keras's depth order of layers (`map_graph_network`, the same in all generations).

use std::collections::HashMap;

use super::{Call, LayerId, Model, TensorId};

/// The layers of a functional model in Keras's order: by depth from the outputs, the deepest
/// first, and within a depth by the first visit of a walk from the outputs.
///
/// Depends on calls and tensors alone, not on the order in which a config lists its layers.
pub(crate) fn keras_order(model: &Model) -> Vec<LayerId> {
    // Positions in a list of nodes: the calls, then the input layers.
    let producers = producers(model);
    let layer_of = |node: usize| match model.calls.get(node) {
        Some(call) => call.layer,
        None => model.input_layers[node - model.calls.len()],
    };
    let parents = |node: usize| -> Vec<usize> {
        model.calls.get(node).map_or_else(Vec::new, |call: &Call| {
            call.needs()
                .filter_map(|tensor| producers[tensor.0])
                .collect()
        })
    };

    let mut first_visit: HashMap<LayerId, i64> = HashMap::new();
    let mut finished = vec![false; model.calls.len() + model.input_layers.len()];
    let mut post_order = Vec::new();
    for output in model
        .outputs
        .iter()
        .filter_map(|tensor| producers[tensor.0])
    {
        // An explicit stack: chains of thousands of layers must not exhaust the thread's.
        let mut stack = vec![(output, 0, Vec::new())];
        while let Some((node, next, needed)) = stack.last_mut() {
            if *next == 0 {
                if finished[*node] {
                    stack.pop();
                    continue;
                }
                let visits = i64::try_from(first_visit.len()).unwrap_or(i64::MAX);
                first_visit.entry(layer_of(*node)).or_insert(visits);
                *needed = parents(*node);
            }
            match needed.get(*next) {
                Some(parent) => {
                    let parent = *parent;
                    *next += 1;
                    if !finished[parent] {
                        stack.push((parent, 0, Vec::new()));
                    }
                }
                None => {
                    let node = *node;
                    stack.pop();
                    if !std::mem::replace(&mut finished[node], true) {
                        post_order.push(node);
                    }
                }
            }
        }
    }

    let mut node_depth: HashMap<usize, i64> = HashMap::new();
    let mut layer_depth: HashMap<LayerId, i64> = HashMap::new();
    for node in post_order.iter().rev() {
        let layer = layer_of(*node);
        let of_node = node_depth.get(node).copied().unwrap_or(0);
        let depth = of_node.max(layer_depth.get(&layer).copied().unwrap_or(0));
        layer_depth.insert(layer, depth);
        node_depth.insert(*node, depth);
        for parent in parents(*node) {
            let of_parent = node_depth.entry(parent).or_insert(0);
            *of_parent = (*of_parent).max(depth + 1);
        }
    }
    // Inputs that lead to no output stand at depth 0, before everything else there.
    for layer in &model.input_layers {
        layer_depth.entry(*layer).or_insert(0);
        first_visit.entry(*layer).or_insert(-1);
    }
    let mut layers: Vec<LayerId> = layer_depth.keys().copied().collect();
    layers.sort_by_key(|layer| {
        (
            -layer_depth[layer],
            first_visit.get(layer).copied().unwrap_or(-1),
            layer.0,
        )
    });
    layers
}

/// For each tensor the node that makes it: a call's position, or that of an input layer behind
/// the calls. Tensors of broken references have none.
fn producers(model: &Model) -> Vec<Option<usize>> {
    let mut producers = vec![None; model.tensors.len()];
    for (position, call) in model.calls.iter().enumerate() {
        for TensorId(tensor) in &call.outputs {
            producers[*tensor] = Some(position);
        }
    }
    for (position, TensorId(tensor)) in model.inputs.iter().enumerate() {
        producers[*tensor] = Some(model.calls.len() + position);
    }
    producers
}
