//! One call of a layer: what its lowering reads, and what comes out.

use keras_ir::graph::{Graph, Layer, LayerId, LayerKind, ModelId};
use keras_ir::layer::LayerKind as Class;
use keras_ir::shape::{Kind, Spec};
use keras_ir::training::Object;
use keras_ir::{Generation, Problem, ProblemKind, json};
use serde_json::Value as Literal;

use super::{Bound, Builder, Purpose};
use crate::lower::{Lowering, lowering, lowering_of_wrapper, mask, operation, training};
use crate::plan::{Module, ModuleRef, ValueId};

/// One call of a layer: what its lowering reads and writes.
pub(crate) struct LayerCall<'a, 'g> {
    pub(super) lowering: &'a mut Lowering<'g>,
    pub(super) builder: &'a mut Builder,
    pub(super) model: ModelId,
    pub(super) id: LayerId,
    pub(super) layer: &'g Layer,
    /// Arguments that are no tensors.
    pub(super) literals: &'g [(String, Literal)],
    /// How many outputs are looked at.
    pub count: usize,
    /// What is known of the outputs.
    pub(super) known: Vec<Spec>,
    /// What is known of the inputs.
    pub(super) known_inputs: Vec<Spec>,
    pub(super) inputs: Vec<Bound>,
    pub(super) named: Vec<(String, Vec<Option<Bound>>)>,
    /// Of a wrapper, its parts.
    pub(super) parts: &'g [LayerId],
    pub(super) outputs: Vec<ValueId>,
    /// Whether the call makes an output of the model.
    pub(super) gives_output: bool,
}

impl<'g> LayerCall<'_, 'g> {
    /// Lowers the call; the outputs with their masks.
    pub(super) fn lower(&mut self) -> Result<Vec<Bound>, Problem> {
        let layer = self.layer;
        // `Softmax` has rules of its own for masks of numbers.
        if !matches!(&layer.kind, LayerKind::Layer(Class::Softmax(_))) {
            self.cast_masks();
        }
        match &layer.kind {
            LayerKind::Layer(class) => {
                lowering(class).call(self)?;
                if matches!(self.builder.purpose, Purpose::Training { .. }) {
                    training::penalize(self)?;
                }
                let mask = mask::output_mask(self, class.layer().mask_rule())?;
                let outputs = self.outputs.iter().enumerate();
                // Only a layer's first output carries a mask: the others are states and scores.
                let bound = outputs.map(|(index, value)| Bound {
                    value: *value,
                    mask: mask.filter(|_| index == 0),
                });
                Ok(bound.collect())
            }
            LayerKind::Operation(of_graph) => {
                let outputs = operation::lower(of_graph, self)?;
                let outputs = outputs.into_iter();
                // Operations drop masks, but for those that give the tensor that they get.
                let mask = match of_graph.is_nothing(&self.known_inputs()) {
                    true => self.input_masks().first().copied().flatten(),
                    false => None,
                };
                Ok(outputs.map(|value| Bound { value, mask }).collect())
            }
            LayerKind::Wrapper(wrapper, parts) => {
                self.parts = parts;
                lowering_of_wrapper(wrapper).call(self)
            }
            LayerKind::Model(inner) => self.nested(*inner),
            LayerKind::Input | LayerKind::Unknown => Ok(Vec::new()),
        }
    }

    /// Calls the part at `index` of a wrapper, of whose outputs the first `count` are looked at.
    pub fn part(
        &mut self,
        index: usize,
        inputs: Vec<Bound>,
        named: Vec<(String, Vec<Bound>)>,
        count: usize,
    ) -> Result<Vec<Bound>, Problem> {
        let Some(id) = self.parts.get(index).copied() else {
            return Err(self.unsupported("layer", "a layer to wrap", "none"));
        };
        let layer = self.lowering.graph.layer(id);
        let named = named.into_iter();
        let named = named.map(|(name, bound)| (name, bound.into_iter().map(Some).collect()));
        let mut part = LayerCall {
            lowering: &mut *self.lowering,
            builder: &mut *self.builder,
            model: self.model,
            id,
            layer,
            literals: &[],
            count,
            known: Vec::new(),
            known_inputs: Vec::new(),
            inputs,
            named: named.collect(),
            parts: &[],
            outputs: Vec::new(),
            gives_output: false,
        };
        part.lower()
    }

    /// Masks that are passed by name may come as numbers: Keras casts them.
    fn cast_masks(&mut self) {
        for index in 0..self.named.len() {
            let (name, bound) = &self.named[index];
            if name == "mask" || name.ends_with("_mask") {
                let mut bound = bound.clone();
                for bound in bound.iter_mut().flatten() {
                    bound.value = self.cast(bound.value, Kind::Bool);
                }
                self.named[index].1 = bound;
            }
        }
    }

    pub(super) fn graph(&self) -> &'g Graph {
        self.lowering.graph
    }

    /// The generation that wrote the file.
    pub fn generation(&self) -> Generation {
        self.graph().generation
    }

    /// The module of the layer.
    pub fn module(&self) -> Result<ModuleRef, Problem> {
        self.lowering
            .module_ref(self.model, self.id)
            .ok_or_else(|| self.unsupported("module", "a layer with parameters", "none"))
    }

    /// The module of the part at `index` of a wrapper.
    pub fn part_module(&self, index: usize) -> Result<ModuleRef, Problem> {
        let part = self.parts.get(index);
        part.and_then(|part| self.lowering.module_ref(self.model, *part))
            .ok_or_else(|| self.unsupported("module", "a layer with parameters", "none"))
    }

    /// The configuration of the layer's module.
    pub fn module_config(&self) -> Option<&Module> {
        self.lowering.modules.get(&self.id)
    }

    /// Whether stateful layers go on where another call of the model stopped.
    pub fn with_state(&self) -> bool {
        self.builder.purpose == Purpose::WithState
    }

    /// A state of the layer before the call, `part` of those that it has.
    pub fn state(&mut self, part: &str, spec: Spec) -> ValueId {
        let layer = self.layer;
        let name = format!("{}_{part}", layer.name);
        self.builder.state(&layer.name, &name, spec)
    }

    /// The state that was `before` is `after` at the end of the call.
    pub fn change_state(&mut self, before: ValueId, after: ValueId) {
        self.builder.change_state(before, after);
    }

    /// How often Keras calls the layer when the outermost model is called once.
    pub fn times_called(&self) -> usize {
        self.lowering.times.get(&self.id).copied().unwrap_or(0)
    }

    /// The inputs of all calls of the layer.
    pub fn calls(&self) -> Vec<Vec<Spec>> {
        self.lowering
            .calls
            .get(&self.id)
            .cloned()
            .unwrap_or_default()
    }

    /// A problem of this call.
    pub fn unsupported(&self, key: &str, expected: &str, found: &str) -> Problem {
        Problem::new(ProblemKind::UnsupportedOption)
            .key(key)
            .expected(expected)
            .found(found)
    }

    /// The inputs, flattened.
    pub fn inputs(&self) -> Vec<ValueId> {
        self.inputs.iter().map(|bound| bound.value).collect()
    }

    /// The inputs as the graph has them, in the kinds and sizes that they have here: Burn knows no
    /// tensor without axes.
    pub fn known_inputs(&self) -> Vec<Spec> {
        let inputs = self.inputs.iter().zip(&self.known_inputs);
        let specs = inputs.map(|(bound, known)| {
            let spec = self.spec(bound.value);
            match known.shape.rank() {
                0 => spec.with_shape(Vec::new()),
                _ => spec.clone(),
            }
        });
        specs.collect()
    }

    /// The first input.
    pub fn input(&self) -> ValueId {
        self.inputs[0].value
    }

    /// The first input as floats.
    pub fn float_input(&mut self) -> ValueId {
        let input = self.input();
        self.cast(input, Kind::Float)
    }

    /// The masks of the inputs.
    pub fn input_masks(&self) -> Vec<Option<ValueId>> {
        self.inputs.iter().map(|bound| bound.mask).collect()
    }

    /// The mask that was passed by name, or else that of the first input.
    pub fn mask(&self) -> Option<ValueId> {
        self.masks().first().copied().flatten()
    }

    /// The masks that were passed by name, or else those of the inputs.
    pub fn masks(&self) -> Vec<Option<ValueId>> {
        let implicit = || self.input_masks();
        self.named_slots("mask").unwrap_or_else(implicit)
    }

    /// Whether a mask was passed by name.
    pub fn has_explicit_mask(&self) -> bool {
        self.named_slots("mask").is_some()
    }

    /// The tensors passed under `name`.
    pub fn named_values(&self, name: &str) -> Option<Vec<ValueId>> {
        let slots = self.named_slots(name)?;
        Some(slots.into_iter().flatten().collect())
    }

    /// The tensors passed under `name`, with a place for each null among them.
    pub fn named_slots(&self, name: &str) -> Option<Vec<Option<ValueId>>> {
        let (_, bound) = self.named.iter().find(|(key, _)| key == name)?;
        Some(
            bound
                .iter()
                .map(|bound| Some(bound.as_ref()?.value))
                .collect(),
        )
    }

    /// Whether the call argument `name`, which is no tensor, is set.
    pub fn flag(&self, name: &str) -> bool {
        let mut literals = self.literals.iter();
        literals.any(|(key, value)| key == name && json::truth(value) == Some(true))
    }

    /// Shape and kind of a value.
    pub fn spec(&self, id: ValueId) -> &Spec {
        self.builder.spec(id)
    }

    /// The number of axes of a value.
    pub fn rank(&self, id: ValueId) -> usize {
        self.spec(id).shape.rank()
    }

    /// The outputs of the call so far.
    pub fn output_values(&self) -> Vec<ValueId> {
        self.outputs.clone()
    }

    /// The penalty of what the layer gives.
    pub fn activity_regularizer(&self) -> Result<Option<Object>, Problem> {
        self.graph().activity_regularizer(self.id)
    }

    /// Tells how training differs, once.
    pub fn note_of_training(&mut self, text: &str) {
        let note = format!("{} ({}): {text}", self.layer.path, self.layer.class);
        if !self.lowering.notes.contains(&note) {
            self.lowering.notes.push(note);
        }
    }

    /// Adds a penalty to the loss.
    pub fn add_penalty(&mut self, penalty: ValueId) {
        self.builder.penalties.push(penalty);
    }

    /// Adds an output of the call.
    pub fn output(&mut self, value: ValueId) {
        self.outputs.push(value);
    }
}
