//! Bytes of a file, mapped or in memory, shared without copying.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

/// A part of a mapped file or of a buffer: cheap to clone and to cut.
#[derive(Clone)]
pub struct ByteView {
    owner: Arc<Owner>,
    range: Range<usize>,
}

enum Owner {
    Map(Mmap),
    Memory(Vec<u8>),
}

impl Owner {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Map(map) => map,
            Self::Memory(bytes) => bytes,
        }
    }
}

impl ByteView {
    /// Maps a regular file. Nothing is read before it is asked for.
    ///
    /// The file must not change while the view lives: a file that another process cuts short takes
    /// this process down with a bus error, as with every memory map.
    pub fn map(path: &Path) -> io::Result<Self> {
        // Asked before opening, because opening a named pipe would wait for a writer.
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        let file = File::open(path)?;
        #[allow(unsafe_code)]
        // SAFETY: the map is private to this view and read-only, and every read goes through a
        // slice of plain bytes that is checked against the length at mapping time, so no byte
        // value can break an invariant. What remains is that another process changes or cuts the
        // file meanwhile; that cannot be ruled out on any system, and is documented above.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(Self::whole(Owner::Map(map)))
    }

    /// A view of bytes in memory.
    #[must_use]
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        Self::whole(Owner::Memory(bytes))
    }

    /// The part of this view at `range`; `None` where it lies outside.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        if range.start > range.end || range.end > self.len() {
            return None;
        }
        let start = self.range.start + range.start;
        Some(Self {
            owner: Arc::clone(&self.owner),
            range: start..start + range.len(),
        })
    }

    /// Where this view lies in `outer`, if it is a part of it.
    pub(crate) fn range_in(&self, outer: &Self) -> Option<Range<usize>> {
        let is_inside = Arc::ptr_eq(&self.owner, &outer.owner)
            && outer.range.start <= self.range.start
            && self.range.end <= outer.range.end;
        let start = self.range.start.checked_sub(outer.range.start)?;
        is_inside.then(|| start..start + self.range.len())
    }

    fn whole(owner: Owner) -> Self {
        let range = 0..owner.bytes().len();
        Self {
            owner: Arc::new(owner),
            range,
        }
    }
}

impl Deref for ByteView {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // The range is inside by construction; an empty slice stands for what cannot happen.
        self.owner.bytes().get(self.range.clone()).unwrap_or(&[])
    }
}

impl AsRef<[u8]> for ByteView {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for ByteView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match *self.owner {
            Owner::Map(_) => "map",
            Owner::Memory(_) => "memory",
        };
        write!(f, "ByteView({kind}, {} bytes)", self.range.len())
    }
}
