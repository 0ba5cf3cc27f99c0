//! `.keras` archives: `config.json`, `metadata.json` and the weights.

use std::path::Path;

use serde_json::{Value, json};

use super::{Architecture, container_problem, parse};
use crate::container::{Archive, H5File};
use crate::problem::{Problem, ProblemKind};

/// The member with the weights.
pub(crate) const WEIGHTS: &str = "model.weights.h5";

/// Opens the archive at `path`.
pub(super) fn open(path: &Path) -> Result<Archive, Problem> {
    Archive::open(path).map_err(|error| container_problem(&error))
}

/// The architecture of an archive.
pub(super) fn architecture(archive: &Archive) -> Result<Architecture, Problem> {
    let member = |name: &str| {
        archive
            .text(name)
            .map_err(|error| {
                let problem = container_problem(&error).key(name);
                problem.expected("a .keras archive, which holds this file")
            })
            .and_then(|text| parse(name, &text))
    };
    let config = member("config.json")?;
    let metadata = member("metadata.json")?;
    let Some(keras_version) = metadata["keras_version"].as_str() else {
        return Err(Problem::new(ProblemKind::Config)
            .key("metadata.json: keras_version")
            .expected("the version of Keras that saved the model")
            .found("no such key"));
    };
    Ok(Architecture {
        training_config: training_config(&config["compile_config"]),
        config,
        keras_version: Some(keras_version.to_owned()),
        functions: None,
    })
}

/// The weights of an archive.
pub(super) fn weights(archive: &Archive) -> Result<H5File, Problem> {
    if !archive.has(WEIGHTS) {
        return Err(Problem::new(ProblemKind::MissingWeight)
            .key(WEIGHTS)
            .expected("the weights of the model")
            .found("no such member"));
    }
    let bytes = archive.member(WEIGHTS);
    bytes
        .and_then(|bytes| H5File::from_view(format!("{}: {WEIGHTS}", archive.name()), bytes))
        .map_err(|error| container_problem(&error))
}

/// A `compile_config` with the key that legacy files have for the optimizer.
pub(super) fn training_config(compiled: &Value) -> Option<Value> {
    let mut config = compiled.as_object()?.clone();
    let optimizer = match config.remove("optimizer")? {
        Value::String(name) => json!({"class_name": name, "config": {}}),
        object => object,
    };
    config.insert("optimizer_config".into(), optimizer);
    Some(Value::Object(config))
}
