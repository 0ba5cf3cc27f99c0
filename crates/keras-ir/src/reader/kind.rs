//! What a file is, by its content.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::problem::{Problem, ProblemKind};

/// A kind of file that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// HDF5.
    Hdf5,
    /// A `.keras` archive, zipped or unpacked.
    Archive,
    /// JSON: an architecture, or the list of the shards of weights.
    Json,
}

/// The kind of what is at `path`.
pub(super) fn of(path: &Path) -> Result<Kind, Problem> {
    let expected = "a saved Keras model";
    let problem = |found: &str| {
        Problem::new(ProblemKind::Container)
            .expected(expected)
            .found(found)
    };
    if path.is_dir() {
        return if path.join("config.json").is_file() {
            Ok(Kind::Archive)
        } else if path.join("saved_model.pb").is_file() {
            Err(problem("a SavedModel, which burn-keras does not read yet")
                .help("save it with model.save(\"model.keras\")"))
        } else {
            Err(problem("a folder without config.json and saved_model.pb"))
        };
    }
    let read = fs::metadata(path).and_then(|data| {
        // Asked before opening, because opening a named pipe would wait for a writer.
        let mut start = Vec::with_capacity(8);
        if data.is_file() {
            File::open(path)?.take(8).read_to_end(&mut start)?;
        }
        Ok(start)
    });
    match read {
        Ok(start) if start.starts_with(b"PK") => Ok(Kind::Archive),
        Ok(start) if start.trim_ascii_start().starts_with(b"{") => Ok(Kind::Json),
        // What is no HDF5, its reader says best.
        Ok(_) => Ok(Kind::Hdf5),
        Err(error) => {
            Err(Problem::new(ProblemKind::Container).found(format!("it cannot be read: {error}")))
        }
    }
}
