//! What is left of a model that was cut, and what stands in the way.

use keras_ir::surgery::{Builder, Edit, NewLayer};
use keras_ir::{Activation, Graph};
use serde_json::json;

use super::*;

fn show(name: &str, graph: &Graph) {
    let plan = lower(graph, name).unwrap_or_else(|report| panic!("{report}"));
    let summary = Summary::with_nested(graph, true);
    check(&format!("surgery.{name}.summary"), &summary.to_string());
    let source = generate(&plan, &CodegenOptions::default());
    check(&format!("surgery.{name}.source"), &source);
    let options = PlotOptions {
        expand_nested: true,
        ..PlotOptions::default()
    };
    let plot = Plot::new(graph, &options);
    check(&format!("surgery.{name}.plot"), &plot.to_dot());
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

/// Edits one after the other: a frozen body, a new head.
#[test]
fn edited() {
    let edits = [
        Edit::Freeze {
            pattern: "conv*".into(),
        },
        Edit::Replace {
            path: "dense".into(),
            layer: r#"Dense{"name": "head", "units": 5, "activation": "softmax"}"#
                .parse()
                .unwrap(),
        },
        Edit::InsertBefore {
            path: "head".into(),
            layer: r#"Dropout{"rate": 0.25}"#.parse().unwrap(),
        },
    ];
    show("edited", &sample("branches_k3.h5").edit(&edits, 7).unwrap());
}

/// A mask that crosses the cut is an input beside the one that carries it, and an output before.
#[test]
fn masked() {
    let path = root().join("tests/fixtures/lstm/masked_0_k2.h5");
    let graph = read(path, ReadOptions::default()).unwrap();
    let cut = ["embedding", "embedding:mask"];
    show("masked_head", &graph.extract(&cut).unwrap());
    show("masked_tail", &graph.split(&cut, &["lstm_1"]).unwrap());
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
