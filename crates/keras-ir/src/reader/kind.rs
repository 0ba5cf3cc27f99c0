//! What a file is, by its content.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::problem::{Problem, ProblemKind};

/// A kind of file that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// HDF5.
    Hdf5,
    /// A `.keras` archive, zipped or unpacked.
    Archive,
    /// A SavedModel, by its folder.
    SavedModel(PathBuf),
    /// A checkpoint of TensorFlow, by what the names of its files begin with.
    Checkpoint(PathBuf),
    /// JSON: an architecture, or the list of the shards of weights.
    Json,
    /// YAML: an architecture.
    Yaml,
}

/// The file that makes a folder a SavedModel.
const SAVED_MODEL: &str = "saved_model.pb";

/// The kind of what is at `path`.
pub(super) fn of(path: &Path) -> Result<Kind, Problem> {
    let expected = "a saved Keras model";
    let problem = |found: &str| {
        Problem::new(ProblemKind::Container)
            .expected(expected)
            .found(found)
    };
    if path.is_dir() {
        // Beside a SavedModel a config.json may be that of whoever published it.
        return if path.join(SAVED_MODEL).is_file() {
            Ok(Kind::SavedModel(path.to_owned()))
        } else if path.join("config.json").is_file() {
            Ok(Kind::Archive)
        } else {
            Err(problem("a folder without config.json and saved_model.pb"))
        };
    }
    // It has no mark of its own.
    if path.file_name().is_some_and(|name| name == SAVED_MODEL) {
        let folder = path.parent().unwrap_or(Path::new("."));
        return Ok(Kind::SavedModel(folder.to_owned()));
    }
    // Keras's name of a checkpoint is that of none of its files.
    if path.extension().is_some_and(|end| end == "index") {
        return Ok(Kind::Checkpoint(path.with_extension("")));
    }
    let mut index = path.as_os_str().to_owned();
    index.push(".index");
    if !path.exists() && Path::new(&index).is_file() {
        return Ok(Kind::Checkpoint(path.to_owned()));
    }
    let read = fs::metadata(path).and_then(|data| {
        // Asked before opening, because opening a named pipe would wait for a writer.
        let mut start = Vec::with_capacity(64);
        if data.is_file() {
            File::open(path)?.take(64).read_to_end(&mut start)?;
        }
        Ok(start)
    });
    match read {
        Ok(start) if start.starts_with(b"PK") => Ok(Kind::Archive),
        Ok(start) if start.trim_ascii_start().starts_with(b"{") => Ok(Kind::Json),
        Ok(start) if begins_with_key(&start) => Ok(Kind::Yaml),
        // What is no HDF5, its reader says best.
        Ok(_) => Ok(Kind::Hdf5),
        Err(error) => {
            Err(Problem::new(ProblemKind::Container).found(format!("it cannot be read: {error}")))
        }
    }
}

/// Whether a text begins as YAML with a map: with a key, or what may stand before.
fn begins_with_key(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    let is_of_key = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let key = start.iter().take_while(is_of_key).count();
    start.starts_with(b"---")
        || (key > 0 && matches!(start.get(key..), Some([b':', b' ' | b'\n' | b'\r', ..])))
}
