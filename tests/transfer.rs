//! The state of one model's optimizer in another model: its next step in Burn against the step that
//! Keras made with the state set variable by variable.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use burn_keras::{Model, Value};
use burn_keras_import::OptimizerTransfer;
use burn_keras_import::lower::lower;
use burn_keras_import::record::permute;
use burn_keras_nn::optim::{AdamConfig, load_optimizer_file};
use burn_keras_tests::arrays::Npz;
use burn_keras_tests::conformance;
use keras_ir::{ReadOptions, read};

/// The values of all parameters after a step, by path in Burn.
fn step(tag: &str) -> (f64, BTreeMap<String, Vec<f64>>) {
    let file = |name: String| conformance::folder("transfer").join(name);
    let to = file(format!("to_{tag}.h5"));
    let out = tempfile::tempdir().unwrap();
    let record: PathBuf = out.path().join("padded.optimizer.bpk");
    let transfer = OptimizerTransfer::new(file(format!("from_{tag}.h5")), &to).name("padded");
    let mapping = transfer.run(&record).unwrap();

    let device = Device::flex().autodiff();
    let graph = read(&to, ReadOptions::default()).unwrap();
    let model = Model::from_graph(&graph, "padded", &device).unwrap();
    let fresh = AdamConfig::new().init();
    let mut optimizer = load_optimizer_file(fresh, &model, &record).unwrap();
    let arrays = Npz::open(&to.with_extension("step.npz"));
    let inputs = arrays.numbered("x");
    let inputs: Vec<Value> = inputs.iter().map(|array| array.value(&device)).collect();
    let output: Tensor<2> = model.predict(inputs).unwrap().remove(0).try_into().unwrap();
    let target: Tensor<2> = arrays.array("y_0").value(&device).try_into().unwrap();
    let loss = (output - target).powf_scalar(2.0).mean();
    let value = loss.clone().into_scalar::<f64>();
    let gradients = GradientsParams::from_grads(loss.backward(), &model);
    let rate = mapping.optimizer.learning_rate.unwrap();
    let model = optimizer.step(rate, model, gradients);
    let bytes = burn_keras_nn::record::to_bytes(&model).unwrap();
    (value, values(&bytes))
}

fn values(bytes: &[u8]) -> BTreeMap<String, Vec<f64>> {
    use burn::store::burn_pack::{Bytes, Reader};
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec())).unwrap();
    let tensors = reader.into_tensors().unwrap().into_iter();
    tensors
        .map(|tensor| {
            let bytes = tensor.to_bytes().unwrap();
            let floats = bytes.chunks_exact(4);
            let floats = floats.map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
            (tensor.name.clone(), floats.collect())
        })
        .collect()
}

/// What Keras has after its step, by path in Burn and in Burn's layout.
fn expected(tag: &str) -> (f64, BTreeMap<String, Vec<f64>>) {
    let to = conformance::folder("transfer").join(format!("to_{tag}.h5"));
    let graph = read(&to, ReadOptions::default()).unwrap();
    let plan = lower(&graph, "padded").unwrap();
    let arrays = Npz::open(&to.with_extension("step.npz"));
    let (before, after) = (arrays.numbered("before"), arrays.numbered("after"));
    let parameters = plan.parameters.iter().map(|parameter| {
        let weight = parameter.weight;
        let stored = &graph.layer(weight.layer).weights[weight.index].tensor;
        let stored = stored.read_f64().unwrap();
        // The values tell which variable it is.
        let mut same = (0..before.len()).filter(|index| before[*index].values() == stored);
        let index = same.next().unwrap();
        assert_eq!(same.next(), None, "{}", parameter.keras_path);
        let values = after[index].values();
        let values = match parameter.param.source.transform.permutation() {
            Some(axes) => permute(&values, &after[index].shape(), axes),
            None => values,
        };
        (parameter.path.clone(), values)
    });
    (arrays.array("loss").values()[0], parameters.collect())
}

fn step_equals_keras(tag: &str) {
    let (loss, found) = step(tag);
    let (keras_loss, expected) = expected(tag);
    assert!(
        (loss - keras_loss).abs() < 1e-5,
        "{loss}, Keras has {keras_loss}"
    );
    let paths = |values: &BTreeMap<String, Vec<f64>>| values.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&found), paths(&expected));
    for (path, expected) in expected {
        let pairs = found[&path].iter().zip(&expected);
        let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(largest < 1e-5, "{path}: off by {largest:.2e}");
        assert_eq!(found[&path].len(), expected.len());
    }
}

#[test]
fn of_tf_keras() {
    step_equals_keras("k2");
}

#[test]
fn of_keras_3() {
    step_equals_keras("k3");
}
