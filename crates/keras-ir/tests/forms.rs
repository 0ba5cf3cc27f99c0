//! A model saved in every form that its Keras writes gives the same graph: layers, calls, order, weights to
//! the bit, and the optimizer's state where the form has it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use keras_ir::graph::{Graph, TensorId};
use keras_ir::{ReadOptions, read};

/// The models: `<case>.h5`, and a folder `<case>` with the other forms.
fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/containers");
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "h5"))
        .collect();
    cases.sort();
    assert!(cases.len() >= 8);
    cases
}

/// A graph as text: everything but where it was read from, and what training needs.
fn structure(graph: &Graph) -> String {
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
                "  {} {} {}\n",
                layer.path, layer.class, layer.trainable
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
    text
}

type Values = BTreeMap<String, Vec<u8>>;

fn weights(graph: &Graph) -> Values {
    let layers = graph.layers.iter();
    let weights = layers.flat_map(|layer| {
        layer.weights.iter().map(|weight| {
            let path = format!("{}/{} {:?}", layer.path, weight.name, weight.tensor.shape());
            (path, weight.tensor.read().unwrap().into_owned())
        })
    });
    weights.collect()
}

fn slots(graph: &Graph) -> Option<(i64, Values)> {
    let optimizer = graph.optimizer.clone().unwrap()?;
    let slots = optimizer.slots.iter().map(|slot| {
        let layer = graph.layer(slot.weight.layer);
        let weight = layer.weights[slot.weight.index].name;
        let path = format!("{}/{weight}/{}", layer.path, slot.name.as_str());
        (path, slot.tensor.read().unwrap().into_owned())
    });
    Some((optimizer.iterations, slots.collect()))
}

fn assert_same(name: &str, form: &str, graph: &Graph, expected: &Graph) {
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

#[test]
fn every_form_gives_the_same_graph() {
    for case in cases() {
        let name = case.file_stem().unwrap().to_str().unwrap();
        let forms = case.with_extension("");
        let whole = read(&case, ReadOptions::default()).unwrap_or_else(|report| panic!("{report}"));
        let model = forms.join("model.keras");
        let archive =
            read(&model, ReadOptions::default()).unwrap_or_else(|report| panic!("{report}"));
        assert_same(name, "archive", &archive, &whole);
        assert_eq!(
            slots(&archive),
            slots(&whole),
            "{name}: the optimizer's state"
        );
        for (architecture, weights) in [
            ("model.json", "model.weights.h5"),
            ("model.json", "weights.h5"),
            ("model.json", "sharded.weights.json"),
            ("model.json", "model.keras"),
            ("model.keras", "model.weights.h5"),
        ] {
            let weights = forms.join(weights);
            if !weights.exists() {
                continue;
            }
            let architecture = forms.join(architecture);
            let options = ReadOptions {
                weights: Some(weights.clone()),
                ..ReadOptions::default()
            };
            let graph = read(&architecture, options).unwrap_or_else(|report| panic!("{report}"));
            assert_same(name, &weights.display().to_string(), &graph, &whole);
            let options = ReadOptions {
                architecture: Some(architecture),
                ..ReadOptions::default()
            };
            let graph = read(&weights, options).unwrap_or_else(|report| panic!("{report}"));
            assert_same(name, &weights.display().to_string(), &graph, &whole);
        }
    }
}
