//! What is left of a model that was cut, and what stands in the way.

use keras_ir::surgery::{Builder, NewLayer};
use keras_ir::{Activation, Graph};
use serde_json::json;

use super::*;

fn show(name: &str, graph: &Graph) {
    let plan = lower(graph, name).unwrap_or_else(|report| panic!("{report}"));
    let summary = Summary::with_nested(graph, true);
    check(&format!("surgery.{name}.summary"), &summary.to_string());
    let source = generate(&plan, &CodegenOptions::default());
    check(&format!("surgery.{name}.source"), &source);
}

fn sample(name: &str) -> Graph {
    let path = root().join("models/keras").join(name);
    read(path, ReadOptions::default()).unwrap_or_else(|report| panic!("{report}"))
}

/// A layer of a nested model that is called elsewhere too.
#[test]
fn extracted_from_a_nested_model() {
    let graph = sample("nested_k3.h5");
    show(
        "extracted",
        &graph.extract(&["mid:0/inner/re_lu", "other"]).unwrap(),
    );
}

#[test]
fn split_between_branches() {
    let graph = sample("branches_k2.h5");
    let places = ["activation", "batch_normalization_1"];
    show("split", &graph.split(&places, &[] as &[&str]).unwrap());
}

#[test]
fn folded() {
    show(
        "folded",
        &sample("branches_k2.h5")
            .fold_batch_normalization()
            .unwrap()
            .0,
    );
}

#[test]
fn tied_to_an_embedding() {
    let mut builder = Builder::new("tied");
    let ids = builder.input("ids", &[None, Some(5)], "int32").unwrap();
    let words = json!({"name": "words", "input_dim": 9, "output_dim": 4, "mask_zero": true});
    let words = builder.layer(&NewLayer::new("Embedding", words)).unwrap();
    let x = builder.call(words, &[ids]).unwrap();
    let hidden = json!({"name": "hidden", "units": 4, "return_sequences": true});
    let hidden = builder.layer(&NewLayer::new("LSTM", hidden)).unwrap();
    let x = builder.call(hidden, &x).unwrap();
    let logits = builder
        .tied_dense("logits", words, Some(Activation::Softmax), true)
        .unwrap();
    let x = builder.call(logits, &x).unwrap();
    let graph = builder.finish(&x).unwrap();
    show("tied", &graph);
    let plan = lower(&graph, "tied").unwrap();
    check(
        "surgery.tied.weights",
        &layout::of_weights(&plan).to_string(),
    );
}

#[test]
fn what_stands_in_the_way() {
    let nested = sample("nested_k3.h5");
    let branches = sample("branches_k2.h5");
    let none: &[&str] = &[];
    let refused = [
        nested.extract(&["mid/inner/re_lu", "mid:2", "mid:0/nothing"]),
        branches.split(&["activation"], none),
        branches.remove("concatenate"),
        branches.rename("dense", "activation"),
        branches.replace(
            "conv1d",
            &NewLayer::new("Conv1D", json!({"filters": 3, "kernel_size": 3})),
            0,
        ),
        branches.insert_after(
            "dense",
            &NewLayer::new("Conv2D", json!({"filters": 1, "kernel_size": 1})),
            0,
        ),
        branches.freeze("block1/*"),
    ];
    let text: Vec<String> = refused
        .into_iter()
        .map(|refused| refused.err().unwrap().to_string())
        .collect();
    let folder = format!("{}/", root().join("models/keras").display());
    check("surgery.refused", &text.join("\n").replace(&folder, ""));
}
