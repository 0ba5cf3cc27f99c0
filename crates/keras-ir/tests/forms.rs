//! A model saved in every form that its Keras writes gives the same graph: layers, calls, order, weights to
//! the bit, and the optimizer's state where the form has it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod same;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use keras_ir::{ReadOptions, read};
use same::{assert_same, slots};
use tempfile::TempDir;

/// The models: `<case>.h5`, and a folder `<case>` with the other forms.
fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/containers");
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "h5"))
        .collect();
    cases.sort();
    assert!(cases.len() >= 10);
    cases
}

/// The forms of several files, unpacked.
fn unpack(forms: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["saved_model", "checkpoint"] {
        if let Ok(file) = File::open(forms.join(name).with_extension("zip")) {
            let mut archive = zip::ZipArchive::new(file).unwrap();
            archive.extract(folder.path().join(name)).unwrap();
        }
    }
    folder
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
        let unpacked = unpack(&forms);
        let saved_model = unpacked.path().join("saved_model");
        if saved_model.exists() {
            let saved = read(&saved_model, ReadOptions::default());
            let saved = saved.unwrap_or_else(|report| panic!("{report}"));
            assert_same(name, "SavedModel", &saved, &whole);
            assert_eq!(slots(&saved), slots(&whole), "{name}: its state");
        }
        for (architecture, weights) in [
            ("model.json", "model.weights.h5"),
            ("model.json", "weights.h5"),
            ("model.json", "sharded.weights.json"),
            ("model.json", "model.keras"),
            ("model.keras", "model.weights.h5"),
            ("model.json", "checkpoint/weights.index"),
            ("model.keras", "checkpoint/weights.index"),
        ] {
            let places = [forms.join(weights), unpacked.path().join(weights)];
            let Some(weights) = places.into_iter().find(|path| path.exists()) else {
                continue;
            };
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

#[test]
fn keras_1_in_two_files_gives_the_same_graph() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/keras1");
    for name in [
        "conv1d_te",
        "conv1d_th",
        "dense_te",
        "dense_th",
        "merge_shared_te",
    ] {
        let forms = folder.join(name);
        let whole = read(forms.with_extension("h5"), ReadOptions::default());
        let whole = whole.unwrap_or_else(|report| panic!("{report}"));
        let options = ReadOptions {
            weights: Some(forms.join("weights.h5")),
            ..ReadOptions::default()
        };
        let apart = read(forms.join("model.json"), options);
        let apart = apart.unwrap_or_else(|report| panic!("{report}"));
        assert_same(name, "model.json with weights.h5", &apart, &whole);
    }
}
