//! Plans made by hand: what lowering hardly ever makes, and what cannot be run.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use burn::module::Module as _;
use burn::tensor::{Device, Tensor};
use burn_keras::burn_keras_import::Plan;
use burn_keras::burn_keras_import::plan::{
    Body, Borrow, Field, FieldKind, Function, ModelPlan, Module, ModuleRef, Operation, Output,
    ReducedAxes, Step, Value as PlanValue, ValueId,
};
use burn_keras::keras_ir::graph::{LayerId, ModelId};
use burn_keras::keras_ir::shape::{Kind, Shape, Spec};
use burn_keras::{Error, Model, Value};

/// A body of one to many values of the given ranks and kinds; the first `inputs` are inputs.
fn body(inputs: usize, specs: &[(usize, Kind)], steps: Vec<Step>, outputs: &[usize]) -> Body {
    Body {
        name: "forward".into(),
        inputs: (0..inputs).map(ValueId).collect(),
        input_names: (0..inputs).map(|index| format!("input_{index}")).collect(),
        input_masks: vec![None; inputs],
        values: specs
            .iter()
            .enumerate()
            .map(|(index, (rank, kind))| PlanValue {
                name: format!("value_{index}"),
                spec: Spec {
                    shape: Shape(vec![None; *rank]),
                    kind: *kind,
                },
            })
            .collect(),
        steps,
        outputs: outputs
            .iter()
            .map(|value| Output {
                keras_name: format!("out_{value}"),
                name: format!("out_{value}"),
                value: ValueId(*value),
                mask: None,
            })
            .collect(),
        states: Vec::new(),
        training: None,
    }
}

fn step(operation: Operation, inputs: &[usize], output: usize) -> Step {
    Step {
        operation,
        inputs: inputs.iter().copied().map(ValueId).collect(),
        outputs: vec![ValueId(output)],
        layer: "layer".into(),
    }
}

fn call(function: Function, inputs: &[usize], output: usize) -> Step {
    step(Operation::Function(function), inputs, output)
}

fn model(fields: Vec<Field>, borrows: Vec<Borrow>, body: Body) -> ModelPlan {
    ModelPlan {
        id: ModelId(0),
        keras_name: "model".into(),
        type_name: "Hand".into(),
        fields,
        borrows,
        bodies: vec![body],
    }
}

fn plan(models: Vec<ModelPlan>) -> Plan {
    Plan {
        name: "hand".into(),
        source: "hand.h5".into(),
        keras_version: "3.0.0".into(),
        models,
        parameters: Vec::new(),
        training: None,
        notes: Vec::new(),
    }
}

fn field(layer: usize, name: &str, kind: FieldKind) -> Field {
    Field {
        layer: LayerId(layer),
        name: name.into(),
        keras_name: name.into(),
        class: "Layer".into(),
        kind,
        frozen: false,
    }
}

fn linear(size: usize) -> FieldKind {
    FieldKind::Module(Module::Linear {
        input: size,
        output: size,
        bias: true,
    })
}

fn made(plan: Plan) -> Result<Model, Error> {
    Model::from_plan(Arc::new(plan), "hand", &Device::flex())
}

/// The model of a root with this body alone.
fn only(body: Body) -> Result<Model, Error> {
    made(plan(vec![model(Vec::new(), Vec::new(), body)]))
}

fn floats(rows: &[[f32; 3]]) -> Value {
    let elements: Vec<f32> = rows.iter().flatten().copied().collect();
    Value::from_elements(elements, &[rows.len(), 3], &Device::flex()).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.to_data().unwrap().iter::<f32>().collect()
}

const FLOAT: (usize, Kind) = (2, Kind::Float);

#[test]
fn values_live_as_long_as_they_are_needed() {
    // x + x, then times x again; x, the sum twice and the product come out
    let steps = vec![
        call(Function::Add, &[0, 0], 1),
        call(Function::Multiply, &[1, 0], 2),
    ];
    let model = only(body(1, &[FLOAT; 3], steps, &[0, 1, 1, 2])).unwrap();
    let outputs = model.predict([floats(&[[1.0, 2.0, 3.0]])]).unwrap();
    let expected = [
        [1.0, 2.0, 3.0],
        [2.0, 4.0, 6.0],
        [2.0, 4.0, 6.0],
        [2.0, 8.0, 18.0],
    ];
    assert_eq!(outputs.len(), 4);
    for (output, expected) in outputs.iter().zip(expected) {
        assert_eq!(numbers(output), expected);
    }
}

#[test]
fn averages_of_many() {
    for count in [1, 2, 16, 17, 40] {
        let inputs: Vec<usize> = (0..count).collect();
        let steps = vec![call(Function::Average, &inputs, count)];
        let model = only(body(count, &vec![FLOAT; count + 1], steps, &[count])).unwrap();
        let inputs = (0..count).map(|i| floats(&[[i as f32, 0.0, 1.0]]));
        let outputs = model.predict(inputs).unwrap();
        assert_eq!(numbers(&outputs[0]), [(count - 1) as f32 / 2.0, 0.0, 1.0]);
    }
}

#[test]
fn functions_of_any_rank_and_kind() {
    let (float3, bool2) = ((3, Kind::Float), (2, Kind::Bool));
    let int = (2, Kind::Int);
    let axes = |axes: &[usize], keepdims| ReducedAxes {
        axes: axes.to_vec(),
        keepdims,
    };
    let steps = vec![
        call(Function::ToInt, &[0], 1),
        call(Function::NotEqual(0.0), &[1], 2),
        call(Function::ExpandDims(vec![1]), &[0], 3),
        call(Function::GlobalAveragePool(axes(&[1, 2], true)), &[3], 4),
        call(Function::GlobalMaxPool(axes(&[1], false)), &[3], 5),
        call(Function::ToBool, &[2], 6),
        call(Function::ZerosMask, &[1], 7),
        call(Function::Or, &[6, 7], 8),
        call(
            Function::Any {
                axis: 1,
                keepdims: true,
            },
            &[8],
            9,
        ),
        call(Function::Permute(vec![1, 0]), &[2], 10),
        call(Function::Concatenate(1), &[1, 1], 11),
        call(Function::ToFloat, &[11], 12),
        call(Function::SoftmaxAxes(vec![0, 1]), &[0], 13),
    ];
    let specs = [
        FLOAT, int, bool2, float3, float3, FLOAT, bool2, bool2, bool2, bool2, bool2, int, FLOAT,
        FLOAT,
    ];
    let model = only(body(1, &specs, steps, &[4, 5, 8, 9, 10, 12, 13])).unwrap();
    let outputs = model.predict([floats(&[[0.5, -1.5, 7.0]])]).unwrap();
    let text: Vec<String> = outputs.iter().map(Value::to_string).collect();
    assert_eq!(
        text,
        [
            "float [1, 1, 1]",
            "float [1, 3]",
            "bool [1, 3]",
            "bool [1, 1]",
            "bool [3, 1]",
            "float [1, 6]",
            "float [1, 3]"
        ]
    );
    assert_eq!(numbers(&outputs[0]), [2.0]);
    assert_eq!(numbers(&outputs[1]), [0.5, -1.5, 7.0]);
    assert_eq!(numbers(&outputs[2]), [0.0, 1.0, 1.0]);
    assert_eq!(numbers(&outputs[5]), [0.0, -1.0, 7.0, 0.0, -1.0, 7.0]);
    assert!((numbers(&outputs[6]).iter().sum::<f32>() - 1.0).abs() < 1e-6);
}

#[test]
fn a_borrowed_module_is_the_owners() {
    // outer owns `shared` and `inner`; inner calls shared, outer calls inner and shared
    let inner = model(
        Vec::new(),
        vec![Borrow {
            layer: LayerId(7),
            name: "shared".into(),
            kind: linear(3),
        }],
        body(
            1,
            &[FLOAT; 2],
            vec![step(Operation::Module(ModuleRef::Borrowed(0)), &[0], 1)],
            &[1],
        ),
    );
    let nested = Operation::Model {
        module: ModuleRef::Own(0),
        body: 0,
    };
    let steps = vec![
        step(nested, &[0], 1),
        step(Operation::Module(ModuleRef::Own(1)), &[0], 2),
    ];
    let fields = vec![
        field(6, "inner", FieldKind::Model(0)),
        field(7, "shared", linear(3)),
    ];
    let outer = model(fields, Vec::new(), body(1, &[FLOAT; 3], steps, &[1, 2]));
    let model = made(plan(vec![inner, outer])).unwrap();
    assert_eq!(burn::module::Module::num_params(&model), 12);
    let outputs = model.predict([floats(&[[1.0, -2.0, 0.5]])]).unwrap();
    assert_eq!(numbers(&outputs[0]), numbers(&outputs[1]));
}

#[test]
fn sizes_that_do_not_fit_are_errors() {
    let reshape = || {
        let steps = vec![call(Function::Reshape(vec![0, 2, -1]), &[0], 1)];
        only(body(1, &[FLOAT, (3, Kind::Float)], steps, &[1])).unwrap()
    };
    let error = reshape().predict([floats(&[[0.0; 3]])]).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    assert!(
        error.to_string().starts_with("layer: does not fit"),
        "{error}"
    );

    let steps = vec![call(Function::Add, &[0, 1], 2)];
    let add = only(body(2, &[FLOAT; 3], steps, &[2])).unwrap();
    let other = Tensor::<2>::zeros([1, 2], &Device::flex());
    let error = add
        .predict([floats(&[[0.0; 3]]), other.into()])
        .unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");

    let nothing_left = vec![call(Function::Crop(vec![(0, 0), (1, 2)]), &[0], 1)];
    let crop = only(body(1, &[FLOAT; 2], nothing_left, &[1])).unwrap();
    let error = crop.predict([floats(&[[0.0; 3]])]).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");

    let steps = vec![step(Operation::Module(ModuleRef::Own(0)), &[0], 1)];
    let root = model(
        vec![field(0, "dense", linear(4))],
        Vec::new(),
        body(1, &[FLOAT; 2], steps, &[1]),
    );
    let error = made(plan(vec![root]))
        .unwrap()
        .predict([floats(&[[0.0; 3]])])
        .unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
}

#[test]
fn plans_that_lead_nowhere_are_refused() {
    let refused = |models: Vec<ModelPlan>| {
        let error = made(plan(models)).unwrap_err();
        assert!(matches!(error, Error::Plan { .. }), "{error}");
    };
    let root = |body| vec![model(Vec::new(), Vec::new(), body)];
    refused(Vec::new());
    refused(root(body(
        1,
        &[FLOAT],
        vec![call(Function::Add, &[0, 9], 0)],
        &[0],
    )));
    refused(root(body(1, &[FLOAT], Vec::new(), &[3])));
    refused(root(body(1, &[(7, Kind::Float)], Vec::new(), &[0])));
    refused(root(body(1, &[(0, Kind::Float)], Vec::new(), &[0])));
    let missing = vec![step(Operation::Module(ModuleRef::Own(0)), &[0], 0)];
    refused(root(body(1, &[FLOAT], missing, &[0])));
    let itself = vec![field(0, "itself", FieldKind::Model(0))];
    refused(vec![model(
        itself,
        Vec::new(),
        body(1, &[FLOAT], Vec::new(), &[0]),
    )]);
    let no_rate = FieldKind::Module(Module::Dropout { rate: 2.0 });
    refused(vec![model(
        vec![field(0, "dropout", no_rate)],
        Vec::new(),
        body(1, &[FLOAT], Vec::new(), &[0]),
    )]);
}

#[test]
fn steps_that_make_no_sense_are_errors() {
    let run = |specs: &[(usize, Kind)], steps: Vec<Step>, output: usize| {
        let model = only(body(1, specs, steps, &[output])).unwrap();
        let error = model.predict([floats(&[[0.0; 3]])]).unwrap_err();
        assert!(matches!(error, Error::Plan { .. }), "{error}");
    };
    // of another kind, of another rank, before it is made, never made
    run(&[FLOAT; 2], vec![call(Function::And, &[0, 0], 1)], 1);
    run(
        &[FLOAT, (3, Kind::Float)],
        vec![call(Function::Add, &[0, 0], 1)],
        1,
    );
    run(&[FLOAT; 3], vec![call(Function::Add, &[0, 2], 1)], 1);
    run(&[FLOAT; 2], Vec::new(), 1);
    run(&[FLOAT; 2], vec![call(Function::Add, &[0], 1)], 1);
}

/// A debug build on a thread as small as tests and servers have.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    thread.spawn(work).unwrap().join().unwrap();
}

#[test]
fn a_thousand_layers_fit_a_small_stack() {
    on_a_small_stack(|| {
        let fields = (0..1000).map(|i| field(i, &format!("dense_{i}"), linear(3)));
        let steps = (0..1000).map(|i| step(Operation::Module(ModuleRef::Own(i)), &[i], i + 1));
        let body = body(1, &[FLOAT; 1001], steps.collect(), &[1000]);
        let model = made(plan(vec![model(fields.collect(), Vec::new(), body)])).unwrap();
        let model = model.valid().to_device(&Device::flex());
        let outputs = model.predict([floats(&[[1.0; 3]])]).unwrap();
        assert_eq!(outputs[0].shape(), [1, 3]);
    });
}

#[test]
fn models_in_models_fit_a_small_stack() {
    on_a_small_stack(|| {
        let mut models = vec![model(
            vec![field(0, "dense", linear(3))],
            Vec::new(),
            body(
                1,
                &[FLOAT; 2],
                vec![step(Operation::Module(ModuleRef::Own(0)), &[0], 1)],
                &[1],
            ),
        )];
        for depth in 0..60 {
            let nested = Operation::Model {
                module: ModuleRef::Own(0),
                body: 0,
            };
            models.push(model(
                vec![field(depth + 1, "inner", FieldKind::Model(depth))],
                Vec::new(),
                body(1, &[FLOAT; 2], vec![step(nested, &[0], 1)], &[1]),
            ));
        }
        let model = made(plan(models)).unwrap();
        let outputs = model.predict([floats(&[[1.0; 3]])]).unwrap();
        assert_eq!(outputs[0].shape(), [1, 3]);
    });
}
