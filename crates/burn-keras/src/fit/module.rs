//! Whether tensors fit a module.

use burn::module::{Module as _, Param};
use burn::nn::conv::{Conv1d, Conv2d, Conv3d};
use burn::nn::{PaddingConfig1d, PaddingConfig2d, PaddingConfig3d};
use burn::tensor::Tensor;
use burn_keras_import::plan::{Argument, Operation};

use super::{Shapes, axis, broadcasts_to, require, window};
use crate::layer::Layer;

/// Whether inputs of `shapes` fit a module.
pub(crate) fn module(
    layer: &Layer,
    operation: &Operation,
    shapes: Shapes<'_>,
) -> Result<(), String> {
    let x = shapes.first().map(Vec::as_slice).unwrap_or_default();
    let axis = |at, size, what| axis(x, at, size, what);
    match layer {
        Layer::Linear(linear) => {
            let [input, _] = linear.weight.lazy_shape().dims();
            axis(x.len().saturating_sub(1), input, "features")
        }
        Layer::MaxoutDense(dense) => axis(1, dense.weight.lazy_shape()[1], "features"),
        Layer::Highway(highway) => axis(1, highway.weight.lazy_shape()[0], "features"),
        Layer::Conv1d(conv) => conv1d(x, conv),
        Layer::Conv2d(conv) => conv2d(x, conv),
        Layer::Conv3d(conv) => conv3d(x, conv),
        Layer::SeparableConv1d(conv) => conv1d(x, &conv.depthwise),
        Layer::SeparableConv2d(conv) => conv2d(x, &conv.depthwise),
        Layer::ConvTranspose1d(conv) => spread(x, conv.weight.lazy_shape()[0]),
        Layer::ConvTranspose2d(conv) => spread(x, conv.weight.lazy_shape()[0]),
        Layer::ConvTranspose3d(conv) => spread(x, conv.weight.lazy_shape()[0]),
        Layer::BatchNorm(_)
        | Layer::BatchNormalization(_)
        | Layer::BatchRenormalization(_)
        | Layer::LayerNorm(_)
        | Layer::LayerNormalization(_)
        | Layer::RmsNormalization(_)
        | Layer::GroupNormalization(_)
        | Layer::Normalization(_)
        | Layer::EarlyBatchNormalization(_) => normalization(layer, x),
        Layer::PRelu(prelu) => elements(x, &prelu.shape),
        Layer::ParametricSoftplus(softplus) => elements(x, &softplus.shape),
        Layer::SRelu(srelu) => elements(x, &srelu.shape),
        Layer::SimpleRnn(rnn) => {
            recurrent(rnn.kernel.lazy_shape()[0], rnn.units, operation, shapes)
        }
        Layer::Gru(gru) => recurrent(gru.kernel.lazy_shape()[0], gru.units, operation, shapes),
        Layer::Lstm(lstm) => recurrent(lstm.kernel.lazy_shape()[0], lstm.units, operation, shapes),
        Layer::EinsumDense(einsum) => require(einsum.takes(x), || {
            format!("a tensor of {x:?} in {:?}", einsum.equation)
        }),
        Layer::Attention(_) => {
            let queries = x.len().saturating_sub(1);
            let mut scores = x.to_vec();
            if let (Some(last), Some(key)) = (scores.last_mut(), shapes.get(2)) {
                *last = key
                    .get(queries.saturating_sub(1))
                    .copied()
                    .unwrap_or_default();
            }
            attention(shapes, x.last().copied(), &scores)
        }
        Layer::MultiHeadAttention(attention) => {
            for (tensor, linear) in
                shapes
                    .iter()
                    .zip([&attention.query, &attention.value, &attention.key])
            {
                let features = linear.weight.lazy_shape()[0];
                require(tensor.get(2) == Some(&features), || {
                    format!("a tensor of {tensor:?}; {features} features are expected on axis 2")
                })?;
            }
            let keys = shapes.get(2).and_then(|key| key.get(1)).copied();
            let [batch, queries] = [0, 1].map(|axis| x.get(axis).copied().unwrap_or_default());
            let scores = [batch, attention.heads, queries, keys.unwrap_or_default()];
            self::attention(shapes, None, &scores)
        }
        Layer::Bias(bias) => {
            let [features] = bias.bias.lazy_shape().dims();
            axis(x.len().saturating_sub(1), features, "features")
        }
        Layer::Embedding(table) if matches!(operation, Operation::Project(_)) => {
            let [_, features] = table.weight.lazy_shape().dims();
            axis(x.len().saturating_sub(1), features, "features")
        }
        Layer::Embedding(_) => Ok(()),
        other => require(other.num_params() == 0, || {
            "no layer that can be called".to_owned()
        }),
    }
}

/// Whether query, value, key and the mask of the scores fit together; `features` are those of
/// query and key, if both have the same.
fn attention(shapes: Shapes<'_>, features: Option<usize>, scores: &[usize]) -> Result<(), String> {
    let [query, value, key, masks @ ..] = shapes else {
        return Err("query, value or key is missing".into());
    };
    let rank = query.len();
    let same_rank = rank >= 3 && [value, key].iter().all(|other| other.len() == rank);
    let fits = same_rank
        && value[..rank - 1] == key[..rank - 1]
        && query[..rank - 2] == key[..rank - 2]
        && features.is_none_or(|features| key.last() == Some(&features));
    require(fits, || {
        format!("query, value and key of {query:?}, {value:?}, {key:?}")
    })?;
    masks
        .iter()
        .try_for_each(|mask| broadcasts_to(mask, scores))
}

/// Whether sequence, mask and states fit a recurrent layer.
fn recurrent(
    features: usize,
    units: usize,
    operation: &Operation,
    shapes: Shapes<'_>,
) -> Result<(), String> {
    let x = shapes.first().map(Vec::as_slice).unwrap_or_default();
    let [batch, steps, found] = *x else {
        return require(false, || format!("a tensor of {x:?} as a sequence"));
    };
    require(found == features, || {
        format!("a tensor of {x:?}; {features} features are expected on axis 2")
    })?;
    let Operation::Apply { arguments, .. } = operation else {
        return Ok(());
    };
    let masked = arguments.get(1) == Some(&Argument::Optional(true));
    if masked {
        let keep = shapes.get(1).map(Vec::as_slice).unwrap_or_default();
        require(keep == [batch, steps], || {
            format!("steps {:?} with a mask of {keep:?}", [batch, steps])
        })?;
    }
    let state = [batch, units];
    let mut states = shapes.iter().skip(1 + usize::from(masked));
    require(states.all(|shape| *shape == state), || {
        format!("tensors of {shapes:?}; states of {state:?} are expected")
    })
}

/// Weights of `shape` for the elements of each sample, 1 along axes that share them.
fn elements(x: &[usize], shape: &[usize]) -> Result<(), String> {
    let fits = x.split_first().is_some_and(|(_, sizes)| {
        let mut pairs = shape.iter().zip(sizes);
        sizes.len() == shape.len() && pairs.all(|(a, x)| a == x || *a == 1)
    });
    require(fits, || {
        format!("a tensor of {x:?} with weights of {shape:?}")
    })
}

fn normalization(layer: &Layer, x: &[usize]) -> Result<(), String> {
    let size = |param: &Param<Tensor<1>>| param.lazy_shape()[0];
    let features = |axis: usize, size: usize| {
        require(x.get(axis) == Some(&size), || {
            format!("a tensor of {x:?}; {size} features are expected on axis {axis}")
        })
    };
    match layer {
        Layer::BatchNorm(norm) => features(1, size(&norm.gamma)),
        Layer::BatchNormalization(norm) => features(1, norm.running_mean.value().dims()[0]),
        Layer::BatchRenormalization(norm) => features(1, norm.running_mean.value().dims()[0]),
        Layer::EarlyBatchNormalization(norm) => features(norm.axis(x.len()), size(&norm.gamma)),
        Layer::LayerNorm(norm) => features(x.len().saturating_sub(1), size(&norm.gamma)),
        Layer::LayerNormalization(norm) => {
            let wanted = norm.gamma.as_ref().or(norm.beta.as_ref()).map(size);
            counted(x, &norm.axes, wanted)
        }
        Layer::Normalization(norm) => counted(x, &norm.axes, Some(norm.mean.value().dims()[0])),
        Layer::RmsNormalization(norm) => {
            let has_axes = norm.axes.iter().all(|axis| *axis < x.len());
            let fits = has_axes && x.ends_with(&norm.shape) && norm.shape.len() <= x.len();
            let shape = &norm.shape;
            require(fits, || {
                format!("a tensor of {x:?} with a scale of {shape:?}")
            })
        }
        Layer::GroupNormalization(norm) => {
            if let Some(param) = norm.gamma.as_ref().or(norm.beta.as_ref()) {
                features(1, size(param))?;
            }
            let channels = x.get(1).copied().unwrap_or_default();
            let fits = x.len() > 1 && channels.is_multiple_of(norm.groups);
            let groups = norm.groups;
            require(fits, || format!("a tensor of {x:?} in {groups} groups"))
        }
        _ => Ok(()),
    }
}

/// Whether `x` has `axes`, with as many elements together as are wanted.
fn counted(x: &[usize], axes: &[usize], wanted: Option<usize>) -> Result<(), String> {
    let sizes: Option<Vec<usize>> = axes.iter().map(|axis| x.get(*axis).copied()).collect();
    let found = sizes.map(|sizes| sizes.iter().product::<usize>());
    let fits = found.is_some_and(|found| wanted.is_none_or(|wanted| wanted == found));
    require(fits, || {
        format!("a tensor of {x:?}, normalized along {axes:?}")
    })
}

fn conv1d(x: &[usize], conv: &Conv1d) -> Result<(), String> {
    axis(x, 1, conv.weight.lazy_shape()[1] * conv.groups, "channels")?;
    let PaddingConfig1d::Explicit(before, after) = conv.padding else {
        return Ok(());
    };
    window(x, &[conv.kernel_size], &[conv.dilation], &[before + after])
}

fn conv2d(x: &[usize], conv: &Conv2d) -> Result<(), String> {
    axis(x, 1, conv.weight.lazy_shape()[1] * conv.groups, "channels")?;
    let PaddingConfig2d::Explicit(top, left, bottom, right) = conv.padding else {
        return Ok(());
    };
    let pads = [top + bottom, left + right];
    window(x, &conv.kernel_size, &conv.dilation, &pads)
}

fn conv3d(x: &[usize], conv: &Conv3d) -> Result<(), String> {
    axis(x, 1, conv.weight.lazy_shape()[1] * conv.groups, "channels")?;
    let PaddingConfig3d::Explicit(depth, height, width) = conv.padding else {
        return Ok(());
    };
    let pads = [2 * depth, 2 * height, 2 * width];
    window(x, &conv.kernel_size, &conv.dilation, &pads)
}

/// Whether a transposed convolution of `channels` has something to spread.
fn spread(x: &[usize], channels: usize) -> Result<(), String> {
    axis(x, 1, channels, "channels")?;
    let steps = x.get(2..).unwrap_or_default();
    require(!steps.contains(&0), || format!("a tensor of {x:?}"))
}
