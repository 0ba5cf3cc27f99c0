//! The functions that a plan may call.

mod expression;
mod operation;

use keras_ir::Activation;
use keras_ir::layer::convolution::Padding;
use keras_ir::layer::operation::Constant;
use keras_ir::layer::operation::elementwise::{Binary, Comparison, Test, Unary};
use keras_ir::layer::operation::indexing::Range;
use keras_ir::layer::operation::reduction::Reduction;
use keras_ir::layer::resizing::Interpolation;

pub use expression::Expression;
pub(crate) use operation::has_scalar;

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

/// Axes over which a function reduces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReducedAxes {
    /// The positions.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keepdims: bool,
}
