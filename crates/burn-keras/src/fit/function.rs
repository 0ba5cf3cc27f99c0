//! Whether tensors fit a function.

use burn_keras_import::plan::{Function, PoolWindow};
use keras_ir::layer::convolution::Padding;

use super::{Shapes, broadcast, broadcasts_to, mask, require, window};

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

/// More than any machine holds of a padded tensor.
const MOST_ELEMENTS: usize = 1 << 32;

pub(super) fn pool(x: &[usize], pooling: &PoolWindow) -> Result<(), String> {
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
