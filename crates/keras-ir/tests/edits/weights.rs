//! Weights by path, fresh ones, and normalization folded into them.

use keras_ir::ProblemKind;
use keras_ir::container::{Dtype, StoredTensor};
use keras_ir::graph::{Graph, LayerKind};
use keras_ir::surgery::Builder;
use serde_json::json;

use super::{diamond, new, params, refused, sample};

#[test]
fn weights_are_listed_as_keras_lists_them_and_set_by_path() {
    let graph = diamond();
    let paths: Vec<String> = graph
        .get_weights("")
        .unwrap()
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert_eq!(
        paths[..4],
        ["first/kernel", "first/bias", "left/kernel", "left/bias"]
    );
    let bias = StoredTensor::from_parts("new", [4], Dtype::F32, vec![0; 16]).unwrap();
    let kernel = graph.get_weights("left").unwrap().remove(0).1;
    let set = graph
        .set_weights("left", &[kernel.clone(), bias.clone()])
        .unwrap();
    assert!(set.get_weights("left").unwrap()[1].1.is(&bias));
    refused(
        graph.set_weights("left", &[bias.clone(), kernel]),
        ProblemKind::WeightShape,
        &["kernel"],
    );
    refused(
        graph.set_weights("left", &[bias]),
        ProblemKind::WeightShape,
        &["2 weights"],
    );
}

#[test]
fn fresh_weights_are_the_same_for_the_same_seed() {
    let graph = sample("nested_k3.h5");
    let bytes = |graph: &Graph| -> Vec<Vec<u8>> {
        let weights = graph.get_weights("").unwrap().into_iter();
        weights
            .map(|(_, tensor)| tensor.read().unwrap().into_owned())
            .collect()
    };
    let fresh = graph.with_fresh_weights(3).unwrap();
    fresh.validate().unwrap();
    assert_eq!(params(&fresh), params(&graph));
    assert_eq!(bytes(&fresh), bytes(&graph.with_fresh_weights(3).unwrap()));
    assert_ne!(bytes(&fresh), bytes(&graph.with_fresh_weights(4).unwrap()));
    assert_ne!(bytes(&fresh), bytes(&graph));
}

#[test]
fn normalization_goes_into_the_layer_before_it() {
    let graph = sample("branches_k3.h5");
    let (folded, gone) = graph.fold_batch_normalization().unwrap();
    folded.validate().unwrap();
    assert_eq!(gone.len(), 2, "{gone:?}");
    assert!(
        !folded
            .layers
            .iter()
            .any(|layer| layer.class == "BatchNormalization")
    );
    // 1D convolutions of 8 channels: by hand.
    let read = |graph: &Graph, path: &str, index: usize| {
        graph.get_weights(path).unwrap()[index]
            .1
            .read_f64()
            .unwrap()
    };
    let (kernel, bias) = (read(&graph, "conv1d", 0), read(&graph, "conv1d", 1));
    let [gamma, beta, mean, variance] =
        [0, 1, 2, 3].map(|at| read(&graph, "batch_normalization", at));
    let found = (read(&folded, "conv1d", 0), read(&folded, "conv1d", 1));
    for channel in 0..bias.len() {
        let scale = gamma[channel] / (variance[channel] + 1e-3).sqrt();
        let expected = (bias[channel] - mean[channel]) * scale + beta[channel];
        assert!((found.1[channel] - expected).abs() < 1e-6);
        for at in (channel..kernel.len()).step_by(bias.len()) {
            assert!((found.0[at] - kernel[at] * scale).abs() < 1e-6);
        }
    }
    assert!(matches!(folded.optimizer, Ok(None)));
    assert!(
        folded
            .notes
            .iter()
            .any(|note| note.contains("inference alone"))
    );
}

#[test]
fn normalization_that_others_see_behind_stays() {
    let mut builder = Builder::new("seen");
    let input = builder.input("in", &[None, Some(4)], "float32").unwrap();
    let dense = builder
        .layer(&new("Dense", json!({"units": 4, "use_bias": false})))
        .unwrap();
    let hidden = builder.call(dense, &[input]).unwrap()[0];
    let bn = builder
        .layer(&new("BatchNormalization", json!({})))
        .unwrap();
    let normalized = builder.call(bn, &[hidden]).unwrap()[0];
    let both = builder.clone().finish(&[normalized, hidden]).unwrap();
    assert!(both.fold_batch_normalization().unwrap().1.is_empty());
    let one = builder.finish(&[normalized]).unwrap();
    let (folded, gone) = one.fold_batch_normalization().unwrap();
    assert_eq!(gone, ["batch_normalization"]);
    folded.validate().unwrap();
    assert_eq!(params(&folded).0, 4 * 4 + 4);
    let LayerKind::Layer(keras_ir::layer::LayerKind::Dense(dense)) = &folded.layers[1].kind else {
        panic!("{:?}", folded.layers[1]);
    };
    assert!(dense.use_bias);
}
