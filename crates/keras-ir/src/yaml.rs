//! YAML as Python writes it, for the architectures that Keras saved with `model.to_yaml()` until
//! TensorFlow 2.5.
//!
//! A document becomes the value that the same config has as JSON: tuples are lists, keys are strings, and
//! the numbers that JSON lacks are [`crate::json`]'s tokens. Plain scalars mean what they do to PyYAML
//! (YAML 1.1). Tags that would make objects are refused, and so is what aliases blow up.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};
use serde_json::{Map, Number, Value};
use thiserror::Error;

/// How deep a document may be nested; serde_json's limit.
const DEPTH: usize = 128;

/// How many bytes, about, the copies behind anchors and aliases may take. Configs share a shape here and
/// there.
const COPIES: usize = 16 << 20;

/// What is wrong with a document.
#[derive(Debug, Error)]
pub(crate) enum YamlError {
    #[error("{0}")]
    Syntax(#[from] ScanError),
    #[error("not one document")]
    Documents,
    #[error("nesting deeper than {DEPTH} levels")]
    Depth,
    #[error("the tag {0}, which is not that of plain data")]
    Tag(String),
    #[error("{0:?}, which is no value of its tag or no number that Keras writes")]
    Scalar(String),
    #[error("a list or a shape of TensorFlow's without its value")]
    Wrapper,
    #[error("a key that is no scalar")]
    Key,
    #[error("a merge of maps")]
    Merge,
    #[error("an alias of what contains it")]
    Alias,
    #[error("aliases that blow the document up")]
    Copies,
}

/// Parses the one document in `text`.
pub(crate) fn parse(text: &str) -> Result<Value, YamlError> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, _) = event?;
        reader.take(event)?;
    }
    match (reader.root, reader.open.is_empty()) {
        (Some(root), true) => Ok(root),
        _ => Err(YamlError::Documents),
    }
}

/// A document, as far as it is read. Nesting is on a list, not on the stack.
#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    root: Option<Value>,
    /// What has an anchor.
    anchors: HashMap<usize, Value>,
    /// The size of all copies so far.
    copied: usize,
}

/// A list or a map whose end is to come.
struct Open {
    /// The anchor's id, or zero.
    anchor: usize,
    items: Items,
}

enum Items {
    List(Vec<Value>),
    Map {
        entries: Map<String, Value>,
        key: Option<String>,
    },
    /// The one argument of an object that stands for it.
    Wrapper(Option<Value>),
}

impl Reader {
    fn take(&mut self, event: Event<'_>) -> Result<(), YamlError> {
        match event {
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style == ScalarStyle::Plain, tag.as_deref())?;
                self.put(value, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                let tag = tag.as_deref();
                if tag.and_then(known).is_some_and(is_wrapper) {
                    return self.open(anchor, Items::Wrapper(None));
                }
                check_tag(tag, &["seq", "python/list", "python/tuple"])?;
                self.open(anchor, Items::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), &["map", "python/dict"])?;
                let (entries, key) = (Map::new(), None);
                self.open(anchor, Items::Map { entries, key })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { anchor, items }) = self.open.pop() else {
                    return Err(YamlError::Documents);
                };
                let value = match items {
                    Items::List(items) => Value::Array(items),
                    Items::Map { entries, .. } => Value::Object(entries),
                    Items::Wrapper(value) => value.ok_or(YamlError::Wrapper)?,
                };
                self.put(value, anchor)
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).ok_or(YamlError::Alias)?;
                if self.open.len() + depth(value) > DEPTH {
                    return Err(YamlError::Depth);
                }
                let value = copy(value, &mut self.copied)?;
                self.put(value, 0)
            }
        }
    }

    fn open(&mut self, anchor: usize, items: Items) -> Result<(), YamlError> {
        if self.open.len() == DEPTH {
            return Err(YamlError::Depth);
        }
        self.open.push(Open { anchor, items });
        Ok(())
    }

    /// Puts a value where the document is.
    fn put(&mut self, value: Value, anchor: usize) -> Result<(), YamlError> {
        if anchor != 0 {
            let copy = copy(&value, &mut self.copied)?;
            self.anchors.insert(anchor, copy);
        }
        match self.open.last_mut().map(|open| &mut open.items) {
            None if self.root.is_some() => return Err(YamlError::Documents),
            None => self.root = Some(value),
            Some(Items::List(items)) => items.push(value),
            Some(Items::Wrapper(Some(_))) => return Err(YamlError::Wrapper),
            Some(Items::Wrapper(inside)) => *inside = Some(value),
            Some(Items::Map { entries, key }) => match key.take() {
                Some(key) => {
                    entries.insert(key, value);
                }
                None => *key = Some(self::key(value)?),
            },
        }
        Ok(())
    }
}

/// A copy, if there is room for it.
fn copy(value: &Value, copied: &mut usize) -> Result<Value, YamlError> {
    fn size(value: &Value) -> usize {
        let inside = match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(size).sum(),
            Value::Object(entries) => entries.iter().map(|(k, v)| k.len() + 64 + size(v)).sum(),
            _ => 0,
        };
        64 + inside
    }
    *copied += size(value);
    if *copied > COPIES {
        return Err(YamlError::Copies);
    }
    Ok(value.clone())
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A key as Python's JSON has it.
fn key(value: Value) -> Result<String, YamlError> {
    match value {
        Value::String(key) if key == "<<" => Err(YamlError::Merge),
        Value::String(key) => Ok(key),
        Value::Array(_) | Value::Object(_) => Err(YamlError::Key),
        other => Ok(other.to_string()),
    }
}

/// What a tag of YAML's or of PyYAML's plain data says.
fn known(tag: &Tag) -> Option<&str> {
    tag.is_yaml_core_schema().then_some(&tag.suffix)
}

fn refused(tag: &Tag) -> YamlError {
    YamlError::Tag(match known(tag) {
        Some(name) => format!("!!{name}"),
        None => tag.to_string(),
    })
}

/// Whether a tag calls for one of the objects that TensorFlow until 2.2 wrote for plain lists, shapes and
/// sizes. What they are made from is the list of their arguments, which is one value.
fn is_wrapper(tag: &str) -> bool {
    let class = tag.strip_prefix("python/object/apply:tensorflow.python.");
    class.is_some_and(|class| {
        matches!(
            class,
            "training.tracking.data_structures.ListWrapper"
                | "framework.tensor_shape.TensorShape"
                | "framework.tensor_shape.Dimension"
        )
    })
}

fn check_tag(tag: Option<&Tag>, accepted: &[&str]) -> Result<(), YamlError> {
    match tag {
        Some(tag) if !known(tag).is_some_and(|name| accepted.contains(&name)) => Err(refused(tag)),
        _ => Ok(()),
    }
}

fn scalar(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Value, YamlError> {
    let string = || Value::String(text.to_owned());
    let Some(tag) = tag else {
        return if plain { resolve(text) } else { Ok(string()) };
    };
    let of_kind = |accept: fn(&Value) -> bool| {
        let value = resolve(text)?;
        let fits = accept(&value).then_some(value);
        fits.ok_or_else(|| YamlError::Scalar(text.to_owned()))
    };
    match known(tag) {
        Some("str" | "python/str" | "python/unicode") => Ok(string()),
        Some("null" | "python/none") => of_kind(Value::is_null),
        Some("bool" | "python/bool") => of_kind(Value::is_boolean),
        Some("int" | "python/int" | "python/long") => of_kind(Value::is_i64),
        Some("float" | "python/float") => of_kind(|value| crate::json::number(value).is_some()),
        _ => Err(refused(tag)),
    }
}

/// What a plain scalar means to PyYAML, which follows YAML 1.1.
fn resolve(text: &str) -> Result<Value, YamlError> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let token = |token: &str| Ok(Value::String(token.to_owned()));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Ok(Value::Bool(true));
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(Value::Bool(false));
        }
        ".nan" | ".NaN" | ".NAN" => return token("NaN"),
        _ if matches!(unsigned, ".inf" | ".Inf" | ".INF") => {
            let negative = text.starts_with('-');
            return token(if negative { "-Infinity" } else { "Infinity" });
        }
        _ => {}
    }
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return token(text);
    }
    let failure = || YamlError::Scalar(text.to_owned());
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits(unsigned) && (unsigned == "0" || !unsigned.starts_with('0')) {
        let number: i64 = text.parse().map_err(|_| failure())?;
        return Ok(Value::from(number));
    }
    if is_float(unsigned) {
        let number: f64 = text.parse().map_err(|_| failure())?;
        return match Number::from_f64(number) {
            Some(number) => Ok(Value::Number(number)),
            None => token(if number < 0.0 {
                "-Infinity"
            } else {
                "Infinity"
            }),
        };
    }
    // Octal, hexadecimal, binary, sexagesimal and grouped digits are numbers too, that no Keras writes.
    let of_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'_' | b':');
    let based = ["0x", "0b"].iter().any(|base| {
        let digits = unsigned.strip_prefix(base);
        digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit() || b == b'_'))
    });
    if based || unsigned.bytes().all(of_number) {
        return Err(failure());
    }
    token(text)
}

/// Digits with a point among them, and an exponent with a sign: `1e5` is a string to PyYAML.
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_mantissa = mantissa.split_once('.').is_some_and(|(whole, part)| {
        is_digits(whole) && is_digits(part) && !(whole.is_empty() && part.is_empty())
    });
    let has_exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']);
        digits.is_some_and(|digits| !digits.is_empty() && is_digits(digits))
    });
    has_mantissa && has_exponent
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn python_writes_these() {
        let text = "
backend: tensorflow
class_name: Sequential
config:
- class_name: Dense
  config:
    batch_input_shape: &id001 !!python/tuple [null, 4]
    again: *id001
    activation: linear
    kernel_regularizer: {class_name: L1L2, config: {l1: 0.0, l2: 1.0e-05}}
    max_value: .inf
    threshold: -.inf
    units: 3
    use_bias: true
    name: 'no'
    title: 2d_conv
    text: !!python/unicode 'ü'
    padding: !!python/tuple
    - 1
    - -2
    keys: {1: a, 2: b}
    axis: !!python/object/apply:tensorflow.python.training.tracking.data_structures.ListWrapper
    - - 3
    shape: !!python/object/apply:tensorflow.python.framework.tensor_shape.TensorShape
    - - !!python/object/apply:tensorflow.python.framework.tensor_shape.Dimension
        - null
      - !!python/object/apply:tensorflow.python.framework.tensor_shape.Dimension
        - 7
";
        let expected = json!({
            "backend": "tensorflow",
            "class_name": "Sequential",
            "config": [{"class_name": "Dense", "config": {
                "batch_input_shape": [null, 4],
                "again": [null, 4],
                "activation": "linear",
                "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 1e-5}},
                "max_value": "Infinity",
                "threshold": "-Infinity",
                "units": 3,
                "use_bias": true,
                "name": "no",
                "title": "2d_conv",
                "text": "ü",
                "padding": [1, -2],
                "keys": {"1": "a", "2": "b"},
                "axis": [3],
                "shape": [null, 7],
            }}],
        });
        assert_eq!(parse(text).unwrap_or_default(), expected);
    }

    #[test]
    fn what_is_no_plain_data_is_an_error() {
        for (text, message) in [
            (
                "a: !!python/object/apply:os.system [ls]",
                "the tag !!python/object/apply:os.system",
            ),
            ("a: !local 1", "the tag !local"),
            ("a: !!int x", "\"x\""),
            ("a: 0x10", "\"0x10\""),
            ("a: 1:30", "\"1:30\""),
            ("a: 99999999999999999999", "\"99999999999999999999\""),
            ("[a]: 1", "a key that is no scalar"),
            ("<<: {a: 1}", "a merge of maps"),
            ("a: &x [*x]", "an alias of what contains it"),
            ("a: 1\n---\nb: 2", "not one document"),
            ("", "not one document"),
            ("a: [", "while parsing"),
        ] {
            let error = parse(text).err().map(|error| error.to_string());
            let error = error.unwrap_or_default();
            assert!(error.contains(message), "{text:?}: {error}");
        }
    }

    #[test]
    fn depth_and_aliases_are_bounded() {
        for text in [
            "[".repeat(100_000),
            "- ".repeat(100_000),
            "{a: ".repeat(100_000),
        ] {
            assert!(parse(&text).is_err());
        }
        let mut deep = format!("a0: &a0 {}1{}\n", "[".repeat(100), "]".repeat(100));
        deep += &format!("a1: &a1 {}*a0{}\n", "[".repeat(100), "]".repeat(100));
        assert!(matches!(parse(&deep), Err(YamlError::Depth)));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let alias = format!("*a{}, ", level - 1).repeat(10);
            bomb += &format!("a{level}: &a{level} [{alias}]\n");
        }
        assert!(matches!(parse(&bomb), Err(YamlError::Copies)));
        let long = format!(
            "a: &a {}\nb: [{}]",
            "x".repeat(1 << 20),
            "*a, ".repeat(1000)
        );
        assert!(matches!(parse(&long), Err(YamlError::Copies)));
    }
}
