//! From the graph to the plan: what each Keras layer becomes in Burn.
//!
//! A layer is lowered in one place, its `Lower` implementation in the file of its family: which
//! module it needs, and which steps one call of it takes. Masks follow the layers' mask rules in
//! `mask.rs`, whatever the layer.

mod activation;
mod attention;
mod body;
mod borders;
mod convolution;
mod core;
mod einsum;
mod keras1;
mod mask;
mod merging;
mod normalization;
mod operation;
mod parameters;
mod pooling;
mod recurrent;
mod regularization;
mod reshaping;
mod resizing;
mod scaling;
mod state;
mod tied;
mod training;
mod wrapper;

use std::collections::{BTreeMap, HashMap, HashSet};

use keras_ir::graph::{Graph, Layer, LayerId, LayerKind, ModelId, WeightRef};
use keras_ir::layer::{LayerKind as Class, Wrapper};
use keras_ir::shape::Spec;
use keras_ir::{Generation, Problem, Report, json};
use serde_json::Value;

use crate::names;
use crate::passes;
use crate::plan::{
    Body, Borrow, Field, FieldKind, ModelPlan, Module, ModuleRef, Operation, Ownership, Plan,
};
pub(crate) use body::{Bound, LayerCall};
use body::{Purpose, Signature};

/// What a Keras layer becomes in Burn.
pub(crate) trait Lower {
    /// The module that holds the layer's parameters or its state, if it needs one.
    fn module(&self, _layer: &LayerView<'_>) -> Option<Module> {
        None
    }

    /// The steps of one call.
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem>;
}

/// The lowering of each class.
fn lowering(class: &Class) -> &dyn Lower {
    match class {
        Class::Dense(layer) => layer,
        Class::Bias(layer) => layer,
        Class::GetMask(layer) => layer,
        Class::SetMask(layer) => layer,
        Class::TableRows(layer) => layer,
        Class::DenseOnTable(layer) => layer,
        Class::Embedding(layer) => layer,
        Class::Masking(layer) => layer,
        Class::Identity(layer) => layer,
        Class::Activation(layer) => layer,
        Class::PRelu(layer) => layer,
        Class::Softmax(layer) => layer,
        Class::Conv(layer) => layer,
        Class::DepthwiseConv(layer) => layer,
        Class::SeparableConv(layer) => layer,
        Class::ConvTranspose(layer) => layer,
        Class::Pooling(layer) => layer,
        Class::GlobalPooling(layer) => layer,
        Class::AdaptivePooling(layer) => layer,
        Class::BatchNormalization(layer) => layer,
        Class::LayerNormalization(layer) => layer,
        Class::RmsNormalization(layer) => layer,
        Class::GroupNormalization(layer) => layer,
        Class::UnitNormalization(layer) => layer,
        Class::Normalization(layer) => layer,
        Class::Dropout(layer) => layer,
        Class::SpatialDropout(layer) => layer,
        Class::GaussianNoise(layer) => layer,
        Class::Flatten(layer) => layer,
        Class::Reshape(layer) => layer,
        Class::Permute(layer) => layer,
        Class::RepeatVector(layer) => layer,
        Class::ZeroPadding(layer) => layer,
        Class::Cropping(layer) => layer,
        Class::UpSampling(layer) => layer,
        Class::Resizing(layer) => layer,
        Class::CenterCrop(layer) => layer,
        Class::Rescaling(layer) => layer,
        Class::CustomScale(layer) => layer,
        Class::Merge(layer) => layer,
        Class::Concatenate(layer) => layer,
        Class::MaxoutDense(layer) => layer,
        Class::Highway(layer) => layer,
        Class::ParametricSoftplus(layer) => layer,
        Class::SRelu(layer) => layer,
        Class::EarlyBatchNormalization(layer) => layer,
        Class::MergeCosine(layer) => layer,
        Class::Dot(layer) => layer,
        Class::EinsumDense(layer) => layer,
        Class::Attention(layer) => layer,
        Class::MultiHeadAttention(layer) => layer,
        Class::Recurrent(layer) => layer,
    }
}

/// What a wrapper becomes: steps around those of its parts, which have modules of their own.
pub(crate) trait LowerWrapper {
    /// The steps of one call; the outputs with their masks.
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<Vec<Bound>, Problem>;
}

/// The lowering of each wrapper.
fn lowering_of_wrapper(wrapper: &Wrapper) -> &dyn LowerWrapper {
    match wrapper {
        Wrapper::TimeDistributed(wrapper) => wrapper,
        Wrapper::Bidirectional(wrapper) => wrapper,
        Wrapper::Rnn(wrapper) => wrapper,
        Wrapper::TiedDense(wrapper) => wrapper,
    }
}

/// A layer as its lowering sees it when the module is chosen.
pub(crate) struct LayerView<'g> {
    layer: &'g Layer,
    /// The generation that wrote the file.
    pub generation: Generation,
    /// The inputs of all its calls, in all models.
    pub calls: &'g [Vec<Spec>],
    /// Arguments of all its calls that are no tensors.
    literals: Vec<&'g (String, Value)>,
}

impl LayerView<'_> {
    /// Whether any call sets the argument `name`.
    pub fn flag(&self, name: &str) -> bool {
        let mut literals = self.literals.iter();
        literals.any(|(key, value)| key == name && json::truth(value) == Some(true))
    }

    /// Whether the layer is of this class of Keras.
    pub fn is(&self, class: &str) -> bool {
        self.layer.class == class
    }

    /// Keras's shape of a weight; empty if the layer has no such weight.
    pub fn weight(&self, name: &str) -> &[usize] {
        let weights = self.layer.weights.iter();
        weights
            .filter(|weight| weight.name == name)
            .map(|weight| weight.tensor.shape())
            .next()
            .unwrap_or_default()
    }
}

/// Lowers `graph` to the plan of a model called `name` (a Rust module name).
///
/// # Errors
///
/// A report with every call that has no meaning in Burn yet.
pub fn lower(graph: &Graph, name: &str) -> Result<Plan, Report> {
    let mut lowering = Lowering::new(graph, name);
    let root = graph.root();
    let inputs: Vec<Spec> = root
        .inputs
        .iter()
        .map(|tensor| root.tensors[tensor.0].spec.clone())
        .collect();
    let signature = Signature::unmasked(&inputs);
    let with = |purpose| signature.clone().with_purpose(purpose);
    let forward = lowering.body(graph.root, &signature, &inputs);
    if lowering.has_state(graph.root) {
        lowering.body(graph.root, &with(Purpose::WithState), &inputs);
    }
    let compiled = training::Compiled::of(graph);
    let training = match compiled.purpose() {
        // What failed once would be reported twice.
        Some(purpose) if lowering.problems.is_empty() => {
            lowering.body(graph.root, &with(purpose), &inputs)
        }
        _ => forward,
    };
    lowering.finish(compiled, training)
}

/// The state of lowering a whole graph.
pub(crate) struct Lowering<'g> {
    graph: &'g Graph,
    name: String,
    ownership: Ownership,
    /// The inputs of all calls of each layer.
    calls: BTreeMap<LayerId, Vec<Vec<Spec>>>,
    modules: HashMap<LayerId, Module>,
    /// How often Keras calls each layer when the root is called once.
    times: HashMap<LayerId, usize>,
    /// The models in which layers carry states from one call to the next.
    with_state: HashSet<ModelId>,
    /// The models in which a layer has a penalty of what it gives.
    with_penalty: HashSet<ModelId>,
    /// Position of each model in the plan.
    positions: HashMap<ModelId, usize>,
    models: Vec<ModelPlan>,
    /// The bodies that exist, by model and signature.
    bodies: HashMap<(ModelId, Signature), usize>,
    problems: Vec<Problem>,
    /// What differs in training.
    notes: Vec<String>,
}

impl<'g> Lowering<'g> {
    fn new(graph: &'g Graph, name: &str) -> Self {
        let ownership = Ownership::of(graph);
        let positions: HashMap<ModelId, usize> = ownership
            .models
            .iter()
            .enumerate()
            .map(|(position, id)| (*id, position))
            .collect();
        let calls = calls(graph, &ownership);
        let modules = modules(graph, &calls);
        let mut lowering = Self {
            graph,
            name: name.to_owned(),
            calls,
            modules,
            times: state::times_called(graph, &ownership.models),
            with_state: state::models_with_state(graph, &ownership.models),
            with_penalty: training::models_with_penalty(graph, &ownership.models),
            ownership,
            positions,
            models: Vec::new(),
            bodies: HashMap::new(),
            problems: Vec::new(),
            notes: Vec::new(),
        };
        lowering.models = lowering.structs();
        lowering
    }

    /// The structs with their fields and borrows; no bodies yet.
    fn structs(&self) -> Vec<ModelPlan> {
        let graph = self.graph;
        let frozen = frozen_layers(graph);
        let mut types = names::Names::types();
        // The root chooses its name first.
        let root_type = types.unique(&names::type_name(&self.name));
        let models = self.ownership.models.iter().map(|id| {
            let model = graph.model(*id);
            let mut fields = names::Names::fields();
            let owned = self.owned_by(*id).into_iter().filter_map(|layer| {
                let kind = self.field_kind(layer)?;
                let of_graph = graph.layer(layer);
                Some(Field {
                    layer,
                    name: fields.unique(&names::value_name(&of_graph.name)),
                    keras_name: of_graph.name.clone(),
                    class: of_graph.class.clone(),
                    kind,
                    frozen: frozen.contains(&layer),
                })
            });
            let owned: Vec<Field> = owned.collect();
            let borrows = self.ownership.borrows[id].iter().filter_map(|layer| {
                Some(Borrow {
                    layer: *layer,
                    name: fields.unique(&names::value_name(&graph.layer(*layer).name)),
                    kind: self.field_kind(*layer)?,
                })
            });
            let borrows = borrows.collect();
            let type_name = if *id == graph.root {
                root_type.clone()
            } else {
                types.unique(&names::type_name(&model.name))
            };
            ModelPlan {
                id: *id,
                keras_name: model.name.clone(),
                type_name,
                fields: owned,
                borrows,
                bodies: Vec::new(),
            }
        });
        models.collect()
    }

    /// What a layer is as a field; layers without parameters or state are none.
    fn field_kind(&self, layer: LayerId) -> Option<FieldKind> {
        match self.graph.layer(layer).kind {
            LayerKind::Model(model) => Some(FieldKind::Model(self.positions[&model])),
            _ => self.modules.get(&layer).cloned().map(FieldKind::Module),
        }
    }

    /// The layers that a model owns: its own in Keras's order, then those that only models inside
    /// call.
    fn owned_by(&self, id: ModelId) -> Vec<LayerId> {
        let owned = |layer: &LayerId| self.ownership.owners.get(layer) == Some(&id);
        let leaves = |model: ModelId| {
            let layers = self.graph.model(model).layers.iter();
            layers.flat_map(|layer| self.graph.leaves(*layer))
        };
        let mut list: Vec<LayerId> = Vec::new();
        for model in std::iter::once(&id).chain(&self.ownership.models) {
            for layer in leaves(*model).filter(owned) {
                if !list.contains(&layer) {
                    list.push(layer);
                }
            }
        }
        list
    }

    /// Where `model` finds the module of `layer`.
    fn module_ref(&self, model: ModelId, layer: LayerId) -> Option<ModuleRef> {
        let plan = &self.models[self.positions[&model]];
        let own = plan.fields.iter().position(|field| field.layer == layer);
        let borrowed = || plan.borrows.iter().position(|borrow| borrow.layer == layer);
        own.map(ModuleRef::Own)
            .or_else(|| borrowed().map(ModuleRef::Borrowed))
    }

    /// The position of the body of `model` for calls of `signature`, lowered when first asked for.
    fn body(&mut self, model: ModelId, signature: &Signature, inputs: &[Spec]) -> usize {
        let key = (model, signature.clone());
        if let Some(body) = self.bodies.get(&key) {
            return *body;
        }
        let mut body: Body = body::lower_body(self, model, signature, inputs);
        let is_root = model == self.graph.root;
        if let Some(training) = &body.training {
            let has_mask = is_root && body.outputs.iter().any(|output| output.mask.is_some());
            if training.is_empty() && !has_mask {
                let signature = signature.clone().with_purpose(Purpose::Forward);
                return self.body(model, &signature, inputs);
            }
        } else if is_root {
            // Only a loss looks at the masks of outputs.
            for output in &mut body.outputs {
                output.mask = None;
            }
        }
        passes::layout(&mut body, &|operation| {
            self.is_elementwise(model, operation)
        });
        passes::prune(&mut body);
        let bodies = &mut self.models[self.positions[&model]].bodies;
        let same = self.bodies.keys().filter(|(other, of_other)| {
            *other == model && of_other.base_name() == signature.base_name()
        });
        body.name = signature.method_name(same.count() + 1);
        bodies.push(body);
        let index = bodies.len() - 1;
        self.bodies.insert(key, index);
        index
    }

    /// Whether layers of `model` carry states from one call to the next.
    fn has_state(&self, model: ModelId) -> bool {
        self.with_state.contains(&model)
    }

    /// Whether a layer of `model` has a penalty of what it gives.
    fn has_penalty(&self, model: ModelId) -> bool {
        self.with_penalty.contains(&model)
    }

    /// Whether a step of `model` calls a module that works element by element.
    fn is_elementwise(&self, model: ModelId, operation: &Operation) -> bool {
        let plan = &self.models[self.positions[&model]];
        let kind = match operation {
            Operation::Module(ModuleRef::Own(index)) => &plan.fields[*index].kind,
            Operation::Module(ModuleRef::Borrowed(index)) => &plan.borrows[*index].kind,
            _ => return false,
        };
        matches!(kind, FieldKind::Module(module) if passes::is_elementwise(module))
    }

    fn finish(self, compiled: training::Compiled, body: usize) -> Result<Plan, Report> {
        if !self.problems.is_empty() {
            return Err(Report {
                file: self.graph.file.clone(),
                problems: self.problems,
            });
        }
        let mut plan = Plan {
            name: self.name,
            source: names::file_name(&self.graph.file),
            keras_version: self.graph.keras_version.clone().unwrap_or_default(),
            models: self.models,
            parameters: Vec::new(),
            training: None,
            notes: self.graph.notes.clone(),
        };
        let mut of_plan = Vec::new();
        parameters::collect(self.graph, &plan, plan.root_index(), "", &mut of_plan);
        plan.parameters = of_plan;
        parameters::check_weights(self.graph, &plan)?;
        parameters::check_ids(&plan, &self.graph.file)?;
        let mut notes = self.notes;
        plan.training = training::training(self.graph, &plan, compiled, body, &mut notes);
        plan.notes.extend(notes);
        Ok(plan)
    }
}

/// The inputs of all calls of each layer, in all models.
fn calls(graph: &Graph, ownership: &Ownership) -> BTreeMap<LayerId, Vec<Vec<Spec>>> {
    let mut calls: BTreeMap<LayerId, Vec<Vec<Spec>>> = BTreeMap::new();
    for id in &ownership.models {
        let model = graph.model(*id);
        for call in &model.calls {
            // Initial states count as inputs, whichever way they are passed.
            let states = call.argument("initial_state").unwrap_or_default();
            let inputs = call.inputs.iter().chain(states.iter().flatten());
            let specs: Vec<Spec> = inputs
                .map(|tensor| model.tensors[tensor.0].spec.clone())
                .collect();
            for (layer, inputs) in graph.calls_of(call.layer, &specs) {
                calls.entry(layer).or_default().push(inputs);
            }
        }
    }
    calls
}

/// The modules of all layers that are called.
fn modules(graph: &Graph, calls: &BTreeMap<LayerId, Vec<Vec<Spec>>>) -> HashMap<LayerId, Module> {
    let mut literals: HashMap<LayerId, Vec<&(String, Value)>> = HashMap::new();
    for call in graph.models.iter().flat_map(|model| &model.calls) {
        literals
            .entry(call.layer)
            .or_default()
            .extend(&call.literals);
    }
    let modules = calls.iter().filter_map(|(id, calls)| {
        let layer = graph.layer(*id);
        let LayerKind::Layer(class) = &layer.kind else {
            return None;
        };
        let module = lowering(class).module(&LayerView {
            layer,
            generation: graph.generation,
            calls,
            literals: literals.get(id).cloned().unwrap_or_default(),
        })?;
        Some((*id, module))
    });
    modules.collect()
}

/// Layers whose weights Keras does not train, though it trains others of their kind.
fn frozen_layers(graph: &Graph) -> HashSet<LayerId> {
    let mut trained: HashMap<LayerId, bool> = HashMap::new();
    for variable in graph.variables() {
        let WeightRef { layer, index } = variable.weight;
        if graph.layer(layer).weights[index].trainable {
            *trained.entry(layer).or_default() |= variable.trainable;
        }
    }
    let frozen = trained.into_iter().filter(|(_, trained)| !trained);
    frozen.map(|(layer, _)| layer).collect()
}
