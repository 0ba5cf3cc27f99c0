//! Tensors of a container, read when asked for.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::{ByteView, ContainerError, Dtype};

/// A tensor in a container: cheap to clone, nothing read before it is asked for.
#[derive(Clone)]
pub struct StoredTensor {
    inner: Arc<Inner>,
}

struct Inner {
    path: String,
    shape: Vec<usize>,
    dtype: Dtype,
    byte_len: usize,
    elements: Elements,
}

/// Where the elements of a tensor come from.
pub(super) enum Elements {
    /// Little-endian and in one piece.
    Plain(ByteView),
    /// Big-endian and in one piece.
    Swapped(ByteView),
    /// To be decoded.
    Encoded(Box<dyn Decode>),
}

/// Decodes the elements of one tensor.
pub(super) trait Decode: Send + Sync {
    /// All elements, little-endian and row-major.
    fn decode(&self) -> Result<Cow<'_, [u8]>, ContainerError>;
}

impl StoredTensor {
    /// A tensor of `bytes`, little-endian and row-major, that no file holds.
    pub fn from_parts(
        path: impl Into<String>,
        shape: impl Into<Vec<usize>>,
        dtype: Dtype,
        bytes: Vec<u8>,
    ) -> Result<Self, ContainerError> {
        let (path, shape) = (path.into(), shape.into());
        let expected = byte_len(&shape, dtype);
        if expected != Some(bytes.len()) {
            return Err(ContainerError::Malformed {
                file: "memory".to_owned(),
                path,
                reason: format!(
                    "{} bytes do not make {dtype} of shape {shape:?}",
                    bytes.len()
                ),
            });
        }
        let byte_len = bytes.len();
        let elements = Elements::Plain(ByteView::from_vec(bytes));
        Ok(Self::new(path, shape, dtype, byte_len, elements))
    }

    /// A tensor of a file. The length of the elements has been checked.
    pub(super) fn new(
        path: String,
        shape: Vec<usize>,
        dtype: Dtype,
        byte_len: usize,
        elements: Elements,
    ) -> Self {
        let inner = Arc::new(Inner {
            path,
            shape,
            dtype,
            byte_len,
            elements,
        });
        Self { inner }
    }

    /// The path inside the file.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.inner.path
    }

    /// The lengths of the axes; none for a scalar.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.inner.shape
    }

    /// The type of the elements.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.inner.dtype
    }

    /// The length of all elements in bytes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.inner.byte_len
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.byte_len / self.inner.dtype.size()
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.byte_len == 0
    }

    /// All elements, little-endian and row-major: borrowed from the file where they lie there like
    /// that, decoded otherwise. A borrowed slice need not be aligned.
    pub fn read(&self) -> Result<Cow<'_, [u8]>, ContainerError> {
        match &self.inner.elements {
            Elements::Plain(view) => Ok(Cow::Borrowed(view)),
            Elements::Swapped(view) => {
                let mut bytes = view.to_vec();
                swap_bytes(&mut bytes, self.inner.dtype);
                Ok(Cow::Owned(bytes))
            }
            Elements::Encoded(decoder) => decoder.decode(),
        }
    }

    /// All elements as `f32`, row-major, whatever their type.
    pub fn read_f32(&self) -> Result<Vec<f32>, ContainerError> {
        Ok(self.inner.dtype.to_f32(&self.read()?))
    }

    /// All elements as `f64`, row-major, whatever their type.
    pub fn read_f64(&self) -> Result<Vec<f64>, ContainerError> {
        Ok(self.inner.dtype.to_f64(&self.read()?))
    }
}

impl fmt::Debug for StoredTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.inner;
        write!(
            f,
            "StoredTensor({:?}, {}{:?})",
            inner.path, inner.dtype, inner.shape
        )
    }
}

/// The bytes of a tensor; `None` where no address space could hold them.
pub(super) fn byte_len(shape: &[usize], dtype: Dtype) -> Option<usize> {
    // A zero anywhere makes the tensor empty, whatever the other axes multiply to.
    if shape.contains(&0) {
        return Some(0);
    }
    shape
        .iter()
        .try_fold(dtype.size(), |product, &axis| product.checked_mul(axis))
        .filter(|&bytes| isize::try_from(bytes).is_ok())
}

/// Turns the byte order of every element round.
pub(super) fn swap_bytes(bytes: &mut [u8], dtype: Dtype) {
    if dtype.size() > 1 {
        bytes
            .chunks_exact_mut(dtype.size())
            .for_each(<[u8]>::reverse);
    }
}
