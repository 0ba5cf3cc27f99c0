//! Training goes on where Keras stopped: ten steps in Burn from a saved model against the ten steps
//! that the same run made in Keras, for every optimizer and every form that a model is saved in.

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
