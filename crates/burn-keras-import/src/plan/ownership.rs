//! Who owns a layer: the lowest common ancestor of the models that call it.

use std::collections::{BTreeMap, BTreeSet};

use keras_ir::graph::{Graph, LayerId, LayerKind, ModelId};

/// Owners and borrows of all layers that are called.
#[derive(Debug, Default)]
pub(crate) struct Ownership {
    /// The models, each after those that it calls; the root is last.
    pub models: Vec<ModelId>,
    /// The model that owns each layer.
    pub owners: BTreeMap<LayerId, ModelId>,
    /// Per model, the layers that it calls itself or through a nested model and does not own.
    pub borrows: BTreeMap<ModelId, Vec<LayerId>>,
}

impl Ownership {
    /// Settles who owns what in `graph`.
    pub fn of(graph: &Graph) -> Self {
        let models = callees_first(graph);
        let mut callers: BTreeMap<LayerId, Vec<ModelId>> = BTreeMap::new();
        for id in &models {
            for layer in layers_of(graph, *id) {
                callers.entry(layer).or_default().push(*id);
            }
        }
        // From the root inwards: when a model's owner is asked for, its callers' are known.
        let mut parents: BTreeMap<ModelId, ModelId> = BTreeMap::new();
        let mut owners = BTreeMap::new();
        for id in models.iter().rev() {
            let layers = layers_of(graph, *id);
            for layer in layers {
                if owners.contains_key(&layer) {
                    continue;
                }
                let callers = &callers[&layer];
                // Not before all callers have a place themselves.
                if callers
                    .iter()
                    .any(|caller| *caller != graph.root && !parents.contains_key(caller))
                {
                    continue;
                }
                let owner = callers
                    .iter()
                    .copied()
                    .reduce(|a, b| common_ancestor(&parents, a, b))
                    .unwrap_or(graph.root);
                owners.insert(layer, owner);
                if let LayerKind::Model(inner) = graph.layer(layer).kind {
                    parents.insert(inner, owner);
                }
            }
        }
        let mut ownership = Self {
            models,
            owners,
            borrows: BTreeMap::new(),
        };
        for id in ownership.models.clone() {
            let mut borrows = Vec::new();
            for layer in layers_of(graph, id) {
                let mut needed = vec![layer];
                if let LayerKind::Model(inner) = graph.layer(layer).kind {
                    needed.extend(ownership.borrows[&inner].iter().copied());
                }
                for layer in needed {
                    if ownership.owners.get(&layer) != Some(&id) && !borrows.contains(&layer) {
                        borrows.push(layer);
                    }
                }
            }
            ownership.borrows.insert(id, borrows);
        }
        ownership
    }
}

/// The layers that a model calls, in Keras's order, each once; of wrappers their parts.
pub(crate) fn layers_of(graph: &Graph, id: ModelId) -> Vec<LayerId> {
    let model = graph.model(id);
    let called: BTreeSet<LayerId> = model.calls.iter().map(|call| call.layer).collect();
    let layers = model.layers.iter().filter(|layer| called.contains(layer));
    let mut leaves: Vec<LayerId> = Vec::new();
    for leaf in layers.flat_map(|layer| graph.leaves(*layer)) {
        if !leaves.contains(&leaf) {
            leaves.push(leaf);
        }
    }
    leaves
}

/// The models that are called from the root, each after those that it calls.
fn callees_first(graph: &Graph) -> Vec<ModelId> {
    fn visit(graph: &Graph, id: ModelId, order: &mut Vec<ModelId>) {
        if order.contains(&id) {
            return;
        }
        for layer in layers_of(graph, id) {
            if let LayerKind::Model(inner) = graph.layer(layer).kind {
                visit(graph, inner, order);
            }
        }
        order.push(id);
    }
    let mut order = Vec::new();
    visit(graph, graph.root, &mut order);
    order
}

fn common_ancestor(parents: &BTreeMap<ModelId, ModelId>, a: ModelId, b: ModelId) -> ModelId {
    let line = |from: ModelId| std::iter::successors(Some(from), |id| parents.get(id).copied());
    let of_a: Vec<ModelId> = line(a).collect();
    line(b).find(|id| of_a.contains(id)).unwrap_or(a)
}
