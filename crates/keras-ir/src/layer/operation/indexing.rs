//! Operations that pick elements, and those that make tensors out of nothing.

use serde_json::Value;

use super::{Argument, Arguments, Family, Operator, Row, row};
use crate::json;
use crate::layer::Mismatch;
use crate::shape::{Kind, Shape, Spec};

/// One item between the brackets of `x[…]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Index {
    /// An element; its axis goes.
    At(i64),
    /// `start:stop:step`.
    Range(Range),
    /// A new axis of size 1.
    NewAxis,
    /// All axes that nothing else names.
    Ellipsis,
}

/// Python's `start:stop:step`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Range {
    /// The first element; negative ones count from the end.
    pub start: Option<i64>,
    /// The first element that is not taken any more.
    pub stop: Option<i64>,
    /// How far to go, if not 1.
    pub step: Option<i64>,
}

impl Range {
    /// From one element up to another.
    pub fn between(start: usize, stop: usize) -> Self {
        Self {
            start: i64::try_from(start).ok(),
            stop: i64::try_from(stop).ok(),
            step: None,
        }
    }

    /// How many elements of `size` are taken.
    pub fn len(&self, size: usize) -> usize {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let step = self.step.unwrap_or(1);
        let (first, last) = if step > 0 { (0, size) } else { (-1, size - 1) };
        let place = |place: Option<i64>, default: i64| match place {
            None => default,
            Some(place) if place < 0 => place.saturating_add(size).clamp(first, last),
            Some(place) => place.clamp(first, last),
        };
        let (start, stop) = if step > 0 {
            (place(self.start, 0), place(self.stop, size))
        } else {
            (place(self.start, size - 1), place(self.stop, -1))
        };
        let distance = if step > 0 { stop - start } else { start - stop };
        let step = step.unsigned_abs().max(1);
        let distance = u64::try_from(distance.max(0)).unwrap_or(0);
        usize::try_from(distance.div_ceil(step)).unwrap_or(0)
    }

    /// Whether everything is taken, in order.
    pub fn is_whole(&self) -> bool {
        self.start.unwrap_or(0) == 0 && self.stop.is_none() && self.step.unwrap_or(1) == 1
    }
}

/// What `x[…]` does to a tensor, axis by axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// What is taken of each axis.
    pub ranges: Vec<Range>,
    /// The axes that go then, each of size 1.
    pub dropped: Vec<usize>,
    /// The axes of size 1 that come then, by their positions in the result.
    pub added: Vec<usize>,
    /// The result.
    pub shape: Vec<Option<usize>>,
}

impl Selection {
    /// What `indices` do to a tensor of `shape`.
    ///
    /// # Errors
    ///
    /// More indices than axes, an element outside.
    pub fn new(input: &Spec, indices: &[Index]) -> Result<Self, Mismatch> {
        let mismatch = |expected: String| Mismatch::new(expected, std::slice::from_ref(input));
        let sizes = &input.shape.0;
        let named = indices.iter();
        let named = named
            .filter(|index| matches!(index, Index::At(_) | Index::Range(_)))
            .count();
        let Some(others) = sizes.len().checked_sub(named) else {
            return Err(mismatch(format!("a tensor of at least {named} axes")));
        };
        let mut selection = Self::default();
        let mut seen_ellipsis = false;
        let implicit = [Index::Ellipsis];
        let has_ellipsis = indices.contains(&Index::Ellipsis);
        let tail = if has_ellipsis { &[] } else { &implicit[..] };
        for index in indices.iter().chain(tail) {
            let axis = selection.ranges.len();
            let size = sizes.get(axis).copied().flatten();
            match index {
                Index::At(place) => {
                    if size.is_some_and(|size| crate::shape::normalize_axis(*place, size).is_none())
                    {
                        return Err(mismatch(format!("an element {place} on axis {axis}")));
                    }
                    selection.ranges.push(Range {
                        start: Some(*place),
                        stop: if *place == -1 {
                            None
                        } else {
                            place.checked_add(1)
                        },
                        step: None,
                    });
                    selection.dropped.push(axis);
                }
                Index::Range(range) => {
                    selection.shape.push(size.map(|size| range.len(size)));
                    selection.ranges.push(*range);
                }
                Index::NewAxis => {
                    selection.added.push(selection.shape.len());
                    selection.shape.push(Some(1));
                }
                Index::Ellipsis if seen_ellipsis => {
                    return Err(mismatch("one ellipsis".into()));
                }
                Index::Ellipsis => {
                    seen_ellipsis = true;
                    for size in sizes.iter().skip(axis).take(others) {
                        selection.shape.push(*size);
                        selection.ranges.push(Range::default());
                    }
                }
            }
        }
        Ok(selection)
    }
}

/// `x[key]`: the indices, or the problem.
fn indices(a: &mut Arguments, name: &str) -> Vec<Index> {
    let Some(key) = a.take(name) else {
        // Null is one new axis.
        return vec![Index::NewAxis];
    };
    let items = key.into_list();
    let mut indices = Vec::with_capacity(items.len());
    for item in items {
        match index(&item) {
            Some(index) => indices.push(index),
            None => a.unsupported(
                name,
                "integers, slices of integers, ... and None",
                &item.brief(),
            ),
        }
    }
    indices
}

fn index(item: &Argument) -> Option<Index> {
    let bound = |argument: &Argument| match argument {
        Argument::Literal(Value::Null) => Some(None),
        Argument::Literal(value) => Some(Some(value.as_i64()?)),
        _ => None,
    };
    match item {
        Argument::Ellipsis => Some(Index::Ellipsis),
        Argument::Literal(Value::Null) => Some(Index::NewAxis),
        Argument::Literal(value) => value.as_i64().map(Index::At),
        Argument::Slice(parts) => {
            let [start, stop, step] = parts.as_ref();
            let step = bound(step)?;
            (step != Some(0)).then_some(())?;
            Some(Index::Range(Range {
                start: bound(start)?,
                stop: bound(stop)?,
                step: step.filter(|step| *step != 1),
            }))
        }
        Argument::Tensor(_) | Argument::List(_) => None,
    }
}

/// TensorFlow's `slice`: places and sizes per axis, −1 being all that are left.
fn slice(a: &mut Arguments) -> Operator {
    a.operand("x");
    let (start, size) = (a.integers("start_indices"), a.integers("shape"));
    let ranges = start.iter().zip(&size).map(|(start, size)| {
        Index::Range(Range {
            start: Some(*start),
            stop: (*size >= 0).then(|| start.saturating_add(*size)),
            step: None,
        })
    });
    if start.len() != size.len() || start.iter().any(|start| *start < 0) {
        a.unsupported(
            "start_indices",
            "places from 0 on, as many as sizes",
            "others",
        );
    }
    Operator::GetItem(ranges.collect())
}

fn one_hot(a: &mut Arguments) -> Operator {
    a.operand("x");
    a.bool("sparse", false);
    Operator::OneHot {
        classes: a.size("num_classes"),
        axis: a.integer("axis", -1),
        kind: a.kind("dtype").unwrap_or(Kind::Float),
        on: a.number("on_value", 1.0),
        off: a.number("off_value", 0.0),
    }
}

/// A tensor of the operand's shape that holds one number.
fn full_like(a: &mut Arguments, value: f64) -> Operator {
    a.operand("x");
    Operator::FullLike {
        value,
        kind: a.kind("dtype"),
    }
}

fn batch_dims(a: &mut Arguments) -> usize {
    let count = a.integer("batch_dims", 0);
    usize::try_from(count).unwrap_or_else(|_| {
        a.unsupported("batch_dims", "a number from 0 on", &count.to_string());
        0
    })
}

/// The dims of a new tensor, of which some may be tensors.
fn created(a: &mut Arguments, value: f64, kind: Kind) -> Operator {
    Operator::Create {
        sizes: super::shaping::sizes(a, "shape"),
        value,
        kind,
    }
}

pub(super) const ROWS: &[Row] = &[
    row("GetItem", &["x", "key"], |a| {
        a.operand("x");
        Operator::GetItem(indices(a, "key"))
    }),
    row("Slice", &["x", "start_indices"], slice),
    row("Take", &["x", "indices"], |a| {
        a.operand("x");
        a.operand("indices");
        let batch_dims = batch_dims(a);
        let axis = a.optional_integer("axis");
        // Without an axis, Keras takes all elements in a row, TensorFlow the first axis that the
        // samples do not share.
        let default = match a.family() {
            Family::Keras => None,
            _ => i64::try_from(batch_dims).ok(),
        };
        Operator::Take {
            axis: axis.or(default),
            batch_dims,
        }
    }),
    row("TakeAlongAxis", &["x", "indices"], |a| {
        a.operand("x");
        a.operand("indices");
        Operator::TakeAlong(a.optional_integer("axis"))
    }),
    row("OneHot", &["x"], one_hot),
    row("MultiHot", &["x"], |a| match one_hot(a) {
        Operator::OneHot {
            classes,
            axis,
            kind,
            ..
        } => Operator::MultiHot {
            classes,
            axis,
            kind,
        },
        other => other,
    }),
    row("ZerosLike", &["x"], |a| full_like(a, 0.0)),
    row("OnesLike", &["x"], |a| full_like(a, 1.0)),
    row("EmptyLike", &["x"], |a| full_like(a, 0.0)),
    row("FullLike", &["x", "fill_value"], |a| {
        let value = a.number("fill_value", 0.0);
        full_like(a, value)
    }),
    row("Zeros", &["shape"], |a| {
        let kind = a.kind("dtype").unwrap_or(Kind::Float);
        created(a, 0.0, kind)
    })
    .of_tensorflow(),
    row("Ones", &["shape"], |a| {
        let kind = a.kind("dtype").unwrap_or(Kind::Float);
        created(a, 1.0, kind)
    })
    .of_tensorflow(),
    row("Fill", &["shape", "value"], |a| {
        let value = a.literal("value").unwrap_or(Value::Null);
        let Some(number) = json::number(&value) else {
            a.unsupported("value", "a number", &json::brief(&value));
            return Operator::Identity;
        };
        let kind = if value.is_f64() {
            Kind::Float
        } else {
            Kind::Int
        };
        created(a, number, kind)
    })
    .of_tensorflow(),
];

/// The shape of `x` with the axis `axis` replaced by the axes of `indices`.
pub(super) fn taken(
    x: &Spec,
    indices: &Spec,
    axis: Option<i64>,
    batch_dims: usize,
) -> Option<Shape> {
    let Some(axis) = axis else {
        return Some(indices.shape.clone());
    };
    let axis = x.shape.axis(axis)?;
    let (before, after) = (x.shape.0.get(..axis)?, x.shape.0.get(axis + 1..)?);
    let own = indices.shape.0.get(batch_dims..)?;
    (batch_dims <= axis).then(|| Shape([before, own, after].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_count_as_python_does() {
        let range = |start, stop, step| Range { start, stop, step };
        for (range, size, expected) in [
            (range(None, None, None), 5, 5),
            (range(Some(1), Some(-1), None), 5, 3),
            (range(Some(-3), None, None), 5, 3),
            (range(Some(-9), Some(9), None), 5, 5),
            (range(None, None, Some(2)), 5, 3),
            (range(None, None, Some(-1)), 5, 5),
            (range(Some(3), Some(0), Some(-2)), 5, 2),
            (range(Some(4), Some(2), None), 5, 0),
            (range(Some(-1), Some(-9), Some(-1)), 3, 3),
        ] {
            assert_eq!(range.len(size), expected, "{range:?} of {size}");
        }
    }

    #[test]
    fn selections_drop_and_add_axes() {
        let spec = Spec::float(vec![None, Some(4), Some(6)]);
        let selected = Selection::new(&spec, &[Index::Ellipsis, Index::NewAxis, Index::At(-1)]);
        let selected = selected.unwrap_or_default();
        assert_eq!(selected.shape, [None, Some(4), Some(1)]);
        assert_eq!((selected.dropped, selected.added), (vec![2], vec![2]));
        assert!(Selection::new(&spec, &[Index::At(0); 4]).is_err());
        assert!(Selection::new(&spec, &[Index::Ellipsis, Index::At(6)]).is_err());
    }
}
