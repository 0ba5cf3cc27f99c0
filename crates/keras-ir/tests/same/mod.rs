//! Whether two files hold the same model.

// Each test uses what it needs of this.
#![allow(dead_code)]

use std::collections::BTreeMap;

use keras_ir::graph::{Graph, Layer, LayerKind, TensorId};

/// A graph as text: everything but where it was read from, and what training needs.
pub fn structure(graph: &Graph) -> String {
    let mut text = String::new();
    for model in &graph.models {
        let tensor = |id: &TensorId| {
            let tensor = &model.tensors[id.0];
            let layer = graph.layer(tensor.layer);
            format!(
                "{}:{}:{} {}",
                layer.path, tensor.node, tensor.index, tensor.spec.shape
            )
        };
        let tensors = |ids: &[TensorId]| ids.iter().map(tensor).collect::<Vec<_>>();
        text.push_str(&format!("{:?}\n", model.class));
        for id in &model.layers {
            let layer = graph.layer(*id);
            text.push_str(&format!(
                "  {} {} {} {}\n",
                layer.path,
                layer.class,
                layer.trainable,
                kind(graph, layer)
            ));
        }
        for call in &model.calls {
            let named: Vec<_> = call
                .named
                .iter()
                .map(|(name, ids)| {
                    let ids = ids.iter().map(|id| id.as_ref().map(tensor));
                    (name, ids.collect::<Vec<_>>())
                })
                .collect();
            text.push_str(&format!(
                "  {} {} {:?} {named:?} -> {:?}\n",
                graph.layer(call.layer).path,
                call.node,
                tensors(&call.inputs),
                tensors(&call.outputs)
            ));
        }
        text.push_str(&format!(
            "  {:?} -> {:?}\n",
            tensors(&model.inputs),
            tensors(&model.outputs)
        ));
    }
    // The HDF5 of Keras 3 has the name of Python's class, its archives the public one.
    text.replace("GroupedQueryAttention", "GroupQueryAttention")
}

/// What a layer is, with every option, and the parts of a wrapper.
fn kind(graph: &Graph, layer: &Layer) -> String {
    match &layer.kind {
        LayerKind::Wrapper(wrapper, parts) => {
            let parts = parts.iter().map(|id| kind(graph, graph.layer(*id)));
            format!("{wrapper:?} {:?}", parts.collect::<Vec<_>>())
        }
        LayerKind::Model(_) => "model".to_owned(),
        kind => format!("{kind:?}"),
    }
}

pub type Values = BTreeMap<String, Vec<u8>>;

pub fn weights(graph: &Graph) -> Values {
    let layers = graph.layers.iter();
    let weights = layers.flat_map(|layer| {
        layer.weights.iter().map(|weight| {
            let path = format!("{}/{} {:?}", layer.path, weight.name, weight.tensor.shape());
            (path, weight.tensor.read().unwrap().into_owned())
        })
    });
    weights.collect()
}

pub fn slots(graph: &Graph) -> Option<(Option<u64>, Values)> {
    let optimizer = graph.optimizer.clone().unwrap()?;
    let slots = optimizer.slots.iter().map(|slot| {
        let layer = graph.layer(slot.weight.layer);
        let weight = layer.weights[slot.weight.index].name;
        let path = format!("{}/{weight}/{}", layer.path, slot.name.as_str());
        (path, slot.tensor.read().unwrap().into_owned())
    });
    Some((optimizer.iterations, slots.collect()))
}

pub fn assert_same(name: &str, form: &str, graph: &Graph, expected: &Graph) {
    assert_eq!(
        structure(graph),
        structure(expected),
        "{name}, {form}: structure"
    );
    let (found, wanted) = (weights(graph), weights(expected));
    assert!(!wanted.is_empty());
    let paths = |values: &Values| values.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&found), paths(&wanted), "{name}, {form}: weights");
    for (path, bytes) in &found {
        assert_eq!(
            bytes, &wanted[path],
            "{name}, {form}: values of {path} differ"
        );
    }
}
