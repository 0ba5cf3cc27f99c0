//! The call of an operation, with its tensors and literals where they stand.

use serde_json::Value;

use crate::json;
use crate::shape::Kind;

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// A tensor, by its position among the call's inputs.
    Tensor(usize),
    /// Anything that is no tensor, as the file writes it.
    Literal(Value),
    /// A list that holds tensors or slices.
    List(Vec<Argument>),
    /// Python's `start:stop:step`.
    Slice(Box<[Argument; 3]>),
    /// Python's `...`.
    Ellipsis,
}

impl Argument {
    /// The items of a list; one argument is a list of one.
    pub fn into_list(self) -> Vec<Self> {
        match self {
            Self::List(items) => items,
            Self::Literal(Value::Array(items)) => items.into_iter().map(Self::Literal).collect(),
            one => vec![one],
        }
    }

    /// Whether it is a tensor or holds one.
    pub fn has_tensor(&self) -> bool {
        match self {
            Self::Tensor(_) => true,
            Self::Literal(_) | Self::Ellipsis => false,
            Self::List(items) => items.iter().any(Self::has_tensor),
            Self::Slice(parts) => parts.iter().any(Self::has_tensor),
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Literal(Value::Null))
    }

    /// A short rendering for messages.
    pub fn brief(&self) -> String {
        match self {
            Self::Literal(value) => json::brief(value),
            _ if self.has_tensor() => "a tensor".into(),
            Self::Ellipsis => "...".into(),
            _ => "a slice".into(),
        }
    }
}

/// All arguments of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    /// Those without a name.
    pub positional: Vec<Argument>,
    /// Those with one.
    pub named: Vec<(String, Argument)>,
}

/// What a file says of an operation beside its class and its config.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// The module of Keras 3's class.
    pub module: Option<String>,
    /// The arguments of all its calls, which have the same literals.
    pub call: Call,
}

/// An operand that is known when the model is saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// Its shape; none for a number.
    pub shape: Vec<usize>,
    /// The kind of its elements.
    pub kind: Kind,
    /// The elements in row-major order.
    pub values: Vec<f64>,
}

/// More elements than a constant of a config has.
const MOST_ELEMENTS: usize = 1 << 24;

impl Constant {
    /// A single number.
    pub fn number(value: f64, kind: Kind) -> Self {
        Self {
            shape: Vec::new(),
            kind,
            values: vec![value],
        }
    }

    /// The number, if there is but one, in an array or not.
    pub fn single(&self) -> Option<f64> {
        match self.values.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    /// Reads a number, a nested list of numbers, or an array of Keras 3: `__numpy__`, `__tensor__`.
    pub fn read(value: &Value) -> Option<Self> {
        if let Value::Object(entries) = value {
            let class = entries.get("class_name")?.as_str()?;
            if !matches!(class, "__numpy__" | "__tensor__") {
                return None;
            }
            let config = entries.get("config")?;
            let mut read = Self::read(config.get("value")?)?;
            read.kind = Kind::of_dtype(config.get("dtype")?.as_str()?)?;
            return Some(read);
        }
        let mut read = Self {
            shape: Vec::new(),
            kind: Kind::Bool,
            values: Vec::new(),
        };
        read.fill(value, 0)?;
        let elements = { read.shape.iter() }.try_fold(1_usize, |n, size| n.checked_mul(*size))?;
        (elements == read.values.len()).then_some(read)
    }

    /// Adds the elements of `value`, which lies `depth` lists deep.
    fn fill(&mut self, value: &Value, depth: usize) -> Option<()> {
        let Value::Array(items) = value else {
            // All elements lie equally deep.
            if self.shape.len() != depth {
                return None;
            }
            let (number, kind) = match value {
                Value::Bool(truth) => (f64::from(u8::from(*truth)), Kind::Bool),
                Value::Number(number) if number.is_f64() => (number.as_f64()?, Kind::Float),
                Value::Number(number) => (number.as_f64()?, Kind::Int),
                other => (json::number(other)?, Kind::Float),
            };
            self.kind = self.kind.max(kind);
            self.values.push(number);
            return (self.values.len() <= MOST_ELEMENTS).then_some(());
        };
        match self.shape.get(depth) {
            Some(size) if *size != items.len() => return None,
            Some(_) => {}
            None if self.values.is_empty() && self.shape.len() == depth => {
                self.shape.push(items.len());
            }
            None => return None,
        }
        items.iter().try_for_each(|item| self.fill(item, depth + 1))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn constants_in_every_form() {
        let read = |value: Value| Constant::read(&value);
        assert_eq!(read(json!(2)), Some(Constant::number(2.0, Kind::Int)));
        assert_eq!(read(json!(true)), Some(Constant::number(1.0, Kind::Bool)));
        assert_eq!(
            read(json!([[1, 2.5, 3], [4, 5, 6]])),
            Some(Constant {
                shape: vec![2, 3],
                kind: Kind::Float,
                values: vec![1.0, 2.5, 3.0, 4.0, 5.0, 6.0],
            })
        );
        let array =
            json!({"class_name": "__numpy__", "config": {"value": [1.0, 2.0], "dtype": "int64"}});
        assert_eq!(
            read(array).map(|c| (c.shape, c.kind)),
            Some((vec![2], Kind::Int))
        );
        for wrong in [
            json!([[1, 2], [3]]),
            json!([1, [2]]),
            json!([[1], 2]),
            json!("text"),
            json!(null),
            json!({"class_name": "__lambda__"}),
        ] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }
}
