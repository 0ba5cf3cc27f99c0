//! Typed access to the arguments of an operation: what is read is ticked off, and what is left
//! over must say nothing.

use serde_json::Value;

use super::call::{Argument, Call, Constant};
use super::{Family, Operand};
use crate::json;
use crate::problem::{Problem, ProblemKind};
use crate::shape::Kind;

/// Reads one operation's arguments by Keras's names. A getter that finds something it cannot use
/// notes a problem and gives a stand-in.
#[derive(Debug)]
pub struct Arguments {
    /// What nobody has read yet.
    given: Vec<(String, Argument)>,
    operands: Vec<Operand>,
    problems: Vec<Problem>,
    family: Family,
}

impl Arguments {
    /// The options of the constructor and the arguments of the call together, by name. The
    /// positional ones have the names `parameters`; the last of them, with a star, takes all that
    /// are left.
    pub(super) fn new(
        family: Family,
        options: Vec<(String, Argument)>,
        call: &Call,
        parameters: &[&str],
    ) -> Self {
        let mut arguments = Self {
            given: options,
            operands: Vec::new(),
            problems: Vec::new(),
            family,
        };
        let mut positional = call.positional.iter().cloned();
        for parameter in parameters {
            if let Some(name) = parameter.strip_prefix('*') {
                let rest: Vec<Argument> = positional.by_ref().collect();
                if !rest.is_empty() {
                    let rest = Argument::List(rest);
                    arguments.given.push((name.to_owned(), rest));
                }
            } else if let Some(argument) = positional.next() {
                arguments.given.push(((*parameter).to_owned(), argument));
            }
        }
        for argument in positional.filter(|argument| !argument.is_null()) {
            arguments.unsupported("arguments", "fewer arguments", &argument.brief());
        }
        arguments.given.extend(call.named.iter().cloned());
        arguments
    }

    /// Who named the operation.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The operands and the problems, with those of arguments that nobody read.
    pub(super) fn finish(mut self) -> (Vec<Operand>, Vec<Problem>) {
        for (name, argument) in std::mem::take(&mut self.given) {
            let says_nothing = match &argument {
                Argument::Literal(value) => json::says_nothing(value),
                _ => false,
            };
            if !says_nothing && name != "name" {
                let found = argument.brief();
                self.unsupported(
                    &name,
                    "an argument that burn-keras knows for this operation",
                    &found,
                );
            }
        }
        (self.operands, self.problems)
    }

    /// Notes an argument whose value is not supported.
    pub fn unsupported(&mut self, key: &str, expected: &str, found: &str) {
        self.problems.push(
            Problem::new(ProblemKind::UnsupportedOption)
                .key(key)
                .expected(expected)
                .found(found),
        );
    }

    /// Takes an argument; absent and null are the same.
    pub fn take(&mut self, name: &str) -> Option<Argument> {
        let found = self.given.iter().position(|(key, _)| key == name)?;
        let (_, argument) = self.given.remove(found);
        (!argument.is_null()).then_some(argument)
    }

    /// Gives an argument that is not there yet a value.
    pub fn set_default(&mut self, name: &str, value: impl Into<Value>) {
        let is_given = |(key, argument): &(String, Argument)| key == name && !argument.is_null();
        if !self.given.iter().any(is_given) {
            self.given.retain(|(key, _)| key != name);
            let value = Argument::Literal(value.into());
            self.given.push((name.to_owned(), value));
        }
    }

    /// Takes an operand that must be there.
    pub fn operand(&mut self, name: &str) {
        if !self.optional_operand(name) {
            self.unsupported(name, "a tensor or a constant", "nothing");
        }
    }

    /// Takes an operand that may be there; whether it is.
    pub fn optional_operand(&mut self, name: &str) -> bool {
        match self.take(name) {
            Some(argument) => {
                self.add_operand(name, argument);
                true
            }
            None => false,
        }
    }

    /// Takes a list of operands.
    pub fn operands(&mut self, name: &str) {
        match self.take(name) {
            Some(argument) => {
                for item in argument.into_list() {
                    self.add_operand(name, item);
                }
            }
            None => self.unsupported(name, "a list of tensors", "nothing"),
        }
    }

    fn add_operand(&mut self, name: &str, argument: Argument) {
        let operand = match &argument {
            Argument::Tensor(index) => Some(Operand::Tensor(*index)),
            Argument::Literal(value) => Constant::read(value).map(Operand::Constant),
            Argument::List(items) => self.stack(items),
            Argument::Slice(_) | Argument::Ellipsis => None,
        };
        match operand {
            Some(operand) => self.operands.push(operand),
            None => self.unsupported(name, "a tensor or a constant", &argument.brief()),
        }
    }

    /// A list that holds tensors cannot be one operand, unless it holds just one.
    fn stack(&self, items: &[Argument]) -> Option<Operand> {
        match items {
            [Argument::Tensor(index)] if self.family == Family::TensorFlowNode => {
                Some(Operand::Tensor(*index))
            }
            _ => None,
        }
    }

    /// How many operands have been read.
    pub fn count(&self) -> usize {
        self.operands.len()
    }

    /// Takes an argument that is no tensor.
    pub fn literal(&mut self, name: &str) -> Option<Value> {
        match self.take(name)? {
            Argument::Literal(value) => Some(plain(value)),
            Argument::List(items) => {
                let values = items.into_iter().map(|item| match item {
                    Argument::Literal(value) => Some(plain(value)),
                    _ => None,
                });
                let values: Option<Vec<Value>> = values.collect();
                if values.is_none() {
                    self.unsupported(name, "a constant", "a tensor");
                }
                values.map(Value::Array)
            }
            other => {
                self.unsupported(name, "a constant", &other.brief());
                None
            }
        }
    }

    fn expect<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.literal(name)?;
        let found = read(&value);
        if found.is_none() {
            self.unsupported(name, expected, &json::brief(&value));
        }
        found
    }

    /// A number, if it is there.
    pub fn optional_number(&mut self, name: &str) -> Option<f64> {
        self.expect(name, "a number", |value| {
            json::number(value).or_else(|| Constant::read(value)?.single())
        })
    }

    /// A number, or `default`.
    pub fn number(&mut self, name: &str, default: f64) -> f64 {
        self.optional_number(name).unwrap_or(default)
    }

    /// An integer, if it is there.
    pub fn optional_integer(&mut self, name: &str) -> Option<i64> {
        self.expect(name, "an integer", as_integer)
    }

    /// An integer, or `default`.
    pub fn integer(&mut self, name: &str, default: i64) -> i64 {
        self.optional_integer(name).unwrap_or(default)
    }

    /// A size from 1 on that must be there.
    pub fn size(&mut self, name: &str) -> usize {
        match self.optional_integer(name).map(usize::try_from) {
            Some(Ok(size)) if size > 0 => size,
            _ => {
                self.unsupported(name, "a positive integer", "another value");
                1
            }
        }
    }

    /// Integers, if they are there; one is a list of one.
    pub fn optional_integers(&mut self, name: &str) -> Option<Vec<i64>> {
        self.expect(name, "integers", |value| match value {
            Value::Array(items) => items.iter().map(as_integer).collect(),
            one => Some(vec![as_integer(one)?]),
        })
    }

    /// Integers that must be there.
    pub fn integers(&mut self, name: &str) -> Vec<i64> {
        let before = self.problems.len();
        let integers = self.optional_integers(name);
        if integers.is_none() && self.problems.len() == before {
            self.unsupported(name, "integers", "nothing");
        }
        integers.unwrap_or_default()
    }

    /// True or false, or `default`.
    pub fn bool(&mut self, name: &str, default: bool) -> bool {
        let found = self.expect(name, "true or false", json::truth);
        found.unwrap_or(default)
    }

    /// A text that is one of `names`, by its position, whatever its case; 0 when absent.
    pub fn choice(&mut self, name: &str, names: &[&str]) -> usize {
        let expected = format!("one of {}", names.join(", "));
        let found = self.expect(name, &expected, |value| {
            let text = value.as_str()?;
            let mut positions = names.iter();
            positions.position(|known| known.eq_ignore_ascii_case(text))
        });
        found.unwrap_or(0)
    }

    /// A text that must be there.
    pub fn text(&mut self, name: &str) -> String {
        let before = self.problems.len();
        let text = self.expect(name, "a text", |value| value.as_str().map(str::to_owned));
        if text.is_none() && self.problems.len() == before {
            self.unsupported(name, "a text", "nothing");
        }
        text.unwrap_or_default()
    }

    /// The kind of a dtype that the results have, if one is given. Unsigned and narrow integers
    /// wrap around where those of Burn's default types do not.
    pub fn kind(&mut self, name: &str) -> Option<Kind> {
        self.expect(
            name,
            "a floating-point dtype, int32, int64 or bool",
            |value| {
                let dtype = value.as_str().or(value["config"]["name"].as_str())?;
                Kind::of_dtype(dtype)
                    .filter(|kind| *kind != Kind::Int || matches!(dtype, "int" | "int32" | "int64"))
            },
        )
    }
}

/// An array of Keras 3 as lists and numbers.
pub(super) fn plain(value: Value) -> Value {
    match value["class_name"].as_str() {
        Some("__numpy__" | "__tensor__") => value["config"]["value"].clone(),
        _ => value,
    }
}

fn as_integer(value: &Value) -> Option<i64> {
    value.as_i64()
}

impl Arguments {
    /// Adds a number as an operand.
    pub fn add_number(&mut self, number: f64) {
        let number = Constant::number(number, Kind::Float);
        self.operands.push(Operand::Constant(number));
    }

    /// Adds the tensor `index` of the call as an operand.
    pub fn add_tensor(&mut self, index: usize) {
        self.operands.push(Operand::Tensor(index));
    }
}
