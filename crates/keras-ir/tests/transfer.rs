//! The state of an optimizer goes to the weights that play the same part in another model, or is
//! refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{HashMap, HashSet};
use std::path::Path;

use keras_ir::container::{Dtype, StoredTensor};
use keras_ir::graph::{
    Call, Graph, Layer, LayerId, LayerKind, Model, ModelClass, ModelId, Tensor, TensorId, Weight,
    WeightRef,
};
use keras_ir::optimizer::{Optimizer, Slot, SlotName};
use keras_ir::shape::{Kind, Shape, Spec};
use keras_ir::training::optimizer::OptimizerConfig;
use keras_ir::transfer::{By, Entry, Transfer};
use keras_ir::{Generation, ReadOptions, Report, layer, read};
use serde_json::json;

/// Builds graphs as Keras's functional API does: the shapes of the weights are given, those of the
/// tensors are of no interest here.
struct Net {
    models: Vec<Model>,
    layers: Vec<Layer>,
    /// The model that is being built.
    model: Model,
}

impl Net {
    fn new() -> Self {
        Self {
            models: Vec::new(),
            layers: Vec::new(),
            model: empty("model"),
        }
    }

    fn add_layer(&mut self, layer: Layer) -> LayerId {
        self.layers.push(layer);
        LayerId(self.layers.len() - 1)
    }

    fn tensor(&mut self, layer: LayerId, node: usize) -> TensorId {
        self.model.tensors.push(Tensor {
            layer,
            node,
            index: 0,
            spec: Spec {
                shape: Shape(vec![None, Some(8)]),
                kind: Kind::Float,
            },
        });
        TensorId(self.model.tensors.len() - 1)
    }

    fn input(&mut self, name: &str) -> TensorId {
        let id = self.add_layer(named(name, "InputLayer", LayerKind::Input, &[]));
        let tensor = self.tensor(id, 0);
        self.model.layers.push(id);
        self.model.input_layers.push(id);
        self.model.inputs.push(tensor);
        tensor
    }

    /// A layer of its own, with weights of these shapes.
    fn layer(&mut self, class: &str, name: &str, shapes: &[&[usize]]) -> LayerId {
        let config = json!({"units": 8, "filters": 8, "kernel_size": [3], "activation": "relu"});
        let (kind, _) =
            layer::LayerKind::read(class, config.as_object().unwrap(), Generation::Keras3).unwrap();
        self.add_layer(named(name, class, LayerKind::Layer(kind), shapes))
    }

    /// A Dense from `n` to `m`.
    fn dense(&mut self, name: &str, n: usize, m: usize) -> LayerId {
        self.layer("Dense", name, &[&[n, m], &[m]])
    }

    fn call(&mut self, layer: LayerId, inputs: &[TensorId]) -> TensorId {
        if !self.model.layers.contains(&layer) {
            self.model.layers.push(layer);
        }
        let calls = self.model.calls.iter();
        let node = calls.filter(|call| call.layer == layer).count();
        let output = self.tensor(layer, node);
        self.model.calls.push(Call {
            layer,
            node,
            inputs: inputs.to_vec(),
            named: Vec::new(),
            order: inputs.to_vec(),
            literals: Vec::new(),
            outputs: vec![output],
        });
        output
    }

    /// A new layer without weights, called once.
    fn apply(&mut self, class: &str, inputs: &[TensorId]) -> TensorId {
        let name = format!("{}_{}", class.to_lowercase(), self.layers.len());
        let layer = self.layer(class, &name, &[]);
        self.call(layer, inputs)
    }

    /// Ends the model that is being built, as a layer of the next one.
    fn nest(&mut self, name: &str, output: TensorId) -> LayerId {
        let mut inner = std::mem::replace(&mut self.model, empty("model"));
        inner.name = name.to_owned();
        inner.outputs = vec![output];
        for id in &inner.layers {
            let layer = &mut self.layers[id.0];
            if !layer.path.contains('/') {
                layer.path = format!("{name}/{}", layer.name);
            }
        }
        self.models.push(inner);
        let kind = LayerKind::Model(ModelId(self.models.len() - 1));
        self.add_layer(named(name, "Functional", kind, &[]))
    }

    fn freeze(&mut self, layer: LayerId) {
        self.layers[layer.0].trainable = false;
    }

    /// The graph, and Adam's state after 7 steps, each slot with a value of its own.
    fn build(mut self, outputs: &[TensorId]) -> Graph {
        self.model.outputs = outputs.to_vec();
        self.models.push(self.model);
        let mut graph = Graph {
            file: "net.keras".into(),
            generation: Generation::Keras3,
            keras_version: None,
            root: ModelId(self.models.len() - 1),
            models: self.models,
            layers: self.layers,
            training_config: None,
            optimizer: Ok(None),
            notes: Vec::new(),
        };
        let mut slots = Vec::new();
        for weight in graph.trainable_variables() {
            for name in [SlotName::Momentum, SlotName::Velocity] {
                let shape = tensor(&graph, weight).shape().to_vec();
                let path = format!("{} {}", path(&graph, weight), name.as_str());
                let bytes = vec![0; 4 * shape.iter().product::<usize>()];
                let tensor = StoredTensor::from_parts(path, shape, Dtype::F32, bytes).unwrap();
                slots.push(Slot {
                    weight,
                    name,
                    tensor,
                });
            }
        }
        let adam = json!({"class_name": "Adam", "config": {"learning_rate": 0.01}});
        graph.optimizer = Ok(Some(Optimizer {
            options: OptimizerConfig::read(&adam, Generation::Keras3.into()).unwrap(),
            config: adam["config"].clone(),
            iterations: Some(7),
            learning_rate: Some(0.01),
            loss_scale: None,
            u_product: None,
            slots,
            numbers: Vec::new(),
            copies: Vec::new(),
        }));
        graph
    }
}

fn empty(name: &str) -> Model {
    Model {
        name: name.into(),
        class: ModelClass::Functional,
        trainable: true,
        layers: Vec::new(),
        calls: Vec::new(),
        tensors: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        input_layers: Vec::new(),
        output_keys: Vec::new(),
        deferred: false,
    }
}

fn named(name: &str, class: &str, kind: LayerKind, shapes: &[&[usize]]) -> Layer {
    let names = ["kernel", "bias", "third"];
    let weights = names.into_iter().zip(shapes).map(|(weight, shape)| {
        let bytes = vec![0; 4 * shape.iter().product::<usize>()];
        let tensor = StoredTensor::from_parts(weight, *shape, Dtype::F32, bytes).unwrap();
        Weight {
            name: weight,
            trainable: true,
            tensor,
            copies: Vec::new(),
        }
    });
    Layer {
        name: name.into(),
        path: name.into(),
        class: class.into(),
        kind,
        trainable: true,
        config: serde_json::Map::new(),
        shared_object_id: None,
        weights: weights.collect(),
    }
}

fn tensor(graph: &Graph, weight: WeightRef) -> &StoredTensor {
    &graph.layer(weight.layer).weights[weight.index].tensor
}

fn path(graph: &Graph, weight: WeightRef) -> String {
    let layer = graph.layer(weight.layer);
    format!("{}/{}", layer.path, layer.weights[weight.index].name)
}

fn state(graph: &Graph) -> &Optimizer {
    graph.optimizer.as_ref().unwrap().as_ref().unwrap()
}

/// The layers with weights.
fn weighted(graph: &Graph) -> HashSet<&str> {
    let weights = graph.variables().into_iter();
    let layers = weights.map(|variable| graph.layer(variable.weight.layer).path.as_str());
    layers.collect()
}

/// The layers that were matched, `from -> to how`, in the order of the mapping.
fn layers(transfer: &Transfer) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in &transfer.entries {
        let layer = |path: &str| path.rsplit_once('/').unwrap().0.to_owned();
        let line = match entry {
            Entry::Moved { from, to, by } => format!("{} -> {} {by}", layer(from), layer(to)),
            Entry::Anew { to, .. } => format!("anew {}", layer(to)),
            Entry::LeftOut { from, .. } => format!("left {}", layer(from)),
        };
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines
}

fn moved(from: &Graph, to: &Graph) -> Vec<String> {
    layers(&Optimizer::transfer(from, to, false).unwrap_or_else(|report| panic!("{report}")))
}

fn partly(from: &Graph, to: &Graph) -> Vec<String> {
    layers(&Optimizer::transfer(from, to, true).unwrap_or_else(|report| panic!("{report}")))
}

fn refused(from: &Graph, to: &Graph) -> String {
    let report: Report = Optimizer::transfer(from, to, false).unwrap_err();
    report.to_string()
}

/// Two inputs, each with a Dense of its own, joined by `join`, and a head.
fn branches(names: [&str; 3], join: &str, crossed: bool) -> Graph {
    let mut net = Net::new();
    let x = [net.input("x"), net.input("y")];
    let [a, b] = [net.dense(names[0], 8, 8), net.dense(names[1], 8, 8)];
    let ends = if crossed {
        [net.call(b, &[x[0]]), net.call(a, &[x[1]])]
    } else {
        [net.call(a, &[x[0]]), net.call(b, &[x[1]])]
    };
    let joined = net.apply(join, &ends);
    let head = net.dense(names[2], 8, 2);
    let output = net.call(head, &[joined]);
    net.build(&[output])
}

/// A chain of Dense layers, from `sizes[0]` on.
fn chain(names: &[&str], sizes: &[usize]) -> Graph {
    let mut net = Net::new();
    let mut y = net.input("x");
    for (name, pair) in names.iter().zip(sizes.windows(2)) {
        let layer = net.dense(name, pair[0], pair[1]);
        y = net.call(layer, &[y]);
        y = net.apply("Dropout", &[y]);
    }
    net.build(&[y])
}

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

/// Two branches from one input.
fn twins(names: [&str; 2], join: &str) -> Graph {
    let mut net = Net::new();
    let x = net.input("x");
    let pair = names.map(|name| net.dense(name, 8, 8));
    let ends = pair.map(|layer| net.call(layer, &[x]));
    let joined = net.apply(join, &ends);
    let head = net.dense("head", 8, 2);
    let output = net.call(head, &[joined]);
    net.build(&[output])
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

/// A generator of numbers, the same ones in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// A network of layers that may be built in any order and under any names.
struct Recipe {
    /// Class and arguments of each step; arguments are the model's two inputs or earlier steps.
    steps: Vec<(&'static str, usize, Vec<usize>)>,
}

impl Recipe {
    fn random(random: &mut Random) -> Self {
        let mut steps = Vec::new();
        for step in 0..4 + random.below(14) {
            let known = step + 2;
            // Mostly what was made last: networks are deep.
            let mut argument = || known - 1 - random.below(known.min(4));
            let arguments = [argument(), argument()];
            steps.push(match random.below(8) {
                0 => ("Add", 0, arguments.to_vec()),
                1 => ("Concatenate", 0, arguments.to_vec()),
                2 => ("Dropout", 0, vec![arguments[0]]),
                // Weights of three shapes.
                kind => ("Dense", kind % 3 + 7, vec![arguments[0]]),
            });
        }
        // What nothing has used are the ends.
        let used: HashSet<usize> = steps
            .iter()
            .flat_map(|(_, _, used)| used)
            .copied()
            .collect();
        let ends = (2..2 + steps.len()).filter(|tensor| !used.contains(tensor));
        let join = ["Add", "Concatenate"][random.below(2)];
        steps.push((join, 0, ends.collect()));
        Self { steps }
    }

    /// The graph; step `n` makes the layer `names[n]`. `padded` puts a layer without weights
    /// behind every step, `left_out` leaves a step out.
    fn build(&self, names: &[String], padded: bool, left_out: Option<usize>) -> Graph {
        let mut net = Net::new();
        let mut tensors = vec![net.input("x"), net.input("y")];
        for (at, (class, size, arguments)) in self.steps.iter().enumerate() {
            let inputs: Vec<TensorId> = arguments.iter().map(|at| tensors[*at]).collect();
            if left_out == Some(at) {
                tensors.push(inputs[0]);
                continue;
            }
            let mut output = if *class == "Dense" {
                let layer = net.dense(&names[at], *size, 8);
                net.call(layer, &inputs)
            } else {
                net.apply(class, &inputs)
            };
            if padded {
                output = net.apply("Dropout", &[output]);
            }
            tensors.push(output);
        }
        let output = *tensors.last().unwrap();
        net.build(&[output])
    }

    /// Automatic names from `first` on, dealt out anew.
    fn names(&self, first: usize, random: &mut Random) -> Vec<String> {
        let mut names: Vec<String> = (first..first + self.steps.len())
            .map(|n| format!("dense_{n}"))
            .collect();
        for at in (1..names.len()).rev() {
            names.swap(at, random.below(at + 1));
        }
        names
    }
}

/// Whatever the names, the order of the list of layers and the layers without weights between:
/// the state of every layer goes to that layer, or the pair is refused.
#[test]
fn no_state_goes_to_another_layer() {
    let mut random = Random(7);
    let (mut whole, mut parts, mut refused) = (0, 0, 0);
    for _ in 0..1500 {
        let recipe = Recipe::random(&mut random);
        let [old, new] = [0, 2].map(|first| recipe.names(first, &mut random));
        let left_out = (random.below(2) == 0).then(|| random.below(recipe.steps.len() - 1));
        // The layer more is in either model.
        let (less, more) = if random.below(2) == 0 {
            (left_out, None)
        } else {
            (None, left_out)
        };
        let from = recipe.build(&old, false, less);
        let mut to = recipe.build(&new, true, more);
        if weighted(&from) == weighted(&to) {
            continue; // equal names decide between twins
        }
        let layers = &mut to.models[0].layers;
        let by = random.below(layers.len());
        layers.rotate_left(by);
        let Ok(transfer) = Optimizer::transfer(&from, &to, left_out.is_some()) else {
            refused += 1;
            continue;
        };
        if left_out.is_some() {
            parts += 1;
        } else {
            whole += 1;
        }
        let truth: HashMap<&String, &String> = new.iter().zip(&old).collect();
        for entry in &transfer.entries {
            if let Entry::Moved { from, to, .. } = entry {
                let layer = |path: &str| path.split('/').next().unwrap().to_owned();
                assert_eq!(
                    *truth[&layer(to)],
                    layer(from),
                    "{transfer}\n{:?} {old:?} {new:?} {left_out:?}",
                    recipe.steps
                );
            }
        }
        if left_out.is_none() {
            let count = state(&from).slots.len();
            assert_eq!(transfer.optimizer.slots.len(), count);
        }
    }
    let counts = format!("{whole} whole, {parts} in part, {refused} refused");
    assert!(whole > 500 && parts > 200 && refused > 300, "{counts}");
}

/// The models with an optimizer's state, by file.
fn trained(folder: &str) -> Vec<(String, Graph)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(folder);
    let entries = std::fs::read_dir(here).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "h5"));
    files.sort();
    let models = files.into_iter().filter_map(|file| {
        let graph = read(&file, ReadOptions::default()).ok()?;
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let has_state = matches!(&graph.optimizer, Ok(Some(state)) if !state.slots.is_empty());
        has_state.then_some((name, graph))
    });
    models.collect()
}

#[test]
fn a_model_s_state_fits_itself_and_the_same_model_of_the_other_keras() {
    let mut pairs = 0;
    for folder in ["models/keras", "tests/fixtures/optimizers"] {
        let models = trained(folder);
        for (name, graph) in &models {
            let same = Optimizer::transfer(graph, graph, false).unwrap();
            let key = |slot: &Slot| (slot.weight, slot.name, slot.tensor.path().to_owned());
            let [found, expected] = [&same.optimizer, state(graph)].map(|state| {
                let mut slots: Vec<_> = state.slots.iter().map(key).collect();
                slots.sort();
                slots
            });
            assert_eq!(found, expected, "{name}");
            let by_name = |entry: &Entry| matches!(entry, Entry::Moved { by: By::Name, .. });
            assert!(same.entries.iter().all(by_name), "{name}: {same}");

            let Some(other) = name.strip_suffix("_k2").map(|case| format!("{case}_k3")) else {
                continue;
            };
            let Some((_, other)) = models.iter().find(|(name, _)| *name == other) else {
                continue;
            };
            // Weights have other shapes in the other Keras, or are frozen there alone.
            if ["normalization_k2", "recurrent_k2"].contains(&name.as_str()) {
                assert!(Optimizer::transfer(graph, other, false).is_err());
                continue;
            }
            let transfer = Optimizer::transfer(graph, other, false)
                .unwrap_or_else(|report| panic!("{name}: {report}"));
            assert_eq!(transfer.entries.len(), other.trainable_variables().len());
            pairs += 1;
        }
    }
    assert!(pairs > 10, "only {pairs} pairs");
}

fn fixture(name: &str) -> Graph {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = here.join("../../tests/fixtures/transfer").join(name);
    read(file, ReadOptions::default()).unwrap_or_else(|report| panic!("{report}"))
}

/// Two branches, one of them with a ZeroPadding1D more in the second model: other names, and
/// another order, in which lists of variables do not fit, or fit the wrong variables.
#[test]
fn two_branches_of_which_one_is_padded() {
    for tag in ["k2", "k3"] {
        let from = fixture(&format!("from_{tag}.h5"));
        let to = fixture(&format!("to_{tag}.h5"));
        let transfer = Optimizer::transfer(&from, &to, false).unwrap();
        let expected = "\
            conv1d/kernel -> conv1d_2/kernel (by place)\n\
            conv1d/bias -> conv1d_2/bias (by place)\n\
            batch_normalization/gamma -> batch_normalization_2/gamma (by place)\n\
            batch_normalization/beta -> batch_normalization_2/beta (by place)\n\
            conv1d_1/kernel -> conv1d_3/kernel (by place)\n\
            conv1d_1/bias -> conv1d_3/bias (by place)\n\
            batch_normalization_1/gamma -> batch_normalization_3/gamma (by place)\n\
            batch_normalization_1/beta -> batch_normalization_3/beta (by place)\n\
            dense/kernel -> dense_1/kernel (by place)\n\
            dense/bias -> dense_1/bias (by place)\n";
        assert_eq!(transfer.to_string(), expected, "{tag}");

        // In the first model's list, another variable stands at the place of the third.
        let listed = |graph: &Graph| {
            tensor(graph, graph.trainable_variables()[2])
                .shape()
                .to_vec()
        };
        assert_eq!((listed(&from), listed(&to)), (vec![20, 4, 4], vec![4]));

        // The values are those that Keras has for the same variables.
        let slots = &transfer.optimizer.slots;
        assert_eq!(slots.len(), 20);
        let old = |slot: &Slot| {
            let path = path(&to, slot.weight);
            let line = expected
                .lines()
                .find(|line| line.contains(&format!("-> {path} ")));
            line.unwrap().split(' ').next().unwrap().to_owned()
        };
        for slot in slots {
            let before = state(&from).slots.iter();
            let before = before
                .filter(|before| before.name == slot.name)
                .find(|before| path(&from, before.weight) == old(slot))
                .unwrap();
            assert_eq!(slot.tensor.read().unwrap(), before.tensor.read().unwrap());
        }
        let variables: Vec<WeightRef> = slots.iter().map(|slot| slot.weight).collect();
        let order = to.trainable_variables().into_iter();
        assert_eq!(
            variables,
            order.flat_map(|weight| [weight; 2]).collect::<Vec<_>>()
        );
        assert_eq!(transfer.optimizer.iterations, Some(3));
    }
}
