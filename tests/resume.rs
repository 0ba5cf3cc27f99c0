//! Training goes on where Keras stopped: ten steps in Burn from a saved model against the ten steps
//! that the same run made in Keras, for every optimizer and every form that a model is saved in.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use burn::module::Module;
use burn_keras::Model;
use burn_keras_nn::record::to_bytes;
use burn_keras_tests::Backend;
use burn_keras_tests::generated::TRAINED;
use burn_keras_tests::resume::{Case, STEPS, files};

fn goes_on(backend: Backend, is_wanted: impl Fn(&str) -> bool) {
    let Some(device) = backend.device() else {
        return;
    };
    let device = device.autodiff();
    let mut failures = Vec::new();
    let mut count = 0;
    for path in files() {
        let case = Case::read(&path);
        if !is_wanted(&case.name) {
            continue;
        }
        count += 1;
        let (model, mut optimizer) = case.start(&device);
        let model = case.run(model, &mut optimizer, &mut failures);
        case.compare(&model, &optimizer, backend, &mut failures);
        case.check_records(&model, &optimizer, &mut failures);
    }
    assert!(count > 50, "only {count} cases");
    assert!(failures.is_empty(), "{backend:?}:\n{}", failures.join("\n"));
}

#[test]
fn on_flex() {
    goes_on(Backend::Flex, |_| true);
}

#[test]
fn on_ndarray() {
    goes_on(Backend::NdArray, |name| name.ends_with(".h5"));
}

#[test]
fn on_wgpu() {
    goes_on(Backend::Wgpu, |name| name.ends_with(".h5"));
}

/// tf.keras saves nothing of a legacy optimizer in an archive: the model is read, its state refused,
/// with the way out.
#[test]
fn state_that_was_not_saved_is_refused() {
    let device = Backend::Flex.device().unwrap().autodiff();
    for name in ["adam_legacy.keras", "sgd_momentum_legacy.keras"] {
        let path = burn_keras_tests::resume::folder().join(name);
        let case = Case::read(&path);
        let model = Model::from_graph(&case.graph, "net", &device).unwrap();
        let error = model.optimizer_of(&case.graph).unwrap_err().to_string();
        assert!(error.contains("--fresh-optimizer"), "{error}");
        assert_eq!(model.optimizer().unwrap().iterations(), 0);
    }
}

/// Generated source trains as the run-time model does, to the bit.
#[test]
fn generated_source_takes_the_same_steps() {
    let device = Backend::Flex.device().unwrap().autodiff();
    let mut failures = Vec::new();
    for source in TRAINED {
        let case = Case::read_as(Path::new(source.path), source.name);
        let (model, mut optimizer) = case.start(&device);
        let weights = to_bytes(&model.valid()).unwrap();
        let state = optimizer.save_bytes().unwrap();
        let batches = (0..STEPS).map(|step| {
            let inputs = case.inputs(step, &device).into_iter();
            (inputs, case.targets(step, &device))
        });
        let trained = (source.train)(weights, state, batches.collect(), &device);
        let (weights, state) = trained.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let model = case.run(model, &mut optimizer, &mut failures);
        let same = to_bytes(&model.valid()).unwrap() == weights;
        assert!(same, "{}: other weights", case.name);
        let same = optimizer.save_bytes().unwrap() == state;
        assert!(same, "{}: another state", case.name);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
