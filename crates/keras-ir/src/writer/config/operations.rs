//! Calls of operations: what [`operation::Call`](crate::layer::operation::Call) was read from, with the
//! tensors that the call has now.

use serde_json::{Map, Value, json};

use super::Writer;
use crate::graph::{Call, Model};
use crate::layer::operation::{self, Argument};

impl Writer<'_> {
    pub(super) fn operation_node(
        &self,
        model: &Model,
        call: &Call,
        written: &operation::Call,
    ) -> Value {
        let argument = |argument: &Argument| self.argument(model, call, argument);
        let named = written.named.iter();
        let named: Map<String, Value> = named
            .map(|(name, value)| (name.clone(), argument(value)))
            .collect();
        if self.is_keras3() {
            let positional: Vec<Value> = written.positional.iter().map(argument).collect();
            return json!({"args": positional, "kwargs": named});
        }
        // tf.keras has but the first argument without a name, and the others at each of its leaves.
        let first = written.positional.first();
        first.map_or(Value::Null, |first| self.leaf(model, call, first, &named))
    }

    fn argument(&self, model: &Model, call: &Call, argument: &Argument) -> Value {
        let inside = |argument: &Argument| self.argument(model, call, argument);
        match argument {
            Argument::Tensor(index) => self.operand(model, call, *index),
            Argument::Literal(value) => value.clone(),
            Argument::List(items) => items.iter().map(inside).collect(),
            Argument::Slice(parts) => {
                let [start, stop, step] = parts.each_ref().map(inside);
                let slice = json!({"start": start, "stop": stop, "step": step});
                match self.is_keras3() {
                    true => json!({"class_name": "__slice__", "config": slice}),
                    false => slice,
                }
            }
            Argument::Ellipsis => json!({"class_name": "__ellipsis__", "config": {}}),
        }
    }

    /// The first argument in tf.keras.
    fn leaf(
        &self,
        model: &Model,
        call: &Call,
        argument: &Argument,
        named: &Map<String, Value>,
    ) -> Value {
        let mut leaf = match argument {
            Argument::List(items) => {
                let items = items.iter();
                return items
                    .map(|item| self.leaf(model, call, item, named))
                    .collect();
            }
            Argument::Tensor(index) => self.operand(model, call, *index),
            constant => json!(["_CONSTANT_VALUE", -1, self.argument(model, call, constant)]),
        };
        if let Value::Array(items) = &mut leaf {
            items.push(named.clone().into());
        }
        leaf
    }

    fn operand(&self, model: &Model, call: &Call, index: usize) -> Value {
        let input = call.inputs.get(index);
        input.map_or(Value::Null, |tensor| self.tensor(model, *tensor))
    }
}
