//! SavedModels of tf.keras: the graph is that of the same model in HDF5;
//! what cannot be revived is named; damaged files are errors.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod writer;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use keras_ir::graph::optimizer::Optimizer;
use keras_ir::graph::{Graph, Layer, LayerKind, Model};
use keras_ir::{ReadOptions, Report, read};
use tempfile::TempDir;
use writer::{Form, Tensor, checkpoint, object};

// === Files to read ===

fn fixture(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/saved_model");
    root.join(name)
}

/// Unpacks `<name>.zip`.
fn unpack(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = File::open(fixture(&format!("{name}.zip"))).unwrap();
    let mut archive = zip::ZipArchive::new(file).unwrap();
    archive.extract(folder.path()).unwrap();
    folder
}

fn open(path: impl AsRef<Path>) -> Result<Graph, Report> {
    read(path, ReadOptions::default())
}

fn saved(name: &str) -> Graph {
    open(unpack(name).path()).unwrap_or_else(|report| panic!("{name}: {report}"))
}

/// The report of a SavedModel that cannot be read, without the folder's name.
fn refused(folder: &Path) -> String {
    let report = open(folder).map(|_| ()).unwrap_err();
    let text = report.to_string();
    text.replace(&folder.display().to_string(), "FOLDER")
}

// === The same graph as the .h5 ===

/// What a model is made of, but for the config's spelling and where weights are stored.
fn structure(graph: &Graph) -> String {
    let model = |model: &Model| {
        let layers: Vec<_> = model
            .layers
            .iter()
            .map(|id| graph.layer(*id))
            .map(layer)
            .collect();
        let tensors: Vec<_> = model.tensors.iter().map(|tensor| &tensor.spec).collect();
        format!(
            "{} {:?} {} {layers:#?} {:#?} {tensors:#?} {:?} {:?} {:?} {}",
            model.name,
            model.class,
            model.trainable,
            model.calls,
            model.inputs,
            model.outputs,
            model.output_keys,
            model.deferred,
        )
    };
    let models: Vec<String> = graph.models.iter().map(model).collect();
    let layers: Vec<String> = graph.layers.iter().map(layer).collect();
    format!("{:?} {layers:#?} {models:#?}", graph.generation)
}

fn layer(layer: &Layer) -> String {
    let kind = match &layer.kind {
        LayerKind::Model(id) => format!("model {}", id.0),
        kind => format!("{kind:?}"),
    };
    format!("{} {} {} {kind}", layer.path, layer.class, layer.trainable)
}

fn assert_same_weights(name: &str, a: &Graph, b: &Graph) {
    for (a, b) in a.layers.iter().zip(&b.layers) {
        assert_eq!(a.weights.len(), b.weights.len(), "{name}: {}", a.path);
        for (of_a, of_b) in a.weights.iter().zip(&b.weights) {
            assert_eq!(of_a.name, of_b.name, "{name}: {}", a.path);
            assert_eq!(of_a.trainable, of_b.trainable);
            assert_eq!(of_a.tensor.shape(), of_b.tensor.shape());
            assert_eq!(of_a.tensor.dtype(), of_b.tensor.dtype());
            let (bytes_a, bytes_b) = (of_a.tensor.read().unwrap(), of_b.tensor.read().unwrap());
            assert_eq!(bytes_a, bytes_b, "{name}: {} {}", a.path, of_a.name);
        }
    }
}

fn assert_same_optimizer(name: &str, a: &Graph, b: &Graph) {
    let state = |graph: &Graph| -> Option<Optimizer> { graph.optimizer.clone().unwrap() };
    let (a, b) = match (state(a), state(b)) {
        (Some(a), Some(b)) => (a, b),
        (None, None) => return,
        _ => panic!("{name}: one form has an optimizer, the other has none"),
    };
    assert_eq!(a.options, b.options, "{name}");
    assert_eq!(a.config, b.config, "{name}");
    assert_eq!(
        (a.iterations, a.learning_rate),
        (b.iterations, b.learning_rate)
    );
    assert_eq!(a.slots.len(), b.slots.len(), "{name}");
    assert!(!a.slots.is_empty(), "{name}: there is no state to compare");
    for (a, b) in a.slots.iter().zip(&b.slots) {
        assert_eq!((a.weight, a.name), (b.weight, b.name), "{name}");
        assert_eq!(a.tensor.read().unwrap(), b.tensor.read().unwrap(), "{name}");
    }
}

#[test]
fn graphs_are_those_of_the_h5_files() {
    for name in [
        "functional",
        "sequential",
        "recurrent",
        "untrained",
        "sequential_before_2_5",
        "untrained_experimental",
    ] {
        let h5 = name.trim_end_matches("_before_2_5");
        let h5 = h5.trim_end_matches("_experimental");
        let h5 = open(fixture(&format!("{h5}.h5"))).unwrap();
        let saved = saved(name);
        assert_eq!(structure(&saved), structure(&h5), "{name}");
        assert_same_weights(name, &saved, &h5);
        assert_same_optimizer(name, &saved, &h5);
        assert_eq!(saved.keras_version, h5.keras_version);
        assert_eq!(
            saved.training_config.is_some(),
            h5.training_config.is_some()
        );
        assert_eq!(saved.notes, h5.notes);
    }
}

#[test]
fn the_file_inside_stands_for_the_folder() {
    let folder = unpack("untrained");
    let by_file = open(folder.path().join("saved_model.pb")).unwrap();
    let by_folder = open(folder.path()).unwrap();
    assert_eq!(structure(&by_file), structure(&by_folder));
}

#[test]
fn architecture_and_weights_may_be_two_files() {
    let h5 = open(fixture("functional.h5")).unwrap();
    let of = |architecture: &Path, weights: PathBuf| {
        let weights = Some(weights);
        let options = ReadOptions {
            weights,
            ..ReadOptions::default()
        };
        read(architecture, options).unwrap_or_else(|report| panic!("{report}"))
    };
    let folder = unpack("functional");
    let of_h5 = of(folder.path(), fixture("functional.h5"));
    assert_same_weights("weights of .h5", &of_h5, &h5);
    let of_saved = of(&fixture("functional.h5"), folder.path().to_owned());
    assert_same_weights("weights of the SavedModel", &of_saved, &h5);
    assert_same_optimizer("weights of the SavedModel", &of_saved, &h5);
    for name in ["functional_weights", "functional_checkpoint"] {
        let checkpoint = unpack(name);
        for file in ["weights", "weights.index"] {
            let graph = of(&fixture("functional.h5"), checkpoint.path().join(file));
            assert_eq!(structure(&graph), structure(&h5), "{name}");
            assert_same_weights(name, &graph, &h5);
            assert_same_optimizer(name, &graph, &h5);
        }
        let report = refused(&checkpoint.path().join("weights"));
        assert!(report.contains("--architecture FILE"), "{report}");
    }
}

// === What cannot be revived ===

#[test]
fn what_has_no_config_is_named_with_the_functions_that_are_there() {
    for (name, expected) in [
        (
            "custom_layer",
            &[
                "layer: twice (Doubling)",
                "serving_default(x: float32 (None, 3)) -> (dense: float32 (None, 2))",
            ][..],
        ),
        (
            "subclassed",
            &[
                "layer: custom (Custom)",
                "a model written as a Python subclass",
                "serving_default(input_1: float32 (None, 3)) -> (y: float32 (None, 2), z: float32 (None, 3))",
            ],
        ),
        (
            "exported",
            &[
                "a SavedModel with the metadata of Keras",
                "functions alone: serving_default(",
            ],
        ),
    ] {
        let report = refused(unpack(name).path());
        for text in expected {
            assert!(
                report.contains(text),
                "{name}: {text:?} is not in\n{report}"
            );
        }
        assert!(report.contains("FOLDER: 1 problem\n"), "{report}");
    }
}

#[test]
fn files_that_are_missing_or_cut_are_named() {
    for (missing, expected) in [
        (
            "saved_model.pb",
            "a folder without config.json and saved_model.pb",
        ),
        (
            "variables/variables.index",
            "variables.index: cannot be read",
        ),
        (
            "variables/variables.data-00000-of-00001",
            "variables.data-00000-of-00001: cannot be read",
        ),
        (
            "keras_metadata.pb",
            "a SavedModel with the metadata of Keras",
        ),
    ] {
        let folder = unpack("untrained");
        fs::remove_file(folder.path().join(missing)).unwrap();
        let report = refused(folder.path());
        assert!(report.contains(expected), "{missing}: {report}");
    }
    for cut in [
        "saved_model.pb",
        "keras_metadata.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
    ] {
        let folder = unpack("untrained");
        let path = folder.path().join(cut);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        refused(folder.path());
    }
}

// === Weights that do not fit ===

/// Replaces text in the metadata by text of the same length.
fn edit_metadata(folder: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let path = folder.join("keras_metadata.pb");
    let mut bytes = fs::read(&path).unwrap();
    let found: Vec<usize> = (0..=bytes.len() - from.len())
        .filter(|at| bytes[*at..].starts_with(from.as_bytes()))
        .collect();
    assert!(!found.is_empty());
    for at in found {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn weights_of_other_shapes_and_left_over_weights_are_reported() {
    let folder = unpack("untrained");
    edit_metadata(folder.path(), "\"units\": 2", "\"units\": 5");
    let report = refused(folder.path());
    assert!(
        report.contains("expected: kernel of shape (3, 5)"),
        "{report}"
    );
    assert!(report.contains("found: shape (3, 2)"), "{report}");

    let folder = unpack("untrained");
    edit_metadata(folder.path(), "\"use_bias\": true", "\"use_bias\":false");
    let report = refused(folder.path());
    assert!(
        report.contains("left-over weight\n     key: layer_with_weights-0/bias"),
        "{report}"
    );
    assert!(report.contains("found: a weight of shape [2]"), "{report}");
}

#[test]
fn objects_are_found_by_name_by_list_or_not_at_all() {
    // The model is a Dense(2) on three features, and a LeakyReLU.
    let kernel: Vec<u8> = (0..6_u8).flat_map(|i| f32::from(i).to_le_bytes()).collect();
    let bias: Vec<u8> = [7.0_f32, 8.0]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let tensors = [
        Tensor::new("k", 1, &[3, 2], &kernel),
        Tensor::new("b", 1, &[2], &bias),
    ];
    let read_with = |dense: &[(&str, u64)]| {
        let objects = [
            object(&[("layer-0", 1)], None),
            object(dense, None),
            object(&[], Some("k")),
            object(&[], Some("b")),
            object(&[("0", 2), ("1", 3)], None),
        ];
        let folder = unpack("untrained");
        let (index, shards) = checkpoint(&tensors, &objects.concat(), Form::default());
        let prefix = folder.path().join("variables/variables");
        fs::write(prefix.with_extension("index"), index).unwrap();
        fs::write(prefix.with_extension("data-00000-of-00001"), &shards[0]).unwrap();
        open(folder.path())
    };
    for dense in [
        &[("kernel", 2), ("bias", 3)][..],
        &[("_kernel", 2), ("bias", 3)],
        &[("variables", 4)],
        &[("kernel", 2), ("variables", 4)],
    ] {
        let graph = read_with(dense).unwrap_or_else(|report| panic!("{dense:?}: {report}"));
        let layer = graph
            .layers
            .iter()
            .find(|layer| layer.name == "dense")
            .unwrap();
        let weights: Vec<_> = layer
            .weights
            .iter()
            .map(|w| (w.name, w.tensor.path()))
            .collect();
        assert_eq!(weights, [("kernel", "k"), ("bias", "b")], "{dense:?}");
    }
    let report = read_with(&[("kernel", 2)])
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        report.contains("missing weight\n     layer: dense (Dense)\n     key: bias"),
        "{report}"
    );
    let report = read_with(&[("kernel", 2), ("bias", 1)])
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(report.contains("found: an object without one"), "{report}");
}

// === Damage ===

#[test]
fn no_damaged_message_takes_the_reader_down() {
    for (name, file) in [
        ("untrained", "keras_metadata.pb"),
        ("untrained", "saved_model.pb"),
        ("sequential_before_2_5", "saved_model.pb"),
    ] {
        let folder = unpack(name);
        let path = folder.path().join(file);
        let whole = fs::read(&path).unwrap();
        let step = 1 + whole.len() / 100;
        for position in (0..whole.len()).step_by(step) {
            let mut damaged = whole.clone();
            damaged[position] ^= 1 << (position % 8);
            fs::write(&path, &damaged).unwrap();
            let _ = open(folder.path());
        }
    }
}
