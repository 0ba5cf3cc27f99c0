//! Models at run time against the outputs that Keras gave.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use burn_keras::{Model, Value};

use crate::{Arrays, Backend, Tolerance, compare};

/// A saved model with reference arrays.
#[derive(Clone, Debug)]
pub struct Case {
    /// The model's file, without its extension.
    pub name: String,
    /// The model.
    pub model: PathBuf,
    /// The arrays.
    pub arrays: PathBuf,
}

/// The folder of a family of fixtures; the samples are the family `samples`.
pub fn folder(family: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if family == "samples" {
        here.join("../models/keras")
    } else {
        here.join("fixtures").join(family)
    }
}

/// The families of fixtures that have reference arrays.
pub fn families() -> Vec<String> {
    let entries = fs::read_dir(folder("")).unwrap();
    let folders = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir());
    let names = folders.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let mut names: Vec<String> = names.filter(|name| name != "errors").collect();
    names.sort();
    names
}

/// The models of a family, each with its arrays.
pub fn cases(family: &str) -> Vec<Case> {
    let entries = fs::read_dir(folder(family)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut models: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "h5"))
        .collect();
    models.sort();
    let cases = models.into_iter().map(|model| Case {
        name: model.file_stem().unwrap().to_str().unwrap().to_owned(),
        arrays: model.with_extension("npz"),
        model,
    });
    cases.collect()
}

/// Runs every model of a family on a backend, and fails with a list of those that differ.
pub fn check_family(family: &str, backend: Backend) {
    let Some(device) = backend.device() else {
        return;
    };
    let cases = cases(family);
    assert!(!cases.is_empty(), "{family}: there are no fixtures");
    let count = cases.len();
    let mut failures = Vec::new();
    let mut largest = 0.0_f64;
    for case in &cases {
        match check(case, &device, backend) {
            Ok(difference) => largest = largest.max(difference),
            Err(failure) => failures.push(format!("  {}: {failure}", case.name)),
        }
    }
    println!("{family} on {backend:?}: {count} models, largest difference {largest:.3e}");
    assert!(
        failures.is_empty(),
        "{family} on {backend:?}: {} of {count} differ\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// The largest difference, or everything that is wrong. On one backend each sample alone must give
/// what it gives in the batch, but in models called `whole_batch`, which mix samples.
fn check(case: &Case, device: &Device, backend: Backend) -> Result<f64, String> {
    let model = Model::load(&case.model, device).map_err(|error| error.to_string())?;
    let arrays = Arrays::open(&case.arrays);
    let mut largest = check_outputs(&model, &arrays, device)?;
    let mixes_samples = case.name.starts_with("whole_batch");
    if backend == Backend::Flex && arrays.batch() > 1 && !mixes_samples {
        for index in [0, arrays.batch() - 1] {
            let alone = check_outputs(&model, &arrays.sample(index), device)
                .map_err(|error| format!("sample {index} alone: {error}"))?;
            largest = largest.max(alone);
        }
    }
    Ok(largest)
}

fn check_outputs(model: &Model, arrays: &Arrays, device: &Device) -> Result<f64, String> {
    let inputs: Vec<Value> = arrays
        .inputs
        .iter()
        .map(|array| array.value(device))
        .collect();
    let outputs = model.predict(inputs).map_err(|error| error.to_string())?;
    if outputs.len() != arrays.outputs.len() {
        return Err(format!(
            "{} outputs, the reference has {}",
            outputs.len(),
            arrays.outputs.len()
        ));
    }
    let names = model.output_names();
    let mut problems = Vec::new();
    let mut largest = 0.0_f64;
    for (index, (output, expected)) in outputs.iter().zip(&arrays.outputs).enumerate() {
        let data = output.to_data().unwrap();
        let found: Vec<f64> = data.iter::<f64>().collect();
        let found = (&output.shape()[..], &found[..]);
        let (shape, values) = (expected.shape(), expected.values());
        match compare(found, (&shape, &values), Tolerance::default()) {
            Ok(difference) => largest = largest.max(difference),
            Err(problem) => problems.push(format!("output {index} ({}): {problem}", names[index])),
        }
    }
    if problems.is_empty() {
        Ok(largest)
    } else {
        Err(problems.join("; "))
    }
}

/// One test per family, on the backend `$backend`; and one that no family is left out.
#[macro_export]
macro_rules! conformance {
    ($backend:expr; $($family:ident)*) => {
        $(
            #[test]
            fn $family() {
                $crate::check_family(stringify!($family), $backend);
            }
        )*

        #[test]
        fn every_family_is_tested() {
            let mut tested = vec![$(stringify!($family)),*];
            tested.retain(|family| *family != "samples");
            tested.sort_unstable();
            assert_eq!(tested, $crate::conformance::families());
        }
    };
}

/// [`conformance`] of all families.
#[macro_export]
macro_rules! all_families {
    ($backend:expr) => {
        $crate::conformance! {
            $backend;
            samples activation average_pooling1d average_pooling2d batch_normalization concatenate
            conv1d conv2d dense depthwise_conv2d dot dropout elu embedding flatten global_pooling
            group_normalization layer_normalization leaky_relu lstm mask_merge mask_propagation
            masking max_pooling1d max_pooling2d merge nested_mask normalization optimizers permute prelu relu
            repeat_vector reshape rms_normalization softmax structure thresholded_relu
            time_distributed unit_normalization zero_padding
        }
    };
}
