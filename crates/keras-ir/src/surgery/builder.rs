//! A functional builder: new inputs, new layers, calls of old and new ones.

use serde_json::{Map, Value};

use crate::graph::{
    Call, Graph, Layer, LayerId, LayerKind, Model, ModelClass, ModelId, Tensor, TensorId,
};
use crate::problem::{Problem, ProblemKind, Report};
use crate::reader::read_layer;
use crate::shape::{Kind, Shape, Spec};
use crate::version::Writer;

use super::cut::add_input;
use super::merge::{append, take_in};
use super::names::unique_name;
use super::place::{End, layers};
use super::settle::settle_fresh;
use super::training::settle_losses;

/// A new layer: its Keras class and config.
///
/// The config has the options that `get_config()` writes; what it does not say has Keras's default,
/// the name too. Weights are made by the initializers of the config, from a seed.
///
/// ```
/// use keras_ir::surgery::NewLayer;
/// use serde_json::json;
///
/// let head = NewLayer::new("Dense", json!({"name": "head", "units": 10, "activation": "softmax"}));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLayer {
    /// Keras's class.
    pub class: String,
    /// Keras's config.
    pub config: Value,
}

impl NewLayer {
    /// A layer of `class` with the options `config`.
    pub fn new(class: impl Into<String>, config: Value) -> Self {
        Self {
            class: class.into(),
            config,
        }
    }
}

/// A graph that grows: Keras's functional API.
///
/// Tensors and layers are those of the outermost model. What no output needs is left out in the end.
///
/// ```
/// use keras_ir::surgery::{Builder, NewLayer};
/// use serde_json::json;
///
/// let mut builder = Builder::new("classifier");
/// let image = builder.input("image", &[None, Some(8)], "float32")?;
/// let dense = builder.layer(&NewLayer::new("Dense", json!({"units": 8, "activation": "relu"})))?;
/// // One layer, called twice: one set of weights.
/// let hidden = builder.call(dense, &[image])?;
/// let hidden = builder.call(dense, &hidden)?;
/// let graph = builder.finish(&hidden)?;
/// assert_eq!(graph.variables().len(), 2);
/// # Ok::<(), keras_ir::Report>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    graph: Graph,
    before: Graph,
    seed: u64,
}

impl Builder {
    /// A model of Keras 3 with nothing in it.
    pub fn new(name: impl Into<String>) -> Self {
        let version = "3.15.1";
        let graph = Graph {
            file: String::new(),
            generation: Writer::of_version(Some(version)).generation,
            keras_version: Some(version.to_owned()),
            models: vec![Model {
                name: name.into(),
                class: ModelClass::Functional,
                trainable: true,
                layers: Vec::new(),
                calls: Vec::new(),
                tensors: Vec::new(),
                inputs: Vec::new(),
                outputs: Vec::new(),
                input_layers: Vec::new(),
                output_keys: Vec::new(),
                deferred: false,
            }],
            layers: Vec::new(),
            root: ModelId(0),
            training_config: None,
            optimizer: Ok(None),
            notes: Vec::new(),
        };
        Self::of(graph)
    }

    /// Goes on from a graph: its tensors and layers can be called.
    pub fn of(mut graph: Graph) -> Self {
        let before = graph.clone();
        let root = graph.root;
        graph.models[root.0].class = ModelClass::Functional;
        Self {
            graph,
            before,
            seed: 0,
        }
    }

    /// The seed of new weights; 0 by default.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    fn root(&mut self) -> &mut Model {
        let root = self.graph.root;
        &mut self.graph.models[root.0]
    }

    fn tensor(&mut self, layer: LayerId, node: usize, index: usize, spec: Spec) -> TensorId {
        let tensors = &mut self.root().tensors;
        tensors.push(Tensor {
            layer,
            node,
            index,
            spec,
        });
        TensorId(tensors.len() - 1)
    }

    /// A new input: its shape, batch axis first, and Keras's dtype.
    ///
    /// # Errors
    ///
    /// A name that is taken; a dtype that is neither of numbers nor of booleans.
    pub fn input(
        &mut self,
        name: &str,
        shape: &[Option<usize>],
        dtype: &str,
    ) -> Result<TensorId, Report> {
        let Some(kind) = Kind::of_dtype(dtype).filter(|_| !shape.is_empty()) else {
            return Err(self.graph.refuse(
                Problem::new(ProblemKind::UnsupportedOption)
                    .at(name, "InputLayer")
                    .expected("a dtype of numbers or booleans, and a shape with the batch axis")
                    .found(format!("{dtype} of shape {shape:?}")),
            ));
        };
        self.check_name(name, "InputLayer")?;
        let spec = Spec {
            shape: Shape(shape.to_vec()),
            kind,
        };
        let layer = add_input(&mut self.graph, name, &spec);
        let config = &mut self.graph.layers[layer.0].config;
        config.insert("dtype".into(), dtype.into());
        let tensor = self.tensor(layer, 0, 0, spec);
        let root = self.root();
        root.inputs.push(tensor);
        root.input_layers.push(layer);
        root.layers.push(layer);
        Ok(tensor)
    }

    fn is_taken(&self, name: &str) -> bool {
        let root = self.graph.root();
        let called = root.calls.iter().map(|call| call.layer);
        let mut all = layers(root).chain(called);
        all.any(|layer| self.graph.layer(layer).name == name)
    }

    pub(super) fn graph_mut(&mut self) -> &mut Graph {
        &mut self.graph
    }

    /// Lets the outermost model know of a layer.
    pub(super) fn add_to_root(&mut self, layer: LayerId) {
        self.root().layers.push(layer);
    }

    pub(super) fn check_name(&self, name: &str, class: &str) -> Result<(), Report> {
        if !name.is_empty() && !self.is_taken(name) {
            return Ok(());
        }
        let problem = Problem::new(ProblemKind::Surgery)
            .at(name, class)
            .key("name");
        let problem = problem.expected("a name that no other layer of the model has");
        Err(self.graph.refuse(problem.found(name)))
    }

    /// A new layer, not yet called. Without a name it gets the one that Keras gives.
    ///
    /// # Errors
    ///
    /// A class that is not known, options that are not supported, a name that is taken.
    pub fn layer(&mut self, new: &NewLayer) -> Result<LayerId, Report> {
        let name = match new.config["name"].as_str() {
            Some(name) => name.to_owned(),
            None => unique_name(&snake_case(&new.class), |name| self.is_taken(name)),
        };
        self.check_name(&name, &new.class)?;
        let id = add_layer(&mut self.graph, new, &name)?;
        self.root().layers.push(id);
        Ok(id)
    }

    /// A whole model as a layer, with its weights; not yet called.
    ///
    /// # Errors
    ///
    /// A model of another generation of Keras; a name that is taken.
    pub fn model(&mut self, model: &Graph, name: &str) -> Result<LayerId, Report> {
        let of_model = model.root();
        let class = match of_model.class {
            ModelClass::Functional => "Functional",
            ModelClass::Sequential => "Sequential",
        };
        self.check_name(name, class)?;
        let taken = take_in(&mut self.graph, model);
        let (_, inner) = taken.map_err(|problem| self.graph.refuse(problem))?;
        self.graph.models[inner.0].name = name.to_owned();
        self.graph.layers.push(Layer {
            name: name.to_owned(),
            path: name.to_owned(),
            class: class.to_owned(),
            kind: LayerKind::Model(inner),
            trainable: of_model.trainable,
            config: Map::new(),
            shared_object_id: None,
            weights: Vec::new(),
        });
        let id = LayerId(self.graph.layers.len() - 1);
        self.root().layers.push(id);
        Ok(id)
    }

    /// A layer of the outermost model, or in one of its models, by its path.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn find(&self, path: &str) -> Result<LayerId, Report> {
        let found = self.graph.layer_at(path);
        found.map_err(|problem| self.graph.refuse(problem))
    }

    /// A tensor of the outermost model: see [`Graph::place`].
    ///
    /// # Errors
    ///
    /// When there is none, or it is in a nested model: [`Graph::extract`] gets it out.
    pub fn at(&self, place: &str) -> Result<TensorId, Report> {
        let found = self.graph.place(place);
        let found = found.map_err(|problem| self.graph.refuse(problem))?;
        let root = self.graph.root();
        let tensor = match found.end {
            _ if !found.calls.is_empty() => None,
            End::Input(position) => root.inputs.get(position),
            End::Output { call, index } => root
                .calls
                .get(call)
                .and_then(|call| call.outputs.get(index)),
        };
        tensor.copied().ok_or_else(|| {
            let problem = Problem::new(ProblemKind::Place).key(place);
            let problem = problem.expected("a tensor of the outermost model that is looked at");
            let found = self.graph.place_name(&found);
            self.graph
                .refuse(problem.found(found).help("extract it first"))
        })
    }

    /// The inputs of the model so far.
    pub fn inputs(&self) -> &[TensorId] {
        &self.graph.root().inputs
    }

    /// The outputs of the graph that the builder goes on from.
    pub fn outputs(&self) -> &[TensorId] {
        &self.graph.root().outputs
    }

    /// The type of a tensor.
    pub fn spec(&self, tensor: TensorId) -> Option<&Spec> {
        let tensor = self.graph.root().tensors.get(tensor.0);
        tensor.map(|tensor| &tensor.spec)
    }

    /// Calls a layer: all of its outputs.
    ///
    /// # Errors
    ///
    /// Inputs that the layer cannot take, or that are none of this model's tensors.
    pub fn call(&mut self, layer: LayerId, inputs: &[TensorId]) -> Result<Vec<TensorId>, Report> {
        self.call_with(layer, inputs, &[])
    }

    /// [`call`](Self::call), with tensors passed by name: `mask`, `initial_state`.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); names that the layer does not know.
    pub fn call_with(
        &mut self,
        layer: LayerId,
        inputs: &[TensorId],
        named: &[(&str, &[TensorId])],
    ) -> Result<Vec<TensorId>, Report> {
        let named: Vec<(String, Vec<TensorId>)> = named
            .iter()
            .map(|(name, tensors)| ((*name).to_owned(), tensors.to_vec()))
            .collect();
        let outputs = self.specs_of_call(layer, inputs, &named);
        let outputs = outputs.map_err(|problem| self.graph.refuse(problem))?;
        let calls = self.graph.root().calls.iter();
        let node = calls.filter(|call| call.layer == layer).count();
        let outputs = outputs.into_iter().enumerate();
        let outputs: Vec<TensorId> = outputs
            .map(|(index, spec)| self.tensor(layer, node, index, spec))
            .collect();
        let mut order = inputs.to_vec();
        order.extend(named.iter().flat_map(|(_, tensors)| tensors));
        let named = named.into_iter();
        self.root().calls.push(Call {
            layer,
            node,
            inputs: inputs.to_vec(),
            named: named
                .map(|(name, tensors)| (name, tensors.into_iter().map(Some).collect()))
                .collect(),
            order,
            literals: Vec::new(),
            outputs: outputs.clone(),
        });
        Ok(outputs)
    }

    fn specs_of_call(
        &self,
        id: LayerId,
        inputs: &[TensorId],
        named: &[(String, Vec<TensorId>)],
    ) -> Result<Vec<Spec>, Problem> {
        let problem = || Problem::new(ProblemKind::Surgery);
        let Some(layer) = self.graph.layers.get(id.0) else {
            return Err(problem()
                .expected("a layer of this model")
                .found("another one"));
        };
        let problem = || problem().at(&layer.path, &layer.class);
        let understood: &[&str] = match &layer.kind {
            LayerKind::Layer(kind) => kind.layer().tensor_arguments(),
            LayerKind::Wrapper(wrapper, _) => wrapper.wrapper().tensor_arguments(),
            LayerKind::Model(_) | LayerKind::Operation(_) => &[],
            LayerKind::Input | LayerKind::Unknown => {
                return Err(problem()
                    .expected("a layer that can be called")
                    .found("an input"));
            }
        };
        let mut given = inputs.to_vec();
        for (name, tensors) in named {
            if name != "mask" && !understood.contains(&name.as_str()) {
                return Err(problem()
                    .key(name)
                    .expected(format!("mask or one of {understood:?}"))
                    .found(name));
            }
            if name == "initial_state" {
                given.extend(tensors);
            }
        }
        let all = inputs
            .iter()
            .chain(named.iter().flat_map(|(_, tensors)| tensors));
        for tensor in all {
            if self.spec(*tensor).is_none() {
                return Err(problem()
                    .expected("tensors of this model")
                    .found("another one"));
            }
        }
        let specs = given
            .iter()
            .filter_map(|tensor| self.spec(*tensor).cloned());
        let specs: Vec<Spec> = specs.collect();
        self.graph.outputs_of(id, &specs)
    }

    /// The model with these outputs. What they do not need is left out, inputs included.
    ///
    /// # Errors
    ///
    /// Outputs that are none of this model's tensors; weights that do not fit, or for which there is
    /// no initializer.
    pub fn finish(mut self, outputs: &[TensorId]) -> Result<Graph, Report> {
        let known = self.graph.root().tensors.len();
        if outputs.is_empty() || outputs.iter().any(|tensor| tensor.0 >= known) {
            let problem = Problem::new(ProblemKind::Surgery).key("outputs");
            let problem = problem.expected("tensors of this model");
            return Err(self
                .graph
                .refuse(problem.found(format!("{} outputs", outputs.len()))));
        }
        let root = self.root();
        if root.outputs != outputs {
            root.output_keys.clear();
            root.outputs = outputs.to_vec();
        }
        super::cut::keep_needed_inputs(root);
        settle_losses(&mut self.graph, &self.before);
        settle_fresh(self.graph, &self.before, self.seed)
    }
}

/// Takes a new layer called `name` into a graph; it stands in no model yet.
pub(super) fn add_layer(graph: &mut Graph, new: &NewLayer, name: &str) -> Result<LayerId, Report> {
    let mut config = match &new.config {
        Value::Object(config) => config.clone(),
        _ => Map::new(),
    };
    config.insert("name".into(), name.into());
    // Layers are told from the operations of the same name by it.
    config.entry("trainable").or_insert(Value::Bool(true));
    let entry = serde_json::json!({"class_name": new.class, "name": name, "config": config});
    let writer = Writer::of_version(graph.keras_version.as_deref());
    let made = read_layer(&entry, writer).map_err(|problems| Report {
        file: graph.file.clone(),
        problems,
    })?;
    if matches!(
        made.layers[made.layer.0].kind,
        LayerKind::Input | LayerKind::Unknown
    ) {
        let problem = Problem::new(ProblemKind::Surgery).at(name, &new.class);
        return Err(graph.refuse(problem.expected("a layer that can be called").found("none")));
    }
    let (layers, _) = append(graph, made.models, made.layers);
    graph.notes.extend(made.notes);
    Ok(LayerId(made.layer.0 + layers))
}

/// Keras's `to_snake_case`: `Conv2D` is `conv2d`, `BatchNormalization` is `batch_normalization`.
pub(super) fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class.chars().filter(|c| !c.is_whitespace()).collect();
    let mut name = String::with_capacity(class.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| letters.get(before));
        let after = letters.get(at + 1);
        let begins_word = letter.is_uppercase()
            && (before.is_some_and(|before| before.is_lowercase())
                || (before.is_some() && after.is_some_and(|after| after.is_lowercase())));
        if begins_word {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn names_are_those_of_keras() {
        for (class, name) in [
            ("Dense", "dense"),
            ("Conv2D", "conv2d"),
            ("Conv2DTranspose", "conv2d_transpose"),
            ("BatchNormalization", "batch_normalization"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
            ("LSTM", "lstm"),
            ("SimpleRNN", "simple_rnn"),
            ("ReLU", "re_lu"),
        ] {
            assert_eq!(snake_case(class), name);
        }
    }
}
