//! A model at run time as a Burn module: paths, ids, records, training.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use burn_keras::burn_keras_import::lower;
use burn_keras::burn_keras_nn::{duplicate_ids, param_id};
use burn_keras::{Error, LoadOptions, Model, Value, keras_ir};
use keras_ir::ReadOptions;
use keras_ir::shape::Kind;

fn sample(name: &str) -> PathBuf {
    let here = env!("CARGO_MANIFEST_DIR");
    [here, "../../models/keras", &format!("{name}.h5")]
        .iter()
        .collect()
}

fn fixture(name: &str) -> PathBuf {
    let here = env!("CARGO_MANIFEST_DIR");
    [here, "../../tests/fixtures", &format!("{name}.h5")]
        .iter()
        .collect()
}

fn load(name: &str, device: &Device) -> Model {
    Model::load(sample(name), device).unwrap()
}

/// Inputs of ones, with two samples and three for every other open size.
fn ones(model: &Model, device: &Device) -> Vec<Value> {
    let inputs = model.inputs().iter().map(|port| {
        let sizes = port.spec.shape.0.iter().enumerate();
        let shape: Vec<usize> = sizes
            .map(|(axis, size)| if axis == 0 { 2 } else { size.unwrap_or(3) })
            .collect();
        let count = shape.iter().product();
        match port.spec.kind {
            Kind::Float => Value::from_elements(vec![1.0_f32; count], &shape, device),
            Kind::Int => Value::from_elements(vec![1_i64; count], &shape, device),
            Kind::Bool => Value::from_elements(vec![true; count], &shape, device),
        }
        .unwrap()
    });
    inputs.collect()
}

fn bits(values: &[Value]) -> Vec<Vec<u8>> {
    let data = values.iter().map(|value| value.to_data().unwrap());
    data.map(|data| data.as_bytes().to_vec()).collect()
}

/// Path, id and whether gradients are kept, of every parameter.
#[derive(Default)]
struct Parameters {
    path: Vec<String>,
    found: Vec<(String, ParamId, bool)>,
}

impl ModuleVisitor for Parameters {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tracked = param.val().is_require_grad();
        self.found.push((self.path.join("."), param.id, tracked));
    }
}

fn parameters(model: &Model) -> Vec<(String, ParamId, bool)> {
    let mut parameters = Parameters::default();
    model.visit(&mut parameters);
    parameters.found
}

#[test]
fn parameters_are_those_of_the_plan_in_its_order() {
    let device = Device::flex().autodiff();
    let models = [
        sample("branches_k3"),
        sample("nested_k2"),
        sample("shared_depths_k3"),
        fixture("structure/frozen_deep_k2"),
        fixture("structure/frozen_norm_functional_k3"),
        fixture("structure/shared_across_models_k2"),
        fixture("optimizers/nested_partly_frozen_k3"),
    ];
    for path in models {
        let model = Model::load(&path, &device).unwrap();
        let plan = model.plan();
        let expected = plan.parameters.iter().map(|parameter| {
            let id = param_id(&plan.name, &parameter.path);
            (parameter.path.clone(), id, parameter.trained)
        });
        let expected: Vec<_> = expected.collect();
        assert_eq!(parameters(&model), expected, "{}", path.display());
    }
}

#[test]
fn what_is_trained_gets_gradients_once() {
    let device = Device::flex().autodiff();
    for path in [
        sample("siamese_k3"),
        fixture("optimizers/nested_partly_frozen_k2"),
    ] {
        let model = Model::load(&path, &device).unwrap();
        let outputs = model.forward(ones(&model, &device)).unwrap();
        let output: Tensor<2> = outputs[0].clone().try_into().unwrap();
        let gradients = GradientsParams::from_grads(output.sum().backward(), &model);
        let trained = model
            .plan()
            .parameters
            .iter()
            .filter(|parameter| parameter.trained);
        let expected: BTreeSet<ParamId> = trained
            .map(|parameter| param_id(&model.plan().name, &parameter.path))
            .collect();
        assert_eq!(gradients.len(), expected.len(), "{}", path.display());
    }
}

#[test]
fn training_and_validation_are_two_states_of_one_model() {
    let device = Device::flex().autodiff();
    let model = load("branches_k3", &device);
    let inputs = ones(&model, &Device::flex());
    assert!(model.device().is_autodiff());
    let valid = model.valid();
    assert!(!valid.device().is_autodiff());
    let plain = load("branches_k3", &Device::flex());
    assert_eq!(
        bits(&valid.predict(inputs.clone()).unwrap()),
        bits(&plain.predict(inputs).unwrap())
    );
    assert!(valid.train().device().is_autodiff());
}

#[test]
fn records_come_back_to_the_bit() {
    let device = Device::flex();
    let folder = std::env::temp_dir().join(format!("burn-keras-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (first, second) = (folder.join("first.bpk"), folder.join("second.bpk"));
    let model = load("nested_k3", &device);
    model.save_record_file(&first).unwrap();
    let graph = keras_ir::read(sample("nested_k3"), ReadOptions::default()).unwrap();
    let plan = Arc::new(lower::lower(&graph, "nested_k3").unwrap());
    let fresh = Model::from_plan(plan, "nested_k3", &device).unwrap();
    let again = fresh.load_record_file(&first).unwrap();
    again.save_record_file(&second).unwrap();
    assert_eq!(
        std::fs::read(&first).unwrap(),
        std::fs::read(&second).unwrap()
    );
    let inputs = ones(&model, &device);
    assert_eq!(
        bits(&model.predict(inputs.clone()).unwrap()),
        bits(&again.predict(inputs).unwrap())
    );
    let other = load("chain_k3", &device).load_record_file(&first);
    assert!(matches!(other, Err(Error::Load(_))), "{other:?}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_second_instance_has_ids_of_its_own() {
    let device = Device::flex();
    let first = load("siamese_k3", &device);
    let options = LoadOptions::new().with_namespace("second");
    let second = Model::load_with(sample("siamese_k3"), &options, &device).unwrap();
    assert_eq!(second.namespace(), "second");
    assert!(!duplicate_ids(&(first.clone(), first.clone())).is_empty());
    assert!(duplicate_ids(&(first.clone(), second.clone())).is_empty());
    let inputs = ones(&first, &device);
    assert_eq!(
        bits(&first.predict(inputs.clone()).unwrap()),
        bits(&second.predict(inputs).unwrap())
    );
}

#[test]
fn a_model_is_shared_between_threads() {
    fn check<T: Send + Sync + Clone + 'static>(_: &T) {}
    let device = Device::flex();
    let model = load("siamese_k2", &device);
    check(&model);
    let inputs = ones(&model, &device);
    let expected = bits(&model.predict(inputs.clone()).unwrap());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let run = || bits(&model.predict(inputs.clone()).unwrap());
            assert_eq!(scope.spawn(run).join().unwrap(), expected);
        }
    });
}

#[test]
fn it_prints_as_a_derived_module_does() {
    let model = load("nested_k3", &Device::flex());
    let text = model.to_string();
    assert!(text.starts_with("NestedK3 {"), "{text}");
    assert!(text.contains("Linear {d_input"), "{text}");
    assert!(
        text.contains(&format!("params: {}", Module::num_params(&model))),
        "{text}"
    );
    assert!(!text.contains("Submodel"), "{text}");
}

#[test]
fn models_move_between_backends() {
    #[allow(deprecated)]
    let other = Device::ndarray();
    let model = load("siamese_k3", &Device::flex());
    let inputs = ones(&model, &Device::flex());
    let here: Vec<f32> = model.predict(inputs.clone()).unwrap()[0]
        .to_data()
        .unwrap()
        .iter()
        .collect();
    let moved = model.to_device(&other);
    assert_eq!(moved.device(), other);
    let outputs = moved.predict(inputs).unwrap();
    assert_eq!(outputs[0].device(), other);
    let there: Vec<f32> = outputs[0].to_data().unwrap().iter().collect();
    assert!(here.iter().zip(&there).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn inputs_are_checked_and_named() {
    let device = Device::flex();
    let model = load("siamese_k3", &device);
    let names: Vec<String> = model.input_names().into_iter().map(str::to_owned).collect();
    let good = ones(&model, &device);
    let error = model.predict([good[0].clone()]).unwrap_err();
    assert!(
        matches!(error, Error::InputCount { found: 1, .. }),
        "{error}"
    );
    assert!(error.to_string().contains(&names.join(", ")), "{error}");

    let wrong = Tensor::<3>::zeros([2, 3, 4], &device);
    let error = model.predict([good[0].clone(), wrong.into()]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&names[1]) && text.contains("float [2, 3, 4]"),
        "{text}"
    );

    let (batch, features) = (good[0].shape()[0], good[0].shape()[1]);
    let more = Tensor::<2>::zeros([batch + 1, features], &device);
    assert!(model.predict([good[0].clone(), more.into()]).is_err());
    let none = || Tensor::<2>::zeros([0, features], &device);
    assert!(model.predict([none(), none()]).is_err());

    // the model takes ids
    let floats = Value::from(Tensor::<2>::ones([batch, features], &device));
    let error = model
        .forward(vec![floats.clone(), floats.clone()])
        .unwrap_err();
    assert!(matches!(error, Error::Input { .. }), "{error}");
    assert_eq!(
        bits(&model.predict([floats.clone(), floats]).unwrap()),
        bits(&model.predict(good.clone()).unwrap())
    );
    let named = model.predict_named([(&names[1], good[1].clone()), (&names[0], good[0].clone())]);
    let named = named.unwrap();
    assert_eq!(named[0].0, model.output_names()[0]);
    let unknown = model
        .predict_named([("nobody", good[0].clone())])
        .unwrap_err();
    assert!(matches!(unknown, Error::UnknownInput { .. }), "{unknown}");
    let twice = [(&names[0], good[0].clone()), (&names[0], good[1].clone())];
    let twice = model.predict_named(twice).unwrap_err();
    assert!(
        matches!(twice, Error::InputTimes { times: 2, .. }),
        "{twice}"
    );
}

#[test]
fn files_that_are_none_are_reported() {
    let device = Device::flex();
    for name in [
        "errors/truncated",
        "errors/not_hdf5",
        "errors/unsupported_layer_k3",
        "nowhere",
    ] {
        let error = Model::load(fixture(name), &device).unwrap_err();
        assert!(matches!(error, Error::Report(_)), "{error}");
    }
}
