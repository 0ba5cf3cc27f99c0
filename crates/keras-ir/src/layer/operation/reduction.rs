//! Operations that make fewer elements of many, and those that run along an axis.

use super::{Arguments, Family, Operator, Row, row};
use crate::layer::Mismatch;
use crate::shape::{Kind, Shape, Spec};

/// What is made of the elements along axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reduction {
    /// Their sum; of booleans, how many are true.
    Sum,
    /// Their mean.
    Mean,
    /// The mean of integers, cut off: TensorFlow's.
    WholeMean,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// Their product.
    Product,
    /// Whether any is not 0.
    Any,
    /// Whether none is 0.
    All,
    /// How many are not 0.
    CountNonzero,
    /// The mean square of the distance from their mean.
    Variance,
    /// The root of [`Variance`](Self::Variance).
    Deviation,
    /// The logarithm of the sum of their exponentials.
    LogSumExp,
    /// The largest less the smallest.
    Span,
    /// The middle one in order, or the mean of both middle ones.
    Median,
    /// The sum of their absolute values to a power, to the inverse power.
    Norm(f64),
}

impl Reduction {
    /// The kind of the result of elements of `kind`.
    pub fn kind(self, kind: Kind) -> Option<Kind> {
        match (self, kind) {
            (Self::Any | Self::All, _) => Some(Kind::Bool),
            (Self::CountNonzero, _) => Some(Kind::Int),
            (Self::Sum | Self::Product, Kind::Bool) => Some(Kind::Int),
            (Self::Sum | Self::Product, kind) => Some(kind),
            (Self::Max | Self::Min | Self::Span, Kind::Bool) => None,
            (Self::Max | Self::Min | Self::Span | Self::WholeMean, kind) => Some(kind),
            _ => Some(Kind::Float),
        }
    }
}

/// The positions of `axes`, all of them if there are none, ascending.
pub fn positions(shape: &Shape, axes: Option<&[i64]>) -> Option<Vec<usize>> {
    match axes {
        None => Some((0..shape.rank()).collect()),
        Some(axes) => shape.axes(axes),
    }
}

/// `shape` without `axes`, or with 1 there.
pub(super) fn reduced(
    input: &Spec,
    axes: Option<&[i64]>,
    keepdims: bool,
    kind: Kind,
) -> Result<Spec, Mismatch> {
    let Some(positions) = positions(&input.shape, axes) else {
        return Err(Mismatch::new(
            format!("a tensor with the axes {:?}", axes.unwrap_or_default()),
            std::slice::from_ref(input),
        ));
    };
    let sizes = input.shape.0.iter().enumerate();
    let sizes = sizes.filter_map(|(axis, size)| match positions.contains(&axis) {
        true => keepdims.then_some(Some(1)),
        false => Some(*size),
    });
    Ok(Spec {
        shape: Shape(sizes.collect()),
        kind,
    })
}

fn reduce(a: &mut Arguments, reduction: Reduction) -> Operator {
    a.operand("x");
    if matches!(reduction, Reduction::Max | Reduction::Min)
        && let Some(argument) = a.take("initial")
    {
        a.unsupported("initial", "nothing", &argument.brief());
    }
    let axes = axes(a);
    let keepdims = a.bool("keepdims", false);
    Operator::Reduce {
        reduction,
        axes,
        keepdims,
    }
}

/// `axis`; no axes at all, which TensorFlow writes as an empty list, reduce nothing.
fn axes(a: &mut Arguments) -> Option<Vec<i64>> {
    a.optional_integers("axis")
}

fn norm(a: &mut Arguments) -> Operator {
    a.operand("x");
    let axes = axes(a);
    let keepdims = a.bool("keepdims", false);
    let order = a.literal("ord");
    let count = axes.as_ref().map(Vec::len);
    let text = order.as_ref().and_then(serde_json::Value::as_str);
    let reduction = match (&order, text) {
        (None, _) | (_, Some("fro" | "euclidean")) => Some(Reduction::Norm(2.0)),
        // Orders of matrices are sums and singular values.
        (Some(_), _) if count != Some(1) && a.family() == Family::Keras => None,
        (Some(_), _) if count.is_some_and(|count| count != 1) => None,
        (Some(order), _) => match crate::json::number(order) {
            Some(0.0) if a.family() == Family::Keras => Some(Reduction::CountNonzero),
            Some(order) if order > 0.0 || order == f64::NEG_INFINITY => {
                Some(Reduction::Norm(order))
            }
            _ => None,
        },
    };
    let Some(reduction) = reduction else {
        let found = order.map(|order| crate::json::brief(&order));
        a.unsupported(
            "ord",
            "the order of a vector norm",
            &found.unwrap_or_default(),
        );
        return Operator::Identity;
    };
    Operator::Reduce {
        reduction,
        axes,
        keepdims,
    }
}

fn arg(a: &mut Arguments, largest: bool) -> Operator {
    a.operand("x");
    a.kind("dtype");
    Operator::ArgReduce {
        largest,
        axis: a.optional_integer("axis"),
        keepdims: a.bool("keepdims", false),
    }
}

fn cumulative(a: &mut Arguments, product: bool) -> Operator {
    a.operand("x");
    if let Some(kind) = a.kind("dtype")
        && kind == Kind::Bool
    {
        a.unsupported("dtype", "a dtype of numbers", "bool");
    }
    Operator::Cumulative {
        product,
        axis: a.optional_integer("axis"),
        exclusive: a.bool("exclusive", false),
        reverse: a.bool("reverse", false),
    }
}

pub(super) const ROWS: &[Row] = &[
    row("Sum", &["x"], |a| reduce(a, Reduction::Sum)),
    row("Mean", &["x"], |a| match a.family() {
        Family::Keras => reduce(a, Reduction::Mean),
        _ => reduce(a, Reduction::WholeMean),
    }),
    row("Max", &["x"], |a| reduce(a, Reduction::Max)),
    row("Amax", &["x"], |a| reduce(a, Reduction::Max)),
    row("Min", &["x"], |a| reduce(a, Reduction::Min)),
    row("Amin", &["x"], |a| reduce(a, Reduction::Min)),
    row("Prod", &["x"], |a| {
        if let Some(kind) = a.kind("dtype") {
            a.unsupported("dtype", "nothing", &format!("{kind:?}"));
        }
        reduce(a, Reduction::Product)
    }),
    row("Any", &["x"], |a| reduce(a, Reduction::Any)),
    row("All", &["x"], |a| reduce(a, Reduction::All)),
    row("CountNonzero", &["x"], |a| {
        a.kind("dtype");
        reduce(a, Reduction::CountNonzero)
    }),
    row("Var", &["x"], |a| reduce(a, Reduction::Variance)),
    row("Std", &["x"], |a| reduce(a, Reduction::Deviation)),
    row("Logsumexp", &["x"], |a| reduce(a, Reduction::LogSumExp)),
    row("Ptp", &["x"], |a| reduce(a, Reduction::Span)),
    row("Median", &["x"], |a| reduce(a, Reduction::Median)),
    row("Norm", &["x"], norm),
    row("Average", &["x", "weights"], |a| {
        a.operand("x");
        a.optional_operand("weights");
        Operator::Average {
            axis: a.optional_integer("axis"),
        }
    }),
    row("Moments", &["x"], |a| {
        a.operand("x");
        a.bool("synchronized", false);
        Operator::Moments {
            axes: a.integers("axes"),
            keepdims: a.bool("keepdims", false),
        }
    }),
    row("Argmax", &["x"], |a| arg(a, true)),
    row("Argmin", &["x"], |a| arg(a, false)),
    row("Cumsum", &["x"], |a| cumulative(a, false)),
    row("Cumprod", &["x"], |a| cumulative(a, true)),
];
