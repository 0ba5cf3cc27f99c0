//! Records that load strictly, with errors that name what is wrong, and save to the same bytes
//! every time.
//!
//! Records are Burn's own burnpack files. One that `burn-keras` wrote holds the digest of the
//! source that it belongs to, under the metadata key [`SOURCE_KEY`].

mod error;
mod save;
#[cfg(test)]
mod tests;

pub use error::{LoadError, Mismatch, ShapeMismatch};
#[cfg(feature = "std")]
pub use save::save_file;
pub use save::{SaveError, to_bytes};

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use burn::{
    module::{Module, ModuleVisitor, Param},
    store::{ModuleRecord, burn_pack},
    tensor::{AllocationProperty, Bool, Bytes, DType, Device, Int, Shape, Tensor},
};

/// The metadata key of the digest of the source that a record belongs to.
pub const SOURCE_KEY: &str = "keras.source";

/// Loads a record from memory. See [`load_file`] for what is checked.
pub fn load_bytes<M: Module>(
    module: M,
    bytes: impl Into<RecordBytes>,
    source_digest: &str,
) -> Result<M, LoadError> {
    const FROM: &str = "the record in memory";
    let bytes = bytes.into().0.shared();
    let again = bytes
        .view(0, bytes.len())
        .map_err(|error| LoadError::Unreadable {
            from: FROM.into(),
            reason: format!("{error:?}"),
        })?;
    let reader = read(burn_pack::Reader::from_bytes(again), FROM)?;
    check(&module, reader, source_digest, FROM)?;
    let record = ModuleRecord::from_bytes(bytes);
    apply(module, record, FROM)
}

/// Loads a record that is part of the program, without copying it.
///
/// Backends that can borrow do so if the data is aligned to 256 bytes.
pub fn load_static<M: Module>(
    module: M,
    bytes: &'static [u8],
    source_digest: &str,
) -> Result<M, LoadError> {
    let shared = bytes::Bytes::from_static(bytes);
    let bytes = Bytes::from_shared(shared, AllocationProperty::Other);
    load_bytes(module, bytes, source_digest)
}

/// Loads a record from a file.
///
/// Every parameter of `module` must be in the record, with its shape and a type of its kind that
/// the device supports, and nothing else may be; all deviations are reported together, and none
/// of the record is applied then. A record that names another source than `source_digest` is
/// refused; one that names none, because Burn has saved it, is accepted. Values keep the record's
/// type (float32, float16, ...).
///
/// ```no_run
/// use burn::{nn::{Linear, LinearConfig}, tensor::Device};
/// use burn_keras_nn::{LoadError, record};
///
/// fn load(device: &Device) -> Result<Linear, LoadError> {
///     let module = LinearConfig::new(4, 2).init(device);
///     record::load_file(module, "fc.bpk", "sha256:...")
/// }
/// ```
#[cfg(feature = "std")]
pub fn load_file<M: Module>(
    module: M,
    path: impl AsRef<std::path::Path>,
    source_digest: &str,
) -> Result<M, LoadError> {
    let path = path.as_ref();
    let from = path.display().to_string();
    probe(path)?;
    let reader = read(burn_pack::Reader::from_file_exact(path), &from)?;
    check(&module, reader, source_digest, &from)?;
    apply(module, ModuleRecord::load(path), &from)
}

/// Opens the file, so that what the system refuses is an [`LoadError::Io`].
#[cfg(feature = "std")]
pub(crate) fn probe(path: &std::path::Path) -> Result<(), LoadError> {
    let io = |error: std::io::Error| LoadError::Io {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let kind = std::fs::metadata(path).map_err(io)?;
    if kind.is_dir() {
        return Err(LoadError::Io {
            path: path.display().to_string(),
            reason: "is a directory".into(),
        });
    }
    std::fs::File::open(path).map(|_| ()).map_err(io)
}

/// The bytes of a record, from what an application holds them in.
///
/// A `Vec` and a slice that lives as long as the program are taken without a copy.
#[derive(Debug)]
pub struct RecordBytes(pub(crate) Bytes);

impl From<Bytes> for RecordBytes {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for RecordBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Bytes::from_bytes_vec(bytes))
    }
}

impl From<&'static [u8]> for RecordBytes {
    fn from(bytes: &'static [u8]) -> Self {
        let shared = bytes::Bytes::from_static(bytes);
        Self(Bytes::from_shared(shared, AllocationProperty::Other))
    }
}

pub(crate) fn read(
    reader: Result<burn_pack::Reader, burn_pack::Error>,
    from: &str,
) -> Result<burn_pack::Reader, LoadError> {
    reader.map_err(|error| LoadError::Unreadable {
        from: from.into(),
        reason: error.to_string(),
    })
}

fn apply<M: Module>(
    module: M,
    record: Result<ModuleRecord, burn::store::RecordError>,
    from: &str,
) -> Result<M, LoadError> {
    record
        .and_then(|record| module.try_load_record(record))
        .map_err(|error| LoadError::Record {
            from: from.into(),
            reason: error.to_string(),
        })
}

/// Compares the record with the module, without reading any tensor.
fn check<M: Module>(
    module: &M,
    reader: burn_pack::Reader,
    source_digest: &str,
    from: &str,
) -> Result<(), LoadError> {
    if let Some(found) = reader.metadata().get(SOURCE_KEY)
        && found != source_digest
    {
        return Err(LoadError::WrongModel {
            from: from.into(),
            expected: source_digest.into(),
            found: found.clone(),
        });
    }
    let tensors = reader
        .into_tensors()
        .map_err(|error| LoadError::Unreadable {
            from: from.into(),
            reason: error.to_string(),
        })?;
    let mut compare = Compare {
        path: Vec::new(),
        tensors: tensors
            .into_iter()
            .map(|tensor| (tensor.name, (tensor.shape, tensor.dtype)))
            .collect(),
        mismatch: Mismatch::default(),
    };
    module.visit(&mut compare);
    let mut mismatch = compare.mismatch;
    mismatch.unused = compare.tensors.into_keys().collect();
    if mismatch.is_empty() {
        Ok(())
    } else {
        Err(LoadError::Mismatch {
            from: from.into(),
            mismatch,
        })
    }
}

/// Takes out of `tensors` what the module has, and notes what does not fit.
struct Compare {
    path: Vec<String>,
    tensors: BTreeMap<String, (Shape, DType)>,
    mismatch: Mismatch,
}

impl Compare {
    fn expect(&mut self, shape: Shape, device: Device, kind: &str, fits: fn(&DType) -> bool) {
        let path = self.path.join(".");
        let Some((found, dtype)) = self.tensors.remove(&path) else {
            self.mismatch.missing.push(path);
            return;
        };
        if found != shape {
            self.mismatch.shapes.push(ShapeMismatch {
                path: path.clone(),
                expected: shape.to_vec(),
                found: found.to_vec(),
            });
        }
        if !fits(&dtype) {
            let problem = format!("{path}: holds {dtype:?}, the module wants {kind}");
            self.mismatch.types.push(problem);
        } else if kind == "floats" && !device.supports_dtype(dtype) {
            let problem = format!("{path}: {dtype:?}, which the device does not support");
            self.mismatch.types.push(problem);
        }
    }
}

impl ModuleVisitor for Compare {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(String::from(name));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let fits = |dtype: &DType| dtype.is_float() || matches!(dtype, DType::QFloat(_));
        self.expect(param.lazy_shape(), param.lazy_device(), "floats", fits);
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        let fits = |dtype: &DType| dtype.is_int() || dtype.is_uint();
        self.expect(param.lazy_shape(), param.lazy_device(), "integers", fits);
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        self.expect(
            param.lazy_shape(),
            param.lazy_device(),
            "booleans",
            DType::is_bool,
        );
    }
}
