//! Surgery on every model that the fixtures hold: each operation gives a valid graph that computes
//! what it should, or says why not.
#![allow(clippy::unwrap_used, clippy::panic)]

mod symbolic;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use keras_ir::graph::{Graph, LayerId, LayerKind, ModelId, TensorId};
use keras_ir::surgery::{End, Place};
use keras_ir::{ProblemKind, ReadOptions, Report, read};
use symbolic::{Symbol, Symbolic, Symbols};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sample(name: &str) -> Graph {
    open(&root().join("models/keras").join(name)).unwrap_or_else(|report| panic!("{report}"))
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
            let is_model = path.extension().is_some_and(|end| end == "h5" || end == "keras");
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
    let wrong: Vec<String> = models().iter().filter_map(|(name, graph)| {
        Some(format!("{name} {}", graph.validate().err()?))
    }).collect();
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
    report.problems.iter().all(|problem| kinds.contains(&problem.kind))
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
    let graph = sample("nested_k3.h5").rename("encoder", "a/b:1").unwrap();
    valid(&graph, "renamed");
    assert!(graph.place("a/b:1").is_ok());
}
