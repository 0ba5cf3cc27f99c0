//! Training goes on where Keras stopped: ten steps in Burn from a saved model against the ten steps
//! that the same run made in Keras, for every optimizer and every form that a model is saved in.

#![allow(clippy::unwrap_used)]

use burn_keras::Model;
use burn_keras_tests::Backend;
use burn_keras_tests::resume::{Case, files};

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
        case.compare(&model, &optimizer, &mut failures);
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
