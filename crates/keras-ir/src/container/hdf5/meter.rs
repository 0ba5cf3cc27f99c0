//! Runs calls into the HDF5 crate under limits.
//!
//! The crate allocates what a file declares, follows what it points at as often as it is pointed
//! at, and recurses as deep as types nest. All that work reads the file through a [`Source`], so
//! that is where [`Lifetime::run`] counts and stops it:
//!
//! * structure (headers, trees, heaps) and payload (strings, chunks) each have a budget of bytes;
//! * a read whose bytes multiply in memory (a symbol table whose entries all name one long string,
//!   a long array of references) costs as much as it makes;
//! * nested types take at least eight bytes a level and up to eight KiB of stack in a debug build,
//!   so a long piece of structure is only read on a thread with stack for the deepest nesting that
//!   one message can hold (handles keep headers: types must be looked at in the call that reads
//!   them, unless they are known not to nest);
//! * whatever still panics becomes an error.

use std::any::Any;
use std::cell::RefCell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use hdf5::{Error, FormatError, Source};

use crate::container::ByteView;

/// Bytes of structure that one call may read. A Keras group of 20,000 layers takes three MiB.
const STRUCTURE: u64 = 16 << 20;
/// Bytes of structure that listing a group may read, the headers of its members among them.
const LISTING: u64 = 64 << 20;
/// Bytes of strings that one call may read: the largest model configurations are a few MiB.
const STRINGS: u64 = 64 << 20;
/// Bytes that all calls on one file may read together, except for elements.
const LIFETIME: u64 = 4 << 30;
/// The longest piece of structure read on the caller's stack.
const SHALLOW_READ: usize = 1 << 10;
/// Stack for 8,190 nested types (64 KiB of message) in a debug build.
const DEEP_STACK: usize = 128 << 20;
/// Deeper than any tree of links or attributes can honestly be.
const TREE_DEPTH: u16 = 16;

/// What one call into the HDF5 crate may read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Budget {
    structure: u64,
    payload: u64,
    purpose: Purpose,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Purpose {
    /// To find out about objects.
    #[default]
    Objects,
    /// To read the attributes of one object: all types first, then the strings.
    Attributes,
    /// To read the elements of a tensor, as often as the caller likes.
    Elements,
}

impl Budget {
    /// For reading what a file of `file_len` bytes says about one object.
    pub(super) fn object(file_len: usize) -> Self {
        // Honest calls read a structure once or twice, but some of them over and over in parts.
        Self::new(Purpose::Objects, file_len, 8, STRUCTURE, STRINGS)
    }

    /// For reading all attributes of an object, the values after the types.
    pub(super) fn attributes(file_len: usize) -> Self {
        Self::new(Purpose::Attributes, file_len, 8, STRUCTURE, STRINGS)
    }

    /// For listing a group.
    pub(super) fn listing(file_len: usize) -> Self {
        // The first bytes of every header come as payload.
        Self::new(Purpose::Objects, file_len, 2, LISTING, STRINGS)
    }

    /// For reading the elements of a tensor, or where they are.
    pub(super) fn elements(file_len: usize) -> Self {
        // Chunks that lie side by side are read together, so none is read twice.
        let payload = as_u64(file_len).saturating_mul(2).saturating_add(1 << 20);
        Self::new(Purpose::Elements, file_len, 8, STRUCTURE, payload)
    }

    fn new(purpose: Purpose, file_len: usize, times: u64, structure: u64, payload: u64) -> Self {
        let whole = as_u64(file_len).saturating_mul(times);
        Self {
            structure: whole.saturating_add(64 << 10).min(structure),
            payload,
            purpose,
        }
    }

    /// What a call with `left` of this budget counts for in the life of the file.
    fn spent(self, left: Self) -> u64 {
        if self.purpose == Purpose::Elements {
            return 0;
        }
        (self.structure - left.structure).saturating_add(self.payload - left.payload)
    }
}

/// What all calls on a file have left. Every one of them is cheap enough; a hostile file is about
/// how often it makes its reader call.
pub(super) struct Lifetime(AtomicU64);

impl Default for Lifetime {
    fn default() -> Self {
        Self(AtomicU64::new(LIFETIME))
    }
}

impl Lifetime {
    /// Runs `call` under `budget` and what is left.
    pub(super) fn run<R: Send>(
        &self,
        budget: Budget,
        call: impl Fn() -> Result<R, Error> + Sync,
    ) -> Result<R, Failure> {
        let left = self.0.load(Ordering::Relaxed);
        if left == 0 {
            return Err(Failure::Budget(LIFETIME));
        }
        let (result, spent) = run(budget, call);
        let spend = |left: u64| Some(left.saturating_sub(spent));
        // Never fails, for `spend` always has an answer.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend);
        result
    }
}

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The crate says so.
    Hdf5(Error),
    /// The budget of that many bytes is spent.
    Budget(u64),
    /// An object has no address: it is a soft link.
    NoAddress,
    /// The structure breaks a limit, in words.
    Limit(String),
}

/// Runs `call` under `budget`, on a thread with a deep stack if it needs one. Says too what the
/// call read.
fn run<R: Send>(
    budget: Budget,
    call: impl Fn() -> Result<R, Error> + Sync,
) -> (Result<R, Failure>, u64) {
    let (result, spent) = match metered(budget, true, &call) {
        (Err(Stopped::Deep), _) => deep(|| metered(budget, false, &call)),
        other => other,
    };
    let result = result.map_err(|stopped| match stopped {
        Stopped::Failed(failure) => failure,
        Stopped::Deep => Failure::Limit("a piece of structure is too long".to_owned()),
    });
    (result, spent)
}

enum Stopped {
    Deep,
    Failed(Failure),
}

type Outcome<R> = (Result<R, Stopped>, u64);

fn deep<R: Send>(call: impl FnOnce() -> Outcome<R> + Send) -> Outcome<R> {
    // There are no threads to spawn there, and running out of stack is a trap, not a crash.
    if cfg!(target_family = "wasm") {
        return call();
    }
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(DEEP_STACK);
        match builder.spawn_scoped(scope, call) {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|panic| (Err(panicked(&*panic)), 0)),
            Err(error) => {
                let words = format!("no thread to read a long piece of structure: {error}");
                (Err(Stopped::Failed(Failure::Limit(words))), 0)
            }
        }
    })
}

fn metered<R>(
    budget: Budget,
    shallow: bool,
    call: impl FnOnce() -> Result<R, Error>,
) -> Outcome<R> {
    METER.set(Meter {
        budget,
        left: budget,
        shallow,
        ..Meter::default()
    });
    let result = catch_unwind(AssertUnwindSafe(call));
    // What is left behind has no budget, so nothing can be read outside a call.
    let Meter { left, stop, .. } = METER.take();
    let spent = budget.spent(left);
    let result = match (stop, result) {
        // Looked at first: the crate leaves out attributes that it cannot read.
        (Some(Stop::Deep), _) => Err(Stopped::Deep),
        (Some(Stop::Budget(limit)), _) => Err(Stopped::Failed(Failure::Budget(limit))),
        (Some(Stop::Limit(words)), _) => Err(Stopped::Failed(Failure::Limit(words.to_owned()))),
        (_, Ok(Ok(value))) => Ok(value),
        (Some(Stop::NoAddress), Ok(Err(_))) => Err(Stopped::Failed(Failure::NoAddress)),
        (None, Ok(Err(error))) => Err(Stopped::Failed(Failure::Hdf5(error))),
        (_, Err(panic)) => Err(panicked(&*panic)),
    };
    (result, spent)
}

fn panicked(panic: &(dyn Any + Send)) -> Stopped {
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("of unknown cause");
    Stopped::Failed(Failure::Limit(format!("the HDF5 reader panicked: {words}")))
}

thread_local! {
    static METER: RefCell<Meter> = RefCell::default();
}

/// What the running call has left.
#[derive(Default)]
struct Meter {
    budget: Budget,
    left: Budget,
    /// Whether long pieces of structure are put off for a deep stack.
    shallow: bool,
    /// Length of the names of an old-style group, announced by the read just before.
    names: Option<usize>,
    /// The longest of these names.
    longest_name: u64,
    /// The collection of strings that is being read.
    strings: Range<u64>,
    stop: Option<Stop>,
}

#[derive(Clone, Copy)]
enum Stop {
    Deep,
    Budget(u64),
    NoAddress,
    Limit(&'static str),
}

impl Meter {
    fn stop(&mut self, stop: Stop) -> FormatError {
        self.stop = Some(stop);
        FormatError::Source("stopped".to_owned())
    }

    fn payload(&mut self, len: usize) -> Result<(), FormatError> {
        match self.left.payload.checked_sub(as_u64(len)) {
            Some(left) => self.left.payload = left,
            None => return Err(self.stop(Stop::Budget(self.budget.payload))),
        }
        Ok(())
    }

    fn structure(&mut self, offset: u64, bytes: &[u8]) -> Result<(), FormatError> {
        let len = as_u64(bytes.len());
        let names = self.names.take() == Some(bytes.len());
        if names {
            // Names of an old-style group: plain strings, however many.
            self.longest_name = longest_string(bytes);
        } else if self.shallow && bytes.len() > SHALLOW_READ && !self.strings.contains(&offset) {
            return Err(self.stop(Stop::Deep));
        }
        // The crate sorts the references in one attribute by insertion. Only an attribute that lies
        // by itself, which starts with its version and two flags, can be longer than 64 KiB.
        let long = match bytes {
            [1..=3, 0..=3, ..] => len.saturating_sub(64 << 10),
            _ => 0,
        };
        let mut cost = len.saturating_add(long.saturating_mul(long) / (8 << 10));
        match bytes.get(..4) {
            Some(b"HEAP") => self.names = names_len(bytes),
            Some(b"GCOL") if self.budget.purpose == Purpose::Attributes => {
                let len = length(bytes, bytes.len().saturating_sub(8)).unwrap_or(0);
                self.strings = offset..offset.saturating_add(len);
            }
            Some(b"SNOD") => {
                let entries = u64::from(little_endian_u16(bytes, 6));
                cost = cost.saturating_add(entries.saturating_mul(self.longest_name + 64));
            }
            Some(b"BTHD") if little_endian_u16(bytes, 12) > TREE_DEPTH => {
                return Err(self.stop(Stop::Limit("a tree is too deep")));
            }
            // The crate shifts by the seventh byte and adds to the length that follows.
            Some(b"FAHD") if bytes.get(7) > Some(&31) || length(bytes, 8) > Some(1 << 32) => {
                return Err(self.stop(Stop::Limit("an index has too many chunks")));
            }
            _ => {}
        }
        match self.left.structure.checked_sub(cost) {
            Some(left) => self.left.structure = left,
            None => return Err(self.stop(Stop::Budget(self.budget.structure))),
        }
        Ok(())
    }
}

/// The bytes of a file, as the HDF5 crate sees them.
pub(super) struct Metered(pub(super) ByteView);

impl Metered {
    fn slice(&self, offset: u64, len: usize) -> Result<&[u8], FormatError> {
        let range = usize::try_from(offset)
            .ok()
            .and_then(|start| Some(start..start.checked_add(len)?));
        if let Some(bytes) = range.and_then(|range| self.0.get(range)) {
            return Ok(bytes);
        }
        if offset == u64::MAX {
            METER.with_borrow_mut(|meter| {
                meter.stop.get_or_insert(Stop::NoAddress);
            });
        }
        Err(FormatError::UnexpectedEof {
            expected: usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .saturating_add(len),
            available: self.0.len(),
        })
    }
}

impl Source for Metered {
    fn len(&self) -> u64 {
        as_u64(self.0.len())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), FormatError> {
        let bytes = self.slice(offset, buf.len())?;
        METER.with_borrow_mut(|meter| meter.payload(bytes.len()))?;
        buf.copy_from_slice(bytes);
        Ok(())
    }

    fn read_exact_at(&self, offset: u64, len: usize) -> Result<Vec<u8>, FormatError> {
        let bytes = self.slice(offset, len)?;
        METER.with_borrow_mut(|meter| meter.payload(len))?;
        Ok(bytes.to_vec())
    }

    fn read_metadata_at(&self, offset: u64, len: usize) -> Result<Vec<u8>, FormatError> {
        let bytes = self.slice(offset, len)?;
        METER.with_borrow_mut(|meter| meter.structure(offset, bytes))?;
        Ok(bytes.to_vec())
    }
}

fn as_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn longest_string(bytes: &[u8]) -> u64 {
    as_u64(
        bytes
            .split(|&byte| byte == 0)
            .map(<[u8]>::len)
            .max()
            .unwrap_or(0),
    )
}

/// The size of the names that a local heap announces, in a file whose offsets and lengths are
/// equally wide.
fn names_len(heap: &[u8]) -> Option<usize> {
    length(heap, heap.len().checked_sub(8)? / 3)?
        .try_into()
        .ok()
}

/// The length of `width` bytes after a signature, a version and three reserved bytes.
fn length(bytes: &[u8], width: usize) -> Option<u64> {
    match *bytes.get(8..8 + width)? {
        [a, b] => Some(u64::from(u16::from_le_bytes([a, b]))),
        [a, b, c, d] => Some(u64::from(u32::from_le_bytes([a, b, c, d]))),
        [a, b, c, d, e, f, g, h] => Some(u64::from_le_bytes([a, b, c, d, e, f, g, h])),
        _ => None,
    }
}

fn little_endian_u16(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..at + 2) {
        Some(&[low, high]) => u16::from_le_bytes([low, high]),
        _ => 0,
    }
}
