//! Cross-reference: a dense layer whose kernel is the transposed table of an embedding.

use serde_json::{Map, Value};

use crate::activation::Activation;
use crate::graph::{Graph, Layer, LayerId, LayerKind, Weight, WeightRef};
use crate::layer::core::{Bias, Embedding};
use crate::layer::wrapper::TiedDense;
use crate::layer::{LayerKind as Class, Wrapper};
use crate::problem::{Problem, ProblemKind, Report};

use super::builder::Builder;
use super::insert::{calls_of_layers, exchange};
use super::settle::settle;
use super::training::move_slots;

impl Builder {
    /// A new dense layer whose kernel is the transposed table of the embedding, by reference: one
    /// parameter, with the gradients of both uses. The bias is its own, and starts with zeros.
    ///
    /// ```
    /// use keras_ir::Activation;
    /// use keras_ir::surgery::{Builder, NewLayer};
    /// use serde_json::json;
    ///
    /// let mut builder = Builder::new("language");
    /// let ids = builder.input("ids", &[None, Some(6)], "int32")?;
    /// let words = NewLayer::new("Embedding", json!({"input_dim": 50, "output_dim": 8}));
    /// let words = builder.layer(&words)?;
    /// let hidden = builder.call(words, &[ids])?;
    /// let logits = builder.tied_dense("logits", words, Some(Activation::Softmax), true)?;
    /// let logits = builder.call(logits, &hidden)?;
    /// let graph = builder.finish(&logits)?;
    /// // The table, and a bias of 50.
    /// assert_eq!(graph.variables().len(), 2);
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A layer that is no embedding; a name that is taken.
    pub fn tied_dense(
        &mut self,
        name: &str,
        embedding: LayerId,
        activation: Option<Activation>,
        use_bias: bool,
    ) -> Result<LayerId, Report> {
        self.check_name(name, CLASS)?;
        let graph = self.graph_mut();
        let table = table(graph, embedding).map_err(|problem| graph.refuse(problem))?;
        let options = TiedDense {
            units: table.input_dim,
            use_bias,
            activation: activation.unwrap_or(Activation::Linear),
        };
        let activation = options.activation.name(graph.generation);
        let activation = activation.map(Value::from);
        let id = add(graph, name, embedding, options, activation, Vec::new());
        self.add_to_root(id);
        Ok(id)
    }
}

impl Graph {
    /// The model in which the dense layer at `path` has the transposed table of the embedding at
    /// `embedding` for a kernel, by reference, and keeps its activation and its bias with the optimizer's
    /// state of it. The kernel that it had is gone, and so is its state.
    ///
    /// # Errors
    ///
    /// No such layers; a table that does not fit the kernel.
    pub fn tie(&self, path: &str, embedding: &str) -> Result<Self, Report> {
        let refuse = |problem: Problem| self.refuse(problem);
        let found = self.find_layer(path).map_err(refuse)?;
        let embedding = self.layer_at(embedding).map_err(refuse)?;
        let table = table(self, embedding).map_err(refuse)?;
        let layer = self.layer(found.layer);
        let LayerKind::Layer(Class::Dense(dense)) = &layer.kind else {
            let problem = Problem::new(ProblemKind::Surgery).at(&layer.path, &layer.class);
            return Err(refuse(
                problem.expected("a dense layer").found(&layer.class),
            ));
        };
        let calls = calls_of_layers(self);
        let elsewhere = calls.get(&found.layer).into_iter().flatten();
        let elsewhere = elsewhere.filter(|(model, _)| *model != found.model).count();
        if dense.units != table.input_dim || found.is_part || elsewhere > 0 {
            let problem = Problem::new(ProblemKind::Surgery).at(&layer.path, &layer.class);
            return Err(refuse(
                problem
                    .expected(format!("{} units, in one model", table.input_dim))
                    .found(format!(
                        "{} units, called in {} models",
                        dense.units,
                        elsewhere + 1
                    )),
            ));
        }
        let options = TiedDense {
            units: dense.units,
            use_bias: dense.use_bias,
            activation: dense.activation,
        };
        let weights = layer.weights.iter().enumerate();
        let bias = weights.filter(|(_, weight)| weight.name == "bias");
        let (places, bias): (Vec<usize>, Vec<Weight>) =
            bias.map(|(index, weight)| (index, weight.clone())).unzip();
        let mut graph = self.clone();
        let activation = layer.config.get("activation").cloned();
        let tied = add(
            &mut graph,
            &layer.name,
            embedding,
            options,
            activation,
            bias,
        );
        graph.layers[tied.0].trainable = layer.trainable;
        if let (Some(index), LayerKind::Wrapper(_, parts)) =
            (places.first(), &graph.layer(tied).kind)
            && let [_, new] = parts.as_slice()
        {
            let old = WeightRef {
                layer: found.layer,
                index: *index,
            };
            let new = WeightRef {
                layer: *new,
                index: 0,
            };
            move_slots(&mut graph, old, new);
        }
        exchange(&mut graph, found.model, found.layer, tied);
        settle(graph, self)
    }
}

pub(super) const CLASS: &str = "TiedDense";

fn table(graph: &Graph, id: LayerId) -> Result<&Embedding, Problem> {
    let problem = || Problem::new(ProblemKind::Surgery).expected("an Embedding");
    let layer = graph.layers.get(id.0);
    let layer = layer.ok_or_else(|| problem().found("a layer of another model"))?;
    match &layer.kind {
        LayerKind::Layer(Class::Embedding(table)) => Ok(table),
        _ => Err(problem().at(&layer.path, &layer.class).found(&layer.class)),
    }
}

/// A tied layer with its bias; it stands in no model yet. The activation is what its config says.
fn add(
    graph: &mut Graph,
    name: &str,
    embedding: LayerId,
    options: TiedDense,
    activation: Option<Value>,
    weights: Vec<Weight>,
) -> LayerId {
    let mut config = Map::new();
    config.insert("name".into(), name.into());
    config.insert("trainable".into(), true.into());
    config.insert("use_bias".into(), options.use_bias.into());
    if let Some(activation) = activation {
        config.insert("activation".into(), activation);
    }
    let mut parts = vec![embedding];
    if options.use_bias {
        graph.layers.push(bias(name, options.units, weights));
        parts.push(LayerId(graph.layers.len() - 1));
    }
    graph.layers.push(Layer {
        name: name.to_owned(),
        path: name.to_owned(),
        class: CLASS.to_owned(),
        kind: LayerKind::Wrapper(Wrapper::TiedDense(options), parts),
        trainable: true,
        config,
        shared_object_id: None,
        weights: Vec::new(),
    });
    LayerId(graph.layers.len() - 1)
}

/// The bias of the tied layer `name`.
pub(super) fn bias(name: &str, units: usize, weights: Vec<Weight>) -> Layer {
    let mut config = Map::new();
    config.insert("name".into(), "bias".into());
    Layer {
        name: format!("{name}_bias"),
        path: format!("{name}/bias"),
        class: "Bias".to_owned(),
        kind: LayerKind::Layer(Class::Bias(Bias { units })),
        trainable: true,
        config,
        shared_object_id: None,
        weights,
    }
}
