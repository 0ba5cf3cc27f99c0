//! Shapes: steps folded into the batch and back, repetition.

use alloc::vec::Vec;
use burn::tensor::kind::Basic;
use burn::tensor::{Bool, Int, Tensor, TensorData};

/// `[batch, steps, …]` to `[batch * steps, …]`: what Keras's `TimeDistributed` hands to its layer.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::shape;
///
/// # fn forward(x: Tensor<3>) {
/// let rows: Tensor<2> = shape::fold_steps(x);
/// # }
/// ```
pub fn fold_steps<const D: usize, const D2: usize, K: Basic>(x: Tensor<D, K>) -> Tensor<D2, K> {
    x.flatten(0, 1)
}

/// The first axis of `x` in two, as large as the first two of `like`: the way back from
/// [`fold_steps`].
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::shape;
///
/// # fn forward(y: Tensor<2>, x: Tensor<3>) {
/// let steps: Tensor<3> = shape::unfold_steps(y, x);
/// # }
/// ```
pub fn unfold_steps<const D: usize, const D2: usize, const L: usize, K: Basic, K2: Basic>(
    x: Tensor<D, K>,
    like: Tensor<L, K2>,
) -> Tensor<D2, K> {
    let mut shape = [0; D2];
    let from = like.dims();
    shape[..2].copy_from_slice(&from[..2]);
    shape[2..].copy_from_slice(&x.dims()[1..]);
    x.reshape(shape)
}

/// `[batch, features]` to `[batch, count, features]`: Keras's `RepeatVector`.
pub fn repeat_vector<K: Basic>(x: Tensor<2, K>, count: usize) -> Tensor<3, K> {
    x.unsqueeze_dim::<3>(1).repeat_dim(1, count)
}

/// The sizes of the axes of `x`, as a tensor.
pub fn sizes<const D: usize, K: Basic>(x: Tensor<D, K>) -> Tensor<1, Int> {
    let sizes = x.dims().map(|size| i64::try_from(size).unwrap_or(i64::MAX));
    Tensor::from_data(TensorData::from(sizes), &x.device())
}

/// `shape` with what `sizes` hold at its places of -2, in order.
fn filled<const D: usize>(shape: [i64; D], sizes: Vec<Tensor<1, Int>>) -> [i64; D] {
    let mut sizes = sizes.into_iter();
    shape.map(|size| match size {
        -2 => sizes.next().map_or(1, |size| {
            let size = size.try_into_vec_as::<i64>().unwrap_or_default();
            size.first().copied().unwrap_or(1)
        }),
        size => size,
    })
}

/// `x` in a shape of which some sizes, -2, are what tensors of one element hold; they are read
/// from the device. 0 keeps the size at that place, -1 is inferred.
///
/// ```
/// use burn::tensor::{Int, Tensor};
/// use burn_keras_nn::shape;
///
/// fn forward(x: Tensor<3>, batch: Tensor<1, Int>) -> Tensor<2> {
///     shape::reshape_by(x, vec![batch], [-2, 24])
/// }
/// ```
///
/// # Panics
///
/// If the shape has another number of elements.
pub fn reshape_by<const D: usize, const D2: usize, K: Basic>(
    x: Tensor<D, K>,
    sizes: Vec<Tensor<1, Int>>,
    shape: [i64; D2],
) -> Tensor<D2, K> {
    x.reshape(filled(shape, sizes))
}

/// `value` everywhere in a shape of which some sizes, -2, are what tensors of one element hold.
pub fn full_by<const D: usize>(
    first: Tensor<1, Int>,
    others: Vec<Tensor<1, Int>>,
    shape: [i64; D],
    value: f64,
) -> Tensor<D> {
    let device = first.device();
    let sizes = core::iter::once(first).chain(others).collect();
    let shape = filled(shape, sizes).map(|size| usize::try_from(size).unwrap_or(0));
    Tensor::full(shape, value, &device)
}

/// `[batch, height, width, block² * channels]` to `[batch, block * height, block * width, channels]`.
pub fn depth_to_space<K: Basic>(x: Tensor<4, K>, block: usize) -> Tensor<4, K> {
    let [batch, height, width, depth] = x.dims();
    let channels = depth / (block * block);
    x.reshape([batch, height, width, block, block, channels])
        .permute([0, 1, 3, 2, 4, 5])
        .reshape([batch, height * block, width * block, channels])
}

/// `[batch, block * height, block * width, channels]` to `[batch, height, width, block² * channels]`.
pub fn space_to_depth<K: Basic>(x: Tensor<4, K>, block: usize) -> Tensor<4, K> {
    let [batch, height, width, channels] = x.dims();
    let (rows, columns) = (height / block, width / block);
    x.reshape([batch, rows, block, columns, block, channels])
        .permute([0, 1, 3, 2, 4, 5])
        .reshape([batch, rows, columns, block * block * channels])
}

/// Numbers that a model holds, on the device of `like`.
pub fn constant<const D: usize, const L: usize, K: Basic>(
    like: Tensor<L, K>,
    values: &[f64],
    shape: [usize; D],
) -> Tensor<D> {
    let data = TensorData::new(values.to_vec(), shape).convert::<f32>();
    Tensor::from_data(data, &like.device())
}

/// Integers that a model holds, on the device of `like`.
pub fn int_constant<const D: usize, const L: usize, K: Basic>(
    like: Tensor<L, K>,
    values: &[i64],
    shape: [usize; D],
) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &like.device())
}

/// Booleans that a model holds, on the device of `like`.
pub fn bool_constant<const D: usize, const L: usize, K: Basic>(
    like: Tensor<L, K>,
    values: &[bool],
    shape: [usize; D],
) -> Tensor<D, Bool> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &like.device())
}
