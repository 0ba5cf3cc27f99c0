//! What can be wrong with a record.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

/// Why a record was not loaded. `from` is the file, or says that the record was in memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be opened.
    #[error("cannot open {path}: {reason}")]
    Io {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The bytes are no burnpack container, or a damaged one.
    #[error("{from} is not a readable record: {reason}")]
    Unreadable {
        /// The file.
        from: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The record belongs to another source.
    #[error(
        "{from} belongs to another model: it was written for source {found}, this is {expected}; \
         import the model again, or load the record that was written with this source"
    )]
    WrongModel {
        /// The file.
        from: String,
        /// The digest of the source that loads.
        expected: String,
        /// The digest in the record.
        found: String,
    },
    /// Names, shapes or types differ from the module's.
    #[error("{from} does not fit the module:{mismatch}")]
    Mismatch {
        /// The file.
        from: String,
        /// All differences.
        mismatch: Mismatch,
    },
    /// Burn refuses the record.
    #[error("{from} cannot be loaded: {reason}")]
    Record {
        /// The file.
        from: String,
        /// What Burn says.
        reason: String,
    },
    /// Two parameters of the module carry the same id, so only one would be trained.
    #[error("parameters share an id, so that only the first would be trained:{}", pairs(.paths))]
    DuplicateIds {
        /// Pairs of paths.
        paths: Vec<(String, String)>,
    },
    /// The optimizer itself cannot be made for the module.
    #[cfg(feature = "optim")]
    #[error(transparent)]
    Optimizer(#[from] crate::optim::OptimizerError),
    /// Optimizer state that does not fit the module's parameters.
    #[error("{from} does not fit the optimizer and the module:{}", lines(.problems))]
    OptimizerState {
        /// The file.
        from: String,
        /// All problems, each with the path of its parameter where it is known.
        problems: Vec<String>,
    },
}

/// Every difference between a record and a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// Parameters that the record lacks.
    pub missing: Vec<String>,
    /// Tensors of the record that the module lacks.
    pub unused: Vec<String>,
    /// Parameters of another shape.
    pub shapes: Vec<ShapeMismatch>,
    /// Parameters of another type, each with its path.
    pub types: Vec<String>,
}

/// A parameter whose shape in the record differs from the module's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeMismatch {
    /// The parameter.
    pub path: String,
    /// The module's shape.
    pub expected: Vec<usize>,
    /// The record's shape.
    pub found: Vec<usize>,
}

impl Mismatch {
    /// Whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
            && self.unused.is_empty()
            && self.shapes.is_empty()
            && self.types.is_empty()
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = self.missing.iter().map(|path| format!("missing: {path}"));
        let unused = self
            .unused
            .iter()
            .map(|path| format!("not in the module: {path}"));
        let shapes = self.shapes.iter().map(|at| {
            let ShapeMismatch {
                path,
                expected,
                found,
            } = at;
            format!("{path}: shape {found:?}, the module has {expected:?}")
        });
        let all: Vec<_> = missing
            .chain(unused)
            .chain(shapes)
            .chain(self.types.iter().cloned())
            .collect();
        f.write_str(&lines(&all))
    }
}

/// The first problems, each on a line of its own.
fn lines(problems: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text = String::new();
    for problem in problems.iter().take(SHOWN) {
        text.push_str("\n  ");
        text.push_str(problem);
    }
    if problems.len() > SHOWN {
        text.push_str(&format!("\n  and {} more", problems.len() - SHOWN));
    }
    text
}

fn pairs(paths: &[(String, String)]) -> String {
    let all: Vec<_> = paths.iter().map(|(a, b)| format!("{a} and {b}")).collect();
    lines(&all)
}
