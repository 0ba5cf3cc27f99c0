//! Masks that are gone when a call looks for them.
//!
//! In Keras a mask is an attribute of a tensor object. `MultiHeadAttention` of Keras 3 (3.15,
//! `MultiHeadAttention.call`) takes it off its query, value and key, so that whatever runs later
//! and has not got the mask as an argument finds none: a second attention to the same tensor, the
//! sum with the query behind it. Layers that do nothing at inference give the object that they
//! got, and lose the mask together with it.

use std::collections::{HashMap, HashSet};

use super::order::run_order;
use super::{Graph, LayerKind, ModelId, TensorId};
use crate::shape::Spec;

/// What is left of the masks of a model's tensors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClearedMasks {
    /// For each call, by its position in [`Model::calls`](super::Model::calls), the tensors
    /// without their masks.
    pub at_calls: Vec<HashSet<TensorId>>,
    /// The tensors without their masks in the end.
    pub at_end: HashSet<TensorId>,
    /// For each output the input that it is the same object as.
    returned: Vec<Option<usize>>,
    /// The inputs whose masks are gone in the end.
    of_inputs: Vec<bool>,
}

impl Graph {
    /// Which tensors of a model lose their masks, and when.
    pub fn cleared_masks(&self, id: ModelId) -> ClearedMasks {
        let mut remembered = HashMap::new();
        self.clear_masks(id, &mut remembered);
        remembered.remove(&id).unwrap_or_default()
    }

    fn clear_masks(&self, id: ModelId, remembered: &mut HashMap<ModelId, ClearedMasks>) {
        if remembered.contains_key(&id) {
            return;
        }
        let model = self.model(id);
        let mut cleared = ClearedMasks {
            at_calls: vec![HashSet::new(); model.calls.len()],
            ..ClearedMasks::default()
        };
        if !self.generation.is_keras3() {
            remembered.insert(id, cleared);
            return;
        }
        // The tensor that stands for the object that each tensor is.
        let mut objects: Vec<TensorId> = (0..model.tensors.len()).map(TensorId).collect();
        let mut gone: HashSet<TensorId> = HashSet::new();
        for position in run_order(model) {
            let call = &model.calls[position];
            let inputs: Vec<TensorId> = call.inputs.iter().map(|t| objects[t.0]).collect();
            let of_call = call.inputs.iter().zip(&inputs);
            cleared.at_calls[position] = of_call
                .filter(|(_, object)| gone.contains(object))
                .map(|(tensor, _)| *tensor)
                .collect();
            match &self.layer(call.layer).kind {
                LayerKind::Layer(kind) => {
                    let layer = kind.layer();
                    if layer.clears_masks() {
                        gone.extend(&inputs);
                    }
                    if let ([object], [output], true) = (
                        inputs.as_slice(),
                        call.outputs.as_slice(),
                        layer.is_nothing(),
                    ) {
                        objects[output.0] = *object;
                    }
                }
                LayerKind::Operation(operation) => {
                    let specs = call.inputs.iter();
                    let specs: Vec<Spec> = specs
                        .map(|tensor| model.tensors[tensor.0].spec.clone())
                        .collect();
                    if let ([object], [output], true) = (
                        inputs.as_slice(),
                        call.outputs.as_slice(),
                        operation.is_nothing(&specs),
                    ) {
                        objects[output.0] = *object;
                    }
                }
                LayerKind::Model(inner) => {
                    self.clear_masks(*inner, remembered);
                    let inner = &remembered[inner];
                    let lost = inputs.iter().zip(&inner.of_inputs);
                    gone.extend(
                        lost.filter(|(_, is_gone)| **is_gone)
                            .map(|(object, _)| object),
                    );
                    for (output, returned) in call.outputs.iter().zip(&inner.returned) {
                        if let Some(object) = returned.and_then(|input| inputs.get(input)) {
                            objects[output.0] = *object;
                        }
                    }
                }
                _ => {}
            }
        }
        let is_gone = |tensor: &TensorId| gone.contains(&objects[tensor.0]);
        cleared.at_end = (0..objects.len()).map(TensorId).filter(is_gone).collect();
        cleared.of_inputs = model.inputs.iter().map(is_gone).collect();
        let outputs = model.outputs.iter();
        cleared.returned = outputs
            .map(|tensor| {
                let object = objects[tensor.0];
                model.inputs.iter().position(|input| *input == object)
            })
            .collect();
        remembered.insert(id, cleared);
    }
}
