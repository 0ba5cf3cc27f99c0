//! The functions that a plan may call.

use keras_ir::Activation;
use keras_ir::layer::convolution::Padding;
use keras_ir::layer::operation::Constant;
use keras_ir::layer::operation::elementwise::{Binary, Comparison, Test, Unary};
use keras_ir::layer::operation::indexing::Range;
use keras_ir::layer::operation::reduction::Reduction;
use keras_ir::layer::resizing::Interpolation;
use keras_ir::shape::{Kind, Spec};

use super::literal::{Literal, activation_parts};
use super::operation;

/// A function of `burn` or `burn-keras-nn`, with its arguments that are no tensors.
///
/// Axes are positions in the value as it is at run time, after the layout pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Function {
    /// An activation that works element by element.
    Activation(Activation),
    /// Softmax along an axis.
    Softmax(usize),
    /// Logarithm of softmax along an axis.
    LogSoftmax(usize),
    /// Sparsemax along an axis.
    Sparsemax(usize),
    /// Gated linear unit: halves of an axis.
    Glu(usize),
    /// Softmax over several axes at once.
    SoftmaxAxes(Vec<usize>),
    /// Softmax of what the mask (the second input) keeps, 0 elsewhere: Keras 3's.
    SoftmaxMasked(Vec<usize>),
    /// Logits lowered far where the mask of numbers (the second input) is 0: tf.keras's.
    LowerMasked,
    /// Standardised with a constant mean and variance, which are reshaped.
    Normalize {
        /// The mean.
        mean: Vec<f64>,
        /// The variance.
        variance: Vec<f64>,
        /// The shape of both.
        shape: Vec<usize>,
        /// Whether it is taken back.
        invert: bool,
    },
    /// Scaled to length 1 over axes.
    L2Normalize {
        /// The axes.
        axes: Vec<usize>,
        /// The least square of a length that is divided by.
        least_square: f64,
    },
    /// Integers or booleans to floats.
    ToFloat,
    /// Floats or booleans to integers, towards zero.
    ToInt,
    /// Numbers to booleans: not equal to zero.
    ToBool,
    /// Axes in another order.
    Permute(Vec<usize>),
    /// Another shape; 0 keeps the size at that place, −1 is inferred.
    Reshape(Vec<i64>),
    /// New axes of size 1, at these positions of the result.
    ExpandDims(Vec<usize>),
    /// `(batch, features)` to `(batch, n, features)`.
    RepeatVector(usize),
    /// `(batch, steps, …)` to `(batch * steps, …)`.
    FoldSteps,
    /// The first axis of the first input in two, as large as those of the second input.
    UnfoldSteps,
    /// An axis in the other direction.
    Reverse(usize),
    /// All inputs joined along an axis.
    Concatenate(usize),
    /// Zeros before and after, per axis.
    Pad(Vec<(usize, usize)>),
    /// Zeros around the spatial axes of a channels-first tensor, as TensorFlow's `SAME` has them
    /// for the size at run time.
    PadSame {
        /// Kernel size.
        kernel: Vec<usize>,
        /// Strides.
        strides: Vec<usize>,
        /// Dilation.
        dilation: Vec<usize>,
    },
    /// So many elements cut off before and after, per axis.
    Crop(Vec<(usize, usize)>),
    /// Each element so many times in a row, per axis.
    Repeat(Vec<usize>),
    /// Height and width of a channels-first image so many times as large.
    Upsample {
        /// The factors.
        factors: Vec<usize>,
        /// How values between pixels are found.
        interpolation: Interpolation,
    },
    /// A channels-first image in another height and width.
    Resize {
        /// Height and width.
        size: Vec<usize>,
        /// How values between pixels are found.
        interpolation: Interpolation,
        /// Whether more pixels are looked at when the image becomes smaller.
        antialias: bool,
    },
    /// Maximum pooling, channels first.
    MaxPool(PoolWindow),
    /// Average pooling, channels first; padding does not count.
    AveragePool(PoolWindow),
    /// Maximum pooling to a given size of the spatial axes, channels first.
    AdaptiveMaxPool(Vec<usize>),
    /// Average pooling to a given size of the spatial axes, channels first.
    AdaptiveAveragePool(Vec<usize>),
    /// Largest element over axes.
    GlobalMaxPool(ReducedAxes),
    /// Mean over axes.
    GlobalAveragePool(ReducedAxes),
    /// Mean of the steps that the mask (the second input) keeps.
    GlobalAveragePoolMasked {
        /// The axis of the steps, and whether it stays.
        axes: ReducedAxes,
    },
    /// Every element times a number.
    Scale(f64),
    /// Every element plus a number.
    Shift(f64),
    /// The elements of the last axis times numbers plus numbers, one of them for all or one for
    /// each.
    Rescale {
        /// The factors.
        scale: Vec<f64>,
        /// What is added.
        offset: Vec<f64>,
    },
    /// Sum of two.
    Add,
    /// Difference of two.
    Subtract,
    /// Product of two.
    Multiply,
    /// Larger of two.
    Maximum,
    /// Smaller of two.
    Minimum,
    /// Mean of all inputs.
    Average,
    /// Cosines between the rows of two, with two axes of size 1.
    Cosine,
    /// Sums of products along one axis of each of two, sample by sample.
    Dot([usize; 2]),
    /// Mask: elements that differ from a value.
    NotEqual(f64),
    /// Mask: elements above a value.
    Above(f64),
    /// Mask: steps of which any feature differs from a value.
    Masking(f64),
    /// The first input times the mask (the second), which lacks the last axes.
    ApplyMask,
    /// The second input where the mask (the first, without the last axes) keeps, else the third.
    Select,
    /// The second input where the mask (the first, without the last axes) keeps, else a number.
    Fill(f64),
    /// A mask of the input's first axes that keeps everything.
    OnesMask(usize),
    /// A mask of the input's shape that keeps nothing.
    ZerosMask,
    /// Both masks.
    And,
    /// Either mask.
    Or,
    /// A mask `[1, queries, keys]` by which no query sees a later key, from both and their axis.
    Causal(usize),
    /// A mask `[1, queries, keys]` by which each query sees the keys near it.
    Window {
        /// The axis of the steps.
        axis: usize,
        /// How far, the query's own step included.
        size: usize,
    },
    /// These axes as steps, all others but the last as batch.
    FoldAxes(Vec<usize>),
    /// Undoes [`FoldAxes`](Self::FoldAxes): the axes of the second input.
    UnfoldAxes(Vec<usize>),
    /// A mask of attention for query and key (the second and third input) with folded axes.
    FoldMask(Vec<usize>),
    /// Weights of attention between query and key (the second and third input) that were folded.
    UnfoldScores(Vec<usize>),
    /// Whether any element of a mask along an axis keeps.
    Any {
        /// The axis.
        axis: usize,
        /// Whether it stays with size 1.
        keepdims: bool,
    },
    /// An operation on each element.
    Unary(Unary),
    /// An operation on the elements of two; sizes of 1 are broadcast.
    Binary(Binary),
    /// An operation on each element and a number behind it.
    Scalar(Binary, f64),
    /// A comparison of the elements of two; sizes of 1 are broadcast.
    Compare(Comparison),
    /// A comparison of each element with a number.
    CompareScalar(Comparison, f64),
    /// Whether one of two is true, not both.
    Xor,
    /// The other truth.
    Not,
    /// A question about each element.
    Test(Test),
    /// The first input where the second is true, else the third; sizes of 1 are broadcast.
    Where,
    /// Bounded from below, from above, or from both sides.
    Clip {
        /// The lower bound.
        least: Option<f64>,
        /// The upper bound.
        most: Option<f64>,
    },
    /// Fewer elements of many.
    Reduce {
        /// What is made of them: one of those that `burn-keras-nn` has.
        reduction: Reduction,
        /// The axes.
        axes: ReducedAxes,
    },
    /// The place of the largest or smallest element along an axis, which stays with size 1.
    ArgReduce {
        /// Whether of the largest.
        largest: bool,
        /// The axis.
        axis: usize,
    },
    /// Sums or products of each element and all before it.
    Cumulative {
        /// Whether products.
        product: bool,
        /// The axis.
        axis: usize,
    },
    /// A range of each axis.
    Slice(Vec<Range>),
    /// Without these axes of size 1.
    Squeeze(Vec<usize>),
    /// Repeated as a whole, so often along each axis.
    Tile(Vec<usize>),
    /// Sizes of 1 repeated to others; −1 keeps a size.
    Expand(Vec<i64>),
    /// A number before and after, per axis.
    PadWith {
        /// How often.
        widths: Vec<(usize, usize)>,
        /// The number.
        value: f64,
    },
    /// Elements at the places that the second input holds, along an axis.
    Take(usize),
    /// For each place that the second input holds, its own element along an axis.
    TakeAlong(usize),
    /// Whether each class is the one that is named.
    OneHot {
        /// How many classes.
        classes: usize,
        /// Their axis in the result.
        axis: usize,
    },
    /// Matrices, multiplied; other axes are broadcast.
    Matmul,
    /// A sum of products by an equation.
    Einsum(String),
    /// In order along an axis.
    Sort {
        /// The axis.
        axis: usize,
        /// Whether the largest comes first.
        descending: bool,
    },
    /// The places of the elements in order.
    Argsort {
        /// The axis.
        axis: usize,
        /// Whether the largest comes first.
        descending: bool,
    },
    /// The part of matrices on one side of a diagonal, zeros elsewhere.
    Triangle {
        /// Whether the upper one.
        upper: bool,
        /// Which diagonal.
        diagonal: i64,
    },
    /// One number in the shape of the input.
    Full(f64),
    /// Numbers that the model holds, on the device of the input.
    Constant(Constant),
    /// The sizes of the axes.
    Sizes,
    /// Another shape, of which some sizes, −2, are what the other inputs hold.
    ReshapeBy(Vec<i64>),
    /// One number in a shape of which some sizes, −2, are what the inputs hold.
    FullBy {
        /// The shape.
        sizes: Vec<i64>,
        /// The number.
        value: f64,
    },
    /// Channels to pixels, channels last.
    DepthToSpace(usize),
    /// Pixels to channels, channels last.
    SpaceToDepth(usize),
    /// The penalty of what a layer gives, `[1]`.
    ActivityPenalty {
        /// The factor of the absolute values.
        l1: f64,
        /// The factor of the squares.
        l2: f64,
    },
}

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

/// A pooling window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolWindow {
    /// Size per spatial axis.
    pub size: Vec<usize>,
    /// Strides per spatial axis.
    pub strides: Vec<usize>,
    /// How the borders are padded; never `Causal` and `TheanoFull`.
    pub padding: Padding,
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

/// Axes over which a function reduces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReducedAxes {
    /// The positions.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keepdims: bool,
}
