//! Other outputs, other inputs: what stays, and what stands in the way.

use keras_ir::ProblemKind;
use keras_ir::graph::Graph;
use keras_ir::surgery::Builder;
use serde_json::json;

use super::{NONE, diamond, names, new, params, refused, sample};

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

/// tf.keras marks a model that stands in two others, and nothing in it.
#[test]
fn a_shared_model_is_one_in_every_generation() {
    for name in ["nested_k2.h5", "nested_k3.h5"] {
        let graph = sample(&format!("../../tests/fixtures/surgery/{name}"));
        assert_eq!(params(&graph).0, 82, "{name}");
    }
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
