//! Files that are put in place together, or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A file or folder that cannot be written.
#[derive(Debug)]
pub(crate) struct OutputError {
    pub path: PathBuf,
    /// What was tried.
    pub action: &'static str,
    pub source: io::Error,
}

/// Files in a folder inside the output folder, to be moved there once all are complete.
pub(crate) struct Staging {
    out_dir: PathBuf,
    made_out_dir: bool,
    /// Removed with everything in it when this is dropped.
    folder: TempDir,
    /// What happens at publishing, in order.
    moves: Vec<Move>,
}

enum Move {
    /// The staged file of this name takes its place.
    Put(String),
    /// A file of this name goes, if there is one.
    Remove(String),
}

impl Move {
    fn name(&self) -> &str {
        match self {
            Self::Put(name) | Self::Remove(name) => name,
        }
    }
}

/// One step of publishing that can be taken back.
struct Done {
    target: PathBuf,
    /// Where the file is now that was there before.
    before: Option<PathBuf>,
}

impl Staging {
    /// Staging for the folder `out_dir`, which is made if it is not there.
    pub(crate) fn new(out_dir: &Path) -> Result<Self, OutputError> {
        let made_out_dir = !out_dir.exists();
        fs::create_dir_all(out_dir)
            .map_err(|error| failed(out_dir, "cannot make this folder", error))?;
        let folder = tempfile::Builder::new()
            .prefix(".burn-keras-")
            .tempdir_in(out_dir)
            .map_err(|error| failed(out_dir, "cannot write into this folder", error))?;
        Ok(Self {
            out_dir: out_dir.to_owned(),
            made_out_dir,
            folder,
            moves: Vec::new(),
        })
    }

    /// Where to write the file that will be called `name`.
    pub(crate) fn stage(&mut self, name: &str) -> PathBuf {
        self.moves.push(Move::Put(name.to_owned()));
        self.folder.path().join(name)
    }

    /// Writes the file that will be called `name`.
    pub(crate) fn write(&mut self, name: &str, text: &str) -> Result<(), OutputError> {
        let path = self.stage(name);
        fs::write(&path, text)
            .map_err(|error| failed(&self.out_dir.join(name), "cannot write", error))
    }

    /// A file called `name` in the output folder will go.
    pub(crate) fn remove(&mut self, name: &str) {
        self.moves.push(Move::Remove(name.to_owned()));
    }

    /// Puts all files in place, in the order in which they were staged, and gives their paths. If
    /// one cannot be, those before it go back.
    pub(crate) fn publish(mut self) -> Result<Vec<PathBuf>, OutputError> {
        let moves = std::mem::take(&mut self.moves);
        let before = self.folder.path().join("before");
        fs::create_dir(&before).map_err(|error| failed(&before, "cannot make", error))?;
        let mut done = Vec::new();
        for step in &moves {
            if let Err(error) = self.step(step, &before, &mut done) {
                if !take_back(done) {
                    // What could not go back is in there.
                    self.folder.disable_cleanup(true);
                }
                return Err(error);
            }
        }
        self.made_out_dir = false;
        let files = moves.iter().filter(|step| matches!(step, Move::Put(_)));
        Ok(files.map(|step| self.out_dir.join(step.name())).collect())
    }

    fn step(&self, step: &Move, before: &Path, done: &mut Vec<Done>) -> Result<(), OutputError> {
        let name = step.name();
        let target = self.out_dir.join(name);
        let fail = |error| failed(&target, "cannot be replaced", error);
        let old = match target.symlink_metadata() {
            // A folder is no older import: its contents must not go.
            Ok(old) if old.is_dir() => return Err(fail(io::ErrorKind::IsADirectory.into())),
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(fail(error)),
        };
        let before = before.join(name);
        if old {
            fs::rename(&target, &before).map_err(fail)?;
        }
        done.push(Done {
            target: target.clone(),
            before: old.then_some(before),
        });
        match step {
            Move::Put(_) => fs::rename(self.folder.path().join(name), &target).map_err(fail),
            Move::Remove(_) => Ok(()),
        }
    }
}

/// Puts back what was there before; says whether all of it could be.
fn take_back(done: Vec<Done>) -> bool {
    let mut all = true;
    for step in done.into_iter().rev() {
        match step.before {
            Some(before) => all &= fs::rename(before, step.target).is_ok(),
            None => drop(fs::remove_file(step.target)),
        }
    }
    all
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.made_out_dir {
            let _ = fs::remove_dir_all(self.folder.path());
            // Only if it is empty: others may have written there.
            let _ = fs::remove_dir(&self.out_dir);
        }
    }
}

fn failed(path: &Path, action: &'static str, source: io::Error) -> OutputError {
    OutputError {
        path: path.to_owned(),
        action,
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn listing(folder: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read_to_string(&path).unwrap_or_default())
            })
            .collect();
        files.sort();
        files
    }

    fn text(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs.map(|(a, b)| ((*a).into(), (*b).into())).collect()
    }

    #[test]
    fn files_replace_older_ones_and_remove_stale_ones() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "old").unwrap();
        fs::write(folder.path().join("b"), "stale").unwrap();
        fs::write(folder.path().join("z"), "other").unwrap();
        let mut staging = Staging::new(folder.path()).unwrap();
        staging.write("a", "new").unwrap();
        staging.remove("b");
        staging.remove("never there");
        staging.write("c", "new").unwrap();
        let files = staging.publish().unwrap();
        assert_eq!(files, [folder.path().join("a"), folder.path().join("c")]);
        let expected = text(&[("a", "new"), ("c", "new"), ("z", "other")]);
        assert_eq!(listing(folder.path()), expected);
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "old").unwrap();
        fs::write(folder.path().join("b"), "stale").unwrap();
        fs::create_dir(folder.path().join("d")).unwrap();
        let before = listing(folder.path());
        let mut staging = Staging::new(folder.path()).unwrap();
        staging.write("a", "new").unwrap();
        staging.remove("b");
        staging.write("c", "new").unwrap();
        staging.write("d", "a folder is in the way").unwrap();
        assert!(staging.publish().is_err());
        assert_eq!(listing(folder.path()), before);
    }

    #[test]
    fn an_import_that_stops_leaves_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("out");
        let mut staging = Staging::new(&inner).unwrap();
        staging.write("a", "new").unwrap();
        drop(staging);
        assert!(!inner.exists());
    }
}
