//! What is wrong with a file: every problem in one fixed shape, all of them in one report.

use std::fmt;

use serde_json::{Value, json};

/// The kind of a [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file cannot be read at all: missing, truncated, of another kind, malformed.
    Container,
    /// The config lacks something or holds something of another form.
    Config,
    /// A layer class that is not known.
    UnknownLayer,
    /// A known layer with an option that is not supported.
    UnsupportedOption,
    /// A connection that leads nowhere, or in a circle.
    BrokenConnection,
    /// Shapes that do not fit together.
    Shape,
    /// A weight that the file should hold and does not.
    MissingWeight,
    /// A weight in the file that no layer takes.
    LeftOverWeight,
    /// A weight of another shape than its layer's.
    WeightShape,
    /// A training config that says something unknown.
    Training,
    /// Optimizer state that does not fit the model.
    Optimizer,
    /// A record of another model.
    Record,
    /// A file that could not be written.
    Output,
    /// A place that no tensor or layer of the model has, or several.
    Place,
    /// An output that still needs an input which was to be replaced.
    Disconnected,
    /// A mask that a layer looks at and that would be another one.
    Mask,
    /// A change that would leave no model.
    Surgery,
    /// A part of the model that a Keras model has no place for.
    Writing,
}

impl ProblemKind {
    /// What people read, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Container => "unreadable file",
            Self::Config => "malformed config",
            Self::UnknownLayer => "unknown layer",
            Self::UnsupportedOption => "unsupported option",
            Self::BrokenConnection => "broken connection",
            Self::Shape => "shapes do not fit",
            Self::MissingWeight => "missing weight",
            Self::LeftOverWeight => "left-over weight",
            Self::WeightShape => "weight of another shape",
            Self::Training => "training config not understood",
            Self::Optimizer => "optimizer state does not fit",
            Self::Record => "record does not fit",
            Self::Output => "cannot write",
            Self::Place => "no such place",
            Self::Disconnected => "still connected",
            Self::Mask => "a mask would be lost",
            Self::Surgery => "cannot be changed so",
            Self::Writing => "cannot be written as a Keras model",
        }
    }
}

/// One thing that is wrong, with the place where it is and a way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem.
    pub kind: ProblemKind,
    /// The layer, by its path through nested models (`encoder/dense_1`).
    pub layer: Option<String>,
    /// The layer's Keras class.
    pub class: Option<String>,
    /// The config key, attribute or dataset.
    pub key: Option<String>,
    /// What was expected there.
    pub expected: Option<String>,
    /// What was found.
    pub found: Option<String>,
    /// What the user can do.
    pub help: Option<String>,
}

impl Problem {
    /// A problem of `kind` with nothing said yet.
    pub fn new(kind: ProblemKind) -> Self {
        Self {
            kind,
            layer: None,
            class: None,
            key: None,
            expected: None,
            found: None,
            help: None,
        }
    }

    /// Names the layer and its class.
    #[must_use]
    pub fn at(mut self, layer: impl Into<String>, class: impl Into<String>) -> Self {
        self.layer = Some(layer.into());
        self.class = Some(class.into());
        self
    }

    /// Names the config key, attribute or dataset.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Says what was expected.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Says what was found.
    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    /// Says what the user can do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Where, what was expected and what was found, for a note.
    pub fn in_one_line(&self) -> String {
        let rows = [
            ("", &self.layer),
            ("", &self.key),
            ("expected ", &self.expected),
            ("found ", &self.found),
        ];
        let rows = rows.iter().filter_map(|(title, row)| {
            let row = row.as_ref()?;
            Some(format!("{title}{row}"))
        });
        rows.collect::<Vec<_>>().join(", ")
    }

    /// The machine-readable form.
    pub fn to_json(&self) -> Value {
        json!({
            "kind": self.kind.title(),
            "layer": self.layer,
            "class": self.class,
            "key": self.key,
            "expected": self.expected,
            "found": self.found,
            "help": self.help,
        })
    }

    /// This problem alone, as the report of `file`.
    pub fn in_file(self, file: impl Into<String>) -> Report {
        Report {
            file: file.into(),
            problems: vec![self],
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.title())?;
        let place = match (&self.layer, &self.class) {
            (Some(layer), Some(class)) => Some(format!("{layer} ({class})")),
            (Some(layer), None) => Some(layer.clone()),
            _ => None,
        };
        let rows = [
            ("layer", place.as_ref()),
            ("key", self.key.as_ref()),
            ("expected", self.expected.as_ref()),
            ("found", self.found.as_ref()),
            ("help", self.help.as_ref()),
        ];
        for (title, text) in rows {
            if let Some(text) = text {
                write!(f, "\n  {title}: {text}")?;
            }
        }
        Ok(())
    }
}

/// Everything that is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Report {
    /// The file's name.
    pub file: String,
    /// At least one problem, in the order of the model's layers.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "{}: {count} {noun}", self.file)?;
        for (index, problem) in self.problems.iter().enumerate() {
            let text = problem.to_string().replace('\n', "\n   ");
            write!(f, "\n{:>3}. {text}", index + 1)?;
        }
        Ok(())
    }
}
