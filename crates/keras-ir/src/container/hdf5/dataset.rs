//! Datasets as tensors: what they declare is checked before anything is read.

use std::sync::Arc;

use hdf5::{ChunkIndex, Dataset, Datatype, DatatypeByteOrder, Error, FloatingPointLayout, Layout};

use super::Inner;
use super::meter::Budget;
use crate::container::tensor::{Decode, Elements, byte_len, swap_bytes};
use crate::container::{ByteView, ContainerError, Dtype, StoredTensor};

/// HDF5's own limit.
const MOST_AXES: usize = 32;
/// Bytes that a compressed or unwritten dataset may make out of nothing.
const FREE_EXPANSION: u64 = 64 << 20;
/// How many times its stored length a compressed dataset may expand to beyond that. Deflate reaches
/// 1,032 on constant data; trained weights hardly reach 2.
const MOST_EXPANSION: u64 = 256;
/// Filters one after the other; honest files have up to three.
const MOST_FILTERS: usize = 8;

/// What a dataset declares about itself.
struct Declared {
    shape: Vec<u64>,
    element: Result<Element, String>,
    layout: Layout,
    filters: usize,
}

#[derive(Clone, Copy)]
struct Element {
    dtype: Dtype,
    big_endian: bool,
}

/// The tensor at `path`.
pub(super) fn tensor(file: &Arc<Inner>, path: &str) -> Result<StoredTensor, ContainerError> {
    let dataset = file.dataset(path)?;
    let Declared {
        shape: declared_shape,
        element,
        layout,
        filters,
    } = file.run(path, "dataset", || declared(&dataset))?;
    let element = element.map_err(|found| ContainerError::UnsupportedDtype {
        file: file.name.clone(),
        path: path.to_owned(),
        found,
    })?;
    let dtype = element.dtype;
    let shape = file.shape(path, &declared_shape)?;
    let len = byte_len(&shape, dtype).ok_or_else(|| file.too_large(path, u64::MAX, 0))?;
    file.check_expansion(path, len as u64, file.bytes.len() as u64)?;

    let encoded = || {
        Elements::Encoded(Box::new(Encoded {
            file: Arc::clone(file),
            dataset: dataset.clone(),
            path: path.to_owned(),
            chunk_len: None,
            element,
            len,
        }))
    };
    let elements = match layout {
        Layout::Virtual => {
            return Err(file.unsupported(path, "a virtual dataset, made of other datasets"));
        }
        _ if len == 0 => Elements::Plain(ByteView::from_vec(Vec::new())),
        Layout::Compact { size } => {
            file.check_size(path, size, len)?;
            encoded()
        }
        Layout::Contiguous {
            address: Some(start),
            size,
        } => {
            file.check_size(path, size, len)?;
            let bytes = usize::try_from(start)
                .ok()
                .and_then(|start| file.bytes.slice(start..start.checked_add(len)?))
                .ok_or_else(|| ContainerError::OutOfBounds {
                    file: file.name.clone(),
                    path: path.to_owned(),
                    start,
                    bytes: size,
                    file_bytes: file.bytes.len() as u64,
                })?;
            if element.big_endian {
                Elements::Swapped(bytes)
            } else {
                Elements::Plain(bytes)
            }
        }
        Layout::Contiguous { address: None, .. } => {
            // Never written, unless the elements are in another file: asking for no rows tells.
            file.run(path, "dataset", || dataset.read_raw_rows(0, 0))?;
            file.check_expansion(path, len as u64, 0)?;
            encoded()
        }
        Layout::Chunked { chunk_shape, index } => {
            let chunk_len = file.chunk_len(path, &chunk_shape, &declared_shape, index, dtype)?;
            if filters > MOST_FILTERS {
                return Err(file.unsupported(path, format!("{filters} filters")));
            }
            Elements::Encoded(Box::new(Encoded {
                file: Arc::clone(file),
                dataset: dataset.clone(),
                path: path.to_owned(),
                chunk_len: Some((chunk_len, filters > 0)),
                element,
                len,
            }))
        }
        _ => return Err(file.unsupported(path, "an unknown storage layout")),
    };
    Ok(StoredTensor::new(
        path.to_owned(),
        shape,
        dtype,
        len,
        elements,
    ))
}

fn declared(dataset: &Dataset) -> Result<Declared, Error> {
    let datatype = dataset.datatype()?;
    let tag = match datatype {
        Datatype::Opaque { .. } => dataset.attrs()?.remove("dtype"),
        _ => None,
    };
    let tag = tag.as_ref().and_then(|tag| tag.as_str());
    Ok(Declared {
        shape: dataset.shape()?,
        element: element(&datatype, tag),
        layout: dataset.layout()?,
        filters: dataset.filters().len(),
    })
}

/// The element type, or words for one that is not supported.
fn element(datatype: &Datatype, tag: Option<&str>) -> Result<Element, String> {
    let refused = || match tag {
        Some(tag) => format!("{} tagged {tag:?}", words(datatype)),
        None => words(datatype),
    };
    let (dtype, order) = match datatype {
        Datatype::FloatingPoint {
            size,
            byte_order,
            layout,
        } => {
            let odd = || format!("{} whose layout is not that of IEEE 754", refused());
            (float(*size, layout).ok_or_else(odd)?, byte_order)
        }
        Datatype::FixedPoint {
            size,
            byte_order,
            layout,
        } if layout.bit_offset == 0 && u32::from(layout.bit_precision) == size * 8 => {
            let dtype = match (size, layout.signed) {
                (1, true) => Dtype::I8,
                (2, true) => Dtype::I16,
                (4, true) => Dtype::I32,
                (8, true) => Dtype::I64,
                (1, false) => Dtype::U8,
                (2, false) => Dtype::U16,
                (4, false) => Dtype::U32,
                (8, false) => Dtype::U64,
                _ => return Err(refused()),
            };
            (dtype, byte_order)
        }
        // NumPy has no bfloat16, so Keras writes two opaque bytes and says so.
        Datatype::Opaque { size: 2, .. } if tag == Some("bfloat16") => {
            (Dtype::Bf16, &DatatypeByteOrder::LittleEndian)
        }
        // As h5py writes NumPy's bool.
        Datatype::Enumeration {
            size: 1, members, ..
        } if members.len() == 2
            && members.iter().all(|member| match member.name.as_str() {
                "FALSE" => member.value == [0],
                "TRUE" => member.value == [1],
                _ => false,
            }) =>
        {
            (Dtype::Bool, &DatatypeByteOrder::LittleEndian)
        }
        _ => return Err(refused()),
    };
    match order {
        DatatypeByteOrder::LittleEndian => Ok(Element {
            dtype,
            big_endian: false,
        }),
        DatatypeByteOrder::BigEndian => Ok(Element {
            dtype,
            big_endian: true,
        }),
        DatatypeByteOrder::Vax => Err(refused()),
    }
}

/// A type in words: its first hundred characters, for a file can nest types without end.
pub(super) fn words(datatype: &Datatype) -> String {
    let words = datatype.to_string();
    match words.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
        None => words,
    }
}

/// The float type of exactly this layout.
fn float(size: u32, layout: &FloatingPointLayout) -> Option<Dtype> {
    const fn of(bits: u16, exponent: u8, mantissa: u8) -> FloatingPointLayout {
        FloatingPointLayout {
            bit_offset: 0,
            bit_precision: bits,
            exponent_location: mantissa,
            exponent_size: exponent,
            mantissa_location: 0,
            mantissa_size: mantissa,
            exponent_bias: (1 << (exponent - 1)) - 1,
        }
    }
    [
        (2, of(16, 5, 10), Dtype::F16),
        (2, of(16, 8, 7), Dtype::Bf16),
        (4, of(32, 8, 23), Dtype::F32),
        (8, of(64, 11, 52), Dtype::F64),
    ]
    .into_iter()
    .find_map(|(bytes, known, dtype)| (bytes == size && known == *layout).then_some(dtype))
}

/// Elements that the HDF5 crate has to gather or decompress.
struct Encoded {
    file: Arc<Inner>,
    dataset: Dataset,
    path: String,
    /// The length of a decoded chunk, and whether chunks are filtered.
    chunk_len: Option<(u64, bool)>,
    element: Element,
    len: usize,
}

impl Decode for Encoded {
    fn decode(&self) -> Result<Vec<u8>, ContainerError> {
        let Self {
            file,
            dataset,
            path,
            ..
        } = self;
        let file_len = file.bytes.len() as u64;
        if let Some((chunk_len, filtered)) = self.chunk_len {
            self.check_chunks(chunk_len, filtered)?;
        }
        // Chunks that lie side by side are read together, so none is read twice.
        let payload = file_len.saturating_mul(2).saturating_add(1 << 20);
        let budget = Budget::elements(file.bytes.len(), payload);
        let read = || dataset.read_raw();
        let mut bytes = file.run_within(budget, path, "dataset", read)?;
        if bytes.len() != self.len {
            let reason = format!("{} bytes for a tensor of {}", bytes.len(), self.len);
            return Err(file.malformed(path, reason));
        }
        if self.element.big_endian {
            swap_bytes(&mut bytes, self.element.dtype);
        }
        Ok(bytes)
    }
}

impl Encoded {
    fn check_chunks(&self, chunk_len: u64, filtered: bool) -> Result<(), ContainerError> {
        let (file, path) = (&self.file, self.path.as_str());
        let file_len = file.bytes.len() as u64;
        let chunks = file.run(path, "dataset", || self.dataset.chunks())?;
        let mut stored = 0_u64;
        for chunk in &chunks {
            let (start, bytes) = (chunk.address, chunk.storage_size);
            if start.checked_add(bytes).is_none_or(|end| end > file_len) {
                return Err(ContainerError::OutOfBounds {
                    file: file.name.clone(),
                    path: path.to_owned(),
                    start,
                    bytes,
                    file_bytes: file_len,
                });
            }
            if !filtered && bytes != chunk_len {
                let reason = format!("a chunk of {bytes} bytes in place of {chunk_len}");
                return Err(file.malformed(path, reason));
            }
            stored = stored.saturating_add(bytes);
        }
        if stored > file_len {
            return Err(file.malformed(path, "chunks that overlap"));
        }
        file.check_expansion(path, chunk_len, stored)?;
        file.check_expansion(path, self.len as u64, stored)
    }
}

impl Inner {
    fn shape(&self, path: &str, declared: &[u64]) -> Result<Vec<usize>, ContainerError> {
        if declared.len() > MOST_AXES {
            return Err(self.malformed(path, format!("{} axes", declared.len())));
        }
        declared
            .iter()
            .map(|&axis| usize::try_from(axis).map_err(|_| self.too_large(path, axis, 0)))
            .collect()
    }

    /// The length of one chunk, decoded.
    fn chunk_len(
        &self,
        path: &str,
        chunk_shape: &[u64],
        shape: &[u64],
        index: ChunkIndex,
        dtype: Dtype,
    ) -> Result<u64, ContainerError> {
        // Resizable along several axes, or along one in the newest format: the first cannot be
        // read, the second lets a header of a few bytes ask for any amount of memory.
        if matches!(index, ChunkIndex::BTreeV2 | ChunkIndex::ExtensibleArray) {
            return Err(self.unsupported(path, format!("chunks with an index of kind {index}")));
        }
        if chunk_shape.len() != shape.len() || chunk_shape.contains(&0) {
            let reason = format!("chunks of shape {chunk_shape:?} for a tensor of {shape:?}");
            return Err(self.malformed(path, reason));
        }
        let mut chunk_len = dtype.size() as u64;
        let mut chunks = 1_u64;
        for (&chunk, &axis) in chunk_shape.iter().zip(shape) {
            chunk_len = chunk_len.saturating_mul(chunk);
            chunks = chunks.saturating_mul(axis.div_ceil(chunk));
        }
        let file_len = self.bytes.len() as u64;
        self.check_expansion(path, chunk_len, file_len)?;
        // Each chunk takes some bytes of index and some of data.
        let most_chunks = file_len / 32 + 1024;
        if chunks > most_chunks {
            let reason = format!("{chunks} chunks in a file of {file_len} bytes");
            return Err(self.malformed(path, reason));
        }
        Ok(chunk_len)
    }

    /// Refuses what expands further than honest data of `stored` bytes do.
    fn check_expansion(&self, path: &str, bytes: u64, stored: u64) -> Result<(), ContainerError> {
        let limit = stored
            .saturating_mul(MOST_EXPANSION)
            .saturating_add(FREE_EXPANSION);
        if bytes > limit {
            return Err(self.too_large(path, bytes, limit));
        }
        Ok(())
    }

    fn check_size(&self, path: &str, size: u64, len: usize) -> Result<(), ContainerError> {
        if size == len as u64 {
            return Ok(());
        }
        Err(self.malformed(path, format!("{size} bytes for a tensor of {len}")))
    }

    fn too_large(&self, path: &str, bytes: u64, limit: u64) -> ContainerError {
        ContainerError::TooLarge {
            file: self.name.clone(),
            path: path.to_owned(),
            bytes,
            limit,
        }
    }
}
