//! The options of one object of a training config.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::json;
use crate::problem::{Problem, ProblemKind};

/// Reads the `config` of an object. A getter that finds something it cannot use notes a problem
/// and gives a stand-in, so that all problems are found in one pass.
pub(super) struct Options<'a> {
    /// Where the object stands: `optimizer_config`.
    place: String,
    map: Option<&'a Map<String, Value>>,
    read: BTreeSet<&'static str>,
    problems: Vec<Problem>,
}

impl<'a> Options<'a> {
    /// The options `config` of the object at `place`; none at all if it is null.
    pub(super) fn new(place: impl Into<String>, config: &'a Value) -> Self {
        let mut options = Self {
            place: place.into(),
            map: config.as_object(),
            read: BTreeSet::new(),
            problems: Vec::new(),
        };
        if options.map.is_none() && !config.is_null() {
            let problem = Problem::new(ProblemKind::Config)
                .key(format!("{}: config", options.place))
                .expected("an object")
                .found(json::brief(config));
            options.problems.push(problem);
        }
        options
    }

    /// All problems, with those of options that nobody read and that say something.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        for (key, value) in self.map.into_iter().flatten() {
            if !self.read.contains(key.as_str()) && !json::says_nothing(value) {
                let problem = self.problem(ProblemKind::UnsupportedOption, key);
                let problem = problem.expected("an option that burn-keras knows");
                self.problems.push(problem.found(json::brief(value)));
            }
        }
        self.problems
    }

    /// Takes over the problems of an object inside.
    pub(super) fn extend(&mut self, problems: Vec<Problem>) {
        self.problems.extend(problems);
    }

    /// Notes that the value of `key` is not one of those that are `expected`.
    pub(super) fn refuse(&mut self, key: &'static str, expected: &str) {
        let value = self.map.and_then(|map| map.get(key));
        let found = value.map_or_else(|| "no such key".to_owned(), json::brief);
        let problem = self.problem(ProblemKind::UnsupportedOption, key);
        self.problems.push(problem.expected(expected).found(found));
    }

    fn problem(&self, kind: ProblemKind, key: &str) -> Problem {
        Problem::new(kind).key(format!("{}: {key}", self.place))
    }

    /// Whether the key is there, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.map.is_some_and(|map| map.contains_key(key))
    }

    /// The place of the option `key`, for messages.
    pub(super) fn place(&self, key: &str) -> String {
        format!("{}: {key}", self.place)
    }

    /// Options that change no number.
    pub(super) fn ignore(&mut self, keys: &[&'static str]) {
        self.read.extend(keys);
    }

    /// The value of `key`; absent and null are the same.
    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.read.insert(key);
        self.map?.get(key).filter(|value| !value.is_null())
    }

    /// A finite number or null.
    pub(super) fn optional(&mut self, key: &'static str) -> Option<f64> {
        let value = self.value(key)?;
        let number = json::number(value).filter(|number| number.is_finite());
        if number.is_none() {
            self.refuse(key, "a number");
        }
        number
    }

    /// A finite number, or `default`.
    pub(super) fn number(&mut self, key: &'static str, default: f64) -> f64 {
        self.optional(key).unwrap_or(default)
    }

    /// A finite number that must be there.
    pub(super) fn required(&mut self, key: &'static str) -> f64 {
        if self.value(key).is_none() {
            self.refuse(key, "a number");
        }
        self.number(key, 0.0)
    }

    /// A truth, or `default`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.value(key) else {
            return default;
        };
        json::truth(value).unwrap_or_else(|| {
            self.refuse(key, "true or false");
            default
        })
    }

    /// An integer from 0 on, or null.
    pub(super) fn count(&mut self, key: &'static str) -> Option<u64> {
        let number = self.optional(key)?;
        if number.fract() != 0.0 || !(0.0..9e15).contains(&number) {
            self.refuse(key, "an integer from 0 on");
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "integral, not negative and small"
        )]
        Some(number as u64)
    }

    /// A list of finite numbers that must be there.
    pub(super) fn numbers(&mut self, key: &'static str) -> Vec<f64> {
        let number = |value| json::number(value).filter(|number| number.is_finite());
        let numbers = self.value(key).and_then(Value::as_array);
        let numbers = numbers.and_then(|list| list.iter().map(number).collect());
        numbers.unwrap_or_else(|| {
            self.refuse(key, "a list of numbers");
            Vec::new()
        })
    }

    /// A list of texts; null is an empty one.
    pub(super) fn texts(&mut self, key: &'static str) -> Vec<String> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let texts = value.as_array();
        let texts = texts.and_then(|list| list.iter().map(text).collect());
        texts.unwrap_or_else(|| {
            self.refuse(key, "a list of texts");
            Vec::new()
        })
    }
}
