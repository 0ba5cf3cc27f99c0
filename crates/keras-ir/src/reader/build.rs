//! From a config to the graph's models, layers and calls; no weights yet.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::nodes::{Node, Reference};
use super::resolve::{Resolvable, Site, resolve};
use crate::graph::{Call, Layer, LayerId, LayerKind, Model, ModelClass, ModelId, Tensor, TensorId};
use crate::json;
use crate::layer;
use crate::layer::operation::{self, Operation};
use crate::problem::{Problem, ProblemKind};
use crate::shape::{Kind, Shape, Spec};
use crate::version::Writer;

/// Builds models out of configs.
pub(super) struct Builder {
    pub writer: Writer,
    pub models: Vec<Model>,
    pub layers: Vec<Layer>,
    pub problems: Vec<Problem>,
    pub notes: Vec<String>,
    /// The paths of layers that were refused before, and about which nothing more is said.
    pub refused: HashSet<String>,
}

/// A layer's entry in a config.
pub(super) struct Entry {
    pub name: String,
    pub class: String,
    /// Of Keras 3's archives, where the class is.
    pub module: Option<String>,
    /// The options; of a model, its whole config.
    pub config: Value,
    pub nodes: Vec<Node>,
    pub shared_object_id: Option<i64>,
}

impl Entry {
    /// A reference to the output of the entry's only call.
    pub fn output(&self) -> Reference {
        Reference {
            layer: self.name.clone(),
            node: 0,
            tensor: 0,
        }
    }

    /// The arguments of a call that are no tensors and say something.
    fn literals(&self, node: usize) -> Vec<(String, Value)> {
        let options = self.nodes.get(node).into_iter().flat_map(|n| &n.options);
        let literals = options.filter(|(_, value)| !json::says_nothing(value));
        literals
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

/// A model before its calls are resolved.
pub(super) struct Draft<'a> {
    pub name: &'a str,
    pub path: &'a str,
    pub class: ModelClass,
    pub trainable: bool,
    pub entries: Vec<Entry>,
    /// The layers of the entries.
    pub ids: Vec<LayerId>,
    pub output_keys: Vec<String>,
    pub deferred: bool,
    /// Whether the order of the config is that of the layers: not what the graph gives, in a
    /// Sequential of Keras 1 that begins with a `Merge`.
    pub in_order: bool,
}

impl Builder {
    pub fn new(writer: Writer) -> Self {
        Self {
            writer,
            models: Vec::new(),
            layers: Vec::new(),
            problems: Vec::new(),
            notes: Vec::new(),
            refused: HashSet::new(),
        }
    }

    /// Builds the model whose config is `config`; `path` ends with `/` inside of another model.
    /// The models inside get lower ids than those around them.
    pub fn model(
        &mut self,
        class: &str,
        config: &Value,
        name: Option<&str>,
        path: &str,
    ) -> Option<ModelId> {
        let own_name = config["name"].as_str().or(name).unwrap_or("model");
        let layers = match config {
            // Keras 2.0 to 2.2.2 wrote a Sequential as a bare list.
            Value::Array(layers) => layers,
            _ => match config["layers"].as_array() {
                Some(layers) => layers,
                None => {
                    self.problems.push(
                        Problem::new(ProblemKind::Config)
                            .at(format!("{path}{own_name}"), class)
                            .key("layers")
                            .expected("a list of layers")
                            .found(json::brief(&config["layers"]))
                            .help(
                                "models written as Python subclasses keep no graph in the file; \
                                 save a functional or sequential model",
                            ),
                    );
                    return None;
                }
            },
        };
        if config["input_layers"].is_null() {
            self.sequential(own_name, config, layers, path)
        } else {
            self.functional(own_name, config, layers, path)
        }
    }

    /// Reads an entry of a list of layers.
    pub(super) fn entry(&mut self, value: &Value, path: &str) -> Option<Entry> {
        // Keras 3 has the package of a class beside its name, but not in HDF5.
        let registered = value["registered_name"].as_str();
        let own = registered.filter(|name| name.starts_with(layer::PACKAGE));
        let class = own.or(value["class_name"].as_str());
        let config = &value["config"];
        let name = value["name"].as_str().or(config["name"].as_str());
        // A Sequential of early Keras 2 has a list for its config, and so no name.
        let name = name.or((class == Some("Sequential")).then_some("sequential"));
        match (class, name) {
            (Some(class), Some(name)) if config.is_object() || config.is_array() => Some(Entry {
                name: name.to_owned(),
                class: class.to_owned(),
                module: value["module"].as_str().map(str::to_owned),
                config: config.clone(),
                nodes: Vec::new(),
                shared_object_id: value["shared_object_id"].as_i64(),
            }),
            _ => {
                let mut problem = Problem::new(ProblemKind::Config)
                    .key("layers")
                    .expected("a layer with class_name, name and config")
                    .found(json::brief(value));
                if !path.is_empty() {
                    problem.layer = Some(path.trim_end_matches('/').to_owned());
                }
                self.problems.push(problem);
                None
            }
        }
    }

    /// Makes the layer of an entry.
    pub(super) fn layer(&mut self, entry: &Entry, path: &str) -> LayerId {
        let layer_path = format!("{path}{}", entry.name);
        let is_model = entry.config.is_array() || !entry.config["layers"].is_null();
        let config = match &entry.config {
            Value::Object(config) if !is_model => config.clone(),
            _ => Map::new(),
        };
        let is_operation = self.is_operation(entry);
        let kind = if entry.class == "InputLayer" {
            LayerKind::Input
        } else if self.refused.contains(&layer_path) {
            LayerKind::Unknown
        } else if is_model {
            let inside = format!("{layer_path}/");
            match self.model(&entry.class, &entry.config, Some(&entry.name), &inside) {
                Some(model) => LayerKind::Model(model),
                None => LayerKind::Unknown,
            }
        } else if is_operation {
            self.operation(entry, &config, &layer_path)
        } else if layer::wrapper::CLASSES.contains(&entry.class.as_str()) {
            self.wrapper(entry, &config, &layer_path)
        } else {
            self.plain(&entry.class, &config, &layer_path)
        };
        self.check_dtype(layer::shown(&entry.class), &config, &layer_path);
        self.layers.push(Layer {
            name: entry.name.clone(),
            path: layer_path,
            class: layer::shown(&entry.class).to_owned(),
            kind,
            trainable: entry.config["trainable"].as_bool().unwrap_or(true),
            config,
            shared_object_id: entry.shared_object_id,
            weights: Vec::new(),
        });
        LayerId(self.layers.len() - 1)
    }

    fn plain(&mut self, class: &str, config: &Map<String, Value>, path: &str) -> LayerKind {
        match layer::LayerKind::read(class, config, self.writer) {
            Some((kind, problems)) => {
                let shown = layer::shown(class);
                let malformed = problems.iter().any(|p| p.kind == ProblemKind::Config);
                let problems = problems.into_iter().map(|problem| problem.at(path, shown));
                self.problems.extend(problems);
                if malformed {
                    // Its weights and shapes cannot be told.
                    return LayerKind::Unknown;
                }
                let notes = kind.layer().notes().into_iter();
                let notes = notes.map(|note| format!("{path} ({shown}): {note}"));
                self.notes.extend(notes);
                LayerKind::Layer(kind)
            }
            None => {
                let help = if class == "Lambda" {
                    "a Lambda holds Python bytecode, which is never run; \
                     save the model with built-in layers instead"
                } else {
                    "either a custom layer, or one of Keras's that burn-keras does not read yet"
                };
                self.problems.push(
                    Problem::new(ProblemKind::UnknownLayer)
                        .at(path, layer::shown(class))
                        .key("class_name")
                        .expected("a layer class that burn-keras reads (see the README)")
                        .found(layer::shown(class))
                        .help(help),
                );
                LayerKind::Unknown
            }
        }
    }

    /// A wrapper and its parts.
    fn wrapper(&mut self, entry: &Entry, config: &Map<String, Value>, path: &str) -> LayerKind {
        let read = layer::Wrapper::read(&entry.class, config, self.writer);
        let Some((wrapper, parts, problems)) = read else {
            return LayerKind::Unknown;
        };
        let is_broken = !problems.is_empty();
        let problems = problems.into_iter();
        self.problems
            .extend(problems.map(|problem| problem.at(path, &entry.class)));
        if is_broken {
            return LayerKind::Unknown;
        }
        let inside = format!("{path}/");
        let mut ids = Vec::with_capacity(parts.len());
        for part in parts {
            let Some(of_part) = self.entry(&part.entry, &inside) else {
                return LayerKind::Unknown;
            };
            if of_part.class == "InputLayer" {
                self.problems.push(
                    Problem::new(ProblemKind::Config)
                        .at(path, &entry.class)
                        .expected("a layer to wrap")
                        .found("an InputLayer"),
                );
                return LayerKind::Unknown;
            }
            let id = self.layer(&of_part, &inside);
            // Parts live beside the layers of the model: they are called after the wrapper.
            self.layers[id.0].name = match part.role.as_str() {
                "" => entry.name.clone(),
                role => format!("{}_{role}", entry.name),
            };
            ids.push(id);
        }
        LayerKind::Wrapper(wrapper, ids)
    }

    /// Whether an entry is an operation.
    ///
    /// Operation nodes of Keras 3 share class names with layers (`Add`, `Concatenate`), but lack
    /// the flag that layers have. Some layers lack it too (`SpatialDropout1D`), and some
    /// operations have a dtype (`ZerosLike`). `.keras` archives name the module as well.
    pub(super) fn is_operation(&self, entry: &Entry) -> bool {
        let class = entry.class.as_str();
        if operation::WRAPPERS.contains(&class) {
            return true;
        }
        let Value::Object(config) = &entry.config else {
            return false;
        };
        let is_layer = layer::classes().any(|known| known == class);
        self.writer.generation.is_keras3()
            && class != "InputLayer"
            && !config.contains_key("layers")
            && !config.contains_key("trainable")
            && (!config.contains_key("dtype") || !is_layer)
    }

    /// An operation: its operands stand in its call, not in its config.
    fn operation(&mut self, entry: &Entry, config: &Map<String, Value>, path: &str) -> LayerKind {
        let title = Operation::title(&entry.class, config);
        let is_wrapped = operation::WRAPPERS.contains(&entry.class.as_str());
        let mut calls = entry.nodes.iter().filter_map(|node| node.call.as_ref());
        let first = calls.next().cloned().unwrap_or_default();
        if calls.any(|call| *call != first) {
            self.problems.push(
                Problem::new(ProblemKind::UnsupportedOption)
                    .at(path, title)
                    .key("inbound_nodes")
                    .expected("calls of an operation with the same constants")
                    .found("others"),
            );
            return LayerKind::Unknown;
        }
        let read = if is_wrapped {
            Operation::of_tensorflow(&entry.class, config, &first)
        } else {
            Operation::of_keras(&entry.class, entry.module.as_deref(), config, &first)
        };
        match read {
            Some(Ok(operation)) => LayerKind::Operation(Box::new(operation)),
            Some(Err(problems)) => {
                let problems = problems.into_iter();
                self.problems
                    .extend(problems.map(|problem| problem.at(path, &title)));
                LayerKind::Unknown
            }
            None => {
                self.problems.push(
                    Problem::new(ProblemKind::UnknownLayer)
                        .at(path, &title)
                        .key("class_name")
                        .expected("an operation that burn-keras reads (see docs/operations.md)")
                        .found(&title)
                        .help("save the model with built-in layers, or with other operations"),
                );
                LayerKind::Unknown
            }
        }
    }

    /// Reduced precision is computed in float32, which users should know; quantised weights are
    /// refused.
    fn check_dtype(&mut self, class: &str, config: &Map<String, Value>, path: &str) {
        let Some(dtype) = config.get("dtype") else {
            return;
        };
        let policy = dtype["config"]["name"].as_str().or(dtype.as_str());
        let reduced = [
            "mixed_float16",
            "mixed_bfloat16",
            "float16",
            "bfloat16",
            "float64",
        ];
        if let Some(policy) = policy.filter(|policy| reduced.contains(policy)) {
            self.notes.push(format!(
                "{path} ({class}): dtype policy {policy} is computed in float32"
            ));
        }
        if dtype["config"].get("mode").is_some() {
            self.problems.push(
                Problem::new(ProblemKind::UnsupportedOption)
                    .at(path, class)
                    .key("dtype")
                    .expected("a floating-point dtype policy")
                    .found(json::brief(dtype)),
            );
        }
    }

    /// Resolves the calls of a draft and makes the model.
    pub(super) fn connect(
        &mut self,
        draft: &Draft<'_>,
        inputs: &[Reference],
        outputs: &[Reference],
    ) -> ModelId {
        let resolvable: Vec<Resolvable<'_>> = draft
            .entries
            .iter()
            .zip(&draft.ids)
            .map(|(entry, id)| {
                let is_model = matches!(self.layers[id.0].kind, LayerKind::Model(_));
                Resolvable {
                    name: &entry.name,
                    class: &entry.class,
                    nodes: &entry.nodes,
                    is_shared: entry.shared_object_id.is_some(),
                    is_input: entry.class == "InputLayer",
                    is_model,
                    is_keras3_functional: is_model
                        && self.writer.generation.is_keras3()
                        && !entry.config["input_layers"].is_null(),
                }
            })
            .collect();
        let resolved = resolve(&resolvable, inputs, outputs, draft.path, &mut self.problems);
        for (layer, node) in &resolved.unused {
            self.notes.push(format!(
                "{}{}: call {node} leads to no output and is left out",
                draft.path, draft.entries[*layer].name
            ));
        }

        let mut tensors = Tensors::default();
        let mut input_layers = Vec::new();
        let mut input_tensors = Vec::new();
        for site in &resolved.inputs {
            let entry = &draft.entries[site.layer];
            let spec = self.input_spec(entry, draft);
            input_tensors.push(tensors.add(*site, draft.ids[site.layer], spec));
            input_layers.push(draft.ids[site.layer]);
        }
        // How many outputs of a call are looked at; what it really has, inference knows.
        let mut counts: HashMap<(usize, usize), usize> = HashMap::new();
        let needed = resolved.calls.iter().flat_map(|call| &call.order);
        for site in needed.chain(&resolved.outputs) {
            let count = counts.entry((site.layer, site.node)).or_insert(1);
            *count = (*count).max(site.tensor.saturating_add(1));
        }
        let mut calls = Vec::with_capacity(resolved.calls.len());
        for call in &resolved.calls {
            let layer = draft.ids[call.layer];
            let count = counts.get(&(call.layer, call.node)).copied().unwrap_or(1);
            if count > MOST_OUTPUTS {
                self.problems.push(
                    Problem::new(ProblemKind::BrokenConnection)
                        .at(&self.layers[layer.0].path, &self.layers[layer.0].class)
                        .expected(format!("at most {MOST_OUTPUTS} outputs"))
                        .found(format!("a reference to output {}", count - 1)),
                );
                continue;
            }
            calls.push(Call {
                layer,
                node: call.node,
                order: tensors.all(&call.order),
                inputs: tensors.all(&call.inputs),
                named: call
                    .named
                    .iter()
                    .map(|(name, sites)| {
                        let sites = sites.iter();
                        let found = sites.map(|site| site.map(|site| tensors.at(site)));
                        (name.clone(), found.collect())
                    })
                    .collect(),
                literals: draft.entries[call.layer].literals(call.node),
                outputs: (0..count)
                    .map(|tensor| {
                        let site = Site {
                            layer: call.layer,
                            node: call.node,
                            tensor,
                        };
                        tensors.add(site, layer, Spec::float(Vec::new()))
                    })
                    .collect(),
            });
        }
        let outputs = tensors.all(&resolved.outputs);
        let mut model = Model {
            name: draft.name.to_owned(),
            class: draft.class,
            trainable: draft.trainable,
            layers: Vec::new(),
            calls,
            tensors: tensors.tensors,
            inputs: input_tensors,
            outputs,
            input_layers,
            output_keys: draft.output_keys.clone(),
            deferred: draft.deferred,
        };
        model.layers = match draft.class {
            // `model.layers` of a Sequential hides its input.
            ModelClass::Sequential => draft.ids[1..].to_vec(),
            ModelClass::Functional if draft.in_order => draft.ids.clone(),
            ModelClass::Functional => crate::graph::keras_order(&model),
        };
        self.models.push(model);
        ModelId(self.models.len() - 1)
    }

    /// The shape and kind that an input layer declares.
    fn input_spec(&mut self, entry: &Entry, draft: &Draft<'_>) -> Spec {
        let config = &entry.config;
        let declared = ["batch_shape", "batch_input_shape"]
            .iter()
            .map(|key| &config[*key])
            .find(|value| !value.is_null())
            .unwrap_or(&Value::Null);
        let shape = read_shape(declared);
        if shape.is_none() && !draft.deferred {
            self.problems.push(
                Problem::new(ProblemKind::Config)
                    .at(format!("{}{}", draft.path, entry.name), &entry.class)
                    .key("batch_shape")
                    .expected("the shape of the input, batch axis first")
                    .found(json::brief(declared)),
            );
        }
        let dtype = &config["dtype"];
        let dtype = dtype.as_str().or(dtype["config"]["name"].as_str());
        let kind = Kind::of_dtype(dtype.unwrap_or("float32"));
        if kind.is_none() {
            self.problems.push(
                Problem::new(ProblemKind::UnsupportedOption)
                    .at(format!("{}{}", draft.path, entry.name), &entry.class)
                    .key("dtype")
                    .expected("a floating-point, integer or boolean dtype")
                    .found(dtype.unwrap_or_default()),
            );
        }
        Spec {
            shape: Shape(shape.unwrap_or_default()),
            kind: kind.unwrap_or(Kind::Float),
        }
    }
}

/// More outputs than any layer has; a reference beyond is an attack on memory.
const MOST_OUTPUTS: usize = 1 << 12;

/// The tensors of a model by their sites.
#[derive(Default)]
struct Tensors {
    tensors: Vec<Tensor>,
    by_site: HashMap<Site, TensorId>,
}

impl Tensors {
    fn add(&mut self, site: Site, layer: LayerId, spec: Spec) -> TensorId {
        let id = TensorId(self.tensors.len());
        self.tensors.push(Tensor {
            layer,
            node: site.node,
            index: site.tensor,
            spec,
        });
        self.by_site.insert(site, id);
        id
    }

    /// The tensors at `sites`; those of broken references stay without a shape.
    fn all(&mut self, sites: &[Site]) -> Vec<TensorId> {
        sites.iter().map(|site| self.at(*site)).collect()
    }

    fn at(&mut self, site: Site) -> TensorId {
        match self.by_site.get(&site) {
            Some(id) => *id,
            None => self.add(site, LayerId(0), Spec::float(Vec::new())),
        }
    }
}

pub(super) fn read_shape(value: &Value) -> Option<Vec<Option<usize>>> {
    let dims = value.as_array().filter(|dims| !dims.is_empty())?;
    dims.iter()
        .map(|dim| match dim {
            Value::Null => Some(None),
            size => Some(Some(usize::try_from(size.as_u64()?).ok()?)),
        })
        .collect()
}
