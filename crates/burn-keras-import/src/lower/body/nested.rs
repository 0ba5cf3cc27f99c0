//! One call of a model by another.

use keras_ir::Problem;
use keras_ir::graph::ModelId;
use keras_ir::shape::Spec;

use super::{Bound, LayerCall, Purpose, Signature};
use crate::plan::{Operation, Step, ValueId};

impl LayerCall<'_, '_> {
    /// A call of a nested model: masks cross into it.
    pub(super) fn nested(&mut self, inner: ModelId) -> Result<Vec<Bound>, Problem> {
        let model = self.graph().model(inner);
        let mut specs = Vec::with_capacity(model.inputs.len());
        let mut values = Vec::with_capacity(model.inputs.len());
        let explicit = self.named_slots("mask");
        let mut masks = Vec::with_capacity(model.inputs.len());
        for (index, tensor) in model.inputs.iter().enumerate() {
            let Some(bound) = self.inputs.get(index).copied() else {
                let expected = format!("{} inputs", model.inputs.len());
                let found = format!("{} inputs", self.inputs.len());
                return Err(self.unsupported("inputs", &expected, &found));
            };
            let given = self.spec(bound.value).clone();
            let declared = &model.tensors[tensor.0].spec;
            let shape = if declared.shape.rank() == given.shape.rank() {
                declared.shape.clone()
            } else {
                given.shape.clone()
            };
            let kind = if model.deferred {
                given.kind
            } else {
                declared.kind
            };
            values.push(self.cast(bound.value, kind));
            specs.push(Spec { shape, kind });
            masks.push(match &explicit {
                Some(explicit) => explicit.get(index).copied().flatten(),
                None => bound.mask,
            });
        }
        let inputs = specs.iter().zip(&masks);
        let signature = Signature {
            inputs: inputs
                .map(|(spec, mask)| {
                    let of_mask = mask.map(|mask| self.rank(mask));
                    (spec.shape.rank(), spec.kind, of_mask)
                })
                .collect(),
            purpose: self.purpose_inside(inner),
        };
        let body = self.lowering.body(inner, &signature, &specs);
        let position = self.lowering.positions[&inner];
        let of_inner = &self.lowering.models[position].bodies[body];
        let result_specs: Vec<Spec> = of_inner
            .results()
            .into_iter()
            .map(|id| of_inner.value(id).spec.clone())
            .collect();
        let has_mask: Vec<bool> = of_inner.outputs.iter().map(|o| o.mask.is_some()).collect();
        let states = of_inner.states.clone();
        let training = of_inner.training.clone();
        let state_specs = states.iter().map(|state| of_inner.value(state.input));
        let state_specs: Vec<Spec> = state_specs.map(|value| value.spec.clone()).collect();
        // The sizes that this call makes known.
        let mut result_specs = result_specs;
        for (spec, known) in result_specs.iter_mut().zip(&self.known) {
            if known.shape.rank() == spec.shape.rank() {
                spec.shape = known.shape.clone();
            }
        }
        let name = self.layer.name.clone();
        let results: Vec<ValueId> = result_specs
            .into_iter()
            .map(|spec| self.builder.value(&name, spec))
            .collect();
        let module = self.module()?;
        values.extend(masks.iter().flatten());
        let first_state = results.len() - states.len();
        for (index, (state, spec)) in states.iter().zip(state_specs).enumerate() {
            let path = format!("{}/{}", self.layer.name, state.keras_name);
            let name = format!("{}_{}", self.layer.name, state.name);
            let before = self.builder.state(&path, &name, spec);
            self.builder
                .change_state(before, results[first_state + index]);
            values.push(before);
        }
        self.builder.body.steps.push(Step {
            operation: Operation::Model { module, body },
            inputs: values,
            outputs: results.clone(),
            layer: name,
        });
        if let Some(training) = training {
            let penalty = training.penalty.and_then(|at| results.get(at));
            self.builder.penalties.extend(penalty);
            for (result, at) in results.iter().zip(&training.logits) {
                if let Some(logits) = at.and_then(|at| results.get(at)) {
                    self.builder.logits.insert(*result, *logits);
                }
            }
        }
        let mut mask_values = results[has_mask.len()..].iter();
        let bound = has_mask
            .iter()
            .zip(&results)
            .map(|(has_mask, value)| Bound {
                value: *value,
                mask: if *has_mask {
                    mask_values.next().copied()
                } else {
                    None
                },
            });
        Ok(bound.collect())
    }

    /// What a nested model is called for: what this one is called for, if it has something to give.
    fn purpose_inside(&self, inner: ModelId) -> Purpose {
        match self.builder.purpose {
            Purpose::WithState if self.lowering.has_state(inner) => Purpose::WithState,
            Purpose::Training { logits } => {
                let logits = logits && self.gives_output;
                match logits || self.lowering.has_penalty(inner) {
                    true => Purpose::Training { logits },
                    false => Purpose::Forward,
                }
            }
            Purpose::Forward | Purpose::WithState => Purpose::Forward,
        }
    }
}
