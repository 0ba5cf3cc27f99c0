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
        self.collect(self.root, true, &mut HashSet::new(), &mut list);
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

    fn collect(
        &self,
        model: ModelId,
        trainable: bool,
        seen: &mut HashSet<LayerId>,
        list: &mut Vec<Variable>,
    ) {
        let model = self.model(model);
        let trainable = trainable && model.trainable;
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
        let trainable = trainable && layer.trainable;
        match &layer.kind {
            LayerKind::Model(inner) => self.collect(*inner, trainable, seen, list),
            LayerKind::Wrapper(_, parts) => {
                for part in parts {
                    self.collect_layer(*part, trainable, seen, list);
                }
            }
            _ => {
                let weights = layer.weights.iter().enumerate();
                list.extend(weights.map(|(index, weight)| Variable {
                    weight: WeightRef { layer: id, index },
                    trainable: trainable && weight.trainable,
                }));
            }
        }
    }
}
