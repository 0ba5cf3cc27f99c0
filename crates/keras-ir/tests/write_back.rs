//! A graph that is written as a Keras model reads the same: layers, calls, order, weights to the bit, and the
//! optimizer's state.

#![allow(clippy::unwrap_used, clippy::panic)]

mod same;
mod symbolic;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use keras_ir::graph::{Graph, LayerId, LayerKind, ModelClass};
use keras_ir::layer::LayerKind as Class;
use keras_ir::summary::Summary;
use keras_ir::surgery::{Builder, NewLayer};
use keras_ir::writer::{WriteError, write_model};
use keras_ir::{Activation, Generation, ProblemKind, ReadOptions, read};
use same::{assert_same, slots};
use serde_json::json;
use symbolic::Symbolic;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every model of the repository that can be read.
fn models() -> Vec<(String, Graph)> {
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
        Some((name, read(path, ReadOptions::default()).ok()?))
    });
    models.collect()
}

/// What a graph is written to.
fn endings(graph: &Graph) -> &'static [&'static str] {
    if graph.generation.is_keras3() {
        &["h5", "keras"]
    } else {
        &["h5"]
    }
}

#[test]
fn every_model_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (mut written, mut refused) = (0, 0);
    for (name, graph) in models() {
        for ending in endings(&graph) {
            let file = folder.path().join(format!("model.{ending}"));
            let notes = match write_model(&graph, &file) {
                Ok(notes) => notes,
                Err(WriteError::Model(report)) => {
                    let kinds = report.problems.iter().map(|problem| problem.kind);
                    assert!(
                        graph.generation == Generation::Keras1
                            && kinds.into_iter().all(|kind| kind == ProblemKind::Writing),
                        "{name}: {report}"
                    );
                    refused += 1;
                    continue;
                }
                Err(error) => panic!("{name}: {error}"),
            };
            let again = read(&file, ReadOptions::default());
            let again = again.unwrap_or_else(|report| panic!("{name}: {report}"));
            reads_the_same(&name, ending, &again, &graph);
            if graph.optimizer.is_ok() {
                let told = |note: &String| note.starts_with("several models share");
                assert!(notes.iter().all(told), "{name}: {notes:?}");
                assert_eq!(slots(&again), slots(&graph), "{name}, {ending}: slots");
            }
            let compiled = |graph: &Graph| {
                let config = format!("{:?}", graph.optimizer_config());
                config.replace("implementation: Keras1", "implementation: Keras2")
            };
            assert_eq!(compiled(&again), compiled(&graph), "{name}, {ending}");
            if *ending == "h5" {
                assert_eq!(again.training_config, graph.training_config, "{name}");
            }
            written += 1;
        }
    }
    assert!(written > 500, "{written}");
    // Layers of Keras 1 alone.
    assert!((10..30).contains(&refused), "{refused}");
}

fn penalties(graph: &Graph) -> Vec<String> {
    let (regularizers, constraints) = (graph.regularizers(), graph.constraints());
    let all = regularizers
        .unwrap()
        .into_iter()
        .chain(constraints.unwrap());
    let mut all: Vec<String> = all
        .map(|of| format!("{} {:?}", graph.layer(of.weight.layer).path, of.object))
        .collect();
    let layers = (0..graph.layers.len()).map(LayerId);
    all.extend(layers.filter_map(|id| {
        let of_layer = graph.activity_regularizer(id).unwrap()?;
        Some(format!("{} {of_layer:?}", graph.layer(id).path))
    }));
    all.sort();
    all
}

/// As [`assert_same`], which is not for models without weights.
fn reads_the_same(name: &str, ending: &str, again: &Graph, graph: &Graph) {
    if graph.generation == Generation::Keras1 {
        // As a model of Keras 2, whose merges take more shapes.
        assert_eq!(again.generation, Generation::Keras2, "{name}");
        let in_keras2 = |line: String| {
            let line = line.replace("broadcasts: false", "broadcasts: true");
            line.replace("of_matrices: true", "of_matrices: false")
        };
        let expected: BTreeSet<String> = lines(graph).into_iter().map(in_keras2).collect();
        let found = lines(again);
        let others: Vec<_> = found.symmetric_difference(&expected).collect();
        assert!(others.is_empty(), "{name}: {others:#?}");
        assert_eq!(same::weights(again), same::weights(graph), "{name}");
        assert_eq!(penalties(again), penalties(graph), "{name}");
    } else if same::weights(graph).is_empty() {
        assert_eq!(same::structure(again), same::structure(graph), "{name}");
    } else {
        assert_same(name, ending, again, graph);
    }
}

fn sample(name: &str) -> Graph {
    let graph = read(root().join(name), ReadOptions::default());
    graph.unwrap_or_else(|report| panic!("{name}: {report}"))
}

/// Writes the graph in every form that it has, and reads it again.
fn written(name: &str, graph: &Graph) {
    let folder = tempfile::tempdir().unwrap();
    for ending in endings(graph) {
        let file = folder.path().join(format!("model.{ending}"));
        let notes = write_model(graph, &file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let again = read(&file, ReadOptions::default());
        let again = again.unwrap_or_else(|report| panic!("{name}, {ending}: {report}"));
        reads_the_same(name, ending, &again, graph);
        assert_eq!(slots(&again), slots(graph), "{name}, {ending}: slots");
        assert!(notes.is_empty(), "{name}: {notes:?}");
    }
}

#[test]
fn changed_graphs_read_the_same() {
    for generation in ["k2", "k3"] {
        let models = |name: &str| sample(&format!("models/keras/{name}_{generation}.h5"));
        let branches = models("branches");
        let part = branches.split(&["activation", "activation_1"], &["dense"]);
        written("split", &part.unwrap());
        written("extract", &branches.extract(&["activation"]).unwrap());
        written("freeze", &branches.freeze("conv*").unwrap());
        written("rename", &branches.rename("dense", "head").unwrap());
        let dense = NewLayer::new("Dense", json!({"units": 3, "name": "new"}));
        let inserted = branches.insert_after("activation", &dense, 7);
        if let Ok(inserted) = inserted {
            written("insert", &inserted);
        }
        let chain = models("sgd");
        let last = chain.root().layers.last().copied().unwrap();
        let path = chain.layer(last).path.clone();
        written("insert", &chain.insert_after(&path, &dense, 7).unwrap());
        let resnet = sample(&format!("tests/fixtures/surgery/resnet_{generation}.h5"));
        let layers = &resnet.root().layers;
        let middle = resnet.layer(layers[layers.len() / 2]).path.clone();
        written("head", &resnet.extract(&[&middle]).unwrap());
    }
}

/// The lines of a structure. Calls that do not need each other may stand in another order, and have
/// outputs that nothing looks at or not.
fn lines(graph: &Graph) -> BTreeSet<String> {
    let text = same::structure(graph);
    let lines = text.lines().map(|line| match line.split_once(" -> ") {
        Some((call, _)) if !line.starts_with("  [") => call.to_owned(),
        _ => line.to_owned(),
    });
    lines.collect()
}

/// Calls of operations keep their constants, and have the tensors that surgery gives them.
#[test]
fn changed_operations_read_the_same() {
    let dense = NewLayer::new("Dense", json!({"units": 4, "name": "new"}));
    let folder = tempfile::tempdir().unwrap();
    let mut changed = 0;
    for name in [
        "arithmetic_k3",
        "networks_k3",
        "shapes_k3",
        "graph_nodes_k2",
        "networks_k2",
        "tensorflow_math_k2",
        "tensorflow_shapes_k2",
    ] {
        let graph = sample(&format!("tests/fixtures/operations/{name}.h5"));
        let mut operations: Vec<String> = Vec::new();
        for id in &graph.root().layers {
            let layer = graph.layer(*id);
            if matches!(layer.kind, LayerKind::Operation(_)) {
                operations.push(layer.path.clone());
            }
        }
        for path in operations.iter().step_by(7) {
            let what = format!("{name}: {path}");
            written(&what, &graph.rename(path, "renamed").unwrap());
            let head = graph.extract(&[path]).unwrap();
            let tail = graph.split(&[path], &[] as &[&str]);
            for changed_graph in [
                graph.insert_before(path, &dense, 7),
                graph.insert_after(path, &dense, 7),
                graph.remove(path),
                tail.and_then(|tail| head.compose(&tail)),
                Ok(head),
            ] {
                // Not every tensor is one of numbers in rows.
                let Ok(graph) = changed_graph else { continue };
                for ending in endings(&graph) {
                    let file = folder.path().join(format!("model.{ending}"));
                    write_model(&graph, &file).unwrap();
                    let again = read(&file, ReadOptions::default());
                    let again = again.unwrap_or_else(|report| panic!("{what}: {report}"));
                    let (found, expected) = (lines(&again), lines(&graph));
                    let others: Vec<_> = found.symmetric_difference(&expected).collect();
                    assert!(others.is_empty(), "{what}, {ending}: {others:#?}");
                    assert_eq!(same::weights(&again), same::weights(&graph), "{what}");
                }
                changed += 1;
            }
        }
    }
    assert!(changed > 30, "{changed}");
}

/// Keras goes by how lists lie in each other, where this crate's reader takes them in any.
#[test]
fn lists_lie_in_each_other_as_keras_writes_them() {
    let config = |name: &str| {
        sample(&format!("tests/fixtures/{name}.h5"))
            .to_config()
            .unwrap()
    };
    let states = config("rnn/states_and_masks_k2");
    let layers = states["config"]["layers"].as_array().unwrap();
    let stack = layers.iter().find(|layer| layer["name"] == "stack");
    let of_cells = &stack.unwrap()["inbound_nodes"][0];
    assert_eq!(of_cells[1], json!(["input_3", 0, 0, {}]));
    assert_eq!(
        of_cells[2],
        json!([["input_4", 0, 0, {}], ["input_5", 0, 0, {}]])
    );
    let inner = &config("structure/functional_in_sequential_k3")["config"]["layers"][1];
    assert_eq!(inner["config"]["output_layers"], json!(["add", 0, 0]));
}

/// As if tf.keras had made it.
fn of_tf_keras(mut graph: Graph) -> Graph {
    graph.generation = Generation::TfKeras;
    graph.keras_version = Some("2.15.0".to_owned());
    graph
}

/// A model of each generation.
fn in_both(graph: Graph) -> [Graph; 2] {
    [of_tf_keras(graph.clone()), graph]
}

fn embedding(mask_zero: bool) -> NewLayer {
    let config = json!({
        "name": "words", "input_dim": 9, "output_dim": 4, "mask_zero": mask_zero,
    });
    NewLayer::new("Embedding", config)
}

/// `ids → words → hidden → logits`, the logits with the table of the words.
fn tied(use_bias: bool) -> Graph {
    let mut builder = Builder::new("tied").with_seed(3);
    let ids = builder.input("ids", &[None, Some(5)], "int32").unwrap();
    let words = builder.layer(&embedding(true)).unwrap();
    let x = builder.call(words, &[ids]).unwrap();
    let hidden = NewLayer::new("LSTM", json!({"name": "hidden", "units": 4}));
    let hidden = builder.layer(&hidden).unwrap();
    let hidden = builder.call(hidden, &x).unwrap();
    let softmax = Some(Activation::Softmax);
    let logits = builder.tied_dense("logits", words, softmax, use_bias);
    let logits = logits.unwrap();
    let of_each = builder.call(logits, &x).unwrap();
    let of_all = builder.call(logits, &hidden).unwrap();
    builder.finish(&[of_all[0], of_each[0]]).unwrap()
}

/// What the graph computes, and what it has, is the same when it is written and read.
fn computes_the_same(name: &str, graph: &Graph) {
    let folder = tempfile::tempdir().unwrap();
    for ending in endings(graph) {
        let file = folder.path().join(format!("model.{ending}"));
        write_model(graph, &file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let again = read(&file, ReadOptions::default());
        let again = again.unwrap_or_else(|report| panic!("{name}, {ending}: {report}"));
        again.validate().unwrap();
        assert_eq!(lines(&again), lines(graph), "{name}, {ending}");
        let values = |graph: &Graph| {
            let mut values: Vec<Vec<u8>> = same::weights(graph).into_values().collect();
            values.sort();
            values
        };
        assert_eq!(values(&again), values(graph), "{name}, {ending}");
        let mut symbolic = Symbolic::default();
        let mut outputs = |graph: &Graph| {
            let mut graph = graph.clone();
            // Weights are told apart by where they are: here, by their shapes.
            for layer in &mut graph.layers {
                for weight in &mut layer.weights {
                    let shape = format!("{:?}", weight.tensor.shape());
                    weight.tensor = weight.tensor.moved(&shape);
                }
            }
            let inputs = symbolic.inputs(&graph);
            symbolic.run(&graph, &inputs).0
        };
        assert_eq!(outputs(&again), outputs(graph), "{name}, {ending}");
        assert_eq!(again.variables().len(), graph.variables().len(), "{name}");
        let summary = |graph: &Graph| Summary::new(graph).to_string();
        assert_eq!(summary(&again), summary(graph), "{name}, {ending}");
        assert_eq!(slots(&again), slots(graph), "{name}, {ending}");
    }
}

#[test]
fn tied_layers_read_the_same() {
    for use_bias in [true, false] {
        for graph in in_both(tied(use_bias)) {
            computes_the_same("tied", &graph);
            let frozen = graph.freeze("logits").unwrap();
            computes_the_same("frozen", &frozen);
            // The table is there, though nothing is looked up in it.
            let tail = graph.split(&["hidden", "words"], &[] as &[&str]).unwrap();
            computes_the_same("tail", &tail);
            assert_eq!(tail.variables().len(), 1 + usize::from(use_bias));
        }
    }
}

/// An embedding that is looked up in behind the layer that is tied to it.
#[test]
fn a_table_may_be_looked_up_in_later() {
    let mut builder = Builder::new("later").with_seed(3);
    let x = builder.input("x", &[None, Some(4)], "float32").unwrap();
    let ids = builder.input("ids", &[None, Some(9)], "int32").unwrap();
    let words = builder.layer(&embedding(false)).unwrap();
    let scores = builder.tied_dense("scores", words, None, true).unwrap();
    let scores = builder.call(scores, &[x]).unwrap();
    let rows = builder.call(words, &[ids]).unwrap();
    let weighted = NewLayer::new("Dot", json!({"axes": [1, 1]}));
    let weighted = builder.layer(&weighted).unwrap();
    let weighted = builder.call(weighted, &[scores[0], rows[0]]).unwrap();
    for graph in in_both(builder.finish(&weighted).unwrap()) {
        computes_the_same("later", &graph);
    }
}

/// Keras would make two of it.
#[test]
fn an_embedding_in_another_model_is_refused() {
    let mut inner = Builder::new("encoder").with_seed(3);
    let ids = inner.input("ids", &[None, Some(5)], "int32").unwrap();
    let words = inner.layer(&embedding(false)).unwrap();
    let x = inner.call(words, &[ids]).unwrap();
    let encoder = inner.finish(&x).unwrap();
    let mut builder = Builder::new("outer").with_seed(4);
    let ids = builder.input("ids", &[None, Some(5)], "int32").unwrap();
    let encoder = builder.model(&encoder, "encoder").unwrap();
    let x = builder.call(encoder, &[ids]).unwrap();
    let dense = NewLayer::new("Dense", json!({"name": "logits", "units": 9}));
    let dense = builder.layer(&dense).unwrap();
    let x = builder.call(dense, &x).unwrap();
    let graph = builder.finish(&x).unwrap();
    for tied in in_both(graph.tie("logits", "encoder/words").unwrap()) {
        let report = tied.to_config().unwrap_err();
        let [problem] = report.problems.as_slice() else {
            panic!("{report}");
        };
        assert_eq!(problem.kind, ProblemKind::Writing);
        assert_eq!(problem.layer.as_deref(), Some("logits"));
        assert!(report.to_string().contains("words in 2"), "{report}");
    }
}

/// What trained before trains on.
#[test]
fn tied_layers_keep_the_state_of_the_optimizer() {
    for name in ["rare_ids_adam_k2.h5", "rare_ids_adam_k3.keras"] {
        let graph = sample(&format!("tests/fixtures/resume/{name}"));
        let words = graph.layers.iter().find(|layer| layer.class == "Embedding");
        let words = words.unwrap().path.clone();
        let graph = with_tied_head(&graph, "head", &words, 3);
        assert!(slots(&graph).unwrap().1.len() > 4);
        written(name, &graph);
    }
}

/// The model with a tied layer behind the layer at `path`.
fn with_tied_head(graph: &Graph, path: &str, embedding: &str, size: usize) -> Graph {
    let features = NewLayer::new("Dense", json!({"units": size, "name": "features"}));
    let words = graph.get_weights(embedding).unwrap();
    let units = words[0].1.shape()[0];
    let logits = json!({"units": units, "name": "logits", "activation": "gelu"});
    let logits = NewLayer::new("Dense", logits);
    let graph = graph.insert_after(path, &features, 7).unwrap();
    let graph = graph.insert_after("features", &logits, 7).unwrap();
    graph.tie("logits", embedding).unwrap()
}

#[test]
fn a_tied_layer_in_a_chain_makes_it_a_functional_model() {
    for generation in ["k2", "k3"] {
        let name = format!("tests/fixtures/structure/sequential_embedding_first_{generation}.h5");
        let chain = with_tied_head(&sample(&name), "lstm", "embedding", 3);
        assert_eq!(chain.root().class, ModelClass::Sequential);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.h5");
        write_model(&chain, &file).unwrap();
        let again = read(&file, ReadOptions::default()).unwrap();
        assert_eq!(again.root().class, ModelClass::Functional);
        assert_eq!(same::weights(&again), same::weights(&chain));
        let calls = |graph: &Graph| graph.root().calls.len();
        assert_eq!(calls(&again), calls(&chain));
    }
}

/// The layers that a file has for a tied one, put together by hand; the table is that of the words, or
/// another input.
fn by_hand(rows: Option<usize>) -> Graph {
    let mut builder = Builder::new("by_hand").with_seed(3);
    let ids = builder.input("ids", &[None, Some(5)], "int32").unwrap();
    let words = builder.layer(&embedding(false)).unwrap();
    let x = builder.call(words, &[ids]).unwrap();
    let table = match rows {
        Some(rows) => {
            let config = json!({"rows": rows, "trainable": true, "name": "rows"});
            let rows = NewLayer::new("burn_keras>TableRows", config);
            let rows = builder.layer(&rows).unwrap();
            let rows = builder.call(rows, &[ids]).unwrap();
            builder.call(words, &rows).unwrap()[0]
        }
        None => {
            let shape = [Some(9), Some(4)];
            builder.input("table", &shape, "float32").unwrap()
        }
    };
    let config = json!({"trainable": true, "name": "logits"});
    let logits = NewLayer::new("burn_keras>TiedDense", config);
    let logits = builder.layer(&logits).unwrap();
    let logits = builder.call(logits, &[x[0], table]).unwrap();
    builder.finish(&logits).unwrap()
}

#[test]
fn a_table_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for graph in [Some(9), Some(8), None].map(by_hand) {
        for graph in in_both(graph) {
            for ending in endings(&graph) {
                let file = folder.path().join(format!("model.{ending}"));
                write_model(&graph, &file).unwrap();
                let read = read(&file, ReadOptions::default());
                let is_tied = graph.layers.iter().any(|layer| {
                    matches!(&layer.kind, LayerKind::Layer(Class::TableRows(rows)) if rows.rows == 9)
                });
                if is_tied {
                    let read = read.unwrap();
                    read.validate().unwrap();
                    assert_eq!(read.root().layers.len(), 3);
                    assert_eq!(read.variables().len(), 2);
                    continue;
                }
                let report = read.unwrap_err();
                for problem in &report.problems {
                    assert_eq!(problem.kind, ProblemKind::BrokenConnection, "{report}");
                    assert_eq!(problem.key.as_deref(), Some("inbound_nodes"));
                }
                let of_logits = report.problems.iter();
                let mut of_logits = of_logits.map(|problem| problem.layer.as_deref());
                assert!(of_logits.any(|layer| layer == Some("logits")), "{report}");
            }
        }
    }
}

/// Halves of a model at a cut that a mask crosses.
#[test]
fn masks_at_a_cut_read_the_same() {
    for graph in in_both(tied(true)) {
        let places = ["words", "words:mask"];
        let head = graph.extract(&places).unwrap();
        let tail = graph.split(&places, &[] as &[&str]).unwrap();
        for (name, part) in [("head", head), ("tail", tail)] {
            computes_the_same(name, &part);
        }
    }
}

/// Every layer that Keras 2 does not have is named.
#[test]
fn what_keras_1_alone_has_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.h5");
    for (name, says) in [
        ("core_te", "MaxoutDense, which Keras 1 alone has"),
        ("core_te", "Highway, which Keras 1 alone has"),
        ("conv1d_th", "the borders that Theano puts"),
        ("whole_batch_te", "a formula of Keras 1 alone"),
    ] {
        let graph = sample(&format!("tests/fixtures/keras1/{name}.h5"));
        let refused = write_model(&graph, &file).unwrap_err();
        assert!(refused.to_string().contains(says), "{name}: {refused}");
        assert!(!file.exists());
    }
}

#[test]
fn what_stands_there_is_replaced_or_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.h5");
    std::fs::write(&file, "old").unwrap();
    let graph = sample("models/keras/sgd_k2.h5");
    write_model(&graph, &file).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    // In the place of the file that it is read from, and the same bytes again.
    let again = read(&file, ReadOptions::default()).unwrap();
    write_model(&again, &file).unwrap();
    assert!(std::fs::read(&file).unwrap() == bytes);

    for (name, says) in [
        ("model.keras", "ends in .h5: the model is of tf.keras"),
        ("model.weights.h5", "ends in .h5"),
    ] {
        let refused = write_model(&graph, &folder.path().join(name)).unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
    }
    let keras1 = folder.path().join("no such folder/model.h5");
    assert!(matches!(
        write_model(&graph, &keras1),
        Err(WriteError::Io { .. })
    ));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
