//! Files that are cut short, incomplete, of another model, or no model at all: one clear report each.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use keras_ir::{ReadOptions, read};
use zip::ZipArchive;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::{check, root};

fn forms(case: &str) -> PathBuf {
    root().join("tests/fixtures/containers").join(case)
}

/// A folder in which wrong files are made.
struct Workshop(tempfile::TempDir);

impl Workshop {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A copy of the archive `from`, whose members are what `edit` makes of them.
    fn archive(
        &self,
        name: &str,
        from: &Path,
        edit: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>,
    ) -> PathBuf {
        let mut members = ZipArchive::new(File::open(from).unwrap()).unwrap();
        let path = self.path(name);
        let mut archive = ZipWriter::new(File::create(&path).unwrap());
        for index in 0..members.len() {
            let mut member = members.by_index(index).unwrap();
            let mut content = Vec::new();
            std::io::copy(&mut member, &mut content).unwrap();
            let name = member.name().unwrap().into_owned();
            if let Some(content) = edit(&name, content) {
                let options = SimpleFileOptions::default();
                archive.start_file(name, options).unwrap();
                archive.write_all(&content).unwrap();
            }
        }
        archive.finish().unwrap();
        path
    }

    /// Compares the report on a file with the snapshot of its name.
    fn refuse(&self, name: &str, path: &Path, options: ReadOptions) {
        let report = match read(path, options) {
            Ok(_) => panic!("{name} was read"),
            Err(report) => report.to_string(),
        };
        let report = report
            .replace(&format!("{}/", self.0.path().display()), "")
            .replace(&format!("{}/", forms("").parent().unwrap().display()), "")
            .replace(&self.0.path().display().to_string(), "FOLDER");
        check(&format!("wrong_file.{name}"), &report);
    }
}

fn with_weights(weights: PathBuf) -> ReadOptions {
    ReadOptions {
        weights: Some(weights),
        ..ReadOptions::default()
    }
}

#[test]
fn archives() {
    let shop = Workshop(tempfile::tempdir().unwrap());
    let refuse = |name: &str, path: &Path| shop.refuse(name, path, ReadOptions::default());
    let whole = forms("functional_k3").join("model.keras");
    let bytes = fs::read(&whole).unwrap();
    refuse(
        "truncated_zip",
        &shop.file("cut.keras", &bytes[..bytes.len() / 2]),
    );
    let without =
        |member: &'static str| move |name: &str, content| (name != member).then_some(content);
    let weights = "model.weights.h5";
    let path = shop.archive("no_weights.keras", &whole, without(weights));
    refuse("archive_without_weights", &path);
    let path = shop.archive("no_config.keras", &whole, without("config.json"));
    refuse("archive_without_config", &path);
    let path = shop.archive("no_metadata.keras", &whole, without("metadata.json"));
    refuse("archive_without_metadata", &path);
    let path = shop.archive("cut_weights.keras", &whole, |name, mut content| {
        if name == weights {
            content.truncate(content.len() / 2);
        }
        Some(content)
    });
    refuse("archive_with_truncated_weights", &path);
    let other = fs::read(forms("sequential_k3").join(weights)).unwrap();
    let path = shop.archive("other_weights.keras", &whole, |name, content| {
        Some(if name == weights {
            other.clone()
        } else {
            content
        })
    });
    refuse("archive_with_weights_of_another_model", &path);
    let path = shop.archive("bad_config.keras", &whole, |name, content| {
        Some(if name == "config.json" {
            b"{\"class_name\": ".to_vec()
        } else {
            content
        })
    });
    refuse("archive_with_broken_config", &path);
}

#[test]
fn weights_of_another_model() {
    let shop = Workshop(tempfile::tempdir().unwrap());
    for tag in ["k2", "k3"] {
        let architecture = forms(&format!("twice_{tag}")).join("model.json");
        let other = forms(&format!("functional_{tag}"));
        let legacy = other.join("weights.h5");
        if legacy.exists() {
            let name = format!("listed_weights_of_another_model_{tag}");
            shop.refuse(&name, &architecture, with_weights(legacy));
        }
        let name = format!("tree_of_another_model_{tag}");
        shop.refuse(
            &name,
            &architecture,
            with_weights(other.join("model.weights.h5")),
        );
    }
}

#[test]
fn weights_without_end() {
    let shop = Workshop(tempfile::tempdir().unwrap());
    let whole = forms("functional_k3").join("model.keras");
    let endless = fs::read(root().join("tests/fixtures/errors/group_in_itself.h5")).unwrap();
    let path = shop.archive("endless.keras", &whole, |name, content| {
        Some(if name == "model.weights.h5" {
            endless.clone()
        } else {
            content
        })
    });
    shop.refuse("group_in_itself", &path, ReadOptions::default());
}

#[test]
fn half_of_a_model() {
    let shop = Workshop(tempfile::tempdir().unwrap());
    let refuse = |name: &str, path: &Path| shop.refuse(name, path, ReadOptions::default());
    let forms = forms("functional_k3");
    refuse("architecture_alone", &forms.join("model.json"));
    refuse("weights_alone", &forms.join("model.weights.h5"));
    refuse("shards_alone", &forms.join("sharded.weights.json"));
    let shards = fs::read(forms.join("sharded.weights.json")).unwrap();
    let list = shop.file("sharded.weights.json", &shards);
    shop.refuse(
        "shards_missing",
        &forms.join("model.json"),
        with_weights(list),
    );
}

#[test]
fn no_models() {
    let shop = Workshop(tempfile::tempdir().unwrap());
    let refuse = |name: &str, path: &Path| shop.refuse(name, path, ReadOptions::default());
    refuse("nothing_there", &shop.path("model.keras"));
    refuse(
        "text",
        &shop.file("notes.keras", b"These are notes, and no model.\n"),
    );
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n";
    refuse("git_lfs_pointer", &shop.file("model.h5", pointer));
    refuse("empty_file", &shop.file("empty.keras", b""));
    refuse(
        "json_of_something_else",
        &shop.file("package.json", b"{\"name\": \"left-pad\"}"),
    );
    shop.file("folder/notes.txt", b"no model");
    refuse("folder_of_something_else", &shop.path("folder"));
    let saved_model = shop.file("damaged/saved_model.pb", b"\xff\xff\xff\xff");
    refuse("damaged_saved_model", saved_model.parent().unwrap());
    let saved_model = shop.file("hollow/saved_model.pb", b"");
    refuse("empty_saved_model", saved_model.parent().unwrap());
    // A zip that holds something else.
    let path = shop.path("photos.zip");
    let mut archive = ZipWriter::new(File::create(&path).unwrap());
    archive
        .start_file("photo.txt", SimpleFileOptions::default())
        .unwrap();
    archive.write_all(b"a photo").unwrap();
    archive.finish().unwrap();
    refuse("zip_of_something_else", &path);
}
