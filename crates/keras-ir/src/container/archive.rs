//! Files by name: a zip archive, read in place, or the folder that it was unpacked to.

use std::collections::HashMap;
use std::fmt;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use zip::{CompressionMethod, ZipArchive};

use super::{ByteView, ContainerError};

/// Deflate makes at most 1032 bytes of one.
const HIGHEST_RATIO: u64 = 1032;

/// A `.keras` file, or the folder that it was unpacked to.
///
/// Keras stores the members of its archives uncompressed: they are views of the mapped file. A
/// member that another tool has deflated is inflated when it is asked for, within what its
/// compressed size can honestly hold.
pub struct Archive {
    name: String,
    source: Source,
}

enum Source {
    Zip {
        bytes: ByteView,
        members: HashMap<String, Member>,
    },
    Folder(PathBuf),
}

/// Where a member of a zip lies.
#[derive(Clone, Copy, Debug)]
struct Member {
    index: usize,
    start: u64,
    compressed: u64,
    size: u64,
    method: CompressionMethod,
    encrypted: bool,
}

impl Archive {
    /// Opens a zip archive by mapping it, or a folder.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or the file is no zip archive.
    pub fn open(path: &Path) -> Result<Self, ContainerError> {
        let name = path.display().to_string();
        if path.is_dir() {
            let source = Source::Folder(path.to_owned());
            return Ok(Self { name, source });
        }
        match ByteView::map(path) {
            Ok(bytes) => Self::from_view(name, bytes),
            Err(source) => Err(ContainerError::Io { file: name, source }),
        }
    }

    /// Opens a zip archive in memory, which messages call `name`.
    ///
    /// # Errors
    ///
    /// When it is no zip archive.
    pub fn from_view(name: impl Into<String>, bytes: ByteView) -> Result<Self, ContainerError> {
        let name = name.into();
        let members = members(&bytes).map_err(|reason| ContainerError::NotZip {
            file: name.clone(),
            reason: reason.to_string(),
        })?;
        let source = Source::Zip { bytes, members };
        Ok(Self { name, source })
    }

    /// The name of the archive, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the folder that a zip archive was unpacked to.
    pub fn is_folder(&self) -> bool {
        matches!(self.source, Source::Folder(_))
    }

    /// The zip archive as a whole, unless it is a folder.
    pub(crate) fn zip(&self) -> Option<&ByteView> {
        match &self.source {
            Source::Zip { bytes, .. } => Some(bytes),
            Source::Folder(_) => None,
        }
    }

    /// Whether there is a member of this name.
    pub fn has(&self, member: &str) -> bool {
        match &self.source {
            Source::Zip { members, .. } => members.contains_key(member),
            Source::Folder(folder) => inside(folder, member).is_some_and(|path| path.is_file()),
        }
    }

    /// The bytes of a member.
    ///
    /// # Errors
    ///
    /// When there is none of this name, or it cannot be read.
    pub fn member(&self, member: &str) -> Result<ByteView, ContainerError> {
        let missing = || ContainerError::MissingObject {
            file: self.name.clone(),
            path: member.to_owned(),
            expected: "file",
        };
        match &self.source {
            Source::Zip { bytes, members } => {
                let of_zip = members.get(member).ok_or_else(missing)?;
                self.extract(bytes, member, *of_zip)
            }
            Source::Folder(folder) => {
                let path = inside(folder, member).filter(|path| path.is_file());
                ByteView::map(&path.ok_or_else(missing)?).map_err(|source| ContainerError::Io {
                    file: format!("{}/{member}", self.name),
                    source,
                })
            }
        }
    }

    /// The text of a member.
    ///
    /// # Errors
    ///
    /// As [`member`](Self::member), and when it is not UTF-8.
    pub fn text(&self, member: &str) -> Result<String, ContainerError> {
        let bytes = self.member(member)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(self.malformed(member, error.to_string())),
        }
    }

    fn extract(
        &self,
        bytes: &ByteView,
        name: &str,
        member: Member,
    ) -> Result<ByteView, ContainerError> {
        let unsupported = |feature: String| ContainerError::Unsupported {
            file: self.name.clone(),
            path: name.to_owned(),
            feature,
        };
        if member.encrypted {
            return Err(unsupported("encryption".into()));
        }
        match member.method {
            CompressionMethod::Stored => {
                let end = member.start.checked_add(member.compressed);
                let range = usize::try_from(member.start)
                    .ok()
                    .zip(end.and_then(|end| usize::try_from(end).ok()));
                let view = range.and_then(|(start, end)| bytes.slice(start..end));
                view.ok_or_else(|| ContainerError::OutOfBounds {
                    file: self.name.clone(),
                    path: name.to_owned(),
                    start: member.start,
                    bytes: member.compressed,
                    file_bytes: bytes.len() as u64,
                })
            }
            CompressionMethod::Deflated => {
                let limit = member.compressed.saturating_mul(HIGHEST_RATIO);
                if member.size > limit {
                    return Err(ContainerError::TooLarge {
                        file: self.name.clone(),
                        path: name.to_owned(),
                        bytes: member.size,
                        limit,
                    });
                }
                self.inflate(bytes, name, member)
            }
            other => Err(unsupported(format!("compression by {other}"))),
        }
    }

    fn inflate(
        &self,
        bytes: &ByteView,
        name: &str,
        member: Member,
    ) -> Result<ByteView, ContainerError> {
        let failed = |error: &dyn std::error::Error| self.malformed(name, error.to_string());
        let mut archive =
            ZipArchive::new(Cursor::new(bytes.clone())).map_err(|error| failed(&error))?;
        let file = archive
            .by_index(member.index)
            .map_err(|error| failed(&error))?;
        let mut content = Vec::new();
        // One byte more than is declared would show.
        let mut file = file.take(member.size.saturating_add(1));
        file.read_to_end(&mut content)
            .map_err(|error| failed(&error))?;
        if content.len() as u64 == member.size {
            return Ok(ByteView::from_vec(content));
        }
        let reason = format!("it does not inflate to the {} bytes declared", member.size);
        Err(self.malformed(name, reason))
    }

    fn malformed(&self, member: &str, reason: String) -> ContainerError {
        ContainerError::Malformed {
            file: self.name.clone(),
            path: member.to_owned(),
            reason,
        }
    }
}

fn members(bytes: &ByteView) -> zip::result::ZipResult<HashMap<String, Member>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes.clone()))?;
    let mut members = HashMap::with_capacity(archive.len());
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index)?;
        let member = Member {
            index,
            start: file.data_start().unwrap_or(u64::MAX),
            compressed: file.compressed_size(),
            size: file.size(),
            method: file.compression(),
            encrypted: file.encrypted(),
        };
        members.insert(file.name()?.into_owned(), member);
    }
    Ok(members)
}

/// The path of a member of a folder; `None` for a name that leads out of it.
fn inside(folder: &Path, member: &str) -> Option<PathBuf> {
    let is_plain = member
        .split('/')
        .all(|part| !matches!(part, "" | "." | "..") && !part.contains('\\'));
    is_plain.then(|| folder.join(member))
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Archive").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    type Fallible = Result<(), Box<dyn std::error::Error>>;

    fn zip(members: &[(&str, &[u8], CompressionMethod)]) -> Result<Vec<u8>, zip::result::ZipError> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content, method) in members {
            let options = SimpleFileOptions::default().compression_method(*method);
            writer.start_file(*name, options)?;
            writer.write_all(content)?;
        }
        Ok(writer.finish()?.into_inner())
    }

    fn open(bytes: Vec<u8>) -> Result<Archive, ContainerError> {
        Archive::from_view("a.keras", ByteView::from_vec(bytes))
    }

    #[test]
    fn stored_members_are_views_and_deflated_ones_are_inflated() -> Fallible {
        let long = vec![7; 100_000];
        let archive = open(zip(&[
            ("config.json", b"{}", CompressionMethod::Stored),
            ("model.weights.h5", &long, CompressionMethod::Deflated),
        ])?)?;
        assert_eq!(archive.text("config.json")?, "{}");
        assert_eq!(&archive.member("model.weights.h5")?[..], &long[..]);
        assert!(!archive.has("metadata.json"));
        let Err(error) = archive.member("metadata.json") else {
            return Err("a member that is not there".into());
        };
        assert!(error.to_string().contains("no file at \"metadata.json\""));
        Ok(())
    }

    #[test]
    fn broken_archives_are_errors() -> Fallible {
        let long: Vec<u8> = (0..5000_u32).flat_map(u32::to_le_bytes).collect();
        let whole = zip(&[("model.weights.h5", &long, CompressionMethod::Deflated)])?;
        assert!(open(whole[..whole.len() / 2].to_vec()).is_err());
        // Every byte of the structure is damaged once: an error or other content, never a panic.
        for position in (0..60).chain(whole.len() - 120..whole.len()) {
            let mut damaged = whole.clone();
            damaged[position] ^= 0xff;
            if let Ok(archive) = open(damaged) {
                let _ = archive.member("model.weights.h5");
            }
        }
        Ok(())
    }

    #[test]
    fn a_folder_is_an_archive_and_nothing_leads_out_of_it() -> Fallible {
        let folder = tempfile::tempdir()?;
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner)?;
        std::fs::write(inner.join("config.json"), "{}")?;
        std::fs::write(folder.path().join("secret"), "x")?;
        let archive = Archive::open(&inner)?;
        assert_eq!(archive.text("config.json")?, "{}");
        for name in ["../secret", "./config.json", "/etc/passwd", "a\\..\\b"] {
            assert!(!archive.has(name), "{name}");
            assert!(archive.member(name).is_err(), "{name}");
        }
        Ok(())
    }
}
