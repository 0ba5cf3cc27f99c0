//! Shapes with unknown dimensions, and what a tensor of the graph is.

use std::fmt;

/// A shape with the batch axis first; `None` is a dimension that the model leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Shape(pub Vec<Option<usize>>);

impl Shape {
    /// The number of axes, the batch axis included.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The size of `axis`, if it is known and exists.
    pub fn dim(&self, axis: usize) -> Option<usize> {
        self.0.get(axis).copied().flatten()
    }

    /// The size of the last axis, if known.
    pub fn last(&self) -> Option<usize> {
        self.0.last().copied().flatten()
    }

    /// The position of a Keras axis (negative ones count from the end), if it exists.
    pub fn axis(&self, axis: i64) -> Option<usize> {
        normalize_axis(axis, self.rank())
    }

    /// The positions of several Keras axes, ascending; `None` if one does not exist or stands twice.
    pub fn axes(&self, axes: &[i64]) -> Option<Vec<usize>> {
        let mut positions: Vec<usize> = axes
            .iter()
            .map(|axis| self.axis(*axis))
            .collect::<Option<_>>()?;
        positions.sort_unstable();
        let distinct = positions.windows(2).all(|pair| pair[0] != pair[1]);
        distinct.then_some(positions)
    }

    /// What is known in both; `None` when the ranks differ.
    pub fn join(&self, other: &Self) -> Option<Self> {
        (self.rank() == other.rank()).then(|| {
            Self(
                self.0
                    .iter()
                    .zip(&other.0)
                    .map(|(a, b)| if a == b { *a } else { None })
                    .collect(),
            )
        })
    }

    /// Whether a tensor of shape `other` can be of this shape.
    pub fn accepts(&self, other: &Self) -> bool {
        self.rank() == other.rank()
            && self
                .0
                .iter()
                .zip(&other.0)
                .all(|(a, b)| a.is_none() || b.is_none() || a == b)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self
            .0
            .iter()
            .map(|dim| dim.map_or_else(|| "None".into(), |size| size.to_string()))
            .collect();
        match dims.as_slice() {
            [one] => write!(f, "({one},)"),
            _ => write!(f, "({})", dims.join(", ")),
        }
    }
}

/// The position that a Keras axis names in a tensor of `rank` axes.
pub fn normalize_axis(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let position = if axis < 0 {
        axis.checked_add(rank)?
    } else {
        axis
    };
    usize::try_from(position).ok().filter(|_| position < rank)
}

/// The kind of a tensor's elements. Of two kinds together, the greater wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Booleans.
    Bool,
    /// Integers.
    Int,
    /// Floating point.
    Float,
}

impl Kind {
    /// The kind of a Keras dtype name, `None` for strings and the like.
    pub fn of_dtype(dtype: &str) -> Option<Self> {
        match dtype {
            "float16" | "bfloat16" | "float32" | "float64" => Some(Self::Float),
            "bool" => Some(Self::Bool),
            _ if dtype.starts_with("int") || dtype.starts_with("uint") => Some(Self::Int),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Float => "float",
            Self::Int => "int",
            Self::Bool => "bool",
        })
    }
}

/// A tensor's shape and kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    /// The shape, batch axis first.
    pub shape: Shape,
    /// The kind of the elements.
    pub kind: Kind,
}

impl Spec {
    /// A floating-point tensor of `shape`.
    pub fn float(shape: Vec<Option<usize>>) -> Self {
        Self {
            shape: Shape(shape),
            kind: Kind::Float,
        }
    }

    /// The same shape in another kind.
    #[must_use]
    pub fn with_kind(&self, kind: Kind) -> Self {
        Self {
            shape: self.shape.clone(),
            kind,
        }
    }

    /// The same kind in another shape.
    #[must_use]
    pub fn with_shape(&self, shape: Vec<Option<usize>>) -> Self {
        Self {
            shape: Shape(shape),
            kind: self.kind,
        }
    }
}
