//! Tensors of a container, read when asked for.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::arrangement::{Arranged, Arrangement};
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
    /// Made of other tensors.
    Arranged(Arranged),
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
            let reason = format!(
                "{} bytes do not make {dtype} of shape {shape:?}",
                bytes.len()
            );
            return Err(in_memory(&path, reason));
        }
        let byte_len = bytes.len();
        let elements = Elements::Plain(ByteView::from_vec(bytes));
        Ok(Self::new(path, shape, dtype, byte_len, elements))
    }

    /// A tensor whose elements, little-endian and row-major, `read` makes whenever they are asked
    /// for.
    ///
    /// ```
    /// use keras_ir::container::{Dtype, StoredTensor};
    ///
    /// let ones = StoredTensor::deferred("ones", [2], Dtype::F32, || {
    ///     Ok([1.0_f32; 2].iter().flat_map(|one| one.to_le_bytes()).collect())
    /// })?;
    /// assert_eq!(ones.read_f32()?, [1.0, 1.0]);
    /// # Ok::<(), keras_ir::container::ContainerError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A shape that no address space could hold; when it is read, what `read` says, or elements
    /// that do not fill the shape.
    pub fn deferred(
        path: impl Into<String>,
        shape: impl Into<Vec<usize>>,
        dtype: Dtype,
        read: impl Fn() -> Result<Vec<u8>, ContainerError> + Send + Sync + 'static,
    ) -> Result<Self, ContainerError> {
        let (path, shape) = (path.into(), shape.into());
        let Some(len) = byte_len(&shape, dtype) else {
            return Err(in_memory(&path, format!("shape {shape:?} is too large")));
        };
        let of_tensor = path.clone();
        let elements = Elements::Encoded(Box::new(Deferred {
            path: of_tensor,
            len,
            read,
        }));
        Ok(Self::new(path, shape, dtype, len, elements))
    }

    /// A tensor that is made of `sources` whenever it is read; its path is that of the first.
    ///
    /// ```
    /// use keras_ir::container::{Arrangement, Dtype, StoredTensor};
    ///
    /// let kernel = StoredTensor::from_parts("W", [1, 2, 3], Dtype::U8, vec![1, 2, 3, 4, 5, 6])?;
    /// let arrangement = Arrangement { permutation: vec![2, 1, 0], reversed: vec![0], dropped: vec![2] };
    /// let turned = StoredTensor::arranged(vec![kernel], arrangement)?;
    /// assert_eq!(turned.shape(), [3, 2]);
    /// assert_eq!(turned.read()?.as_ref(), [3, 6, 2, 5, 1, 4]);
    /// # Ok::<(), keras_ir::container::ContainerError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Sources that cannot be joined, or that the arrangement does not fit.
    pub fn arranged(sources: Vec<Self>, arrangement: Arrangement) -> Result<Self, ContainerError> {
        let (path, dtype) = match sources.first() {
            Some(first) => (first.path().to_owned(), first.dtype()),
            None => (String::new(), Dtype::U8),
        };
        let refuse = |reason: String| in_memory(&path, reason);
        let arranged = Arranged::new(sources, arrangement).map_err(refuse)?;
        let shape = arranged.shape();
        let byte_len = byte_len(&shape, dtype).ok_or_else(|| refuse("too large".into()))?;
        let elements = Elements::Arranged(arranged);
        Ok(Self::new(path.clone(), shape, dtype, byte_len, elements))
    }

    /// The tensors of the file that this one is made of: itself, unless it is
    /// [`arranged`](Self::arranged).
    #[must_use]
    pub fn sources(&self) -> &[Self] {
        match &self.inner.elements {
            Elements::Arranged(arranged) => arranged.sources(),
            _ => std::slice::from_ref(self),
        }
    }

    /// `sources` as this tensor is made of its own: what belongs to a weight element by element,
    /// and is stored like it.
    ///
    /// # Errors
    ///
    /// Sources that cannot be joined, or that the arrangement does not fit.
    pub fn arrange_alike(&self, sources: Vec<Self>) -> Result<Self, ContainerError> {
        match (&self.inner.elements, <[Self; 1]>::try_from(sources)) {
            (Elements::Arranged(arranged), sources) => {
                let sources = sources.map_or_else(|sources| sources, Vec::from);
                Self::arranged(sources, arranged.arrangement().clone())
            }
            (_, Ok([source])) => Ok(source),
            (_, Err(sources)) => Self::arranged(sources, Arrangement::default()),
        }
    }

    /// The elements of each of the [`sources`](Self::sources) of a tensor like this one that has
    /// `elements`: the way back of an arrangement.
    ///
    /// # Errors
    ///
    /// Elements that do not fill the shape.
    pub fn divide(&self, elements: Vec<u8>) -> Result<Vec<Vec<u8>>, ContainerError> {
        if elements.len() != self.inner.byte_len {
            let (found, expected) = (elements.len(), self.inner.byte_len);
            let reason = format!("{found} bytes for a tensor of {expected}");
            return Err(in_memory(&self.inner.path, reason));
        }
        Ok(match &self.inner.elements {
            Elements::Arranged(arranged) => arranged.divide(&elements),
            _ => vec![elements],
        })
    }

    /// The same elements under another path.
    ///
    /// ```
    /// use keras_ir::container::{Dtype, StoredTensor};
    ///
    /// let bias = StoredTensor::from_parts("layers/dense/vars/1", [2], Dtype::U8, vec![1, 2])?;
    /// let moved = bias.moved("model_weights/dense/dense/bias");
    /// assert_eq!(moved.path(), "model_weights/dense/dense/bias");
    /// assert_eq!(moved.read()?, bias.read()?);
    /// # Ok::<(), keras_ir::container::ContainerError>(())
    /// ```
    #[must_use]
    pub fn moved(&self, path: impl Into<String>) -> Self {
        let elements = Elements::Encoded(Box::new(Moved(self.clone())));
        let (shape, dtype) = (self.shape().to_vec(), self.dtype());
        Self::new(path.into(), shape, dtype, self.byte_len(), elements)
    }

    /// Where the elements lie in `file`, if they lie there in one piece.
    pub(crate) fn place_in(&self, file: &ByteView) -> Option<Place> {
        let (view, big_endian) = match &self.inner.elements {
            Elements::Plain(view) => (view, false),
            Elements::Swapped(view) => (view, true),
            Elements::Encoded(_) | Elements::Arranged(_) => return None,
        };
        let range = view.range_in(file)?;
        Some(Place { range, big_endian })
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

    /// Whether this is a clone of `other`: the same tensor, not only equal elements.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
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
            Elements::Arranged(arranged) => arranged.read().map(Cow::Owned),
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

/// Where elements lie in a file.
pub(crate) struct Place {
    /// The bytes.
    pub range: Range<usize>,
    /// Whether each element has its highest byte first.
    pub big_endian: bool,
}

/// Elements that a function makes.
struct Deferred<F> {
    path: String,
    len: usize,
    read: F,
}

impl<F> Decode for Deferred<F>
where
    F: Fn() -> Result<Vec<u8>, ContainerError> + Send + Sync,
{
    fn decode(&self) -> Result<Cow<'_, [u8]>, ContainerError> {
        let bytes = (self.read)()?;
        if bytes.len() == self.len {
            return Ok(Cow::Owned(bytes));
        }
        let reason = format!("{} bytes for a tensor of {}", bytes.len(), self.len);
        Err(in_memory(&self.path, reason))
    }
}

/// The elements of another tensor.
struct Moved(StoredTensor);

impl Decode for Moved {
    fn decode(&self) -> Result<Cow<'_, [u8]>, ContainerError> {
        self.0.read()
    }
}

/// What is wrong with a tensor that no file holds.
fn in_memory(path: &str, reason: String) -> ContainerError {
    ContainerError::Malformed {
        file: "memory".to_owned(),
        path: path.to_owned(),
        reason,
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
pub(crate) fn swap_bytes(bytes: &mut [u8], dtype: Dtype) {
    if dtype.size() > 1 {
        bytes
            .chunks_exact_mut(dtype.size())
            .for_each(<[u8]>::reverse);
    }
}
