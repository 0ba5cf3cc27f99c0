//! Surgery by hand: what each operation does, and what it says when it cannot.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use keras_ir::container::{Dtype, StoredTensor};
use keras_ir::graph::{Graph, LayerKind, TensorId};
use keras_ir::summary::Summary;
use keras_ir::surgery::{Builder, Edit, NewLayer};
use keras_ir::{Activation, ProblemKind, ReadOptions, Report, read};
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

#[test]
fn only_what_is_needed_stays() {
    let graph = diamond();
    assert_eq!(params(&graph).0, 4 * 20);
    let left = graph.extract(&["left"]).unwrap();
    assert_eq!(names(&left), ["in", "first", "left"]);
    assert_eq!(params(&left).0, 2 * 20);
    let both = graph.extract(&["right", "first"]).unwrap();
    assert_eq!(both.output_names(both.root()), ["right", "first"]);
    let behind = graph.split(&["left", "right"], NONE).unwrap();
    assert_eq!(names(&behind), ["left", "right", "sum", "last"]);
    assert_eq!(params(&behind).0, 20);
    let between = graph.split(&["first"], &["sum"]).unwrap();
    assert_eq!(names(&between), ["first", "left", "right", "sum"]);
}

#[test]
fn what_is_still_connected_is_named() {
    refused(
        diamond().split(&["left"], NONE),
        ProblemKind::Disconnected,
        &["in → first → right → sum → last", "in (InputLayer)"],
    );
}

#[test]
fn the_original_inputs_may_be_among_the_new_ones() {
    let graph = diamond().split(&["left", "in"], NONE).unwrap();
    assert_eq!(graph.input_names(graph.root()), ["left", "in"]);
    assert_eq!(params(&graph).0, 3 * 20);
}

#[test]
fn an_input_that_leads_nowhere_stays_and_is_noted() {
    let graph = diamond().split(&["sum", "left"], NONE).unwrap();
    assert_eq!(graph.input_names(graph.root()), ["sum", "left"]);
    let idle = "left: an input that no output needs".to_owned();
    assert!(graph.notes.contains(&idle), "{:?}", graph.notes);
}

#[test]
fn the_same_tensor_is_one_new_input() {
    refused(
        diamond().split(&["sum", "sum:0:0"], NONE),
        ProblemKind::Place,
        &["twice"],
    );
}

#[test]
fn places_that_are_none_are_all_reported() {
    let graph = diamond();
    let report = graph
        .extract(&["nothing", "left:1", "left:0:1", "left/inner", "in:1"])
        .unwrap_err();
    assert_eq!(report.problems.len(), 5, "{report}");
    assert!(
        report
            .problems
            .iter()
            .all(|problem| problem.kind == ProblemKind::Place)
    );
}

#[test]
fn a_call_of_a_shared_model_must_be_named() {
    let graph = sample("nested_k3.h5");
    refused(
        graph.extract(&["mid/dense_1"]),
        ProblemKind::Place,
        &["mid:0, mid:1", "called 2 times"],
    );
    let first = graph.extract(&["mid:0/dense_1"]).unwrap();
    let second = graph.extract(&["mid:1/dense_1"]).unwrap();
    assert_eq!(first.input_names(first.root()), ["p"]);
    assert_eq!(second.input_names(second.root()), ["x"]);
    // The second call sees what the shared layer made of the input before.
    assert_eq!(first.root().calls.len(), 2);
    assert_eq!(second.root().calls.len(), 3);
    assert_eq!(params(&first), params(&second));
}

#[test]
fn a_layer_that_is_shared_stays_one_layer() {
    let graph = sample("nested_k3.h5");
    let cut = graph.extract(&["mid:0/inner/in_two", "other"]).unwrap();
    let in_two = cut
        .layers
        .iter()
        .filter(|layer| layer.name == "in_two")
        .count();
    assert_eq!(in_two, 1);
    cut.validate().unwrap();
}

#[test]
fn a_mask_that_a_layer_looks_at_does_not_get_lost() {
    let mut builder = Builder::new("masked");
    let ids = builder.input("ids", &[None, Some(5)], "int32").unwrap();
    let embedding = new(
        "Embedding",
        json!({"name": "e", "input_dim": 9, "output_dim": 4, "mask_zero": true}),
    );
    let embedding = builder.layer(&embedding).unwrap();
    let e = builder.call(embedding, &[ids]).unwrap();
    let dense = builder
        .layer(&new("Dense", json!({"name": "d", "units": 3})))
        .unwrap();
    let d = builder.call(dense, &e).unwrap();
    let lstm = builder
        .layer(&new("LSTM", json!({"name": "l", "units": 2})))
        .unwrap();
    let l = builder.call(lstm, &d).unwrap();
    let last = builder
        .layer(&new("Dense", json!({"name": "last", "units": 1})))
        .unwrap();
    let last = builder.call(last, &l).unwrap();
    let graph = builder.finish(&last).unwrap();
    for place in ["e", "d"] {
        refused(
            graph.split(&[place], NONE),
            ProblemKind::Mask,
            &["l (LSTM)"],
        );
        // Nothing looks at the mask in front of it.
        assert!(graph.split(&[place], &["d"]).is_ok());
    }
    assert!(graph.split(&["l"], NONE).is_ok());
    assert!(graph.split(&["ids"], NONE).is_ok());

    // Beside its tensor the mask is one of its own.
    let inputs = |graph: &Graph| -> Vec<(String, String)> {
        let (root, names) = (graph.root(), graph.input_names(graph.root()));
        let specs = root.inputs.iter().map(|t| &root.tensors[t.0].spec);
        let specs = specs.map(|spec| format!("{} {}", spec.kind, spec.shape));
        names.into_iter().zip(specs).collect()
    };
    for place in ["e", "d"] {
        let names = [place.to_owned(), format!("{place}:0:0:mask")];
        let tail = graph.split(&names, NONE).unwrap();
        tail.validate().unwrap();
        let size = if place == "e" { 4 } else { 3 };
        assert_eq!(
            inputs(&tail),
            [
                (place.to_owned(), format!("float (None, 5, {size})")),
                (format!("{place}_mask"), "bool (None, 5)".to_owned()),
            ]
        );
        let head = graph.extract(&names).unwrap();
        assert_eq!(
            head.output_names(head.root()),
            [place.to_owned(), format!("{place}_mask")]
        );
        let whole = head.compose(&tail).unwrap();
        assert_eq!(names_of(&whole), names_of(&graph));
    }
    for (from, to, says) in [
        (&["e:mask"][..], &[][..], "e:0:0:mask alone"),
        (&["e", "e:mask", "e:mask"], &[], "e:0:0:mask twice"),
        (&["ids", "ids:mask"], &[], "one without"),
        (&[], &["l:mask"], "one without"),
    ] {
        refused(graph.split(from, to), ProblemKind::Place, &[says]);
    }
    refused(
        graph.split(&["e"], &["d:mask"]),
        ProblemKind::Mask,
        &["the mask that it carries in the whole model"],
    );
}

fn names_of(graph: &Graph) -> Vec<String> {
    let names = graph.layers.iter().map(|layer| layer.path.clone());
    names.collect()
}

#[test]
fn losses_of_other_outputs_are_left_out() {
    let graph = sample("sgd_k3.h5");
    let training = |graph: &Graph| graph.training_config.clone().unwrap_or_default();
    assert!(training(&graph)["loss"] != Value::Null);
    let first = names(&graph)[1].clone();
    let head = graph.extract(&[first.as_str()]).unwrap();
    assert_eq!(training(&head)["loss"], Value::Null);
    assert_eq!(
        training(&head)["optimizer_config"],
        training(&graph)["optimizer_config"]
    );
    let tail = graph.split(&[first.as_str()], NONE).unwrap();
    assert_eq!(training(&tail), training(&graph));
}

/// A head with other units is trained as the one before it; without its activation it is another.
#[test]
fn losses_of_a_new_head_stay_if_it_says_the_same() {
    let graph = sample("sgd_k3.h5");
    let last = graph.root().layers.last().unwrap();
    let mut config = graph.layer(*last).config.clone();
    let name = graph.layer(*last).name.clone();
    let loss = |graph: &Graph| graph.training_config.clone().unwrap_or_default()["loss"].clone();
    config.insert("units".into(), 5.into());
    let wider = new("Dense", Value::Object(config.clone()));
    let wider = graph.replace(&name, &wider, 0).unwrap();
    assert_eq!(loss(&wider), loss(&graph));
    config.insert("activation".into(), "gelu".into());
    let other = new("Dense", Value::Object(config));
    let other = graph.replace(&name, &other, 0).unwrap();
    assert_eq!(loss(&other), Value::Null);
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

#[test]
fn slots_go_with_their_weights() {
    let graph = sample("branches_k3.h5");
    let slots = |graph: &Graph| -> Vec<String> {
        let optimizer = graph.optimizer.as_ref().unwrap().as_ref().unwrap();
        let slots = optimizer.slots.iter().map(|slot| {
            let layer = graph.layer(slot.weight.layer);
            let weight = &layer.weights[slot.weight.index];
            format!(
                "{} {} {} {}",
                layer.name,
                weight.name,
                slot.name.as_str(),
                slot.tensor.path()
            )
        });
        slots.collect()
    };
    let head = graph.extract(&["activation"]).unwrap();
    let expected: Vec<String> = slots(&graph)
        .into_iter()
        .filter(|slot| slot.starts_with("conv1d ") || slot.starts_with("batch_normalization "))
        .collect();
    assert!(expected.len() >= 4);
    assert_eq!(slots(&head), expected);
}

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

/// What is frozen in a model: Keras 3 asks the layers, Keras before the model too.
#[test]
fn freezing_a_model_freezes_what_is_in_it() {
    for (name, still_frozen) in [("nested_k3.h5", false), ("nested_k2.h5", true)] {
        let graph = sample(name);
        let frozen = graph.freeze("mid").unwrap();
        let trained = |graph: &Graph| -> Vec<String> {
            let weights = graph.trainable_variables().into_iter();
            weights
                .map(|weight| graph.layer(weight.layer).path.clone())
                .collect()
        };
        let inside = |path: &String| path.starts_with("mid/");
        assert!(trained(&graph).iter().any(inside), "{name}");
        assert!(!trained(&frozen).iter().any(inside), "{name}");
        let thawed = frozen.unfreeze("mid/**").unwrap();
        assert_eq!(!trained(&thawed).iter().any(inside), still_frozen, "{name}");
        frozen.validate().unwrap();
        thawed.validate().unwrap();
    }
    refused(diamond().freeze("what*"), ProblemKind::Place, &["what*"]);
    refused(diamond().freeze("[a"), ProblemKind::Place, &["a pattern"]);
}

#[test]
fn what_is_trained_anew_has_fresh_slots() {
    let graph = sample("branches_k3.h5");
    let count = |graph: &Graph| {
        graph
            .optimizer
            .as_ref()
            .unwrap()
            .as_ref()
            .unwrap()
            .slots
            .len()
    };
    let frozen = graph.freeze("conv1d*").unwrap();
    assert_eq!(count(&frozen), count(&graph) - 2 * 2 * 2);
    let thawed = frozen.unfreeze("conv1d*").unwrap();
    assert_eq!(count(&thawed), count(&graph));
    thawed.validate().unwrap();
    assert!(
        thawed
            .notes
            .iter()
            .any(|note| note.starts_with("conv1d: the optimizer"))
    );
}

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

/// tf.keras marks a model that stands in two others, and nothing in it.
#[test]
fn a_shared_model_is_one_in_every_generation() {
    for name in ["nested_k2.h5", "nested_k3.h5"] {
        let graph = sample(&format!("../../tests/fixtures/surgery/{name}"));
        assert_eq!(params(&graph).0, 82, "{name}");
    }
}
