//! Typed access to a layer's config: every key that is read is ticked off, and what is left over
//! must be known to change no number.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::activation::Activation;
use crate::json;
use crate::problem::{Problem, ProblemKind};
use crate::version::{Generation, Writer};

/// Where the channels of an image are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataFormat {
    /// `(batch, spatial…, channels)`
    ChannelsLast,
    /// `(batch, channels, spatial…)`
    ChannelsFirst,
}

impl DataFormat {
    /// The position of the channel axis in a tensor of `rank` axes.
    pub fn channel_axis(self, rank: usize) -> usize {
        match self {
            Self::ChannelsLast => rank.saturating_sub(1),
            Self::ChannelsFirst => 1,
        }
    }

    /// The position of the first spatial axis.
    pub fn first_spatial_axis(self) -> usize {
        match self {
            Self::ChannelsLast => 1,
            Self::ChannelsFirst => 2,
        }
    }
}

/// Keys that change no number at inference, whatever they hold: initializers, regularizers and
/// constraints act in training, the others choose an implementation or repeat a shape.
fn is_neutral(key: &str) -> bool {
    matches!(
        key,
        "name"
            | "trainable"
            | "dtype"
            | "batch_input_shape"
            | "batch_shape"
            | "input_shape"
            | "input_dim"
            | "input_length"
            | "input_dtype"
            | "sparse"
            | "ragged"
            | "optional"
            | "seed"
            | "implementation"
            | "unroll"
            | "unit_forget_bias"
            | "synchronized"
            | "fused"
            | "autocast"
            | "enable_caching_device"
            | "lora_rank"
            | "lora_alpha"
    ) || ["_initializer", "_regularizer", "_constraint"]
        .iter()
        .any(|end| key.ends_with(end))
}

/// Reads one layer's config. A getter that finds something it cannot use notes a problem and
/// gives a stand-in, so that all problems of a layer are found in one pass.
#[derive(Debug)]
pub struct Config<'a> {
    map: &'a Map<String, Value>,
    writer: Writer,
    read: BTreeSet<&'static str>,
    problems: Vec<Problem>,
}

impl<'a> Config<'a> {
    /// A reader of `map`, written by `writer`.
    pub fn new(map: &'a Map<String, Value>, writer: impl Into<Writer>) -> Self {
        Self {
            map,
            writer: writer.into(),
            read: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// The generation that wrote the config.
    pub fn generation(&self) -> Generation {
        self.writer.generation
    }

    /// Who wrote the config.
    pub fn writer(&self) -> Writer {
        self.writer
    }

    /// The problems found, with those of keys that nobody read.
    pub fn finish(mut self) -> Vec<Problem> {
        for (key, value) in self.map {
            let says_nothing = match value {
                Value::Null | Value::Bool(false) => true,
                Value::Array(items) => items.is_empty(),
                Value::Object(entries) => entries.is_empty(),
                _ => false,
            };
            if !self.read.contains(key.as_str()) && !is_neutral(key) && !says_nothing {
                self.problems.push(
                    Problem::new(ProblemKind::UnsupportedOption)
                        .key(key)
                        .expected("an option that burn-keras knows for this layer")
                        .found(json::brief(value)),
                );
            }
        }
        self.problems
    }

    /// Notes an option whose value is not supported.
    pub fn unsupported(&mut self, key: &str, expected: &str) {
        let found = self.map.get(key).map_or("nothing".into(), json::brief);
        self.problems.push(
            Problem::new(ProblemKind::UnsupportedOption)
                .key(key)
                .expected(expected)
                .found(found),
        );
    }

    fn malformed(&mut self, key: &str, expected: &str) {
        let found = self.map.get(key).map_or("nothing".into(), json::brief);
        self.problems.push(
            Problem::new(ProblemKind::Config)
                .key(key)
                .expected(expected)
                .found(found),
        );
    }

    /// The value of `key`; absent and null are the same.
    pub fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.read.insert(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// Whether `key` is there and null.
    pub fn is_null(&mut self, key: &'static str) -> bool {
        self.read.insert(key);
        self.map.get(key).is_some_and(Value::is_null)
    }

    /// A boolean, or `default`.
    pub fn bool(&mut self, key: &'static str, default: bool) -> bool {
        match self.value(key) {
            None => default,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                self.malformed(key, "true or false");
                default
            }
        }
    }

    /// A number, or `default`.
    pub fn number(&mut self, key: &'static str, default: f64) -> f64 {
        self.optional_number(key).unwrap_or(default)
    }

    /// A number or null.
    pub fn optional_number(&mut self, key: &'static str) -> Option<f64> {
        let value = self.value(key)?;
        let number = json::number(value);
        if number.is_none() {
            self.malformed(key, "a number");
        }
        number
    }

    /// A size that must be there and be at least one.
    pub fn size(&mut self, key: &'static str) -> usize {
        match self.value(key).and_then(as_size) {
            Some(size) if size > 0 => size,
            _ => {
                self.malformed(key, "a positive integer");
                1
            }
        }
    }

    /// A positive size, or `default`.
    pub fn size_or(&mut self, key: &'static str, default: usize) -> usize {
        match self.value(key) {
            None => default,
            Some(_) => self.size(key),
        }
    }

    /// `count` positive sizes, written as a list or as one number for all; null gives `default`.
    pub fn sizes(&mut self, key: &'static str, count: usize, default: &[usize]) -> Vec<usize> {
        let sizes = match self.value(key) {
            None => return default.to_vec(),
            Some(value) => as_sizes(value, count),
        };
        match sizes {
            Some(sizes) if sizes.iter().all(|size| *size > 0) => sizes,
            _ => {
                self.malformed(key, &format!("{count} positive integers"));
                default.to_vec()
            }
        }
    }

    /// `count` integers from zero on, written as a list or as one number for all, or null.
    pub fn naturals(&mut self, key: &'static str, count: usize) -> Option<Vec<usize>> {
        let sizes = as_sizes(self.value(key)?, count);
        if sizes.is_none() {
            self.malformed(key, &format!("{count} integers from 0 on"));
        }
        sizes
    }

    /// A list of integers.
    pub fn integers(&mut self, key: &'static str) -> Option<Vec<i64>> {
        let value = self.value(key)?;
        let integers = match value {
            Value::Array(items) => items.iter().map(as_integer).collect(),
            one => as_integer(one).map(|one| vec![one]),
        };
        if integers.is_none() {
            self.malformed(key, "a list of integers");
        }
        integers
    }

    /// A list of sizes, of which null ones are left open; one number is a list of one.
    pub fn dims(&mut self, key: &'static str) -> Vec<Option<usize>> {
        let dims = match self.value(key) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| match item {
                    Value::Null => Some(None),
                    size => as_size(size).map(Some),
                })
                .collect(),
            Some(one) => as_size(one).map(|size| vec![Some(size)]),
        };
        dims.unwrap_or_else(|| {
            self.malformed(key, "sizes or nulls");
            Vec::new()
        })
    }

    /// A string that must be there.
    pub fn string(&mut self, key: &'static str) -> &'a str {
        match self.value(key).and_then(Value::as_str) {
            Some(text) => text,
            None => {
                self.malformed(key, "a string");
                ""
            }
        }
    }

    /// An integer, or `default`.
    pub fn integer(&mut self, key: &'static str, default: i64) -> i64 {
        match self.value(key) {
            None => default,
            Some(value) => as_integer(value).unwrap_or_else(|| {
                self.malformed(key, "an integer");
                default
            }),
        }
    }

    /// A string that is one of `names`, by its position; `names[0]` when absent.
    pub fn choice(&mut self, key: &'static str, names: &[&str]) -> usize {
        match self.value(key) {
            None => 0,
            Some(value) => {
                let position = value
                    .as_str()
                    .and_then(|found| names.iter().position(|name| *name == found));
                position.unwrap_or_else(|| {
                    self.unsupported(key, &format!("one of {}", names.join(", ")));
                    0
                })
            }
        }
    }

    /// `data_format`; null means `channels_last`.
    pub fn data_format(&mut self) -> DataFormat {
        match self.choice("data_format", &["channels_last", "channels_first"]) {
            0 => DataFormat::ChannelsLast,
            _ => DataFormat::ChannelsFirst,
        }
    }

    /// An activation, or `default` where the key is missing; null is none.
    pub fn activation_or(&mut self, key: &'static str, default: Activation) -> Activation {
        if self.map.contains_key(key) {
            self.activation(key)
        } else {
            default
        }
    }

    /// An activation; none where the key is missing.
    pub fn activation(&mut self, key: &'static str) -> Activation {
        let value = self.value(key).unwrap_or(&Value::Null);
        Activation::read(value, self.generation()).unwrap_or_else(|| {
            self.problems.push(
                Problem::new(ProblemKind::UnsupportedOption)
                    .key(key)
                    .expected("a built-in activation")
                    .found(json::brief(value))
                    .help(
                        "custom activations and lambdas are not run; \
                         save the model with a built-in activation or layer instead",
                    ),
            );
            Activation::Linear
        })
    }
}

fn as_size(value: &Value) -> Option<usize> {
    as_integer(value).and_then(|integer| usize::try_from(integer).ok())
}

/// `count` sizes, written as a list or as one number for all.
fn as_sizes(value: &Value, count: usize) -> Option<Vec<usize>> {
    let sizes: Vec<usize> = match value.as_array() {
        None => vec![as_size(value)?; count],
        Some(items) => items.iter().map(as_size).collect::<Option<_>>()?,
    };
    (sizes.len() == count).then_some(sizes)
}

/// An integer, also when it is written as `3.0` (NumPy scalars went through floats in old files).
fn as_integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64()?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "checked to be integral and small"
        )]
        (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
    })
}
