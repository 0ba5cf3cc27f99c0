//! Weights by path and in Keras's order, and fresh ones.

use crate::container::StoredTensor;
use crate::graph::{Graph, LayerId, LayerKind, ModelId, Variable, WeightRef};
use crate::problem::{Problem, ProblemKind, Report};
use crate::version::Generation;

use super::settle::settle_fresh;

impl Graph {
    /// The weights of the layer at `path` with their paths, `encoder/dense_1/kernel`, in the order of
    /// Keras's `get_weights()`; those of the whole model for an empty path.
    ///
    /// Keras 3 lists the variables layer by layer. Before, a layer's trained weights stand before its
    /// others, and so do those of a nested model in standalone Keras.
    ///
    /// # Errors
    ///
    /// When there is no such layer.
    pub fn get_weights(&self, path: &str) -> Result<Vec<(String, StoredTensor)>, Report> {
        let order = self.weight_order(path)?;
        let weights = order.into_iter().filter_map(|WeightRef { layer, index }| {
            let layer = self.layer(layer);
            let weight = layer.weights.get(index)?;
            Some((
                format!("{}/{}", layer.path, weight.name),
                weight.tensor.clone(),
            ))
        });
        Ok(weights.collect())
    }

    /// The model with other weights in the layer at `path`, in the order of
    /// [`get_weights`](Self::get_weights). The optimizer's state stays.
    ///
    /// # Errors
    ///
    /// No such layer, another number of weights, or another shape.
    pub fn set_weights(&self, path: &str, weights: &[StoredTensor]) -> Result<Self, Report> {
        let order = self.weight_order(path)?;
        let problem = || Problem::new(ProblemKind::WeightShape).key(path);
        if order.len() != weights.len() {
            let problem = problem().expected(format!("{} weights", order.len()));
            return Err(self.refuse(problem.found(weights.len().to_string())));
        }
        let mut graph = self.clone();
        let mut problems = Vec::new();
        for (WeightRef { layer, index }, tensor) in order.into_iter().zip(weights) {
            let layer = &mut graph.layers[layer.0];
            let Some(weight) = layer.weights.get_mut(index) else {
                continue;
            };
            if weight.tensor.shape() == tensor.shape() {
                weight.tensor = tensor.clone();
                weight.copies.clear();
            } else {
                problems.push(
                    problem()
                        .at(&layer.path, &layer.class)
                        .key(weight.name)
                        .expected(format!("shape {:?}", weight.tensor.shape()))
                        .found(format!("shape {:?}", tensor.shape())),
                );
            }
        }
        if problems.is_empty() {
            return Ok(graph);
        }
        Err(Report {
            file: self.file.clone(),
            problems,
        })
    }

    /// The model with fresh weights, as Keras's `clone_model` gives it: made by the initializers of
    /// the layers' configs, from `seed`. Shared layers are shared as before. The optimizer begins
    /// anew.
    ///
    /// The distributions are Keras's, the numbers are not: every backend of Keras has a generator of
    /// its own.
    ///
    /// # Errors
    ///
    /// Initializers that are not known.
    pub fn with_fresh_weights(&self, seed: u64) -> Result<Self, Report> {
        let mut graph = self.clone();
        for layer in &mut graph.layers {
            layer.weights.clear();
        }
        graph.optimizer = Ok(None);
        settle_fresh(graph, self, seed)
    }

    fn weight_order(&self, path: &str) -> Result<Vec<WeightRef>, Report> {
        let variables: Vec<Variable> = self.variables();
        let layers = if path.is_empty() {
            self.root().layers.clone()
        } else {
            vec![
                self.layer_at(path)
                    .map_err(|problem| self.refuse(problem))?,
            ]
        };
        let mut order = Vec::with_capacity(variables.len());
        let mut list = |layer| {
            for weight in self.of_layer(layer, &variables) {
                if !order.contains(&weight) {
                    order.push(weight);
                }
            }
        };
        layers.into_iter().for_each(&mut list);
        Ok(order)
    }

    /// The weights of a layer in the order of its `weights`.
    fn of_layer(&self, id: LayerId, variables: &[Variable]) -> Vec<WeightRef> {
        let is_trained = |weight: &WeightRef| {
            let mut of_weight = variables
                .iter()
                .filter(|variable| variable.weight == *weight);
            of_weight.next().is_some_and(|variable| variable.trainable)
        };
        let split = |weights: Vec<WeightRef>| -> Vec<WeightRef> {
            let (trained, others): (Vec<_>, Vec<_>) = weights.into_iter().partition(is_trained);
            trained.into_iter().chain(others).collect()
        };
        let all = |layers: &[LayerId]| -> Vec<WeightRef> {
            let layers = layers.iter();
            layers
                .flat_map(|layer| self.of_layer(*layer, variables))
                .collect()
        };
        let is_keras3 = self.generation.is_keras3();
        match &self.layer(id).kind {
            LayerKind::Model(ModelId(inner)) => {
                let weights = all(&self.models[*inner].layers);
                match self.generation {
                    Generation::Keras1 | Generation::Keras2 => split(weights),
                    Generation::TfKeras | Generation::Keras3 => weights,
                }
            }
            LayerKind::Wrapper(_, parts) if is_keras3 => all(parts),
            LayerKind::Wrapper(_, parts) => split(all(parts)),
            _ => {
                let count = self.layer(id).weights.len();
                let weights = (0..count)
                    .map(|index| WeightRef { layer: id, index })
                    .collect();
                if is_keras3 { weights } else { split(weights) }
            }
        }
    }
}
