//! Keras's depth order of layers and of calls (`map_graph_network`, the same in all generations).

use std::collections::HashMap;

use super::{Call, LayerId, Model, TensorId};

/// The layers of a functional model in Keras's order: by depth from the outputs, the deepest
/// first, and within a depth by the first visit of a walk from the outputs.
///
/// Depends on calls and tensors alone, not on the order in which a config lists its layers.
pub(crate) fn keras_order(model: &Model) -> Vec<LayerId> {
    let Depths {
        mut first_visit,
        layers: mut layer_depth,
        ..
    } = Depths::of(model);
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

/// The positions of a model's calls in the order in which Keras runs them: by depth, and within a
/// depth as the walk back from the outputs meets them.
pub(super) fn run_order(model: &Model) -> Vec<usize> {
    let mut nodes = Depths::of(model).nodes;
    nodes.sort_by_key(|(_, depth)| -depth);
    let nodes = nodes.into_iter().map(|(node, _)| node);
    nodes.filter(|node| *node < model.calls.len()).collect()
}

/// How far from the outputs everything is.
struct Depths {
    /// When a walk from the outputs first visits each layer.
    first_visit: HashMap<LayerId, i64>,
    /// The depth of each layer.
    layers: HashMap<LayerId, i64>,
    /// The nodes with their depths: the calls by position, and behind them the input layers; in
    /// the order in which they get a depth.
    nodes: Vec<(usize, i64)>,
}

impl Depths {
    fn of(model: &Model) -> Self {
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

        let mut depths: HashMap<usize, i64> = HashMap::new();
        let mut met = Vec::new();
        let mut layers: HashMap<LayerId, i64> = HashMap::new();
        for node in post_order.iter().rev() {
            let layer = layer_of(*node);
            let of_node = depths.get(node).copied().unwrap_or(0);
            let depth = of_node.max(layers.get(&layer).copied().unwrap_or(0));
            layers.insert(layer, depth);
            if depths.insert(*node, depth).is_none() {
                met.push(*node);
            }
            for parent in parents(*node) {
                let of_parent = depths.entry(parent).or_insert_with(|| {
                    met.push(parent);
                    0
                });
                *of_parent = (*of_parent).max(depth + 1);
            }
        }
        let nodes = met.into_iter().map(|node| (node, depths[&node]));
        Self {
            first_visit,
            layers,
            nodes: nodes.collect(),
        }
    }
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
