//! A file, opened: what it says of a model's architecture, and its weights.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::archive;
use super::kind::{self, Kind};
use super::saved_model::SavedModel;
use super::weights::SavedObjects;
use super::{Architecture, Weights, container_problem, parse};
use crate::container::{Archive, Checkpoint, Container, ContainerError, H5File, Shards};
use crate::problem::{Problem, ProblemKind};
use crate::yaml;

/// The groups of Keras 3's layout: tf.keras 2.12 and 2.13 had the second, and a model without weights
/// has the last alone.
const TREE: [&str; 3] = ["layers", "_layer_checkpoint_dependencies", "vars"];

/// A file that may hold an architecture, weights, or both.
#[derive(Debug)]
pub(super) enum Source {
    Hdf5(H5File),
    Archive(Archive),
    SavedModel(SavedModel),
    Checkpoint(Checkpoint),
    Json { path: PathBuf, value: Value },
    Yaml(Value),
}

/// What a [`Source`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// HDF5 of a whole model.
    Whole,
    /// Legacy HDF5 of weights alone.
    Listed,
    /// HDF5 of weights alone in Keras 3's layout.
    Tree,
    /// HDF5 of something else.
    Other,
}

impl Source {
    /// Opens what is at `path`.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        Ok(match kind::of(path)? {
            Kind::Hdf5 => match H5File::open(path) {
                Ok(file) => Self::Hdf5(file),
                Err(ContainerError::NotHdf5 { .. }) => return Err(unknown(path)),
                Err(error) => return Err(container_problem(&error)),
            },
            Kind::Archive => Self::Archive(archive::open(path)?),
            Kind::SavedModel(folder) => Self::SavedModel(SavedModel::open(&folder)?),
            Kind::Checkpoint(prefix) => {
                let checkpoint = Checkpoint::open(&prefix);
                Self::Checkpoint(checkpoint.map_err(|error| container_problem(&error))?)
            }
            Kind::Json => Self::Json {
                path: path.to_owned(),
                value: parse("the file", &text(path)?)?,
            },
            Kind::Yaml => Self::Yaml(yaml::parse(&text(path)?).map_err(|error| {
                Problem::new(ProblemKind::Config)
                    .key("the file")
                    .expected("YAML")
                    .found(error.to_string())
            })?),
        })
    }

    /// What it is, for people.
    pub fn form(&self) -> &'static str {
        match self {
            Self::Hdf5(file) => match layout(file) {
                Layout::Whole => "HDF5 file of a whole model",
                Layout::Listed => "HDF5 file of weights, listed by layer",
                Layout::Tree => "HDF5 file of weights in Keras 3's layout (.weights.h5)",
                Layout::Other => "HDF5 file",
            },
            Self::Archive(archive) if archive.is_folder() => "unpacked .keras archive",
            Self::Archive(_) => ".keras archive",
            Self::SavedModel(_) => "SavedModel",
            Self::Checkpoint(_) => "checkpoint of TensorFlow",
            Self::Json { value, .. } if is_shards(value) => "list of shards of weights, JSON",
            Self::Json { .. } => "architecture, JSON",
            Self::Yaml(_) => "architecture, YAML",
        }
    }

    /// The architecture.
    pub fn architecture(&self) -> Result<Architecture, Problem> {
        match self {
            Self::Hdf5(file) => Architecture::of_hdf5(file).map_err(|problem| match layout(file) {
                Layout::Listed | Layout::Tree => weights_alone(problem),
                _ => problem,
            }),
            Self::Archive(archive) => archive::architecture(archive),
            Self::SavedModel(saved) => saved.architecture(),
            Self::Checkpoint(_) => Err(weights_alone(no_architecture())),
            Self::Json { value, .. } if is_shards(value) => Err(weights_alone(no_architecture())),
            Self::Json { value, .. } | Self::Yaml(value) => Architecture::of_config(value),
        }
    }

    /// The weights.
    pub fn into_weights(self) -> Result<WeightsFile, Problem> {
        match self {
            Self::Archive(archive) => {
                let file = archive::weights(&archive)?;
                Ok(WeightsFile::Tree(Box::new(file)))
            }
            Self::SavedModel(saved) => Ok(WeightsFile::Objects(saved.weights()?)),
            Self::Checkpoint(checkpoint) => {
                let objects = SavedObjects::new(checkpoint, HashMap::new());
                Ok(WeightsFile::Objects(objects))
            }
            Self::Json { path, value } if is_shards(&value) => {
                let shards = Shards::open(&path, &value["weight_map"]);
                let shards = shards.map_err(|error| container_problem(&error))?;
                Ok(WeightsFile::Tree(Box::new(shards)))
            }
            Self::Json { .. } | Self::Yaml(_) => Err(no_weights()
                .found("an architecture, which holds none")
                .help("name the file that has the weights with --weights FILE")),
            Self::Hdf5(file) => match layout(&file) {
                Layout::Whole => Ok(WeightsFile::Groups(Box::new(file), "model_weights")),
                Layout::Listed => Ok(WeightsFile::Groups(Box::new(file), "")),
                Layout::Tree => Ok(WeightsFile::Tree(Box::new(file))),
                Layout::Other => Err(no_weights().found("an HDF5 file without any")),
            },
        }
    }
}

fn text(path: &Path) -> Result<String, Problem> {
    fs::read_to_string(path)
        .map_err(|error| Problem::new(ProblemKind::Container).found(error.to_string()))
}

/// A file of no known kind.
fn unknown(path: &Path) -> Problem {
    let problem = Problem::new(ProblemKind::Container).expected(
        "a saved Keras model: HDF5, a .keras archive, a SavedModel's folder, JSON or YAML",
    );
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut start));
    match read {
        Ok(0) => problem.found("an empty file"),
        Ok(_) if start.starts_with(b"version https://git-lfs") => problem
            .found("a pointer of Git LFS to a file that is not here")
            .help("fetch it with `git lfs pull`"),
        Ok(_) => problem.found("a file of another kind"),
        Err(error) => problem.found(error.to_string()),
    }
}

fn layout(file: &H5File) -> Layout {
    if file.has_group("model_weights")
        || matches!(file.string_attribute("/", "model_config"), Ok(Some(_)))
    {
        Layout::Whole
    } else if matches!(file.string_list_attribute("/", "layer_names"), Ok(Some(_))) {
        Layout::Listed
    } else if TREE.iter().any(|group| file.has_group(group)) {
        Layout::Tree
    } else {
        Layout::Other
    }
}

/// Whether JSON is the list that Keras 3 writes beside shards.
fn is_shards(value: &Value) -> bool {
    value["weight_map"].is_object()
}

fn no_architecture() -> Problem {
    Problem::new(ProblemKind::Container).expected("the architecture of a model")
}

fn weights_alone(problem: Problem) -> Problem {
    problem
        .found("a file of weights alone")
        .help("name the file that has the architecture with --architecture FILE")
}

fn no_weights() -> Problem {
    Problem::new(ProblemKind::MissingWeight).expected("the weights of the model")
}

/// A file that can be copied with other weights in it.
#[derive(Debug)]
pub(crate) enum Copyable {
    /// A whole model in HDF5, or weights in Keras's legacy layout.
    Legacy(H5File),
    /// Weights alone in Keras 3's layout.
    Weights(H5File),
    /// A `.keras` archive, zipped, and the weights in it.
    Archive(Archive, H5File),
}

/// Opens the file at `path`, which is to be copied with other weights in it.
pub(crate) fn copyable(path: &Path) -> Result<Copyable, Problem> {
    let refused = |found: &str| {
        Problem::new(ProblemKind::Container)
            .expected("a .keras archive or an HDF5 file of Keras, to be copied with other weights")
            .found(found)
    };
    match Source::open(path)? {
        Source::Hdf5(file) => match layout(&file) {
            Layout::Whole | Layout::Listed => Ok(Copyable::Legacy(file)),
            Layout::Tree => Ok(Copyable::Weights(file)),
            Layout::Other => Err(refused("an HDF5 file without weights")),
        },
        Source::Archive(archive) if !archive.is_folder() => {
            let weights = archive::weights(&archive)?;
            Ok(Copyable::Archive(archive, weights))
        }
        Source::Archive(_) => Err(refused("an unpacked .keras archive")
            .help("zip the files of the folder, without the folder itself")),
        other => Err(refused(other.form())),
    }
}

/// Weights, opened.
#[derive(Debug)]
pub(super) enum WeightsFile {
    /// Those of legacy HDF5, and their group.
    Groups(Box<dyn Container>, &'static str),
    Tree(Box<dyn Container>),
    Objects(SavedObjects),
}

impl WeightsFile {
    /// The weights, to be read from.
    pub fn weights(&self) -> Weights<'_> {
        match self {
            Self::Groups(file, group) => Weights::Groups(file.as_ref(), group),
            Self::Tree(file) => Weights::Tree(file.as_ref()),
            Self::Objects(objects) => Weights::Objects(objects),
        }
    }
}
