//! Training goes on where Keras stopped: one step in Burn against the step that Keras made, and
//! the layout of what Burn saves against the layout that import wrote, on every backend.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use burn_keras::{Model, Value};
use burn_keras_import::Plan;
use burn_keras_import::lower::lower;
use burn_keras_import::record::{self, layout, permute};
use burn_keras_nn::optim::{
    AdamConfig, SgdConfig, load_optimizer_bytes, load_optimizer_file, save_optimizer_bytes,
};
use burn_keras_tests::arrays::Npz;
use burn_keras_tests::{Backend, conformance};
use keras_ir::optimizer::{Optimizer, SlotName};
use keras_ir::{Graph, ReadOptions, read};

/// The trained samples and fixtures: those with a further step of Keras beside them.
fn trained() -> Vec<PathBuf> {
    let folders = ["samples", "optimizers"].map(conformance::cases);
    let models = folders.into_iter().flatten().map(|case| case.model);
    // `decay` changes the learning rate from step to step; where all is frozen nothing is trained.
    let left_out = |path: &str| path.contains("legacy_decay") || path.contains("all_frozen");
    let mut models: Vec<PathBuf> = models
        .filter(|model| model.with_extension("step.npz").exists())
        .filter(|model| !left_out(&model.to_string_lossy()))
        .collect();
    models.sort();
    assert!(models.len() > 30, "only {} trained models", models.len());
    models
}

struct Trained {
    name: String,
    graph: Graph,
    plan: Plan,
    optimizer: Optimizer,
    step: Npz,
}

impl Trained {
    fn read(path: &PathBuf) -> Self {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let graph = read(path, ReadOptions::default()).unwrap();
        let plan = lower(&graph, &name).unwrap();
        let optimizer = graph.optimizer.clone().unwrap().unwrap();
        let step = Npz::open(&path.with_extension("step.npz"));
        Self {
            name,
            graph,
            plan,
            optimizer,
            step,
        }
    }

    fn option(&self, key: &str, default: f64) -> f64 {
        let value = &self.optimizer.config[key];
        keras_ir::json::number(value).unwrap_or(default)
    }

    fn flag(&self, key: &str) -> bool {
        self.optimizer.config[key].as_bool().unwrap_or(false)
    }

    /// The optimizer, as Keras's config has it, with its state.
    fn optimizer(&self, model: &Model) -> ModuleOptimizer {
        let fresh = match self.optimizer.options.class.as_str() {
            "Adam" => AdamConfig::new()
                .with_beta_1(self.option("beta_1", 0.9))
                .with_beta_2(self.option("beta_2", 0.999))
                .with_epsilon(self.option("epsilon", 1e-7))
                .with_amsgrad(self.flag("amsgrad"))
                .init(),
            "SGD" => SgdConfig::new()
                .with_momentum(self.option("momentum", 0.0))
                .with_nesterov(self.flag("nesterov"))
                .init(),
            other => panic!("{other}"),
        };
        let record = record::optimizer(&self.plan, &self.graph, &self.optimizer).unwrap();
        match record {
            Some(record) => {
                load_optimizer_bytes(fresh, model, record.into_bytes().unwrap()).unwrap()
            }
            None => fresh,
        }
    }

    /// One step on the batch that Keras took, with the mean squared error.
    fn train(&self, device: &Device) -> (Model, ModuleOptimizer, f64) {
        let device = device.clone().autodiff();
        let model = Model::from_graph(&self.graph, &self.name, &device).unwrap();
        let mut optimizer = self.optimizer(&model);
        let inputs = self.step.numbered("x");
        let inputs: Vec<Value> = inputs.iter().map(|array| array.value(&device)).collect();
        let mut outputs = model.predict(inputs).unwrap();
        let output = flat(outputs.remove(0));
        let target = flat(self.step.array("y_0").value(&device));
        let loss = (output - target).powf_scalar(2.0).mean();
        let value = loss.clone().into_scalar::<f64>();
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let rate = self.optimizer.learning_rate.unwrap();
        let model = optimizer.step(rate, model, gradients);
        (model, optimizer, value)
    }

    /// What Keras has after the step, by path in Burn and in Burn's layout.
    fn expected(&self) -> BTreeMap<String, Vec<f64>> {
        let before = self.step.numbered("before");
        let after = self.step.numbered("after");
        let mut taken = vec![false; before.len()];
        let parameters = self.plan.parameters.iter();
        parameters
            .map(|parameter| {
                let weight = parameter.weight;
                let layer = self.graph.layer(weight.layer);
                let stored = layer.weights[weight.index].tensor.read_f64().unwrap();
                // `model.weights` names variables in its own way: the values tell which is which.
                let index = (0..before.len())
                    .find(|index| !taken[*index] && before[*index].values() == stored)
                    .unwrap_or_else(|| panic!("{}: {}", self.name, parameter.keras_path));
                taken[index] = true;
                let values = after[index].values();
                let values = match parameter.param.source.transform.permutation() {
                    Some(axes) => permute(&values, &after[index].shape(), axes),
                    None => values,
                };
                (parameter.path.clone(), values)
            })
            .collect()
    }
}

/// All elements of an output.
fn flat(value: Value) -> Tensor<1> {
    match value.rank() {
        2 => Tensor::<2>::try_from(value).unwrap().flatten(0, 1),
        _ => Tensor::<3>::try_from(value).unwrap().flatten(0, 2),
    }
}

/// The values that a record holds.
fn values(bytes: &[u8]) -> BTreeMap<String, Vec<f64>> {
    use burn::store::burn_pack::{Bytes, Reader};
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec())).unwrap();
    let tensors = reader.into_tensors().unwrap().into_iter();
    tensors
        .map(|tensor| {
            let name = tensor.name.clone();
            let bytes = tensor.to_bytes().unwrap();
            let floats = bytes.chunks_exact(4);
            let floats = floats.map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
            (name, floats.collect())
        })
        .collect()
}

/// Biases that only a BatchNormalization sees have no gradient but rounding noise, which Adam blows
/// up to the size of a step: no two implementations agree there. Their second moment tells them.
fn is_noise(trained: &Trained, path: &str) -> bool {
    let parameters = &trained.plan.parameters;
    let weight = parameters
        .iter()
        .find(|parameter| parameter.path == path)
        .unwrap()
        .weight;
    trained.optimizer.slots.iter().any(|slot| {
        let values = || slot.tensor.read_f64().unwrap();
        slot.weight == weight
            && slot.name == SlotName::Velocity
            && values().iter().all(|value| *value < 1e-14)
    })
}

fn step_equals_keras(backend: Backend) {
    let Some(device) = backend.device() else {
        return;
    };
    let mut failures = Vec::new();
    for path in trained() {
        let trained = Trained::read(&path);
        let (model, _, loss) = trained.train(&device);
        let keras = trained.step.array("loss").values()[0];
        if (loss - keras).abs() > 1e-5 * keras.abs().max(1.0) {
            failures.push(format!("{}: loss {loss}, Keras has {keras}", trained.name));
        }
        let bytes = burn_keras_nn::record::to_bytes(&model).unwrap();
        let found = values(&bytes);
        for (path, expected) in trained.expected() {
            let limit = if is_noise(&trained, &path) {
                2e-2
            } else {
                1e-5
            };
            let pairs = found[&path].iter().zip(&expected);
            let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            if largest > limit || found[&path].len() != expected.len() {
                failures.push(format!("{} {path}: off by {largest:.2e}", trained.name));
            }
        }
    }
    assert!(failures.is_empty(), "{backend:?}:\n{}", failures.join("\n"));
}

/// Load, one training step, save from Burn, read again: paths, shapes, types, ranks and ids are
/// those of the records that import writes, which the snapshots show.
fn layouts_stay(backend: Backend) {
    let Some(device) = backend.device() else {
        return;
    };
    for path in trained() {
        let trained = Trained::read(&path);
        let (model, optimizer, _) = trained.train(&device);
        let weights = layout::of_weights(&trained.plan);
        let saved = burn_keras_nn::record::to_bytes(&model).unwrap();
        let found = layout::of_weights_bytes(&saved).unwrap().like(&weights);
        assert_eq!(found.to_string(), weights.to_string(), "{}", trained.name);

        let state = trained.optimizer.slots.len();
        if state > 0 {
            let slots = layout::of_optimizer(&trained.plan, &trained.graph, &trained.optimizer);
            let saved = save_optimizer_bytes(&optimizer).unwrap();
            let found = layout::of_optimizer_bytes(&saved).unwrap().like(&slots);
            assert_eq!(found.to_string(), slots.to_string(), "{}", trained.name);
        }

        // What one backend saved, another loads, with the same values.
        let flex = Device::flex();
        let again = Model::from_graph(&trained.graph, &trained.name, &flex).unwrap();
        let again = again.load_record_bytes(saved.to_vec()).unwrap();
        let bytes = burn_keras_nn::record::to_bytes(&again).unwrap();
        assert!(values(&bytes) == values(&saved), "{}", trained.name);
        let autodiff = flex.autodiff();
        let again = again.to_device(&autodiff);
        let restored = save_optimizer_bytes(&optimizer).unwrap();
        let fresh = trained.optimizer(&again);
        load_optimizer_bytes(fresh, &again, restored.to_vec()).unwrap();
    }
}

/// The generated model takes the very step that the run-time model takes, from the files that
/// import wrote.
#[test]
fn generated_source_takes_the_same_step() {
    use burn_keras_models::branches_padded_k3::BranchesPaddedK3;

    let models = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models");
    let trained = Trained::read(&models.join("keras/branches_padded_k3.h5"));
    let (at_run_time, _, _) = trained.train(&Device::flex());

    let device = Device::flex().autodiff();
    let generated = models.join("generated/branches_padded_k3.bpk");
    let model = BranchesPaddedK3::from_file(&generated, &device).unwrap();
    let mut optimizer = load_optimizer_file(
        AdamConfig::new().init(),
        &model,
        generated.with_extension("optimizer.bpk"),
    )
    .unwrap();
    let tensor = |name: &str| trained.step.array(name).value(&device);
    let output = model.forward(
        tensor("x_0").try_into().unwrap(),
        tensor("x_1").try_into().unwrap(),
    );
    let target: Tensor<2> = tensor("y_0").try_into().unwrap();
    let loss = (output - target).powf_scalar(2.0).mean();
    let gradients = GradientsParams::from_grads(loss.backward(), &model);
    let model = optimizer.step(trained.optimizer.learning_rate.unwrap(), model, gradients);
    let bytes = |bytes: burn::tensor::Bytes| bytes.to_vec();
    assert!(
        bytes(burn_keras_nn::record::to_bytes(&model).unwrap())
            == bytes(burn_keras_nn::record::to_bytes(&at_run_time).unwrap())
    );
}

#[test]
fn steps_on_flex() {
    step_equals_keras(Backend::Flex);
}

#[test]
fn steps_on_ndarray() {
    step_equals_keras(Backend::NdArray);
}

#[test]
fn steps_on_wgpu() {
    step_equals_keras(Backend::Wgpu);
}

#[test]
fn layouts_on_flex() {
    layouts_stay(Backend::Flex);
}

#[test]
fn layouts_on_ndarray() {
    layouts_stay(Backend::NdArray);
}

#[test]
fn layouts_on_wgpu() {
    layouts_stay(Backend::Wgpu);
}
