//! One body of a model: calls in order, each layer's steps, masks beside the values.

use std::collections::HashMap;

use keras_ir::activation::Activation;
use keras_ir::graph::{Graph, Layer, LayerId, LayerKind, ModelId, TensorId};
use keras_ir::layer::LayerKind as Class;
use keras_ir::layer::config::DataFormat;
use keras_ir::shape::{Kind, Shape, Spec};
use keras_ir::training::Object;
use keras_ir::{Generation, Problem, ProblemKind, json};
use serde_json::Value as Literal;

use super::{Lowering, lowering, lowering_of_wrapper, mask, operation, training};
use crate::names;
use crate::plan::{
    Body, Function, Module, ModuleRef, Operation, Output, State, Step, TrainingOutputs, Value,
    ValueId,
};

/// How a model is called: what decides the types of its `forward`. Rank and kind of each input,
/// and the rank of its mask if it has one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Signature {
    /// Rank and kind of each input, and the rank of its mask, if it has one.
    inputs: Vec<(usize, Kind, Option<usize>)>,
    purpose: Purpose,
}

/// What a body is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// A call by itself.
    #[default]
    Forward,
    /// A call in which stateful layers go on where another call stopped.
    WithState,
    /// A training step: penalties of activities come out too, and where `logits` says so what a
    /// last `softmax` or `sigmoid` is of.
    Training {
        /// Whether somebody looks at logits.
        logits: bool,
    },
}

impl Signature {
    /// Inputs like `specs`, without masks.
    pub fn unmasked(specs: &[Spec]) -> Self {
        let inputs = specs.iter();
        Self {
            inputs: inputs
                .map(|spec| (spec.shape.rank(), spec.kind, None))
                .collect(),
            purpose: Purpose::Forward,
        }
    }

    /// The same inputs for something else.
    pub fn with_purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// The name of such methods, which differ in their inputs.
    pub fn base_name(&self) -> &'static str {
        match self.purpose {
            Purpose::Forward => "forward",
            Purpose::WithState => "forward_with_state",
            Purpose::Training { .. } => "forward_training",
        }
    }

    /// What the method is called that is the `number`th of a model, counted from 1.
    pub fn method_name(&self, number: usize) -> String {
        let name = self.base_name();
        match number {
            1 => name.to_owned(),
            number => format!("{name}_{number}"),
        }
    }
}

/// A tensor of the graph in a body: its value, and its mask if it has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub value: ValueId,
    pub mask: Option<ValueId>,
}

/// A body in the making.
#[derive(Default)]
pub(crate) struct Builder {
    body: Body,
    purpose: Purpose,
    /// The penalties of activities so far, each `[1]`.
    penalties: Vec<ValueId>,
    /// What the outputs of nested models that end in `softmax` or `sigmoid` are of.
    logits: HashMap<ValueId, ValueId>,
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
    fn state(&mut self, layer: &str, name: &str, spec: Spec) -> ValueId {
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
    fn change_state(&mut self, before: ValueId, after: ValueId) {
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

/// Lowers the calls of `model` for inputs of `signature`.
pub(crate) fn lower_body(
    lowering: &mut Lowering<'_>,
    model: ModelId,
    signature: &Signature,
    specs: &[Spec],
) -> Body {
    let graph = lowering.graph;
    let of_graph = graph.model(model);
    let mut builder = Builder {
        purpose: signature.purpose,
        ..Builder::default()
    };
    let mut bound: HashMap<TensorId, Bound> = HashMap::new();
    let input_names = graph.input_names(of_graph);
    builder.body.input_names.clone_from(&input_names);
    let inputs = of_graph.inputs.iter().zip(&input_names);
    for ((tensor, name), spec) in inputs.clone().zip(specs) {
        let value = builder.value(name, spec.clone());
        builder.body.inputs.push(value);
        bound.insert(*tensor, Bound { value, mask: None });
    }
    for ((tensor, name), (_, _, mask)) in inputs.zip(&signature.inputs) {
        let mask = mask.map(|rank| {
            // A mask has the first axes of its tensor.
            let mut dims = builder.spec(bound[tensor].value).shape.0.clone();
            dims.resize(rank, None);
            let spec = Spec {
                shape: Shape(dims),
                kind: Kind::Bool,
            };
            builder.value(&format!("{name}_mask"), spec)
        });
        builder.body.input_masks.push(mask);
        if let Some(bound) = bound.get_mut(tensor) {
            bound.mask = mask;
        }
    }
    let cleared = graph.cleared_masks(model);
    for (call, gone) in of_graph.calls.iter().zip(&cleared.at_calls) {
        // A call behind one that failed has no inputs; the failure is reported already.
        let found = |tensor: &TensorId| bound.get(tensor).copied();
        let inputs: Option<Vec<Bound>> = call
            .inputs
            .iter()
            .map(|tensor| {
                let bound = found(tensor)?;
                let mask = bound.mask.filter(|_| !gone.contains(tensor));
                Some(Bound { mask, ..bound })
            })
            .collect();
        let named: Option<Vec<_>> = call
            .named
            .iter()
            .map(|(name, tensors)| {
                let tensors = tensors.iter();
                let found = tensors.map(|tensor| match tensor {
                    Some(tensor) => found(tensor).map(Some),
                    None => Some(None),
                });
                Some((name.clone(), found.collect::<Option<Vec<_>>>()?))
            })
            .collect();
        let (Some(inputs), Some(named)) = (inputs, named) else {
            continue;
        };
        let layer = graph.layer(call.layer);
        let mut layer_call = LayerCall {
            lowering: &mut *lowering,
            builder: &mut builder,
            model,
            id: call.layer,
            layer,
            literals: &call.literals,
            count: call.outputs.len(),
            known: call
                .outputs
                .iter()
                .map(|tensor| of_graph.tensors[tensor.0].spec.clone())
                .collect(),
            known_inputs: call
                .inputs
                .iter()
                .map(|tensor| of_graph.tensors[tensor.0].spec.clone())
                .collect(),
            inputs,
            named,
            parts: &[],
            outputs: Vec::new(),
            gives_output: call.outputs.iter().any(|id| of_graph.outputs.contains(id)),
        };
        match layer_call.lower() {
            Ok(outputs) => {
                for (tensor, output) in call.outputs.iter().zip(outputs) {
                    bound.insert(*tensor, output);
                }
            }
            Err(problem) => lowering
                .problems
                .push(problem.at(&layer.path, &layer.class)),
        }
    }
    let mut taken = names::Names::fields();
    let outputs = of_graph.outputs.iter().zip(graph.output_names(of_graph));
    let outputs = outputs.filter_map(|(tensor, keras_name)| {
        let Bound { value, mask } = bound.get(tensor).copied()?;
        Some(Output {
            name: taken.unique(&names::value_name(&keras_name)),
            keras_name,
            value,
            mask: mask.filter(|_| !cleared.at_end.contains(tensor)),
        })
    });
    builder.body.outputs = outputs.collect();
    if let Purpose::Training { logits } = signature.purpose {
        training::add_outputs(&mut builder, logits);
    }
    let mut taken = names::Names::fields();
    for state in &mut builder.body.states {
        state.name = taken.unique(&state.name);
    }
    builder.body
}

/// One call of a layer: what its lowering reads and writes.
pub(crate) struct LayerCall<'a, 'g> {
    lowering: &'a mut Lowering<'g>,
    builder: &'a mut Builder,
    model: ModelId,
    id: LayerId,
    layer: &'g Layer,
    /// Arguments that are no tensors.
    literals: &'g [(String, Literal)],
    /// How many outputs are looked at.
    pub count: usize,
    /// What is known of the outputs.
    known: Vec<Spec>,
    /// What is known of the inputs.
    known_inputs: Vec<Spec>,
    inputs: Vec<Bound>,
    named: Vec<(String, Vec<Option<Bound>>)>,
    /// Of a wrapper, its parts.
    parts: &'g [LayerId],
    outputs: Vec<ValueId>,
    /// Whether the call makes an output of the model.
    gives_output: bool,
}

impl<'g> LayerCall<'_, 'g> {
    /// Lowers the call; the outputs with their masks.
    fn lower(&mut self) -> Result<Vec<Bound>, Problem> {
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

    /// A call of a nested model: masks cross into it.
    fn nested(&mut self, inner: ModelId) -> Result<Vec<Bound>, Problem> {
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

    fn graph(&self) -> &'g Graph {
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

    /// Adds a step that gives `spec`.
    pub fn step(&mut self, operation: Operation, inputs: Vec<ValueId>, spec: Spec) -> ValueId {
        let layer = self.layer;
        self.builder.step(&layer.name, operation, inputs, spec)
    }

    /// Adds a step with several outputs.
    pub fn steps(
        &mut self,
        operation: Operation,
        inputs: Vec<ValueId>,
        specs: Vec<Spec>,
    ) -> Vec<ValueId> {
        let name = &self.layer.name;
        let outputs: Vec<ValueId> = specs
            .into_iter()
            .map(|spec| self.builder.value(name, spec))
            .collect();
        self.builder.body.steps.push(Step {
            operation,
            inputs,
            outputs: outputs.clone(),
            layer: name.clone(),
        });
        outputs
    }

    /// Calls a function on one value.
    pub fn function(&mut self, function: Function, input: ValueId, spec: Spec) -> ValueId {
        self.step(Operation::Function(function), vec![input], spec)
    }

    /// Calls a function that changes neither shape nor kind.
    pub fn map(&mut self, function: Function, input: ValueId) -> ValueId {
        let spec = self.spec(input).clone();
        self.function(function, input, spec)
    }

    /// The value in another kind.
    pub fn cast(&mut self, value: ValueId, kind: Kind) -> ValueId {
        let spec = self.spec(value);
        if spec.kind == kind {
            return value;
        }
        let function = match kind {
            Kind::Float => Function::ToFloat,
            Kind::Int => Function::ToInt,
            Kind::Bool => Function::ToBool,
        };
        let spec = spec.with_kind(kind);
        self.function(function, value, spec)
    }

    /// Axes in another order: `axes[i]` is the old position of axis `i`.
    pub fn permute(&mut self, value: ValueId, axes: Vec<usize>) -> ValueId {
        if axes.iter().copied().eq(0..axes.len()) {
            return value;
        }
        let spec = self.spec(value);
        let shape = axes.iter().map(|axis| spec.shape.0[*axis]).collect();
        let spec = spec.with_shape(shape);
        self.function(Function::Permute(axes), value, spec)
    }

    /// The value with its channels on axis 1.
    pub fn channels_first(&mut self, value: ValueId, format: DataFormat) -> ValueId {
        let rank = self.rank(value);
        let axes = axis_to_one(rank, format.channel_axis(rank));
        self.permute(value, axes)
    }

    /// Back from channels on axis 1 to `format`.
    pub fn restore_channels(&mut self, value: ValueId, format: DataFormat) -> ValueId {
        let rank = self.rank(value);
        let axes = invert(&axis_to_one(rank, format.channel_axis(rank)));
        self.permute(value, axes)
    }

    /// `(batch, steps, …)` as one batch: `(batch * steps, …)`.
    pub fn fold_steps(&mut self, value: ValueId) -> ValueId {
        let spec = self.spec(value);
        let batch = match (spec.shape.dim(0), spec.shape.dim(1)) {
            (Some(batch), Some(steps)) => batch.checked_mul(steps),
            _ => None,
        };
        let mut shape = vec![batch];
        shape.extend(&spec.shape.0[2..]);
        let spec = spec.with_shape(shape);
        self.function(Function::FoldSteps, value, spec)
    }

    /// `value` with its first axis in two, as `like` has them.
    pub fn unfold_steps(&mut self, value: ValueId, like: ValueId) -> ValueId {
        let mut shape = self.spec(like).shape.0[..2].to_vec();
        let spec = self.spec(value);
        shape.extend(&spec.shape.0[1..]);
        let spec = spec.with_shape(shape);
        let operation = Operation::Function(Function::UnfoldSteps);
        self.step(operation, vec![value, like], spec)
    }

    /// Applies an activation.
    pub fn activate(&mut self, value: ValueId, activation: Activation) -> ValueId {
        let last = self.rank(value).saturating_sub(1);
        match activation {
            Activation::Linear => value,
            Activation::Softmax => self.map(Function::Softmax(last), value),
            Activation::SoftmaxAlong(axis) => {
                let axis = self.spec(value).shape.axis(axis).unwrap_or(last);
                self.map(Function::Softmax(axis), value)
            }
            Activation::LogSoftmax => self.map(Function::LogSoftmax(last), value),
            Activation::Sparsemax => self.map(Function::Sparsemax(last), value),
            Activation::Glu => {
                let mut spec = self.spec(value).clone();
                if let Some(size) = spec.shape.0.last_mut() {
                    *size = size.map(|size| size / 2);
                }
                self.function(Function::Glu(last), value, spec)
            }
            elementwise => self.map(Function::Activation(elementwise), value),
        }
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

/// The permutation that moves `axis` to position 1.
pub(crate) fn axis_to_one(rank: usize, axis: usize) -> Vec<usize> {
    let mut axes: Vec<usize> = (0..rank).filter(|position| *position != axis).collect();
    axes.insert(axes.len().min(1), axis);
    axes
}

/// The permutation that undoes `axes`.
pub(crate) fn invert(axes: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; axes.len()];
    for (position, axis) in axes.iter().enumerate() {
        inverse[*axis] = position;
    }
    inverse
}
