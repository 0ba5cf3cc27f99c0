//! Weights in the orders in which Keras lists them.

use std::collections::HashSet;

use super::{Graph, LayerId, LayerKind, ModelId};

/// A weight, by its layer and its position in [`Layer::weights`](super::Layer::weights).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WeightRef {
    /// The layer that has it.
    pub layer: LayerId,
    /// Its position among the layer's weights.
    pub index: usize,
}

/// A weight in a list of variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Which weight.
    pub weight: WeightRef,
    /// Whether Keras trains it: it is a trained kind of weight, and neither its layer nor a model
    /// around it is frozen.
    pub trainable: bool,
}

impl Graph {
    /// All variables in construction order: layers in Keras's order, nested models in place, a
    /// shared layer once, where it is first met.
    pub fn variables(&self) -> Vec<Variable> {
        let mut list = Vec::new();
        let trainable = self.root().trainable;
        self.collect(self.root, trainable, &mut HashSet::new(), &mut list);
        list
    }

    /// Keras's `model.trainable_variables`: the order in which optimizers list their slots.
    pub fn trainable_variables(&self) -> Vec<WeightRef> {
        let variables = self.variables().into_iter();
        variables
            .filter(|variable| variable.trainable)
            .map(|variable| variable.weight)
            .collect()
    }

    /// Keras 3's path of a variable, as `exclude_layers` of Muon searches it: `words/embeddings`. The
    /// names of models around the layer are left out: Keras has them for some Sequentials, and
    /// loses them when it loads a file.
    pub fn variable_path(&self, weight: WeightRef) -> String {
        let layer = self.layer(weight.layer);
        let models = self.layers.iter();
        let models = models.filter(|layer| matches!(layer.kind, LayerKind::Model(_)));
        let inside = models.filter_map(|model| {
            let inside = layer.path.strip_prefix(&model.path)?;
            inside.strip_prefix('/')
        });
        let path = inside.min_by_key(|inside| inside.len());
        let path = path.unwrap_or(&layer.path);
        format!("{path}/{}", layer.weights[weight.index].name)
    }

    fn collect(
        &self,
        model: ModelId,
        trainable: bool,
        seen: &mut HashSet<LayerId>,
        list: &mut Vec<Variable>,
    ) {
        let model = self.model(model);
        for id in &model.layers {
            self.collect_layer(*id, trainable, seen, list);
        }
    }

    fn collect_layer(
        &self,
        id: LayerId,
        trainable: bool,
        seen: &mut HashSet<LayerId>,
        list: &mut Vec<Variable>,
    ) {
        if !seen.insert(id) {
            return;
        }
        let layer = self.layer(id);
        // tf.keras asks every layer around a variable; Keras 3 the one that owns it, to which
        // freezing a layer around it hands on its flag, and the outermost model.
        let inside = |flag: bool| trainable && (flag || self.generation.is_keras3());
        match &layer.kind {
            LayerKind::Model(inner) => {
                let flag = layer.trainable && self.model(*inner).trainable;
                self.collect(*inner, inside(flag), seen, list);
            }
            LayerKind::Wrapper(_, parts) => {
                for part in parts {
                    self.collect_layer(*part, inside(layer.trainable), seen, list);
                }
            }
            _ => {
                let trainable = trainable && layer.trainable;
                let weights = layer.weights.iter().enumerate();
                list.extend(weights.map(|(index, weight)| Variable {
                    weight: WeightRef { layer: id, index },
                    trainable: trainable && weight.trainable,
                }));
            }
        }
    }
}
