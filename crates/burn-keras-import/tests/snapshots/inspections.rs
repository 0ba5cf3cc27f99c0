//! What `burn-keras inspect` shows of each kind of file, readable or not.

use std::fs::File;
use std::path::PathBuf;

use keras_ir::{ReadOptions, inspect};

use super::{check, root};

fn show(name: &str, path: PathBuf, options: ReadOptions) {
    let path = root().join(path);
    let inspection = inspect(&path, options).unwrap_or_else(|report| panic!("{report}"));
    let folder = format!("{}/", path.parent().unwrap().display());
    check(
        &format!("inspect.{name}"),
        &inspection.to_string().replace(&folder, ""),
    );
}

#[test]
fn whole_models() {
    for (name, path) in [
        ("h5", "models/keras/shared_depths_k3.h5"),
        (
            "keras",
            "tests/fixtures/containers/functional_k3/model.keras",
        ),
        (
            "early_keras",
            "tests/fixtures/containers/masked_k2/model.keras",
        ),
    ] {
        show(name, path.into(), ReadOptions::default());
    }
}

#[test]
fn halves_of_models() {
    let forms = PathBuf::from("tests/fixtures/containers/sequential_k3");
    for (name, file) in [
        ("architecture", "model.json"),
        ("weights", "model.weights.h5"),
        ("shards", "sharded.weights.json"),
    ] {
        show(name, forms.join(file), ReadOptions::default());
    }
    let options = ReadOptions {
        weights: Some(root().join(&forms).join("model.weights.h5")),
        ..ReadOptions::default()
    };
    show("two_files", forms.join("model.json"), options);
}

#[test]
fn models_that_cannot_be_read() {
    for name in [
        "registered_layer_k3",
        "registered_layer_k2",
        "lambda_layer_k3",
        "missing_weight_k3",
        "unsupported_optimizer_k3",
    ] {
        let path = format!("tests/fixtures/errors/{name}.h5");
        show(name, path.into(), ReadOptions::default());
    }
}

#[test]
fn saved_models() {
    for name in ["functional", "custom_layer", "subclassed", "exported"] {
        let archive = root().join(format!("tests/fixtures/saved_model/{name}.zip"));
        let folder = tempfile::tempdir().unwrap();
        let mut archive = zip::ZipArchive::new(File::open(archive).unwrap()).unwrap();
        archive.extract(folder.path().join("model")).unwrap();
        let name = format!("saved_model_{name}");
        show(&name, folder.path().join("model"), ReadOptions::default());
    }
}

/// The machine-readable form holds the same.
#[test]
fn json() {
    let path = root().join("models/keras/branches_k3.h5");
    let inspection = inspect(&path, ReadOptions::default()).unwrap();
    let folder = format!("{}/", path.parent().unwrap().display());
    let text = format!("{:#}", inspection.to_json());
    check("inspect.json", &text.replace(&folder, ""));
}
