//! Layers that come, go, and change places and names.

use std::path::Path;

use keras_ir::graph::{Graph, TensorId};
use keras_ir::summary::Summary;
use keras_ir::surgery::Edit;
use keras_ir::{ProblemKind, ReadOptions, read};
use serde_json::json;

use super::{diamond, names, new, params, refused, sample};

#[test]
fn a_removed_layer_is_passed_by() {
    let graph = diamond().remove("left").unwrap();
    assert_eq!(names(&graph), ["in", "first", "right", "sum", "last"]);
    refused(diamond().remove("sum"), ProblemKind::Surgery, &["2 and 1"]);
    refused(
        diamond().remove("in"),
        ProblemKind::Surgery,
        &["a layer of a model"],
    );
    let removed = sample("branches_k2.h5").remove("global_average_pooling1d");
    assert!(removed.is_ok(), "a dense layer takes sequences too");
}

#[test]
fn a_layer_that_others_need_for_their_shapes_stays() {
    let graph = diamond();
    let wide = new("Dense", json!({"units": 5}));
    refused(
        graph.replace("first", &wide, 0),
        ProblemKind::WeightShape,
        &["left (Dense)", "right (Dense)"],
    );
    let replaced = graph.replace("last", &wide, 0).unwrap();
    assert_eq!(names(&replaced), names(&graph));
    assert_eq!(params(&replaced).0, 3 * 20 + 25);
}

#[test]
fn new_layers_stand_where_they_are_put() {
    let graph = diamond();
    let dropout = new("Dropout", json!({"rate": 0.5}));
    let after = graph.insert_after("first", &dropout, 0).unwrap();
    assert_eq!(
        names(&after),
        ["in", "first", "dropout", "left", "right", "sum", "last"]
    );
    let before = graph.insert_before("left", &dropout, 0).unwrap();
    let call = before.root().calls.iter();
    let made = |tensor: &TensorId| {
        before
            .layer(before.root().tensors[tensor.0].layer)
            .name
            .clone()
    };
    let inputs: Vec<Vec<String>> = call
        .map(|call| call.inputs.iter().map(made).collect())
        .collect();
    assert!(inputs.contains(&vec!["dropout".to_owned()]));
    after.validate().unwrap();
    before.validate().unwrap();
    let taken = new("Dropout", json!({"rate": 0.5, "name": "left"}));
    refused(
        graph.insert_after("first", &taken, 0),
        ProblemKind::Surgery,
        &["left"],
    );
    let unknown = new("Mystery", json!({}));
    refused(
        graph.insert_after("first", &unknown, 0),
        ProblemKind::UnknownLayer,
        &["Mystery"],
    );
    let image = new("Conv2D", json!({"filters": 2, "kernel_size": 3}));
    refused(
        graph.insert_after("first", &image, 0),
        ProblemKind::Shape,
        &["conv2d"],
    );
}

#[test]
fn a_layer_in_a_nested_model_is_put_into_all_of_its_calls() {
    let graph = sample("nested_k3.h5");
    let dropout = new("Dropout", json!({"rate": 0.5}));
    let inserted = graph
        .insert_after("mid:0/inner/dense", &dropout, 0)
        .unwrap();
    inserted.validate().unwrap();
    assert_eq!(inserted.models.len(), graph.callees());
    assert!(inserted.layer_at("mid/inner/dropout").is_ok());
}

trait Callees {
    fn callees(&self) -> usize;
}

impl Callees for Graph {
    /// How many models there are that are called.
    fn callees(&self) -> usize {
        self.rename(&names(self)[1], "other name")
            .unwrap()
            .models
            .len()
    }
}

#[test]
fn names_follow_a_renamed_layer() {
    let graph = sample("nested_k3.h5");
    let renamed = graph.rename("mid/inner", "core").unwrap();
    assert!(renamed.layer_at("mid/core/dense").is_ok());
    let dense = renamed.layer_at("mid/core/dense").unwrap();
    assert_eq!(renamed.layer(dense).path, "mid/core/dense");
    refused(
        diamond().rename("left", "right"),
        ProblemKind::Surgery,
        &["right"],
    );
    refused(diamond().rename("left", ""), ProblemKind::Surgery, &[]);
}

/// Edits as data are the operations, one after the other, on what `from` and `to` leave.
#[test]
fn edits_follow_one_another() {
    let graph = sample("branches_k3.h5");
    let dropout = new("Dropout", json!({"rate": 0.5}));
    let head = new("Dense", json!({"units": 5, "activation": "softmax"}));
    let edits = [
        Edit::FoldBatchNormalization,
        Edit::InsertAfter {
            place: "concatenate".into(),
            layer: dropout.clone(),
        },
        Edit::Replace {
            path: "dense".into(),
            layer: head.clone(),
        },
        Edit::Remove {
            path: "activation_1".into(),
        },
        Edit::Rename {
            path: "dropout".into(),
            name: "drop/half:out".into(),
        },
        Edit::Freeze {
            pattern: "**".into(),
        },
        Edit::Unfreeze {
            pattern: "dense".into(),
        },
        Edit::FreshWeights,
    ];
    let expected = graph.fold_batch_normalization().unwrap().0;
    let expected = expected.insert_after("concatenate", &dropout, 7).unwrap();
    let expected = expected.replace("dense", &head, 7).unwrap();
    let expected = expected.remove("activation_1").unwrap();
    let expected = expected.rename("dropout", "drop/half:out").unwrap();
    let expected = expected.freeze("**").unwrap().unfreeze("dense").unwrap();
    let expected = expected.with_fresh_weights(7).unwrap();
    let edited = graph.edit(&edits, 7).unwrap();
    assert_eq!(
        Summary::new(&edited).to_json(),
        Summary::new(&expected).to_json()
    );
    assert_eq!(params(&edited), (104 + 104 + 45, 45));
    let weights = |graph: &Graph| {
        let weights = graph.get_weights("").unwrap().into_iter();
        let weights = weights.map(|(path, tensor)| (path, tensor.read().unwrap().into_owned()));
        weights.collect::<Vec<_>>()
    };
    assert_eq!(weights(&edited), weights(&expected));

    // The cut comes first.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("models/keras/branches_k3.h5");
    let pool = Edit::InsertAfter {
        place: "concatenate".into(),
        layer: new("GlobalMaxPooling1D", json!({})),
    };
    let options = |edits| ReadOptions {
        from: vec!["activation".into(), "activation_1".into()],
        to: vec!["concatenate".into()],
        edits,
        seed: 7,
        ..ReadOptions::default()
    };
    let part = read(&file, options(vec![pool])).unwrap();
    assert_eq!(
        names(&part),
        [
            "activation",
            "activation_1",
            "concatenate",
            "global_max_pooling1d"
        ]
    );
    let gone = Edit::Remove {
        path: "dense".into(),
    };
    refused(
        read(&file, options(vec![gone])),
        ProblemKind::Place,
        &["dense"],
    );
    refused(
        diamond().edit(&[Edit::FoldBatchNormalization], 0),
        ProblemKind::Surgery,
        &["none that can be folded"],
    );
}
