//! Training goes on where Keras stopped: ten steps in Burn from a saved model against the ten steps
//! that the same run made in Keras, for every optimizer and every form that a model is saved in.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn_keras::{LoadOptions, Model};
use burn_keras_import::Export;
use burn_keras_nn::record::to_bytes;
use burn_keras_tests::generated::TRAINED;
use burn_keras_tests::resume::{Case, STEPS, files, tensors};
use burn_keras_tests::{Backend, resume};
use keras_ir::{ReadOptions, read};

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
        let path = resume::folder().join(name);
        let case = Case::read(&path);
        let model = Model::from_graph(&case.graph, "net", &device).unwrap();
        let error = model.optimizer_of(&case.graph).unwrap_err().to_string();
        assert!(error.contains("--fresh-optimizer"), "{error}");
        assert_eq!(model.optimizer().unwrap().iterations(), 0);
    }
}

#[derive(Module, Debug)]
struct Pair {
    first: Model,
    second: Model,
}

/// Two instances of one model, each in a namespace of its own, go on from the same record; two in one
/// namespace are refused, because an optimizer would train the first alone.
#[test]
fn two_instances_train_side_by_side() {
    let device = Backend::Flex.device().unwrap().autodiff();
    let case = Case::read(&resume::folder().join("adam_k3.h5"));
    let (model, mut optimizer) = case.start(&device);
    let state = optimizer.save_bytes().unwrap().to_vec();
    let model = case.run(model, &mut optimizer, &mut Vec::new());
    let expected = tensors(&to_bytes(&model.valid()).unwrap());

    let load = |namespace| {
        let options = LoadOptions::new()
            .with_name("net")
            .with_namespace(namespace);
        Model::load_with(&case.path, &options, &device).unwrap()
    };
    for namespace in ["first", "second"] {
        let model = load(namespace);
        let mut optimizer = model.optimizer_from_bytes(state.clone()).unwrap();
        let model = case.run(model, &mut optimizer, &mut Vec::new());
        assert!(tensors(&to_bytes(&model.valid()).unwrap()) == expected);
        assert_eq!(optimizer.iterations(), 13);
    }

    let config = model.optimizer_config().unwrap();
    let pair = |first, second| Pair {
        first: load(first),
        second: load(second),
    };
    assert!(config.init(&pair("first", "second")).is_ok());
    let error = config.init(&pair("net", "net")).unwrap_err().to_string();
    assert!(
        error.contains("first.conv.weight and second.conv.weight"),
        "{error}"
    );
}

/// Keras to Burn, ten steps, and back into a copy of the Keras file: what is read from there is what
/// was trained, weights, state and numbers, to the bit. With `BURN_KERAS_TRAINED` the copies stay in
/// that folder, for `fixtures/check_trained.py`.
#[test]
fn what_was_trained_goes_back() {
    let device = Backend::Flex.device().unwrap().autodiff();
    let temporary = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("BURN_KERAS_TRAINED").map(PathBuf::from);
    let folder = kept.unwrap_or_else(|| temporary.path().to_owned());
    for name in [
        "accumulation_k3.keras",
        "adafactor_k3.keras",
        "adam_amsgrad_k3.h5",
        "adam_k2.h5",
        "adam_k2.keras",
        "adam_k3.keras",
        "adam_legacy.h5",
        "adamax_k3.keras",
        "ema_k3.keras",
        "ftrl_k2.h5",
        "lion_k3.keras",
        "loss_scale_k3.keras",
        "muon_k3.keras",
        "nadam_k3.keras",
        "recurrent_regularizers_k3.keras",
        "rmsprop_centered_legacy.h5",
        "schedule_cosine_k3.keras",
        "sgd_momentum_k2.keras",
    ] {
        let case = Case::read(&resume::folder().join(name));
        let (model, mut optimizer) = case.start(&device);
        let model = case.run(model, &mut optimizer, &mut Vec::new());
        let weights = temporary.path().join("trained.bpk");
        let state = temporary.path().join("trained.optimizer.bpk");
        model.valid().save_record_file(&weights).unwrap();
        optimizer.save_file(&state).unwrap();
        let export = Export::new(&weights).optimizer(&state).like(&case.path);
        let copy = folder.join(name);
        export
            .output(&copy)
            .run()
            .unwrap_or_else(|error| panic!("{name}: {error}"));

        let graph = read(&copy, ReadOptions::default()).unwrap();
        let again = Model::from_graph(&graph, &case.plan.name, &device).unwrap();
        let same = tensors(&to_bytes(&again.valid()).unwrap());
        assert!(
            same == tensors(&to_bytes(&model.valid()).unwrap()),
            "{name}: weights"
        );
        let state = again.optimizer_of(&graph).unwrap();
        let same = tensors(&state.save_bytes().unwrap());
        assert!(
            same == tensors(&optimizer.save_bytes().unwrap()),
            "{name}: state"
        );
        assert_eq!(state.iterations(), optimizer.iterations(), "{name}");
        assert_eq!(state.learning_rate(), optimizer.learning_rate(), "{name}");
        assert_eq!(state.loss_scale(), optimizer.loss_scale(), "{name}");
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
