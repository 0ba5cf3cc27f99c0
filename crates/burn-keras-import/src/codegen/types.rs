//! The types of a generated file: models, their outputs, their segments.

use std::collections::HashSet;

use super::imports;
use super::module;
use crate::names::Names;
use crate::passes::structure::{self, Segment};
use crate::plan::{Body, FieldKind, ModelPlan, Operation, Plan, ValueId};

/// What is known of all models before any is printed.
pub(super) struct Types<'p> {
    pub plan: &'p Plan,
    models: Vec<ModelTypes>,
    /// The bodies that other models call, as positions of model and body.
    called: HashSet<(usize, usize)>,
}

struct ModelTypes {
    /// The structs of outputs, per body.
    outputs: Vec<String>,
    /// The struct of states.
    state: String,
    /// Field and type of each segment.
    parts: Vec<(String, String)>,
    segments: Vec<Segment>,
    needs: Needs,
}

/// What a struct's `init` is handed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// The place in the tree.
    pub scope: bool,
    /// The device.
    pub device: bool,
}

impl Needs {
    fn or(self, other: Self) -> Self {
        Self {
            scope: self.scope || other.scope,
            device: self.device || other.device,
        }
    }
}

impl<'p> Types<'p> {
    pub fn new(plan: &'p Plan) -> Self {
        let mut names = Names::types();
        for name in imports::types() {
            names.unique(name);
        }
        for model in &plan.models {
            names.unique(&model.type_name);
        }
        let mut types = Self {
            plan,
            models: Vec::with_capacity(plan.models.len()),
            called: called(plan),
        };
        // Nested models stand before those that call them.
        for model in &plan.models {
            let name = &model.type_name;
            let mut outputs: Vec<String> = Vec::with_capacity(model.bodies.len());
            for (index, body) in model.bodies.iter().enumerate() {
                let mut before = model.bodies[..index].iter();
                outputs.push(match before.position(|other| gives_the_same(other, body)) {
                    Some(other) => outputs[other].clone(),
                    None if body.training.is_some() => names.unique(&format!("{name}Training")),
                    None if index == 0 => names.unique(&format!("{name}Output")),
                    None => names.unique(&format!("{name}Output{}", index + 1)),
                });
            }
            let has_state = model.bodies.iter().any(|body| !body.states.is_empty());
            let state = if has_state {
                names.unique(&format!("{name}State"))
            } else {
                String::new()
            };
            let segments = structure::segments(plan, model).unwrap_or_default();
            let mut fields = Names::fields();
            for field in &model.fields {
                fields.unique(&field.name);
            }
            let parts = (1..=segments.len()).map(|number| {
                (
                    fields.unique(&format!("part_{number}")),
                    names.unique(&format!("{name}Part{number}")),
                )
            });
            let parts = parts.collect();
            let kinds = model.fields.iter().map(|field| &field.kind);
            let needs = kinds
                .map(|kind| types.needs_of(kind))
                .fold(Needs::default(), Needs::or);
            types.models.push(ModelTypes {
                outputs,
                state,
                parts,
                segments,
                needs,
            });
        }
        types
    }

    /// The type of a field.
    pub fn of(&self, kind: &FieldKind) -> &str {
        match kind {
            FieldKind::Module(module) => module::type_name(module),
            FieldKind::Model(index) => {
                let model = self.plan.models.get(*index);
                model.map_or("Missing", |model| &model.type_name)
            }
        }
    }

    /// What making a field needs.
    pub fn needs_of(&self, kind: &FieldKind) -> Needs {
        match kind {
            FieldKind::Module(module) => Needs {
                scope: module::needs_scope(module),
                device: module::needs_device(module),
            },
            FieldKind::Model(index) => self
                .models
                .get(*index)
                .map(|of| of.needs)
                .unwrap_or_default(),
        }
    }

    /// What making a model needs.
    pub fn needs(&self, model: &ModelPlan) -> Needs {
        self.model(model).map(|of| of.needs).unwrap_or_default()
    }

    /// The segments of a model; none if it is not cut.
    pub fn segments(&self, model: &ModelPlan) -> &[Segment] {
        self.model(model).map_or(&[], |of| &of.segments)
    }

    /// The field of a segment and its type.
    pub fn part(&self, model: &ModelPlan, segment: usize) -> (&str, &str) {
        let part = self.model(model).and_then(|of| of.parts.get(segment));
        part.map_or(("missing", "Missing"), |(field, ty)| (field, ty))
    }

    /// The struct of the outputs of a body.
    pub fn output_type(&self, model: &ModelPlan, body: usize) -> &str {
        let output = self.model(model).and_then(|of| of.outputs.get(body));
        output.map_or("Missing", String::as_str)
    }

    /// The struct of the states of a model.
    pub fn state_type(&self, model: &ModelPlan) -> &str {
        self.model(model).map_or("Missing", |of| &of.state)
    }

    /// Whether other models call every body of `model`.
    pub fn is_called(&self, model: &ModelPlan) -> bool {
        let position = self.position(model);
        let is_called = |body| position.is_some_and(|model| self.called.contains(&(model, body)));
        (0..model.bodies.len()).all(is_called)
    }

    fn position(&self, model: &ModelPlan) -> Option<usize> {
        let mut models = self.plan.models.iter();
        models.position(|other| std::ptr::eq(other, model))
    }

    fn model(&self, model: &ModelPlan) -> Option<&ModelTypes> {
        self.models.get(self.position(model)?)
    }
}

/// Whether `body` goes on where another call stopped, and gives what `other` gives, which does not.
pub(super) fn gives_the_same(other: &Body, body: &Body) -> bool {
    let outputs = |body: &Body| -> Vec<_> {
        let outputs = body.outputs.iter().map(|output| {
            let mask = output.mask.map(|mask| body.value(mask).spec.clone());
            (
                output.name.clone(),
                body.value(output.value).spec.clone(),
                mask,
            )
        });
        outputs.collect()
    };
    other.states.is_empty() && !body.states.is_empty() && outputs(other) == outputs(body)
}

fn called(plan: &Plan) -> HashSet<(usize, usize)> {
    let mut called = HashSet::new();
    for model in &plan.models {
        for step in model.bodies.iter().flat_map(|body| &body.steps) {
            if let Operation::Model { module, body } = step.operation
                && let Some(FieldKind::Model(inner)) = structure::kind_of(model, module)
            {
                called.insert((*inner, body));
            }
        }
    }
    called
}

/// A field of a struct of outputs.
pub(super) struct OutputField<'b> {
    pub name: String,
    pub keras_name: &'b str,
    pub value: ValueId,
    pub is_mask: bool,
}

/// The fields of the struct of the outputs of a body: the outputs, then their masks.
pub(super) fn output_fields(body: &Body) -> Vec<OutputField<'_>> {
    let mut names = Names::fields();
    let outputs = body.outputs.iter().map(|output| OutputField {
        name: names.unique(&output.name),
        keras_name: &output.keras_name,
        value: output.value,
        is_mask: false,
    });
    let mut fields: Vec<OutputField<'_>> = outputs.collect();
    for output in &body.outputs {
        if let Some(mask) = output.mask {
            fields.push(OutputField {
                name: names.unique(&format!("{}_mask", output.name)),
                keras_name: &output.keras_name,
                value: mask,
                is_mask: true,
            });
        }
    }
    fields
}
