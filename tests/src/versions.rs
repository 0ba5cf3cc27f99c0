//! Files of the writers of every era (`fixtures/versions`), at run time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use burn_keras::{LoadOptions, Model};

use crate::conformance::{differences, folder, values};
use crate::{Arrays, Backend, Difference};

/// Forms of whole models.
const WHOLE: [&str; 4] = ["h5", "keras", "folder", "savedmodel"];

/// Forms of weights, and of the architecture that goes with them.
const WEIGHTS: [&str; 4] = [
    "list.h5",
    "weights.h5",
    "shards/model.weights.json",
    "checkpoint/weights.index",
];
const ARCHITECTURES: [&str; 2] = ["json", "yaml"];

/// TensorFlow 1.10 left the weights of recurrent layers out of checkpoints.
const INCOMPLETE: (&str, &str) = ("tf-1.10", "checkpoint/weights.index");

/// Holds every file against the outputs that its writer gave.
///
/// # Panics
///
/// When one differs.
pub fn check(backend: Backend) {
    let Some(device) = backend.device() else {
        return;
    };
    let mut largest = Difference::default();
    let mut failures = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(folder("versions")).unwrap() {
        let archive = entry.unwrap().path();
        let writer = archive.file_stem().unwrap().to_str().unwrap().to_owned();
        let files = tempfile::tempdir().unwrap();
        let mut archive = zip::ZipArchive::new(File::open(archive).unwrap()).unwrap();
        archive.extract(files.path()).unwrap();
        for model in ["functional", "sequential", "masked"] {
            let beside = |end: &str| files.path().join(format!("{model}.{end}"));
            let arrays = beside("npz");
            if !arrays.exists() {
                continue;
            }
            let arrays = Arrays::open(&arrays);
            for (form, path, options) in forms(&writer, beside) {
                count += 1;
                match difference(&path, &options, &arrays, &device) {
                    Ok(difference) => largest = largest.max(difference),
                    Err(failure) => failures.push(format!("  {writer}, {model}.{form}: {failure}")),
                }
            }
        }
    }
    println!(
        "{count} files on {backend:?}, largest difference {:.3e}, relative {:.3e}",
        largest.absolute, largest.relative
    );
    assert!(count > 250, "{count} files");
    assert!(
        failures.is_empty(),
        "{} of {count} differ on {backend:?}\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// The forms that a writer has of a model, whose files `beside` names.
fn forms(
    writer: &str,
    beside: impl Fn(&str) -> PathBuf,
) -> Vec<(&'static str, PathBuf, LoadOptions)> {
    let mut forms = Vec::new();
    for form in WHOLE {
        forms.push((form, beside(form), LoadOptions::default()));
    }
    for form in WEIGHTS {
        for architecture in ARCHITECTURES.map(&beside) {
            if architecture.exists() && (writer, form) != INCOMPLETE {
                let options = LoadOptions::default().with_architecture(architecture);
                forms.push((form, beside(form), options));
            }
        }
    }
    forms.retain(|(_, path, _)| path.exists());
    forms
}

fn difference(
    path: &Path,
    options: &LoadOptions,
    arrays: &Arrays,
    device: &Device,
) -> Result<Difference, String> {
    let model = Model::load_with(path, options, device).map_err(|error| error.to_string())?;
    let inputs = values(&model, arrays, device);
    let outputs = model.predict(inputs).map_err(|error| error.to_string())?;
    differences(&model, &outputs, arrays)
}
