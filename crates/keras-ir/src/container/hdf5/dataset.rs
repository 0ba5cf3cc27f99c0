//! Datasets as tensors: what they declare is checked before anything is read.

use std::borrow::Cow;
use std::sync::Arc;

use hdf5::{
    ChunkIndex, Dataset, Datatype, DatatypeByteOrder, EnumTypeBuilder, Error, FloatingPointLayout,
    Layout,
};

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

/// A dataset that has been found.
pub(super) struct DatasetNode {
    dataset: Dataset,
    declared: Result<Declared, String>,
}

impl DatasetNode {
    /// To be called where the dataset is found; see [`meter`](super::meter).
    pub(super) fn new(dataset: Dataset) -> Self {
        Self {
            declared: declared(&dataset).map_err(|error| error.to_string()),
            dataset,
        }
    }

    pub(super) fn dataset(&self) -> &Dataset {
        &self.dataset
    }
}

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
    let node = file.dataset(path)?;
    let declared = node.declared.as_ref();
    let declared = declared.map_err(|reason| file.malformed(path, reason))?;
    let unsupported = |found: &String| ContainerError::UnsupportedDtype {
        file: file.name.clone(),
        path: path.to_owned(),
        found: found.clone(),
    };
    let Element { dtype, big_endian } = *declared.element.as_ref().map_err(unsupported)?;
    let shape = file.shape(path, &declared.shape)?;
    let len = byte_len(&shape, dtype).ok_or_else(|| file.too_large(path, u64::MAX))?;
    file.check_expansion(path, len as u64, file.bytes.len() as u64)?;
    let elements = match file.storage(path, &node.dataset, declared, dtype, len)? {
        Storage::InPlace(bytes) if big_endian => Elements::Swapped(bytes),
        Storage::InPlace(bytes) => Elements::Plain(bytes),
        Storage::Encoded(chunks) => Elements::Encoded(Box::new(Encoded {
            file: Arc::clone(file),
            node: Arc::clone(&node),
            path: path.to_owned(),
            chunks,
            shape: shape.clone(),
            element: Element { dtype, big_endian },
            len,
        })),
    };
    let path = path.to_owned();
    Ok(StoredTensor::new(path, shape, dtype, len, elements))
}

/// How the elements are stored, after all checks that need no reading.
enum Storage {
    /// In one piece.
    InPlace(ByteView),
    /// In the header, in chunks, or nowhere because they were never written.
    Encoded(Option<Chunks>),
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
        } if layout.bit_offset == 0 && u64::from(layout.bit_precision) == u64::from(*size) * 8 => {
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
    FLOATS
        .into_iter()
        .find_map(|(bytes, known, dtype)| (bytes == size && known == *layout).then_some(dtype))
}

/// The floats of IEEE 754, and bfloat16.
const FLOATS: [(u32, FloatingPointLayout, Dtype); 4] = [
    (2, float_layout(16, 5, 10), Dtype::F16),
    (2, float_layout(16, 8, 7), Dtype::Bf16),
    (4, float_layout(32, 8, 23), Dtype::F32),
    (8, float_layout(64, 11, 52), Dtype::F64),
];

const fn float_layout(bits: u16, exponent: u8, mantissa: u8) -> FloatingPointLayout {
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

/// The type under which h5py writes NumPy's, little-endian.
pub(crate) fn datatype(dtype: Dtype) -> Result<Datatype, Error> {
    Ok(match dtype {
        Dtype::Bf16 => Datatype::Opaque {
            size: 2,
            tag: Vec::new(),
        },
        Dtype::F16 => Datatype::FloatingPoint {
            size: 2,
            byte_order: DatatypeByteOrder::LittleEndian,
            layout: float_layout(16, 5, 10),
        },
        Dtype::F32 => hdf5::make_f32_type(),
        Dtype::F64 => hdf5::make_f64_type(),
        Dtype::I8 => hdf5::make_i8_type(),
        Dtype::I16 => hdf5::make_i16_type(),
        Dtype::I32 => hdf5::make_i32_type(),
        Dtype::I64 => hdf5::make_i64_type(),
        Dtype::U8 => hdf5::make_u8_type(),
        Dtype::U16 => hdf5::make_u16_type(),
        Dtype::U32 => hdf5::make_u32_type(),
        Dtype::U64 => hdf5::make_u64_type(),
        Dtype::Bool => EnumTypeBuilder::with_base(hdf5::make_i8_type())
            .value("FALSE", 0)
            .value("TRUE", 1)
            .build()?,
    })
}

/// Elements that the HDF5 crate has to gather or decompress.
struct Encoded {
    file: Arc<Inner>,
    node: Arc<DatasetNode>,
    path: String,
    chunks: Option<Chunks>,
    shape: Vec<usize>,
    element: Element,
    len: usize,
}

#[derive(Clone, Copy)]
struct Chunks {
    /// Bytes of one chunk when decoded.
    len: u64,
    filtered: bool,
}

impl Decode for Encoded {
    fn decode(&self) -> Result<Cow<'_, [u8]>, ContainerError> {
        let (file, path) = (&self.file, self.path.as_str());
        if let Some(chunks) = self.chunks {
            self.check_chunks(chunks)?;
        }
        let budget = Budget::elements(file.bytes.len());
        let read = || self.node.dataset.read_raw();
        let mut bytes = file.run_within(budget, path, "dataset", read)?;
        if bytes.len() != self.len {
            let reason = format!("{} bytes for a tensor of {}", bytes.len(), self.len);
            return Err(file.malformed(path, reason));
        }
        if self.element.big_endian {
            swap_bytes(&mut bytes, self.element.dtype);
        }
        Ok(Cow::Owned(bytes))
    }
}

impl Encoded {
    fn check_chunks(&self, declared: Chunks) -> Result<(), ContainerError> {
        let (file, path) = (&self.file, self.path.as_str());
        let file_len = file.bytes.len() as u64;
        let budget = Budget::elements(file.bytes.len());
        let list = || self.node.dataset.chunks();
        let chunks = file.run_within(budget, path, "dataset", list)?;
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
            if !declared.filtered && bytes != declared.len {
                let reason = format!("a chunk of {bytes} bytes in place of {}", declared.len);
                return Err(file.malformed(path, reason));
            }
            let inside =
                |(at, axis): (&u64, &usize)| usize::try_from(*at).is_ok_and(|at| at < *axis);
            if !chunk.offset.iter().zip(&self.shape).all(inside) {
                let reason = format!("a chunk at {:?} outside the tensor", chunk.offset);
                return Err(file.malformed(path, reason));
            }
            stored = stored.saturating_add(bytes);
        }
        if stored > file_len {
            return Err(file.malformed(path, "chunks that overlap"));
        }
        file.check_expansion(path, declared.len, stored)?;
        file.check_expansion(path, self.len as u64, stored)
    }
}

impl Inner {
    fn storage(
        &self,
        path: &str,
        dataset: &Dataset,
        declared: &Declared,
        dtype: Dtype,
        len: usize,
    ) -> Result<Storage, ContainerError> {
        match declared.layout {
            Layout::Virtual => {
                Err(self.unsupported(path, "a virtual dataset, made of other datasets"))
            }
            _ if len == 0 => Ok(Storage::InPlace(ByteView::from_vec(Vec::new()))),
            Layout::Compact { size } => {
                self.check_size(path, size, len)?;
                Ok(Storage::Encoded(None))
            }
            Layout::Contiguous { address, size } => {
                self.check_size(path, size, len)?;
                if let Some(start) = address {
                    return self.in_place(path, start, len).map(Storage::InPlace);
                }
                // Never written, or in another file, which asking for no rows tells.
                self.run(path, "dataset", || dataset.read_raw_rows(0, 0))?;
                self.check_expansion(path, len as u64, 0)?;
                Ok(Storage::Encoded(None))
            }
            Layout::Chunked {
                ref chunk_shape,
                index,
            } => {
                if declared.filters > MOST_FILTERS {
                    let feature = format!("{} filters on one dataset", declared.filters);
                    return Err(self.unsupported(path, feature));
                }
                let chunks = Chunks {
                    len: self.chunk_len(path, chunk_shape, &declared.shape, index, dtype)?,
                    filtered: declared.filters > 0,
                };
                Ok(Storage::Encoded(Some(chunks)))
            }
            _ => Err(self.unsupported(path, "an unknown storage layout")),
        }
    }

    fn in_place(&self, path: &str, start: u64, len: usize) -> Result<ByteView, ContainerError> {
        usize::try_from(start)
            .ok()
            .and_then(|start| self.bytes.slice(start..start.checked_add(len)?))
            .ok_or_else(|| ContainerError::OutOfBounds {
                file: self.name.clone(),
                path: path.to_owned(),
                start,
                bytes: len as u64,
                file_bytes: self.bytes.len() as u64,
            })
    }

    fn shape(&self, path: &str, declared: &[u64]) -> Result<Vec<usize>, ContainerError> {
        if declared.len() > MOST_AXES {
            return Err(self.malformed(path, format!("{} axes", declared.len())));
        }
        declared
            .iter()
            .map(|&axis| usize::try_from(axis).map_err(|_| self.too_large(path, axis)))
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
        let limit = most_expanded(stored);
        if bytes <= limit {
            return Ok(());
        }
        Err(ContainerError::TooLarge {
            file: self.name.clone(),
            path: path.to_owned(),
            bytes,
            limit,
        })
    }

    fn check_size(&self, path: &str, size: u64, len: usize) -> Result<(), ContainerError> {
        if size == len as u64 {
            return Ok(());
        }
        Err(self.malformed(path, format!("{size} bytes for a tensor of {len}")))
    }

    fn too_large(&self, path: &str, bytes: u64) -> ContainerError {
        ContainerError::TooLarge {
            file: self.name.clone(),
            path: path.to_owned(),
            bytes,
            limit: most_expanded(self.bytes.len() as u64),
        }
    }
}

fn most_expanded(stored: u64) -> u64 {
    stored
        .saturating_mul(MOST_EXPANSION)
        .saturating_add(FREE_EXPANSION)
}
