//! The generated source of every sample and fixture: equal to run time to the bit on flex, and to
//! Keras. Every kind of step that lowering makes is in one of them.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;
use std::vec::IntoIter;

use burn::tensor::{Bytes, Device, TensorData};
use burn_keras::{Model, Value};
use burn_keras_import::lower::lower;
use burn_keras_import::plan::{FieldKind, ModuleRef, Operation, Plan};
use burn_keras_import::record;
use burn_keras_tests::{Array, Arrays, Tolerance, compare};
use keras_ir::shape::Kind;
use keras_ir::{ReadOptions, read};

/// A generated model: its Keras file, and an adapter that runs it from a record.
pub struct Source {
    path: &'static str,
    name: &'static str,
    run: Run,
}

/// From a weights record and inputs to outputs.
type Run = fn(Bytes, IntoIter<Value>, &Device) -> Result<Vec<Value>, Box<dyn Error>>;

mod generated {
    use super::{Source, next};

    include!(concat!(env!("OUT_DIR"), "/sources.rs"));
}

fn next<T: TryFrom<Value>>(inputs: &mut IntoIter<Value>) -> Result<T, Box<dyn Error>> {
    let value = inputs.next().ok_or("too few inputs")?;
    T::try_from(value).map_err(|_| "an input of another rank or kind".into())
}

/// The array in the kind that the model takes.
fn input(array: &Array, kind: Kind, device: &Device) -> Value {
    let data = array.0.clone();
    let data: TensorData = match kind {
        Kind::Float => data.convert::<f32>(),
        Kind::Int => data.convert::<i32>(),
        Kind::Bool => data.convert::<bool>(),
    };
    Value::from_data(data, device).unwrap()
}

fn check(source: &Source, device: &Device) -> Result<Plan, String> {
    let path = Path::new(source.path);
    let graph = read(path, ReadOptions::default()).unwrap();
    let plan = lower(&graph, source.name).unwrap();
    let record = record::weights(&plan, &graph)
        .unwrap()
        .into_bytes()
        .unwrap();
    let arrays = Arrays::open(&path.with_extension("npz"));
    let model = Model::from_graph(&graph, source.name, device).unwrap();
    let inputs: Vec<Value> = arrays
        .inputs
        .iter()
        .zip(model.inputs())
        .map(|(array, port)| input(array, port.spec.kind, device))
        .collect();
    let at_run_time = model
        .predict(inputs.clone())
        .map_err(|error| error.to_string())?;
    let outputs =
        (source.run)(record, inputs.into_iter(), device).map_err(|error| error.to_string())?;
    for (index, (output, expected)) in outputs.iter().zip(&arrays.outputs).enumerate() {
        let data = output.to_data().unwrap();
        let other = at_run_time[index].to_data().unwrap();
        if data.as_bytes() != other.as_bytes() || data.shape() != other.shape() {
            return Err(format!("output {index}: source and run time differ"));
        }
        let found: Vec<f64> = data.iter::<f64>().collect();
        let (shape, values) = (expected.shape(), expected.values());
        compare(
            (&output.shape()[..], &found[..]),
            (&shape, &values),
            Tolerance::default(),
        )
        .map_err(|problem| format!("output {index}: {problem}"))?;
    }
    Ok(plan)
}

/// What tells one kind of step from another: a function by its variant, a module by its type.
fn kinds(plan: &Plan, kinds: &mut BTreeSet<String>) {
    for model in &plan.models {
        for step in model.bodies.iter().flat_map(|body| &body.steps) {
            kinds.insert(match &step.operation {
                Operation::Function(function) => {
                    let text = format!("{function:?}");
                    let mut words = text.split(|c: char| !c.is_alphanumeric());
                    words.next().unwrap_or_default().to_owned()
                }
                Operation::Model { .. } => "Model".to_owned(),
                Operation::Module(module)
                | Operation::Lookup(module)
                | Operation::Apply { module, .. } => {
                    let kind = match module {
                        ModuleRef::Own(index) => &model.fields[*index].kind,
                        ModuleRef::Borrowed(index) => &model.borrows[*index].kind,
                    };
                    match kind {
                        FieldKind::Module(module) => module.construction().ty.to_owned(),
                        FieldKind::Model(_) => "Model".to_owned(),
                    }
                }
            });
        }
    }
}

#[test]
fn source_equals_run_time_to_the_bit_and_keras() {
    let device = Device::flex();
    let mut seen = BTreeSet::new();
    let mut failures = Vec::new();
    for source in generated::SOURCES {
        match check(source, &device) {
            Ok(plan) => kinds(&plan, &mut seen),
            Err(problem) => failures.push(format!("  {}: {problem}", source.name)),
        }
    }
    assert!(
        failures.is_empty(),
        "{} differ\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(generated::SOURCES.len() > 250);
    // A kind of step that no fixture has would be compared with nothing.
    let expected = [
        "Above",
        "Activation",
        "Add",
        "AlphaDropout",
        "And",
        "Any",
        "ApplyMask",
        "Average",
        "AveragePool",
        "BatchNorm",
        "BatchNormalization",
        "BatchRenormalization",
        "Concatenate",
        "Conv1d",
        "Conv2d",
        "Dot",
        "Dropout",
        "Embedding",
        "ExpandDims",
        "Fill",
        "FoldSteps",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePool",
        "GlobalAveragePoolMasked",
        "GlobalMaxPool",
        "Glu",
        "GroupNormalization",
        "L2Normalize",
        "LayerNorm",
        "LayerNormalization",
        "Linear",
        "LogSoftmax",
        "LowerMasked",
        "Lstm",
        "Masking",
        "MaxPool",
        "Maximum",
        "Minimum",
        "Model",
        "Multiply",
        "NoiseDropout",
        "Normalization",
        "Normalize",
        "NotEqual",
        "OnesMask",
        "Or",
        "PRelu",
        "Pad",
        "PadSame",
        "Permute",
        "RepeatVector",
        "Reshape",
        "RmsNormalization",
        "Select",
        "Softmax",
        "SoftmaxAxes",
        "SoftmaxMasked",
        "Sparsemax",
        "SpatialDropout",
        "Subtract",
        "ToBool",
        "ToFloat",
        "ToInt",
        "UnfoldSteps",
        "ZerosMask",
    ];
    let missing: Vec<&str> = expected
        .into_iter()
        .filter(|kind| !seen.contains(*kind))
        .collect();
    assert!(missing.is_empty(), "no fixture has {missing:?}");
    let new: Vec<&String> = seen
        .iter()
        .filter(|kind| !expected.contains(&kind.as_str()))
        .collect();
    assert!(new.is_empty(), "not listed: {new:?}");
}
