//! A body in the making.

use std::collections::HashMap;

use keras_ir::shape::Spec;

use super::Purpose;
use crate::names;
use crate::plan::{Body, Operation, Output, State, Step, TrainingOutputs, Value, ValueId};

/// A body in the making.
#[derive(Default)]
pub(crate) struct Builder {
    pub(super) body: Body,
    pub(super) purpose: Purpose,
    /// The penalties of activities so far, each `[1]`.
    pub(super) penalties: Vec<ValueId>,
    /// What the outputs of nested models that end in `softmax` or `sigmoid` are of.
    pub(super) logits: HashMap<ValueId, ValueId>,
}

impl Builder {
    pub fn value(&mut self, name: &str, spec: Spec) -> ValueId {
        self.body.values.push(Value {
            name: names::value_name(name),
            spec,
        });
        ValueId(self.body.values.len() - 1)
    }

    pub fn spec(&self, id: ValueId) -> &Spec {
        &self.body.values[id.0].spec
    }

    /// A state of `spec` before the call; after it, it is the same unless it is changed.
    pub(super) fn state(&mut self, layer: &str, name: &str, spec: Spec) -> ValueId {
        let input = self.value(name, spec);
        self.body.states.push(State {
            keras_name: layer.to_owned(),
            name: self.body.values[input.0].name.clone(),
            input,
            output: input,
        });
        input
    }

    /// The state that was `before` is `after` at the end of the call.
    pub(super) fn change_state(&mut self, before: ValueId, after: ValueId) {
        let mut states = self.body.states.iter_mut();
        if let Some(state) = states.find(|state| state.input == before) {
            state.output = after;
        }
    }

    /// The outputs.
    pub fn outputs(&self) -> Vec<Output> {
        self.body.outputs.clone()
    }

    /// Adds the outputs that a training step has besides.
    pub fn add_training(&mut self, more: Vec<Output>, training: TrainingOutputs) {
        self.body.outputs.extend(more);
        self.body.training = Some(training);
    }

    /// The penalties of activities.
    pub fn penalties(&self) -> Vec<ValueId> {
        self.penalties.clone()
    }

    /// What an output of a nested model is the `softmax` or `sigmoid` of.
    pub fn logits_inside(&self, value: ValueId) -> Option<ValueId> {
        self.logits.get(&value).copied()
    }

    /// The step that makes `value`.
    pub fn maker(&self, value: ValueId) -> Option<&Step> {
        let mut steps = self.body.steps.iter().rev();
        steps.find(|step| step.outputs.contains(&value))
    }

    /// Adds a step with one output of `spec`.
    pub fn step(
        &mut self,
        layer: &str,
        operation: Operation,
        inputs: Vec<ValueId>,
        spec: Spec,
    ) -> ValueId {
        let output = self.value(layer, spec);
        self.body.steps.push(Step {
            operation,
            inputs,
            outputs: vec![output],
            layer: layer.to_owned(),
        });
        output
    }
}
