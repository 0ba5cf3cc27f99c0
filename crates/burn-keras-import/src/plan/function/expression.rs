//! How a function is called in source.

use keras_ir::Activation;
use keras_ir::layer::convolution::Padding;
use keras_ir::layer::operation::elementwise::Test;
use keras_ir::shape::{Kind, Spec};

use super::{Function, PoolWindow, operation};
use crate::plan::literal::{Literal, activation_parts};

/// How a function is called in source.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A function of `burn-keras-nn`, `pool::global_max_pool(x, [1])`: the tensors, then the others.
    Function(&'static str, &'static str, Vec<Literal>),
    /// The same with all tensors behind the first one in a list: `merge::average(a, vec![b, c])`.
    Variadic(&'static str, &'static str, Vec<Literal>),
    /// A method of the first tensor, `x.reshape([0, -1])`: the other tensors, then the others.
    Method(&'static str, Vec<Literal>),
    /// `Tensor::cat(vec![a, b], 1)`
    Concatenate(usize),
    /// The first tensor itself.
    Itself,
}

impl Function {
    /// How the function is called when its first input is `input`.
    pub fn expression(&self, input: &Spec) -> Expression {
        use Expression::{Concatenate, Itself, Method, Variadic};
        let function = Expression::Function;
        let rank = input.shape.rank();
        match self {
            Self::Activation(Activation::Linear) => Itself,
            Self::Activation(activation) => {
                let (name, _, options) = activation_parts(*activation);
                let axis = (!activation.is_elementwise()).then(|| rank.saturating_sub(1).into());
                let options = options.into_iter().map(|(_, value)| value).chain(axis);
                function("activation", name, options.collect())
            }
            Self::Softmax(axis) => function("activation", "softmax", vec![(*axis).into()]),
            Self::LogSoftmax(axis) => function("activation", "log_softmax", vec![(*axis).into()]),
            Self::Sparsemax(axis) => function("activation", "sparsemax", vec![(*axis).into()]),
            Self::Glu(axis) => function("activation", "glu", vec![(*axis).into()]),
            Self::SoftmaxAxes(axes) => {
                function("activation", "softmax_axes", vec![Literal::sizes(axes)])
            }
            Self::SoftmaxMasked(axes) => {
                function("activation", "softmax_masked", vec![Literal::sizes(axes)])
            }
            Self::LowerMasked => function("activation", "lower_masked", vec![]),
            Self::Normalize {
                mean,
                variance,
                shape,
                invert,
            } => {
                let slice = |values: &[f64]| {
                    Literal::Slice(values.iter().copied().map(Literal::Float).collect())
                };
                let arguments = vec![
                    slice(mean),
                    slice(variance),
                    Literal::sizes(shape),
                    (*invert).into(),
                ];
                function("normalization", "normalize", arguments)
            }
            Self::L2Normalize { axes, least_square } => {
                let arguments = vec![Literal::sizes(axes), (*least_square).into()];
                function("normalization", "l2_normalize", arguments)
            }
            Self::ToFloat => Method("float", vec![]),
            Self::ToInt => Method("int", vec![]),
            Self::ToBool => not_equal(input.kind, 0.0),
            Self::NotEqual(value) => not_equal(input.kind, *value),
            Self::Permute(axes) => Method("permute", vec![Literal::sizes(axes)]),
            Self::Reshape(shape) => {
                let shape = shape.iter().map(|size| (*size).into());
                Method("reshape", vec![Literal::Array(shape.collect())])
            }
            Self::ExpandDims(axes) => match axes.as_slice() {
                [one] => Method("unsqueeze_dim", vec![(*one).into()]),
                axes => {
                    let axes = axes.iter().map(|axis| (*axis).into());
                    Method("unsqueeze_dims", vec![Literal::Slice(axes.collect())])
                }
            },
            Self::RepeatVector(count) => function("shape", "repeat_vector", vec![(*count).into()]),
            Self::FoldSteps => function("shape", "fold_steps", vec![]),
            Self::UnfoldSteps => function("shape", "unfold_steps", vec![]),
            Self::Reverse(axis) => Method("flip", vec![Literal::sizes(&[*axis])]),
            Self::Concatenate(axis) if input.kind == Kind::Int => {
                Variadic("merge", "concatenate_int", vec![(*axis).into()])
            }
            Self::Concatenate(axis) => Concatenate(*axis),
            Self::Pad(padding) => function("padding", "pad", vec![Literal::pairs(padding)]),
            Self::Crop(cropping) => function("padding", "crop", vec![Literal::pairs(cropping)]),
            Self::Repeat(factors) => function("resize", "repeat", vec![Literal::sizes(factors)]),
            Self::Upsample {
                factors,
                interpolation,
            } => {
                let arguments = vec![Literal::sizes(factors), (*interpolation).into()];
                function("resize", "upsample2d", arguments)
            }
            Self::Resize {
                size,
                interpolation,
                antialias,
            } => {
                let interpolation = (*interpolation).into();
                let arguments = vec![Literal::sizes(size), interpolation, (*antialias).into()];
                function("resize", "resize2d", arguments)
            }
            Self::PadSame {
                kernel,
                strides,
                dilation,
            } => {
                let arguments = [kernel, strides, dilation].map(|sizes| Literal::sizes(sizes));
                let name = by_dimensions(kernel, ["pad_same1d", "pad_same2d", "pad_same3d"]);
                function("padding", name, arguments.into())
            }
            Self::MaxPool(window) => {
                let names = ["max_pool1d", "max_pool2d", "max_pool3d"];
                let name = by_dimensions(&window.size, names);
                function("pool", name, window.arguments())
            }
            Self::AveragePool(window) => {
                let names = ["average_pool1d", "average_pool2d", "average_pool3d"];
                let name = by_dimensions(&window.size, names);
                function("pool", name, window.arguments())
            }
            Self::AdaptiveMaxPool(size) => {
                function("pool", "adaptive_max_pool", vec![Literal::sizes(size)])
            }
            Self::AdaptiveAveragePool(size) => {
                function("pool", "adaptive_average_pool", vec![Literal::sizes(size)])
            }
            Self::GlobalMaxPool(reduced) => function(
                "pool",
                "global_max_pool",
                vec![Literal::sizes(&reduced.axes)],
            ),
            Self::GlobalAveragePool(reduced) => {
                let axes = Literal::sizes(&reduced.axes);
                function("pool", "global_average_pool", vec![axes])
            }
            Self::GlobalAveragePoolMasked { axes } => {
                let steps = axes.axes.first().copied().unwrap_or(1);
                function("pool", "global_average_pool_masked", vec![steps.into()])
            }
            Self::Scale(factor) => Method("mul_scalar", vec![(*factor).into()]),
            Self::Shift(number) => Method("add_scalar", vec![(*number).into()]),
            Self::Rescale { scale, offset } => {
                let slice = |numbers: &[f64]| {
                    Literal::Slice(numbers.iter().copied().map(Literal::Float).collect())
                };
                function(
                    "normalization",
                    "rescale",
                    vec![slice(scale), slice(offset)],
                )
            }
            Self::Add => function("merge", "add", vec![]),
            Self::Subtract => function("merge", "subtract", vec![]),
            Self::Multiply => function("merge", "multiply", vec![]),
            Self::Maximum => function("merge", "maximum", vec![]),
            Self::Minimum => function("merge", "minimum", vec![]),
            Self::Average => Variadic("merge", "average", vec![]),
            Self::Cosine => function("merge", "cosine", vec![]),
            Self::Dot(axes) => function("merge", "dot", vec![Literal::sizes(axes)]),
            Self::Above(value) => function("mask", "above", vec![(*value).into()]),
            Self::Masking(value) => function("mask", "masking", vec![(*value).into()]),
            Self::ApplyMask => function("mask", "apply_mask", vec![]),
            Self::Select => function("mask", "select", vec![]),
            Self::Fill(value) => function("mask", "fill", vec![(*value).into()]),
            Self::OnesMask(_) => function("mask", "ones_mask", vec![]),
            Self::ZerosMask => function("mask", "zeros_mask", vec![]),
            Self::And => function("mask", "and", vec![]),
            Self::Or => function("mask", "or", vec![]),
            Self::Causal(axis) => function("mask", "causal", vec![(*axis).into()]),
            Self::Window { axis, size } => {
                function("mask", "window", vec![(*axis).into(), (*size).into()])
            }
            Self::FoldAxes(axes) => function("attention", "fold_axes", slice(axes)),
            Self::UnfoldAxes(axes) => function("attention", "unfold_axes", slice(axes)),
            Self::FoldMask(axes) => function("attention", "fold_mask", slice(axes)),
            Self::UnfoldScores(axes) => function("attention", "unfold_scores", slice(axes)),
            Self::Any { axis, .. } => function("mask", "any", vec![(*axis).into()]),
            Self::Unary(unary) => operation::unary(*unary),
            Self::Binary(binary) => operation::binary(*binary, input.kind),
            Self::Scalar(binary, number) => operation::scalar(*binary, *number, input.kind),
            Self::Compare(comparison) => operation::compare(*comparison, input.kind),
            Self::CompareScalar(comparison, number) => {
                operation::compare_scalar(*comparison, *number, input.kind)
            }
            Self::Xor => function("elementwise", "xor", vec![]),
            Self::Not => Method("bool_not", vec![]),
            Self::Test(Test::Nan) => Method("is_nan", vec![]),
            Self::Test(Test::Infinite) => Method("is_inf", vec![]),
            Self::Test(Test::Finite) => Method("is_finite", vec![]),
            Self::Where if input.kind == Kind::Int => function("indexing", "int_select", vec![]),
            Self::Where => function("indexing", "select", vec![]),
            Self::Clip { least, most } => {
                let number = |value: f64| operation::number(value, input.kind);
                match (*least, *most) {
                    (Some(least), Some(most)) => Method("clamp", vec![number(least), number(most)]),
                    (Some(least), None) => Method("clamp_min", vec![number(least)]),
                    (None, Some(most)) => Method("clamp_max", vec![number(most)]),
                    (None, None) => Itself,
                }
            }
            Self::Reduce { reduction, axes } => operation::reduce(*reduction, axes),
            Self::ArgReduce { largest, axis } => {
                let name = if *largest { "argmax" } else { "argmin" };
                Method(name, vec![(*axis).into()])
            }
            Self::Cumulative { product, axis } => {
                let name = if *product { "cumprod" } else { "cumsum" };
                Method(name, vec![(*axis).into()])
            }
            Self::Slice(ranges) => {
                let ranges = ranges.iter().map(|range| {
                    let step = range.step.unwrap_or(1).into();
                    Literal::Tuple(vec![range.start.into(), range.stop.into(), step])
                });
                function("indexing", "slice", vec![Literal::Array(ranges.collect())])
            }
            Self::Squeeze(axes) => Method("squeeze_dims", slice(axes)),
            Self::Tile(counts) => Method("repeat", slice(counts)),
            Self::Expand(sizes) => {
                let sizes = sizes.iter().map(|size| (*size).into());
                Method("expand", vec![Literal::Array(sizes.collect())])
            }
            Self::PadWith { widths, value } => {
                let arguments = vec![Literal::pairs(widths), (*value).into()];
                function("indexing", "pad_with", arguments)
            }
            Self::Take(axis) => function("indexing", "take", vec![(*axis).into()]),
            Self::TakeAlong(axis) => function("indexing", "take_along", vec![(*axis).into()]),
            Self::OneHot { classes, axis } => {
                let arguments = vec![(*classes).into(), (*axis).into()];
                function("indexing", "one_hot", arguments)
            }
            Self::Matmul => Method("matmul", vec![]),
            Self::Einsum(equation) => {
                let name = match equation.contains(',') {
                    true => "einsum",
                    false => "einsum_of_one",
                };
                function("einsum", name, vec![Literal::Text(equation.clone())])
            }
            Self::Sort { axis, descending } => {
                let name = if *descending {
                    "sort_descending"
                } else {
                    "sort"
                };
                Method(name, vec![(*axis).into()])
            }
            Self::Argsort { axis, descending } => {
                let name = match descending {
                    true => "argsort_descending",
                    false => "argsort",
                };
                Method(name, vec![(*axis).into()])
            }
            Self::Triangle { upper, diagonal } => {
                let name = if *upper { "triu" } else { "tril" };
                Method(name, vec![(*diagonal).into()])
            }
            Self::Full(value) => Method("full_like", vec![operation::number(*value, input.kind)]),
            Self::Constant(constant) => operation::constant(constant),
            Self::Sizes => function("shape", "sizes", vec![]),
            Self::ReshapeBy(sizes) => {
                let sizes = sizes.iter().map(|size| (*size).into());
                Variadic("shape", "reshape_by", vec![Literal::Array(sizes.collect())])
            }
            Self::FullBy { sizes, value } => {
                let sizes = sizes.iter().map(|size| (*size).into()).collect();
                let arguments = vec![Literal::Array(sizes), (*value).into()];
                Variadic("shape", "full_by", arguments)
            }
            Self::DepthToSpace(block) => function("shape", "depth_to_space", vec![(*block).into()]),
            Self::SpaceToDepth(block) => function("shape", "space_to_depth", vec![(*block).into()]),
            Self::ActivityPenalty { l1, l2 } => function(
                "regularizer",
                "activity_penalty",
                vec![(*l1).into(), (*l2).into()],
            ),
        }
    }
}

fn slice(axes: &[usize]) -> Vec<Literal> {
    vec![Literal::Slice(
        axes.iter().copied().map(Literal::Size).collect(),
    )]
}

fn not_equal(kind: Kind, value: f64) -> Expression {
    // As Rust casts: towards zero, within the bounds.
    #[allow(clippy::cast_possible_truncation)]
    let whole = value as i64;
    match kind {
        Kind::Float => Expression::Function("mask", "not_equal", vec![value.into()]),
        Kind::Int => Expression::Function("mask", "not_equal_int", vec![whole.into()]),
        Kind::Bool => Expression::Function("mask", "not_equal_bool", vec![whole.into()]),
    }
}

/// The name for as many spatial axes as `sizes` has.
fn by_dimensions<const N: usize>(sizes: &[usize], names: [&'static str; N]) -> &'static str {
    names[sizes.len().clamp(1, N) - 1]
}

impl PoolWindow {
    fn arguments(&self) -> Vec<Literal> {
        let padding = match self.padding {
            Padding::Same => "Same",
            Padding::TheanoSame => "TheanoSame",
            _ => "Valid",
        };
        let padding = Literal::Variant("Padding", padding, vec![]);
        vec![
            Literal::sizes(&self.size),
            Literal::sizes(&self.strides),
            padding,
        ]
    }
}
