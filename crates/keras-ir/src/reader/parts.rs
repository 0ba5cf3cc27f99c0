//! Architecture and weights from two files.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::kind::{self, Kind};
use super::weights::SavedObjects;
use super::{
    Architecture, ReadOptions, Weights, archive, container_problem, no_config, parse, saved_model,
};
use crate::container::{Checkpoint, Container, H5File, Shards};
use crate::graph::Graph;
use crate::problem::{Problem, ProblemKind, Report};
use crate::yaml;

/// Reads the model whose architecture and weights are in these files.
pub(super) fn read(
    architecture: &Path,
    weights: &Path,
    options: ReadOptions,
) -> Result<Graph, Report> {
    let name = architecture.display().to_string();
    let of_model = self::architecture(architecture).map_err(|problem| problem.in_file(&name))?;
    let of_weights = weights.display().to_string();
    let file = open(weights).map_err(|problem| problem.in_file(&of_weights))?;
    let layout = match &file {
        WeightsFile::Groups(file, group) => Weights::Groups(file.as_ref(), group),
        WeightsFile::Tree(file) => Weights::Tree(file.as_ref()),
        WeightsFile::Objects(objects) => Weights::Objects(objects),
    };
    of_model.with_weights(&format!("{name} with {of_weights}"), layout, options)
}

/// Reads the architecture at `path`.
pub(super) fn architecture(path: &Path) -> Result<Architecture, Problem> {
    match kind::of(path)? {
        Kind::Hdf5 => Architecture::of_hdf5(&hdf5(path)?),
        Kind::Archive => archive::architecture(&archive::open(path)?),
        Kind::SavedModel(folder) => saved_model::open(&folder)?.architecture(),
        Kind::Checkpoint(_) => Err(Problem::new(ProblemKind::Container)
            .expected("the architecture of a model")
            .found("a checkpoint of TensorFlow, which holds weights alone")),
        Kind::Json => of_config(parse("the architecture", &text(path)?)?),
        Kind::Yaml => of_config(parse_yaml(&text(path)?)?),
    }
}

fn hdf5(path: &Path) -> Result<H5File, Problem> {
    H5File::open(path).map_err(|error| container_problem(&error))
}

fn text(path: &Path) -> Result<String, Problem> {
    fs::read_to_string(path)
        .map_err(|error| Problem::new(ProblemKind::Container).found(error.to_string()))
}

fn parse_yaml(text: &str) -> Result<Value, Problem> {
    yaml::parse(text).map_err(|error| {
        Problem::new(ProblemKind::Config)
            .key("the architecture")
            .expected("YAML of a Keras model")
            .found(error.to_string())
    })
}

/// What `model.to_json()` and `model.to_yaml()` give.
fn of_config(config: Value) -> Result<Architecture, Problem> {
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
    Ok(Architecture {
        training_config: archive::training_config(&config["compile_config"]),
        config,
        keras_version,
    })
}

/// Weights, opened.
enum WeightsFile {
    /// Those of legacy HDF5, and their group.
    Groups(Box<dyn Container>, &'static str),
    Tree(Box<dyn Container>),
    Objects(SavedObjects),
}

/// Opens the weights at `path`.
fn open(path: &Path) -> Result<WeightsFile, Problem> {
    match kind::of(path)? {
        Kind::Archive => {
            let file = archive::weights(&archive::open(path)?)?;
            Ok(WeightsFile::Tree(Box::new(file)))
        }
        Kind::SavedModel(folder) => {
            let objects = saved_model::open(&folder)?.weights()?;
            Ok(WeightsFile::Objects(objects))
        }
        Kind::Checkpoint(prefix) => {
            let checkpoint = Checkpoint::open(&prefix);
            let checkpoint = checkpoint.map_err(|error| container_problem(&error))?;
            let objects = SavedObjects::new(checkpoint, HashMap::new());
            Ok(WeightsFile::Objects(objects))
        }
        Kind::Json => {
            let list = parse("the list of shards", &text(path)?)?;
            let shards = Shards::open(path, &list["weight_map"]);
            let shards = shards.map_err(|error| container_problem(&error))?;
            Ok(WeightsFile::Tree(Box::new(shards)))
        }
        Kind::Yaml => Err(Problem::new(ProblemKind::Container)
            .expected("the weights of a model")
            .found("YAML, which holds the architecture alone")),
        Kind::Hdf5 => {
            let file = hdf5(path)?;
            let listed = file.string_list_attribute("/", "layer_names");
            if file.has_group("model_weights") {
                Ok(WeightsFile::Groups(Box::new(file), "model_weights"))
            } else if matches!(listed, Ok(Some(_))) {
                Ok(WeightsFile::Groups(Box::new(file), ""))
            } else if ["layers", "_layer_checkpoint_dependencies"]
                .iter()
                .any(|group| file.has_group(group))
            {
                Ok(WeightsFile::Tree(Box::new(file)))
            } else {
                Err(no_config(&file).expected("weights of a Keras model"))
            }
        }
    }
}
