//! Whether tensors fit a step: sizes that a model leaves open are known at run time alone, and
//! Burn's functions panic where they do not fit.

use burn::module::{Module as _, Param};
use burn::nn::conv::{Conv1d, Conv2d, Conv3d};
use burn::nn::{PaddingConfig1d, PaddingConfig2d, PaddingConfig3d};
use burn::tensor::Tensor;
use burn_keras_import::plan::{Argument, Function, Operation, PoolWindow};
use keras_ir::layer::convolution::Padding;

use crate::layer::Layer;

type Shapes<'a> = &'a [Vec<usize>];

/// Whether inputs of `shapes` fit a function.
pub(crate) fn function(function: &Function, shapes: Shapes<'_>) -> Result<(), String> {
    let first = shapes.first().map(Vec::as_slice).unwrap_or_default();
    match function {
        Function::Reshape(shape) => reshape(first, shape),
        Function::Concatenate(axis) => {
            let others = shapes.iter().all(|shape| {
                shape.len() == first.len()
                    && (0..shape.len()).all(|at| at == *axis || shape[at] == first[at])
            });
            require(others, || {
                format!("tensors of {shapes:?}, joined along axis {axis}")
            })
        }
        Function::Add
        | Function::Subtract
        | Function::Multiply
        | Function::Maximum
        | Function::Minimum
        | Function::Average
        | Function::And
        | Function::Or
        | Function::Xor
        | Function::Where
        | Function::Binary(_)
        | Function::Compare(_) => require(broadcast(shapes), || {
            format!("tensors of {shapes:?}, element by element")
        }),
        Function::Cosine => require(shapes.get(1).map(Vec::as_slice) == Some(first), || {
            format!("cosines between vectors of {shapes:?}")
        }),
        Function::SoftmaxMasked(_) | Function::LowerMasked => mask(shapes, 1, 0),
        Function::Dot([a, b]) => {
            let [x, y] = [0, 1].map(|at| shapes.get(at).map(Vec::as_slice).unwrap_or_default());
            let fits = *a > 0
                && *b > 0
                && x.get(*a).is_some_and(|size| y.get(*b) == Some(size))
                && x.first() == y.first();
            require(fits, || {
                format!("products of tensors of {shapes:?} along axes {a} and {b}")
            })
        }
        Function::FoldMask(axes) => fold_mask(shapes, axes),
        Function::ApplyMask => mask(shapes, 1, 0),
        Function::Fill(_) => mask(shapes, 0, 1),
        Function::Select => {
            let Some([x, other]) = shapes.get(1..) else {
                return Err("a tensor is missing".into());
            };
            let fits = broadcast(&[x.clone(), other.clone()]);
            require(fits, || format!("a choice between tensors of {shapes:?}"))?;
            let both = x
                .iter()
                .zip(other)
                .map(|(a, b)| if *a == 1 { *b } else { *a });
            mask(&[first.to_vec(), both.collect()], 0, 1)
        }
        Function::GlobalAveragePoolMasked { axes } => {
            let x = first;
            let keep = shapes.get(1).map(Vec::as_slice).unwrap_or_default();
            let axis = axes.axes.first().copied().unwrap_or_default();
            let fits = keep.len() == 2 && x.first() == keep.first() && x.get(axis) == keep.get(1);
            require(fits, || {
                format!("a tensor of {x:?} with a mask of {keep:?}")
            })
        }
        Function::Normalize { shape, .. } => mask(&[shape.clone(), first.to_vec()], 0, 1),
        Function::MaxPool(window) | Function::AveragePool(window) => pool(first, window),
        Function::Crop(pairs) => {
            let left = first.len() == pairs.len()
                && first
                    .iter()
                    .zip(pairs)
                    .all(|(size, (before, after))| before.saturating_add(*after) < *size);
            require(left, || format!("{pairs:?} cut off a tensor of {first:?}"))
        }
        Function::Rescale { scale, offset } => {
            let features = first.last().copied().unwrap_or_default();
            let fits = |numbers: &[f64]| numbers.len() == 1 || numbers.len() == features;
            require(fits(scale) && fits(offset), || {
                format!(
                    "a tensor of {first:?} with {} features",
                    scale.len().max(offset.len())
                )
            })
        }
        Function::Upsample { .. }
        | Function::Resize { .. }
        | Function::AdaptiveMaxPool(_)
        | Function::AdaptiveAveragePool(_) => {
            let pixels = first.get(2..).unwrap_or_default();
            require(!pixels.contains(&0), || format!("an image of {first:?}"))
        }
        Function::Glu(axis) => {
            let even = first.get(*axis).is_some_and(|size| size.is_multiple_of(2));
            require(even, || format!("halves of axis {axis} of {first:?}"))
        }
        _ => operation(function, shapes),
    }
}

/// Whether inputs of `shapes` fit an operation between layers.
fn operation(function: &Function, shapes: Shapes<'_>) -> Result<(), String> {
    let first = shapes.first().map(Vec::as_slice).unwrap_or_default();
    let second = shapes.get(1).map(Vec::as_slice).unwrap_or_default();
    let fits = match function {
        Function::Squeeze(axes) => axes.iter().all(|axis| first.get(*axis) == Some(&1)),
        // Of no elements there is none that is the largest.
        Function::Reduce { axes, .. } => axes
            .axes
            .iter()
            .all(|axis| first.get(*axis).is_some_and(|size| *size > 0)),
        Function::ArgReduce { axis, .. } => first.get(*axis).is_some_and(|size| *size > 0),
        Function::Take(axis) => first.get(*axis).is_some_and(|size| *size > 0),
        Function::TakeAlong(axis) => {
            let mut sizes = first.iter().zip(second).enumerate();
            first.len() == second.len()
                && first.get(*axis).is_some_and(|size| *size > 0)
                && sizes.all(|(at, (a, b))| at == *axis || a == b || *a == 1 || *b == 1)
        }
        Function::Slice(ranges) => first.len() == ranges.len(),
        Function::Expand(sizes) => {
            let mut pairs = first.iter().zip(sizes);
            first.len() == sizes.len()
                && pairs.all(|(size, to)| {
                    *to == -1 || *size == 1 || usize::try_from(*to).is_ok_and(|to| to == *size)
                })
        }
        Function::Matmul => {
            let (Some([.., inner]), Some([of_b, ..])) =
                (first.last_chunk::<2>(), second.last_chunk::<2>())
            else {
                return require(false, || format!("matrices of {shapes:?}"));
            };
            let batch = first.len() - 2;
            inner == of_b
                && first.len() == second.len()
                && broadcast(&[first[..batch].to_vec(), second[..batch].to_vec()])
        }
        Function::Einsum(equation) => einsum(equation, shapes),
        Function::DepthToSpace(block) => first.len() == 4 && first[3].is_multiple_of(block * block),
        Function::SpaceToDepth(block) => {
            first.len() == 4 && first[1].is_multiple_of(*block) && first[2].is_multiple_of(*block)
        }
        _ => true,
    };
    require(fits, || format!("tensors of {shapes:?} in {function:?}"))
}

/// Whether each letter of an equation stands for one size.
fn einsum(equation: &str, shapes: Shapes<'_>) -> bool {
    let operands = equation
        .split_once("->")
        .map_or(equation, |(operands, _)| operands);
    let mut sizes: Vec<(char, usize)> = Vec::new();
    let operands: Vec<&str> = operands.split(',').collect();
    operands.len() == shapes.len()
        && operands.iter().zip(shapes).all(|(letters, shape)| {
            // A number has one axis in Burn.
            let is_number = letters.is_empty() && shape == &[1];
            is_number
                || letters.len() == shape.len()
                    && letters.chars().zip(shape).all(|(letter, size)| {
                        let known = sizes.iter_mut().find(|(known, _)| *known == letter);
                        match known {
                            Some((_, known)) if *known == 1 => {
                                *known = *size;
                                true
                            }
                            Some((_, known)) => *known == *size || *size == 1,
                            None => {
                                sizes.push((letter, *size));
                                true
                            }
                        }
                    })
        })
}

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

/// Whether a mask is as large as scores of attention, sizes of 1 aside.
fn broadcasts_to(mask: &[usize], scores: &[usize]) -> Result<(), String> {
    let sizes = mask.iter().zip(scores);
    let fits = mask.len() == scores.len() && { sizes }.all(|(a, b)| *a == 1 || a == b);
    require(fits, || {
        format!("scores of {scores:?} with a mask of {mask:?}")
    })
}

/// Whether a mask fits query and key before their axes are folded.
fn fold_mask(shapes: Shapes<'_>, axes: &[usize]) -> Result<(), String> {
    let [mask, query, key] = shapes else {
        return Err("a mask, a query or a key is missing".into());
    };
    let sizes = |of: &[usize], kept: &dyn Fn(&usize) -> bool| -> Vec<usize> {
        let axes = (0..of.len().saturating_sub(1)).filter(|axis| kept(axis));
        axes.map(|axis| of[axis]).collect()
    };
    let batch = sizes(query, &|axis| !axes.contains(axis));
    let steps = [query, key].into_iter().flat_map(|of| {
        let axes = axes.iter();
        axes.map(|axis| of.get(*axis).copied().unwrap_or_default())
    });
    let steps: Vec<usize> = steps.collect();
    let leading = mask.len().saturating_sub(steps.len());
    let mut expected: Vec<usize> = batch.iter().copied().take(leading).collect();
    if leading > batch.len() {
        // One entry for all heads, or one for each: the scores tell.
        expected.push(mask[batch.len()]);
    }
    expected.extend(steps);
    broadcasts_to(mask, &expected)
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

/// Whether axis `at` of `x` has `size` of something.
fn axis(x: &[usize], at: usize, size: usize, what: &str) -> Result<(), String> {
    require(x.get(at) == Some(&size), || {
        format!("a tensor of {x:?}; {size} {what} are expected on axis {at}")
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

fn require(fits: bool, found: impl FnOnce() -> String) -> Result<(), String> {
    if fits {
        Ok(())
    } else {
        Err(format!("does not fit: {}", found()))
    }
}

/// Whether the shapes are equal but for sizes of 1.
fn broadcast(shapes: Shapes<'_>) -> bool {
    let rank = shapes.first().map_or(0, Vec::len);
    shapes.iter().all(|shape| shape.len() == rank)
        && (0..rank).all(|axis| {
            let mut sizes = shapes
                .iter()
                .map(|shape| shape[axis])
                .filter(|size| *size != 1);
            let first = sizes.next();
            sizes.all(|size| Some(size) == first)
        })
}

/// Whether a mask is as large as the first axes of a tensor, sizes of 1 aside.
fn mask(shapes: Shapes<'_>, mask: usize, of: usize) -> Result<(), String> {
    let [Some(keep), Some(x)] = [shapes.get(mask), shapes.get(of)] else {
        return Err("a tensor or its mask is missing".into());
    };
    let fits = keep.len() <= x.len() && keep.iter().zip(x).all(|(a, b)| a == b || *a == 1);
    require(fits, || {
        format!("a tensor of {x:?} with a mask of {keep:?}")
    })
}

/// Whether a tensor has as many elements as another shape.
pub(crate) fn reshape(from: &[usize], to: &[i64]) -> Result<(), String> {
    let sizes: Option<Vec<usize>> = to
        .iter()
        .enumerate()
        .filter(|(_, size)| **size != -1)
        .map(|(axis, size)| match size {
            0 => from.get(axis).copied(),
            size => usize::try_from(*size).ok(),
        })
        .collect();
    let inferred = to.iter().filter(|size| **size == -1).count();
    let elements: usize = from.iter().product();
    let known = sizes.and_then(|sizes| {
        sizes
            .iter()
            .try_fold(1_usize, |product, size| product.checked_mul(*size))
    });
    let fits = known.is_some_and(|known| match inferred {
        0 => known == elements,
        1 => known > 0 && elements.is_multiple_of(known),
        _ => false,
    });
    require(fits, || format!("a tensor of {from:?} in the shape {to:?}"))
}

/// Whether each window lies inside the padded axes behind the channels.
fn window(x: &[usize], size: &[usize], dilation: &[usize], pads: &[usize]) -> Result<(), String> {
    let axes = x.get(2..).unwrap_or_default();
    let inside = axes.len() == size.len()
        && (0..size.len()).all(|at| {
            let extent = size[at].saturating_sub(1).saturating_mul(dilation[at]);
            axes[at].saturating_add(pads[at]) > extent
        });
    require(inside, || {
        format!("a window of {size:?} over a tensor of {x:?}")
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

/// More than any machine holds of a padded tensor.
const MOST_ELEMENTS: usize = 1 << 32;

fn pool(x: &[usize], pooling: &PoolWindow) -> Result<(), String> {
    if pooling.padding != Padding::Valid {
        // Borders are nearly as wide as windows.
        let spatial = x.iter().rev().zip(pooling.size.iter().rev());
        let padded = spatial.map(|(size, window)| size.checked_add(*window));
        let others = x.iter().take(x.len().saturating_sub(pooling.size.len()));
        let elements = padded
            .chain(others.map(|size| Some(*size)))
            .try_fold(1_usize, |count, size| count.checked_mul(size?));
        let size = &pooling.size;
        return require(elements.is_some_and(|count| count <= MOST_ELEMENTS), || {
            format!("a tensor of {x:?} with borders for windows of {size:?}")
        });
    }
    let ones = vec![1; pooling.size.len()];
    let zeros = vec![0; pooling.size.len()];
    window(x, &pooling.size, &ones, &zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_with_kept_and_inferred_sizes() {
        assert!(reshape(&[2, 3, 4], &[0, -1]).is_ok());
        assert!(reshape(&[2, 3, 4], &[0, 12]).is_ok());
        assert!(reshape(&[2, 3, 4], &[0, 5, -1]).is_err());
        assert!(reshape(&[2, 3, 4], &[0, 11]).is_err());
        assert!(reshape(&[2], &[0, 0]).is_err());
        assert!(reshape(&[2], &[0, -2]).is_err());
        assert!(reshape(&[2, 3], &[i64::MAX, i64::MAX]).is_err());
    }

    #[test]
    fn sizes_of_one_are_broadcast() {
        assert!(broadcast(&[vec![2, 1], vec![1, 3], vec![2, 3]]));
        assert!(!broadcast(&[vec![2, 1], vec![1, 3], vec![3, 3]]));
        assert!(!broadcast(&[vec![2, 1], vec![2]]));
        let concatenate = Function::Concatenate(1);
        assert!(function(&concatenate, &[vec![2, 1], vec![2, 3]]).is_ok());
        assert!(function(&concatenate, &[vec![2, 1], vec![1, 3]]).is_err());
    }

    #[test]
    fn windows_must_lie_inside() {
        assert!(window(&[1, 3, 5], &[3], &[2], &[0]).is_ok());
        assert!(window(&[1, 3, 4], &[3], &[2], &[0]).is_err());
        assert!(window(&[1, 3, 4], &[3], &[2], &[1]).is_ok());
        let pooling = PoolWindow {
            size: vec![3, 3],
            strides: vec![1, 1],
            padding: Padding::Valid,
        };
        assert!(pool(&[1, 1, 3, 2], &pooling).is_err());
        let pooling = PoolWindow {
            size: vec![usize::MAX, 3],
            strides: vec![1, 1],
            padding: Padding::Same,
        };
        assert!(pool(&[1, 1, 3, 2], &pooling).is_err());
    }
}
