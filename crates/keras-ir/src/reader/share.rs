//! Layers shared between models.
//!
//! A config repeats a layer that lives in two models. tf.keras from 2.5 on marks the copies with
//! the same `shared_object_id`, though it loses the mark of a copy in a nested model now and then,
//! as Keras 3 does; Keras 2 and earlier tf.keras have none. Without a mark, copies are taken for
//! one layer when name, class, config and all weights are equal to the bit. Weights that are
//! constant (a fresh BatchNormalization) are no evidence by themselves. Where there is optimizer
//! state, its count of variables decides. In a SavedModel a shared layer is one object, whose
//! variables are saved once: that is certain.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::Weights;
use crate::container::StoredTensor;
use crate::graph::{Graph, LayerId, LayerKind, ModelId, WeightRef};
use crate::version::{Generation, Writer};

/// Which layers are the same object as an earlier one.
pub(super) type Ties = BTreeMap<LayerId, LayerId>;

/// What is taken for a tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Evidence {
    /// A mark on one of the copies, and equal weights.
    Marks,
    /// Equal weights, unless the marks differ.
    Weights,
    /// The same variables.
    Variables,
}

/// The kinds of evidence to go by, the best first.
pub(super) fn evidence(graph: &Graph, weights: Weights<'_>) -> &'static [Evidence] {
    if matches!(weights, Weights::Objects(_)) {
        &[Evidence::Variables]
    } else if marks_sharing(graph) {
        &[Evidence::Marks, Evidence::Weights]
    } else {
        &[Evidence::Weights]
    }
}

/// Finds the ties of a graph whose weights are read.
pub(super) fn find_ties(graph: &Graph, evidence: Evidence) -> Ties {
    // From the outside in and in Keras's order, so that the order of a config decides nothing.
    let mut homes = Vec::new();
    find_homes(graph, graph.root, &mut homes);
    let mut groups: BTreeMap<(&str, &str), Vec<LayerId>> = BTreeMap::new();
    for (id, _) in &homes {
        let layer = graph.layer(*id);
        // Operations have no weights, and their constants stand in their calls.
        if !matches!(
            layer.kind,
            LayerKind::Input | LayerKind::Unknown | LayerKind::Operation(_)
        ) {
            let name = graph.own_name(*id);
            let group = groups.entry((name, &layer.class)).or_default();
            group.push(*id);
        }
    }
    let homes: HashMap<LayerId, Home> = homes.into_iter().collect();
    let mut ties = Ties::new();
    for group in groups.values().filter(|group| group.len() > 1) {
        for (position, id) in group.iter().enumerate() {
            let original = group[..position].iter().find(|earlier| {
                !ties.contains_key(*earlier)
                    && homes.get(earlier) != homes.get(id)
                    && same_object(graph, evidence, **earlier, *id)
            });
            if let Some(original) = original {
                tie(graph, *original, *id, &mut ties);
            }
        }
    }
    ties
}

/// Whether the writer marks shared layers (tf.keras from 2.5 on).
fn marks_sharing(graph: &Graph) -> bool {
    let writer = Writer::of_version(graph.keras_version.as_deref());
    writer.generation == Generation::TfKeras && !writer.is_tf_keras_before((2, 5))
}

/// What lists a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    Model(ModelId),
    /// A wrapper has it as a part.
    Wrapper(LayerId),
}

/// The layers with what lists each: all of a model's own before those inside of it.
fn find_homes(graph: &Graph, model: ModelId, homes: &mut Vec<(LayerId, Home)>) {
    let layers = &graph.model(model).layers;
    homes.extend(layers.iter().map(|layer| (*layer, Home::Model(model))));
    for layer in layers {
        find_homes_inside(graph, *layer, homes);
    }
}

fn find_homes_inside(graph: &Graph, id: LayerId, homes: &mut Vec<(LayerId, Home)>) {
    match &graph.layer(id).kind {
        LayerKind::Model(inner) => find_homes(graph, *inner, homes),
        LayerKind::Wrapper(_, parts) => {
            homes.extend(parts.iter().map(|part| (*part, Home::Wrapper(id))));
            for part in parts {
                find_homes_inside(graph, *part, homes);
            }
        }
        _ => {}
    }
}

fn same_object(graph: &Graph, evidence: Evidence, a: LayerId, b: LayerId) -> bool {
    let (weights_a, weights_b) = (weights(graph, a), weights(graph, b));
    if weights_a.is_empty() || weights_a.len() != weights_b.len() || !same_config(graph, a, b) {
        return false;
    }
    if evidence == Evidence::Variables {
        let key = |weight: &WeightRef| Some(stored(graph, *weight)?.path().to_owned());
        return weights_a.iter().map(key).eq(weights_b.iter().map(key));
    }
    let mark = compare_marks(graph, a, b);
    if mark == Mark::Differs || (evidence == Evidence::Marks && mark == Mark::Absent) {
        return false;
    }
    let mut varied = mark == Mark::Same;
    for (a, b) in weights_a.iter().zip(&weights_b) {
        let (a, b) = (stored(graph, *a), stored(graph, *b));
        let (Some(a), Some(b)) = (a, b) else {
            return false;
        };
        if a.shape() != b.shape() || a.dtype() != b.dtype() {
            return false;
        }
        let (Ok(bytes_a), Ok(bytes_b)) = (a.read(), b.read()) else {
            return false;
        };
        if bytes_a != bytes_b {
            return false;
        }
        let mut elements = bytes_a.chunks(a.dtype().size());
        let first = elements.next();
        varied |= elements.any(|element| Some(element) != first);
    }
    varied
}

fn stored(graph: &Graph, weight: WeightRef) -> Option<&StoredTensor> {
    let weights = &graph.layer(weight.layer).weights;
    weights.get(weight.index).map(|weight| &weight.tensor)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// On both copies the same one, or on one of them: writers lose that of a copy in a model that
    /// is written twice.
    Same,
    Differs,
    Absent,
}

/// The marks of two layers; models are marked themselves, or through the layers in them.
fn compare_marks(graph: &Graph, a: LayerId, b: LayerId) -> Mark {
    let mark = |id: LayerId| graph.layer(id).shared_object_id;
    let own = match (mark(a), mark(b)) {
        (None, None) => Mark::Absent,
        // Keras 3 writes the address of the object, and loses it in copies: equal or nothing.
        (Some(a), Some(b)) if a != b => Mark::Differs,
        _ => Mark::Same,
    };
    if let (LayerKind::Model(model_a), LayerKind::Model(model_b)) =
        (&graph.layer(a).kind, &graph.layer(b).kind)
    {
        let pairs = graph.model(*model_a).layers.iter();
        let marks: Vec<Mark> = pairs
            .zip(&graph.model(*model_b).layers)
            .filter(|(a, _)| !weights(graph, **a).is_empty())
            .map(|(a, b)| compare_marks(graph, *a, *b))
            .collect();
        return if own == Mark::Differs || marks.contains(&Mark::Differs) {
            Mark::Differs
        } else if own == Mark::Absent && marks.contains(&Mark::Absent) {
            Mark::Absent
        } else {
            Mark::Same
        };
    }
    own
}

/// All weights of a layer, those of a model's layers included.
fn weights(graph: &Graph, id: LayerId) -> Vec<WeightRef> {
    let layer = graph.layer(id);
    match layer.kind {
        LayerKind::Model(model) => {
            let layers = graph.model(model).layers.iter();
            layers.flat_map(|layer| weights(graph, *layer)).collect()
        }
        LayerKind::Wrapper(_, ref parts) => parts
            .iter()
            .flat_map(|part| weights(graph, *part))
            .collect(),
        _ => (0..layer.weights.len())
            .map(|index| WeightRef { layer: id, index })
            .collect(),
    }
}

fn same_config(graph: &Graph, a: LayerId, b: LayerId) -> bool {
    if graph.own_name(a) != graph.own_name(b) {
        return false;
    }
    let (a, b) = (graph.layer(a), graph.layer(b));
    if a.class != b.class || a.trainable != b.trainable {
        return false;
    }
    match (&a.kind, &b.kind) {
        (LayerKind::Model(model_a), LayerKind::Model(model_b)) => {
            let (model_a, model_b) = (graph.model(*model_a), graph.model(*model_b));
            let layers = model_a.layers.iter().zip(&model_b.layers);
            model_a.layers.len() == model_b.layers.len()
                && model_a.calls.len() == model_b.calls.len()
                && model_a.calls.iter().zip(&model_b.calls).all(|(a, b)| {
                    (a.node, &a.inputs, &a.named, &a.literals, &a.outputs)
                        == (b.node, &b.inputs, &b.named, &b.literals, &b.outputs)
                })
                && layers.into_iter().all(|(a, b)| same_config(graph, *a, *b))
        }
        _ => without_marks(&a.config) == without_marks(&b.config),
    }
}

/// A config without what differs between copies of one layer.
fn without_marks(config: &Map<String, Value>) -> Map<String, Value> {
    fn strip(value: &Value) -> Value {
        match value {
            Value::Object(entries) => Value::Object(without_marks(entries)),
            Value::Array(items) => Value::Array(items.iter().map(strip).collect()),
            other => other.clone(),
        }
    }
    config
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "shared_object_id" | "build_config"))
        .map(|(key, value)| (key.clone(), strip(value)))
        .collect()
}

/// Ties `copy` to `original`, and if they are models all that is in them.
fn tie(graph: &Graph, original: LayerId, copy: LayerId, ties: &mut Ties) {
    ties.insert(copy, original);
    if let (LayerKind::Model(original), LayerKind::Model(copy)) =
        (&graph.layer(original).kind, &graph.layer(copy).kind)
    {
        let pairs = graph.model(*original).layers.iter();
        for (original, copy) in pairs.zip(&graph.model(*copy).layers) {
            // Layers inside may be tied already, as copies of something else.
            let original = ties.get(original).copied().unwrap_or(*original);
            if original != *copy {
                ties.insert(*copy, original);
            }
        }
    }
}

/// Puts the originals in the place of their copies, whose weights become copies of theirs.
pub(super) fn apply_ties(graph: &mut Graph, ties: &Ties) {
    let original = |id: LayerId| {
        let mut id = id;
        while let Some(earlier) = ties.get(&id) {
            id = *earlier;
        }
        id
    };
    let mut copies = Vec::new();
    for (copy, earlier) in ties {
        let pairs = weights(graph, *copy).into_iter();
        for (copy, earlier) in pairs.zip(weights(graph, *earlier)) {
            let tensor = stored(graph, copy).cloned();
            copies.extend(tensor.map(|tensor| (original(earlier.layer), earlier.index, tensor)));
        }
    }
    for (layer, index, tensor) in copies {
        let Some(weight) = graph.layers[layer.0].weights.get_mut(index) else {
            continue; // equal layers have equally many
        };
        let is_known = |known: &StoredTensor| known.path() == tensor.path();
        if !is_known(&weight.tensor) && !weight.copies.iter().any(is_known) {
            weight.copies.push(tensor);
        }
    }
    for model in &mut graph.models {
        let calls = model.calls.iter_mut().map(|call| &mut call.layer);
        let tensors = model.tensors.iter_mut().map(|tensor| &mut tensor.layer);
        for id in calls.chain(tensors).chain(&mut model.layers) {
            *id = original(*id);
        }
    }
    for layer in &mut graph.layers {
        if let LayerKind::Wrapper(_, parts) = &mut layer.kind {
            for part in parts {
                *part = original(*part);
            }
        }
    }
}
