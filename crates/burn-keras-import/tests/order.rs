//! The order of a config's `layers` decides nothing: calls are found by identity, rows stand in
//! Keras's order.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use burn_keras_import::lower::lower;
use keras_ir::container::{Container, H5File};
use keras_ir::summary::Summary;
use keras_ir::{Graph, ReadOptions, json, read, read_config};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The samples, and the fixtures whose graphs have a shape of their own.
fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in [
        "models/keras",
        "tests/fixtures/structure",
        "tests/fixtures/mask_merge",
    ] {
        let folder = std::fs::read_dir(root().join(folder)).expect("the folder of samples");
        let paths = folder.map(|entry| entry.expect("an entry").path());
        files.extend(paths.filter(|path| path.extension().is_some_and(|end| end == "h5")));
    }
    files.sort();
    assert!(files.len() > 40, "only {} files", files.len());
    files
}

/// Reverses, or turns by `shift`, every list of layers of functional models.
fn permute(config: &mut Value, shift: Option<usize>) {
    if let Some(layers) = config.get_mut("layers").and_then(Value::as_array_mut) {
        for layer in layers.iter_mut() {
            permute(&mut layer["config"], shift);
        }
        match shift {
            None => layers.reverse(),
            Some(shift) => {
                let count = layers.len();
                layers.rotate_left(shift % count.max(1));
            }
        }
    }
}

fn is_functional(config: &Value) -> bool {
    let layers = config["layers"].as_array();
    !config["input_layers"].is_null()
        && layers.is_some_and(|layers| {
            layers
                .iter()
                .all(|layer| layer["config"]["layers"].is_null() || is_functional(&layer["config"]))
        })
}

fn attribute(file: &H5File, key: &str) -> Option<String> {
    file.string_attribute("/", key)
        .expect("a readable attribute")
}

fn config(file: &H5File) -> Value {
    json::parse(&attribute(file, "model_config").expect("a model")).expect("JSON")
}

fn read_with(file: &H5File, config: &Value) -> Graph {
    let training = attribute(file, "training_config");
    let training = training.map(|text| json::parse(&text).expect("JSON"));
    let version = attribute(file, "keras_version");
    let options = ReadOptions::default();
    read_config(file, "sample.h5", config, training, version, options).expect("a readable model")
}

#[test]
fn any_order_of_layers_gives_the_same_plan() {
    let mut checked = 0;
    for path in files() {
        let file = H5File::open(&path).expect("an HDF5 file");
        let original = config(&file);
        if !is_functional(&original["config"]) {
            continue;
        }
        let graph = read_with(&file, &original);
        let plan = lower(&graph, "sample").expect("a plan");
        let summary = Summary::with_nested(&graph, true).to_json();
        for shift in [None, Some(1), Some(2), Some(5)] {
            let mut permuted = original.clone();
            permute(&mut permuted["config"], shift);
            let permuted = read_with(&file, &permuted);
            let name = path.display();
            assert_eq!(
                Summary::with_nested(&permuted, true).to_json(),
                summary,
                "{name}, {shift:?}"
            );
            let permuted_plan = lower(&permuted, "sample").expect("a plan");
            assert_eq!(permuted_plan.digest(), plan.digest(), "{name}, {shift:?}");
            assert_eq!(
                permuted_plan.to_string(),
                plan.to_string(),
                "{name}, {shift:?}"
            );
            let weights = |graph: &Graph, plan: &burn_keras_import::Plan| -> Vec<Vec<u8>> {
                let parameters = plan.parameters.iter();
                parameters
                    .map(|parameter| {
                        let weight = parameter.weight;
                        let layer = graph.layer(weight.layer);
                        let bytes = layer.weights[weight.index].tensor.read();
                        bytes.expect("a readable weight").into_owned()
                    })
                    .collect()
            };
            assert!(
                weights(&permuted, &permuted_plan) == weights(&graph, &plan),
                "{name}, {shift:?}: other weights"
            );
        }
        checked += 1;
    }
    assert!(checked > 25, "only {checked} functional models");
}

/// Layers that look shared can be kept apart: each has its own parameters then, and the optimizer's
/// state, which counts the shared ones once, does not fit any more.
#[test]
fn shared_layers_can_be_untied() {
    for name in ["nested_k2", "nested_k3"] {
        let path = root().join(format!("models/keras/{name}.h5"));
        let paths = |untie: bool| {
            let options = ReadOptions {
                untie,
                ..ReadOptions::default()
            };
            let graph = read(&path, options).expect("a readable model");
            let plan = lower(&graph, name).expect("a plan");
            let paths: Vec<String> = plan.parameters.into_iter().map(|p| p.path).collect();
            (paths, graph.optimizer.is_ok(), graph.notes)
        };
        let (tied, fits, notes) = paths(false);
        let shared = |paths: &[String]| {
            let is_shared = |path: &&String| path.contains("in_two.") || path.contains("in_outer.");
            paths.iter().filter(is_shared).cloned().collect::<Vec<_>>()
        };
        assert_eq!(
            shared(&tied),
            [
                "in_outer.weight",
                "in_outer.bias",
                "in_two.weight",
                "in_two.bias"
            ],
            "{name}"
        );
        assert!(fits && notes.len() == 2, "{name}: {notes:?}");
        let (untied, fits, _) = paths(true);
        assert_eq!(shared(&untied).len(), 8, "{name}: {untied:?}");
        assert!(!fits, "{name}");
    }
}

/// Keras writes `layers` in the order of `model.layers`, so the file is the reference.
#[test]
fn rows_stand_in_keras_order() {
    for path in files() {
        let file = H5File::open(&path).expect("an HDF5 file");
        let config = config(&file);
        if !is_functional(&config["config"]) {
            continue;
        }
        let graph = read(&path, ReadOptions::default()).expect("a readable model");
        let rows: Vec<String> = Summary::new(&graph)
            .layers
            .into_iter()
            .map(|row| row.name)
            .collect();
        let layers = config["config"]["layers"].as_array().expect("a list");
        let names = layers.iter().map(|layer| &layer["name"]);
        let expected: Vec<&str> = names.filter_map(Value::as_str).collect();
        assert_eq!(rows, expected, "{}", path.display());
    }
}
