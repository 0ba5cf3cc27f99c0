//! LevelDB's table, in which TensorFlow keeps the index of a checkpoint.
//!
//! ```text
//! table   data blocks, …, footer of 48 bytes: where the block of blocks lies, magic number
//! block   entries, restart points, their count; then compression and checksum
//! entry   bytes shared with the key before, bytes of its own, bytes of the value; both
//! ```

use std::borrow::Cow;

/// What ends a table, little-endian.
const MAGIC: [u8; 8] = 0xdb47_7524_8b80_fb57_u64.to_le_bytes();
const FOOTER: usize = 48;
/// Keys share their beginnings in runs of 16: all keys together are hardly larger than this many
/// times the table.
const MOST_SHARED: usize = 64;
/// Snappy makes at most 64 bytes of three.
const HIGHEST_RATIO: usize = 22;

/// What is done with a key and its value.
type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), String> + 'a;

/// Calls `visit` with each key and value, in the order of the keys; the error says what is wrong.
pub(super) fn read(table: &[u8], visit: &mut Visit<'_>) -> Result<(), String> {
    let footer = table.len().checked_sub(FOOTER).map(|at| &table[at..]);
    let mut footer = footer
        .and_then(|footer| footer.strip_suffix(&MAGIC))
        .ok_or("no table: its end is missing or another")?;
    // The block of metadata, which TensorFlow leaves empty, then that of the data blocks.
    Handle::read(&mut footer)?;
    let index = Handle::read(&mut footer)?;
    let mut of_index = table.len().saturating_mul(MOST_SHARED);
    let mut budget = of_index;
    let mut last_end = 0;
    let mut last_key: Option<Vec<u8>> = None;
    entries(&block(table, index)?, &mut of_index, &mut |_, mut value| {
        let handle = Handle::read(&mut value)?;
        // One block named many times would be read as often.
        if handle.offset < last_end {
            return Err("its blocks overlap".into());
        }
        last_end = handle.offset.saturating_add(handle.size);
        entries(&block(table, handle)?, &mut budget, &mut |key, value| {
            if last_key.as_deref().is_some_and(|last| last >= key) {
                return Err("its keys are not in order".into());
            }
            let last = last_key.get_or_insert_default();
            last.clear();
            last.extend_from_slice(key);
            visit(key, value)
        })
    })
}

/// Where a block lies.
#[derive(Clone, Copy)]
struct Handle {
    offset: usize,
    size: usize,
}

impl Handle {
    fn read(bytes: &mut &[u8]) -> Result<Self, String> {
        let offset = varint(bytes)?;
        let size = varint(bytes)?;
        Ok(Self { offset, size })
    }
}

fn varint(bytes: &mut &[u8]) -> Result<usize, String> {
    prost::decode_length_delimiter(bytes).map_err(|error| error.to_string())
}

/// The content of a block, whose checksum is verified.
fn block(table: &[u8], at: Handle) -> Result<Cow<'_, [u8]>, String> {
    let bytes = table.get(at.offset..).and_then(|rest| {
        let end = at.size.checked_add(5)?;
        rest.get(..end)
    });
    let Some((summed, sum)) = bytes.and_then(|bytes| bytes.split_last_chunk::<4>()) else {
        return Err(format!(
            "the block of {} bytes at {} lies outside the file",
            at.size, at.offset
        ));
    };
    if super::masked_crc(summed) != u32::from_le_bytes(*sum) {
        return Err(format!("the block at {} has another checksum", at.offset));
    }
    match summed.split_last() {
        Some((0, content)) => Ok(Cow::Borrowed(content)),
        Some((1, content)) => inflate(content).map(Cow::Owned),
        other => Err(format!(
            "compression {} is not known",
            other.map_or(0, |(kind, _)| *kind)
        )),
    }
}

fn inflate(content: &[u8]) -> Result<Vec<u8>, String> {
    let size = snap::raw::decompress_len(content).map_err(|error| error.to_string())?;
    if size > content.len().saturating_mul(HIGHEST_RATIO) {
        return Err(format!(
            "a block of {} bytes cannot hold the {size} that it declares",
            content.len()
        ));
    }
    let mut decoder = snap::raw::Decoder::new();
    decoder
        .decompress_vec(content)
        .map_err(|error| error.to_string())
}

/// Calls `visit` with each key and value of a block, whose keys may be `budget` bytes long together.
fn entries(block: &[u8], budget: &mut usize, visit: &mut Visit<'_>) -> Result<(), String> {
    let restarts = block.split_last_chunk::<4>().and_then(|(rest, count)| {
        let restarts = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        rest.len().checked_sub(restarts.checked_mul(4)?)
    });
    let mut rest = restarts
        .map(|end| &block[..end])
        .ok_or("a block is shorter than its restart points")?;
    let mut key = Vec::new();
    while !rest.is_empty() {
        let shared = varint(&mut rest)?;
        let own = varint(&mut rest)?;
        let of_value = varint(&mut rest)?;
        let parts = rest
            .split_at_checked(own)
            .and_then(|(own, rest)| Some((own, rest.split_at_checked(of_value)?)));
        let Some((own, (value, behind))) = parts.filter(|_| shared <= key.len()) else {
            return Err("an entry is longer than its block".into());
        };
        rest = behind;
        key.truncate(shared);
        key.extend_from_slice(own);
        *budget = budget
            .checked_sub(key.len())
            .ok_or("its keys take more than any honest table needs")?;
        visit(&key, value)?;
    }
    Ok(())
}
