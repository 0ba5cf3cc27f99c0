//! A graph that is written as a Keras model reads the same: layers, calls, order, weights to the bit, and the
//! optimizer's state.

#![allow(clippy::unwrap_used, clippy::panic)]

mod same;

use std::path::{Path, PathBuf};

use keras_ir::graph::Graph;
use keras_ir::writer::{WriteError, write_model};
use keras_ir::{ProblemKind, ReadOptions, read};
use same::{assert_same, slots};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every model of the repository that can be read.
fn models() -> Vec<(String, Graph)> {
    let mut folders = vec![root().join("models/keras"), root().join("tests/fixtures")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_model = path
                .extension()
                .is_some_and(|end| end == "h5" || end == "keras");
            if path.is_dir() {
                folders.push(path);
            } else if is_model && !path.to_string_lossy().contains("weights.h5") {
                files.push(path);
            }
        }
    }
    files.sort();
    let models = files.iter().filter_map(|path| {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        Some((name, read(path, ReadOptions::default()).ok()?))
    });
    models.collect()
}

/// What a graph is written to.
fn endings(graph: &Graph) -> &'static [&'static str] {
    if graph.generation.is_keras3() {
        &["h5", "keras"]
    } else {
        &["h5"]
    }
}

#[test]
fn every_model_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = 0;
    let mut failed = Vec::new();
    for (name, graph) in models() {
        for ending in endings(&graph) {
            let file = folder.path().join(format!("model.{ending}"));
            let notes = match write_model(&graph, &file) {
                Ok(notes) => notes,
                Err(WriteError::Model(report)) => {
                    let kinds = report.problems.iter().map(|problem| problem.kind);
                    assert!(
                        kinds.into_iter().all(|kind| kind == ProblemKind::Surgery),
                        "{name}: {report}"
                    );
                    continue;
                }
                Err(error) => panic!("{name}: {error}"),
            };
            let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let again = read(&file, ReadOptions::default());
                let again = again.unwrap_or_else(|report| panic!("{name}: {report}"));
                if same::weights(&graph).is_empty() {
                    assert_eq!(same::structure(&again), same::structure(&graph), "{name}");
                } else {
                    assert_same(&name, ending, &again, &graph);
                }
                if graph.optimizer.is_ok() {
                    assert!(notes.is_empty(), "{name}: {notes:?}");
                    assert_eq!(slots(&again), slots(&graph), "{name}, {ending}: slots");
                }
                assert_eq!(again.training_config, graph.training_config, "{name}");
            }));
            if checked.is_err() {
                failed.push(format!("{name} {ending}"));
            }
            written += 1;
        }
    }
    assert!(failed.is_empty(), "{failed:#?} of {written}");
    assert!(written > 500, "{written}");
}
