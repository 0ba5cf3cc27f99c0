//! The generated files are what an import writes today.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn_keras_import::Import;

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(&path).unwrap())
        })
        .collect()
}

/// `just samples` writes them anew.
#[test]
fn generated_files_are_current() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::tempdir().unwrap();
    let samples = fs::read_dir(here.join("keras")).unwrap();
    let mut samples: Vec<PathBuf> = samples
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "h5"))
        .collect();
    samples.sort();
    let list = fs::read_to_string(here.join("src/lib.rs")).unwrap();
    for sample in &samples {
        let imported = Import::new(sample).out_dir(out.path()).run().unwrap();
        let module = format!("pub mod {};", imported.name);
        assert!(list.contains(&module), "src/lib.rs lacks `{module}`");
    }
    let (committed, fresh) = (files(&here.join("generated")), files(out.path()));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&committed), names(&fresh));
    for (name, bytes) in &fresh {
        assert!(
            committed[name] == *bytes,
            "{name} is not what import writes: just samples"
        );
    }
}
