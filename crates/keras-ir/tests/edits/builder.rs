//! Calls of layers and models.

use keras_ir::graph::TensorId;
use keras_ir::surgery::Builder;
use serde_json::json;

use super::{diamond, names, new, params, sample};

#[test]
fn a_model_is_called_in_another() {
    let encoder = diamond();
    let mut builder = Builder::new("siamese").with_seed(2);
    let shape = [None, Some(4)];
    let left = builder.input("a", &shape, "float32").unwrap();
    let right = builder.input("b", &shape, "float32").unwrap();
    let encoder = builder.model(&encoder, "encoder").unwrap();
    let left = builder.call(encoder, &[left]).unwrap();
    let right = builder.call(encoder, &[right]).unwrap();
    let join = builder.layer(&new("Concatenate", json!({}))).unwrap();
    let joined = builder.call(join, &[left[0], right[0]]).unwrap();
    let head = builder
        .layer(&new("Dense", json!({"units": 1, "activation": "sigmoid"})))
        .unwrap();
    let scores = builder.call(head, &joined).unwrap();
    let graph = builder.finish(&scores).unwrap();
    graph.validate().unwrap();
    assert_eq!(names(&graph), ["a", "b", "encoder", "concatenate", "dense"]);
    assert_eq!(params(&graph).0, 4 * 20 + 9);
    assert!(graph.layer_at("encoder/left").is_ok());
}

#[test]
fn a_head_is_put_on_a_model_that_was_read() {
    let graph = sample("branches_k2.h5");
    let mut builder = Builder::of(graph.clone());
    let features = builder.at("global_average_pooling1d").unwrap();
    let head = builder
        .layer(&new("Dense", json!({"name": "head", "units": 2})))
        .unwrap();
    let head = builder.call(head, &[features]).unwrap();
    let mut outputs = builder.outputs().to_vec();
    outputs.extend(head);
    let both = builder.finish(&outputs).unwrap();
    both.validate().unwrap();
    assert_eq!(both.output_names(both.root()), ["dense", "head"]);
    assert_eq!(params(&both).0, params(&graph).0 + 18);
}

#[test]
fn calls_that_make_no_sense_are_refused() {
    let mut builder = Builder::new("wrong");
    let input = builder.input("in", &[None, Some(4)], "float32").unwrap();
    assert!(builder.input("in", &[None], "float32").is_err());
    assert!(builder.input("text", &[None], "string").is_err());
    assert!(builder.layer(&new("Dense", json!({"units": -1}))).is_err());
    assert!(builder.layer(&new("InputLayer", json!({}))).is_err());
    let dense = builder.layer(&new("Dense", json!({"units": 1}))).unwrap();
    assert!(builder.call(dense, &[]).is_err());
    assert!(builder.call(dense, &[TensorId(99)]).is_err());
    assert!(
        builder
            .call_with(dense, &[input], &[("initial_state", &[input])])
            .is_err()
    );
    assert!(builder.clone().finish(&[]).is_err());
    assert!(builder.clone().finish(&[TensorId(99)]).is_err());
    let other = sample("siamese_k2.h5");
    assert!(
        builder.model(&other, "other").is_err(),
        "another generation"
    );
}
