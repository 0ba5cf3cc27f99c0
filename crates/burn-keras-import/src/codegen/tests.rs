//! Small plans, written by hand, and their source.
#![allow(clippy::panic, clippy::approx_constant)]

mod function;
mod model;
mod module;

use keras_ir::graph::{LayerId, ModelId};
use keras_ir::shape::{Kind, Shape, Spec};

use super::{CodegenOptions, generate};
use crate::plan::{
    Body, Field, FieldKind, Function, ModelPlan, Module, ModuleRef, Operation, Output, Plan, Step,
    Value, ValueId,
};

fn spec(rank: usize, kind: Kind) -> Spec {
    let mut shape = vec![None];
    shape.extend((1..rank).map(|axis| Some(axis + 2)));
    shape.truncate(rank);
    Spec {
        shape: Shape(shape),
        kind,
    }
}

fn float(rank: usize) -> Spec {
    spec(rank, Kind::Float)
}

/// A body in the making.
#[derive(Default)]
struct Draft(Body);

impl Draft {
    fn new() -> Self {
        let mut draft = Self::default();
        draft.0.name = "forward".into();
        draft
    }

    fn value(&mut self, name: &str, spec: Spec) -> ValueId {
        let name = name.to_owned();
        self.0.values.push(Value { name, spec });
        ValueId(self.0.values.len() - 1)
    }

    fn input(&mut self, name: &str, spec: Spec) -> ValueId {
        let id = self.value(name, spec);
        self.0.inputs.push(id);
        self.0.input_masks.push(None);
        id
    }

    fn steps(
        &mut self,
        operation: Operation,
        inputs: &[ValueId],
        outputs: &[(&str, Spec)],
    ) -> Vec<ValueId> {
        let ids: Vec<ValueId> = outputs
            .iter()
            .map(|(name, spec)| self.value(name, spec.clone()))
            .collect();
        self.0.steps.push(Step {
            operation,
            inputs: inputs.to_vec(),
            outputs: ids.clone(),
            layer: outputs[0].0.to_owned(),
        });
        ids
    }

    fn step(
        &mut self,
        operation: Operation,
        inputs: &[ValueId],
        name: &str,
        spec: Spec,
    ) -> ValueId {
        self.steps(operation, inputs, &[(name, spec)])[0]
    }

    fn function(
        &mut self,
        function: Function,
        inputs: &[ValueId],
        name: &str,
        spec: Spec,
    ) -> ValueId {
        self.step(Operation::Function(function), inputs, name, spec)
    }

    fn output(&mut self, name: &str, value: ValueId, mask: Option<ValueId>) {
        self.0.outputs.push(Output {
            keras_name: name.to_owned(),
            name: name.to_owned(),
            value,
            mask,
        });
    }
}

fn own(field: usize) -> Operation {
    Operation::Module(ModuleRef::Own(field))
}

fn linear() -> FieldKind {
    FieldKind::Module(Module::Linear {
        input: 3,
        output: 3,
        bias: true,
    })
}

fn field(layer: usize, name: &str, kind: FieldKind) -> Field {
    Field {
        layer: LayerId(layer),
        name: name.to_owned(),
        keras_name: name.to_owned(),
        class: "Dense".into(),
        kind,
        frozen: false,
    }
}

fn model(id: usize, name: &str, fields: Vec<Field>, body: Body) -> ModelPlan {
    ModelPlan {
        id: ModelId(id),
        keras_name: name.to_lowercase(),
        type_name: name.to_owned(),
        fields,
        borrows: Vec::new(),
        bodies: vec![body],
    }
}

fn plan(models: Vec<ModelPlan>) -> Plan {
    Plan {
        name: "net".into(),
        source: "net.h5".into(),
        keras_version: "3.15.1".into(),
        models,
        parameters: Vec::new(),
        training: None,
        notes: Vec::new(),
    }
}

fn source(plan: &Plan) -> String {
    let text = generate(plan, &CodegenOptions::default());
    assert_eq!(text, generate(plan, &CodegenOptions::default()));
    if let Err(error) = syn::parse_file(&text) {
        panic!("{error}\n{text}");
    }
    text
}

/// The source of a model of one body without modules.
fn body_source(draft: Draft) -> String {
    source(&plan(vec![model(0, "Net", Vec::new(), draft.0)]))
}

/// What `text` says, however it is laid out.
fn flat(text: &str) -> String {
    let text: String = text.split_whitespace().collect();
    text.replace(",)", ")")
        .replace(",]", "]")
        .replace(",}", "}")
}

#[track_caller]
fn assert_says(text: &str, expected: &str) {
    let (flat, expected) = (flat(text), flat(expected));
    assert!(flat.contains(&expected), "lacks {expected}\n{text}");
}
