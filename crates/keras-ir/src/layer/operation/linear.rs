//! Products of tensors.

use super::{Arguments, Operator, Row, row};
use crate::shape::Shape;

/// A sum of products by Einstein's convention: letters of each operand, then of the result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Equation {
    /// The letters of the axes of each operand.
    pub operands: Vec<String>,
    /// The letters of the axes of the result.
    pub output: String,
}

impl Equation {
    /// Reads `ab,bc->ac`. Without an arrow, the result has the letters that stand once, in
    /// alphabetical order. `...` stands for the axes of `ranks` that have no letter, which get
    /// letters that nobody uses.
    pub fn read(text: &str, ranks: &[usize]) -> Option<Self> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (inputs, output) = match text.split_once("->") {
            Some((inputs, output)) => (inputs, Some(output)),
            None => (text.as_str(), None),
        };
        let inputs: Vec<&str> = inputs.split(',').collect();
        if inputs.len() != ranks.len() {
            return None;
        }
        let free = ('a'..='z').rev().filter(|letter| !text.contains(*letter));
        let free: Vec<char> = free.collect();
        let mut most = 0;
        let mut operands = Vec::with_capacity(inputs.len());
        for (input, rank) in inputs.iter().zip(ranks) {
            let hidden = match input.split_once("...") {
                Some((before, after)) => rank.checked_sub(before.len() + after.len())?,
                None => 0,
            };
            most = most.max(hidden);
            // Hidden axes are aligned at the end.
            let letters: String = free.get(..hidden)?.iter().rev().collect();
            let letters = input.replacen("...", &letters, 1);
            if letters.len() != *rank || !letters.chars().all(|c| c.is_ascii_alphabetic()) {
                return None;
            }
            operands.push(letters);
        }
        let hidden: String = free.get(..most)?.iter().rev().collect();
        let output = match output {
            Some(output) if output.contains("...") => output.replacen("...", &hidden, 1),
            Some(output) if most == 0 => output.to_owned(),
            Some(_) => return None,
            None => {
                let all: Vec<char> = { operands.iter() }.flat_map(|o| o.chars()).collect();
                let is_hidden = |letter: &char| hidden.contains(*letter);
                let once = |letter: &&char| all.iter().filter(|other| other == letter).count() == 1;
                let mut rest: Vec<char> = { all.iter() }.filter(once).copied().collect();
                rest.retain(|letter| !is_hidden(letter));
                rest.sort_unstable();
                hidden.chars().chain(rest).collect()
            }
        };
        let known = |letter: char| operands.iter().any(|operand| operand.contains(letter));
        let distinct = output
            .char_indices()
            .all(|(at, c)| !output[..at].contains(c));
        (distinct && output.chars().all(known)).then_some(Self { operands, output })
    }

    /// The sum of products along pairs of axes of two tensors.
    pub fn contraction(ranks: [usize; 2], pairs: &[(usize, usize)]) -> Option<Self> {
        let mut letters = 'a'..='z';
        let first: String = letters.by_ref().take(ranks[0]).collect();
        let mut second: Vec<char> = letters.take(ranks[1]).collect();
        if first.len() != ranks[0] || second.len() != ranks[1] {
            return None;
        }
        let mut output: String = { first.char_indices() }
            .filter(|(at, _)| pairs.iter().all(|(a, _)| a != at))
            .map(|(_, letter)| letter)
            .collect();
        let own = second.iter().enumerate();
        output.extend(
            own.filter(|(at, _)| pairs.iter().all(|(_, b)| b != at))
                .map(|(_, c)| *c),
        );
        for (a, b) in pairs {
            *second.get_mut(*b)? = first.chars().nth(*a)?;
        }
        Some(Self {
            operands: vec![first, second.into_iter().collect()],
            output,
        })
    }

    /// The shape of the result; `None` if sizes do not fit. An axis of size 1 fits every other.
    pub fn output(&self, shapes: &[&Shape]) -> Option<Shape> {
        let mut output = Vec::with_capacity(self.output.len());
        for letter in self.letters() {
            let mut size = Some(Some(1));
            for (operand, shape) in self.operands.iter().zip(shapes) {
                for (_, dim) in operand.chars().zip(&shape.0).filter(|(l, _)| *l == letter) {
                    size = super::joined(size?, *dim);
                }
            }
            if self.output.contains(letter) {
                output.push((letter, size?));
            } else {
                size?;
            }
        }
        let find = |letter: char| {
            output
                .iter()
                .find(|(l, _)| *l == letter)
                .map(|(_, size)| *size)
        };
        self.output
            .chars()
            .map(find)
            .collect::<Option<_>>()
            .map(Shape)
    }

    fn letters(&self) -> Vec<char> {
        let mut letters: Vec<char> = { self.operands.iter() }.flat_map(|o| o.chars()).collect();
        letters.sort_unstable();
        letters.dedup();
        letters
    }
}

impl std::fmt::Display for Equation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}->{}", self.operands.join(","), self.output)
    }
}

/// Which sum of products an operation is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// By an equation.
    Einsum(String),
    /// Along the last axes of the first and the first axes of the second, or along pairs of axes.
    Tensordot(Axes),
    /// NumPy's `dot`: the last axis and the last but one.
    Dot,
    /// Along both last axes.
    Inner,
    /// Of all elements with all others.
    Outer,
    /// Of each element with its like.
    Vdot,
    /// A matrix with a vector, batch by batch.
    MatrixVector,
}

/// The axes of a `tensordot`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Axes {
    /// So many last and first ones.
    Count(usize),
    /// These of the first and of the second.
    Pairs(Vec<i64>, Vec<i64>),
}

impl Product {
    /// The equation for operands of `ranks`; `None` if they do not fit.
    pub fn equation(&self, ranks: &[usize]) -> Option<Equation> {
        if let Self::Einsum(text) = self {
            return Equation::read(text, ranks);
        }
        let [a, b] = *ranks else { return None };
        let pairs = match self {
            Self::Einsum(_) => return None,
            Self::Tensordot(Axes::Count(count)) => {
                let first = a.checked_sub(*count)?;
                (*count <= b).then_some(())?;
                (0..*count).map(|at| (first + at, at)).collect()
            }
            Self::Tensordot(Axes::Pairs(of_a, of_b)) => {
                (of_a.len() == of_b.len()).then_some(())?;
                let pairs = of_a.iter().zip(of_b).map(|(x, y)| {
                    let normalize = crate::shape::normalize_axis;
                    Some((normalize(*x, a)?, normalize(*y, b)?))
                });
                pairs.collect::<Option<Vec<_>>>()?
            }
            Self::Dot => vec![(a.checked_sub(1)?, b.saturating_sub(2))],
            Self::Inner => vec![(a.checked_sub(1)?, b.checked_sub(1)?)],
            Self::Outer => Vec::new(),
            Self::Vdot => (a == b).then(|| (0..a).map(|axis| (axis, axis)).collect())?,
            Self::MatrixVector => {
                let batch = b.checked_sub(1)?;
                (a == b + 1 && b < 20).then_some(())?;
                let letters: String = ('a'..='z').take(batch).collect();
                return Some(Equation {
                    operands: vec![format!("{letters}yz"), format!("{letters}z")],
                    output: format!("{letters}y"),
                });
            }
        };
        Equation::contraction([a, b], &pairs)
    }
}

fn two(a: &mut Arguments, product: Product) -> Operator {
    a.operand("x1");
    a.operand("x2");
    Operator::Product(product)
}

fn tensordot(a: &mut Arguments) -> Operator {
    let axes = a.literal("axes");
    let count = |value: &serde_json::Value| usize::try_from(value.as_u64()?).ok();
    let list = |value: &serde_json::Value| match value.as_array() {
        Some(items) => items.iter().map(serde_json::Value::as_i64).collect(),
        None => Some(vec![value.as_i64()?]),
    };
    let read = match &axes {
        None => Some(Axes::Count(2)),
        Some(value) => match value.as_array().map(Vec::as_slice) {
            Some([first, second]) => list(first)
                .zip(list(second))
                .map(|(a, b)| Axes::Pairs(a, b)),
            _ => count(value).map(Axes::Count),
        },
    };
    let read = read.unwrap_or_else(|| {
        let found = axes.as_ref().map(crate::json::brief).unwrap_or_default();
        a.unsupported("axes", "a number of axes, or two lists of them", &found);
        Axes::Count(1)
    });
    two(a, Product::Tensordot(read))
}

fn matmul(a: &mut Arguments) -> Operator {
    a.operand("x1");
    a.operand("x2");
    for option in ["a_is_sparse", "b_is_sparse", "grad_a", "grad_b"] {
        a.bool(option, false);
    }
    // The adjoint of numbers that are not complex is the transpose.
    let mut turned = |names: [&str; 2]| {
        let [transposed, adjoint] = names.map(|name| a.bool(name, false));
        transposed != adjoint
    };
    Operator::Matmul {
        transpose: [
            turned(["transpose_a", "adjoint_a"]),
            turned(["transpose_b", "adjoint_b"]),
        ],
    }
}

pub(super) const ROWS: &[Row] = &[
    row("Matmul", &["x1", "x2"], matmul),
    row("Einsum", &["*operands"], |a| {
        a.operands("operands");
        Operator::Product(Product::Einsum(a.text("subscripts")))
    }),
    row("Tensordot", &["x1", "x2"], tensordot),
    row("Dot", &["x1", "x2"], |a| two(a, Product::Dot)),
    row("Inner", &["x1", "x2"], |a| two(a, Product::Inner)),
    row("Outer", &["x1", "x2"], |a| two(a, Product::Outer)),
    row("Vdot", &["x1", "x2"], |a| two(a, Product::Vdot)),
    row("MatrixVector", &["x1", "x2"], |a| {
        a.bool("a_is_sparse", false);
        two(a, Product::MatrixVector)
    })
    .of_tensorflow(),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_read_as_numpy_does() {
        let read = |text: &str, ranks: &[usize]| {
            Equation::read(text, ranks).map(|equation| equation.to_string())
        };
        assert_eq!(read("ab,bc", &[2, 2]).as_deref(), Some("ab,bc->ac"));
        assert_eq!(
            read("...ij, ...jk -> ...ik", &[4, 3]).as_deref(),
            Some("yzij,zjk->yzik")
        );
        assert_eq!(read("ii", &[2]).as_deref(), Some("ii->"));
        for (text, ranks) in [
            ("ab,bc->ad", &[2, 2][..]),
            ("ab->ab", &[3]),
            ("ab", &[2, 2]),
        ] {
            assert_eq!(read(text, ranks), None, "{text}");
        }
    }
}
