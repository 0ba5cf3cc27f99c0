//! What reviewers look at when Burn, a model or this importer changes: summary, drawing, source, layouts
//! of the records, error messages. Every snapshot is in `snapshots/`, at the top of the repository.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod exports;
mod inspections;
mod surgery;
mod wrong_files;

use std::path::{Path, PathBuf};

use burn_keras_import::codegen::{CodegenOptions, generate};
use burn_keras_import::lower::lower;
use burn_keras_import::record::{self, layout};
use keras_ir::plot::{Plot, PlotOptions};
use keras_ir::summary::Summary;
use keras_ir::{ReadOptions, Report, read};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn models(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).expect("the folder of models");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "h5"))
        .collect();
    files.sort();
    files
}

fn stem(path: &Path) -> &str {
    path.file_stem()
        .and_then(|stem| stem.to_str())
        .expect("a name")
}

/// Compares `text` with the snapshot `name`.
fn check(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn samples() {
    for path in models("models/keras") {
        let name = stem(&path);
        let graph = read(&path, ReadOptions::default()).expect("a readable model");
        let plan = lower(&graph, name).expect("a plan");
        check(
            &format!("{name}.summary"),
            &Summary::new(&graph).to_string(),
        );
        check(
            &format!("{name}.source"),
            &generate(&plan, &CodegenOptions::default()),
        );
        let weights = layout::of_weights(&plan);
        check(&format!("{name}.weights"), &weights.to_string());
        // What is written has the layout that the plan says.
        let record = record::weights(&plan, &graph).expect("a record");
        let bytes = record.into_bytes().expect("the record's bytes");
        let written = layout::of_weights_bytes(&bytes).expect("a layout");
        assert_eq!(written.to_string(), weights.to_string(), "{name}");

        let Some(optimizer) = graph.optimizer.as_ref().expect("optimizer state that fits") else {
            continue;
        };
        let slots = layout::of_optimizer(&plan, &graph, optimizer);
        check(&format!("{name}.optimizer"), &slots.to_string());
        let record = record::optimizer(&plan, &graph, optimizer).expect("a record");
        let bytes = record
            .expect("state")
            .into_bytes()
            .expect("the record's bytes");
        let written = layout::of_optimizer_bytes(&bytes).expect("a layout");
        assert_eq!(written.to_string(), slots.to_string(), "{name}");
    }
}

/// Drawings of a layer that is called twice, of models in models, and of operations.
#[test]
fn plots() {
    for (name, expand_nested) in [
        ("models/keras/siamese_k3.h5", false),
        ("models/keras/nested_k3.h5", true),
        ("tests/fixtures/operations/masks_k2.h5", false),
    ] {
        let path = root().join(name);
        let graph = read(&path, ReadOptions::default()).expect("a readable model");
        let options = PlotOptions {
            expand_nested,
            ..PlotOptions::default()
        };
        let plot = Plot::new(&graph, &options);
        check(&format!("plot.{}", stem(&path)), &plot.to_dot());
    }
}

/// The state of each optimizer of Keras 3 for one model; the tests of resumed training hold what
/// Burn saves on each backend against the same layouts.
#[test]
fn optimizers() {
    let folder = root().join("tests/fixtures/resume");
    for name in [
        "accumulation",
        "adadelta",
        "adafactor",
        "adagrad",
        "adam_amsgrad",
        "adam",
        "adamax",
        "adamw",
        "ema",
        "ftrl",
        "lamb",
        "lion",
        "loss_scale",
        "muon",
        "nadam",
        "rmsprop_centered",
        "rmsprop",
        "sgd_momentum",
    ] {
        let path = folder.join(format!("{name}_k3.keras"));
        let graph = read(&path, ReadOptions::default()).expect("a readable model");
        let plan = lower(&graph, "net").expect("a plan");
        let state = graph.optimizer.as_ref().expect("state that fits");
        let state = state.as_ref().expect("state");
        let slots = layout::of_optimizer(&plan, &graph, state);
        check(&format!("optimizer.{name}"), &slots.to_string());
    }
}

/// Everything that is wrong with a file, as people read it.
#[test]
fn problems() {
    let mut refused = 0;
    for path in models("tests/fixtures/errors") {
        let problems = match read(&path, ReadOptions::default()) {
            Err(report) => report.problems,
            Ok(graph) => match (lower(&graph, "broken"), graph.optimizer) {
                (Err(report), _) => report.problems,
                (Ok(_), Err(problems)) => problems,
                (Ok(_), Ok(_)) => continue,
            },
        };
        let name = stem(&path);
        let report = Report {
            file: format!("{name}.h5"),
            problems,
        };
        // Messages name the file as it was given.
        let folder = format!("{}/", path.parent().expect("a folder").display());
        check(
            &format!("problems.{name}"),
            &report.to_string().replace(&folder, ""),
        );
        refused += 1;
    }
    assert!(refused > 50, "only {refused} files were refused");
}
