//! TensorFlow's checkpoints, from which SavedModels take their weights.
//!
//! ```text
//! <prefix>.index                  a table: key → dtype, shape, shard, offset, size, checksum
//! <prefix>.data-00000-of-00001    a shard: tensors, one after the other
//! ```
//!
//! Keys are no paths of objects: a tensor is found by the graph of objects, which is one of the
//! tensors.

mod objects;
pub(crate) mod proto;
mod table;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use prost::Message;

use super::tensor::{Decode, Elements, byte_len, swap_bytes};
use super::{ByteView, ContainerError, Dtype, StoredTensor};
pub use objects::{Object, Objects, Slot, Variable};
use proto::{BundleEntry, BundleHeader};

/// The key of the graph of objects.
const OBJECTS: &str = "_CHECKPOINTABLE_OBJECT_GRAPH";

/// A checkpoint: tensors by key, and the objects that own them.
pub struct Checkpoint {
    name: String,
    is_big_endian: bool,
    entries: BTreeMap<Vec<u8>, BundleEntry>,
    shards: Vec<ByteView>,
    objects: Objects,
}

impl Checkpoint {
    /// Maps the index and the shards of the checkpoint whose files begin with `prefix`
    /// (`variables/variables`).
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or is no part of a checkpoint.
    pub fn open(prefix: &Path) -> Result<Self, ContainerError> {
        let name = prefix.display().to_string();
        let map = |end: &str| {
            let mut path = prefix.as_os_str().to_owned();
            path.push(end);
            ByteView::map(path.as_ref()).map_err(|source| ContainerError::Io {
                file: format!("{name}{end}"),
                source,
            })
        };
        let index = map(".index")?;
        Self::from_views(&name, &index, |shard, count| {
            map(&format!(".data-{shard:05}-of-{count:05}"))
        })
    }

    /// Reads a checkpoint whose index is at hand; `shard` gives each shard by its number and their
    /// count. Messages call it `name`.
    ///
    /// # Errors
    ///
    /// When `shard` gives none, or these are no parts of a checkpoint.
    pub fn from_views(
        name: &str,
        index: &[u8],
        shard: impl Fn(usize, usize) -> Result<ByteView, ContainerError>,
    ) -> Result<Self, ContainerError> {
        let malformed = |reason: String| ContainerError::Malformed {
            file: name.to_owned(),
            path: "index".to_owned(),
            reason,
        };
        let mut header = None;
        let mut entries = BTreeMap::new();
        table::read(index, &mut |key, value| {
            let failed = |error: prost::DecodeError| error.to_string();
            if key.is_empty() {
                header = Some(BundleHeader::decode(value).map_err(failed)?);
            } else {
                let entry = BundleEntry::decode(value).map_err(failed)?;
                entries.insert(key.to_owned(), entry);
            }
            Ok(())
        })
        .map_err(malformed)?;
        let header = header.ok_or_else(|| malformed("it has no header".into()))?;
        let count = usize::try_from(header.num_shards)
            .map_err(|_| malformed(format!("it declares {} shards", header.num_shards)))?;
        // The first shard that is not there ends this, however many are declared.
        let mut shards = Vec::new();
        for number in 0..count {
            shards.push(shard(number, count)?);
        }
        let mut checkpoint = Self {
            name: name.to_owned(),
            is_big_endian: header.endianness != 0,
            entries,
            shards,
            objects: Objects::default(),
        };
        let graph = checkpoint.string(OBJECTS)?;
        checkpoint.objects =
            Objects::read(&graph).map_err(|reason| checkpoint.malformed(OBJECTS, reason))?;
        Ok(checkpoint)
    }

    /// The name of the checkpoint, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The objects that own the tensors.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The tensor of this key: a view of its shard, whose checksum is verified when it is read.
    ///
    /// # Errors
    ///
    /// When there is none, or it contradicts its shard.
    pub fn tensor(&self, key: &str) -> Result<StoredTensor, ContainerError> {
        let entry = self.entry(key)?;
        let dtype = proto::dtype(entry.dtype).ok_or_else(|| ContainerError::UnsupportedDtype {
            file: self.name.clone(),
            path: key.to_owned(),
            found: match entry.dtype {
                proto::STRING => "string".to_owned(),
                other => format!("number {other} of TensorFlow's"),
            },
        })?;
        let shape = self.shape(key, entry)?;
        let bytes = self.bytes(key, entry)?;
        let byte_len = bytes.len();
        if self::byte_len(&shape, dtype) != Some(byte_len) {
            let reason = format!("{byte_len} bytes do not make {dtype} of shape {shape:?}");
            return Err(self.malformed(key, reason));
        }
        let elements = Summed {
            file: self.name.clone(),
            path: key.to_owned(),
            bytes,
            crc: entry.crc32c,
            swapped: self.is_big_endian.then_some(dtype),
        };
        let elements = Elements::Encoded(Box::new(elements));
        let path = key.to_owned();
        Ok(StoredTensor::new(path, shape, dtype, byte_len, elements))
    }

    /// The only string of a tensor.
    fn string(&self, key: &str) -> Result<ByteView, ContainerError> {
        let malformed = |reason: &str| self.malformed(key, reason.to_owned());
        let entry = self.entry(key)?;
        if entry.dtype != proto::STRING || !self.shape(key, entry)?.is_empty() {
            return Err(malformed("it should be one string"));
        }
        // The length, a checksum of it, the string.
        let bytes = self.bytes(key, entry)?;
        let mut rest = &bytes[..];
        let length = prost::decode_length_delimiter(&mut rest)
            .map_err(|error| self.malformed(key, error.to_string()))?;
        let Some((sum, text)) = rest.split_first_chunk::<4>() else {
            return Err(malformed("it ends before its text"));
        };
        if text.len() != length {
            return Err(malformed("it is not as long as it declares"));
        }
        let of_length = match u32::try_from(length) {
            Ok(length) => crc32c::crc32c(&length.to_le_bytes()),
            Err(_) => crc32c::crc32c(&(length as u64).to_le_bytes()),
        };
        let whole = crc32c::crc32c_append(crc32c::crc32c_append(of_length, sum), text);
        if u32::from_le_bytes(*sum) != mask(of_length) || entry.crc32c != mask(whole) {
            return Err(malformed(OTHER_CHECKSUM));
        }
        let start = bytes.len() - text.len();
        let text = bytes.slice(start..bytes.len());
        text.ok_or_else(|| malformed("it ends before its text"))
    }

    fn entry(&self, key: &str) -> Result<&BundleEntry, ContainerError> {
        let entry = self.entries.get(key.as_bytes());
        let entry = entry.ok_or_else(|| ContainerError::MissingObject {
            file: self.name.clone(),
            path: key.to_owned(),
            expected: "tensor",
        })?;
        if entry.slices.is_empty() {
            return Ok(entry);
        }
        Err(ContainerError::Unsupported {
            file: self.name.clone(),
            path: key.to_owned(),
            feature: "a variable in several parts".to_owned(),
        })
    }

    fn shape(&self, key: &str, entry: &BundleEntry) -> Result<Vec<usize>, ContainerError> {
        let shape = entry.shape.clone().unwrap_or_default();
        let dims = shape.dims.iter().map(|dim| usize::try_from(dim.size));
        match dims.collect::<Result<Vec<_>, _>>() {
            Ok(dims) if !shape.unknown_rank => Ok(dims),
            _ => Err(self.malformed(key, "it has no certain shape".to_owned())),
        }
    }

    /// Where the tensor lies.
    fn bytes(&self, key: &str, entry: &BundleEntry) -> Result<ByteView, ContainerError> {
        let shard = usize::try_from(entry.shard).ok();
        let Some(shard) = shard.and_then(|shard| self.shards.get(shard)) else {
            let count = self.shards.len();
            let reason = format!("it lies in shard {} of {count}", entry.shard);
            return Err(self.malformed(key, reason));
        };
        let range = usize::try_from(entry.offset).ok().and_then(|start| {
            let size = usize::try_from(entry.size).ok()?;
            Some(start..start.checked_add(size)?)
        });
        let view = range.and_then(|range| shard.slice(range));
        view.ok_or_else(|| ContainerError::OutOfBounds {
            file: format!("{} (shard {})", self.name, entry.shard),
            path: key.to_owned(),
            start: entry.offset.unsigned_abs(),
            bytes: entry.size.unsigned_abs(),
            file_bytes: shard.len() as u64,
        })
    }

    fn malformed(&self, key: &str, reason: String) -> ContainerError {
        ContainerError::Malformed {
            file: self.name.clone(),
            path: key.to_owned(),
            reason,
        }
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Checkpoint").field(&self.name).finish()
    }
}

const OTHER_CHECKSUM: &str = "its bytes have another checksum: the file is damaged";

/// Elements with a checksum.
struct Summed {
    file: String,
    path: String,
    bytes: ByteView,
    crc: u32,
    /// The type, where the elements are big-endian.
    swapped: Option<Dtype>,
}

impl Decode for Summed {
    fn decode(&self) -> Result<Cow<'_, [u8]>, ContainerError> {
        if masked_crc(&self.bytes) != self.crc {
            return Err(ContainerError::Malformed {
                file: self.file.clone(),
                path: self.path.clone(),
                reason: OTHER_CHECKSUM.to_owned(),
            });
        }
        let Some(dtype) = self.swapped else {
            return Ok(Cow::Borrowed(&self.bytes));
        };
        let mut bytes = self.bytes.to_vec();
        swap_bytes(&mut bytes, dtype);
        Ok(Cow::Owned(bytes))
    }
}

/// The checksum of `bytes`, as checkpoints store it.
fn masked_crc(bytes: &[u8]) -> u32 {
    mask(crc32c::crc32c(bytes))
}

/// Makes a checksum other than that of bytes which hold their own.
fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}
