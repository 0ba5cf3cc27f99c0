//! Every function has its expression.

use keras_ir::Activation;
use keras_ir::layer::convolution::Padding;
use keras_ir::layer::resizing::Interpolation;
use keras_ir::shape::{Kind, Spec};

use super::{Draft, assert_says, body_source, float, spec};
use crate::plan::{Function, PoolWindow, ReducedAxes, ValueId};

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
