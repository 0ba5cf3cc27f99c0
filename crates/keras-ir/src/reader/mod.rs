//! From a container to the [`Graph`]: container → config → calls → shapes → weights → ties →
//! optimizer.

mod build;
mod functional;
mod nodes;
mod optimizer;
mod producer;
mod resolve;
mod sequential;
mod share;
mod weights;

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::container::{Container, ContainerError, H5File};
use crate::graph::{Graph, ModelId};
use crate::json;
use crate::problem::{Problem, ProblemKind, Report};
use crate::version::Generation;
use build::Builder;

/// How to read a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Take layers that stand in several models for separate ones, although they look shared.
    pub untie: bool,
}

/// Reads the whole-model HDF5 file at `path` (Keras 2, tf.keras, and the legacy `.h5` of Keras 3).
///
/// The file is mapped; weights are read when they are asked for.
///
/// ```no_run
/// let graph = keras_ir::read("siamese.h5", keras_ir::ReadOptions::default())?;
/// println!("{}", keras_ir::summary::Summary::new(&graph));
/// # Ok::<(), keras_ir::Report>(())
/// ```
///
/// # Errors
///
/// A report with every problem of the file.
pub fn read(path: impl AsRef<Path>, options: ReadOptions) -> Result<Graph, Report> {
    let path = path.as_ref();
    let name = path.display().to_string();
    let file = H5File::open(path).map_err(|error| {
        let mut problem = container_problem(&error);
        if let Some(other) = other_kind(path) {
            problem.expected = Some("a whole model in a .h5 file".into());
            problem.found = Some(other.into());
            problem.help = Some("save it with model.save(\"model.h5\")".into());
        }
        problem.in_file(&name)
    })?;
    read_container(&file, &name, options)
}

/// Reads a whole model from an open container; `name` stands in messages.
///
/// # Errors
///
/// A report with every problem of the file.
pub fn read_container(
    file: &dyn Container,
    name: &str,
    options: ReadOptions,
) -> Result<Graph, Report> {
    let attribute = |key: &str| {
        file.string_attribute("/", key)
            .map_err(|error| container_problem(&error).key(key).in_file(name))
    };
    let config = attribute("model_config")?.ok_or_else(|| no_config(file).in_file(name))?;
    let parse = |key: &str, text: &str| {
        json::parse(text).map_err(|error| {
            Problem::new(ProblemKind::Config)
                .key(key)
                .expected("JSON")
                .found(error.to_string())
                .in_file(name)
        })
    };
    let config = parse("model_config", &config)?;
    let training_config = match attribute("training_config")? {
        Some(text) => Some(parse("training_config", &text)?),
        None => None,
    };
    let keras_version = attribute("keras_version")?;
    read_config(file, name, &config, training_config, keras_version, options)
}

/// Reads a model whose config is at hand and whose weights are in the group `model_weights` of
/// `file`.
///
/// # Errors
///
/// A report with every problem of the file.
pub fn read_config(
    file: &dyn Container,
    name: &str,
    config: &Value,
    training_config: Option<Value>,
    keras_version: Option<String>,
    options: ReadOptions,
) -> Result<Graph, Report> {
    let generation = Generation::of_version(keras_version.as_deref());
    if generation == Generation::Keras1 {
        return Err(Problem::new(ProblemKind::Container)
            .key("keras_version")
            .expected("a file of Keras 2.0 or later")
            .found(keras_version.unwrap_or_else(|| "no version (Keras 1)".into()))
            .help("load and save it once with Keras 2.0 to 2.3")
            .in_file(name));
    }
    let class = config["class_name"].as_str().unwrap_or("Model");
    let mut builder = Builder::new(generation);
    let root = builder.model(class, &config["config"], None, "");
    let Builder {
        models,
        layers,
        mut problems,
        notes,
        ..
    } = builder;
    let Some(root) = root else {
        return Err(Report {
            file: name.into(),
            problems,
        });
    };
    // Models inside are built before those around them.
    let callers_first: Vec<ModelId> = (0..models.len()).rev().map(ModelId).collect();
    let mut graph = Graph {
        file: name.into(),
        generation,
        keras_version,
        models,
        layers,
        root,
        training_config,
        optimizer: Ok(None),
        notes,
    };
    producer::check(&graph, file, &mut problems);
    let first_inputs = graph.infer(&callers_first, &mut problems);
    weights::read_weights(
        &mut graph,
        file,
        "model_weights",
        &first_inputs,
        &mut problems,
    );
    if !problems.is_empty() {
        return Err(Report {
            file: name.into(),
            problems,
        });
    }
    read_shared(&mut graph, file, options);
    Ok(graph)
}

/// Ties shared layers and reads the optimizer: how many variables it has decides whether layers
/// that look shared are.
fn read_shared(graph: &mut Graph, file: &dyn Container, options: ReadOptions) {
    if !options.untie {
        let mut first = None;
        for evidence in share::evidence(graph) {
            let ties = share::find_ties(graph, *evidence);
            let mut tied = graph.clone();
            share::apply_ties(&mut tied, &ties);
            optimizer::read_optimizer(&mut tied, file);
            for (copy, original) in &ties {
                let (copy, original) = (graph.layer(*copy), graph.layer(*original));
                tied.notes.push(format!(
                    "{} and {} ({}) are one shared layer; --untie reads them as two",
                    original.path, copy.path, copy.class
                ));
            }
            if tied.optimizer.is_ok() {
                *graph = tied;
                return;
            }
            first.get_or_insert(tied);
        }
        optimizer::read_optimizer(graph, file);
        if graph.optimizer.is_err()
            && let Some(first) = first
        {
            *graph = first;
        }
        return;
    }
    optimizer::read_optimizer(graph, file);
}

/// What else people save models as.
fn other_kind(path: &Path) -> Option<&'static str> {
    if path.is_dir() {
        return path
            .join("saved_model.pb")
            .exists()
            .then_some("a SavedModel, which burn-keras does not read yet");
    }
    let mut magic = [0; 4];
    std::fs::File::open(path)
        .ok()?
        .read_exact(&mut magic)
        .ok()?;
    (magic == *b"PK\x03\x04").then_some("a .keras archive, which burn-keras does not read yet")
}

fn container_problem(error: &ContainerError) -> Problem {
    Problem::new(ProblemKind::Container).found(error.to_string())
}

fn no_config(file: &dyn Container) -> Problem {
    let problem = Problem::new(ProblemKind::Container)
        .key("model_config")
        .expected("the architecture of a whole model");
    match file.string_list_attribute("/", "layer_names") {
        Ok(Some(_)) => weights_alone(problem),
        _ if ["/layers", "/_layer_checkpoint_dependencies"]
            .iter()
            .any(|group| file.has_group(group)) =>
        {
            weights_alone(problem)
        }
        _ => problem.found("no such attribute"),
    }
}

fn weights_alone(problem: Problem) -> Problem {
    problem
        .found("a file of weights alone")
        .help("save the whole model with model.save(\"model.h5\")")
}
