//! What an operation does, with everything that is no tensor.

use super::elementwise::{Binary, Comparison, Logic, Test, Unary};
use super::indexing::Index;
use super::linear::Product;
use super::neural::{Along, Sliding, Statistics};
use super::reduction::Reduction;
use super::shaping::{Border, Order, Parts, Size};
use crate::activation::Activation;
use crate::layer::config::DataFormat;
use crate::layer::resizing::Interpolation;
use crate::shape::Kind;

/// What an operation does.
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// Nothing.
    Identity,
    /// To another kind.
    Cast(Kind),
    /// A function of each element.
    Unary(Unary),
    /// A function of the elements of two tensors.
    Binary(Binary),
    /// The sum of several tensors of one shape.
    AddN,
    /// A comparison of the elements of two tensors.
    Compare(Comparison),
    /// A function of two truths.
    Logic(Logic),
    /// The other truth.
    Not,
    /// A question about each element.
    Test(Test),
    /// Elements of the second operand where the first is true, else of the third.
    Where,
    /// Bounded from both sides.
    Clip {
        /// The lower bound.
        least: f64,
        /// The upper bound.
        most: f64,
    },
    /// Numbers instead of what is none.
    NanToNum {
        /// For what is not a number.
        nan: f64,
        /// For infinity.
        infinity: f64,
        /// For minus infinity.
        minus_infinity: f64,
    },
    /// An activation of each element.
    Activation(Activation),
    /// A function along axes.
    Along {
        /// Which.
        which: Along,
        /// Keras's axes.
        axes: Vec<i64>,
    },
    /// Scaled to length 1.
    Normalize {
        /// Keras's axes; all if there are none.
        axes: Option<Vec<i64>>,
        /// The order of the norm.
        order: f64,
        /// The least length that is divided by.
        least: f64,
    },
    /// Fewer elements of many.
    Reduce {
        /// What is made of them.
        reduction: Reduction,
        /// Keras's axes; all if there are none.
        axes: Option<Vec<i64>>,
        /// Whether the axes stay with size 1.
        keepdims: bool,
    },
    /// The mean, weighted by the second operand if there is one.
    Average {
        /// Keras's axis; all if there is none.
        axis: Option<i64>,
    },
    /// Mean and variance.
    Moments {
        /// Keras's axes.
        axes: Vec<i64>,
        /// Whether the axes stay with size 1.
        keepdims: bool,
    },
    /// The place of the largest or the smallest element.
    ArgReduce {
        /// Whether of the largest.
        largest: bool,
        /// Keras's axis; of all elements in a row if there is none.
        axis: Option<i64>,
        /// Whether the axis stays with size 1.
        keepdims: bool,
    },
    /// Sums or products of each element and all before it.
    Cumulative {
        /// Whether products.
        product: bool,
        /// Keras's axis; of all elements in a row if there is none.
        axis: Option<i64>,
        /// Whether each is without its own element.
        exclusive: bool,
        /// Whether from the end.
        reverse: bool,
    },
    /// In another shape.
    Reshape(Vec<Size>),
    /// All axes but the first as one.
    BatchFlatten,
    /// The axes in another order.
    Transpose(Order),
    /// With new axes of size 1.
    ExpandDims(Vec<i64>),
    /// Without axes of size 1: these, or all.
    Squeeze(Option<Vec<i64>>),
    /// Joined along an axis.
    Concatenate(i64),
    /// Joined along a new axis.
    Stack(i64),
    /// Joined along the second axis; the first of vectors.
    Hstack,
    /// Joined along the first axis; vectors as rows.
    Vstack,
    /// Cut along an axis.
    Split {
        /// Into which parts.
        parts: Parts,
        /// Keras's axis.
        axis: i64,
    },
    /// Cut into its elements along an axis.
    Unstack {
        /// How many there are, if the file says so.
        count: Option<usize>,
        /// Keras's axis.
        axis: i64,
    },
    /// Repeated as a whole, so often along each axis.
    Tile(Vec<Size>),
    /// Each element so often.
    Repeat {
        /// For all elements along the axis, or for each.
        counts: Vec<usize>,
        /// Keras's axis; of all elements in a row if there is none.
        axis: Option<i64>,
    },
    /// Elements moved on, those at the end to the start.
    Roll {
        /// How far.
        shifts: Vec<i64>,
        /// Along which axes; of all elements in a row if there are none.
        axes: Option<Vec<i64>>,
    },
    /// Backwards along these axes, or all.
    Flip(Option<Vec<i64>>),
    /// Repeated to a shape.
    BroadcastTo(Vec<Size>),
    /// With something around it.
    Pad {
        /// How much before and after, for all axes or for each.
        widths: Vec<(usize, usize)>,
        /// What.
        border: Border,
    },
    /// The part of matrices on one side of a diagonal.
    Triangle {
        /// Whether the upper one.
        upper: bool,
        /// Which diagonal.
        diagonal: i64,
    },
    /// A diagonal of matrices.
    Diagonal {
        /// Which.
        offset: i64,
        /// Keras's axes of the matrices.
        axes: [i64; 2],
    },
    /// The sum of a diagonal.
    Trace {
        /// Which.
        offset: i64,
        /// Keras's axes of the matrices.
        axes: [i64; 2],
    },
    /// The sizes of the axes.
    Shape,
    /// How many elements there are.
    Size,
    /// Channels to pixels.
    DepthToSpace(usize),
    /// Pixels to channels.
    SpaceToDepth(usize),
    /// `x[…]`
    GetItem(Vec<Index>),
    /// Elements by their places along an axis.
    Take {
        /// Keras's axis; of all elements in a row if there is none.
        axis: Option<i64>,
        /// How many first axes tensor and places share.
        batch_dims: usize,
    },
    /// For each place its own element along an axis.
    TakeAlong(Option<i64>),
    /// A number at each class, another elsewhere.
    OneHot {
        /// How many classes.
        classes: usize,
        /// Where their axis comes.
        axis: i64,
        /// The kind of the result.
        kind: Kind,
        /// The number at the class.
        on: f64,
        /// The number elsewhere.
        off: f64,
    },
    /// 1 at each of several classes.
    MultiHot {
        /// How many classes.
        classes: usize,
        /// Where their axis comes.
        axis: i64,
        /// The kind of the result.
        kind: Kind,
    },
    /// One number in the shape of the operand.
    FullLike {
        /// The number.
        value: f64,
        /// The kind, if not that of the operand.
        kind: Option<Kind>,
    },
    /// One number in a shape.
    Create {
        /// The shape.
        sizes: Vec<Size>,
        /// The number.
        value: f64,
        /// Its kind.
        kind: Kind,
    },
    /// Matrices, multiplied.
    Matmul {
        /// Whether each is transposed first.
        transpose: [bool; 2],
    },
    /// A sum of products.
    Product(Product),
    /// In order along an axis.
    Sort {
        /// Keras's axis.
        axis: i64,
        /// Whether the largest comes first.
        descending: bool,
    },
    /// The places of the elements in order.
    Argsort {
        /// Keras's axis.
        axis: i64,
        /// Whether the largest comes first.
        descending: bool,
    },
    /// The largest elements of the last axis, and their places.
    TopK(usize),
    /// Where each element of the first operand belongs in the second, which is in order.
    SearchSorted {
        /// Whether behind equal elements.
        right: bool,
    },
    /// Pooling.
    Pool {
        /// Whether the mean, else the largest.
        average: bool,
        /// The window.
        window: Sliding,
    },
    /// By mean and variance.
    BatchNorm {
        /// Keras's axis of the features.
        axis: i64,
        /// Added to the variance.
        epsilon: f64,
        /// Whether there is an offset.
        offset: bool,
        /// Whether there is a scale.
        scale: bool,
    },
    /// By mean and variance, or by the mean square alone, along axes.
    Normalization {
        /// Keras's axes.
        axes: Vec<i64>,
        /// Added to what is divided by.
        epsilon: f64,
        /// What is taken off, and what is divided by.
        statistics: Statistics,
        /// Whether there is a scale.
        scale: bool,
        /// Whether there is an offset.
        offset: bool,
    },
    /// Values, weighted by products of queries and keys.
    Attention {
        /// The scale of the products; the inverse root of the number of features if there is none.
        scale: Option<f64>,
        /// Whether no query sees a later key.
        causal: bool,
        /// Whether something is added to the products.
        bias: bool,
        /// Whether a mask says which products count.
        mask: bool,
    },
    /// Differences of neighbours along an axis.
    Diff {
        /// How often.
        times: usize,
        /// Keras's axis.
        axis: i64,
    },
    /// An image in another size.
    Resize {
        /// Height and width.
        size: Vec<usize>,
        /// How values between pixels are found.
        interpolation: Interpolation,
        /// Whether more pixels are looked at when the image becomes smaller.
        antialias: bool,
        /// Where the channels are.
        data_format: DataFormat,
    },
    /// Red, green and blue as one channel.
    Grayscale(DataFormat),
}
