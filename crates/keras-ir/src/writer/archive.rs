//! `.keras` archives.

use std::fs::File;
use std::io::{BufWriter, Cursor, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::error::Failure;
use super::patch::Patched;
use super::tree::Tree;
use super::{WriteError, create};
use crate::container::ByteView;

/// What a member of an archive holds.
#[derive(Clone, Copy, Debug)]
pub enum Member<'a> {
    /// Bytes as they are.
    Bytes(&'a [u8]),
    /// An HDF5 file.
    Hdf5(&'a Tree),
}

/// Writes a new archive at `path`, its members in this order and, as Keras has them, not compressed.
/// The same members give the same bytes.
///
/// ```
/// use keras_ir::container::Archive;
/// use keras_ir::writer::{Member, Tree, write_archive};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("model.keras");
/// let weights = Tree::default();
/// write_archive(
///     &path,
///     &[
///         ("metadata.json", Member::Bytes(b"{\"keras_version\": \"3.15.1\"}")),
///         ("config.json", Member::Bytes(b"{}")),
///         ("model.weights.h5", Member::Hdf5(&weights)),
///     ],
/// )?;
/// assert_eq!(Archive::open(&path)?.text("config.json")?, "{}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// A tensor that cannot be read, or a file that exists or cannot be written; an unfinished file may
/// stay behind.
pub fn write_archive(path: &Path, members: &[(&str, Member<'_>)]) -> Result<(), WriteError> {
    create(path, |to, scratch| {
        let mut zip = ZipWriter::new(to);
        for (name, member) in members {
            match member {
                Member::Bytes(bytes) => add(&mut zip, name, options(bytes.len()), |to| {
                    Ok(to.write_all(bytes)?)
                })?,
                Member::Hdf5(tree) => {
                    let file = tree.filled(scratch)?;
                    add(&mut zip, name, options(file.len()), |to| file.write(to))?;
                }
            }
        }
        zip.finish()?.flush()?;
        Ok(())
    })
}

/// Writes the archive `original` with another content of the member `name`. The other members are
/// copied as they are.
pub(super) fn copy(
    original: &ByteView,
    name: &str,
    content: &Patched,
    to: &mut BufWriter<File>,
) -> Result<(), Failure> {
    let mut original = ZipArchive::new(Cursor::new(original.clone()))?;
    let mut zip = ZipWriter::new(to);
    zip.set_raw_comment(original.comment().into())?;
    for index in 0..original.len() {
        let member = original.by_index_raw(index)?;
        if member.name()? != name {
            zip.raw_copy_file(member)?;
            continue;
        }
        let mut like = options(content.len()).compression_method(member.compression());
        if let Some(time) = member.last_modified() {
            like = like.last_modified_time(time);
        }
        if let Some(mode) = member.unix_mode() {
            like = like.unix_permissions(mode);
        }
        add(&mut zip, name, like, |to| content.write(to))?;
    }
    zip.finish()?.flush()?;
    Ok(())
}

/// How a member of `len` bytes is stored.
fn options(len: usize) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(len as u64 >= u64::from(u32::MAX))
}

fn add(
    zip: &mut ZipWriter<&mut BufWriter<File>>,
    name: &str,
    options: SimpleFileOptions,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    zip.start_file(name, options)?;
    write(zip)
}
