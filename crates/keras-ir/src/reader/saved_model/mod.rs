//! SavedModels of tf.keras.
//!
//! ```text
//! saved_model.pb          objects and traced functions; before TensorFlow 2.5 the metadata too
//! keras_metadata.pb       what Keras knows of each object: class, config
//! variables/              a checkpoint
//! assets/                 in exports of TensorFlow 1.13 to 2.1 the architecture
//! ```
//!
//! The config of the outermost model is that of other files of tf.keras, and is built from as
//! theirs. Functions are not read: what has no config cannot be revived, and the functions that are
//! there instead are named.

mod encodings;
mod metadata;
mod proto;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::source::Source;
use super::weights::SavedObjects;
use super::{Architecture, container_problem};
use crate::container::Checkpoint;
use crate::container::checkpoint::proto::{TensorShape, dtype};
use crate::problem::{Problem, ProblemKind};
use crate::shape::Shape;
use metadata::Metadata;
use proto::{MetaGraph, Signature, TensorInfo};

/// The architecture that `tf.keras.experimental.export_saved_model` wrote (TensorFlow 1.13 to 2.1), beside
/// a checkpoint of the weights.
const EXPORTED: &str = "assets/saved_model.json";

/// A SavedModel, but for its checkpoint.
#[derive(Debug)]
pub(super) struct SavedModel {
    folder: PathBuf,
    metadata: Metadata,
    /// The functions that users are meant to call.
    functions: String,
}

impl SavedModel {
    /// Opens the SavedModel in `folder`.
    pub fn open(folder: &Path) -> Result<Self, Problem> {
        let saved: proto::SavedModel = metadata::message(&folder.join("saved_model.pb"))?;
        let graph = saved.meta_graphs.into_iter().next().ok_or_else(|| {
            Problem::new(ProblemKind::Container)
                .key("saved_model.pb")
                .expected("a graph")
                .found("an empty SavedModel")
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            functions: signatures(&graph),
            metadata: Metadata::read(folder, graph.objects)?,
        })
    }

    /// The architecture, out of the metadata of Keras.
    pub fn architecture(&self) -> Result<Architecture, Problem> {
        let Some((identifier, root)) = self.metadata.root() else {
            let exported = self.folder.join(EXPORTED);
            if exported.is_file() {
                return Source::open(&exported)?.architecture();
            }
            return Err(Problem::new(ProblemKind::Container)
                .expected("a SavedModel with the metadata of Keras")
                .found(format!("functions alone: {}", self.functions))
                .help(
                    "tf.saved_model.save, and export of Keras 3, keep no layers; save the model \
                     itself, with model.save(\"model.keras\")",
                ));
        };
        let root = encodings::decode(metadata::parse(root)?);
        let config = revive(identifier, &root, &self.functions)?;
        let version = root["keras_version"].as_str();
        let keras_version = version.ok_or_else(|| {
            Problem::new(ProblemKind::Config)
                .key("metadata of the model: keras_version")
                .expected("the version of Keras that saved the model")
                .found("no such key")
        })?;
        let training_config = root.get("training_config").filter(|value| !value.is_null());
        Ok(Architecture {
            config,
            training_config: training_config.cloned(),
            keras_version: Some(keras_version.to_owned()),
            functions: Some(self.functions.clone()),
        })
    }

    /// The checkpoint.
    pub fn weights(&self) -> Result<SavedObjects, Problem> {
        let prefix = self.folder.join("variables").join("variables");
        let checkpoint = Checkpoint::open(&prefix).map_err(|error| container_problem(&error))?;
        let names = self.metadata.names(checkpoint.objects());
        Ok(SavedObjects::new(checkpoint, names))
    }
}

/// The model's `class_name` and `config`, out of its metadata.
fn revive(identifier: &str, root: &Value, functions: &str) -> Result<Value, Problem> {
    let models = [root, &root["model_config"]];
    let model = models
        .into_iter()
        .find(|model| model["config"]["layers"].is_array() || model["config"].is_array());
    let class = root["class_name"].as_str().unwrap_or("Model");
    let Some(model) = model else {
        let name = root["name"].as_str().unwrap_or("model");
        let what = match identifier {
            "_tf_keras_model" => "a model written as a Python subclass, which keeps no layers",
            "_tf_keras_sequential" | "_tf_keras_network" => "a model that keeps no config",
            _ => "an object that is no model",
        };
        return Err(Problem::new(ProblemKind::Config)
            .at(name, class)
            .key("config")
            .expected("a functional or sequential model")
            .found(format!("{what}; the file has the functions {functions}"))
            .help("rebuild the model out of layers in Python, and save that"));
    };
    let mut config = model["config"].clone();
    // A Sequential without an input layer was built by a call.
    if let Some(entries) = config.as_object_mut()
        && !entries.contains_key("build_input_shape")
        && !root["build_input_shape"].is_null()
    {
        let shape = root["build_input_shape"].clone();
        entries.insert("build_input_shape".into(), shape);
    }
    name_layers(&mut config);
    Ok(serde_json::json!({"class_name": class, "config": config}))
}

/// Gives the layers whose classes left their names out of the config those of their classes, under
/// which they are reported.
fn name_layers(config: &mut Value) {
    let layers = match config {
        Value::Object(entries) => entries.get_mut("layers"),
        list => Some(list),
    };
    let layers = layers.and_then(Value::as_array_mut).into_iter().flatten();
    for layer in layers.filter_map(Value::as_object_mut) {
        let class = layer.get("class_name").cloned().unwrap_or_default();
        let Some(config) = layer.get_mut("config") else {
            continue;
        };
        name_layers(config);
        if config.is_object() && config.get("name").is_none() {
            layer.entry("name").or_insert(class);
        }
    }
}

/// The functions that users are meant to call, as people write them.
fn signatures(saved: &MetaGraph) -> String {
    let functions = saved.signatures.iter();
    // One that starts up TensorFlow has no tensors.
    let functions = functions.filter(|(name, _)| !name.starts_with("__saved_model"));
    let functions: Vec<String> = functions.map(|(name, f)| signature(name, f)).collect();
    if functions.is_empty() {
        return "(none)".to_owned();
    }
    functions.join(", ")
}

fn signature(name: &str, function: &Signature) -> String {
    let list = |tensors: &BTreeMap<String, TensorInfo>| {
        let tensors = tensors.iter().map(|(name, tensor)| {
            let dtype = match dtype(tensor.dtype) {
                Some(dtype) => dtype.name().to_owned(),
                None => format!("type {} of TensorFlow's", tensor.dtype),
            };
            format!("{name}: {dtype} {}", shape(tensor.shape.as_ref()))
        });
        tensors.collect::<Vec<_>>().join(", ")
    };
    format!(
        "{name}({}) -> ({})",
        list(&function.inputs),
        list(&function.outputs)
    )
}

fn shape(shape: Option<&TensorShape>) -> String {
    match shape {
        Some(shape) if !shape.unknown_rank => {
            let dims = shape.dims.iter().map(|dim| usize::try_from(dim.size).ok());
            Shape(dims.collect()).to_string()
        }
        _ => "of any shape".to_owned(),
    }
}
