//! Files of Keras 1 (1.0 to 1.2.2): their configs in the words of Keras 2, and their weights in its
//! layouts.
//!
//! Whole models are saved from 1.0.7 on. They do not say on which backend, on which numbers
//! depend: Theano turns the kernels of convolutions round and has borders of its own. The names of
//! the weights tell it: those of TensorFlow's variables end in `:0`.

mod classes;
mod merge;
mod sequential;
mod weights;

use serde_json::Value;

use super::Weights;
use crate::container::Container;
use crate::json;
use crate::problem::{Problem, ProblemKind};

pub(super) use sequential::IN_ORDER;
pub(super) use weights::{convert, saved_specs, tell_shared_axes};

/// What is known of the installation that wrote a file.
pub(super) struct Origin {
    /// Whether Theano computed the model.
    pub theano: bool,
    /// What told it.
    told_by: Option<&'static str>,
    version: [u32; 3],
    /// The layers that have groups of weights, in Keras's order.
    layer_names: Vec<String>,
    /// The data formats that the config names.
    data_formats: Vec<&'static str>,
}

impl Origin {
    /// Looks at the lists of weights, if there are any, and at the config.
    pub fn of(saved: Option<Weights<'_>>, config: &Value, version: Option<&str>) -> Self {
        let (layer_names, name) = match saved {
            Some(Weights::Groups(file, group)) => {
                let layer_names = list(file, group, "layer_names");
                let mut names = layer_names
                    .iter()
                    .flat_map(|layer| list(file, &format!("{group}/{layer}"), "weight_names"));
                let name = names.next();
                (layer_names, name)
            }
            _ => (Vec::new(), None),
        };
        // What Keras 2 writes beside the weights, and a tool may have added.
        let backend = saved.and_then(Weights::backend);
        let (theano, told_by) = match (backend, name) {
            (Some(backend), _) => (backend == "theano", Some("its attribute tells")),
            (None, Some(name)) => (!name.ends_with(":0"), Some("the names of its weights tell")),
            (None, None) => (false, None),
        };
        Self {
            theano,
            told_by,
            version: version_numbers(version),
            data_formats: [("th", "channels_first"), ("tf", "channels_last")]
                .into_iter()
                .filter(|(ordering, _)| mentions(config, ordering))
                .map(|(_, format)| format)
                .collect(),
            layer_names,
        }
    }

    /// The format of a layer whose config does not tell: that of all other layers. If none tells,
    /// what Keras takes it for without a configuration of the user's.
    fn data_format(&self) -> Result<&'static str, Problem> {
        match self.data_formats.as_slice() {
            [one] => Ok(one),
            // `keras/backend/common.py`: `_IMAGE_DIM_ORDERING`.
            [] if self.version < [1, 1, 0] => Ok("channels_first"),
            [] => Ok("channels_last"),
            _ => Err(Problem::new(ProblemKind::UnsupportedOption)
                .key("dim_ordering")
                .expected("layers of one ordering of axes in the model")
                .found("layers of both orderings")
                .help(
                    "Keras 1 leaves it out of the config of this class; add \
                     \"dim_ordering\": \"tf\" or \"th\" to it in the attribute model_config",
                )),
        }
    }

    /// What users should know of how the file was read.
    fn note(&self) -> String {
        let (backend, kernels) = if self.theano {
            ("Theano", ": kernels of convolutions are turned round")
        } else {
            ("TensorFlow", "")
        };
        match self.told_by {
            Some(told) => format!("read as a model of Keras 1 on {backend}, as {told}{kernels}"),
            None => format!(
                "read as a model of Keras 1 on {backend}: it has no weights, whose names would tell"
            ),
        }
    }
}

/// The three numbers of a version; zeros where there are none.
fn version_numbers(version: Option<&str>) -> [u32; 3] {
    let parts = version.unwrap_or_default().split('.');
    let mut numbers = parts.map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

fn list(file: &dyn Container, path: &str, key: &str) -> Vec<String> {
    let list = file.string_list_attribute(path, key);
    list.ok().flatten().unwrap_or_default()
}

/// Whether `dim_ordering` is `ordering` anywhere in a config.
fn mentions(config: &Value, ordering: &str) -> bool {
    match config {
        Value::Object(entries) => {
            let named = entries.get("dim_ordering").and_then(Value::as_str);
            named == Some(ordering) || entries.values().any(|value| mentions(value, ordering))
        }
        Value::Array(items) => items.iter().any(|item| mentions(item, ordering)),
        _ => false,
    }
}

/// A model's class and config in the words of Keras 2. What has no equal there is reported, and
/// stays as it is.
pub(super) fn translate(
    class: &str,
    config: &Value,
    origin: &Origin,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<String>,
) -> (String, Value) {
    notes.push(origin.note());
    let mut translator = Translator {
        origin,
        problems,
        notes,
    };
    let model = translator.model(class, config, "", Some(&origin.layer_names));
    (model.class.into(), model.config)
}

/// A model in the words of Keras 2.
struct Translated {
    class: &'static str,
    config: Value,
}

struct Translator<'a> {
    origin: &'a Origin,
    problems: &'a mut Vec<Problem>,
    notes: &'a mut Vec<String>,
}

impl Translator<'_> {
    /// A model, whose layers have paths that start with `path`. `groups` are the names of the
    /// groups of weights, if it is the outermost.
    fn model(
        &mut self,
        class: &str,
        config: &Value,
        path: &str,
        groups: Option<&[String]>,
    ) -> Translated {
        match config {
            Value::Array(layers) => self.sequential(layers, path, groups),
            _ if class == "Sequential" => {
                let layers = config["layers"].as_array();
                self.sequential(layers.map_or(&[][..], Vec::as_slice), path, groups)
            }
            _ => {
                let mut config = config.clone();
                let layers = config.get_mut("layers").and_then(Value::as_array_mut);
                for entry in layers.into_iter().flatten() {
                    self.entry(entry, path);
                }
                Translated {
                    class: "Model",
                    config,
                }
            }
        }
    }

    /// Translates an entry of a list of layers, in its place.
    fn entry(&mut self, entry: &mut Value, path: &str) {
        let class = entry["class_name"].as_str().unwrap_or_default().to_owned();
        let name = entry["name"].as_str().or(entry["config"]["name"].as_str());
        let path = format!("{path}{}", name.unwrap_or(&class));
        if is_model(&class) {
            let inside = format!("{path}/");
            let model = self.model(&class, &entry["config"], &inside, None);
            entry["class_name"] = model.class.into();
            entry["config"] = model.config;
            return;
        }
        let Some(old) = entry["config"].as_object() else {
            return; // reported where it is read
        };
        match classes::layer(&class, old, self.origin) {
            Ok((new, mut config)) => {
                if classes::tells_no_format(new, old) {
                    let taken = match self.origin.data_formats.as_slice() {
                        [] => "Keras's default",
                        _ => "that of the other layers",
                    };
                    self.notes.push(format!(
                        "{path} ({class}): the ordering of its axes is not in the file, and taken \
                         to be {taken}, {}",
                        config["data_format"].as_str().unwrap_or_default()
                    ));
                }
                if class == "Embedding" && old.get("dropout").and_then(json::number) > Some(0.0) {
                    self.notes.push(format!(
                        "{path} ({class}): its dropout acts in training alone and is not applied \
                         there yet"
                    ));
                }
                if let Some(wrapped) = config.get_mut("layer") {
                    self.entry(wrapped, &format!("{path}/"));
                }
                entry["class_name"] = new.into();
                entry["config"] = Value::Object(config);
            }
            Err(problem) => self.problems.push(problem.at(path, class)),
        }
    }
}

fn is_model(class: &str) -> bool {
    matches!(class, "Sequential" | "Model" | "Container")
}
