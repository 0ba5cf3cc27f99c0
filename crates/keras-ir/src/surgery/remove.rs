//! Remove and rename.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::graph::{Graph, LayerId, LayerKind, ModelId, TensorId};
use crate::problem::{Problem, ProblemKind, Report};

use super::layer::Found;
use super::names::set_name;
use super::place::layers;
use super::settle::{each_use, settle};
use super::training::forget_losses;

impl Graph {
    /// The model whose layer at `path` is called `name`. Inputs and outputs are called after their
    /// layers, and so are parameters in records.
    ///
    /// # Errors
    ///
    /// No such layer, or another one of that name in a model that has the layer.
    pub fn rename(&self, path: &str, name: &str) -> Result<Self, Report> {
        let found = self
            .find_layer(path)
            .map_err(|problem| self.refuse(problem))?;
        let layer = self.layer(found.layer);
        let refuse = |expected: &str, found: String| {
            let problem = Problem::new(ProblemKind::Surgery).at(&layer.path, &layer.class);
            Err(self.refuse(problem.key("name").expected(expected).found(found)))
        };
        if name.is_empty() {
            return refuse("a name", "none".into());
        }
        if found.is_part {
            return refuse(
                "a layer of a model",
                "a layer in a wrapper, which is named with it".into(),
            );
        }
        if let Some(other) = self.namesake(found.layer, name) {
            return refuse(
                "a name that no other layer of the model has",
                format!("{name}, as {} is called", self.layer(other).path),
            );
        }
        let mut graph = self.clone();
        let makes_output = output_layers(self).contains(&found.layer);
        if makes_output && self.root().output_keys.is_empty() {
            rename_losses(&mut graph, &layer.name, name);
        }
        set_name(&mut graph, found.layer, name);
        settle(graph, self)
    }

    /// Another layer with the name `name` in a model that has the layer `id`.
    fn namesake(&self, id: LayerId, name: &str) -> Option<LayerId> {
        self.callees_first().into_iter().find_map(|model| {
            let of_model: Vec<LayerId> = layers(self.model(model)).collect();
            let mut others = of_model.iter().filter(|other| **other != id);
            let other = others.find(|other| self.layer(**other).name == name);
            other.copied().filter(|_| of_model.contains(&id))
        })
    }

    /// The model without the layer at `path`: what went into its calls goes where their outputs
    /// went.
    ///
    /// ```no_run
    /// let graph = keras_ir::read("classifier.h5", keras_ir::ReadOptions::default())?;
    /// let logits = graph.remove("softmax")?;
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// # Errors
    ///
    /// No such layer; a layer with several inputs or outputs; layers behind it that cannot take what
    /// it took.
    pub fn remove(&self, path: &str) -> Result<Self, Report> {
        let found = self
            .find_layer(path)
            .map_err(|problem| self.refuse(problem))?;
        let Found { model, layer, .. } = found;
        let of_graph = self.layer(layer);
        let problem = || Problem::new(ProblemKind::Surgery).at(&of_graph.path, &of_graph.class);
        if found.is_part || matches!(of_graph.kind, LayerKind::Input) {
            let expected = "a layer of a model, with an input";
            return Err(self.refuse(problem().expected(expected).found(&of_graph.class)));
        }
        let mut graph = self.clone();
        let of_model = &mut graph.models[model.0];
        let mut replaced: HashMap<TensorId, TensorId> = HashMap::new();
        for call in of_model.calls.iter().filter(|call| call.layer == layer) {
            match (call.order.as_slice(), call.outputs.as_slice()) {
                ([input], [output]) => {
                    replaced.insert(*output, *input);
                }
                (inputs, outputs) => {
                    let expected = "one input and one output in each call";
                    let found = format!("{} and {}", inputs.len(), outputs.len());
                    return Err(self.refuse(problem().expected(expected).found(found)));
                }
            }
        }
        of_model.calls.retain(|call| call.layer != layer);
        if of_model.calls.is_empty() {
            let expected = "a model with another layer";
            return Err(self.refuse(problem().expected(expected).found("none besides this one")));
        }
        each_use(of_model, &mut |tensor| follow(&replaced, tensor));
        if model == self.root && output_layers(self).contains(&layer) {
            forget_losses(&mut graph);
        }
        settle(graph, self)
    }
}

/// Where a tensor is now, through layers that were removed in a row.
fn follow(replaced: &HashMap<TensorId, TensorId>, tensor: &mut TensorId) {
    while let Some(new) = replaced.get(tensor) {
        *tensor = *new;
    }
}

/// The layers that make the outputs of the outermost model.
fn output_layers(graph: &Graph) -> Vec<LayerId> {
    let ModelId(root) = graph.root;
    let model = &graph.models[root];
    let outputs = model.outputs.iter();
    outputs
        .map(|tensor| model.tensors[tensor.0].layer)
        .collect()
}

/// Losses and metrics by the name of an output follow it.
fn rename_losses(graph: &mut Graph, old: &str, new: &str) {
    let Some(Value::Object(training)) = &mut graph.training_config else {
        return;
    };
    for key in ["loss", "metrics", "weighted_metrics", "loss_weights"] {
        // A dict by outputs, not a loss with its config.
        if let Some(Value::Object(entries)) = training.get_mut(key)
            && !entries.contains_key("class_name")
        {
            let renamed = std::mem::take(entries).into_iter();
            let renamed = renamed.map(|(name, value)| match name == old {
                true => (new.to_owned(), value),
                false => (name, value),
            });
            *entries = renamed.collect::<Map<_, _>>();
        }
    }
}
