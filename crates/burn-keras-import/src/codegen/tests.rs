//! Small plans, written by hand, and their source.
#![allow(clippy::panic, clippy::approx_constant)]

use keras_ir::Activation;
use keras_ir::graph::{LayerId, ModelId};
use keras_ir::layer::attention::Score;
use keras_ir::layer::convolution::Padding;
use keras_ir::layer::keras1::EarlyStatistics;
use keras_ir::layer::normalization::Renorm;
use keras_ir::layer::resizing::Interpolation;
use keras_ir::layer::rnn::{CellDropout, CellKind, DropoutMasks, MaskedOutput, WeightLayout};
use keras_ir::shape::{Kind, Shape, Spec};

use super::{CodegenOptions, generate};
use crate::plan::{
    Argument, Body, Borrow, Field, FieldKind, Function, ModelPlan, Module, ModuleRef, Operation,
    Output, Plan, PoolWindow, ReducedAxes, Step, Value, ValueId,
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

#[test]
fn a_shared_layer_is_one_field_and_borrowed_by_a_nested_model() {
    let mut inner = Draft::new();
    let x = inner.input("x", float(2));
    let shared = Operation::Module(ModuleRef::Borrowed(0));
    let y = inner.step(shared, &[x], "shared", float(2));
    let y = inner.step(own(0), &[y], "dense", float(2));
    inner.output("dense", y, None);
    let mut decoder = model(1, "Decoder", vec![field(2, "dense", linear())], inner.0);
    decoder.borrows.push(Borrow {
        layer: LayerId(1),
        name: "shared".into(),
        kind: linear(),
    });

    let mut outer = Draft::new();
    let x = outer.input("x", float(2));
    let a = outer.step(own(0), &[x], "shared", float(2));
    let b = outer.step(own(0), &[a], "shared", float(2));
    let call = Operation::Model {
        module: ModuleRef::Own(1),
        body: 0,
    };
    let c = outer.step(call, &[b], "decoder", float(2));
    let d = outer.function(Function::Add, &[a, c], "add", float(2));
    outer.output("add", d, None);
    let fields = vec![
        field(1, "shared", linear()),
        field(3, "decoder", FieldKind::Model(0)),
    ];
    let text = source(&plan(vec![decoder, model(0, "Net", fields, outer.0)]));

    assert!(text.starts_with(
        "// Generated by burn-keras 0.1.0 from net.h5 (Keras 3.15.1). Do not edit.\n\n\
         use burn::module::Module;\n\
         use burn::nn::{Linear, LinearConfig};\n\
         use burn::tensor::{Device, Tensor};\n\
         use burn_keras_nn::record::RecordBytes;\n\
         use burn_keras_nn::{LoadError, merge, record, stable_ids};\n\
         use std::path::Path;\n\n"
    ));
    assert_says(
        &text,
        "pub struct Net {
            /// `shared` (Dense)
            pub shared: Linear,
            /// `decoder` (Dense)
            pub decoder: Decoder,
        }",
    );
    assert_says(&text, "stable_ids(Self::init(device), namespace)");
    assert_says(
        &text,
        "fn init(device: &Device) -> Self {
            Self {
                shared: LinearConfig::new(3, 3).init(device),
                decoder: Decoder::init(device),
            }
        }",
    );
    assert_says(
        &text,
        "pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
            let shared = self.shared.forward(x);
            let shared_2 = self.shared.forward(shared.clone());
            let decoder = self.decoder.forward(shared_2, &self.shared);
            merge::add(shared, decoder)
        }",
    );
    assert_says(
        &text,
        "pub fn forward(&self, x: Tensor<2>, shared: &Linear) -> Tensor<2> {
            let shared_2 = shared.forward(x);
            self.dense.forward(shared_2)
        }",
    );
}

#[test]
fn several_outputs_and_masks_are_a_struct() {
    let mut inner = Draft::new();
    let ids = inner.input("ids", spec(2, Kind::Int));
    let unused = inner.input("unused", float(2));
    let y = inner.step(
        Operation::Lookup(ModuleRef::Own(0)),
        &[ids],
        "embedding",
        float(3),
    );
    let keep = inner.function(
        Function::NotEqual(0.0),
        &[ids],
        "embedding",
        spec(2, Kind::Bool),
    );
    inner.output("embedding", y, Some(keep));
    inner.output("unused", unused, None);
    let table = FieldKind::Module(Module::Embedding { count: 9, size: 4 });
    let encoder = model(1, "Encoder", vec![field(1, "embedding", table)], inner.0);

    let mut outer = Draft::new();
    let ids = outer.input("ids", spec(2, Kind::Int));
    let x = outer.input("x", float(2));
    outer.input("nobody", float(4));
    let call = Operation::Model {
        module: ModuleRef::Own(0),
        body: 0,
    };
    let parts = outer.steps(
        call,
        &[ids, x],
        &[
            ("encoder", float(3)),
            ("encoder", float(2)),
            ("encoder", spec(2, Kind::Bool)),
        ],
    );
    let lstm = Operation::Apply {
        module: ModuleRef::Own(1),
        arguments: vec![
            Argument::Tensor,
            Argument::Optional(true),
            Argument::Several(2),
        ],
        results: vec!["sequence", "hidden", "cell"],
    };
    let states = outer.steps(
        lstm,
        &[parts[0], parts[2], x, x],
        &[("lstm", float(3)), ("lstm", float(2)), ("lstm", float(2))],
    );
    outer.output("a", states[0], None);
    outer.output("b", states[2], None);
    outer.output("c", states[2], None);
    outer.output("x", x, None);
    let lstm = FieldKind::Module(Module::Recurrent {
        cell: CellKind::Lstm,
        layout: WeightLayout::Keras,
        input: 4,
        units: 3,
        bias: false,
        activation: Activation::LeakyRelu {
            negative_slope: 0.2,
        },
        recurrent_activation: Activation::Sigmoid,
        go_backwards: true,
        masked_output: MaskedOutput::Zero,
    });
    let fields = vec![
        field(2, "encoder", FieldKind::Model(0)),
        field(3, "lstm", lstm),
    ];
    let text = source(&plan(vec![encoder, model(0, "Net", fields, outer.0)]));

    assert_says(
        &text,
        "#[allow(dead_code)]
        pub struct EncoderOutput {
            /// `embedding` `(None, 3, 4)`
            pub embedding: Tensor<3>,
            /// `unused` `(None, 3)`
            pub unused: Tensor<2>,
            /// The mask of `embedding` `(None, 3)` of booleans
            pub embedding_mask: Tensor<2, Bool>,
        }",
    );
    assert_says(
        &text,
        "let embedding: Tensor<3> = embedding::embedding(self.embedding.weight.val(), ids.clone());
         let embedding_2 = mask::not_equal_int(ids, 0);
         EncoderOutput { embedding, unused, embedding_mask: embedding_2, }",
    );
    assert_says(
        &text,
        "pub fn forward(&self, ids: Tensor<2, Int>, x: Tensor<2>, _nobody: Tensor<4>) -> NetOutput {
            let EncoderOutput { embedding: encoder, embedding_mask: encoder_2, .. } =
                self.encoder.forward(ids, x.clone());
            let LstmOutput { sequence: lstm, cell: lstm_2, .. } =
                self.lstm.forward(encoder, Some(encoder_2), Some([x.clone(), x.clone()]));
            NetOutput { a: lstm, b: lstm_2.clone(), c: lstm_2, x, }
        }",
    );
    assert_says(
        &text,
        "LstmConfig::new(4, 3)
            .with_bias(false)
            .with_activation(Activation::LeakyRelu { negative_slope: 0.2, })
            .with_go_backwards(true)
            .with_masked_output(MaskedOutput::Zero)
            .init(device)",
    );
}

#[test]
fn names_are_used_again_and_values_moved_at_their_last_use() {
    let mut draft = Draft::new();
    let x = draft.input("x", float(3));
    let relu = Function::Activation(Activation::Relu);
    let a = draft.function(relu.clone(), &[x], "x", float(3));
    let b = draft.function(Function::Add, &[a, a], "x", float(3));
    let c = draft.function(Function::Reshape(vec![0, -1]), &[b], "flat", float(2));
    let d = draft.function(relu, &[c], "out", float(2));
    draft.output("out", d, None);
    assert_says(
        &body_source(draft),
        "pub fn forward(&self, x: Tensor<3>) -> Tensor<2> {
            let x = activation::relu(x);
            let x = merge::add(x.clone(), x);
            let flat: Tensor<2> = x.reshape([0, -1]);
            activation::relu(flat)
        }",
    );
}

#[test]
fn an_input_may_be_the_output() {
    let mut draft = Draft::new();
    let x = draft.input("x", float(2));
    draft.output("x", x, None);
    let text = body_source(draft);
    assert_says(
        &text,
        "pub fn forward(&self, x: Tensor<2>) -> Tensor<2> { x }",
    );
    assert_says(
        &text,
        "pub fn with_namespace(namespace: &str, _device: &Device) -> Self",
    );
}

#[test]
fn every_function_has_its_expression() {
    let window = |padding| PoolWindow {
        size: vec![2, 3],
        strides: vec![1, 2],
        padding,
    };
    let axes = |axes: &[usize]| ReducedAxes {
        axes: axes.to_vec(),
        keepdims: false,
    };
    let (b2, i2) = (spec(2, Kind::Bool), spec(2, Kind::Int));
    let f = float;
    let cases: Vec<(Function, Vec<Spec>, Spec, &str)> = vec![
        (
            Function::Activation(Activation::Elu { alpha: 0.5 }),
            vec![f(2)],
            f(2),
            "let y = activation::elu(a, 0.5);",
        ),
        (
            Function::Activation(Activation::ReluWith {
                negative_slope: 0.1,
                max_value: Some(f64::INFINITY),
                threshold: -1.0,
            }),
            vec![f(2)],
            f(2),
            "let y = activation::relu_with(a, 0.1, Some(f64::INFINITY), -1.0);",
        ),
        (
            Function::Softmax(1),
            vec![f(2)],
            f(2),
            "let y = activation::softmax(a, 1);",
        ),
        (
            Function::LogSoftmax(1),
            vec![f(2)],
            f(2),
            "let y = activation::log_softmax(a, 1);",
        ),
        (
            Function::Sparsemax(1),
            vec![f(2)],
            f(2),
            "let y = activation::sparsemax(a, 1);",
        ),
        (
            Function::Glu(1),
            vec![f(2)],
            f(2),
            "let y = activation::glu(a, 1);",
        ),
        (
            Function::SoftmaxAxes(vec![1, 2]),
            vec![f(3)],
            f(3),
            "let y = activation::softmax_axes(a, [1, 2]);",
        ),
        (
            Function::SoftmaxMasked(vec![1]),
            vec![f(2), b2.clone()],
            f(2),
            "let y = activation::softmax_masked(a, b, [1]);",
        ),
        (
            Function::LowerMasked,
            vec![f(2), f(2)],
            f(2),
            "let y = activation::lower_masked(a, b);",
        ),
        (
            Function::L2Normalize {
                axes: vec![1, 2],
                least_square: 1e-24,
            },
            vec![f(3)],
            f(3),
            "let y = normalization::l2_normalize(a, [1, 2], 1e-24);",
        ),
        (
            Function::Above(0.5),
            vec![f(2)],
            b2.clone(),
            "let y = mask::above(a, 0.5);",
        ),
        (
            Function::Dot([1, 2]),
            vec![f(2), f(3)],
            f(2),
            "let y: Tensor<2> = merge::dot(a, b, [1, 2]);",
        ),
        (
            Function::ToFloat,
            vec![b2.clone()],
            f(2),
            "let y = a.float();",
        ),
        (Function::ToInt, vec![f(2)], i2.clone(), "let y = a.int();"),
        (
            Function::ToBool,
            vec![f(2)],
            b2.clone(),
            "let y = mask::not_equal(a, 0.0);",
        ),
        (
            Function::ToBool,
            vec![i2.clone()],
            b2.clone(),
            "let y = mask::not_equal_int(a, 0);",
        ),
        (
            Function::Permute(vec![0, 2, 1]),
            vec![f(3)],
            f(3),
            "let y = a.permute([0, 2, 1]);",
        ),
        (
            Function::Reshape(vec![0, 4, -1]),
            vec![f(3)],
            f(3),
            "let y = a.reshape([0, 4, -1]);",
        ),
        (
            Function::ExpandDims(vec![1]),
            vec![f(2)],
            f(3),
            "let y: Tensor<3> = a.unsqueeze_dim(1);",
        ),
        (
            Function::ExpandDims(vec![1, 2]),
            vec![f(2)],
            f(4),
            "let y: Tensor<4> = a.unsqueeze_dims(&[1, 2]);",
        ),
        (
            Function::RepeatVector(5),
            vec![f(2)],
            f(3),
            "let y: Tensor<3> = shape::repeat_vector(a, 5);",
        ),
        (
            Function::Concatenate(1),
            vec![f(2), f(2)],
            f(2),
            "let y = Tensor::cat(vec![a, b], 1);",
        ),
        (
            Function::Pad(vec![(0, 0), (1, 2)]),
            vec![f(2)],
            f(2),
            "let y = padding::pad(a, [(0, 0), (1, 2)]);",
        ),
        (
            Function::PadSame {
                kernel: vec![3],
                strides: vec![2],
                dilation: vec![1],
            },
            vec![f(3)],
            f(3),
            "let y = padding::pad_same1d(a, [3], [2], [1]);",
        ),
        (
            Function::Crop(vec![(0, 0), (1, 2)]),
            vec![i2.clone()],
            i2.clone(),
            "let y = padding::crop(a, [(0, 0), (1, 2)]);",
        ),
        (
            Function::Repeat(vec![1, 2, 3]),
            vec![f(3)],
            f(3),
            "let y = resize::repeat(a, [1, 2, 3]);",
        ),
        (
            Function::Upsample {
                factors: vec![2, 3],
                interpolation: Interpolation::Bicubic,
            },
            vec![f(4)],
            f(4),
            "let y = resize::upsample2d(a, [2, 3], Interpolation::Bicubic);",
        ),
        (
            Function::Resize {
                size: vec![7, 5],
                interpolation: Interpolation::BilinearGrid,
                antialias: true,
            },
            vec![f(4)],
            f(4),
            "let y = resize::resize2d(a, [7, 5], Interpolation::BilinearGrid, true);",
        ),
        (
            Function::Scale(0.5),
            vec![f(2)],
            f(2),
            "let y = a.mul_scalar(0.5);",
        ),
        (
            Function::Shift(-1.0),
            vec![f(2)],
            f(2),
            "let y = a.add_scalar(-1.0);",
        ),
        (
            Function::Rescale {
                scale: vec![0.5, 2.0],
                offset: vec![0.0],
            },
            vec![f(2)],
            f(2),
            "let y = normalization::rescale(a, &[0.5, 2.0], &[0.0]);",
        ),
        (
            Function::AdaptiveMaxPool(vec![2]),
            vec![f(3)],
            f(3),
            "let y = pool::adaptive_max_pool(a, [2]);",
        ),
        (
            Function::AdaptiveAveragePool(vec![2, 3]),
            vec![f(4)],
            f(4),
            "let y = pool::adaptive_average_pool(a, [2, 3]);",
        ),
        (
            Function::MaxPool(window(Padding::Same)),
            vec![f(4)],
            f(4),
            "let y = pool::max_pool2d(a, [2, 3], [1, 2], Padding::Same);",
        ),
        (
            Function::AveragePool(window(Padding::Valid)),
            vec![f(4)],
            f(4),
            "let y = pool::average_pool2d(a, [2, 3], [1, 2], Padding::Valid);",
        ),
        (
            Function::GlobalMaxPool(axes(&[1])),
            vec![f(3)],
            f(2),
            "let y: Tensor<2> = pool::global_max_pool(a, [1]);",
        ),
        (
            Function::GlobalAveragePool(axes(&[2, 3])),
            vec![f(4)],
            f(4),
            "let y: Tensor<4> = pool::global_average_pool(a, [2, 3]);",
        ),
        (
            Function::GlobalAveragePoolMasked { axes: axes(&[1]) },
            vec![f(3), b2.clone()],
            f(2),
            "let y: Tensor<2> = pool::global_average_pool_masked(a, b, 1);",
        ),
        (
            Function::Add,
            vec![f(2), f(2)],
            f(2),
            "let y = merge::add(a, b);",
        ),
        (
            Function::Subtract,
            vec![f(2), f(2)],
            f(2),
            "let y = merge::subtract(a, b);",
        ),
        (
            Function::Multiply,
            vec![f(2), f(2)],
            f(2),
            "let y = merge::multiply(a, b);",
        ),
        (
            Function::Maximum,
            vec![f(2), f(2)],
            f(2),
            "let y = merge::maximum(a, b);",
        ),
        (
            Function::Minimum,
            vec![f(2), f(2)],
            f(2),
            "let y = merge::minimum(a, b);",
        ),
        (
            Function::Average,
            vec![f(2), f(2), f(2)],
            f(2),
            "let y = merge::average(a, vec![b, c]);",
        ),
        (
            Function::NotEqual(-1.5),
            vec![f(2)],
            b2.clone(),
            "let y = mask::not_equal(a, -1.5);",
        ),
        (
            Function::NotEqual(-1.0),
            vec![i2],
            b2.clone(),
            "let y = mask::not_equal_int(a, -1);",
        ),
        (
            Function::Masking(0.0),
            vec![f(3)],
            b2.clone(),
            "let y: Tensor<2, Bool> = mask::masking(a, 0.0);",
        ),
        (
            Function::ApplyMask,
            vec![f(3), b2.clone()],
            f(3),
            "let y = mask::apply_mask(a, b);",
        ),
        (
            Function::Select,
            vec![b2.clone(), f(3), f(3)],
            f(3),
            "let y = mask::select(a, b, c);",
        ),
        (
            Function::Fill(1.0),
            vec![b2.clone(), f(3)],
            f(3),
            "let y = mask::fill(a, b, 1.0);",
        ),
        (
            Function::OnesMask(2),
            vec![f(3)],
            b2.clone(),
            "let y: Tensor<2, Bool> = mask::ones_mask(a);",
        ),
        (
            Function::ZerosMask,
            vec![f(2)],
            b2.clone(),
            "let y = mask::zeros_mask(a);",
        ),
        (
            Function::And,
            vec![b2.clone(), b2.clone()],
            b2.clone(),
            "let y = mask::and(a, b);",
        ),
        (
            Function::Or,
            vec![b2.clone(), b2.clone()],
            b2.clone(),
            "let y = mask::or(a, b);",
        ),
        (
            Function::Any {
                axis: 1,
                keepdims: true,
            },
            vec![b2.clone()],
            b2.clone(),
            "let y: Tensor<2, Bool> = mask::any(a, 1);",
        ),
    ];
    for (function, inputs, output, expected) in cases {
        let mut draft = Draft::new();
        let names = ["a", "b", "c"];
        let inputs = inputs.into_iter().zip(names);
        let inputs: Vec<ValueId> = inputs.map(|(spec, name)| draft.input(name, spec)).collect();
        let y = draft.function(function, &inputs, "y", output.clone());
        // Not the last step: the result has no type to say.
        let end = draft.function(
            Function::ZerosMask,
            &[y],
            "end",
            output.with_kind(Kind::Bool),
        );
        draft.output("end", end, None);
        assert_says(&body_source(draft), expected);
    }
}

#[test]
fn every_module_has_its_config() {
    let conv = |dimensions: usize, plain: bool| Module::Conv {
        channels: [2, 4],
        kernel: vec![3; dimensions],
        strides: vec![if plain { 1 } else { 2 }; dimensions],
        dilation: vec![if plain { 1 } else { 2 }; dimensions],
        padding: vec![if plain { (0, 0) } else { (0, 1) }; dimensions],
        groups: if plain { 1 } else { 2 },
        bias: plain,
        depthwise: false,
    };
    let separable = |dimensions: usize| Module::SeparableConv {
        channels: [2, 4],
        kernel: vec![3; dimensions],
        depth_multiplier: 2,
        strides: vec![2; dimensions],
        dilation: vec![1; dimensions],
        padding: vec![(0, 1); dimensions],
        bias: true,
    };
    let transposed = |dimensions: usize| Module::ConvTranspose {
        channels: [2, 4],
        kernel: vec![3; dimensions],
        strides: vec![2; dimensions],
        dilation: vec![1; dimensions],
        padding: (0..dimensions).map(|axis| usize::from(axis == 0)).collect(),
        padding_out: (0..dimensions).map(|axis| usize::from(axis > 0)).collect(),
        bias: false,
    };
    let normalization = |center| Module::BatchNormalization {
        features: 2,
        epsilon: 0.001,
        momentum: 0.9,
        center,
        scale: true,
        unbiased: !center,
    };
    let cases = [
        (
            conv(1, true),
            "Conv1d",
            "Conv1dConfig::new(2, 4, 3).init(device)",
        ),
        (
            conv(1, false),
            "Conv1d",
            "Conv1dConfig::new(2, 4, 3).with_stride(2).with_dilation(2).with_groups(2)
                .with_padding(PaddingConfig1d::Explicit(0, 1)).with_bias(false).init(device)",
        ),
        (
            conv(2, true),
            "Conv2d",
            "Conv2dConfig::new([2, 4], [3, 3]).init(device)",
        ),
        (
            conv(2, false),
            "Conv2d",
            "Conv2dConfig::new([2, 4], [3, 3]).with_stride([2, 2]).with_dilation([2, 2])
                .with_groups(2).with_padding(PaddingConfig2d::Explicit(0, 0, 1, 1))
                .with_bias(false).init(device)",
        ),
        (
            Module::Conv {
                channels: [2, 4],
                kernel: vec![3, 1, 2],
                strides: vec![1, 2, 1],
                dilation: vec![1; 3],
                padding: vec![(1, 1), (0, 0), (2, 2)],
                groups: 1,
                bias: true,
                depthwise: false,
            },
            "Conv3d",
            "Conv3dConfig::new([2, 4], [3, 1, 2]).with_stride([1, 2, 1])
                .with_padding(PaddingConfig3d::Explicit(1, 0, 2)).init(device)",
        ),
        (
            separable(1),
            "SeparableConv1d",
            "SeparableConv1dConfig::new([2, 4], [3]).with_depth_multiplier(2).with_stride([2])
                .with_padding([(0, 1)]).init(device)",
        ),
        (
            separable(2),
            "SeparableConv2d",
            "SeparableConv2dConfig::new([2, 4], [3, 3]).with_depth_multiplier(2)
                .with_stride([2, 2]).with_padding([(0, 1), (0, 1)]).init(device)",
        ),
        (
            transposed(1),
            "ConvTranspose1d",
            "ConvTranspose1dConfig::new([2, 4], 3).with_stride(2).with_padding(1)
                .with_bias(false).init(device)",
        ),
        (
            transposed(2),
            "ConvTranspose2d",
            "ConvTranspose2dConfig::new([2, 4], [3, 3]).with_stride([2, 2])
                .with_padding([1, 0]).with_padding_out([0, 1]).with_bias(false).init(device)",
        ),
        (
            transposed(3),
            "ConvTranspose3d",
            "ConvTranspose3dConfig::new([2, 4], [3, 3, 3]).with_stride([2, 2, 2])
                .with_padding([1, 0, 0]).with_padding_out([0, 1, 1]).with_bias(false).init(device)",
        ),
        (
            Module::BatchNorm {
                features: 2,
                epsilon: 1e-5,
                momentum: 0.99,
            },
            "BatchNorm",
            "batch_norm(2, 1e-5, 0.99, &scope.enter(\"layer\"), device)",
        ),
        (
            normalization(false),
            "BatchNormalization",
            "BatchNormalizationConfig::new(2).with_epsilon(0.001).with_momentum(0.9)
                .with_center(false).with_unbiased(true).init(&scope.enter(\"layer\"), device)",
        ),
        (
            Module::BatchRenormalization {
                features: 2,
                epsilon: 0.001,
                momentum: 0.9,
                center: true,
                scale: true,
                renorm: Renorm {
                    momentum: 0.99,
                    rmin: None,
                    rmax: Some(3.0),
                    dmax: None,
                },
            },
            "BatchRenormalization",
            "BatchRenormalizationConfig::new(2).with_epsilon(0.001).with_momentum(0.9)
                .with_rmax(3.0).init(&scope.enter(\"layer\"), device)",
        ),
        (
            Module::LayerNorm {
                features: 4,
                epsilon: 0.001,
                center: false,
            },
            "LayerNorm",
            "LayerNormConfig::new(4).with_epsilon(0.001).with_bias(false).init(device)",
        ),
        (
            Module::LayerNormalization {
                features: 12,
                axes: vec![1, 2],
                epsilon: 0.001,
                center: true,
                scale: false,
                rms_scaling: true,
            },
            "LayerNormalization",
            "LayerNormalizationConfig::new(12, [1, 2]).with_epsilon(0.001).with_scale(false)
                .with_rms_scaling(true).init(device)",
        ),
        (
            Module::RmsNormalization {
                shape: vec![3],
                axes: vec![2],
                epsilon: 1e-6,
            },
            "RmsNormalization",
            "RmsNormalizationConfig::new([3], [2]).with_epsilon(1e-6).init(device)",
        ),
        (
            Module::GroupNormalization {
                groups: 2,
                channels: 4,
                epsilon: 0.001,
                center: false,
                scale: true,
            },
            "GroupNormalization",
            "GroupNormalizationConfig::new(2, 4).with_epsilon(0.001).with_center(false)
                .init(device)",
        ),
        (
            Module::PRelu { shape: vec![1, 3] },
            "PRelu",
            "PReluConfig::new([1, 3]).init(device)",
        ),
        (
            Module::ParametricSoftplus { shape: vec![1, 3] },
            "ParametricSoftplus",
            "ParametricSoftplusConfig::new([1, 3]).init(device)",
        ),
        (
            Module::SRelu {
                shape: vec![2],
                cuts_left: true,
            },
            "SRelu",
            "SReluConfig::new([2]).with_cuts_left(true).init(device)",
        ),
        (
            Module::EarlyBatchNormalization {
                features: 3,
                statistics: EarlyStatistics::Variance,
                epsilon: 0.001,
                momentum: 0.9,
            },
            "EarlyBatchNormalization",
            "EarlyBatchNormalizationConfig::new(3, EarlyStatistics::Variance)
                .with_epsilon(0.001).with_momentum(0.9).init(&scope.enter(\"layer\"), device)",
        ),
        (
            Module::Bias { features: 5 },
            "Bias",
            "BiasConfig::new(5).init(device)",
        ),
        (
            Module::Embedding { count: 7, size: 2 },
            "Embedding",
            "EmbeddingConfig::new(7, 2).init(device)",
        ),
        (
            Module::Dropout { rate: 0.5 },
            "Dropout",
            "DropoutConfig::new(0.5).init()",
        ),
        (
            Module::NoiseDropout {
                rate: 0.5,
                noise_shape: vec![None, Some(1)],
            },
            "NoiseDropout",
            "NoiseDropoutConfig::new(0.5).with_noise_shape(vec![None, Some(1)]).init(device)",
        ),
        (
            Module::SpatialDropout {
                rate: 0.5,
                channel_axis: 3,
            },
            "SpatialDropout",
            "SpatialDropoutConfig::new(0.5).with_channel_axis(3).init(device)",
        ),
        (
            Module::AlphaDropout {
                rate: 0.5,
                noise_shape: None,
            },
            "AlphaDropout",
            "AlphaDropoutConfig::new(0.5).init(device)",
        ),
        (
            Module::GaussianDropout { rate: 0.5 },
            "GaussianDropout",
            "GaussianDropoutConfig::new(0.5).init(device)",
        ),
        (
            Module::GaussianNoise { stddev: 3.14 },
            "GaussianNoise",
            "GaussianNoiseConfig::new(3.14).init()",
        ),
    ];
    for (module, ty, expected) in cases {
        let is_close_to_pi = module == Module::GaussianNoise { stddev: 3.14 };
        let mut draft = Draft::new();
        let x = draft.input("x", float(4));
        let y = draft.step(own(0), &[x], "layer", float(4));
        draft.output("y", y, None);
        let mut of_layer = field(1, "layer", FieldKind::Module(module));
        of_layer.frozen = true;
        let text = source(&plan(vec![model(0, "Net", vec![of_layer], draft.0)]));
        assert_says(&text, &format!("Self {{ layer: {expected}.freeze() }}"));
        assert_says(
            &text,
            &format!("/// `layer` (Dense), not trained pub layer: {ty}"),
        );
        assert_eq!(text.contains("approx_constant"), is_close_to_pi, "{text}");
        assert_eq!(text.contains("scope: &Scope"), text.contains("scope.enter"));
    }
}

#[test]
fn dropout_goes_on_in_a_layer_that_is_not_trained() {
    let recurrent = |cell| Module::Recurrent {
        cell,
        layout: WeightLayout::Keras,
        input: 4,
        units: 3,
        bias: true,
        activation: Activation::Tanh,
        recurrent_activation: Activation::Sigmoid,
        go_backwards: true,
        masked_output: MaskedOutput::Previous,
    };
    let dropping = |cell, inputs, state, masks| Module::RecurrentDropout {
        layer: Box::new(recurrent(cell)),
        dropout: CellDropout {
            inputs,
            state,
            masks,
        },
    };
    for (module, expected, about) in [
        (
            dropping(CellKind::SimpleRnn, 0.0, 0.5, DropoutMasks::Shared),
            "SimpleRnnConfig::new(4, 3).with_go_backwards(true).with_recurrent_dropout(0.5)
                .init(device).no_grad()",
            "use burn_keras_nn::recurrent::{SimpleRnn, SimpleRnnConfig};",
        ),
        (
            dropping(CellKind::Lstm, 0.25, 0.0, DropoutMasks::Shared),
            "LstmConfig::new(4, 3).with_go_backwards(true).with_dropout(0.25)
                .init(device).no_grad()",
            "use burn_keras_nn::recurrent::{Lstm, LstmConfig};",
        ),
        (
            dropping(CellKind::Lstm, 0.25, 0.5, DropoutMasks::PerGate),
            "LstmConfig::new(4, 3).with_go_backwards(true).with_dropout(0.25)
                .with_recurrent_dropout(0.5).with_dropout_masks(DropoutMasks::PerGate)
                .init(device).no_grad()",
            "use burn_keras_nn::recurrent::{DropoutMasks, Lstm, LstmConfig};",
        ),
        (
            recurrent(CellKind::Lstm),
            "LstmConfig::new(4, 3).with_go_backwards(true).init(device).freeze()",
            "use burn_keras_nn::recurrent::{Lstm, LstmConfig};",
        ),
        (
            Module::Attention {
                score: Score::Dot,
                features: 4,
                scale: true,
                dropout: 0.5,
            },
            "AttentionConfig::new(Score::Dot).with_scale(true).with_dropout(0.5)
                .init(device).no_grad()",
            "use burn_keras_nn::attention::{Attention, AttentionConfig, Score};",
        ),
    ] {
        let mut draft = Draft::new();
        let x = draft.input("x", float(3));
        draft.output("y", x, None);
        let mut of_layer = field(1, "layer", FieldKind::Module(module));
        of_layer.frozen = true;
        let text = source(&plan(vec![model(0, "Net", vec![of_layer], draft.0)]));
        assert_says(&text, &format!("Self {{ layer: {expected} }}"));
        assert_says(&text, about);
    }
}

#[test]
fn names_of_a_file_stay_in_comments() {
    let mut draft = Draft::new();
    let x = draft.input("x", float(2));
    let y = draft.step(own(0), &[x], "dense", float(2));
    draft.output("dense", y, None);
    draft.0.outputs[0].keras_name = "*/ \n fn evil() {} /* \" ` [link]".into();
    let mut of_layer = field(1, "dense", linear());
    of_layer.keras_name = "x\r\n}\u{2028}compile_error!(\"no\");\u{202e}".into();
    of_layer.class = "Dense`\n#![no_std]".into();
    let mut plan = plan(vec![model(0, "Net", vec![of_layer], draft.0)]);
    plan.source = "net.h5\nfn evil() {}".into();
    plan.keras_version = "3\nfn evil() {}".into();
    plan.notes = vec!["a\nb".into()];
    plan.models[0].keras_name = "\n".into();
    let text = source(&plan);
    for line in text.lines() {
        let is_evil = ["evil", "compile_error", "no_std"]
            .iter()
            .any(|word| line.contains(word));
        assert!(!is_evil || line.trim_start().starts_with("//"), "{line}");
        assert!(line.is_ascii(), "{line}");
    }
}

#[test]
fn the_record_can_be_a_part_of_the_program() {
    let mut draft = Draft::new();
    let x = draft.input("x", float(2));
    draft.output("x", x, None);
    let plan = plan(vec![model(0, "Net", Vec::new(), draft.0)]);
    let text = generate(&plan, &CodegenOptions::default().embed(true));
    assert_says(&text, "*include_bytes!(\"net.bpk\")");
    assert!(!source(&plan).contains("include_bytes"));
}

#[test]
fn large_models_are_cut_into_parts() {
    let mut draft = Draft::new();
    let x = draft.input("x", float(2));
    let mut y = x;
    for layer in 0..120 {
        y = draft.step(own(layer), &[y], &format!("dense_{layer}"), float(2));
    }
    // The first layer again, and the input: both live through all.
    y = draft.step(own(0), &[y], "dense_0", float(2));
    y = draft.function(Function::Add, &[y, x], "add", float(2));
    draft.output("add", y, None);
    let fields = (0..120).map(|layer| field(layer, &format!("dense_{layer}"), linear()));
    let text = source(&plan(vec![model(0, "Net", fields.collect(), draft.0)]));
    assert_says(
        &text,
        "burn_keras_nn::segments! {
            /// The Keras model `net`.
            pub struct Net {
                [
                    part_1: NetPart1,
                    part_2: NetPart2,
                    part_3: NetPart3,
                ]
                /// `dense_0` (Dense)
                pub dense_0: Linear,
            }
        }",
    );
    assert_says(
        &text,
        "Self {
            part_1: Box::new(NetPart1::init(device)),
            part_2: Box::new(NetPart2::init(device)),
            part_3: Box::new(NetPart3::init(device)),
            dense_0: LinearConfig::new(3, 3).init(device),
        }",
    );
    assert_says(&text, "self.part_1.forward(x.clone(), &self.dense_0)");
    assert_says(&text, "let dense_0_2 = dense_0.forward(x);");
}
