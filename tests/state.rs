//! Stateful layers: a second call goes on where the first stopped, as Keras's does, at run time and
//! in source, on every backend.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use burn::tensor::Device;
use burn_keras::{Error, Model, Value};
use burn_keras_import::lower::lower;
use burn_keras_import::record;
use burn_keras_tests::arrays::Npz;
use burn_keras_tests::generated::SOURCES;
use burn_keras_tests::{Array, Arrays, Backend, Case, Tolerance, cases, compare};
use keras_ir::{ReadOptions, read};

fn close(found: &[Value], expected: &[Array], place: &str) {
    assert_eq!(found.len(), expected.len(), "{place}");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let values: Vec<f64> = found.to_data().unwrap().iter::<f64>().collect();
        let found = (&found.shape()[..], &values[..]);
        let (shape, values) = (expected.shape(), expected.values());
        let result = compare(found, (&shape, &values), Tolerance::default());
        result.unwrap_or_else(|problem| panic!("{place}, output {index}: {problem}"));
    }
}

fn check(case: &Case, device: &Device) {
    let name = &case.name;
    let first = Arrays::open(&case.arrays);
    let second = Npz::open(&case.model.with_extension("second.npz"));
    let values = |arrays: &[Array]| -> Vec<Value> {
        arrays.iter().map(|array| array.value(device)).collect()
    };
    let calls = [values(&first.inputs), values(&second.numbered("x"))];
    let expected = [first.outputs.clone(), second.numbered("y")];

    let model = Model::load(&case.model, device).unwrap();
    let mut state = model.zero_state(first.batch());
    assert!(!state.is_empty(), "{name}");
    for (inputs, expected) in calls.iter().zip(&expected) {
        let outputs;
        (outputs, state) = model.predict_with_state(inputs.clone(), state).unwrap();
        close(&outputs, expected, &format!("{name} at run time"));
    }
    let stateless = model.predict(calls[1].clone()).unwrap();
    let differs = |(a, b): (&Value, &Array)| {
        let values: Vec<f64> = a.to_data().unwrap().iter::<f64>().collect();
        values
            .iter()
            .zip(b.values())
            .any(|(a, b)| (a - b).abs() > 1e-3)
    };
    assert!(stateless.iter().zip(&expected[1]).any(differs), "{name}");

    let path = case.model.canonicalize().unwrap();
    let mut sources = SOURCES.iter();
    let source = sources
        .find(|source| Path::new(source.path).canonicalize().unwrap() == path)
        .unwrap();
    let graph = read(&case.model, ReadOptions::default()).unwrap();
    let plan = lower(&graph, source.name).unwrap();
    let record = record::weights(&plan, &graph)
        .unwrap()
        .into_bytes()
        .unwrap();
    let calls = calls.into_iter().map(Vec::into_iter).collect();
    let results = source.run_on.unwrap()(record, first.batch(), calls, device).unwrap();
    for (outputs, expected) in results.iter().zip(&expected) {
        close(outputs, expected, &format!("{name} in source"));
    }
}

fn check_all(backend: Backend) {
    let Some(device) = backend.device() else {
        return;
    };
    let cases = cases("stateful");
    assert!(cases.len() > 4);
    for case in &cases {
        check(case, &device);
    }
}

#[test]
fn on_flex() {
    check_all(Backend::Flex);
}

#[test]
fn on_ndarray() {
    check_all(Backend::NdArray);
}

#[test]
fn on_wgpu() {
    check_all(Backend::Wgpu);
}

#[test]
fn states_that_do_not_fit_are_refused() {
    let device = Device::flex();
    let case = &cases("stateful")[0];
    let model = Model::load(&case.model, &device).unwrap();
    let inputs: Vec<Value> = Arrays::open(&case.arrays)
        .inputs
        .iter()
        .map(|array| array.value(&device))
        .collect();
    let few = model.predict_with_state(inputs.clone(), Vec::new());
    assert!(matches!(few, Err(Error::StateCount { found: 0, .. })));
    let of_another_batch = model.predict_with_state(inputs, model.zero_state(7));
    assert!(matches!(of_another_batch, Err(Error::Input { .. })));
}
