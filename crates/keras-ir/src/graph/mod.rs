//! The graph of a model: layers, their calls and the tensors between them.
//!
//! A layer object that Keras calls five times is one [`Layer`] and five [`Call`]s. A model used as
//! a layer is a layer of kind [`LayerKind::Model`]; all models of a file, the outermost included,
//! are in one list, and so are all layers, so that a layer shared between models is one entry.

mod infer;
mod masks;
pub mod optimizer;
mod order;
mod validate;
mod variables;

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::container::StoredTensor;
use crate::layer;
use crate::layer::operation::{Family, Operation};
use crate::problem::Problem;
use crate::shape::Spec;
use crate::version::Generation;

pub(crate) use infer::FirstInputs;
pub use masks::ClearedMasks;
use optimizer::Optimizer;
pub(crate) use order::keras_order;
pub(crate) use validate::misshapen;
pub use variables::{Variable, WeightRef};

/// The index of a [`Layer`] in [`Graph::layers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerId(pub usize);

/// The index of a [`Model`] in [`Graph::models`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelId(pub usize);

/// The index of a [`Tensor`] in [`Model::tensors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(pub usize);

/// A saved Keras model, read and checked.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The file it was read from, for messages.
    pub file: String,
    /// Which generation of Keras wrote it.
    pub generation: Generation,
    /// The version that wrote it, as the file says.
    pub keras_version: Option<String>,
    /// All models; nested ones are layers of others.
    pub models: Vec<Model>,
    /// All layers of all models.
    pub layers: Vec<Layer>,
    /// The outermost model.
    pub root: ModelId,
    /// Keras's `training_config`, as it is in the file.
    pub training_config: Option<Value>,
    /// The optimizer's state, or what is wrong with it.
    pub optimizer: Result<Option<Optimizer>, Vec<Problem>>,
    /// What a reader of the file should know: ties that were detected, options that act in
    /// training alone.
    pub notes: Vec<String>,
}

/// How a model was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModelClass {
    /// A graph of calls.
    Functional,
    /// A chain of layers.
    Sequential,
}

/// One model: its own layers' calls, in an order in which they can run.
#[derive(Clone, Debug)]
pub struct Model {
    /// Keras's name.
    pub name: String,
    /// How it was built.
    pub class: ModelClass,
    /// Keras's flag.
    pub trainable: bool,
    /// The layers in Keras's order (`model.layers`, Keras 3's operation nodes included).
    pub layers: Vec<LayerId>,
    /// The calls, each after those that it needs.
    pub calls: Vec<Call>,
    /// The tensors between the calls.
    pub tensors: Vec<Tensor>,
    /// The inputs, flattened as Keras flattens them.
    pub inputs: Vec<TensorId>,
    /// The outputs, flattened as Keras flattens them.
    pub outputs: Vec<TensorId>,
    /// The input layers, one per input.
    pub input_layers: Vec<LayerId>,
    /// Keys of a dict of outputs, in the order of `outputs`; empty otherwise.
    pub output_keys: Vec<String>,
    /// Whether the input shapes are those of the calls (a Sequential without an input layer).
    pub deferred: bool,
}

/// A layer object.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Keras's name, unique in its model.
    pub name: String,
    /// The name with those of the models around it: `encoder/dense_1`.
    pub path: String,
    /// Keras's class.
    pub class: String,
    /// What it is.
    pub kind: LayerKind,
    /// Keras's flag.
    pub trainable: bool,
    /// Keras's config, as it is in the file.
    pub config: Map<String, Value>,
    /// Keras's mark of a layer that stands in several configs.
    pub shared_object_id: Option<i64>,
    /// The weights, in Keras's order of creation.
    pub weights: Vec<Weight>,
}

/// What a layer is.
#[derive(Clone, Debug)]
pub enum LayerKind {
    /// An input of its model.
    Input,
    /// A model used as a layer.
    Model(ModelId),
    /// A layer that computes.
    Layer(layer::LayerKind),
    /// An operation: a function with its constants, no weights.
    Operation(Box<Operation>),
    /// A layer that calls others, its parts: they are in no list of a model's layers.
    Wrapper(layer::Wrapper, Vec<LayerId>),
    /// A layer that is not known; only in a graph whose problems are still being collected.
    Unknown,
}

/// A saved weight of a layer.
#[derive(Clone, Debug)]
pub struct Weight {
    /// What the layer calls it.
    pub name: &'static str,
    /// Whether Keras would train it if the layer is trainable.
    pub trainable: bool,
    /// The values, in Keras's shape and layout.
    pub tensor: StoredTensor,
    /// The same values in other places of the file, which has a shared layer in each model that it
    /// is in.
    pub copies: Vec<StoredTensor>,
}

/// One use of a layer.
#[derive(Clone, Debug)]
pub struct Call {
    /// The layer.
    pub layer: LayerId,
    /// Which of the layer's calls in this model, from 0 in Keras's order.
    pub node: usize,
    /// The inputs, flattened.
    pub inputs: Vec<TensorId>,
    /// Tensors passed by name: `mask`, `initial_state`. A null in a list of them keeps its place.
    pub named: Vec<(String, Vec<Option<TensorId>>)>,
    /// Everything that the call needs, in the order in which Keras lists it: a named argument may
    /// be one of the inputs.
    pub order: Vec<TensorId>,
    /// Arguments passed by name that are no tensors and say something: `use_causal_mask`.
    pub literals: Vec<(String, Value)>,
    /// The outputs, flattened.
    pub outputs: Vec<TensorId>,
}

impl Layer {
    /// Whether this is a node of an operation, which Keras 3 does not count among the layers.
    pub fn is_operation(&self) -> bool {
        matches!(&self.kind, LayerKind::Operation(operation) if operation.family == Family::Keras)
    }
}

impl Call {
    /// The tensors passed under `name`.
    pub fn argument(&self, name: &str) -> Option<&[Option<TensorId>]> {
        self.named
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, tensors)| tensors.as_slice())
    }

    /// Everything that the call needs, in Keras's order.
    pub fn needs(&self) -> impl Iterator<Item = TensorId> + '_ {
        self.order.iter().copied()
    }
}

/// A tensor between calls.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// The layer whose call makes it.
    pub layer: LayerId,
    /// Which of the layer's calls.
    pub node: usize,
    /// Which of the call's outputs.
    pub index: usize,
    /// Its shape and kind.
    pub spec: Spec,
}

impl Graph {
    /// The model `id`.
    pub fn model(&self, id: ModelId) -> &Model {
        &self.models[id.0]
    }

    /// The layer `id`.
    pub fn layer(&self, id: LayerId) -> &Layer {
        &self.layers[id.0]
    }

    /// The outermost model.
    pub fn root(&self) -> &Model {
        self.model(self.root)
    }

    /// The name that a layer has by itself: the graph calls the parts of a wrapper after it.
    pub(crate) fn own_name(&self, id: LayerId) -> &str {
        let layer = self.layer(id);
        match layer.kind {
            LayerKind::Model(model) => &self.model(model).name,
            _ => layer
                .config
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or(&layer.name),
        }
    }

    /// The layer itself, or the parts of a wrapper, and theirs: what holds weights or a model.
    pub fn leaves(&self, id: LayerId) -> Vec<LayerId> {
        match &self.layer(id).kind {
            LayerKind::Wrapper(_, parts) => {
                parts.iter().flat_map(|part| self.leaves(*part)).collect()
            }
            _ => vec![id],
        }
    }

    /// The models that are called from the root, each after those that it calls.
    pub(crate) fn callees_first(&self) -> Vec<ModelId> {
        fn visit(
            graph: &Graph,
            id: ModelId,
            seen: &mut HashSet<ModelId>,
            order: &mut Vec<ModelId>,
        ) {
            if !seen.insert(id) {
                return;
            }
            for layer in &graph.model(id).layers {
                for leaf in graph.leaves(*layer) {
                    if let LayerKind::Model(inner) = graph.layer(leaf).kind {
                        visit(graph, inner, seen, order);
                    }
                }
            }
            order.push(id);
        }
        let mut order = Vec::new();
        visit(self, self.root, &mut HashSet::new(), &mut order);
        order
    }

    /// The names of a model's inputs: its input layers.
    pub fn input_names(&self, model: &Model) -> Vec<String> {
        let layers = model.input_layers.iter();
        layers.map(|id| self.layer(*id).name.clone()).collect()
    }

    /// The names of a model's outputs: the layers that make them, or the keys of a dict.
    pub fn output_names(&self, model: &Model) -> Vec<String> {
        if !model.output_keys.is_empty() {
            return model.output_keys.clone();
        }
        let outputs = model.outputs.iter();
        outputs
            .map(|id| self.layer(model.tensors[id.0].layer).name.clone())
            .collect()
    }
}
