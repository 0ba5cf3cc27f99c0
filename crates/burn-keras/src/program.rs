//! A plan with everything settled that running it needs more than once.

use std::sync::Arc;

use burn_keras_import::Plan;
use burn_keras_import::plan::{
    Body, Borrow, Field, FieldKind, ModelPlan, ModuleRef, Operation, ValueId,
};

use crate::Error;

/// The highest rank of a tensor.
const MAX_RANK: usize = 6;

/// A plan that was checked, with the routine of each body.
#[derive(Debug)]
pub(crate) struct Program {
    pub plan: Arc<Plan>,
    /// Per model and body.
    routines: Vec<Vec<Routine>>,
}

/// What running a body needs beside the body.
#[derive(Debug)]
pub(crate) struct Routine {
    /// Per step.
    pub steps: Vec<Extra>,
}

/// What running a step needs beside the step.
#[derive(Debug)]
pub(crate) struct Extra {
    /// The inputs that nothing needs any more.
    pub last_uses: Vec<ValueId>,
    /// For a nested model, where this model finds the modules that it borrows.
    pub borrows: Vec<ModuleRef>,
}

impl Program {
    /// Checks that all references of `plan` lead somewhere and that nested models come first, so
    /// that running it ends.
    pub fn new(plan: Arc<Plan>) -> Result<Self, Error> {
        if plan.models.is_empty() {
            return Err(refused(&plan.name, "there is no model"));
        }
        if plan.root().bodies.is_empty() || !plan.root().borrows.is_empty() {
            return Err(refused(&plan.name, "the outermost model cannot be called"));
        }
        let models = plan.models.iter().enumerate();
        let routines = models.map(|(position, model)| {
            let fields = model.fields.iter().map(|field| &field.kind);
            let borrows = model.borrows.iter().map(|borrow| &borrow.kind);
            for kind in fields.chain(borrows) {
                if matches!(kind, FieldKind::Model(inner) if *inner >= position) {
                    return Err(refused(
                        &model.keras_name,
                        "it holds a model that is not before it",
                    ));
                }
            }
            let bodies = model.bodies.iter();
            bodies.map(|body| routine(&plan, model, body)).collect()
        });
        let routines = routines.collect::<Result<_, Error>>()?;
        Ok(Self { plan, routines })
    }

    /// The model, its body and the body's routine.
    pub fn body(&self, model: usize, body: usize) -> Option<(&ModelPlan, &Body, &Routine)> {
        let plan = self.plan.models.get(model)?;
        let routine = self.routines.get(model)?.get(body)?;
        Some((plan, plan.bodies.get(body)?, routine))
    }
}

fn refused(place: &str, reason: &str) -> Error {
    Error::Plan {
        place: place.to_owned(),
        reason: reason.to_owned(),
    }
}

/// What `model` finds at a reference.
pub(crate) fn kind_of(model: &ModelPlan, module: ModuleRef) -> Option<&FieldKind> {
    match module {
        ModuleRef::Own(index) => model.fields.get(index).map(|Field { kind, .. }| kind),
        ModuleRef::Borrowed(index) => model.borrows.get(index).map(|Borrow { kind, .. }| kind),
    }
}

fn routine(plan: &Plan, model: &ModelPlan, body: &Body) -> Result<Routine, Error> {
    let place = &model.keras_name;
    for value in &body.values {
        if !(1..=MAX_RANK).contains(&value.rank()) {
            let reason = format!(
                "{} has {} axes, tensors of 1 to {MAX_RANK} are supported",
                value.name,
                value.rank()
            );
            return Err(refused(place, &reason));
        }
    }
    let steps = body.steps.iter();
    let named = steps.flat_map(|step| step.inputs.iter().chain(&step.outputs));
    let named = named.copied().chain(body.arguments()).chain(body.results());
    if named.into_iter().any(|id| id.0 >= body.values.len()) {
        return Err(refused(place, "a step names a value that is not there"));
    }
    let extras = body.steps.iter().zip(body.last_uses());
    let steps = extras.map(|(step, last_uses)| {
        let missing = || refused(&step.layer, "it names a module that is not there");
        let borrows = match &step.operation {
            Operation::Function(_) => Vec::new(),
            Operation::Module(module)
            | Operation::Lookup(module)
            | Operation::Project(module)
            | Operation::Apply { module, .. } => {
                kind_of(model, *module).ok_or_else(missing)?;
                Vec::new()
            }
            Operation::Model { module, body } => {
                let Some(FieldKind::Model(inner)) = kind_of(model, *module) else {
                    return Err(missing());
                };
                let inner = &plan.models[*inner];
                if *body >= inner.bodies.len() {
                    return Err(missing());
                }
                let borrows = inner.borrows.iter();
                let borrows = borrows.map(|borrow| find(model, borrow).ok_or_else(missing));
                borrows.collect::<Result<_, Error>>()?
            }
        };
        Ok(Extra { last_uses, borrows })
    });
    Ok(Routine {
        steps: steps.collect::<Result<_, Error>>()?,
    })
}

/// Where `model` has what a model inside borrows.
fn find(model: &ModelPlan, borrow: &Borrow) -> Option<ModuleRef> {
    let layer = borrow.layer;
    let own = model.fields.iter().position(|field| field.layer == layer);
    let borrowed = || model.borrows.iter().position(|other| other.layer == layer);
    own.map(ModuleRef::Own)
        .or_else(|| borrowed().map(ModuleRef::Borrowed))
        .filter(|module| kind_of(model, *module) == Some(&borrow.kind))
}
