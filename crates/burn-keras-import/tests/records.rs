//! Records load into modules made by hand, and Burn saves them in the layout that we wrote.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use burn::module::Module;
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{BatchNorm, Linear, LinearConfig};
use burn::tensor::Device;
use burn_keras_import::record::layout;
use burn_keras_import::{Plan, lower, record};
use burn_keras_nn::normalization::batch_norm;
use burn_keras_nn::optim::{AdamConfig, SgdConfig, load_optimizer_bytes, save_optimizer_bytes};
use burn_keras_nn::{Scope, stable_ids};
use keras_ir::{Graph, ReadOptions};

const NAME: &str = "net";

#[derive(Module, Debug)]
struct Branches {
    conv1d: Conv1d,
    conv1d_1: Conv1d,
    batch_normalization: BatchNorm,
    batch_normalization_1: BatchNorm,
    dense: Linear,
}

impl Branches {
    fn new(device: &Device) -> Self {
        let scope = Scope::new(NAME);
        let conv = || Conv1dConfig::new(4, 8, 3).init(device);
        let norm = |name| batch_norm(8, 1e-3, 0.99, &scope.enter(name), device);
        let module = Self {
            conv1d: conv(),
            conv1d_1: conv(),
            batch_normalization: norm("batch_normalization"),
            batch_normalization_1: norm("batch_normalization_1"),
            dense: LinearConfig::new(8, 3).init(device),
        };
        stable_ids(module, NAME)
    }
}

#[derive(Module, Debug)]
struct Two {
    dense_1: Linear,
    dense: Linear,
}

fn sample(name: &str) -> (Graph, Plan) {
    let path = format!(
        "{}/../../models/keras/{name}.h5",
        env!("CARGO_MANIFEST_DIR")
    );
    let graph = keras_ir::read(path, ReadOptions::default()).unwrap();
    let plan = lower::lower(&graph, NAME).unwrap();
    (graph, plan)
}

fn records(graph: &Graph, plan: &Plan) -> (Vec<u8>, Vec<u8>) {
    let weights = record::weights(plan, graph).unwrap();
    let state = graph.optimizer.as_ref().unwrap().as_ref().unwrap();
    let state = record::optimizer(plan, graph, state).unwrap().unwrap();
    (
        weights.into_bytes().unwrap().to_vec(),
        state.into_bytes().unwrap().to_vec(),
    )
}

#[test]
fn adam_resumes_from_the_record() {
    for name in ["branches_k2", "branches_k3"] {
        let (graph, plan) = sample(name);
        let (weights, state) = records(&graph, &plan);
        let device = Device::flex();
        let module = Branches::new(&device);
        let digest = plan.digest();
        let module = burn_keras_nn::record::load_bytes(module, weights.clone(), &digest).unwrap();
        let saved = burn_keras_nn::record::to_bytes(&module).unwrap();
        let expected = layout::of_weights(&plan);
        let found = layout::of_weights_bytes(&saved).unwrap().like(&expected);
        assert_eq!(found.to_string(), expected.to_string());

        let optimizer =
            load_optimizer_bytes(AdamConfig::new().init(), &module, state.clone()).unwrap();
        let saved = save_optimizer_bytes(&optimizer).unwrap();
        let expected = layout::of_optimizer_bytes(&state).unwrap();
        let found = layout::of_optimizer_bytes(&saved).unwrap().like(&expected);
        assert_eq!(found.to_string(), expected.to_string());
        assert!(
            expected
                .to_string()
                .contains("conv1d.weight momentum.moment_1")
        );
    }
}

#[test]
fn sgd_resumes_from_the_record() {
    for name in ["sgd_k2", "sgd_k3"] {
        let (graph, plan) = sample(name);
        let (weights, state) = records(&graph, &plan);
        let device = Device::flex();
        let module = Two {
            dense_1: LinearConfig::new(5, 7).init(&device),
            dense: LinearConfig::new(7, 2).init(&device),
        };
        let module = stable_ids(module, NAME);
        let module =
            burn_keras_nn::record::load_bytes(module, weights, &plan.digest()).expect(name);
        let sgd = SgdConfig::new().with_momentum(0.9).init();
        let optimizer = load_optimizer_bytes(sgd, &module, state.clone()).expect(name);
        let saved = save_optimizer_bytes(&optimizer).unwrap();
        let expected = layout::of_optimizer_bytes(&state).unwrap();
        let found = layout::of_optimizer_bytes(&saved).unwrap().like(&expected);
        assert_eq!(found.to_string(), expected.to_string());
        assert_eq!(expected.entries.len(), 4);
    }
}
