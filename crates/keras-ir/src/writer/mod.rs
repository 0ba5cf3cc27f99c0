//! Saved models, written: copies that hold other tensors, and new files.
//!
//! ```text
//! original + changes ──► patch     the file's bytes, with other elements in their places
//!                    └─► tree      where something has no place yet: everything read, and written anew
//! tree               ──► HDF5      groups, attributes, datasets
//! members            ──► archive   a .keras file
//! graph of Keras 1   ──► keras1    the same as a graph of Keras 2
//! graph              ──► config    the architecture in the words of Keras
//!                    └─► model     a whole model: its config, weights, optimizer's state
//! ```
//!
//! One tensor is in memory at a time. Files are written to paths where nothing is yet; to put them
//! where another is, rename them once they are complete.

mod archive;
mod config;
mod error;
mod keras1;
mod model;
mod patch;
mod tree;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::container::{Archive, ByteView, H5File, StoredTensor};
use crate::problem::{Problem, ProblemKind};
use crate::reader::{ARCHIVED_WEIGHTS, Copyable, copyable};

use error::Failure;
use patch::Patched;

pub use crate::reader::{BuiltOptimizer, build_optimizer};
pub use archive::{Member, write_archive};
pub use error::WriteError;
pub use model::write_model;
pub use tree::{AttributeValue, Dataset, Tree};

/// What a copy holds that the original does not.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Tensors, by the paths of their datasets: in the place of those that are there, or new.
    pub tensors: BTreeMap<String, StoredTensor>,
    /// Lists of strings, by group and name of the attribute, such as `weight_names`.
    pub lists: BTreeMap<(String, String), Vec<String>>,
}

/// A saved model that can be copied with other tensors in it.
#[derive(Debug)]
pub struct Original {
    path: PathBuf,
    /// Where the tensors are.
    weights: H5File,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// A whole model in HDF5, or weights in Keras's legacy layout.
    Legacy,
    /// Weights alone in Keras 3's layout.
    Weights,
    Archive(Archive),
}

impl Original {
    /// Opens the model at `path`: a `.keras` archive, or HDF5 of a whole model or of weights.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or what it is instead.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Problem> {
        let path = path.as_ref();
        let (weights, form) = match copyable(path)? {
            Copyable::Legacy(file) => (file, Form::Legacy),
            Copyable::Weights(file) => (file, Form::Weights),
            Copyable::Archive(archive, file) => (file, Form::Archive(archive)),
        };
        Ok(Self {
            path: path.to_owned(),
            weights,
            form,
        })
    }

    /// The file of its tensors, by whose paths [`Changes`] go.
    pub fn weights(&self) -> &H5File {
        &self.weights
    }

    /// Whether a copy can be called `to`: Keras tells by a file's ending how to read it.
    ///
    /// # Errors
    ///
    /// The endings that there are.
    pub fn check_name(&self, to: &Path) -> Result<(), Problem> {
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let is_weights = name.ends_with(WEIGHTS_ENDING);
        let is_hdf5 = [".h5", ".hdf5"].iter().any(|end| name.ends_with(end));
        let (fits, expected) = match self.form {
            Form::Archive(_) => (
                name.ends_with(".keras") || is_weights,
                "a name that ends in .keras, as the original's, or .weights.h5 for the weights alone",
            ),
            Form::Weights => (
                is_weights,
                "a name that ends in .weights.h5, as the original's",
            ),
            Form::Legacy => (
                is_hdf5 && !is_weights,
                "a name that ends in .h5 or .hdf5, as the original's",
            ),
        };
        if fits {
            return Ok(());
        }
        Err(Problem::new(ProblemKind::Output)
            .expected(expected)
            .found(name))
    }

    /// Writes a copy with `changes` to a new file at `to`. Where every changed tensor has its place in
    /// the original, with its shape and type, all else of the HDF5 file stays byte for byte; in an
    /// archive, so do the other members. Otherwise all groups, attributes and datasets are written
    /// anew.
    ///
    /// ```no_run
    /// use keras_ir::container::{Dtype, StoredTensor};
    /// use keras_ir::writer::{Changes, Original};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let original = Original::open("model.keras").map_err(|problem| problem.in_file("model.keras"))?;
    /// let zeros = StoredTensor::from_parts("bias", [3], Dtype::F32, vec![0; 12])?;
    /// let mut changes = Changes::default();
    /// changes.tensors.insert("layers/dense/vars/1".into(), zeros);
    /// original.copy("zeros.keras".as_ref(), &changes)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A name of another kind of file, a tensor that cannot be read, or a file that exists or cannot be
    /// written; an unfinished file may stay behind.
    pub fn copy(&self, to: &Path, changes: &Changes) -> Result<(), WriteError> {
        if let Err(problem) = self.check_name(to) {
            return Err(Failure::Format(problem.to_string()).at(to));
        }
        create(to, |file, scratch| {
            let content = self.content(changes, scratch)?;
            match (&self.form, to_archive(to)) {
                (Form::Archive(archive), true) => {
                    let zip = archive.zip().cloned();
                    let zip = zip.unwrap_or_else(|| ByteView::from_vec(Vec::new()));
                    archive::copy(&zip, ARCHIVED_WEIGHTS, &content, file)
                }
                _ => content.write(file),
            }
        })
    }

    fn content(&self, changes: &Changes, scratch: &Path) -> Result<Patched, Failure> {
        if changes.lists.is_empty()
            && let Some(patched) = Patched::new(&self.weights, &changes.tensors)?
        {
            return Ok(patched);
        }
        let mut tree = Tree::read(&self.weights)?;
        for (path, tensor) in &changes.tensors {
            tree.put(path, tensor.clone())?;
        }
        for ((group, name), strings) in &changes.lists {
            tree.group(group)?.set_list(name, strings);
        }
        tree.filled(scratch)
    }

    /// The original's path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

const WEIGHTS_ENDING: &str = ".weights.h5";

fn to_archive(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "keras")
}

/// Puts a file at `path` once it is complete: `write` makes it at another path in the same folder.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&Path) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let in_place = |error: std::io::Error| Failure::from(error).at(path);
    let staging = tempfile::Builder::new()
        .prefix(".burn-keras-")
        .tempdir_in(folder(path))
        .map_err(in_place)?;
    let staged = staging.path().join("staged");
    write(&staged).map_err(|error| error.at(path))?;
    fs::rename(&staged, path).map_err(in_place)
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the file at `path`; `write` is given the folder that it is in too.
fn create(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>, &Path) -> Result<(), Failure>,
) -> Result<(), WriteError> {
    let written = File::create_new(path)
        .map_err(Failure::Io)
        .and_then(|file| {
            let mut file = BufWriter::new(file);
            write(&mut file, folder(path))?;
            Ok(file.flush()?)
        });
    written.map_err(|failure| failure.at(path))
}
