//! Each function of a plan as one call of a function of `burn` or `burn-keras-nn`: the same that
//! generated source calls.

use burn::tensor::{Bool, Float, Int, Tensor};
use burn_keras_import::plan::{Function, PoolWindow, ReducedAxes};
use burn_keras_nn::{Padding, activation as activations, mask, merge, padding, pool};

use crate::rank::{at_number, at_rank};
use crate::{Error, Value, activation};

/// Calls `function` for `inputs`, giving a tensor of `rank` axes.
pub(crate) fn call(function: &Function, inputs: Vec<Value>, rank: usize) -> Result<Value, Error> {
    match function {
        Function::Average => average(inputs),
        Function::Concatenate(axis) => concatenate(inputs, *axis),
        Function::Add
        | Function::Subtract
        | Function::Multiply
        | Function::Maximum
        | Function::Minimum
        | Function::And
        | Function::Or
        | Function::ApplyMask
        | Function::SoftmaxMasked { .. }
        | Function::GlobalAveragePoolMasked { .. }
        | Function::Fill(_) => {
            let [a, b] = take(inputs)?;
            binary(function, a, b, rank)
        }
        Function::Select => {
            let [keep, x, other] = take(inputs)?;
            select(keep, x, other)
        }
        _ => {
            let [x] = take(inputs)?;
            unary(function, x, rank)
        }
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
fn no_rank(rank: usize) -> Error {
    Error::Data(format!("tensors of {rank} axes are not supported"))
}

/// A function of one floating-point tensor that keeps its rank.
macro_rules! float {
    ($x:expr, $D:ident, $t:ident => $body:expr) => {{
        let x: Value = $x;
        at_rank!(x.rank(), $D => {
            let $t = Tensor::<$D>::try_from(x)?;
            Ok(Value::from($body))
        }, else Err(no_rank(x.rank())))
    }};
}

/// A function of one tensor of any kind; `$K` is the kind.
macro_rules! any_kind {
    ($x:expr, $D:ident, $K:ident, $t:ident => $body:expr) => {{
        let x: Value = $x;
        at_rank!(x.rank(), $D => match x {
            x @ Value::Float(_) => {
                type $K = Float;
                let $t = Tensor::<$D, $K>::try_from(x)?;
                $body
            }
            x @ Value::Int(_) => {
                type $K = Int;
                let $t = Tensor::<$D, $K>::try_from(x)?;
                $body
            }
            x @ Value::Bool(_) => {
                type $K = Bool;
                let $t = Tensor::<$D, $K>::try_from(x)?;
                $body
            }
        }, else Err(no_rank(x.rank())))
    }};
}

/// A reduction over one to three axes.
macro_rules! reduce {
    ($x:expr, $axes:expr, $rank:expr, $f:path) => {{
        let (x, axes, rank): (Value, &[usize], usize) = ($x, $axes, $rank);
        at_rank!(x.rank(), D => at_number!(axes.len(), N in 1 2 3 => at_rank!(rank, D2 => {
            let x = Tensor::<D>::try_from(x)?;
            let y: Tensor<D2> = $f(x, array::<usize, N>(axes)?);
            Ok(Value::from(y))
        }, else Err(no_rank(rank))), else Err(no_rank(axes.len()))), else Err(no_rank(x.rank())))
    }};
}

fn unary(function: &Function, x: Value, rank: usize) -> Result<Value, Error> {
    match function {
        Function::Activation(which) => float!(x, D, x => activation::apply(*which, x)),
        Function::Softmax(axis) => float!(x, D, x => activations::softmax(x, *axis)),
        Function::LogSoftmax(axis) => float!(x, D, x => activations::log_softmax(x, *axis)),
        Function::Sparsemax(axis) => float!(x, D, x => activations::sparsemax(x, *axis)),
        Function::Glu(axis) => float!(x, D, x => activations::glu(x, *axis)),
        Function::SoftmaxAxes(axes) => float!(x, D, x => {
            at_rank!(axes.len(), N => {
                activations::softmax_axes::<D, N>(x, array(axes)?)
            }, else return Err(no_rank(axes.len())))
        }),
        Function::ToFloat => to_float(x),
        Function::ToInt => to_int(x),
        Function::ToBool => not_equal(x, 0.0),
        Function::Permute(axes) => any_kind!(x, D, K, x => {
            let axes: [usize; D] = array(axes)?;
            Ok(Value::from(x.permute(axes)))
        }),
        Function::Reshape(shape) => any_kind!(x, D, K, x => at_rank!(shape.len(), D2 => {
            let shape: [i64; D2] = array(shape)?;
            Ok(Value::from(x.reshape(shape)))
        }, else Err(no_rank(shape.len())))),
        Function::ExpandDims(axes) => any_kind!(x, D, K, x => {
            at_rank!(D + axes.len(), D2 => {
                let axes: Vec<isize> = axes.iter().map(|axis| axis.cast_signed()).collect();
                Ok(Value::from(x.unsqueeze_dims::<D2>(&axes)))
            }, else Err(no_rank(D + axes.len())))
        }),
        Function::RepeatVector(n) => {
            let x = Tensor::<2>::try_from(x)?;
            Ok(x.unsqueeze_dim::<3>(1).repeat_dim(1, *n).into())
        }
        Function::Pad(pairs) => float!(x, D, x => padding::pad::<D>(x, array(pairs)?)),
        Function::PadSame {
            kernel,
            strides,
            dilation,
        } => pad_same(x, kernel, strides, dilation),
        Function::MaxPool(window) => max_pool(x, window),
        Function::AveragePool(window) => average_pool(x, window),
        Function::GlobalMaxPool(ReducedAxes { axes, .. }) => {
            reduce!(x, axes, rank, pool::global_max_pool)
        }
        Function::GlobalAveragePool(ReducedAxes { axes, .. }) => {
            reduce!(x, axes, rank, pool::global_average_pool)
        }
        Function::NotEqual(value) => not_equal(x, *value),
        Function::Masking(value) => {
            let x_rank = x.rank();
            at_rank!(x_rank, D => at_rank!(rank, D2 => {
                let x = Tensor::<D>::try_from(x)?;
                Ok(mask::masking::<D, D2>(x, *value).into())
            }, else Err(no_rank(rank))), else Err(no_rank(x_rank)))
        }
        Function::OnesMask(axes) => any_kind!(x, D, K, x => at_rank!(*axes, D2 => {
            Ok(mask::ones_mask::<D, D2, K>(x).into())
        }, else Err(no_rank(*axes)))),
        Function::ZerosMask => any_kind!(x, D, K, x => Ok(mask::zeros_mask::<D, K>(x).into())),
        Function::Any { axis, .. } => {
            let x_rank = x.rank();
            at_rank!(x_rank, D => at_rank!(rank, D2 => {
                let x = Tensor::<D, Bool>::try_from(x)?;
                Ok(mask::any::<D, D2>(x, *axis).into())
            }, else Err(no_rank(rank))), else Err(no_rank(x_rank)))
        }
        _ => Err(Error::Data(format!("{function:?} takes more than one input"))),
    }
}

fn binary(function: &Function, a: Value, b: Value, rank: usize) -> Result<Value, Error> {
    macro_rules! same_rank {
        ($K:ident, $f:path) => {
            at_rank!(a.rank(), D => {
                let a = Tensor::<D, $K>::try_from(a)?;
                let b = Tensor::<D, $K>::try_from(b)?;
                Ok(Value::from($f(a, b)))
            }, else Err(no_rank(a.rank())))
        };
    }
    let b_rank = b.rank();
    match function {
        Function::Add => same_rank!(Float, merge::add),
        Function::Subtract => same_rank!(Float, merge::subtract),
        Function::Multiply => same_rank!(Float, merge::multiply),
        Function::Maximum => same_rank!(Float, merge::maximum),
        Function::Minimum => same_rank!(Float, merge::minimum),
        Function::And => same_rank!(Bool, mask::and),
        Function::Or => same_rank!(Bool, mask::or),
        Function::ApplyMask => float!(a, D, x => at_rank!(b_rank, D2 => {
            mask::apply_mask::<D, D2>(x, b.try_into()?)
        }, else return Err(no_rank(b_rank)))),
        Function::Fill(value) => float!(b, D, x => at_rank!(a.rank(), D2 => {
            mask::fill::<D, D2>(a.try_into()?, x, *value)
        }, else return Err(no_rank(a.rank())))),
        Function::SoftmaxMasked { axes, zero_masked } => float!(a, D, x => {
            at_rank!(axes.len(), N => {
                let keep = Tensor::<D, Bool>::try_from(b)?;
                activations::softmax_masked::<D, N>(x, keep, array(axes)?, *zero_masked)
            }, else return Err(no_rank(axes.len())))
        }),
        Function::GlobalAveragePoolMasked { axes } => {
            let [axis] = array(&axes.axes)?;
            let (x, keep) = (a.try_into()?, b.try_into()?);
            at_number!(rank, D2 in 2 3 => {
                Ok(pool::global_average_pool_masked::<D2>(x, keep, axis).into())
            }, else Err(no_rank(rank)))
        }
        _ => Err(Error::Data(format!("{function:?} does not take two inputs"))),
    }
}

fn select(keep: Value, x: Value, other: Value) -> Result<Value, Error> {
    let mask_rank = keep.rank();
    float!(x, D, x => at_rank!(mask_rank, D2 => {
        mask::select::<D, D2>(keep.try_into()?, x, other.try_into()?)
    }, else return Err(no_rank(mask_rank))))
}

/// The type of an array says how many tensors `average` takes: up to 16, which are as many as a
/// model is likely to have.
fn average(inputs: Vec<Value>) -> Result<Value, Error> {
    let rank = inputs.first().map_or(0, Value::rank);
    at_rank!(rank, D => {
        let xs: Result<Vec<Tensor<D>>, Error> = inputs.into_iter().map(Tensor::try_from).collect();
        let xs = xs?;
        let count = xs.len();
        at_number!(count, N in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 => {
            match <[Tensor<D>; N]>::try_from(xs) {
                Ok(xs) => Ok(merge::average(xs).into()),
                Err(_) => Err(no_rank(rank)),
            }
        }, else {
            let sum = xs.into_iter().reduce(merge::add);
            let sum = sum.ok_or_else(|| no_rank(rank))?;
            Ok(sum.div_scalar(count as f64).into())
        })
    }, else Err(no_rank(rank)))
}

fn concatenate(inputs: Vec<Value>, axis: usize) -> Result<Value, Error> {
    let Some(first) = inputs.first() else {
        return Err(Error::Data("nothing to concatenate".into()));
    };
    any_kind!(first.clone(), D, K, first => {
        drop(first);
        let tensors: Result<Vec<Tensor<D, K>>, Error> =
            inputs.into_iter().map(Tensor::try_from).collect();
        Ok(Value::from(Tensor::cat(tensors?, axis)))
    })
}

fn to_float(x: Value) -> Result<Value, Error> {
    at_rank!(x.rank(), D => match x {
        Value::Int(_) => Ok(Tensor::<D, Int>::try_from(x)?.float().into()),
        Value::Bool(_) => Ok(Tensor::<D, Bool>::try_from(x)?.float().into()),
        Value::Float(_) => Ok(x),
    }, else Err(no_rank(x.rank())))
}

fn to_int(x: Value) -> Result<Value, Error> {
    at_rank!(x.rank(), D => match x {
        Value::Float(_) => Ok(Tensor::<D>::try_from(x)?.int().into()),
        Value::Bool(_) => Ok(Tensor::<D, Bool>::try_from(x)?.int().into()),
        Value::Int(_) => Ok(x),
    }, else Err(no_rank(x.rank())))
}

/// No integer equals a value between two integers.
fn not_equal(x: Value, value: f64) -> Result<Value, Error> {
    at_rank!(x.rank(), D => match x {
        Value::Float(_) => Ok(mask::not_equal(Tensor::<D>::try_from(x)?, value).into()),
        Value::Int(_) if value.fract() == 0.0 => {
            Ok(mask::not_equal_int(Tensor::<D, Int>::try_from(x)?, value as i64).into())
        }
        Value::Int(_) => {
            Ok(mask::ones_mask::<D, D, Int>(Tensor::<D, Int>::try_from(x)?).into())
        }
        Value::Bool(_) if value == 0.0 => Ok(x),
        Value::Bool(_) => Err(Error::Data(format!("booleans compared with {value}"))),
    }, else Err(no_rank(x.rank())))
}

fn pad_same(
    x: Value,
    kernel: &[usize],
    strides: &[usize],
    dilation: &[usize],
) -> Result<Value, Error> {
    if kernel.len() == 1 {
        let (kernel, strides, dilation) = (array(kernel)?, array(strides)?, array(dilation)?);
        Ok(padding::pad_same1d(x.try_into()?, kernel, strides, dilation).into())
    } else {
        let (kernel, strides, dilation) = (array(kernel)?, array(strides)?, array(dilation)?);
        Ok(padding::pad_same2d(x.try_into()?, kernel, strides, dilation).into())
    }
}

fn padding(window: &PoolWindow) -> Padding {
    if window.same {
        Padding::Same
    } else {
        Padding::Valid
    }
}

fn max_pool(x: Value, window: &PoolWindow) -> Result<Value, Error> {
    let padding = padding(window);
    if window.size.len() == 1 {
        let (size, strides) = (array(&window.size)?, array(&window.strides)?);
        Ok(pool::max_pool1d(x.try_into()?, size, strides, padding).into())
    } else {
        let (size, strides) = (array(&window.size)?, array(&window.strides)?);
        Ok(pool::max_pool2d(x.try_into()?, size, strides, padding).into())
    }
}

fn average_pool(x: Value, window: &PoolWindow) -> Result<Value, Error> {
    let padding = padding(window);
    if window.size.len() == 1 {
        let (size, strides) = (array(&window.size)?, array(&window.strides)?);
        Ok(pool::average_pool1d(x.try_into()?, size, strides, padding).into())
    } else {
        let (size, strides) = (array(&window.size)?, array(&window.strides)?);
        Ok(pool::average_pool2d(x.try_into()?, size, strides, padding).into())
    }
}
