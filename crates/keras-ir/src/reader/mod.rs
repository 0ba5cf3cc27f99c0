//! From a container to the [`Graph`]: container → config → calls → shapes → weights → ties →
//! optimizer.

mod archive;
mod build;
mod functional;
mod kind;
mod nodes;
mod optimizer;

mod parts;
mod producer;
mod resolve;
mod saved_model;
mod sequential;
mod share;
mod weights;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::container::{Container, ContainerError, H5File};
use crate::graph::{Graph, ModelId};
use crate::json;
use crate::problem::{Problem, ProblemKind, Report};
use crate::version::Generation;
use build::Builder;
use kind::Kind;
use weights::SavedObjects;

/// How to read a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Take layers that stand in several models for separate ones, although they look shared.
    pub untie: bool,
    /// The file that has the weights, where the model's own file has the architecture alone, or
    /// others.
    pub weights: Option<PathBuf>,
    /// The file that has the architecture, where the model's own file has the weights alone.
    pub architecture: Option<PathBuf>,
}

/// Reads the saved model at `path`: a whole-model HDF5 file (Keras 2, tf.keras, and the legacy `.h5`
/// of Keras 3), a `.keras` archive, the folder that one was unpacked to, or a SavedModel of tf.keras
/// (its folder, or the `saved_model.pb` in it). What it is, its content tells.
///
/// Weights and architecture may be in two files ([`ReadOptions::weights`],
/// [`ReadOptions::architecture`]): the architecture in any of the above or in the JSON or YAML of
/// `model.to_json()` and `model.to_yaml()`, the weights in any of the above, in a `.weights.h5`, in a legacy weights
/// `.h5`, in the `.weights.json` of sharded weights, or in a checkpoint of TensorFlow (by the prefix
/// of its files, or its `.index`).
///
/// The file is mapped; weights are read when they are asked for.
///
/// ```no_run
/// let graph = keras_ir::read("siamese.keras", keras_ir::ReadOptions::default())?;
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
    match (&options.weights, &options.architecture) {
        (None, None) => {}
        (weights, architecture) => {
            let architecture = architecture.as_deref().unwrap_or(path);
            let weights = weights.as_deref().unwrap_or(path);
            return parts::read(architecture, weights, options.clone());
        }
    }
    match kind::of(path).map_err(|problem| problem.in_file(&name))? {
        Kind::Hdf5 => {
            let file =
                H5File::open(path).map_err(|error| container_problem(&error).in_file(&name))?;
            read_container(&file, &name, options)
        }
        Kind::Archive => archive::read(path, &name, options),
        Kind::SavedModel(folder) => saved_model::read(&folder, &name, options),
        Kind::Checkpoint(_) => Err(Problem::new(ProblemKind::Container)
            .expected("a model with its architecture")
            .found("a checkpoint of TensorFlow, which holds weights alone")
            .help("name the file with the architecture with --architecture FILE")
            .in_file(&name)),
        Kind::Json => Err(Problem::new(ProblemKind::MissingWeight)
            .expected("a model with its weights")
            .found("JSON, which holds the architecture or a list of shards alone")
            .help("name the other file with --weights FILE or --architecture FILE")
            .in_file(&name)),
        Kind::Yaml => Err(Problem::new(ProblemKind::MissingWeight)
            .expected("a model with its weights")
            .found("YAML, which holds the architecture alone")
            .help("name the file with the weights with --weights FILE")
            .in_file(&name)),
    }
}

/// Reads a whole model from an open HDF5 container; `name` stands in messages.
///
/// # Errors
///
/// A report with every problem of the file.
pub fn read_container(
    file: &dyn Container,
    name: &str,
    options: ReadOptions,
) -> Result<Graph, Report> {
    let architecture = Architecture::of_hdf5(file).map_err(|problem| problem.in_file(name))?;
    architecture.with_weights(name, Weights::Groups(file, "model_weights"), options)
}

fn parse(key: &str, text: &str) -> Result<Value, Problem> {
    json::parse(text).map_err(|error| {
        Problem::new(ProblemKind::Config)
            .key(key)
            .expected("JSON")
            .found(error.to_string())
    })
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
    let architecture = Architecture {
        config: config.clone(),
        training_config,
        keras_version,
    };
    architecture.with_weights(name, Weights::Groups(file, "model_weights"), options)
}

/// What a file says of a model besides its weights.
struct Architecture {
    /// `class_name` and `config` of the model.
    config: Value,
    training_config: Option<Value>,
    keras_version: Option<String>,
}

/// Where the weights are, and in which layout.
#[derive(Clone, Copy)]
enum Weights<'a> {
    /// A group of legacy HDF5 with lists of weights by layer.
    Groups(&'a dyn Container, &'a str),
    /// Keras 3's tree of objects.
    Tree(&'a dyn Container),
    /// Variables of objects in a checkpoint.
    Objects(&'a SavedObjects),
}

impl Architecture {
    /// The attributes of a whole-model HDF5 file.
    fn of_hdf5(file: &dyn Container) -> Result<Self, Problem> {
        let attribute = |key: &str| {
            file.string_attribute("/", key)
                .map_err(|error| container_problem(&error).key(key))
        };
        let config = attribute("model_config")?.ok_or_else(|| no_config(file))?;
        let training_config = attribute("training_config")?;
        Ok(Self {
            config: parse("model_config", &config)?,
            training_config: training_config
                .map(|text| parse("training_config", &text))
                .transpose()?,
            keras_version: attribute("keras_version")?,
        })
    }

    /// The graph, with weights; `name` stands in messages.
    fn with_weights(
        self,
        name: &str,
        saved_weights: Weights<'_>,
        options: ReadOptions,
    ) -> Result<Graph, Report> {
        let Self {
            config,
            training_config,
            keras_version,
        } = self;
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
        producer::check(&graph, saved_weights, &mut problems);
        let first_inputs = graph.infer(&callers_first, &mut problems);
        match saved_weights {
            Weights::Groups(file, group) => {
                weights::read_groups(&mut graph, file, group, &first_inputs, &mut problems);
            }
            Weights::Tree(file) => {
                weights::read_tree(&mut graph, file, &first_inputs, &mut problems);
            }
            Weights::Objects(saved) => {
                weights::read_objects(&mut graph, saved, &first_inputs, &mut problems);
            }
        }
        if !problems.is_empty() {
            return Err(Report {
                file: name.into(),
                problems,
            });
        }
        read_shared(&mut graph, saved_weights, options);
        Ok(graph)
    }
}

/// Ties shared layers and reads the optimizer: how many variables it has decides whether layers
/// that look shared are.
fn read_shared(graph: &mut Graph, file: Weights<'_>, options: ReadOptions) {
    if !options.untie {
        let mut first = None;
        for evidence in share::evidence(graph, file) {
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
        .help("name the file that has the architecture with --architecture FILE")
}
