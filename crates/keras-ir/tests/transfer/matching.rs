//! Which layer plays the part of which: by name, by place, or not at all.

use keras_ir::graph::TensorId;
use keras_ir::optimizer::Optimizer;

use super::net::{Net, branches, chain, twins};
use super::{layers, moved, partly, refused};

#[test]
fn layers_are_matched_by_name() {
    let from = branches(["left", "right", "head"], "Add", false);
    let to = branches(["left", "right", "head"], "Concatenate", false);
    let expected = [
        "left -> left by name",
        "right -> right by name",
        "head -> head by name",
    ];
    assert_eq!(moved(&from, &to), expected);
}

#[test]
fn a_name_that_was_chosen_counts_more_than_the_place() {
    let from = branches(["left", "right", "head"], "Add", false);
    let to = branches(["left", "right", "head"], "Add", true);
    assert_eq!(
        moved(&from, &to)[..2],
        ["right -> right by name", "left -> left by name"]
    );
}

#[test]
fn the_place_tells_where_names_differ() {
    let from = branches(["dense", "dense_1", "dense_2"], "Add", false);
    let to = branches(["dense_3", "dense_4", "dense_5"], "Add", false);
    let expected = [
        "dense -> dense_3 by place",
        "dense_1 -> dense_4 by place",
        "dense_2 -> dense_5 by place",
    ];
    assert_eq!(moved(&from, &to), expected);
}

/// `dense` stands at the first input of one model and at the second of the other: Keras has made
/// the names, and they mean nothing.
#[test]
fn the_place_tells_where_automatic_names_are_crossed() {
    let from = branches(["dense", "dense_1", "dense_2"], "Add", false);
    let to = branches(["dense", "dense_1", "dense_2"], "Add", true);
    let expected = [
        "dense -> dense_1 by place",
        "dense_1 -> dense by place",
        "dense_2 -> dense_2 by name",
    ];
    assert_eq!(moved(&from, &to), expected);
}

#[test]
fn twins_are_refused_where_nothing_tells_them_apart() {
    let from = twins(["dense", "dense_1"], "Add");
    let report = refused(&from, &twins(["dense_2", "dense_3"], "Add"));
    assert!(report.contains("2 problems"), "{report}");
    assert!(report.contains("layer: dense_2 (Dense)"), "{report}");
    assert!(
        report.contains("nothing that tells which it is of dense, dense_1"),
        "{report}"
    );
    // With --partial too: to start one of them anew would be a guess.
    let to = twins(["dense_2", "dense_3"], "Add");
    assert!(Optimizer::transfer(&from, &to, true).is_err());
}

#[test]
fn twins_are_told_apart_by_their_place_in_a_concatenation_and_by_equal_names() {
    let from = twins(["dense", "dense_1"], "Concatenate");
    let expected = ["dense -> dense_7 by place", "dense_1 -> dense_2 by place"];
    let to = twins(["dense_7", "dense_2"], "Concatenate");
    assert_eq!(moved(&from, &to)[..2], expected);

    let from = twins(["dense", "dense_1"], "Add");
    let expected = ["dense -> dense by name", "dense_1 -> dense_1 by name"];
    assert_eq!(
        moved(&from, &twins(["dense", "dense_1"], "Add"))[..2],
        expected
    );
}

#[test]
fn twins_of_different_shapes_are_told_apart_by_their_shapes() {
    let pair = |names: [&str; 2], swapped: bool| {
        let mut net = Net::new();
        let x = net.input("x");
        let mut sizes = [5, 6];
        if swapped {
            sizes.reverse();
        }
        let ends = [0, 1].map(|at| {
            let layer = net.dense(names[at], 8, sizes[at]);
            net.call(layer, &[x])
        });
        let joined = net.apply("Concatenate", &ends);
        net.build(&[joined])
    };
    let from = pair(["dense", "dense_1"], false);
    let to = pair(["dense", "dense_1"], true);
    let expected = ["dense_1 -> dense by place", "dense -> dense_1 by place"];
    assert_eq!(moved(&from, &to), expected);
}

/// A layer more, of the same kind as its neighbours: any of them may be the new one, whatever the
/// names say that Keras has made.
#[test]
fn a_chain_with_a_layer_more_is_refused() {
    let from = chain(&["dense", "dense_1"], &[8, 8, 8]);
    for names in [
        ["dense", "dense_1", "dense_2"],
        ["dense_2", "dense_3", "dense_4"],
    ] {
        let to = chain(&names, &[8, 8, 8, 8]);
        let report = Optimizer::transfer(&from, &to, true)
            .unwrap_err()
            .to_string();
        assert!(report.contains("3 problems"), "{report}");
        assert!(report.contains("dense, dense_1"), "{report}");
    }
    // Names of one's own tell.
    let from = chain(&["first", "second"], &[8, 8, 8]);
    let to = chain(&["first", "new", "second"], &[8, 8, 8, 8]);
    let expected = [
        "first -> first by name",
        "anew new",
        "second -> second by name",
    ];
    assert_eq!(partly(&from, &to), expected);
}

#[test]
fn a_long_chain_with_a_layer_more_is_refused_as_a_whole() {
    let names = |offset: usize, count: usize| -> Vec<String> {
        (offset..offset + count)
            .map(|n| format!("dense_{n}"))
            .collect()
    };
    let net = |names: &[String]| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        chain(&names, &vec![8; names.len() + 1])
    };
    let report = Optimizer::transfer(&net(&names(1, 30)), &net(&names(50, 31)), true);
    let report = report.unwrap_err();
    assert_eq!(report.problems.len(), 31, "{report}");
    let done = moved(&net(&names(1, 30)), &net(&names(50, 30)));
    assert_eq!(done.len(), 30);
    assert_eq!(done[29], "dense_30 -> dense_79 by place");
}

#[test]
fn a_new_head_starts_anew_if_that_is_asked_for() {
    let from = chain(&["dense", "dense_1", "dense_2"], &[8, 8, 8, 4]);
    let to = chain(&["dense_3", "dense_4", "dense_5"], &[8, 8, 8, 2]);
    let report = refused(&from, &to);
    assert!(
        report.contains("dense_2 has weights of the shapes [8, 4] [4], this layer of [8, 2] [2]"),
        "{report}"
    );
    assert!(
        report.contains("with --partial such state is left out"),
        "{report}"
    );
    let done = Optimizer::transfer(&from, &to, true).unwrap();
    let expected = [
        "dense -> dense_3 by place",
        "dense_1 -> dense_4 by place",
        "anew dense_5",
        "left dense_2",
    ];
    assert_eq!(layers(&done), expected);
    // A new variable has zeros.
    assert_eq!(done.optimizer.slots.len(), 12);
    assert_eq!(done.optimizer.iterations, Some(7));
    let new = &done.optimizer.slots[8..];
    let shapes: Vec<_> = new
        .iter()
        .map(|slot| slot.tensor.shape().to_vec())
        .collect();
    assert_eq!(shapes, [vec![8, 2], vec![8, 2], vec![2], vec![2]]);
    assert!(
        new.iter()
            .all(|slot| slot.tensor.read_f32().unwrap().iter().all(|v| *v == 0.0))
    );
}

/// The same automatic name for layers of different shapes.
#[test]
fn a_name_of_another_shape_is_no_match() {
    let from = chain(&["dense", "dense_1"], &[8, 5, 6]);
    let to = chain(&["dense_1", "dense"], &[8, 5, 6]);
    let expected = ["dense -> dense_1 by place", "dense_1 -> dense by place"];
    assert_eq!(moved(&from, &to), expected);
}

#[test]
fn a_layer_of_another_class_is_no_match() {
    let net = |class: &str, shape: &[usize]| {
        let mut net = Net::new();
        let x = net.input("x");
        let layer = net.layer(class, "mine", &[shape, &[8]]);
        let y = net.call(layer, &[x]);
        net.build(&[y])
    };
    let from = net("Dense", &[8, 8]);
    let to = net("Conv1D", &[3, 8, 8]);
    let report = refused(&from, &to);
    assert!(report.contains("no such layer stands there"), "{report}");
    assert_eq!(partly(&from, &to), ["anew mine", "left mine"]);
}

#[test]
fn what_was_frozen_has_no_state_and_what_is_frozen_needs_none() {
    let net = |names: [&str; 2], frozen: usize| {
        let mut net = Net::new();
        let mut y = net.input("x");
        let layers = names.map(|name| net.dense(name, 8, 8));
        for layer in layers {
            y = net.call(layer, &[y]);
        }
        net.freeze(layers[frozen]);
        net.build(&[y])
    };
    let from = net(["dense", "dense_1"], 0);
    let to = net(["dense_2", "dense_3"], 1);
    let report = refused(&from, &to);
    assert!(
        report.contains("dense/kernel was frozen and has no state"),
        "{report}"
    );
    assert!(report.contains("dense_3 is frozen"), "{report}");
    assert_eq!(partly(&from, &to), ["anew dense_2", "left dense_1"]);
    // Frozen alike in both, nothing is missing.
    let to = net(["dense_2", "dense_3"], 0);
    assert_eq!(moved(&from, &to), ["dense_1 -> dense_3 by place"]);
}

/// A Dense that is called on two inputs, and one that stands behind it in one branch.
#[test]
fn a_shared_layer_is_one() {
    let net = |names: [&str; 3]| {
        let mut net = Net::new();
        let x = [net.input("x"), net.input("y")];
        let shared = net.dense(names[0], 8, 8);
        let ends = x.map(|x| net.call(shared, &[x]));
        let extra = net.dense(names[1], 8, 8);
        let other = net.call(extra, &[ends[1]]);
        let joined = net.apply("Concatenate", &[ends[0], other]);
        let head = net.dense(names[2], 16, 2);
        let output = net.call(head, &[joined]);
        net.build(&[output])
    };
    let from = net(["dense", "dense_1", "dense_2"]);
    let to = net(["dense_9", "dense_1", "dense"]);
    let expected = [
        "dense -> dense_9 by place",
        "dense_1 -> dense_1 by name",
        "dense_2 -> dense by place",
    ];
    assert_eq!(moved(&from, &to), expected);
}

/// A nested model that is called twice, beside one that is called once; and the same layers
/// without the models around them.
#[test]
fn nested_models_are_no_borders() {
    let net = |names: [&str; 3], nested: bool| {
        let mut net = Net::new();
        let first = net.dense(names[0], 8, 8);
        let second = net.dense(names[1], 8, 8);
        let apply = |net: &mut Net, x: TensorId| {
            let y = net.call(first, &[x]);
            let y = net.apply("Activation", &[y]);
            net.call(second, &[y])
        };
        let ends = if nested {
            let x = net.input("inner");
            let y = apply(&mut net, x);
            let encoder = net.nest("model_4", y);
            let x = [net.input("x"), net.input("y")];
            x.map(|x| net.call(encoder, &[x]))
        } else {
            let x = [net.input("x"), net.input("y")];
            x.map(|x| apply(&mut net, x))
        };
        let joined = net.apply("Concatenate", &ends);
        let head = net.dense(names[2], 16, 2);
        let output = net.call(head, &[joined]);
        net.build(&[output])
    };
    let nested = net(["dense", "dense_1", "dense_2"], true);
    let other = net(["dense_3", "dense_4", "dense_5"], true);
    let flat = net(["dense_1", "dense", "dense_2"], false);
    let expected = [
        "model_4/dense -> model_4/dense_3 by place",
        "model_4/dense_1 -> model_4/dense_4 by place",
        "dense_2 -> dense_5 by place",
    ];
    assert_eq!(moved(&nested, &other), expected);
    let expected = [
        "model_4/dense -> dense_1 by place",
        "model_4/dense_1 -> dense by place",
        "dense_2 -> dense_2 by name",
    ];
    assert_eq!(moved(&nested, &flat), expected);
}

#[test]
fn another_model_is_refused() {
    let from = branches(["dense", "dense_1", "dense_2"], "Add", false);
    let to = chain(&["dense"], &[3, 3]);
    let report = Optimizer::transfer(&from, &to, false).unwrap_err();
    assert_eq!(report.problems.len(), 8, "{report}");
    let mut empty = from.clone();
    empty.optimizer = Ok(None);
    let report = refused(&empty, &to);
    assert!(
        report.contains("expected: the state of an optimizer"),
        "{report}"
    );
}
