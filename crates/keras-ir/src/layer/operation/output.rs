//! Shapes and kinds of what operations give.

mod linear;
mod shaping;

use super::Operator;
use super::elementwise::Binary;
use super::indexing::{self, Selection};
use super::neural::Along;
use super::reduction;
use super::shaping::Size;
use crate::activation::Activation;
use crate::layer::{Mismatch, single};
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
            Self::Matmul { transpose } => linear::matmul(inputs, *transpose),
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
