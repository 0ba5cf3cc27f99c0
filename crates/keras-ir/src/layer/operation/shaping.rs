//! Operations that give elements other places.

use super::{Arguments, Family, Operator, Row, row};
use crate::layer::Mismatch;
use crate::shape::{Shape, Spec, normalize_axis};

/// Another order of axes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// The old axis of each new one; all of them backwards if there are none.
    Axes(Option<Vec<i64>>),
    /// Two axes change places.
    Swap(i64, i64),
    /// Axes move to other places.
    Move(Vec<i64>, Vec<i64>),
}

impl Order {
    /// The old position of each axis of a tensor of `rank`; `None` if it has not these axes.
    pub fn positions(&self, rank: usize) -> Option<Vec<usize>> {
        match self {
            Self::Axes(None) => Some((0..rank).rev().collect()),
            Self::Axes(Some(axes)) => {
                let axes = { axes.iter() }.map(|axis| normalize_axis(*axis, rank));
                let axes: Vec<usize> = axes.collect::<Option<_>>()?;
                let mut sorted = axes.clone();
                sorted.sort_unstable();
                sorted.iter().copied().eq(0..rank).then_some(axes)
            }
            Self::Swap(a, b) => {
                let mut axes: Vec<usize> = (0..rank).collect();
                axes.swap(normalize_axis(*a, rank)?, normalize_axis(*b, rank)?);
                Some(axes)
            }
            Self::Move(from, to) => {
                let find = |axes: &[i64]| -> Option<Vec<usize>> {
                    { axes.iter() }
                        .map(|axis| normalize_axis(*axis, rank))
                        .collect()
                };
                let (from, to) = (find(from)?, find(to)?);
                let mut axes: Vec<usize> = (0..rank).filter(|axis| !from.contains(axis)).collect();
                let mut moves: Vec<(usize, usize)> =
                    to.into_iter().zip(from.iter().copied()).collect();
                moves.sort_unstable();
                for (to, from) in moves {
                    if to > axes.len() {
                        return None;
                    }
                    axes.insert(to, from);
                }
                (axes.len() == rank).then_some(axes)
            }
        }
    }
}

/// A size that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Size {
    /// This many.
    Known(usize),
    /// As many as are left.
    Rest,
    /// What the operand at this position holds.
    Operand(usize),
}

/// The shape that a tensor of `input` has after reshaping to `target`.
pub fn reshaped(input: &Spec, target: &[Size]) -> Result<Vec<Option<usize>>, Mismatch> {
    let mismatch = || {
        Mismatch::new(
            format!("as many elements as {target:?} has"),
            std::slice::from_ref(input),
        )
    };
    let mut shape: Vec<Option<usize>> = { target.iter() }
        .map(|size| match size {
            Size::Known(size) => Some(*size),
            Size::Rest | Size::Operand(_) => None,
        })
        .collect();
    let open = shape.iter().filter(|size| size.is_none()).count();
    let known = { shape.iter().flatten() }.try_fold(1_usize, |n, size| n.checked_mul(*size));
    let elements = { input.shape.0.iter() }.try_fold(1_usize, |n, size| n.checked_mul((*size)?));
    match (elements, known.ok_or_else(mismatch)?) {
        (None, _) => {}
        (Some(elements), known) if open == 0 && elements == known => {}
        (Some(elements), known) if open == 1 && known > 0 && elements.is_multiple_of(known) => {
            for size in shape.iter_mut().filter(|size| size.is_none()) {
                *size = Some(elements / known);
            }
        }
        (Some(_), _) if open > 1 => {}
        _ => return Err(mismatch()),
    }
    Ok(shape)
}

/// The positions that new axes get in a tensor of `rank`, ascending.
pub fn new_axes(axes: &[i64], rank: usize) -> Option<Vec<usize>> {
    let rank = rank + axes.len();
    let mut positions: Vec<usize> = { axes.iter() }
        .map(|axis| normalize_axis(*axis, rank))
        .collect::<Option<_>>()?;
    positions.sort_unstable();
    let distinct = positions.windows(2).all(|pair| pair[0] != pair[1]);
    distinct.then_some(positions)
}

/// The axes that go: those of size 1, if none are named.
pub fn squeezed(shape: &Shape, axes: Option<&[i64]>) -> Option<Vec<usize>> {
    match axes {
        Some(axes) => {
            let axes = shape.axes(axes)?;
            let fits = axes
                .iter()
                .all(|axis| shape.dim(*axis).is_none_or(|size| size == 1));
            fits.then_some(axes)
        }
        None => Some(
            (0..shape.rank())
                .filter(|axis| shape.dim(*axis) == Some(1))
                .collect(),
        ),
    }
}

/// How an axis is cut into parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Parts {
    /// So many equal ones.
    Count(usize),
    /// At these places.
    At(Vec<i64>),
    /// Of these sizes; −1 is what is left.
    Sizes(Vec<i64>),
}

/// More parts than anybody cuts.
const MOST_PARTS: usize = 1 << 12;

impl Parts {
    /// Start and end of each part of an axis of `size`; `None` if they do not fit.
    pub fn bounds(&self, size: Option<usize>) -> Option<Vec<(usize, usize)>> {
        match self {
            Self::Count(count) => {
                let size = size?;
                if *count == 0 || *count > MOST_PARTS || !size.is_multiple_of(*count) {
                    return None;
                }
                let each = size / count;
                Some(
                    (0..*count)
                        .map(|part| (part * each, (part + 1) * each))
                        .collect(),
                )
            }
            Self::At(places) => {
                let size = size?;
                // As Python slices: places behind the end are the end.
                let places = places.iter().map(|place| match usize::try_from(*place) {
                    Ok(place) => Some(place.min(size)),
                    Err(_) => size.checked_sub(usize::try_from(place.unsigned_abs()).ok()?),
                });
                let places: Vec<usize> = places.collect::<Option<_>>()?;
                let starts = std::iter::once(0).chain(places.iter().copied());
                let ends = places.iter().copied().chain([size]);
                Some(
                    { starts.zip(ends) }
                        .map(|(start, end)| (start, end.max(start)))
                        .collect(),
                )
            }
            Self::Sizes(sizes) => {
                let known = { sizes.iter() }
                    .filter(|part| **part >= 0)
                    .try_fold(0_usize, |n, part| {
                        n.checked_add(usize::try_from(*part).ok()?)
                    })?;
                let open = sizes.iter().filter(|part| **part < 0).count();
                let rest = match open {
                    0 if size.is_none_or(|size| size == known) => 0,
                    1 => size?.checked_sub(known)?,
                    _ => return None,
                };
                let mut start = 0;
                let parts = sizes.iter().map(|part| {
                    let end = start + usize::try_from(*part).unwrap_or(rest);
                    (std::mem::replace(&mut start, end), end)
                });
                Some(parts.collect())
            }
        }
    }
}

/// What stands around a tensor that is padded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Border {
    /// A number.
    Constant(f64),
    /// The elements mirrored, without the outermost.
    Reflect,
    /// The elements mirrored.
    Symmetric,
    /// The outermost element.
    Edge,
}

fn reshape(a: &mut Arguments) -> Operator {
    a.operand("x");
    let sizes = sizes(a, "newshape");
    Operator::Reshape(sizes)
}

/// A list of sizes, of which some may be tensors; those become operands.
pub(super) fn sizes(a: &mut Arguments, name: &str) -> Vec<Size> {
    let Some(argument) = a.take(name) else {
        a.unsupported(name, "a list of sizes", "nothing");
        return Vec::new();
    };
    if matches!(argument, super::Argument::Tensor(_)) {
        a.unsupported(name, "a list of sizes", "a tensor of them");
        return Vec::new();
    }
    let items = argument.into_list();
    let mut sizes = Vec::with_capacity(items.len());
    for item in items {
        sizes.push(match &item {
            super::Argument::Tensor(index) => {
                a.add_tensor(*index);
                Size::Operand(a.count() - 1)
            }
            super::Argument::Literal(value) => match value.as_i64() {
                Some(-1) => Size::Rest,
                Some(size) if size > 0 => Size::Known(usize::try_from(size).unwrap_or(1)),
                _ => {
                    a.unsupported(name, "positive sizes, or -1", &item.brief());
                    Size::Rest
                }
            },
            _ => {
                a.unsupported(name, "sizes", &item.brief());
                Size::Rest
            }
        });
    }
    if sizes.iter().filter(|size| **size == Size::Rest).count() > 1 {
        a.unsupported(name, "at most one -1", "more");
    }
    sizes
}

fn transpose(a: &mut Arguments) -> Operator {
    a.operand("x");
    a.bool("conjugate", false);
    Operator::Transpose(Order::Axes(a.optional_integers("axes")))
}

fn naturals(a: &mut Arguments, name: &str) -> Vec<usize> {
    let integers = a.integers(name);
    let naturals: Option<Vec<usize>> = { integers.iter() }
        .map(|size| usize::try_from(*size).ok())
        .collect();
    naturals.unwrap_or_else(|| {
        a.unsupported(name, "numbers from 0 on", &format!("{integers:?}"));
        Vec::new()
    })
}

fn pad(a: &mut Arguments) -> Operator {
    a.operand("x");
    let value = a.number("constant_values", 0.0);
    let border = match a.choice("mode", &["constant", "reflect", "symmetric", "edge"]) {
        0 => Border::Constant(value),
        1 => Border::Reflect,
        2 => Border::Symmetric,
        _ => Border::Edge,
    };
    let given = a.literal("pad_width");
    let widths = given.as_ref().and_then(pad_widths);
    let widths = widths.unwrap_or_else(|| {
        let found = given.as_ref().map(crate::json::brief).unwrap_or_default();
        a.unsupported("pad_width", "pairs of sizes", &found);
        Vec::new()
    });
    Operator::Pad { widths, border }
}

/// One pair for all axes, or one for each.
fn pad_widths(value: &serde_json::Value) -> Option<Vec<(usize, usize)>> {
    let size = |value: &serde_json::Value| usize::try_from(value.as_u64()?).ok();
    if let Some(both) = size(value) {
        return Some(vec![(both, both)]);
    }
    let items = value.as_array()?;
    if let [a, b] = items.as_slice()
        && let (Some(a), Some(b)) = (size(a), size(b))
    {
        return Some(vec![(a, b)]);
    }
    let pairs = items.iter().map(|item| match item.as_array()?.as_slice() {
        [both] => Some((size(both)?, size(both)?)),
        [before, after] => Some((size(before)?, size(after)?)),
        _ => None,
    });
    pairs.collect()
}

fn split(a: &mut Arguments) -> Operator {
    a.operand("x");
    let axis = a.integer("axis", 0);
    let parts = match (a.family(), a.literal("indices_or_sections")) {
        (_, Some(serde_json::Value::Number(count))) => Parts::Count(
            count
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(0),
        ),
        (family, Some(serde_json::Value::Array(items))) => {
            let items: Option<Vec<i64>> = items.iter().map(serde_json::Value::as_i64).collect();
            if items.is_none() {
                a.unsupported("indices_or_sections", "integers", "others");
            }
            let items = items.unwrap_or_default();
            match family {
                Family::Keras => Parts::At(items),
                _ => Parts::Sizes(items),
            }
        }
        _ => {
            a.unsupported("indices_or_sections", "sections or indices", "nothing");
            Parts::Count(1)
        }
    };
    Operator::Split { parts, axis }
}

fn join(a: &mut Arguments, name: &str, axis: i64) -> Operator {
    a.operands(name);
    Operator::Concatenate(a.integer("axis", axis))
}

fn flip(a: &mut Arguments) -> Operator {
    a.operand("x");
    Operator::Flip(a.optional_integers("axis"))
}

fn triangle(a: &mut Arguments, upper: bool) -> Operator {
    a.operand("x");
    Operator::Triangle {
        upper,
        diagonal: a.integer("k", 0),
    }
}

pub(super) const ROWS: &[Row] = &[
    row("Reshape", &["x"], reshape),
    row("Ravel", &["x"], |a| {
        a.operand("x");
        Operator::Reshape(vec![Size::Rest])
    }),
    row("BatchFlatten", &["x"], |a| {
        a.operand("x");
        Operator::BatchFlatten
    })
    .of_tensorflow(),
    row("Transpose", &["x"], transpose),
    row("Swapaxes", &["x"], |a| {
        a.operand("x");
        Operator::Transpose(Order::Swap(a.integer("axis1", 0), a.integer("axis2", 0)))
    }),
    row("Moveaxis", &["x"], |a| {
        a.operand("x");
        Operator::Transpose(Order::Move(a.integers("source"), a.integers("destination")))
    }),
    row("ExpandDims", &["x"], |a| {
        a.operand("x");
        Operator::ExpandDims(a.integers("axis"))
    }),
    row("Squeeze", &["x"], |a| {
        a.operand("x");
        let axes = a.optional_integers("axis");
        Operator::Squeeze(axes.filter(|axes| !axes.is_empty()))
    }),
    row("Concatenate", &["xs"], |a| join(a, "xs", 0)),
    row("Stack", &["x"], |a| {
        a.operands("x");
        Operator::Stack(a.integer("axis", 0))
    }),
    row("Hstack", &["xs"], |a| {
        a.operands("xs");
        Operator::Hstack
    }),
    row("Vstack", &["xs"], |a| {
        a.operands("xs");
        Operator::Vstack
    }),
    row("Append", &["x1", "x2"], |a| {
        a.operand("x1");
        a.operand("x2");
        match a.optional_integer("axis") {
            Some(axis) => Operator::Concatenate(axis),
            None => {
                a.unsupported("axis", "an axis", "nothing");
                Operator::Identity
            }
        }
    }),
    row("Split", &["x"], split),
    row("Hsplit", &["x"], |a| {
        a.set_default("axis", 1);
        split(a)
    }),
    row("Vsplit", &["x"], |a| {
        a.set_default("axis", 0);
        split(a)
    }),
    row("Unstack", &["x"], |a| {
        a.operand("x");
        Operator::Unstack {
            count: a
                .optional_integer("num")
                .and_then(|n| usize::try_from(n).ok()),
            axis: a.integer("axis", 0),
        }
    }),
    row("Tile", &["x"], |a| {
        a.operand("x");
        Operator::Tile(sizes(a, "repeats"))
    }),
    row("Repeat", &["x"], |a| {
        a.operand("x");
        Operator::Repeat {
            counts: naturals(a, "repeats"),
            axis: a.optional_integer("axis"),
        }
    }),
    row("Roll", &["x"], |a| {
        a.operand("x");
        Operator::Roll {
            shifts: a.integers("shift"),
            axes: a.optional_integers("axis"),
        }
    }),
    row("Flip", &["x"], flip),
    row("Fliplr", &["x"], |a| {
        a.set_default("axis", 1);
        flip(a)
    }),
    row("Flipud", &["x"], |a| {
        a.set_default("axis", 0);
        flip(a)
    }),
    row("Diff", &["a"], |a| {
        a.operand("a");
        a.set_default("n", 1);
        Operator::Diff {
            times: a.size("n"),
            axis: a.integer("axis", -1),
        }
    }),
    row("BroadcastTo", &["x"], |a| {
        a.operand("x");
        Operator::BroadcastTo(sizes(a, "shape"))
    }),
    row("Pad", &["x", "constant_values"], pad),
    row("Tril", &["x"], |a| triangle(a, false)),
    row("Triu", &["x"], |a| triangle(a, true)),
    row("Diagonal", &["x"], |a| {
        a.operand("x");
        Operator::Diagonal {
            offset: a.integer("offset", 0),
            axes: [a.integer("axis1", 0), a.integer("axis2", 1)],
        }
    }),
    row("Trace", &["x"], |a| {
        a.operand("x");
        Operator::Trace {
            offset: a.integer("offset", 0),
            axes: [a.integer("axis1", 0), a.integer("axis2", 1)],
        }
    }),
    row("Shape", &["x"], |a| {
        a.operand("x");
        a.kind("dtype");
        Operator::Shape
    })
    .of_tensorflow(),
    row("Size", &["x"], |a| {
        a.operand("x");
        a.kind("dtype");
        Operator::Size
    }),
    row("DepthToSpace", &["x"], |a| {
        a.operand("x");
        a.choice("data_format", &["channels_last", "NHWC"]);
        Operator::DepthToSpace(a.size("block_size"))
    }),
    row("SpaceToDepth", &["x"], |a| {
        a.operand("x");
        a.choice("data_format", &["channels_last", "NHWC"]);
        Operator::SpaceToDepth(a.size("block_size"))
    }),
];
