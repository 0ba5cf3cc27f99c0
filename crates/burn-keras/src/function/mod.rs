//! Each function of a plan as one call of a function of `burn` or `burn-keras-nn`: the same that
//! generated source calls.
//!
//! What is called depends on ranks, and a debug build gives every arm of a `match` its own place
//! on the stack: each function has a Rust function, each rank a closure.

mod attention;
mod masks;
mod merging;
mod operation;
mod pooling;
mod resizing;
mod scaling;
mod shaping;

use burn::tensor::{Bool, Tensor};
use burn_keras_import::plan::{Function, ReducedAxes};
use burn_keras_nn::{activation as activations, normalization};
use keras_ir::Activation;

use crate::rank::at_number;
use crate::value::Erased;
use crate::{Error, Value, activation};

/// Calls `function` for `inputs`, giving a tensor of `rank` axes.
pub(crate) fn call(function: &Function, inputs: Vec<Value>, rank: usize) -> Result<Value, Error> {
    match function {
        Function::Average => merging::average(inputs),
        Function::Concatenate(axis) => merging::concatenate(inputs, *axis),
        Function::Select => {
            let [keep, x, other] = take(inputs)?;
            masks::select(keep, x, other)
        }
        Function::FoldMask(axes) => {
            let [mask, query, key] = take(inputs)?;
            attention::fold_mask(mask, query, key, axes)
        }
        Function::UnfoldScores(axes) => {
            let [scores, query, key] = take(inputs)?;
            attention::unfold_scores(scores, query, key, axes, rank)
        }
        Function::Where => {
            let [x, keep, other] = take(inputs)?;
            operation::select(x, keep, other)
        }
        Function::ReshapeBy(shape) => operation::reshape_by(inputs, shape),
        Function::FullBy { sizes, value } => operation::full_by(inputs, sizes, *value),
        Function::Einsum(equation) => operation::einsum(inputs, equation, rank),
        Function::Binary(_)
        | Function::Compare(_)
        | Function::Xor
        | Function::Take(_)
        | Function::TakeAlong(_)
        | Function::Matmul => {
            let [a, b] = take(inputs)?;
            operation::binary(function, a, b, rank)
        }
        Function::Add
        | Function::Subtract
        | Function::Multiply
        | Function::Maximum
        | Function::Minimum
        | Function::Cosine
        | Function::And
        | Function::Or
        | Function::ApplyMask
        | Function::Dot(_)
        | Function::SoftmaxMasked(_)
        | Function::LowerMasked
        | Function::GlobalAveragePoolMasked { .. }
        | Function::UnfoldSteps
        | Function::UnfoldAxes(_)
        | Function::Causal(_)
        | Function::Window { .. }
        | Function::Fill(_) => {
            let [a, b] = take(inputs)?;
            binary(function, a, b, rank)
        }
        _ => {
            let [x] = take(inputs)?;
            unary(function, x, rank)
        }
    }
}

fn unary(function: &Function, x: Value, rank: usize) -> Result<Value, Error> {
    match function {
        Function::Activation(which) => activate(*which, x),
        Function::Softmax(axis) => along(x, *axis, Along::Softmax),
        Function::LogSoftmax(axis) => along(x, *axis, Along::LogSoftmax),
        Function::Sparsemax(axis) => along(x, *axis, Along::Sparsemax),
        Function::Glu(axis) => along(x, *axis, Along::Glu),
        Function::SoftmaxAxes(axes) => softmax_axes(x, axes),
        Function::Normalize {
            mean,
            variance,
            shape,
            invert,
        } => float!(x, D, x => normalization::normalize(x, mean, variance, array(shape)?, *invert)),
        Function::L2Normalize { axes, least_square } => l2_normalize(x, axes, *least_square),
        Function::ToFloat => shaping::to_float(x),
        Function::ToInt => shaping::to_int(x),
        Function::ToBool => masks::not_equal(x, 0.0),
        Function::Permute(axes) => shaping::permute(x, axes),
        Function::Reshape(shape) => shaping::reshape(x, shape),
        Function::ExpandDims(axes) => shaping::expand_dims(x, axes),
        Function::RepeatVector(count) => shaping::repeat_vector(x, *count),
        Function::FoldSteps => shaping::fold_steps(x),
        Function::Reverse(axis) => shaping::reverse(x, *axis),
        Function::Pad(pairs) => shaping::pad(x, pairs),
        Function::Scale(factor) => scaling::scale(x, *factor),
        Function::Shift(number) => scaling::shift(x, *number),
        Function::Rescale { scale, offset } => scaling::rescale(x, scale, offset),
        Function::PadSame {
            kernel,
            strides,
            dilation,
        } => shaping::pad_same(x, kernel, strides, dilation),
        Function::Crop(pairs) => shaping::crop(x, pairs),
        Function::Repeat(factors) => shaping::repeat(x, factors),
        Function::Upsample {
            factors,
            interpolation,
        } => resizing::upsample(x, factors, *interpolation),
        Function::Resize {
            size,
            interpolation,
            antialias,
        } => resizing::resize(x, size, *interpolation, *antialias),
        Function::MaxPool(window) => pooling::max_pool(x, window),
        Function::AveragePool(window) => pooling::average_pool(x, window),
        Function::AdaptiveMaxPool(size) => pooling::adaptive_max_pool(x, size),
        Function::AdaptiveAveragePool(size) => pooling::adaptive_average_pool(x, size),
        Function::GlobalMaxPool(ReducedAxes { axes, .. }) => {
            pooling::global_max_pool(x, axes, rank)
        }
        Function::GlobalAveragePool(ReducedAxes { axes, .. }) => {
            pooling::global_average_pool(x, axes, rank)
        }
        Function::NotEqual(value) => masks::not_equal(x, *value),
        Function::Above(value) => masks::above(x, *value),
        Function::Masking(value) => masks::masking(x, *value, rank),
        Function::OnesMask(_) => masks::ones_mask(x, rank),
        Function::ZerosMask => masks::zeros_mask(x),
        Function::Any { axis, .. } => masks::any(x, *axis, rank),
        Function::FoldAxes(axes) => attention::fold_axes(x, axes),
        _ => operation::unary(function, x, rank),
    }
}

fn binary(function: &Function, a: Value, b: Value, rank: usize) -> Result<Value, Error> {
    match function {
        Function::And | Function::Or => masks::combine(function, a, b),
        Function::Cosine => merging::cosine(a, b),
        Function::ApplyMask => masks::apply_mask(a, b),
        Function::Fill(value) => masks::fill(a, b, *value),
        Function::UnfoldSteps => shaping::unfold_steps(a, &b),
        Function::SoftmaxMasked(axes) => softmax_masked(a, b, axes),
        Function::LowerMasked => lower_masked(a, b),
        Function::Dot(axes) => merging::dot(a, b, *axes, rank),
        Function::UnfoldAxes(axes) => attention::unfold_axes(a, b, axes),
        Function::Causal(axis) => masks::causal(a, b, *axis),
        Function::Window { axis, size } => masks::window(a, b, *axis, *size),
        Function::GlobalAveragePoolMasked { axes } => {
            pooling::global_average_pool_masked(a, b, &axes.axes, rank)
        }
        _ => merging::merge(function, a, b),
    }
}

/// Exactly `N` inputs.
pub(crate) fn take<const N: usize>(inputs: Vec<Value>) -> Result<[Value; N], Error> {
    let found = inputs.len();
    inputs
        .try_into()
        .map_err(|_| Error::Data(format!("{N} inputs expected, {found} given")))
}

/// Exactly `N` numbers.
fn array<T: Copy, const N: usize>(list: &[T]) -> Result<[T; N], Error> {
    let found = list.len();
    <[T; N]>::try_from(list)
        .map_err(|_| Error::Data(format!("{N} numbers expected, {found} given")))
}

/// The end of a dispatch over ranks.
fn no_rank<T>(rank: usize) -> Result<T, Error> {
    Err(Error::Data(format!(
        "tensors of {rank} axes are not supported"
    )))
}

/// A tensor function as a function of values.
fn apply<A: Erased, B: Erased>(
    x: Value,
    f: impl FnOnce(A) -> Result<B, Error>,
) -> Result<Value, Error> {
    Ok(f(A::restore(x)?)?.erase())
}

/// `$body`, of a tensor `$t` of floats and of rank `$D`, gives one of the same rank.
macro_rules! float {
    ($x:expr, $D:ident, $t:ident => $body:expr) => {{
        let x: Value = $x;
        let rank = x.rank();
        $crate::rank::at_rank!(rank, $D => {
            $crate::function::apply(x, |$t: Tensor<$D>| -> Result<Tensor<$D>, Error> { Ok($body) })
        }, else $crate::function::no_rank(rank))
    }};
}

/// `$body`, of a tensor `$t` of kind `$K` and of rank `$D`, gives a tensor `$Y`.
macro_rules! any_kind {
    ($x:expr, $D:ident, $K:ident, $t:ident => $body:expr; $Y:ty) => {{
        let x: Value = $x;
        let rank = x.rank();
        $crate::rank::at_rank!(rank, $D => match x {
            x @ Value::Float(_) => {
                type $K = Float;
                $crate::function::apply(x, |$t: Tensor<$D, $K>| -> Result<$Y, Error> { Ok($body) })
            }
            x @ Value::Int(_) => {
                type $K = Int;
                $crate::function::apply(x, |$t: Tensor<$D, $K>| -> Result<$Y, Error> { Ok($body) })
            }
            x @ Value::Bool(_) => {
                type $K = Bool;
                $crate::function::apply(x, |$t: Tensor<$D, $K>| -> Result<$Y, Error> { Ok($body) })
            }
        }, else $crate::function::no_rank(rank))
    }};
}

use {any_kind, float};

fn activate(which: Activation, x: Value) -> Result<Value, Error> {
    float!(x, D, x => activation::apply(which, x))
}

/// A function along an axis.
#[derive(Clone, Copy)]
enum Along {
    Softmax,
    LogSoftmax,
    Sparsemax,
    Glu,
}

fn along(x: Value, axis: usize, which: Along) -> Result<Value, Error> {
    float!(x, D, x => match which {
        Along::Softmax => activations::softmax(x, axis),
        Along::LogSoftmax => activations::log_softmax(x, axis),
        Along::Sparsemax => activations::sparsemax(x, axis),
        Along::Glu => activations::glu(x, axis),
    })
}

fn softmax_axes(x: Value, axes: &[usize]) -> Result<Value, Error> {
    let count = axes.len();
    at_number!(count, N in 1 2 3 4 5 6 => {
        let axes: [usize; N] = array(axes)?;
        float!(x, D, x => activations::softmax_axes::<D, N>(x, axes))
    }, else no_rank(count))
}

fn l2_normalize(x: Value, axes: &[usize], least_square: f64) -> Result<Value, Error> {
    let count = axes.len();
    at_number!(count, N in 1 2 3 4 5 6 => {
        let axes: [usize; N] = array(axes)?;
        float!(x, D, x => normalization::l2_normalize::<D, N>(x, axes, least_square))
    }, else no_rank(count))
}

fn lower_masked(x: Value, mask: Value) -> Result<Value, Error> {
    float!(x, D, x => activations::lower_masked(x, Tensor::<D>::try_from(mask)?))
}

fn softmax_masked(x: Value, keep: Value, axes: &[usize]) -> Result<Value, Error> {
    let count = axes.len();
    at_number!(count, N in 1 2 3 4 5 6 => {
        let axes: [usize; N] = array(axes)?;
        float!(x, D, x => {
            let keep = Tensor::<D, Bool>::try_from(keep)?;
            activations::softmax_masked::<D, N>(x, keep, axes)
        })
    }, else no_rank(count))
}
