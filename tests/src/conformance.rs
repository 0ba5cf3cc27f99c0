//! Models, at run time and as generated source, against the outputs that Keras gave.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use burn::tensor::{Device, TensorData};
use burn_keras::{Model, Value};
use burn_keras_import::lower::lower;
use burn_keras_import::record;
use keras_ir::graph::LayerKind;
use keras_ir::shape::Kind;
use keras_ir::{Generation, Graph, ReadOptions, read};

use crate::generated::SOURCES;
use crate::{Arrays, Backend, Difference, Tolerance, compare};

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

/// The models of a family, each with its arrays.
pub fn cases(family: &str) -> Vec<Case> {
    let entries = fs::read_dir(folder(family)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut models: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "h5"))
        .filter(|path| path.with_extension("npz").exists())
        .collect();
    models.sort();
    let cases = models.into_iter().map(|model| Case {
        name: model.file_stem().unwrap().to_str().unwrap().to_owned(),
        arrays: model.with_extension("npz"),
        model,
    });
    cases.collect()
}

/// What one model showed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The classes of its layers, those inside of wrappers and models included.
    pub classes: BTreeSet<String>,
    /// Who wrote it.
    pub generation: Generation,
    /// How far the run-time model is from Keras.
    pub run_time: Difference,
    /// How far the generated source is from Keras.
    pub source: Difference,
}

/// The outcomes of a family, or what is wrong with each model.
type Outcomes = Vec<(String, Result<Outcome, String>)>;

/// The outcomes of a family on a backend, computed by whoever asks first.
///
/// `None` if this machine lacks the backend.
pub fn outcomes(family: &str, backend: Backend) -> Option<Arc<Outcomes>> {
    type Known = Mutex<HashMap<(String, Backend), Arc<OnceLock<Arc<Outcomes>>>>>;
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::default);
    let device = backend.device()?;
    let key = (family.to_owned(), backend);
    let cell = KNOWN.lock().unwrap().entry(key).or_default().clone();
    let outcomes = cell.get_or_init(|| {
        let cases = cases(family).into_iter();
        let outcomes = cases.map(|case| {
            let outcome = check(&case, &device, backend);
            (case.name, outcome)
        });
        Arc::new(outcomes.collect())
    });
    Some(outcomes.clone())
}

/// Runs every model of a family on a backend, and fails with a list of those that differ.
pub fn check_family(family: &str, backend: Backend) {
    let Some(outcomes) = outcomes(family, backend) else {
        return;
    };
    assert!(!outcomes.is_empty(), "{family}: there are no fixtures");
    let mut failures = Vec::new();
    let mut largest = Difference::default();
    for (name, outcome) in outcomes.iter() {
        match outcome {
            Ok(outcome) => largest = largest.max(outcome.run_time).max(outcome.source),
            Err(failure) => failures.push(format!("  {name}: {failure}")),
        }
    }
    let count = outcomes.len();
    println!(
        "{family} on {backend:?}: {count} models, largest difference {:.3e}, relative {:.3e}",
        largest.absolute, largest.relative
    );
    assert!(
        failures.is_empty(),
        "{family} on {backend:?}: {} of {count} differ\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// What a model shows, or everything that is wrong.
fn check(case: &Case, device: &Device, backend: Backend) -> Result<Outcome, String> {
    let graph = read(&case.model, ReadOptions::default()).map_err(|report| report.to_string())?;
    let model = Model::load(&case.model, device).map_err(|error| error.to_string())?;
    let arrays = Arrays::open(&case.arrays);
    let predict = |arrays: &Arrays| {
        let inputs = values(&model, arrays, device);
        model.predict(inputs).map_err(|error| error.to_string())
    };
    let at_run_time = predict(&arrays)?;
    let run_time = differences(&model, &at_run_time, &arrays)?;
    // A batch of a fixed size is not to be taken apart, nor that of a model called `whole_batch`, which
    // mixes samples.
    let mixes_samples = case.name.starts_with("whole_batch");
    let mut inputs = model.inputs().iter();
    let is_open = inputs.all(|port| port.spec.shape.dim(0).is_none());
    if backend == Backend::Flex && is_open && !mixes_samples && arrays.batch() > 1 {
        for index in [0, arrays.batch() - 1] {
            let sample = arrays.sample(index);
            predict(&sample)
                .and_then(|outputs| differences(&model, &outputs, &sample))
                .map_err(|problem| format!("sample {index} alone: {problem}"))?;
        }
    }
    let of_source = run_source(case, &graph, values(&model, &arrays, device), device)?;
    let source = differences(&model, &of_source, &arrays)
        .map_err(|problem| format!("generated source: {problem}"))?;
    if backend == Backend::Flex {
        let same = at_run_time.iter().zip(&of_source).all(|(a, b)| {
            let (a, b) = (a.to_data().unwrap(), b.to_data().unwrap());
            a.as_bytes() == b.as_bytes() && a.shape() == b.shape()
        });
        if !same {
            return Err("source and run time are not equal to the bit".into());
        }
    }
    let layers = graph.layers.iter();
    let computing =
        layers.filter(|layer| matches!(layer.kind, LayerKind::Layer(_) | LayerKind::Wrapper(..)));
    Ok(Outcome {
        classes: computing.map(|layer| layer.class.clone()).collect(),
        generation: graph.generation,
        run_time,
        source,
    })
}

/// The inputs in the kinds that the model takes.
pub(crate) fn values(model: &Model, arrays: &Arrays, device: &Device) -> Vec<Value> {
    let pairs = arrays.inputs.iter().zip(model.inputs());
    let values = pairs.map(|(array, port)| {
        let data = array.0.clone();
        let data: TensorData = match port.spec.kind {
            Kind::Float => data.convert::<f32>(),
            Kind::Int => data.convert::<i32>(),
            Kind::Bool => data.convert::<bool>(),
        };
        Value::from_data(data, device).unwrap()
    });
    values.collect()
}

fn run_source(
    case: &Case,
    graph: &Graph,
    inputs: Vec<Value>,
    device: &Device,
) -> Result<Vec<Value>, String> {
    let path = case.model.canonicalize().unwrap();
    let mut sources = SOURCES.iter();
    let source = sources
        .find(|source| Path::new(source.path).canonicalize().unwrap() == path)
        .ok_or("there is no generated source")?;
    let plan = lower(graph, source.name).map_err(|report| report.to_string())?;
    let record = record::weights(&plan, graph).unwrap().into_bytes().unwrap();
    (source.run)(record, inputs.into_iter(), device).map_err(|error| error.to_string())
}

pub(crate) fn differences(
    model: &Model,
    outputs: &[Value],
    arrays: &Arrays,
) -> Result<Difference, String> {
    if outputs.len() != arrays.outputs.len() {
        return Err(format!(
            "{} outputs, the reference has {}",
            outputs.len(),
            arrays.outputs.len()
        ));
    }
    let names = model.output_names();
    let mut problems = Vec::new();
    let mut largest = Difference::default();
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

/// One test per family, on the backend `$backend`, one of the table of layers, and one of the files of all
/// writers.
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
        fn the_table_of_layers_is_current() {
            $crate::layers::check(&[$(stringify!($family)),*], $backend);
        }

        #[test]
        fn files_of_every_writer() {
            $crate::versions::check($backend);
        }
    };
}
