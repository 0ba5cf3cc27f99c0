//! SavedModels of tf.keras: the graph is that of the same model in HDF5; what cannot be revived is
//! named; damaged files are errors.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use keras_ir::container::{ByteView, Checkpoint, ContainerError};
use keras_ir::graph::optimizer::Optimizer;
use keras_ir::graph::{Graph, Layer, LayerKind, Model};
use keras_ir::{ReadOptions, Report, read};
use tempfile::TempDir;

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
        let layers: Vec<_> = model.layers.iter().map(|id| graph.layer(*id)).map(layer).collect();
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
    assert_eq!(a.class, b.class, "{name}");
    assert_eq!(a.config, b.config, "{name}");
    assert_eq!((a.iterations, a.learning_rate), (b.iterations, b.learning_rate));
    assert_eq!(a.slots.len(), b.slots.len(), "{name}");
    assert!(!a.slots.is_empty(), "{name}: there is no state to compare");
    for (a, b) in a.slots.iter().zip(&b.slots) {
        assert_eq!((a.weight, a.name), (b.weight, b.name), "{name}");
        assert_eq!(a.tensor.read().unwrap(), b.tensor.read().unwrap(), "{name}");
    }
}

#[test]
fn graphs_are_those_of_the_h5_files() {
    for name in ["functional", "sequential", "recurrent", "untrained", "sequential_before_2_5"] {
        let h5 = name.trim_end_matches("_before_2_5");
        let h5 = open(fixture(&format!("{h5}.h5"))).unwrap();
        let saved = saved(name);
        assert_eq!(structure(&saved), structure(&h5), "{name}");
        assert_same_weights(name, &saved, &h5);
        assert_same_optimizer(name, &saved, &h5);
        assert_eq!(saved.keras_version, h5.keras_version);
        assert_eq!(saved.training_config.is_some(), h5.training_config.is_some());
        assert_eq!(saved.notes, h5.notes);
    }
}
