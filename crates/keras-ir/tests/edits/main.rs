//! Surgery by hand: what each operation does, and what it says when it cannot.
#![allow(clippy::unwrap_used, clippy::panic)]

mod builder;
mod cut;
mod layers;
mod tie;
mod training;
mod weights;

use std::path::Path;

use keras_ir::graph::{Graph, TensorId};
use keras_ir::summary::Summary;
use keras_ir::surgery::{Builder, NewLayer};
use keras_ir::{ProblemKind, ReadOptions, Report, read};
use serde_json::{Value, json};

fn sample(name: &str) -> Graph {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("models/keras").join(name);
    read(path, ReadOptions::default()).unwrap_or_else(|report| panic!("{report}"))
}

fn new(class: &str, config: Value) -> NewLayer {
    NewLayer::new(class, config)
}

/// `in → first → (left, right) → sum → last`, all of 4 features.
fn diamond() -> Graph {
    let mut builder = Builder::new("diamond").with_seed(1);
    let input = builder.input("in", &[None, Some(4)], "float32").unwrap();
    let dense = |builder: &mut Builder, name: &str, input: TensorId| {
        let layer = builder
            .layer(&new("Dense", json!({"name": name, "units": 4})))
            .unwrap();
        builder.call(layer, &[input]).unwrap()[0]
    };
    let first = dense(&mut builder, "first", input);
    let left = dense(&mut builder, "left", first);
    let right = dense(&mut builder, "right", first);
    let sum = builder.layer(&new("Add", json!({"name": "sum"}))).unwrap();
    let sum = builder.call(sum, &[left, right]).unwrap()[0];
    let last = dense(&mut builder, "last", sum);
    builder.finish(&[last]).unwrap()
}

fn names(graph: &Graph) -> Vec<String> {
    let layers = graph.root().layers.iter();
    layers.map(|id| graph.layer(*id).name.clone()).collect()
}

fn params(graph: &Graph) -> (usize, usize) {
    let summary = Summary::new(graph);
    (summary.params, summary.trainable_params)
}

fn refused(result: Result<Graph, Report>, kind: ProblemKind, says: &[&str]) {
    let report = result
        .err()
        .unwrap_or_else(|| panic!("not refused: {says:?}"));
    assert_eq!(report.problems[0].kind, kind, "{report}");
    for says in says {
        assert!(
            report.to_string().contains(says),
            "{says:?} is not in {report}"
        );
    }
}

const NONE: &[&str] = &[];
