//! Shapes and kinds of all tensors, from the inputs on.

use std::collections::HashMap;

use super::{Call, Graph, LayerId, LayerKind, ModelId, TensorId};
use crate::layer::Mismatch;
use crate::layer::wrapper::Failure;
use crate::problem::{Problem, ProblemKind};
use crate::shape::Spec;

/// What inference learns besides the tensors' specs: the inputs of each layer's first call.
pub(crate) type FirstInputs = HashMap<LayerId, Vec<Spec>>;

/// The outputs of a nested model for given inputs, remembered: models inside models would
/// otherwise be walked once per path.
type Remembered = HashMap<(ModelId, Vec<Spec>), Option<Vec<Spec>>>;

impl Graph {
    /// Fills in the specs of all tensors. `callers_first` lists the models, each after all models
    /// that call it.
    pub(crate) fn infer(
        &mut self,
        callers_first: &[ModelId],
        problems: &mut Vec<Problem>,
    ) -> FirstInputs {
        let mut first_inputs = FirstInputs::new();
        let mut remembered = Remembered::new();
        let mut deferred: HashMap<ModelId, Vec<Spec>> = HashMap::new();
        for id in callers_first {
            let model = self.model(*id);
            let inputs: Vec<Spec> = match deferred.remove(id) {
                Some(specs) if model.deferred => specs,
                _ => {
                    let inputs = model.inputs.iter();
                    inputs.map(|t| model.tensors[t.0].spec.clone()).collect()
                }
            };
            let mut walk = Walk {
                graph: self,
                remembered: &mut remembered,
                problems: Some(&mut *problems),
                calls: Vec::new(),
            };
            let specs = walk.tensors(*id, &inputs);
            for (layer, inputs) in walk.calls {
                if let LayerKind::Model(inner) = self.layer(layer).kind
                    && self.model(inner).deferred
                {
                    join(
                        deferred.entry(inner).or_insert_with(|| inputs.clone()),
                        &inputs,
                    );
                }
                first_inputs.entry(layer).or_insert(inputs);
            }
            for (tensor, spec) in self.models[id.0].tensors.iter_mut().zip(specs) {
                if let Some(spec) = spec {
                    tensor.spec = spec;
                }
            }
        }
        first_inputs
    }

    /// A call of `layer` with inputs of these specs, and behind it the calls of the parts, if it is
    /// a wrapper.
    pub fn calls_of(&self, layer: LayerId, inputs: &[Spec]) -> Vec<(LayerId, Vec<Spec>)> {
        let mut walk = Walk {
            graph: self,
            remembered: &mut Remembered::new(),
            problems: None,
            calls: Vec::new(),
        };
        walk.outputs(layer, inputs);
        walk.calls
    }

    /// The outputs of a call of `layer` with inputs of these specs.
    ///
    /// # Errors
    ///
    /// What the layer, or a layer in it, cannot take.
    pub fn outputs_of(&self, layer: LayerId, inputs: &[Spec]) -> Result<Vec<Spec>, Problem> {
        let mut problems = Vec::new();
        let mut walk = Walk {
            graph: self,
            remembered: &mut Remembered::new(),
            problems: Some(&mut problems),
            calls: Vec::new(),
        };
        let outputs = walk.outputs(layer, inputs);
        outputs.ok_or_else(|| {
            problems.into_iter().next().unwrap_or_else(|| {
                let layer = self.layer(layer);
                let found = Mismatch::new("inputs that it can take", inputs);
                Problem::new(ProblemKind::Shape)
                    .at(&layer.path, &layer.class)
                    .key("inputs")
                    .expected(found.expected)
                    .found(found.found)
            })
        })
    }
}

/// Keeps of `specs` what `others` say too.
fn join(specs: &mut [Spec], others: &[Spec]) {
    for (spec, other) in specs.iter_mut().zip(others) {
        if let Some(shape) = spec.shape.join(&other.shape) {
            spec.shape = shape;
        }
    }
}

fn gather(specs: &[Option<Spec>], tensors: &[TensorId]) -> Option<Vec<Spec>> {
    tensors.iter().map(|t| specs[t.0].clone()).collect()
}

struct Walk<'a> {
    graph: &'a Graph,
    remembered: &'a mut Remembered,
    /// Absent in the models inside, which are walked on their own too.
    problems: Option<&'a mut Vec<Problem>>,
    /// The calls of layers and of the parts of wrappers, without those in the models inside.
    calls: Vec<(LayerId, Vec<Spec>)>,
}

impl Walk<'_> {
    /// The specs of all tensors of a model; `None` behind a call that failed.
    fn tensors(&mut self, id: ModelId, inputs: &[Spec]) -> Vec<Option<Spec>> {
        let graph = self.graph;
        let model = graph.model(id);
        let mut specs: Vec<Option<Spec>> = vec![None; model.tensors.len()];
        for (tensor, spec) in model.inputs.iter().zip(inputs) {
            specs[tensor.0] = Some(spec.clone());
        }
        for call in &model.calls {
            // Initial states count as inputs of a recurrent layer, whichever way they are passed.
            let states = call.argument("initial_state").unwrap_or_default();
            let states = states.iter().flatten();
            let inputs: Vec<TensorId> = call.inputs.iter().chain(states).copied().collect();
            let Some(inputs) = gather(&specs, &inputs) else {
                continue;
            };
            if let Some(outputs) = self.call(call, &inputs) {
                for (tensor, spec) in call.outputs.iter().zip(outputs) {
                    specs[tensor.0] = Some(spec);
                }
            }
        }
        specs
    }

    fn call(&mut self, call: &Call, inputs: &[Spec]) -> Option<Vec<Spec>> {
        let outputs = self.outputs(call.layer, inputs)?;
        if outputs.len() < call.outputs.len() {
            self.report(
                call.layer,
                format!("{} outputs", call.outputs.len()),
                format!("{} outputs", outputs.len()),
            );
            return None;
        }
        Some(outputs)
    }

    fn outputs(&mut self, id: LayerId, inputs: &[Spec]) -> Option<Vec<Spec>> {
        self.calls.push((id, inputs.to_vec()));
        let graph = self.graph;
        match &graph.layer(id).kind {
            LayerKind::Input | LayerKind::Unknown => None,
            LayerKind::Layer(kind) => match kind.layer().outputs(inputs) {
                Ok(outputs) => Some(outputs),
                Err(mismatch) => {
                    self.report(id, mismatch.expected, mismatch.found);
                    None
                }
            },
            LayerKind::Operation(operation) => match operation.outputs(inputs) {
                Ok(outputs) => Some(outputs),
                Err(mismatch) => {
                    self.report(id, mismatch.expected, mismatch.found);
                    None
                }
            },
            LayerKind::Wrapper(wrapper, parts) => {
                let mut part = |index: usize, inputs: &[Spec]| {
                    let outputs = parts
                        .get(index)
                        .and_then(|part| self.outputs(*part, inputs));
                    outputs.ok_or(Failure::Part)
                };
                match wrapper.wrapper().outputs(inputs, &mut part) {
                    Ok(outputs) => Some(outputs),
                    Err(Failure::Part) => None,
                    Err(Failure::Mismatch(mismatch)) => {
                        self.report(id, mismatch.expected, mismatch.found);
                        None
                    }
                }
            }
            LayerKind::Model(inner) => {
                let key = (*inner, inputs.to_vec());
                match self.remembered.get(&key) {
                    Some(Some(outputs)) => Some(outputs.clone()),
                    // A failure that nobody has reported yet is looked at again.
                    Some(None) if self.problems.is_none() => None,
                    _ => {
                        let outputs = self.nested(id, *inner, inputs);
                        self.remembered.insert(key, outputs.clone());
                        outputs
                    }
                }
            }
        }
    }

    fn nested(&mut self, layer: LayerId, id: ModelId, inputs: &[Spec]) -> Option<Vec<Spec>> {
        let model = self.graph.model(id);
        let declared: Vec<&Spec> = model
            .inputs
            .iter()
            .map(|tensor| &model.tensors[tensor.0].spec)
            .collect();
        let fits = declared.len() == inputs.len()
            && (model.deferred
                || declared
                    .iter()
                    .zip(inputs)
                    .all(|(declared, given)| declared.shape.accepts(&given.shape)));
        if !fits {
            let shapes = |specs: &mut dyn Iterator<Item = &Spec>| {
                let shapes: Vec<String> = specs.map(|spec| spec.shape.to_string()).collect();
                shapes.join(", ")
            };
            self.report(
                layer,
                shapes(&mut declared.into_iter()),
                shapes(&mut inputs.iter()),
            );
            return None;
        }
        let mut walk = Walk {
            graph: self.graph,
            remembered: &mut *self.remembered,
            problems: None,
            calls: Vec::new(),
        };
        let specs = walk.tensors(id, inputs);
        gather(&specs, &model.outputs)
    }

    fn report(&mut self, layer: LayerId, expected: String, found: String) {
        let layer = self.graph.layer(layer);
        if let Some(problems) = self.problems.as_mut() {
            problems.push(
                Problem::new(ProblemKind::Shape)
                    .at(&layer.path, &layer.class)
                    .key("inputs")
                    .expected(expected)
                    .found(found),
            );
        }
    }
}
