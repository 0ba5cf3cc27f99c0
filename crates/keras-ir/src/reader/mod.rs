//! From a container to the [`Graph`]: container → config → calls → shapes → weights → ties →
//! optimizer.

mod archive;
mod build;
mod functional;
mod inspect;
mod keras1;
mod kind;
mod nodes;
mod optimizer;
mod producer;
mod resolve;
mod saved_model;
mod sequential;
mod share;
mod source;
mod weights;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::container::{Container, ContainerError};
use crate::graph::{FirstInputs, Graph, Layer, LayerId, Model, ModelId};
use crate::json;
use crate::problem::{Problem, ProblemKind, Report};
use crate::surgery::{Edit, tie_tables};
use crate::version::{Generation, Writer};
use build::Builder;
use source::{Source, WeightsFile};
use weights::SavedObjects;

pub(crate) use archive::WEIGHTS as ARCHIVED_WEIGHTS;
pub use inspect::inspect;
pub use optimizer::{BuiltOptimizer, build_optimizer};
pub(crate) use optimizer::{ListedState, list_state};
pub(crate) use source::{Copyable, copyable};
pub(crate) use weights::{file_order, object_paths, specs};

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
    /// New inputs in place of these tensors (`layer`, `layer:node`, `layer:node:tensor`, with `/` into
    /// nested models); the inputs of the model if there are none. See [`Graph::split`].
    pub from: Vec<String>,
    /// These tensors as outputs; the outputs of the model if there are none.
    pub to: Vec<String>,
    /// What is changed then, one after the other.
    pub edits: Vec<Edit>,
    /// What the weights of new layers are made from.
    pub seed: u64,
}

impl ReadOptions {
    /// Only what lies between the tensors `from`, which become the inputs, and `to`, the outputs.
    ///
    /// ```no_run
    /// use keras_ir::ReadOptions;
    ///
    /// let options = ReadOptions::default().between([], ["avg_pool"]);
    /// let features = keras_ir::read("resnet50.h5", options)?;
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    #[must_use]
    pub fn between<'a>(
        self,
        from: impl IntoIterator<Item = &'a str>,
        to: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            from: from.into_iter().map(str::to_owned).collect(),
            to: to.into_iter().map(str::to_owned).collect(),
            ..self
        }
    }

    /// Changed so, with weights of new layers made from `seed`: see [`Graph::edit`].
    #[must_use]
    pub fn edited(self, edits: impl IntoIterator<Item = Edit>, seed: u64) -> Self {
        Self {
            edits: edits.into_iter().collect(),
            seed,
            ..self
        }
    }

    /// What of a graph that was read is asked for.
    fn apply(&self, graph: Graph) -> Result<Graph, Report> {
        let mut graph = tie_tables(graph)?;
        if !(self.from.is_empty() && self.to.is_empty()) {
            graph = graph.split(&self.from, &self.to)?;
        }
        if !self.edits.is_empty() {
            graph = graph.edit(&self.edits, self.seed)?;
        }
        Ok(graph)
    }
}

/// Reads the saved model at `path`: a whole-model HDF5 file (Keras 1 and 2, tf.keras, and the legacy
/// `.h5` of Keras 3), a `.keras` archive, the folder that one was unpacked to, or a SavedModel of
/// tf.keras (its folder, or the `saved_model.pb` in it). What it is, its content tells.
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
    let saved = Saved::open(path.as_ref(), &options)?;
    let in_file = |problem: Problem| problem.in_file(&saved.name);
    let architecture = saved.architecture.map_err(in_file)?;
    let weights = saved.weights.map_err(in_file)?;
    architecture.with_weights(&saved.name, weights.weights(), &options)
}

/// A saved model, opened: in one file, or in two.
struct Saved {
    /// The file, or both, for messages.
    name: String,
    /// What it is, or both are, for people.
    form: String,
    architecture: Result<Architecture, Problem>,
    weights: Result<WeightsFile, Problem>,
}

impl Saved {
    /// Opens the files that the options name, or else what is at `path`.
    fn open(path: &Path, options: &ReadOptions) -> Result<Self, Report> {
        let open = |path: &Path| {
            let source = Source::open(path);
            source.map_err(|problem| problem.in_file(path.display().to_string()))
        };
        let of_architecture = options.architecture.as_deref().unwrap_or(path);
        let of_weights = options.weights.as_deref().unwrap_or(path);
        let mut source = open(of_architecture)?;
        let architecture = source.architecture();
        let mut name = of_architecture.display().to_string();
        let mut form = source.form().to_owned();
        if of_weights != of_architecture {
            source = open(of_weights)?;
            name = format!("{name} with {}", of_weights.display());
            form = format!("{form}, with {}", source.form());
        }
        Ok(Self {
            name,
            form,
            architecture,
            weights: source.into_weights(),
        })
    }
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
        functions: None,
    };
    architecture.with_weights(name, Weights::Groups(file, "model_weights"), &options)
}

/// What a file says of a model besides its weights.
struct Architecture {
    /// `class_name` and `config` of the model.
    config: Value,
    training_config: Option<Value>,
    keras_version: Option<String>,
    /// The functions that a SavedModel has besides: what cannot be revived can be called there.
    functions: Option<String>,
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

impl Weights<'_> {
    /// The backend that they were computed on, where the file says so.
    fn backend(self) -> Option<String> {
        match self {
            Self::Groups(file, group) => {
                let of_file = file.string_attribute("/", "backend").ok().flatten();
                of_file.or_else(|| file.string_attribute(group, "backend").ok().flatten())
            }
            Self::Tree(_) | Self::Objects(_) => None,
        }
    }
}

impl Architecture {
    /// The attributes of a whole-model HDF5 file.
    fn of_hdf5(file: &dyn Container) -> Result<Self, Problem> {
        let attribute = |key: &str| {
            file.string_attribute("/", key)
                .map_err(|error| container_problem(&error).key(key))
        };
        let config = attribute("model_config")?.ok_or_else(|| {
            Problem::new(ProblemKind::Container)
                .key("model_config")
                .expected("the architecture of a whole model")
                .found("no such attribute")
        })?;
        let training_config = attribute("training_config")?;
        Ok(Self {
            config: parse("model_config", &config)?,
            training_config: training_config
                .map(|text| parse("training_config", &text))
                .transpose()?,
            keras_version: attribute("keras_version")?,
            functions: None,
        })
    }

    /// What `model.to_json()` and `model.to_yaml()` give.
    fn of_config(config: &Value) -> Result<Self, Problem> {
        if !config["class_name"].is_string() {
            return Err(Problem::new(ProblemKind::Config)
                .key("class_name")
                .expected("the architecture of a model")
                .found("no such key"));
        }
        let keras_version = match &config["keras_version"] {
            Value::String(version) => Some(version.clone()),
            // Keras 3 writes none, but names the module of each class.
            _ if config.get("module").is_some() => Some("3".to_owned()),
            _ => None,
        };
        Ok(Self {
            training_config: archive::training_config(&config["compile_config"]),
            config: config.clone(),
            keras_version,
            functions: None,
        })
    }

    /// The graph, with weights; `name` stands in messages.
    fn with_weights(
        self,
        name: &str,
        saved_weights: Weights<'_>,
        options: &ReadOptions,
    ) -> Result<Graph, Report> {
        let mut draft = self.draft(name, Some(saved_weights));
        draft.add_weights(saved_weights);
        match draft.graph {
            Some(mut graph) if draft.problems.is_empty() => {
                read_shared(&mut graph, saved_weights, options.untie);
                options.apply(graph)
            }
            _ => Err(Report {
                file: name.into(),
                problems: draft.problems,
            }),
        }
    }

    /// The graph without weights; `name` stands in messages, and the weights may tell who wrote the
    /// file.
    fn draft(self, name: &str, saved: Option<Weights<'_>>) -> Draft {
        let Self {
            config,
            training_config,
            keras_version,
            functions,
        } = self;
        let writer = Writer::of_version(keras_version.as_deref());
        let generation = writer.generation;
        let mut class = config["class_name"].as_str().unwrap_or("Model").to_owned();
        let mut config = Cow::Borrowed(&config["config"]);
        let mut builder = Builder::new(writer);
        let origin = (generation == Generation::Keras1)
            .then(|| keras1::Origin::of(saved, &config, keras_version.as_deref()));
        if let Some(origin) = &origin {
            let (problems, notes) = (&mut builder.problems, &mut builder.notes);
            let translated = keras1::translate(&class, &config, origin, problems, notes);
            class = translated.0;
            config = Cow::Owned(translated.1);
            let refused = builder.problems.iter();
            builder.refused = refused
                .filter_map(|problem| problem.layer.clone())
                .collect();
        }
        let root = builder.model(&class, &config, None, "");
        let Builder {
            models,
            layers,
            mut problems,
            notes,
            ..
        } = builder;
        if let Some(functions) = functions {
            let unknown = problems.iter_mut();
            for problem in unknown.filter(|problem| problem.kind == ProblemKind::UnknownLayer) {
                let help = problem.help.take().unwrap_or_default();
                problem.help = Some(format!("{help}; the file has the functions {functions}"));
            }
        }
        let Some(root) = root else {
            return Draft {
                graph: None,
                first_inputs: FirstInputs::new(),
                problems,
                origin,
            };
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
        let first_inputs = graph.infer(&callers_first, &mut problems);
        Draft {
            graph: Some(graph),
            first_inputs,
            problems,
            origin,
        }
    }
}

/// A layer by itself, with the layers and models in it; no calls, no weights.
pub(crate) struct NewLayer {
    pub layer: LayerId,
    pub layers: Vec<Layer>,
    pub models: Vec<Model>,
    pub notes: Vec<String>,
}

/// Reads the layer of an entry in a list of layers: `class_name`, `config`.
pub(crate) fn read_layer(entry: &Value, writer: Writer) -> Result<NewLayer, Vec<Problem>> {
    let mut builder = Builder::new(writer);
    let layer = builder
        .entry(entry, "")
        .map(|entry| builder.layer(&entry, ""));
    match layer {
        Some(layer) if builder.problems.is_empty() => Ok(NewLayer {
            layer,
            layers: builder.layers,
            models: builder.models,
            notes: builder.notes,
        }),
        _ => Err(builder.problems),
    }
}

/// A graph whose problems are still being collected.
struct Draft {
    /// `None` where not even the layers could be told.
    graph: Option<Graph>,
    first_inputs: FirstInputs,
    problems: Vec<Problem>,
    /// Who wrote a file of Keras 1.
    origin: Option<keras1::Origin>,
}

impl Draft {
    /// Gives the layers their weights.
    fn add_weights(&mut self, saved: Weights<'_>) {
        let Self {
            graph: Some(graph),
            first_inputs,
            problems,
            origin,
        } = self
        else {
            return;
        };
        producer::check(graph, saved, problems);
        match saved {
            Weights::Tree(_) | Weights::Objects(_) if origin.is_some() => problems.push(
                Problem::new(ProblemKind::Container)
                    .expected("weights of Keras 1, as its architecture is")
                    .found("weights of later Keras"),
            ),
            Weights::Groups(file, group) => {
                weights::read_groups(graph, file, group, first_inputs, problems);
                if let Some(origin) = origin {
                    weights::modernise(graph, first_inputs, origin, problems);
                }
            }
            Weights::Tree(file) => weights::read_tree(graph, file, first_inputs, problems),
            Weights::Objects(saved) => weights::read_objects(graph, saved, first_inputs, problems),
        }
    }
}

/// Ties shared layers and reads the optimizer: how many variables it has decides whether layers
/// that look shared are.
fn read_shared(graph: &mut Graph, file: Weights<'_>, untie: bool) {
    if !untie {
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
