//! Every kind of step that lowering makes is in the source of a sample or fixture, which the
//! conformance tests hold against run time, to the bit on flex, and against Keras.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use burn_keras_import::lower::lower;
use burn_keras_import::plan::{FieldKind, ModuleRef, Operation, Plan};
use burn_keras_tests::generated::SOURCES;
use keras_ir::{ReadOptions, read};

/// What tells one kind of step from another: a function by its variant, a module by its type.
fn kinds(plan: &Plan, kinds: &mut BTreeSet<String>) {
    for model in &plan.models {
        for step in model.bodies.iter().flat_map(|body| &body.steps) {
            kinds.insert(match &step.operation {
                Operation::Function(function) => {
                    let text = format!("{function:?}");
                    let mut words = text.split(|c: char| !c.is_alphanumeric());
                    words.next().unwrap_or_default().to_owned()
                }
                Operation::Model { .. } => "Model".to_owned(),
                Operation::Module(module)
                | Operation::Lookup(module)
                | Operation::Project(module)
                | Operation::Apply { module, .. } => {
                    let kind = match module {
                        ModuleRef::Own(index) => &model.fields[*index].kind,
                        ModuleRef::Borrowed(index) => &model.borrows[*index].kind,
                    };
                    match kind {
                        FieldKind::Module(module) => module.construction().ty.to_owned(),
                        FieldKind::Model(_) => "Model".to_owned(),
                    }
                }
            });
        }
    }
}

#[test]
fn every_kind_of_step_is_in_a_generated_source() {
    let mut seen = BTreeSet::new();
    for source in SOURCES {
        let graph = read(Path::new(source.path), ReadOptions::default()).unwrap();
        kinds(&lower(&graph, source.name).unwrap(), &mut seen);
    }
    assert!(SOURCES.len() > 250);
    // A kind of step that no fixture has would be compared with nothing.
    let expected = [
        "Above",
        "Activation",
        "AdaptiveAveragePool",
        "AdaptiveMaxPool",
        "Add",
        "AlphaDropout",
        "And",
        "Any",
        "ApplyMask",
        "ArgReduce",
        "Argsort",
        "Attention",
        "Average",
        "AveragePool",
        "BatchNorm",
        "BatchNormalization",
        "BatchRenormalization",
        "Binary",
        "Causal",
        "Clip",
        "Compare",
        "CompareScalar",
        "Concatenate",
        "Constant",
        "Conv1d",
        "Conv2d",
        "Conv3d",
        "ConvTranspose1d",
        "ConvTranspose2d",
        "ConvTranspose3d",
        "Cosine",
        "Crop",
        "Cumulative",
        "DepthToSpace",
        "Dot",
        "Dropout",
        "EarlyBatchNormalization",
        "Einsum",
        "EinsumDense",
        "Embedding",
        "Expand",
        "ExpandDims",
        "Fill",
        "FoldAxes",
        "FoldMask",
        "FoldSteps",
        "Full",
        "FullBy",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePool",
        "GlobalAveragePoolMasked",
        "GlobalMaxPool",
        "Glu",
        "GroupNormalization",
        "Gru",
        "Highway",
        "L2Normalize",
        "LayerNorm",
        "LayerNormalization",
        "Linear",
        "LogSoftmax",
        "LowerMasked",
        "Lstm",
        "Masking",
        "Matmul",
        "MaxPool",
        "Maximum",
        "MaxoutDense",
        "Minimum",
        "Model",
        "MultiHeadAttention",
        "Multiply",
        "NoiseDropout",
        "Normalization",
        "Normalize",
        "Not",
        "NotEqual",
        "OneHot",
        "OnesMask",
        "Or",
        "PRelu",
        "Pad",
        "PadSame",
        "PadWith",
        "ParametricSoftplus",
        "Permute",
        "Reduce",
        "Repeat",
        "RepeatVector",
        "Rescale",
        "Reshape",
        "ReshapeBy",
        "Resize",
        "Reverse",
        "RmsNormalization",
        "SRelu",
        "Scalar",
        "Scale",
        "Select",
        "SeparableConv1d",
        "SeparableConv2d",
        "Shift",
        "SimpleRnn",
        "Sizes",
        "Slice",
        "Softmax",
        "SoftmaxAxes",
        "SoftmaxMasked",
        "Sort",
        "SpaceToDepth",
        "Sparsemax",
        "SpatialDropout",
        "Squeeze",
        "Subtract",
        "Take",
        "TakeAlong",
        "Test",
        "Tile",
        "ToBool",
        "ToFloat",
        "ToInt",
        "Triangle",
        "Unary",
        "UnfoldAxes",
        "UnfoldScores",
        "UnfoldSteps",
        "Upsample",
        "Where",
        "Window",
        "Xor",
        "ZerosMask",
    ];
    let missing: Vec<&str> = expected
        .into_iter()
        .filter(|kind| !seen.contains(*kind))
        .collect();
    assert!(missing.is_empty(), "no fixture has {missing:?}");
    let new: Vec<&String> = seen
        .iter()
        .filter(|kind| !expected.contains(&kind.as_str()))
        .collect();
    assert!(new.is_empty(), "not listed: {new:?}");
}
