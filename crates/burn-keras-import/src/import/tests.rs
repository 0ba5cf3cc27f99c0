//! Imports of the sample models.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;

use super::*;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/keras")
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect()
}

#[test]
fn importing_twice_gives_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut count = 0;
    for entry in fs::read_dir(samples()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "h5") {
            continue;
        }
        count += 1;
        for folder in [&one, &two] {
            Import::new(&path).out_dir(folder.path()).run().unwrap();
        }
        // And once more over what is there.
        Import::new(&path).out_dir(one.path()).run().unwrap();
    }
    assert!(count > 0);
    let first = files(one.path());
    assert!(first.len() > 3 * count);
    let second = files(two.path());
    assert_eq!(
        first.keys().collect::<Vec<_>>(),
        second.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in first {
        assert!(second[&name] == bytes, "{name}");
    }
}

#[test]
fn a_stale_optimizer_record_goes() {
    let folder = tempfile::tempdir().unwrap();
    let import = Import::new(samples().join("sgd_k3.h5")).out_dir(folder.path());
    let with = import.run().unwrap();
    assert_eq!(with.name, "sgd_k3");
    assert!(with.optimizer().unwrap().exists());
    assert_eq!(with.source().unwrap(), folder.path().join("sgd_k3.rs"));
    let without = import.optimizer(OptimizerState::Leave).run().unwrap();
    assert_eq!(without.optimizer(), None);
    let names: Vec<_> = files(folder.path()).into_keys().collect();
    assert_eq!(names, ["sgd_k3.bpk", "sgd_k3.rs", "sgd_k3.summary.txt"]);
}

#[test]
fn an_optimizer_that_does_not_fit_can_start_anew_or_be_left_out() {
    let errors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/errors");
    let folder = tempfile::tempdir().unwrap();
    let broken = |state| {
        let import = Import::new(errors.join("optimizer_order_k3.h5")).out_dir(folder.path());
        import.name("chain").optimizer(state).run()
    };
    let refused = broken(OptimizerState::Keep).unwrap_err().to_string();
    assert!(refused.contains("--fresh-optimizer"), "{refused}");
    assert!(files(folder.path()).is_empty());
    for state in [OptimizerState::Fresh, OptimizerState::Leave] {
        let imported = broken(state).unwrap();
        assert_eq!(imported.optimizer(), None);
        let found = files(folder.path()).into_keys();
        assert!(found.eq(["chain.bpk", "chain.rs", "chain.summary.txt"].map(str::to_owned)));
    }

    // An optimizer that is not known cannot start anew.
    let custom = |state| {
        let import = Import::new(errors.join("custom_optimizer.h5")).out_dir(folder.path());
        import.optimizer(state).run()
    };
    let refused = custom(OptimizerState::Fresh).unwrap_err().to_string();
    assert!(refused.contains("Mine>Adam"), "{refused}");
    custom(OptimizerState::Leave).unwrap();
}

#[test]
fn an_import_that_fails_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let good = fs::read(samples().join("sgd_k3.h5")).unwrap();
    let model = folder.path().join("model.h5");
    let out = folder.path().join("out");
    fs::write(&model, &good).unwrap();
    Import::new(&model).out_dir(&out).run().unwrap();
    let before = files(&out);
    fs::write(&model, &good[..good.len() / 2]).unwrap();
    let error = Import::new(&model).out_dir(&out).run().unwrap_err();
    assert!(matches!(error, ImportError::Model(_)), "{error}");
    assert_eq!(files(&out), before);

    let nowhere = folder.path().join("nowhere");
    Import::new(&model).out_dir(&nowhere).run().unwrap_err();
    assert!(!nowhere.exists());
}

#[test]
fn names_become_modules() {
    for (name, expected) in [
        ("siamese", "siamese"),
        ("My Model-2", "my_model_2"),
        ("2d", "model_2d"),
        ("_private", "private"),
        ("fn", "fn_"),
        ("../../etc/passwd", "etc_passwd"),
        ("", "model"),
        ("日本", "model"),
    ] {
        assert_eq!(names::module_name(name), expected, "{name:?}");
        assert_eq!(names::module_name(expected), expected, "{name:?}");
    }
    let error = Import::new("x.h5").name("../x").run().unwrap_err();
    let expected = "\"../x\" cannot name a Rust module; \"x\" can";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn models_are_named_after_their_file_or_folder() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("stager-1.5");
    fs::create_dir(&saved).unwrap();
    fs::write(saved.join("saved_model.pb"), "").unwrap();
    for (input, expected) in [
        (saved.clone(), "stager-1.5"),
        (saved.join("saved_model.pb"), "stager-1.5"),
        (folder.path().join("siamese.keras"), "siamese"),
    ] {
        assert_eq!(Import::new(input).default_name(), expected);
    }
}
