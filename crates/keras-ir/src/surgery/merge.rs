//! Layers and models of elsewhere, taken into a graph.

use crate::graph::{Graph, Layer, LayerId, LayerKind, Model, ModelId};
use crate::problem::{Problem, ProblemKind};

/// Takes in models and layers that know each other by the positions in these lists; how far the
/// positions of the layers move, and those of the models.
pub(super) fn append(graph: &mut Graph, models: Vec<Model>, layers: Vec<Layer>) -> (usize, usize) {
    let (of_layers, of_models) = (graph.layers.len(), graph.models.len());
    let moved = |id: &mut LayerId| id.0 += of_layers;
    for mut layer in layers {
        match &mut layer.kind {
            LayerKind::Model(inner) => inner.0 += of_models,
            LayerKind::Wrapper(_, parts) => parts.iter_mut().for_each(moved),
            _ => {}
        }
        graph.layers.push(layer);
    }
    for mut model in models {
        let calls = model.calls.iter_mut().map(|call| &mut call.layer);
        let tensors = model.tensors.iter_mut().map(|tensor| &mut tensor.layer);
        let lists = model.layers.iter_mut().chain(&mut model.input_layers);
        calls.chain(tensors).chain(lists).for_each(moved);
        graph.models.push(model);
    }
    (of_layers, of_models)
}

/// Takes in a whole graph; where its layers and its outermost model are.
///
/// # Errors
///
/// A graph of another generation of Keras: formulas and masks differ.
pub(super) fn take_in(graph: &mut Graph, other: &Graph) -> Result<(usize, ModelId), Problem> {
    if graph.generation != other.generation {
        return Err(Problem::new(ProblemKind::Surgery)
            .expected(format!("a model of {}, as this one", graph.generation))
            .found(format!("{}: a model of {}", other.file, other.generation))
            .help("save one of the two again with the Keras of the other"));
    }
    let (layers, models) = append(graph, other.models.clone(), other.layers.clone());
    graph.notes.extend(other.notes.iter().cloned());
    Ok((layers, ModelId(other.root.0 + models)))
}
