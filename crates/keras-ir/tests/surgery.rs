//! Surgery on every model that the fixtures hold: each operation gives a valid graph that computes
//! what it should, or says why not.
#![allow(clippy::unwrap_used, clippy::panic)]

mod frontiers;
mod symbolic;

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use frontiers::frontiers;
use keras_ir::graph::{Graph, LayerId, LayerKind, ModelId, TensorId};
use keras_ir::surgery::{Builder, End, NewLayer, Place};
use keras_ir::{Generation, ProblemKind, ReadOptions, Report, read};
use serde_json::{Value, json};
use symbolic::{Symbol, Symbolic, Symbols};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn open(path: &Path) -> Result<Graph, Report> {
    read(path, ReadOptions::default())
}

/// Every model of the repository that can be read.
fn models() -> &'static [(String, Graph)] {
    static MODELS: OnceLock<Vec<(String, Graph)>> = OnceLock::new();
    MODELS.get_or_init(read_all)
}

fn read_all() -> Vec<(String, Graph)> {
    let mut folders = vec![root().join("models/keras"), root().join("tests/fixtures")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_model = path
                .extension()
                .is_some_and(|end| end == "h5" || end == "keras");
            if path.is_dir() {
                folders.push(path);
            } else if is_model && !path.to_string_lossy().contains("weights.h5") {
                files.push(path);
            }
        }
    }
    files.sort();
    let models = files.iter().filter_map(|path| {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        Some((name, open(path).ok()?))
    });
    // One model of each structure: most fixtures differ in options and weights alone.
    let mut seen = HashSet::new();
    models
        .filter(|(_, graph)| seen.insert(structure(graph)))
        .collect()
}

/// The classes of a graph's layers, and their calls.
fn structure(graph: &Graph) -> Vec<String> {
    let models = graph.models.iter().map(|model| {
        let calls = model.calls.iter().map(|call| {
            let class = &graph.layer(call.layer).class;
            format!("{class} {} {:?} {:?}", call.node, call.inputs, call.named)
        });
        let calls: Vec<String> = calls.collect();
        format!("{:?} {} {:?}", model.class, calls.join(";"), model.outputs)
    });
    models.collect()
}

/// All tensors of a graph, at any depth.
fn places(graph: &Graph) -> Vec<Place> {
    fn inside(graph: &Graph, id: ModelId, calls: &[usize], places: &mut Vec<Place>) {
        for (call, of_model) in graph.model(id).calls.iter().enumerate() {
            let outputs = 0..of_model.outputs.len();
            places.extend(outputs.map(|index| Place {
                calls: calls.to_vec(),
                end: End::Output { call, index },
                is_mask: false,
            }));
            if let LayerKind::Model(inner) = graph.layer(of_model.layer).kind {
                inside(graph, inner, &[calls, &[call]].concat(), places);
            }
        }
    }
    let mut places = Vec::new();
    inside(graph, graph.root, &[], &mut places);
    places
}

/// What a place is in the whole model.
fn symbol(graph: &Graph, symbols: &Symbols, place: &Place) -> Symbol {
    let model = place.calls.iter().fold(graph.root, |model, position| {
        match graph.layer(graph.model(model).calls[*position].layer).kind {
            LayerKind::Model(inner) => inner,
            _ => panic!("not a model"),
        }
    });
    let model = graph.model(model);
    let tensor: TensorId = match place.end {
        End::Input(position) => model.inputs[position],
        End::Output { call, index } => model.calls[call].outputs[index],
    };
    symbols[&(place.calls.clone(), tensor)]
}

fn valid(graph: &Graph, what: &str) {
    if let Err(report) = graph.validate() {
        panic!("{what}: {report}");
    }
}

#[test]
fn every_graph_that_is_read_is_valid() {
    let wrong: Vec<String> = models()
        .iter()
        .filter_map(|(name, graph)| Some(format!("{name} {}", graph.validate().err()?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_tensor_has_a_name_that_finds_it() {
    for (name, graph) in models() {
        for place in places(graph) {
            let text = graph.place_name(&place);
            assert_eq!(graph.place(&text).as_ref(), Ok(&place), "{name}: {text}");
        }
    }
}

#[test]
fn what_is_extracted_is_what_the_whole_computes() {
    for (name, graph) in models() {
        let mut symbolic = Symbolic::default();
        let inputs = symbolic.inputs(graph);
        let (_, whole) = symbolic.run(graph, &inputs);
        let all_names = graph.input_names(graph.root());
        for place in places(graph) {
            let what = format!("{name} to {}", graph.place_name(&place));
            match graph.cut(&[], std::slice::from_ref(&place)) {
                Ok(cut) => {
                    valid(&cut, &what);
                    let names = cut.input_names(cut.root());
                    let inputs: Vec<Symbol> = names
                        .iter()
                        .map(|name| inputs[all_names.iter().position(|n| n == name).unwrap()])
                        .collect();
                    let (outputs, _) = symbolic.run(&cut, &inputs);
                    assert_eq!(outputs, [symbol(graph, &whole, &place).value], "{what}");
                }
                Err(report) => {
                    // Masks that are passed by name, and casts of nested models.
                    let kinds = [ProblemKind::Mask, ProblemKind::Surgery];
                    assert!(refusal(&report, &kinds), "{what}: {report}");
                }
            }
        }
    }
}

#[test]
fn behind_every_cut_the_outputs_are_those_of_the_whole() {
    let mut made = 0;
    let mut masked = 0;
    for (name, graph) in models() {
        let mut symbolic = Symbolic::default();
        let inputs = symbolic.inputs(graph);
        let (outputs, whole) = symbolic.run(graph, &inputs);
        for place in places(graph) {
            let what = format!("{name} from {}", graph.place_name(&place));
            match graph.cut(std::slice::from_ref(&place), &[]) {
                Ok(cut) => {
                    made += 1;
                    valid(&cut, &what);
                    let input = Symbol {
                        mask: None,
                        ..symbol(graph, &whole, &place)
                    };
                    let (found, _) = symbolic.run(&cut, &[input]);
                    assert_eq!(found, outputs, "{what}");
                }
                Err(report) => {
                    masked += usize::from(report.problems[0].kind == ProblemKind::Mask);
                    let kinds = [
                        ProblemKind::Disconnected,
                        ProblemKind::Mask,
                        // Scalars, and casts of nested models.
                        ProblemKind::Shape,
                        ProblemKind::Surgery,
                    ];
                    assert!(refusal(&report, &kinds), "{what}: {report}");
                }
            }
        }
    }
    assert!(made > 500, "{made} cuts");
    assert!(masked > 10, "{masked} masks");
}

fn refusal(report: &Report, kinds: &[ProblemKind]) -> bool {
    report
        .problems
        .iter()
        .all(|problem| kinds.contains(&problem.kind))
}

#[test]
fn every_layer_can_be_renamed() {
    for (name, graph) in models() {
        let mut symbolic = Symbolic::default();
        let inputs = symbolic.inputs(graph);
        let (outputs, _) = symbolic.run(graph, &inputs);
        for layer in layers(graph) {
            let path = &graph.layer(layer).path;
            let what = format!("{name}: {path}");
            let renamed = graph.rename(path, "another/name:0");
            let renamed = renamed.unwrap_or_else(|report| panic!("{what}: {report}"));
            valid(&renamed, &what);
            let (found, _) = symbolic.run(&renamed, &inputs);
            assert_eq!(found, outputs, "{what}");
        }
    }
}

/// The layers of all models, parts of wrappers left out.
fn layers(graph: &Graph) -> Vec<LayerId> {
    fn inside(graph: &Graph, id: ModelId, layers: &mut Vec<LayerId>) {
        for layer in &graph.model(id).layers {
            if !layers.contains(layer) {
                layers.push(*layer);
                if let LayerKind::Model(inner) = graph.layer(*layer).kind {
                    inside(graph, inner, layers);
                }
            }
        }
    }
    let mut all = Vec::new();
    inside(graph, graph.root, &mut all);
    all
}

#[test]
fn every_layer_can_be_removed_or_is_needed() {
    let mut removed = 0;
    for (name, graph) in models() {
        for layer in layers(graph) {
            let path = &graph.layer(layer).path;
            match graph.remove(path) {
                Ok(rest) => {
                    removed += 1;
                    valid(&rest, &format!("{name} without {path}"));
                }
                Err(report) => assert!(
                    refusal(
                        &report,
                        &[
                            ProblemKind::Surgery,
                            ProblemKind::Shape,
                            ProblemKind::WeightShape
                        ]
                    ),
                    "{name} without {path}: {report}"
                ),
            }
        }
    }
    assert!(removed > 500, "{removed}");
}

#[test]
fn what_is_frozen_is_not_trained_and_has_no_slots() {
    for (name, graph) in models() {
        let Ok(frozen) = graph.freeze("**") else {
            assert!(graph.variables().is_empty(), "{name}");
            continue;
        };
        valid(&frozen, name);
        assert!(frozen.trainable_variables().is_empty(), "{name}");
        assert_eq!(frozen.variables().len(), graph.variables().len(), "{name}");
        let thawed = frozen.unfreeze("**").unwrap();
        valid(&thawed, name);
    }
}

#[test]
fn names_that_hold_separators_are_matched_first() {
    let mut builder = Builder::new("separators");
    let input = builder.input("in", &[None, Some(4)], "float32").unwrap();
    let mut tensor = input;
    for name in ["a", "a:0", "a:0/b", "a/b"] {
        let dense = builder
            .layer(&layer("Dense", json!({"name": name, "units": 4})))
            .unwrap();
        tensor = builder.call(dense, &[tensor]).unwrap()[0];
    }
    let graph = builder.finish(&[tensor]).unwrap();
    for (text, layer) in [
        ("a", "a"),
        ("a:0:0", "a:0"),
        ("a:0", "a:0"),
        ("a:0:0:0", "a:0"),
        ("a:0/b", "a:0/b"),
        ("a/b", "a/b"),
        ("a/b:0", "a/b"),
    ] {
        let found = graph.place(text);
        if text == "a:0:0:0" {
            assert!(found.is_err() || graph.place_name(&found.unwrap()) == "a:0:0:0");
            continue;
        }
        let name = graph.place_name(&found.unwrap());
        assert!(
            name.starts_with(&format!("{layer}:0:0")),
            "{text} is {name}"
        );
    }
}

/// Cuts a model at its frontiers and composes the halves; how often that went, and how often a mask
/// was in the way.
fn compose_everywhere(name: &str, graph: &Graph, most: usize) -> (usize, usize) {
    let (mut composed, mut masked) = (0, 0);
    let mut symbolic = Symbolic::default();
    let inputs = symbolic.inputs(graph);
    let (outputs, _) = symbolic.run(graph, &inputs);
    for frontier in frontiers(graph, most) {
        let mut names: Vec<String> = frontier
            .iter()
            .map(|place| graph.place_name(place))
            .collect();
        let what = format!("{name} at {}", names.join(", "));
        let mut tail = graph.split(&names, &[] as &[&str]);
        if let Err(report) = &tail {
            if refusal(report, &[ProblemKind::Shape]) {
                continue;
            }
            // A mask that something looks at crosses, and has to be a tensor of its own.
            assert!(refusal(report, &[ProblemKind::Mask]), "{what}: {report}");
            masked += 1;
            let masks = names.iter().map(|name| format!("{name}:mask"));
            let masks: Vec<String> = masks
                .filter(|mask| graph.extract(&[mask]).is_ok())
                .collect();
            names.extend(masks);
            tail = graph.split(&names, &[] as &[&str]);
        }
        let tail = tail.unwrap_or_else(|report| panic!("{what}: {report}"));
        valid(&tail, &what);
        let head = graph.split(&[] as &[&str], &names);
        let head = head.unwrap_or_else(|report| panic!("{what}: {report}"));
        valid(&head, &what);
        let whole = head.compose(&tail);
        let whole = whole.unwrap_or_else(|report| panic!("{what}: {report}"));
        valid(&whole, &what);
        let all_names = graph.input_names(graph.root());
        let inputs: Vec<Symbol> = whole
            .input_names(whole.root())
            .iter()
            .map(|name| inputs[all_names.iter().position(|n| n == name).unwrap()])
            .collect();
        let (found, _) = symbolic.run(&whole, &inputs);
        assert_eq!(found, outputs, "{what}");
        assert_eq!(whole.variables().len(), graph.variables().len(), "{what}");
        assert!(
            !whole.layers.iter().any(|layer| layer.class == "SetMask"),
            "{what}: masks are where they were"
        );
        let slots = |graph: &Graph| match &graph.optimizer {
            Ok(Some(optimizer)) => optimizer.slots.len(),
            _ => 0,
        };
        assert_eq!(slots(&whole), slots(graph), "{what}");
        composed += 1;
    }
    (composed, masked)
}

#[test]
fn halves_compose_to_the_whole_at_every_frontier() {
    let (mut composed, mut masked) = (0, 0);
    for (name, graph) in models() {
        let counts = compose_everywhere(name, graph, 12);
        composed += counts.0;
        masked += counts.1;
    }
    assert!(composed > 500, "{composed}");
    assert!(masked > 100, "{masked}");
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

fn layer(class: &str, config: Value) -> NewLayer {
    NewLayer::new(class, config)
}

/// A model with branches, shared layers, nested models, several inputs and outputs. All tensors are
/// sequences of 4 features.
fn random_model(dice: &mut Dice, depth: usize) -> Graph {
    let mut builder = Builder::new(format!("model{depth}")).with_seed(dice.roll(1000) as u64);
    let mut tensors = Vec::new();
    for index in 0..=dice.roll(2) {
        let shape = [None, Some(3), Some(4)];
        tensors.push(
            builder
                .input(&format!("in{index}"), &shape, "float32")
                .unwrap(),
        );
    }
    if dice.roll(2) == 0 {
        let ids = builder.input("ids", &[None, Some(3)], "int32").unwrap();
        let config = json!({"input_dim": 9, "output_dim": 4, "mask_zero": dice.roll(2) == 0});
        let embedding = builder.layer(&layer("Embedding", config)).unwrap();
        tensors.extend(builder.call(embedding, &[ids]).unwrap());
    }
    let mut layers: Vec<LayerId> = Vec::new();
    for _ in 0..3 + dice.roll(5) {
        let new = match dice.roll(8) {
            0 => layer("Dense", json!({"units": 4})),
            1 => layer("Dropout", json!({"rate": 0.5})),
            2 => layer("LSTM", json!({"units": 4, "return_sequences": true})),
            3 => layer("BatchNormalization", json!({})),
            4 => layer("Masking", json!({"mask_value": 1.0})),
            5 => layer("Conv1D", json!({"filters": 4, "kernel_size": 1})),
            6 => layer(
                "TimeDistributed",
                json!({"layer": {
                    "class_name": "Dense", "config": {"name": "inner", "units": 4, "trainable": true}
                }}),
            ),
            _ => layer("Activation", json!({"activation": "relu"})),
        };
        layers.push(builder.layer(&new).unwrap());
    }
    let mut models = Vec::new();
    if depth > 0 {
        for index in 0..1 + dice.roll(2) {
            let inner = random_model(dice, depth - 1);
            let takes_ids = inner.input_names(inner.root()).contains(&"ids".to_owned());
            if !takes_ids {
                let count = inner.root().inputs.len();
                models.push((
                    builder.model(&inner, &format!("nested{index}")).unwrap(),
                    count,
                ));
            }
        }
    }
    for _ in 0..4 + dice.roll(8) {
        let any = |dice: &mut Dice, tensors: &[TensorId]| tensors[dice.roll(tensors.len())];
        let outputs = match dice.roll(4) {
            0 => {
                let class = ["Add", "Multiply", "Maximum"][dice.roll(3)];
                let merge = builder.layer(&layer(class, json!({}))).unwrap();
                let pair = [any(dice, &tensors), any(dice, &tensors)];
                builder.call(merge, &pair).unwrap()
            }
            1 if !models.is_empty() => {
                let (model, count) = models[dice.roll(models.len())];
                let inputs: Vec<TensorId> = (0..count).map(|_| any(dice, &tensors)).collect();
                builder.call(model, &inputs).unwrap()
            }
            _ => builder
                .call(layers[dice.roll(layers.len())], &[any(dice, &tensors)])
                .unwrap(),
        };
        tensors.extend(outputs);
    }
    let last = tensors.len() - 1;
    let mut outputs = vec![tensors[last]];
    outputs.extend((0..dice.roll(3)).map(|_| tensors[dice.roll(last)]));
    outputs.dedup();
    builder.finish(&outputs).unwrap()
}

fn random_models() -> impl Iterator<Item = (String, Graph)> {
    (1..40).map(|seed| {
        let mut dice = Dice(seed << 32 | 0x9e37_79b9);
        (format!("random model {seed}"), random_model(&mut dice, 2))
    })
}

#[test]
fn random_models_are_valid_and_compose_at_their_frontiers() {
    let (mut composed, mut masked) = (0, 0);
    for (name, graph) in random_models() {
        valid(&graph, &name);
        let (done, refused) = compose_everywhere(&name, &graph, 30);
        composed += done;
        masked += refused;
    }
    assert!(composed > 200 && masked > 30, "{composed} {masked}");
}

#[test]
fn several_tensors_of_random_models_are_cut_at_once() {
    let mut made = 0;
    for (name, graph) in random_models() {
        let mut dice = Dice(name.len() as u64 * 77 + 5);
        let mut symbolic = Symbolic::default();
        let inputs = symbolic.inputs(&graph);
        let (_, whole) = symbolic.run(&graph, &inputs);
        let all = places(&graph);
        for _ in 0..40 {
            let mut some = |most: usize| -> Vec<Place> {
                let count = dice.roll(most + 1);
                let chosen: BTreeSet<Place> = (0..count)
                    .map(|_| all[dice.roll(all.len())].clone())
                    .collect();
                chosen.into_iter().collect()
            };
            let (from, to) = (some(4), some(3));
            let what = format!("{name} from {from:?} to {to:?}");
            let Ok(cut) = graph.cut(&from, &to) else {
                continue;
            };
            made += 1;
            valid(&cut, &what);
            let given: Vec<Symbol> = if from.is_empty() {
                let all_names = graph.input_names(graph.root());
                let names = cut.input_names(cut.root()).into_iter();
                names
                    .map(|name| inputs[all_names.iter().position(|n| *n == name).unwrap()])
                    .collect()
            } else {
                from.iter()
                    .map(|place| Symbol {
                        mask: None,
                        ..symbol(&graph, &whole, place)
                    })
                    .collect()
            };
            let (found, _) = symbolic.run(&cut, &given);
            if !to.is_empty() {
                let expected: Vec<usize> = to
                    .iter()
                    .map(|place| symbol(&graph, &whole, place).value)
                    .collect();
                assert_eq!(found, expected, "{what}");
            }
        }
    }
    assert!(made > 200, "{made}");
}

/// The architecture that is written back is the one that was read: with the weights of the file it
/// gives a model that computes the same.
#[test]
fn what_is_written_back_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.json");
    let mut written = 0;
    for (name, graph) in models() {
        if graph.generation == Generation::Keras1 {
            continue; // its file has the weights in other layouts than Keras 2, in whose words it is written
        }
        let config = graph.to_config();
        let config = config.unwrap_or_else(|report| panic!("{name}: {report}"));
        written += 1;
        std::fs::write(&file, config.to_string()).unwrap();
        let options = ReadOptions {
            architecture: Some(file.clone()),
            ..ReadOptions::default()
        };
        let again = read(root().join(name), options);
        let again = again.unwrap_or_else(|report| panic!("{name}: {report}\n{config:#}"));
        valid(&again, name);
        let mut symbolic = Symbolic::default();
        let inputs = symbolic.inputs(graph);
        let (outputs, _) = symbolic.run(graph, &inputs);
        let (found, _) = symbolic.run(&again, &inputs);
        assert_eq!(found, outputs, "{name}\n{config:#}");
        let paths = |graph: &Graph| -> Vec<String> {
            graph
                .root()
                .layers
                .iter()
                .map(|id| graph.layer(*id).path.clone())
                .collect()
        };
        assert_eq!(paths(&again), paths(graph), "{name}");
    }
    assert!(written > 100, "{written}");
}
