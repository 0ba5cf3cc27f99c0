//! Pooling.

use burn::tensor::Tensor;
use burn_keras_import::plan::PoolWindow;
use burn_keras_nn::{Padding, pool};
use keras_ir::layer::convolution::Padding as Borders;

use super::{apply, array, no_rank};
use crate::rank::{at_number, at_rank};
use crate::value::Erased;
use crate::{Error, Value};

fn padding(window: &PoolWindow) -> Padding {
    match window.padding {
        Borders::Same => Padding::Same,
        Borders::TheanoSame => Padding::TheanoSame,
        _ => Padding::Valid,
    }
}

/// Pooling over one to three axes.
macro_rules! windows {
    ($name:ident: $one:ident $two:ident $three:ident) => {
        pub(super) fn $name(x: Value, window: &PoolWindow) -> Result<Value, Error> {
            let padding = padding(window);
            let (size, strides) = (&window.size, &window.strides);
            Ok(match size.len() {
                1 => {
                    pool::$one(Tensor::restore(x)?, array(size)?, array(strides)?, padding).erase()
                }
                2 => {
                    pool::$two(Tensor::restore(x)?, array(size)?, array(strides)?, padding).erase()
                }
                _ => pool::$three(Tensor::restore(x)?, array(size)?, array(strides)?, padding)
                    .erase(),
            })
        }
    };
}

windows!(max_pool: max_pool1d max_pool2d max_pool3d);
windows!(average_pool: average_pool1d average_pool2d average_pool3d);

/// Pooling of one to three axes to a given size.
macro_rules! adaptive {
    ($name:ident) => {
        pub(super) fn $name(x: Value, size: &[usize]) -> Result<Value, Error> {
            Ok(match size.len() {
                1 => pool::$name::<3, 1>(Tensor::restore(x)?, array(size)?).erase(),
                2 => pool::$name::<4, 2>(Tensor::restore(x)?, array(size)?).erase(),
                _ => pool::$name::<5, 3>(Tensor::restore(x)?, array(size)?).erase(),
            })
        }
    };
}

adaptive!(adaptive_max_pool);
adaptive!(adaptive_average_pool);

/// A reduction over one to three axes.
macro_rules! reduction {
    ($name:ident) => {
        pub(super) fn $name(x: Value, axes: &[usize], rank: usize) -> Result<Value, Error> {
            let x_rank = x.rank();
            at_rank!(x_rank, D => at_rank!(rank, D2 => {
                apply(x, |x: Tensor<D>| -> Result<Tensor<D2>, Error> {
                    let count = axes.len();
                    at_number!(count, N in 1 2 3 => {
                        Ok(pool::$name::<D, D2, N>(x, array(axes)?))
                    }, else no_rank(count))
                })
            }, else no_rank(rank)), else no_rank(x_rank))
        }
    };
}

reduction!(global_max_pool);
reduction!(global_average_pool);

pub(super) fn global_average_pool_masked(
    x: Value,
    keep: Value,
    axes: &[usize],
    rank: usize,
) -> Result<Value, Error> {
    let [axis] = array(axes)?;
    let (x, keep) = (Tensor::restore(x)?, Tensor::restore(keep)?);
    at_number!(rank, D2 in 2 3 => {
        Ok(pool::global_average_pool_masked::<D2>(x, keep, axis).erase())
    }, else no_rank(rank))
}
