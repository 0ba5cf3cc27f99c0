//! Says in words how snapshots have changed: `just review` prints this before `cargo insta review`
//! shows the lines.
//!
//! Takes the folder of the snapshots; by default that of this repository.

mod layout;
mod lines;
mod order;
mod summary;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder =
        folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../snapshots"));
    let written = review(&folder).and_then(|text| io::stdout().write_all(text.as_bytes()));
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "error: {}: {error}", folder.display());
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// What has changed in a folder: `NAME.snap.new` against `NAME.snap`.
fn review(folder: &Path) -> io::Result<String> {
    let files = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut files = files.collect::<io::Result<Vec<PathBuf>>>()?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "new"));
    files.sort();
    let mut text = String::new();
    for file in &files {
        let old = file.with_extension("");
        let name = old.file_stem().map(OsString::from).unwrap_or_default();
        let new = std::fs::read_to_string(file)?;
        let old = match std::fs::read_to_string(&old) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            old => Some(old?),
        };
        let old = old.as_deref().map(content);
        text.push_str(&paragraph(&name.to_string_lossy(), old, content(&new)));
    }
    if files.is_empty() {
        text.push_str("No snapshot has changed.\n");
    }
    Ok(text)
}

/// What has changed in the snapshot `name`.
fn paragraph(name: &str, old: Option<&str>, new: &str) -> String {
    let (subject, kind) = match name.rsplit_once('.') {
        Some((model, "weights")) => (format!("weights layout of {model}"), Kind::Layout),
        Some((model, "optimizer")) => (format!("optimizer record layout of {model}"), Kind::Layout),
        Some((model, "summary")) => (format!("summary of {model}"), Kind::Summary),
        Some((model, "source")) => (format!("source of {model}"), Kind::Lines),
        Some(("problems" | "wrong_file", case)) => (format!("report on {case}"), Kind::Lines),
        Some(("inspect", case)) => (format!("inspection of {case}"), Kind::Lines),
        Some(("plot", case)) => (format!("drawing of {case}"), Kind::Lines),
        _ => (name.to_owned(), Kind::Lines),
    };
    let Some(old) = old else {
        return format!("{subject}: new, {} lines\n", new.lines().count());
    };
    let mut sentences = match kind {
        Kind::Layout => layout::changes(old, new).unwrap_or_default(),
        Kind::Summary => summary::changes(old, new),
        Kind::Lines => Vec::new(),
    };
    if sentences.is_empty() {
        sentences.push(lines::changes(old, new));
    }
    let mut text = format!("{subject}:\n");
    for sentence in sentences {
        text.push_str(&format!("  {sentence}\n"));
    }
    text
}

/// How a snapshot is read.
enum Kind {
    Layout,
    Summary,
    Lines,
}

/// A snapshot without insta's header.
fn content(snapshot: &str) -> &str {
    let body = snapshot.strip_prefix("---\n");
    let body = body.and_then(|rest| rest.split_once("\n---\n"));
    body.map_or(snapshot, |(_, body)| body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::fs;

    const HEADER: &str = "---\nsource: tests/snapshots/main.rs\n---\n";

    #[test]
    fn a_folder_is_told_snapshot_by_snapshot() {
        let folder = std::env::temp_dir().join(format!("review-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| {
            fs::write(folder.join(name), format!("{HEADER}{text}\n")).unwrap();
        };
        assert_eq!(review(&folder).unwrap(), "No snapshot has changed.\n");
        let line =
            |shape: &str| format!("a.weight: float32 {shape} id 00000000000000ff <- a/kernel");
        write("net_k3.weights.snap", &line("[3, 4]"));
        write("net_k3.weights.snap.new", &line("[4, 3]"));
        write("net_k3.source.snap", "fn a() {}\nfn b() {}");
        write("net_k3.source.snap.new", "fn a() {}\nfn c() {}\nfn d() {}");
        write("problems.cycle_k3.snap", "a\nb");
        write("problems.cycle_k3.snap.new", "b\na");
        write("inspect.h5.snap.new", "one\ntwo");
        write("same.snap", "as it was");
        let expected = "\
inspection of h5: new, 2 lines
source of net_k3:
  2 new lines, 1 line gone
weights layout of net_k3:
  parameter a.weight: shape now [4, 3], was [3, 4]
report on cycle_k3:
  the same lines in another order
";
        let told = review(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(told, expected);
    }
}
