//! NumPy's `.npz`: a zip of arrays.
//!
//! Files come from strangers: what an array declares is checked against what is there before
//! memory is asked for. Headers are read here and not by a parser of Python literals, which would
//! recurse as deep as a file likes.

mod npy;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use keras_ir::container::StoredTensor;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

pub use npy::NpyError;

/// What an archive may unpack to: this, and [`RATIO`] times its size.
const ALLOWANCE: u64 = 64 << 20;
/// Floats hardly ever shrink to less than a third; arrays of zeros do.
const RATIO: u64 = 64;

/// Why an `.npz` file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum NpzError {
    /// The file cannot be opened, read or written.
    #[error("{file}: {source}", file = .file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no zip archive, or a damaged one.
    #[error("{file}: not a readable .npz file: {source}", file = .file.display())]
    Zip {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: zip::result::ZipError,
    },
    /// The arrays unpack to more than a file of this size can honestly hold.
    #[error(
        "{file}: unpacks to more than {limit} bytes; if that is right, save it with numpy.savez",
        file = .file.display()
    )]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// What is accepted.
        limit: u64,
    },
    /// An array cannot be read.
    #[error("{file}: array {array:?}: {source}", file = .file.display())]
    Array {
        /// The file.
        file: PathBuf,
        /// The array.
        array: String,
        /// What is wrong with it.
        source: NpyError,
    },
}

/// An open `.npz` file.
pub struct Npz {
    file: PathBuf,
    archive: ZipArchive<BufReader<File>>,
    /// Bytes that may still be unpacked.
    budget: u64,
    limit: u64,
}

impl Npz {
    /// Opens a file; nothing is unpacked yet.
    pub fn open(path: &Path) -> Result<Self, NpzError> {
        let io = |source| NpzError::Io {
            file: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|source| NpzError::Zip {
            file: path.to_owned(),
            source,
        })?;
        let limit = length.saturating_mul(RATIO).saturating_add(ALLOWANCE);
        Ok(Self {
            file: path.to_owned(),
            archive,
            budget: limit,
            limit,
        })
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The names of the arrays, in the file's order.
    pub fn names(&self) -> Vec<String> {
        let names = self.archive.file_names();
        names
            .flatten()
            .filter_map(|name| name.strip_suffix(".npy").map(str::to_owned))
            .collect()
    }

    /// Reads the array `name`.
    pub fn read(&mut self, name: &str) -> Result<StoredTensor, NpzError> {
        let bytes = self.unpack(&format!("{name}.npy"))?;
        npy::parse(name, bytes).map_err(|source| NpzError::Array {
            file: self.file.clone(),
            array: name.to_owned(),
            source,
        })
    }

    fn unpack(&mut self, member: &str) -> Result<Vec<u8>, NpzError> {
        let file = &self.file;
        let mut member = self
            .archive
            .by_name(member)
            .map_err(|source| NpzError::Zip {
                file: file.clone(),
                source,
            })?;
        let size = member.size();
        let too_large = || NpzError::TooLarge {
            file: file.clone(),
            limit: self.limit,
        };
        if size > self.budget {
            return Err(too_large());
        }
        self.budget -= size;
        let io = |source| NpzError::Io {
            file: file.clone(),
            source,
        };
        // What the archive says of the size is no more than a hint.
        let mut bytes = Vec::new();
        let mut limited = (&mut member).take(size + 1);
        limited.read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > size {
            return Err(too_large());
        }
        Ok(bytes)
    }
}

/// Writes arrays of `f32`, each with its name and shape, to the file `path`. An existing file is
/// replaced once the new one is complete. Equal arrays give equal bytes.
pub fn write(path: &Path, arrays: &[(String, Vec<usize>, Vec<f32>)]) -> Result<(), NpzError> {
    let io = |source| NpzError::Io {
        file: path.to_owned(),
        source,
    };
    let zip = |source| NpzError::Zip {
        file: path.to_owned(),
        source,
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let staged = tempfile::Builder::new()
        .prefix(".burn-keras-")
        .permissions_of_new_files()
        .tempfile_in(folder)
        .map_err(io)?;
    let mut archive = ZipWriter::new(BufWriter::new(staged));
    let options = SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Stored);
    for (name, shape, values) in arrays {
        let large = values.len() >= 1 << 29;
        let options = options.large_file(large);
        archive
            .start_file(format!("{name}.npy"), options)
            .map_err(zip)?;
        archive.write_all(&npy::header(shape)).map_err(io)?;
        for chunk in values.chunks(1 << 16) {
            let bytes: Vec<u8> = chunk.iter().flat_map(|value| value.to_le_bytes()).collect();
            archive.write_all(&bytes).map_err(io)?;
        }
    }
    let staged = archive.finish().map_err(zip)?;
    let staged = staged
        .into_inner()
        .map_err(|error| io(error.into_error()))?;
    staged.persist(path).map_err(|error| io(error.error))?;
    Ok(())
}

/// Temporary files are private; results are as public as any other file.
trait Permissions {
    fn permissions_of_new_files(&mut self) -> &mut Self;
}

impl Permissions for tempfile::Builder<'_, '_> {
    #[cfg(unix)]
    fn permissions_of_new_files(&mut self) -> &mut Self {
        use std::os::unix::fs::PermissionsExt;
        self.permissions(std::fs::Permissions::from_mode(0o666)) // less the umask
    }

    #[cfg(not(unix))]
    fn permissions_of_new_files(&mut self) -> &mut Self {
        self
    }
}

#[cfg(test)]
mod tests;
