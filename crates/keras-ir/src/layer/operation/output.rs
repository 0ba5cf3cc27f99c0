//! Shapes and kinds of what operations give.

use super::Operator;
use super::elementwise::Binary;
use super::indexing::{self, Selection};
use super::neural::Along;
use super::reduction;
use super::shaping::{self, Size};
use crate::activation::Activation;
use crate::layer::Mismatch;
use crate::layer::merging::Concatenate;
use crate::layer::{KerasLayer, single};
use crate::shape::{Kind, Shape, Spec, normalize_axis};

/// The shape that tensors have together, by NumPy's rules.
pub fn broadcast(inputs: &[&Shape]) -> Option<Shape> {
    let rank = inputs.iter().map(|shape| shape.rank()).max()?;
    let mut together = vec![Some(1); rank];
    for shape in inputs {
        let missing = rank - shape.rank();
        for (size, other) in together.iter_mut().skip(missing).zip(&shape.0) {
            *size = super::joined(*size, *other)?;
        }
    }
    Some(Shape(together))
}

/// The kind that inputs have together: Keras's promotion.
fn common_kind(inputs: &[Spec]) -> Kind {
    inputs
        .iter()
        .map(|spec| spec.kind)
        .max()
        .unwrap_or(Kind::Float)
}

fn together(inputs: &[Spec]) -> Result<Shape, Mismatch> {
    let shapes: Vec<&Shape> = inputs.iter().map(|spec| &spec.shape).collect();
    broadcast(&shapes).ok_or_else(|| Mismatch::new("shapes that broadcast", inputs))
}

/// Exactly `N` inputs.
fn exactly<const N: usize>(inputs: &[Spec]) -> Result<&[Spec; N], Mismatch> {
    inputs
        .try_into()
        .map_err(|_| Mismatch::new(format!("{N} operands"), inputs))
}

fn axis(input: &Spec, axis: i64) -> Result<usize, Mismatch> {
    input.shape.axis(axis).ok_or_else(|| {
        let inputs = std::slice::from_ref(input);
        Mismatch::new(format!("a tensor with axis {axis}"), inputs)
    })
}

fn elements(shape: &Shape) -> Option<usize> {
    { shape.0.iter() }.try_fold(1_usize, |n, size| n.checked_mul((*size)?))
}

/// All elements in a row.
fn raveled(input: &Spec) -> Spec {
    input.with_shape(vec![elements(&input.shape)])
}

impl Operator {
    /// The outputs for operands of these specs.
    ///
    /// # Errors
    ///
    /// When the operation cannot take the operands.
    pub fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let fail = |expected: &str| Mismatch::new(expected, inputs);
        let one = |spec: Spec| Ok(vec![spec]);
        match self {
            Self::Identity => one(single(inputs)?.clone()),
            Self::Cast(kind) => one(single(inputs)?.with_kind(*kind)),
            Self::Unary(unary) => {
                let input = single(inputs)?;
                match (unary.keeps_integers(), input.kind) {
                    (true, Kind::Bool) => Err(fail("numbers")),
                    (true, _) => one(input.clone()),
                    (false, _) => one(input.with_kind(Kind::Float)),
                }
            }
            Self::Binary(binary) => {
                exactly::<2>(inputs)?;
                let kind = binary.kind(common_kind(inputs));
                one(Spec {
                    shape: together(inputs)?,
                    kind: kind.ok_or_else(|| fail("numbers"))?,
                })
            }
            Self::AddN => match Binary::Add.kind(common_kind(inputs)) {
                Some(kind) if !inputs.is_empty() => one(Spec {
                    shape: together(inputs)?,
                    kind,
                }),
                _ => Err(fail("tensors to add")),
            },
            Self::Compare(_) | Self::Logic(_) => {
                exactly::<2>(inputs)?;
                one(Spec {
                    shape: together(inputs)?,
                    kind: Kind::Bool,
                })
            }
            Self::Not | Self::Test(_) => one(single(inputs)?.with_kind(Kind::Bool)),
            Self::Where => {
                let [_, x1, x2] = exactly(inputs)?;
                one(Spec {
                    shape: together(inputs)?,
                    kind: x1.kind.max(x2.kind),
                })
            }
            Self::Clip { .. } => {
                let input = single(inputs)?;
                one(input.with_kind(input.kind.max(Kind::Int)))
            }
            Self::NanToNum { .. } => one(single(inputs)?.clone()),
            Self::Activation(Activation::Relu | Activation::Relu6) => {
                let input = single(inputs)?;
                one(input.with_kind(input.kind.max(Kind::Int)))
            }
            Self::Activation(_) => one(single(inputs)?.with_kind(Kind::Float)),
            Self::Along { which, axes } => {
                let input = single(inputs)?;
                let places = input
                    .shape
                    .axes(axes)
                    .ok_or_else(|| fail("a tensor with these axes"))?;
                let mut output = input.with_kind(Kind::Float);
                if let (Along::Glu, [place]) = (which, places.as_slice()) {
                    let size = &mut output.shape.0[*place];
                    if size.is_some_and(|size| size % 2 != 0) {
                        return Err(fail("an axis of even size"));
                    }
                    *size = size.map(|size| size / 2);
                }
                one(output)
            }
            Self::Normalize { axes, .. } => {
                let input = single(inputs)?;
                reduction::reduced(input, axes.as_deref(), true, Kind::Float)?;
                one(input.with_kind(Kind::Float))
            }
            Self::Reduce {
                reduction,
                axes,
                keepdims,
            } => {
                let input = single(inputs)?;
                let kind = reduction.kind(input.kind).ok_or_else(|| fail("numbers"))?;
                one(reduction::reduced(input, axes.as_deref(), *keepdims, kind)?)
            }
            Self::Average { axis } => average(inputs, *axis),
            Self::Moments { axes, keepdims } => {
                let reduced =
                    reduction::reduced(single(inputs)?, Some(axes), *keepdims, Kind::Float)?;
                Ok(vec![reduced.clone(), reduced])
            }
            Self::ArgReduce { axis, keepdims, .. } => {
                let axes = axis.map(|axis| vec![axis]);
                let input = single(inputs)?;
                if input.shape.rank() == 0 || input.kind == Kind::Bool {
                    return Err(fail("numbers along axes"));
                }
                one(reduction::reduced(
                    input,
                    axes.as_deref(),
                    *keepdims,
                    Kind::Int,
                )?)
            }
            Self::Cumulative { axis: of, .. } => {
                let input = single(inputs)?;
                let input = input.with_kind(input.kind.max(Kind::Int));
                match of {
                    Some(of) => {
                        axis(&input, *of)?;
                        one(input)
                    }
                    None => one(raveled(&input)),
                }
            }
            Self::Triangle { .. } => {
                let input = single(inputs)?;
                if input.shape.rank() < 2 {
                    return Err(fail("a tensor of at least two axes"));
                }
                one(input.clone())
            }
            Self::Shape => {
                let rank = single(inputs)?.shape.rank();
                one(Spec {
                    shape: Shape(vec![Some(rank)]),
                    kind: Kind::Int,
                })
            }
            Self::Size => {
                single(inputs)?;
                one(Spec {
                    shape: Shape::default(),
                    kind: Kind::Int,
                })
            }
            Self::FullLike { kind, .. } => {
                let input = single(inputs)?;
                one(input.with_kind(kind.unwrap_or(input.kind)))
            }
            Self::Create { sizes, kind, .. } => {
                let sizes = sizes.iter().map(|size| match size {
                    Size::Known(size) => Ok(Some(*size)),
                    Size::Operand(_) => Ok(None),
                    Size::Rest => Err(fail("sizes")),
                });
                one(Spec {
                    shape: Shape(sizes.collect::<Result<_, _>>()?),
                    kind: *kind,
                })
            }
            Self::Reshape(_)
            | Self::BatchFlatten
            | Self::Transpose(_)
            | Self::ExpandDims(_)
            | Self::Squeeze(_)
            | Self::Concatenate(_)
            | Self::Stack(_)
            | Self::Hstack
            | Self::Vstack
            | Self::Split { .. }
            | Self::Unstack { .. }
            | Self::Tile(_)
            | Self::Repeat { .. }
            | Self::Roll { .. }
            | Self::Flip(_)
            | Self::BroadcastTo(_)
            | Self::Pad { .. }
            | Self::Diagonal { .. }
            | Self::Trace { .. }
            | Self::DepthToSpace(_)
            | Self::SpaceToDepth(_) => self.shaped(inputs),
            Self::GetItem(indices) => {
                let input = single(inputs)?;
                let selection = Selection::new(input, indices)?;
                one(input.with_shape(selection.shape))
            }
            Self::Take { axis, batch_dims } => {
                let [x, indices] = exactly(inputs)?;
                let shape = indexing::taken(x, indices, *axis, *batch_dims);
                match shape {
                    Some(shape) if indices.kind == Kind::Int => one(x.with_shape(shape.0)),
                    _ => Err(fail("a tensor that has the axis, and whole places")),
                }
            }
            Self::TakeAlong(of) => {
                let [x, indices] = exactly(inputs)?;
                let mut shape = indices.shape.0.clone();
                let fits = match of {
                    None => true,
                    Some(of) => {
                        let of = axis(x, *of)?;
                        shape.len() == x.shape.rank() && {
                            // Sizes of 1 are broadcast, but for those of the axis.
                            let mut sizes = shape.iter_mut().zip(&x.shape.0).enumerate();
                            sizes.all(|(at, (size, of_x))| match super::joined(*size, *of_x) {
                                _ if at == of => true,
                                Some(joined) => {
                                    *size = joined;
                                    true
                                }
                                None => false,
                            })
                        }
                    }
                };
                if fits && indices.kind == Kind::Int {
                    one(x.with_shape(shape))
                } else {
                    Err(fail("a tensor and whole places of as many axes"))
                }
            }
            Self::OneHot {
                classes,
                axis,
                kind,
                ..
            } => {
                let input = single(inputs)?;
                let mut shape = input.shape.0.clone();
                let place = normalize_axis(*axis, shape.len() + 1);
                let place = place.ok_or_else(|| fail("a place for the axis"))?;
                shape.insert(place, Some(*classes));
                one(Spec {
                    shape: Shape(shape),
                    kind: *kind,
                })
            }
            Self::MultiHot {
                classes,
                axis,
                kind,
            } => {
                let input = single(inputs)?;
                let rank = input.shape.rank();
                let mut shape = input.shape.0.clone();
                let place = normalize_axis(*axis, rank + 1);
                let place = place.ok_or_else(|| fail("a place for the axis"))?;
                shape.insert(place, Some(*classes));
                // Keras reduces axis 1 of the result, or axis 0 of vectors.
                shape.remove(usize::from(rank > 1));
                one(Spec {
                    shape: Shape(shape),
                    kind: *kind,
                })
            }
            Self::Matmul { transpose } => matmul(inputs, *transpose),
            Self::Product(product) => {
                let ranks: Vec<usize> = inputs.iter().map(|spec| spec.shape.rank()).collect();
                let shapes: Vec<&Shape> = inputs.iter().map(|spec| &spec.shape).collect();
                let equation = product.equation(&ranks);
                match equation.and_then(|equation| equation.output(&shapes)) {
                    Some(shape) => one(Spec {
                        shape,
                        kind: common_kind(inputs).max(Kind::Int),
                    }),
                    None => Err(fail("operands that fit the product")),
                }
            }
            Self::Sort { axis: of, .. } => {
                axis(single(inputs)?, *of)?;
                match inputs[0].kind {
                    Kind::Bool => Err(fail("numbers")),
                    _ => one(inputs[0].clone()),
                }
            }
            Self::Argsort { axis: of, .. } => {
                axis(single(inputs)?, *of)?;
                match inputs[0].kind {
                    Kind::Bool => Err(fail("numbers")),
                    _ => one(inputs[0].with_kind(Kind::Int)),
                }
            }
            Self::TopK(count) => {
                let mut values = single(inputs)?.clone();
                match values.shape.0.last_mut() {
                    Some(last) if last.is_none_or(|size| size >= *count) => *last = Some(*count),
                    _ => return Err(fail("a last axis of enough elements")),
                }
                let places = values.with_kind(Kind::Int);
                Ok(vec![values, places])
            }
            Self::SearchSorted { .. } => {
                let [x, sorted] = exactly(inputs)?;
                if sorted.shape.rank() != 1 || common_kind(inputs) == Kind::Bool {
                    return Err(fail("numbers, and a vector in order"));
                }
                one(x.with_kind(Kind::Int))
            }
            Self::Pool { window, .. } => {
                let input = single(inputs)?;
                window.output(input).map(|spec| vec![spec])
            }
            Self::BatchNorm { axis: of, .. } => {
                let x = inputs.first().ok_or_else(|| fail("an input"))?;
                axis(x, *of)?;
                let size = x.shape.axis(*of).and_then(|at| x.shape.dim(at));
                let fits = inputs[1..].iter().all(|of_axis| {
                    of_axis.shape.rank() == 1 && super::joined(size, of_axis.shape.dim(0)).is_some()
                });
                if fits {
                    one(x.with_kind(Kind::Float))
                } else {
                    Err(fail("a number for each feature"))
                }
            }
            Self::Normalization { axes, .. } => {
                let x = inputs.first().ok_or_else(|| fail("an input"))?;
                x.shape
                    .axes(axes)
                    .ok_or_else(|| fail("a tensor with these axes"))?;
                one(x.with_kind(Kind::Float))
            }
            Self::Attention { .. } => {
                let [query, key, value, ..] = inputs else {
                    return Err(fail("query, key and value"));
                };
                let sizes = |spec: &Spec| <[Option<usize>; 4]>::try_from(spec.shape.0.clone()).ok();
                let same =
                    |a: Option<usize>, b: Option<usize>| a.is_none() || b.is_none() || a == b;
                match (sizes(query), sizes(key), sizes(value)) {
                    (Some([_, _, n, h]), Some([_, s, of_k, of_key]), Some([_, of_s, of_v, _]))
                        if same(n, of_k) && same(n, of_v) && same(h, of_key) && same(s, of_s) =>
                    {
                        one(query.with_kind(Kind::Float))
                    }
                    _ => Err(fail(
                        "query, key and value of four axes, with as many heads",
                    )),
                }
            }
            Self::Diff { times, axis: of } => {
                let mut output = single(inputs)?.clone();
                let of = axis(&output, *of)?;
                let size = &mut output.shape.0[of];
                *size = match *size {
                    Some(size) => Some(
                        size.checked_sub(*times)
                            .ok_or_else(|| fail("a longer axis"))?,
                    ),
                    None => None,
                };
                match output.kind {
                    Kind::Bool => Err(fail("numbers")),
                    _ => one(output),
                }
            }
            Self::Resize {
                size, data_format, ..
            } => {
                let input = single(inputs)?;
                let first = data_format.first_spatial_axis();
                let mut shape = input.shape.0.clone();
                if shape.len() != 4 || size.len() != 2 {
                    return Err(fail("a batch of images"));
                }
                for (axis, size) in size.iter().enumerate() {
                    shape[first + axis] = Some(*size);
                }
                one(Spec::float(shape))
            }
            Self::Grayscale(data_format) => {
                let mut output = single(inputs)?.clone();
                let channels = data_format.channel_axis(output.shape.rank());
                match output.shape.0.get_mut(channels) {
                    Some(size)
                        if size.is_none_or(|size| size == 3) && inputs[0].shape.rank() > 2 =>
                    {
                        *size = Some(1);
                    }
                    _ => return Err(fail("images of three channels")),
                }
                one(output.with_kind(Kind::Float))
            }
        }
    }

    /// The outputs of operations that give elements other places.
    fn shaped(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
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

fn average(inputs: &[Spec], axis_of: Option<i64>) -> Result<Vec<Spec>, Mismatch> {
    let fail = |expected: &str| Mismatch::new(expected, inputs);
    let x = inputs.first().ok_or_else(|| fail("an operand"))?;
    let axes = axis_of.map(|axis| vec![axis]);
    let output = reduction::reduced(x, axes.as_deref(), false, Kind::Float)?;
    if let Some(weights) = inputs.get(1) {
        let same = weights.shape.rank() == x.shape.rank() && x.shape.accepts(&weights.shape);
        let of_axis = match axis_of {
            Some(of) => {
                let size = x.shape.dim(axis(x, of)?);
                weights.shape.rank() == 1 && super::joined(size, weights.shape.dim(0)).is_some()
            }
            None => false,
        };
        if !same && !of_axis {
            return Err(fail("a weight for each element"));
        }
    }
    Ok(vec![output])
}

fn matmul(inputs: &[Spec], transpose: [bool; 2]) -> Result<Vec<Spec>, Mismatch> {
    let [a, b] = exactly(inputs)?;
    let fail = || Mismatch::new("matrices that can be multiplied", inputs);
    let oriented = |spec: &Spec, turned: bool| {
        let mut shape = spec.shape.0.clone();
        let rank = shape.len();
        if turned && rank > 1 {
            shape.swap(rank - 1, rank - 2);
        }
        shape
    };
    let (mut a, mut b) = (oriented(a, transpose[0]), oriented(b, transpose[1]));
    let (row, column) = (a.len() == 1, b.len() == 1);
    if row {
        a.insert(0, Some(1));
    }
    if column {
        b.push(Some(1));
    }
    let (Some([rows, inner]), Some([of_b, columns])) =
        (a.last_chunk::<2>().copied(), b.last_chunk::<2>().copied())
    else {
        return Err(fail());
    };
    if let (Some(inner), Some(of_b)) = (inner, of_b)
        && inner != of_b
    {
        return Err(fail());
    }
    let (a, b) = (&a[..a.len() - 2], &b[..b.len() - 2]);
    let batch = broadcast(&[&Shape(a.to_vec()), &Shape(b.to_vec())]).ok_or_else(fail)?;
    let mut shape = batch.0;
    shape.extend((!row).then_some(rows));
    shape.extend((!column).then_some(columns));
    Ok(vec![Spec {
        shape: Shape(shape),
        kind: common_kind(inputs).max(Kind::Int),
    }])
}
