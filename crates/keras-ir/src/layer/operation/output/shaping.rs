//! What operations give that put elements in other places.

use super::{axis, broadcast, common_kind, elements, raveled};
use crate::layer::merging::Concatenate;
use crate::layer::operation::shaping::{self, Size};
use crate::layer::operation::{Operator, reduction};
use crate::layer::{KerasLayer, Mismatch};
use crate::shape::{Kind, Shape, Spec, normalize_axis};

impl Operator {
    /// The outputs of operations that give elements other places.
    pub(super) fn shaped(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let fail = |expected: &str| Mismatch::new(expected, inputs);
        let first = inputs.first().ok_or_else(|| fail("an operand"))?;
        let one = |spec: Spec| Ok(vec![spec]);
        let dims = &first.shape.0;
        match self {
            Self::Reshape(target) => one(first.with_shape(shaping::reshaped(first, target)?)),
            Self::BatchFlatten => match dims.split_first() {
                Some((batch, rest)) => {
                    one(first.with_shape(vec![*batch, elements(&Shape(rest.to_vec()))]))
                }
                None => Err(fail("a batch")),
            },
            Self::Transpose(order) => {
                let axes = order.positions(dims.len());
                let axes = axes.ok_or_else(|| fail("a tensor with these axes"))?;
                one(first.with_shape(axes.into_iter().map(|axis| dims[axis]).collect()))
            }
            Self::ExpandDims(axes) => {
                let places = shaping::new_axes(axes, dims.len());
                let mut shape = dims.clone();
                for place in places.ok_or_else(|| fail("a place for each new axis"))? {
                    shape.insert(place, Some(1));
                }
                one(first.with_shape(shape))
            }
            Self::Squeeze(axes) => {
                let gone = shaping::squeezed(&first.shape, axes.as_deref());
                let gone = gone.ok_or_else(|| fail("axes of size 1"))?;
                let kept = dims.iter().enumerate();
                let kept = kept.filter(|(axis, _)| !gone.contains(axis));
                one(first.with_shape(kept.map(|(_, size)| *size).collect()))
            }
            Self::Concatenate(axis) => Concatenate { axis: *axis }.outputs(inputs),
            Self::Hstack => {
                let axis = i64::from(dims.len() > 1);
                Concatenate { axis }.outputs(inputs)
            }
            Self::Vstack if dims.len() < 2 => Self::Stack(0).outputs(inputs),
            Self::Vstack => Concatenate { axis: 0 }.outputs(inputs),
            Self::Stack(axis) => {
                let place = normalize_axis(*axis, dims.len() + 1);
                let place = place.ok_or_else(|| fail("a place for the new axis"))?;
                let mut shape = dims.clone();
                for other in &inputs[1..] {
                    if other.shape.rank() != shape.len() || !first.shape.accepts(&other.shape) {
                        return Err(fail("tensors of one shape"));
                    }
                    for (size, other) in shape.iter_mut().zip(&other.shape.0) {
                        *size = size.or(*other);
                    }
                }
                shape.insert(place, Some(inputs.len()));
                one(Spec {
                    shape: Shape(shape),
                    kind: common_kind(inputs),
                })
            }
            Self::Split { parts, axis: of } => {
                let of = axis(first, *of)?;
                let bounds = parts.bounds(dims[of]);
                let bounds = bounds.ok_or_else(|| fail("an axis that can be cut so"))?;
                let specs = bounds.into_iter().map(|(start, end)| {
                    let mut shape = dims.clone();
                    shape[of] = Some(end - start);
                    first.with_shape(shape)
                });
                Ok(specs.collect())
            }
            Self::Unstack { count, axis: of } => {
                let of = axis(first, *of)?;
                let count = match (dims[of], count) {
                    (Some(size), Some(count)) if size != *count => None,
                    (size, count) => size.or(*count),
                };
                let count = count.filter(|count| *count <= 1 << 12);
                let count = count.ok_or_else(|| fail("a known number of elements"))?;
                let mut shape = dims.clone();
                shape.remove(of);
                Ok(vec![first.with_shape(shape); count])
            }
            Self::Tile(counts) => {
                let rank = dims.len().max(counts.len());
                let mut shape = vec![Some(1); rank - dims.len()];
                shape.extend(dims);
                for (size, count) in shape.iter_mut().skip(rank - counts.len()).zip(counts) {
                    *size = match (*size, count) {
                        (Some(size), Size::Known(count)) => size.checked_mul(*count),
                        _ => None,
                    };
                }
                one(first.with_shape(shape))
            }
            Self::Repeat { counts, axis: of } => {
                let mut output = match of {
                    Some(_) => first.clone(),
                    None => raveled(first),
                };
                let of = axis(&output, of.unwrap_or(0))?;
                let size = &mut output.shape.0[of];
                *size = match counts.as_slice() {
                    [0] => return Err(fail("repetitions")),
                    [count] => size.and_then(|size| size.checked_mul(*count)),
                    counts if size.is_some_and(|size| size == counts.len()) => {
                        { counts.iter() }.try_fold(0_usize, |n, count| n.checked_add(*count))
                    }
                    _ => return Err(fail("a count for each element")),
                };
                one(output)
            }
            Self::Roll { shifts, axes } => match axes {
                Some(axes) => {
                    first
                        .shape
                        .axes(axes)
                        .ok_or_else(|| fail("a tensor with these axes"))?;
                    if shifts.len() != axes.len() && shifts.len() != 1 {
                        return Err(fail("a shift for each axis"));
                    }
                    one(first.clone())
                }
                None if shifts.len() == 1 => one(first.clone()),
                None => Err(fail("one shift")),
            },
            Self::Flip(axes) => {
                reduction::positions(&first.shape, axes.as_deref())
                    .ok_or_else(|| fail("a tensor with these axes"))?;
                one(first.clone())
            }
            Self::BroadcastTo(sizes) => {
                let target: Vec<Option<usize>> = { sizes.iter() }
                    .map(|size| match size {
                        Size::Known(size) => Some(*size),
                        Size::Rest | Size::Operand(_) => None,
                    })
                    .collect();
                let fits = dims.len() <= target.len()
                    && broadcast(&[&first.shape, &Shape(target.clone())])
                        .is_some_and(|shape| Shape(target.clone()).accepts(&shape));
                if !fits {
                    return Err(fail("a shape that broadcasts"));
                }
                one(first.with_shape(target))
            }
            Self::Pad { widths, .. } => {
                let mut shape = dims.clone();
                if widths.len() != 1 && widths.len() != shape.len() {
                    return Err(fail("a pair of widths for each axis"));
                }
                let widths = widths.iter().cycle();
                for (size, (before, after)) in shape.iter_mut().zip(widths) {
                    *size = size.and_then(|size| size.checked_add(*before)?.checked_add(*after));
                }
                one(first.with_shape(shape))
            }
            Self::Diagonal { offset, axes } => {
                diagonal(first, *offset, *axes).map(|spec| vec![spec])
            }
            Self::Trace { offset, axes } => {
                let mut output = diagonal(first, *offset, *axes)?;
                output.shape.0.pop();
                one(output.with_kind(output.kind.max(Kind::Int)))
            }
            Self::DepthToSpace(block) | Self::SpaceToDepth(block) => {
                let [batch, height, width, channels] = dims.as_slice() else {
                    return Err(fail("a batch of images"));
                };
                let divided = |size: Option<usize>, by: usize| match size {
                    Some(size) if size % by != 0 => Err(fail("sizes that the block divides")),
                    size => Ok(size.map(|size| size / by)),
                };
                let times =
                    |size: Option<usize>, by: usize| size.and_then(|size| size.checked_mul(by));
                let square = block
                    .checked_mul(*block)
                    .ok_or_else(|| fail("a smaller block"))?;
                let shape = if matches!(self, Self::DepthToSpace(_)) {
                    let channels = divided(*channels, square)?;
                    vec![
                        *batch,
                        times(*height, *block),
                        times(*width, *block),
                        channels,
                    ]
                } else {
                    let (height, width) = (divided(*height, *block)?, divided(*width, *block)?);
                    vec![*batch, height, width, times(*channels, square)]
                };
                one(first.with_shape(shape))
            }
            _ => Err(fail("another operation")),
        }
    }
}

fn diagonal(input: &Spec, offset: i64, axes: [i64; 2]) -> Result<Spec, Mismatch> {
    let fail = || Mismatch::new("a tensor with two such axes", std::slice::from_ref(input));
    let [row, column] = axes.map(|axis| input.shape.axis(axis));
    let (row, column) = row.zip(column).filter(|(a, b)| a != b).ok_or_else(fail)?;
    let length = match (input.shape.dim(row), input.shape.dim(column)) {
        (Some(rows), Some(columns)) => {
            let gap = usize::try_from(offset.unsigned_abs()).map_err(|_| fail())?;
            Some(if offset < 0 {
                rows.saturating_sub(gap).min(columns)
            } else {
                columns.saturating_sub(gap).min(rows)
            })
        }
        _ => None,
    };
    let sizes = input.shape.0.iter().enumerate();
    let mut shape: Vec<Option<usize>> = sizes
        .filter(|(axis, _)| *axis != row && *axis != column)
        .map(|(_, size)| *size)
        .collect();
    shape.push(length);
    Ok(input.with_shape(shape))
}
