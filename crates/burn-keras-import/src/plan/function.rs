//! The functions that a plan may call.

use keras_ir::Activation;

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
    /// Softmax of what the mask (the second input) keeps.
    SoftmaxMasked {
        /// The axes.
        axes: Vec<usize>,
        /// Whether masked outputs are zero (Keras 3).
        zero_masked: bool,
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
    /// Maximum pooling, channels first.
    MaxPool(PoolWindow),
    /// Average pooling, channels first; padding does not count.
    AveragePool(PoolWindow),
    /// Largest element over axes.
    GlobalMaxPool(ReducedAxes),
    /// Mean over axes.
    GlobalAveragePool(ReducedAxes),
    /// Mean of the steps that the mask (the second input) keeps.
    GlobalAveragePoolMasked {
        /// The axis of the steps, and whether it stays.
        axes: ReducedAxes,
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
    /// Mask: elements that differ from a value.
    NotEqual(f64),
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
    /// Whether any element of a mask along an axis keeps.
    Any {
        /// The axis.
        axis: usize,
        /// Whether it stays with size 1.
        keepdims: bool,
    },
}

/// A pooling window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolWindow {
    /// Size per spatial axis.
    pub size: Vec<usize>,
    /// Strides per spatial axis.
    pub strides: Vec<usize>,
    /// Whether the borders are padded as TensorFlow's `SAME` has it.
    pub same: bool,
}

/// Axes over which a function reduces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReducedAxes {
    /// The positions.
    pub axes: Vec<usize>,
    /// Whether they stay with size 1.
    pub keepdims: bool,
}
