//! The way back: records in copies of the Keras files that they were imported from.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use burn_keras_import::{Export, Plan, lower, record};
use burn_pack::{Bytes, Reader, Tensor, Writer};
use keras_ir::{Graph, ReadOptions};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file that can be imported, with the file of its architecture where it has none.
struct Original {
    path: PathBuf,
    options: ReadOptions,
    graph: Graph,
    plan: Plan,
}

impl Original {
    fn open(path: &Path) -> Option<Self> {
        // Files of weights are beside the architecture.
        let architecture = path.with_file_name("model.json");
        let name = path.file_name()?.to_str()?;
        let is_weights = name.ends_with("weights.h5") && architecture.exists();
        let options = ReadOptions {
            architecture: is_weights.then_some(architecture),
            ..ReadOptions::default()
        };
        let graph = keras_ir::read(path, options.clone()).ok()?;
        let plan = lower::lower(&graph, "net").ok()?;
        Some(Self {
            path: path.to_owned(),
            options,
            graph,
            plan,
        })
    }

    fn ending(&self) -> &'static str {
        let name = self.path.to_str().unwrap();
        [".keras", ".weights.h5", ".h5"]
            .into_iter()
            .find(|ending| name.ends_with(ending))
            .unwrap()
    }

    fn weights(&self) -> Bytes {
        let record = record::weights(&self.plan, &self.graph).unwrap();
        record.into_bytes().unwrap()
    }

    /// The parameters that the file holds as whole numbers.
    fn counts(&self) -> BTreeSet<&str> {
        let parameters = self.plan.parameters.iter().filter(|parameter| {
            let weights = &self.graph.layer(parameter.weight.layer).weights;
            !weights[parameter.weight.index].tensor.dtype().is_float()
        });
        parameters
            .map(|parameter| parameter.path.as_str())
            .collect()
    }

    /// The copy in `folder` with the weights of the record `weights`.
    fn export(&self, folder: &Path, weights: &[u8]) -> PathBuf {
        let record = folder.join("net.bpk");
        fs::write(&record, weights).unwrap();
        let mut export = Export::new(record)
            .like(&self.path)
            .output(folder.join(format!("copy{}", self.ending())));
        if let Some(architecture) = &self.options.architecture {
            export = export.architecture(architecture);
        }
        let copy = export.run();
        copy.unwrap_or_else(|error| panic!("{}: {error}", self.path.display()))
    }

    /// What is imported from `copy`.
    fn again(&self, copy: &Path) -> Self {
        let graph = keras_ir::read(copy, self.options.clone());
        let graph = graph.unwrap_or_else(|report| panic!("{report}"));
        let plan = lower::lower(&graph, "net").unwrap();
        Self {
            path: copy.to_owned(),
            options: self.options.clone(),
            graph,
            plan,
        }
    }
}

/// All files in the folder, and in the folders inside, that can be imported.
fn originals(folder: &Path) -> Vec<Original> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.extend(originals(&path));
        } else if path
            .extension()
            .is_some_and(|end| end == "h5" || end == "keras")
        {
            found.extend(Original::open(&path));
        }
    }
    found
}

fn all_originals() -> Vec<Original> {
    let mut all = originals(&root().join("models/keras"));
    all.extend(originals(&root().join("tests/fixtures")));
    assert!(all.len() > 500, "{}", all.len());
    all
}

/// The members of an archive in their order, or the file as the only one.
fn content(path: &Path) -> Vec<(String, Vec<u8>)> {
    if path.extension().is_some_and(|end| end == "h5") {
        return vec![(String::new(), fs::read(path).unwrap())];
    }
    let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    let members = 0..archive.len();
    members
        .map(|index| {
            let mut member = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            (member.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

/// The record with every value changed: by a factor, and by what depends on its place; `counts` stay whole.
fn trained(record: &[u8], counts: &BTreeSet<&str>) -> Bytes {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(record.to_vec())).unwrap();
    let scalars = reader.scalars().clone();
    let metadata = reader.metadata().clone();
    let mut place = 0_u32;
    let tensors = reader.into_tensors().unwrap().into_iter().map(|tensor| {
        let (name, dtype, shape, id, bytes) = tensor.into_parts().unwrap();
        let (values, _) = bytes.as_chunks::<4>();
        let is_count = counts.contains(name.as_str());
        let changed = values.iter().flat_map(|value| {
            place += 1;
            let value = f32::from_le_bytes(*value) * 1.25 + (place % 1013) as f32 / 4096.0;
            let value = if is_count { value.ceil() } else { value };
            value.to_le_bytes()
        });
        let changed = Bytes::from_bytes_vec(changed.collect());
        Tensor::new(name, dtype, shape, id, changed)
    });
    let mut writer = Writer::new(tensors.collect::<Vec<_>>());
    for (key, value) in scalars {
        writer = writer.with_scalar(&key, value);
    }
    for (key, value) in metadata {
        writer = writer.with_metadata(&key, &value);
    }
    writer.into_bytes().unwrap()
}

/// The tensors of a record.
fn tensors(record: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(record.to_vec())).unwrap();
    let tensors = reader.into_tensors().unwrap().into_iter();
    tensors
        .map(|tensor| (tensor.name.clone(), tensor.to_bytes().unwrap().to_vec()))
        .collect()
}

#[test]
fn what_has_not_been_trained_gives_the_original() {
    let folder = tempfile::tempdir().unwrap();
    for original in all_originals() {
        let copy = original.export(folder.path(), &original.weights());
        let (found, expected) = (content(&copy), content(&original.path));
        assert!(found == expected, "{}", original.path.display());
    }
}

#[test]
fn every_trained_value_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut tensors_seen = 0;
    for original in all_originals() {
        let weights = trained(&original.weights(), &original.counts());
        let again = original.again(&original.export(folder.path(), &weights));
        let found = tensors(&again.weights());
        let expected = tensors(&weights);
        tensors_seen += expected.len();
        let names = expected
            .keys()
            .filter(|name| found.get(*name) != expected.get(*name));
        let names: Vec<&String> = names.collect();
        assert!(names.is_empty(), "{}: {names:?}", original.path.display());
        assert_eq!(found.len(), expected.len());
        // What is no weight stays: config, versions, state of the optimizer.
        assert_eq!(again.graph.training_config, original.graph.training_config);
        assert_eq!(again.plan.digest(), original.plan.digest());
    }
    assert!(tensors_seen > 2000, "{tensors_seen}");
}
