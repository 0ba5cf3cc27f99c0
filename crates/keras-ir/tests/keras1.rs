//! Files of Keras 1: what their configs become, whose slots are whose, and what is refused.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use keras_ir::container::{Container, H5File};
use keras_ir::graph::LayerKind;
use keras_ir::graph::optimizer::SlotName;
use keras_ir::layer::LayerKind as Class;
use keras_ir::layer::keras1::EarlyStatistics;
use keras_ir::{Graph, ReadOptions, Report, read, read_config};
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.join("../../tests/fixtures/keras1").join(name)
}

fn open(name: &str) -> Graph {
    read(fixture(name), ReadOptions::default()).unwrap_or_else(|report| panic!("{report}"))
}

/// Reads `config` with the weights of a fixture.
fn with_weights_of(name: &str, config: &Value) -> Result<Graph, Report> {
    let file = H5File::open(&fixture(name)).unwrap();
    let version = Some("1.2.2".to_owned());
    read_config(&file, name, config, None, version, ReadOptions::default())
}

/// The problems of a Sequential of `layers`, by kind, key and layer.
fn refused(layers: &Value) -> Vec<String> {
    let config = json!({"class_name": "Sequential", "config": layers});
    problems(&with_weights_of("dense_te.h5", &config).unwrap_err())
}

/// Kind, key and layer of problems, but for those of the weights, which are another model's.
fn problems(report: &Report) -> Vec<String> {
    let problems = report.problems.iter();
    let lines = problems.map(|problem| {
        format!(
            "{:?} {} {}",
            problem.kind,
            problem.layer.as_deref().unwrap_or_default(),
            problem.key.as_deref().unwrap_or_default()
        )
    });
    lines
        .filter(|line| !line.starts_with("LeftOverWeight") && !line.starts_with("MissingWeight"))
        .collect()
}

/// The fixtures give every slot as a multiple of its weight, in the layout of the file.
#[test]
fn slots_are_arranged_as_their_weights() {
    let mut count = 0;
    for name in [
        "activations_te",
        "activations_th",
        "conv2d_tf_te",
        "conv2d_tf_th",
        "conv2d_th_te",
        "conv2d_th_th",
        "dense_te",
        "dense_th",
        "merge_first_th",
        "merge_nested_te",
        "nested_recurrent_th",
        "nested_te",
        "versions_th_107",
        "versions_th_112",
    ] {
        let graph = open(&format!("{name}.h5"));
        let optimizer = graph.optimizer.as_ref().unwrap().as_ref();
        for slot in optimizer.map_or(&[][..], |optimizer| &optimizer.slots) {
            let layer = graph.layer(slot.weight.layer);
            let weight = &layer.weights[slot.weight.index].tensor;
            assert_eq!(weight.shape(), slot.tensor.shape());
            let (values, found) = (weight.read_f32().unwrap(), slot.tensor.read_f32().unwrap());
            for (w, slot_value) in values.iter().zip(found) {
                let expected = match slot.name {
                    SlotName::Velocity => 3.0 * w * w,
                    _ => -2.0 * w,
                };
                let difference = (expected - slot_value).abs();
                assert!(difference < 1e-5, "{name} {}: {difference}", layer.path);
            }
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn iterations_and_learning_rate_are_read() {
    for name in ["dense_te.h5", "dense_th.h5"] {
        let graph = open(name);
        let optimizer = graph.optimizer.unwrap().unwrap();
        assert_eq!(optimizer.options.class.as_str(), "Adam");
        assert_eq!(optimizer.iterations, Some(1));
        assert!((optimizer.learning_rate.unwrap() - 0.001).abs() < 1e-9);
    }
}

#[test]
fn layers_have_the_classes_of_keras_2() {
    let classes = |name: &str| -> Vec<String> {
        let graph = open(name);
        let layers = graph.root().layers.iter();
        layers.map(|id| graph.layer(*id).class.clone()).collect()
    };
    assert_eq!(
        classes("merge_modes_te.h5")[5..],
        [
            "Add",
            "Multiply",
            "Average",
            "Maximum",
            "Concatenate",
            "Average",
            "Concatenate",
            "Concatenate"
        ]
    );
    let convolutions = classes("conv2d_th_th.h5");
    assert_eq!(convolutions[..2], ["Conv2D", "ZeroPadding2D"]);
}

/// The backend decides numbers, and only the names of weights tell it.
#[test]
fn a_note_says_what_backend_was_found() {
    for (name, backend) in [("dense_te.h5", "TensorFlow"), ("dense_th.h5", "Theano")] {
        let notes = open(name).notes;
        assert!(notes.iter().any(|note| note.contains(backend)), "{notes:?}");
    }
}

#[test]
fn a_layer_that_begins_two_branches_is_one() {
    let graph = open("merge_shared_te.h5");
    let shared: Vec<_> = graph
        .layers
        .iter()
        .filter(|layer| layer.name == "shared")
        .collect();
    assert_eq!(shared.len(), 1);
    assert_eq!(graph.root().inputs.len(), 1);
}

#[test]
fn old_names_and_shapes_of_inputs_are_read() {
    // Before 1.0 the class stood in `name`.
    let layers = json!([
        {"name": "Dense", "custom_name": "first", "output_dim": 6, "input_dim": 5, "activation": "linear"},
        {"class_name": "Flatten", "config": {"name": "flat"}},
    ]);
    let config = json!({"class_name": "Sequential", "config": layers});
    let report = with_weights_of("dense_te.h5", &config).unwrap_err();
    let missing = report
        .problems
        .iter()
        .find(|problem| problem.layer.as_deref() == Some("first"));
    assert!(missing.is_some_and(|problem| problem.key.as_deref() == Some("model_weights/first")));
}

#[test]
fn what_keras_2_has_no_equal_of_is_refused() {
    let first = json!({"class_name": "Dense", "config": {
        "name": "d", "output_dim": 2, "batch_input_shape": [null, 3]
    }});
    let behind = |class: &str, mut config: Value| {
        config["name"] = json!("x");
        refused(&json!([first, {"class_name": class, "config": config}]))
    };
    // A custom layer, whatever later Keras has under its name.
    assert_eq!(
        behind("LayerNormalization", json!({})),
        ["UnknownLayer x class_name"]
    );
    assert_eq!(
        behind("BatchNormalization", json!({"mode": 3})),
        ["UnsupportedOption x mode"]
    );
    assert_eq!(
        behind("Merge", json!({"mode": "lambda", "mode_type": "lambda"})),
        ["UnsupportedOption x mode_type"]
    );
    let deconvolution = json!({
        "nb_filter": 2, "nb_row": 3, "nb_col": 3, "subsample": [2, 2], "border_mode": "valid",
        "dim_ordering": "tf", "output_shape": [null, 2, 9, 2]
    });
    assert_eq!(
        behind("Deconvolution2D", deconvolution),
        ["UnsupportedOption x output_shape"]
    );
}

/// Windows and products that each backend makes otherwise, or not at all.
#[test]
fn what_the_backend_does_not_have_is_refused() {
    let input = |name: &str, shape: Value| {
        json!({"class_name": "InputLayer", "name": name, "inbound_nodes": [], "config": {
            "name": name, "batch_input_shape": shape, "input_dtype": "float32", "sparse": false
        }})
    };
    let merge = |shapes: [Value; 2], options: Value| {
        let mut config = options;
        config["name"] = json!("m");
        let [a, b] = shapes;
        let merge = json!({"class_name": "Merge", "name": "m", "config": config,
            "inbound_nodes": [[["a", 0, 0], ["b", 0, 0]]]});
        let model = json!({"class_name": "Model", "config": {
            "layers": [input("a", a), input("b", b), merge],
            "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["m", 0, 0]]
        }});
        problems(&with_weights_of("dense_te.h5", &model).unwrap_err())
    };
    let matrices = || json!([null, 3, 4]);
    let images = || json!([null, 2, 3, 4]);
    let dot = json!({"mode": "dot", "dot_axes": [3, 3]});
    assert_eq!(merge([images(), images()], dot), ["Shape m inputs"]);
    let dot = json!({"mode": "dot", "dot_axes": [-1, -1]});
    assert_eq!(merge([matrices(), matrices()], dot), ["Shape m inputs"]);
    let cos = json!({"mode": "cos", "dot_axes": 2});
    let found = merge([matrices(), matrices()], cos);
    assert!(!found.is_empty());
    // Keras 1 does not broadcast.
    let sum = json!({"mode": "sum"});
    assert_eq!(
        merge([matrices(), json!([null, 1, 4])], sum),
        ["Shape m inputs"]
    );
    for mode in ["sqrt", "SUM"] {
        let options = json!({"mode": mode, "mode_type": "raw"});
        assert_eq!(
            merge([matrices(), matrices()], options),
            ["UnsupportedOption m mode"]
        );
    }
    let function = json!({"mode": "my_merge", "mode_type": "function"});
    assert_eq!(
        merge([matrices(), matrices()], function),
        ["UnsupportedOption m mode_type"]
    );
    for mode in ["full", "half", "reflect"] {
        let layers = json!([{"class_name": "Convolution1D", "config": {
            "name": "c", "nb_filter": 2, "filter_length": 3, "border_mode": mode,
            "subsample_length": 1, "activation": "linear", "batch_input_shape": [null, 8, 2]
        }}]);
        assert_eq!(refused(&layers), ["UnsupportedOption c padding"], "{mode}");
    }
}

/// Two Theanos had other borders, and no file tells which it was.
#[test]
fn volumes_of_even_windows_are_refused_on_theano() {
    let layers = |size: usize| {
        let layer = json!({"class_name": "Convolution3D", "config": {
            "name": "c", "nb_filter": 2, "kernel_dim1": size, "kernel_dim2": 3, "kernel_dim3": 3,
            "border_mode": "same", "subsample": [1, 1, 1], "dim_ordering": "th", "bias": true,
            "activation": "linear", "batch_input_shape": [null, 2, 5, 5, 5]
        }});
        let config = json!({"class_name": "Sequential", "config": [layer]});
        problems(&with_weights_of("dense_th.h5", &config).unwrap_err())
    };
    assert_eq!(layers(2), ["UnsupportedOption c border_mode"]);
    assert!(layers(3).is_empty());
}

/// Some configs leave the ordering of their axes out.
#[test]
fn an_ordering_that_is_left_out_is_noted() {
    for (name, taken) in [
        ("ordering_te", "Keras's default, channels_last"),
        (
            "reshaping_th_th",
            "that of the other layers, channels_first",
        ),
    ] {
        let notes = open(&format!("{name}.h5")).notes;
        assert!(notes.iter().any(|note| note.contains(taken)), "{notes:?}");
    }
    // The default was another one before 1.1.
    let file = H5File::open(&fixture("ordering_te.h5")).unwrap();
    let config = file.string_attribute("/", "model_config").unwrap().unwrap();
    let config = serde_json::from_str(&config).unwrap();
    let version = Some("1.0.8".to_owned());
    let report = read_config(
        &file,
        "file",
        &config,
        None,
        version,
        ReadOptions::default(),
    );
    let problems = report.unwrap_err().problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(format!("{:?}", problems[0].kind), "WeightShape");
}

/// Early versions normalized otherwise, each backend until another version.
#[test]
fn early_batch_normalization_is_another_layer() {
    let kind = |name: &str, version: Option<&str>| -> &'static str {
        let file = H5File::open(&fixture(name)).unwrap();
        let config = file.string_attribute("/", "model_config").unwrap().unwrap();
        let config = serde_json::from_str(&config).unwrap();
        let version = version.map(str::to_owned);
        let read = read_config(
            &file,
            "file",
            &config,
            None,
            version,
            ReadOptions::default(),
        );
        let graph = read.unwrap_or_else(|report| panic!("{report}"));
        let mut layers = graph.layers.iter();
        let layer = layers
            .find(|layer| layer.class == "BatchNormalization")
            .unwrap();
        match &layer.kind {
            LayerKind::Layer(Class::BatchNormalization(_)) => "as later",
            LayerKind::Layer(Class::EarlyBatchNormalization(early)) => match early.statistics {
                EarlyStatistics::Deviation => "deviation",
                EarlyStatistics::Variance => "variance",
                _ => "no mode",
            },
            _ => "another",
        }
    };
    assert_eq!(kind("dense_th.h5", None), "deviation");
    assert_eq!(kind("dense_th.h5", Some("1.0.6")), "deviation");
    assert_eq!(kind("dense_th.h5", Some("1.0.7")), "variance");
    assert_eq!(kind("dense_th.h5", Some("1.0.8")), "as later");
    assert_eq!(kind("dense_te.h5", Some("1.0.5")), "deviation");
    assert_eq!(kind("dense_te.h5", Some("1.0.6")), "as later");
}

/// A model of its own whose weights are listed by branch.
#[test]
fn a_merge_may_begin_a_model_inside() {
    let graph = open("merge_nested_te.h5");
    let inner = &graph.models[0];
    let names: Vec<&str> = inner
        .layers
        .iter()
        .map(|id| graph.layer(*id).name.as_str())
        .filter(|name| !name.contains("input") && !name.contains("merge"))
        .collect();
    assert_eq!(names, ["long_1", "norm_1", "long_2", "short", "last"]);
    assert_eq!(inner.inputs.len(), 2);
}

#[test]
fn what_is_no_config_is_a_problem() {
    let merge = json!({"class_name": "Merge", "config": {"name": "m", "mode": "sum", "layers": [
        {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {
            "name": "d", "output_dim": 2, "batch_input_shape": [null, 3]
        }}, 3]},
        {"class_name": "Model", "config": "graph"}
    ]}});
    for config in [
        json!(3),
        json!({"layers": "none"}),
        json!([]),
        json!([null]),
        json!([{"class_name": "Model", "config": 3}]),
        json!([merge.clone(), "layer"]),
        json!([merge]),
    ] {
        for class in ["Sequential", "Model"] {
            let model = json!({"class_name": class, "config": config});
            let report = with_weights_of("dense_te.h5", &model).unwrap_err();
            assert!(!report.problems.is_empty());
        }
    }
}

/// What acts in training alone is said, not left out in silence.
#[test]
fn dropout_of_an_embedding_is_noted() {
    for name in ["masked_te.h5", "masked_th.h5"] {
        let notes = open(name).notes;
        let says = |note: &String| note.contains("(Embedding): its dropout acts in training alone");
        assert!(notes.iter().any(says), "{notes:?}");
    }
}
