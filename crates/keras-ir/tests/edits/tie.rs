//! A dense layer with the table of an embedding.

use std::path::Path;

use keras_ir::container::{Dtype, StoredTensor};
use keras_ir::graph::Graph;
use keras_ir::optimizer::SlotName;
use keras_ir::surgery::Builder;
use keras_ir::{Activation, ProblemKind, ReadOptions, read};
use serde_json::json;

use super::{NONE, diamond, names, new, params, refused};

/// `ids → words → hidden → logits`, the logits with the table of the words.
fn tied() -> Graph {
    let mut builder = Builder::new("tied").with_seed(3);
    let ids = builder.input("ids", &[None, Some(5)], "int32").unwrap();
    let words = new(
        "Embedding",
        json!({"name": "words", "input_dim": 9, "output_dim": 4}),
    );
    let words = builder.layer(&words).unwrap();
    let x = builder.call(words, &[ids]).unwrap();
    let hidden = builder
        .layer(&new("Dense", json!({"name": "hidden", "units": 4})))
        .unwrap();
    let x = builder.call(hidden, &x).unwrap();
    let logits = builder
        .tied_dense("logits", words, Some(Activation::Softmax), true)
        .unwrap();
    let x = builder.call(logits, &x).unwrap();
    builder.finish(&x).unwrap()
}

#[test]
fn a_tied_layer_has_no_kernel_of_its_own() {
    let graph = tied();
    graph.validate().unwrap();
    assert_eq!(names(&graph), ["ids", "words", "hidden", "logits"]);
    let paths: Vec<String> = graph
        .get_weights("")
        .unwrap()
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert_eq!(
        paths,
        [
            "words/embeddings",
            "hidden/kernel",
            "hidden/bias",
            "logits/bias/bias"
        ]
    );
    assert_eq!(params(&graph).0, 9 * 4 + 20 + 9);
}

#[test]
fn a_dense_layer_is_tied_to_an_embedding() {
    let mut builder = Builder::new("untied").with_seed(3);
    let ids = builder.input("ids", &[None, Some(5)], "int32").unwrap();
    let words = new(
        "Embedding",
        json!({"name": "words", "input_dim": 9, "output_dim": 4}),
    );
    let words = builder.layer(&words).unwrap();
    let x = builder.call(words, &[ids]).unwrap();
    let logits = new(
        "Dense",
        json!({"name": "logits", "units": 9, "activation": "softmax"}),
    );
    let logits = builder.layer(&logits).unwrap();
    let x = builder.call(logits, &x).unwrap();
    let graph = builder.finish(&x).unwrap();
    let bias = graph.get_weights("logits").unwrap().remove(1).1;
    let tied = graph.tie("logits", "words").unwrap();
    tied.validate().unwrap();
    assert_eq!(params(&tied).0, params(&graph).0 - 4 * 9);
    assert!(tied.get_weights("logits/bias").unwrap()[0].1.is(&bias));
    refused(
        graph.tie("words", "words"),
        ProblemKind::Surgery,
        &["a dense layer"],
    );
    refused(
        graph.tie("logits", "logits"),
        ProblemKind::Surgery,
        &["an Embedding"],
    );
    refused(
        diamond().tie("last", "words"),
        ProblemKind::Place,
        &["words"],
    );
}

/// The bias is kept, and what the optimizer knows of it.
#[test]
fn a_tied_layer_keeps_the_state_of_its_bias() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("tests/fixtures/resume/adam_k3.keras");
    let graph = read(path, ReadOptions::default()).unwrap();
    let graph = graph.extract(&["pool", "embedding"]).unwrap();
    let scores = new("Dense", json!({"name": "scores", "units": 12}));
    let mut graph = graph.insert_after("pool", &scores, 0).unwrap();
    let slots = |graph: &Graph, layer: &str| -> Vec<(SlotName, Vec<u8>)> {
        let optimizer = graph.optimizer.as_ref().unwrap().as_ref().unwrap();
        let slots = optimizer.slots.iter().filter(|slot| {
            let of_layer = graph.layer(slot.weight.layer);
            of_layer.path == layer && of_layer.weights[slot.weight.index].name == "bias"
        });
        slots
            .map(|slot| (slot.name, slot.tensor.read().unwrap().into_owned()))
            .collect()
    };
    let optimizer = graph.optimizer.as_mut().unwrap().as_mut().unwrap();
    for (position, slot) in optimizer.slots.iter_mut().enumerate() {
        if slot.tensor.shape() == [12] {
            let bytes: Vec<u8> = (0..48).map(|at| at * 5 + position as u8).collect();
            slot.tensor = StoredTensor::from_parts("state", vec![12], Dtype::F32, bytes).unwrap();
        }
    }
    let before = slots(&graph, "scores");
    assert_eq!(before.len(), 2);
    let tied = graph.tie("scores", "embedding").unwrap();
    assert_eq!(slots(&tied, "scores/bias"), before);
}

/// Behind a cut the table is there, though nothing is looked up in it.
#[test]
fn a_tied_layer_keeps_its_table_when_the_embedding_is_cut_off() {
    let graph = tied().split(&["hidden"], NONE).unwrap();
    graph.validate().unwrap();
    assert_eq!(names(&graph), ["hidden", "logits"]);
    assert_eq!(params(&graph).0, 9 * 4 + 9);
    let whole = tied();
    let head = whole.extract(&["hidden"]).unwrap();
    let tail = whole.split(&["hidden"], NONE).unwrap();
    let again = head.compose(&tail).unwrap();
    again.validate().unwrap();
    assert_eq!(params(&again), params(&whole));
}

#[test]
fn a_renamed_tied_layer_leaves_the_embedding_its_name() {
    let graph = tied().rename("logits", "words_out").unwrap();
    assert_eq!(names(&graph), ["ids", "words", "hidden", "words_out"]);
    let graph = graph.rename("words", "tokens").unwrap();
    graph.validate().unwrap();
    assert_eq!(names(&graph), ["ids", "tokens", "hidden", "words_out"]);
}
