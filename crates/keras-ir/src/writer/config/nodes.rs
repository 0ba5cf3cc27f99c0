//! The grammars of `inbound_nodes`: which tensors a call takes, and with what options.
//!
//! Keras 2 and tf.keras: lists with leaves `[layer, node, tensor, kwargs]`.
//! Keras 3: `{"args": […], "kwargs": {…}}` with `__keras_tensor__` objects.

use serde_json::{Map, Value, json};

use super::Writer;
use crate::graph::{Call, LayerKind, Model, ModelClass, TensorId};
use crate::layer::Wrapper;
use crate::layer::wrapper::Rnn;
use crate::shape::Kind;

/// Layers that take query, value and key as one list.
const LISTS: [&str; 2] = ["Attention", "AdditiveAttention"];

/// Layers that Keras 3 gives a list even of one tensor.
const MERGES: [&str; 8] = [
    "Add",
    "Average",
    "Concatenate",
    "Dot",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
];

impl Writer<'_> {
    /// `[layer, node, tensor]` in a list of outputs, where Keras 3 counts the calls of a Functional model
    /// as its predecessors do.
    pub(super) fn output(&self, model: &Model, tensor: TensorId) -> Value {
        let mut reference = self.reference(model, tensor);
        let tensor = &model.tensors[tensor.0];
        if let LayerKind::Model(inner) = self.graph.layer(tensor.layer).kind
            && self.is_keras3()
            && self.graph.model(inner).class == ModelClass::Functional
        {
            reference[1] = json!(tensor.node + 1);
        }
        reference
    }

    /// `[layer, node, tensor]`.
    pub(super) fn reference(&self, model: &Model, tensor: TensorId) -> Value {
        let tensor = &model.tensors[tensor.0];
        let layer = self.graph.layer(tensor.layer);
        // Before Keras 3, the first call of a model is that in which it was built, and no config
        // lists it.
        let own = match layer.kind {
            LayerKind::Model(inner) => !self.is_keras3() && !self.graph.model(inner).deferred,
            _ => false,
        };
        json!([layer.name, tensor.node + usize::from(own), tensor.index])
    }

    pub(super) fn node(&self, model: &Model, call: &Call) -> Value {
        let layer = self.graph.layer(call.layer);
        if let LayerKind::Operation(operation) = &layer.kind {
            return self.operation_node(model, call, &operation.written.call);
        }
        // Tensors that are parameters of their own: query, value and key.
        let parameters: &[&str] = match &layer.kind {
            // These take them as one list.
            LayerKind::Layer(_) if LISTS.contains(&layer.class.as_str()) => &[],
            LayerKind::Layer(kind) => kind.layer().input_parameters(),
            LayerKind::Wrapper(wrapper, _) => wrapper.wrapper().input_parameters(),
            _ => &[],
        };
        let has_several = parameters.len() > 1;
        // Keras 3 lists arguments by name behind the others, by their names in order.
        let by_position = self.is_keras3() && has_several && call.order.starts_with(&call.inputs);
        let (first, others) = if has_several && !by_position {
            call.inputs.split_at(call.inputs.len().min(1))
        } else {
            (call.inputs.as_slice(), &[][..])
        };
        let tensor = |tensor: TensorId| self.tensor(model, tensor);
        let mut options: Map<String, Value> = call.literals.iter().cloned().collect();
        for (name, value) in parameters.iter().skip(1).zip(others) {
            options.insert((*name).to_owned(), tensor(*value));
        }
        for (name, tensors) in &call.named {
            let values: Vec<Value> = tensors
                .iter()
                .map(|value| value.map_or(Value::Null, tensor))
                .collect();
            let values = match &layer.kind {
                LayerKind::Wrapper(Wrapper::Rnn(rnn), _) if name == "initial_state" => {
                    self.by_cell(rnn, values)
                }
                _ => values,
            };
            let value = match <[Value; 1]>::try_from(values) {
                Ok([one]) => one,
                Err(several) => several.into(),
            };
            options.insert(name.clone(), value);
        }
        if self.is_keras3() {
            let inputs: Vec<Value> = first.iter().map(|input| tensor(*input)).collect();
            // The second one of a `Softmax` is the mask.
            if by_position || layer.class == "Softmax" {
                return json!({"args": inputs, "kwargs": options});
            }
            let argument = match <[Value; 1]>::try_from(inputs) {
                Ok([one]) if MERGES.contains(&layer.class.as_str()) => json!([one]),
                Ok([one]) => one,
                Err(several) => several.into(),
            };
            return json!({"args": [argument], "kwargs": options});
        }
        // tf.keras takes the options of the last input for those of the call.
        let inputs = first.iter().map(|input| {
            let mut reference = self.reference(model, *input);
            if let Value::Array(items) = &mut reference {
                items.push(options.clone().into());
            }
            reference
        });
        let mut inputs: Vec<Value> = inputs.collect();
        if let LayerKind::Wrapper(Wrapper::Rnn(rnn), _) = &layer.kind {
            // States may follow the sequence.
            let states = inputs.split_off(inputs.len().min(1));
            inputs.extend(self.by_cell(rnn, states));
        }
        inputs.into()
    }

    /// The states of a stack of cells, those of each in a list of their own; before Keras 3, the state
    /// of a cell with one stands for itself.
    fn by_cell(&self, rnn: &Rnn, states: Vec<Value>) -> Vec<Value> {
        if rnn.states.len() < 2 || states.len() != rnn.states.iter().sum::<usize>() {
            return states;
        }
        let mut states = states.into_iter();
        let cells = rnn.state_order().into_iter().map(|cell| {
            let of_cell: Vec<Value> = states.by_ref().take(rnn.states[cell]).collect();
            match <[Value; 1]>::try_from(of_cell) {
                Ok([one]) if !self.is_keras3() => one,
                Ok(one) => one.to_vec().into(),
                Err(several) => several.into(),
            }
        });
        cells.collect()
    }

    /// A tensor as an argument.
    pub(super) fn tensor(&self, model: &Model, tensor: TensorId) -> Value {
        let reference = self.reference(model, tensor);
        if !self.is_keras3() {
            return reference;
        }
        let spec = &model.tensors[tensor.0].spec;
        let dtype = match spec.kind {
            Kind::Float => "float32",
            Kind::Int => "int32",
            Kind::Bool => "bool",
        };
        json!({"class_name": "__keras_tensor__", "config": {
            "shape": spec.shape.0, "dtype": dtype, "keras_history": reference,
        }})
    }
}
