//! The way back: records in copies of the Keras files that they were imported from.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use burn_keras_import::{Export, Plan, lower, record};
use burn_pack::{Bytes, Reader, Scalar, Tensor, Writer};
use keras_ir::container::{Dtype, StoredTensor};
use keras_ir::optimizer::Number;
use keras_ir::training::optimizer::Implementation;
use keras_ir::writer::{self, Changes, Member, Tree};
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

    /// The record of the optimizer's state, where the file has one that can be imported.
    fn optimizer(&self) -> Option<Bytes> {
        let state = self.graph.optimizer.as_ref().ok()?.as_ref()?;
        let record = record::optimizer(&self.plan, &self.graph, state).ok()??;
        Some(record.into_bytes().unwrap())
    }

    /// The scalars of a record that stand in the file by themselves, each with whether they are counts.
    fn numbers(&self) -> BTreeMap<&'static str, bool> {
        let state = self.graph.optimizer.as_ref().unwrap().as_ref().unwrap();
        let numbers = state.numbers.iter().map(|(number, _)| match number {
            Number::Iterations => (record::ITERATIONS_KEY, true),
            Number::LearningRate => (record::LEARNING_RATE_KEY, false),
            Number::LossScale => (record::LOSS_SCALE_KEY, false),
            Number::LossScaleSteps => (record::LOSS_SCALE_STEPS_KEY, true),
            Number::UProduct => ("u_product", false),
        });
        numbers.collect()
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

    /// The copy in `folder` with the weights of one record and the state of another.
    fn export(&self, folder: &Path, weights: &[u8], optimizer: Option<&[u8]>) -> PathBuf {
        let record = folder.join("net.bpk");
        fs::write(&record, weights).unwrap();
        let mut export = Export::new(record)
            .like(&self.path)
            .output(folder.join(format!("copy{}", self.ending())));
        if let Some(architecture) = &self.options.architecture {
            export = export.architecture(architecture);
        }
        if let Some(state) = optimizer {
            let record = folder.join("net.optimizer.bpk");
            fs::write(&record, state).unwrap();
            export = export.optimizer(record);
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

/// The record with every value changed: by a factor, and by what depends on its place; `counts` stay
/// whole. Of the scalars, those in `numbers` change.
fn trained(
    record: &[u8],
    counts: &BTreeSet<&str>,
    numbers: &BTreeMap<&'static str, bool>,
) -> Bytes {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(record.to_vec())).unwrap();
    let mut scalars = reader.scalars().clone();
    for (key, value) in &mut scalars {
        let name = key
            .split_once('.')
            .filter(|(id, _)| id.parse::<u64>().is_ok());
        match (
            numbers.get(name.map_or(key.as_str(), |(_, name)| name)),
            &value,
        ) {
            (Some(true), Scalar::UInt(count)) => *value = Scalar::UInt(count + 12),
            (Some(false), Scalar::Float(number)) => *value = Scalar::Float(number * 0.5),
            _ => {}
        }
    }
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

/// Those of `names` among the scalars of a record, and of every parameter.
fn scalars(record: &[u8], names: &BTreeMap<&'static str, bool>) -> BTreeMap<String, String> {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(record.to_vec())).unwrap();
    let all = reader.scalars().iter();
    let named = all.filter(|(key, _)| names.keys().any(|name| key.ends_with(name)));
    named
        .map(|(key, value)| (key.clone(), format!("{value:?}")))
        .collect()
}

/// The HDF5 file with the tensors.
fn tree(path: &Path) -> Tree {
    Tree::read(writer::Original::open(path).unwrap().weights()).unwrap()
}

/// The tree as text: groups, attributes, and datasets with their values.
fn listing(tree: &Tree) -> String {
    fn list(tree: &Tree, path: &str, text: &mut String) {
        for (name, value) in &tree.attributes {
            *text += &format!("{path} @{name}: {value:?}\n");
        }
        for (name, dataset) in &tree.datasets {
            let tensor = &dataset.tensor;
            let (dtype, shape) = (tensor.dtype(), tensor.shape());
            let values = tensor.read_f64().unwrap();
            *text += &format!("{path}/{name}: {dtype} {shape:?} {values:?}\n");
            *text += &format!("  {:?}\n", dataset.attributes);
        }
        for (name, group) in &tree.groups {
            list(group, &format!("{path}/{name}"), text);
        }
    }
    let mut text = String::new();
    list(tree, "", &mut text);
    text
}

/// The same model as if it had never been trained: without the slots of its optimizer.
fn untrained(original: &Original, to: &Path) -> bool {
    let Ok(Some(state)) = &original.graph.optimizer else {
        return false;
    };
    let can_be_built = state.options.implementation >= Implementation::TfLegacy
        && state.options.loss_scale.is_none();
    if !can_be_built || state.slots.is_empty() {
        return false;
    }
    let names: Vec<String> = state
        .numbers
        .iter()
        .filter(|(number, _)| *number != Number::UProduct)
        .map(|(_, tensor)| tensor.path().trim_start_matches('/').to_owned())
        .collect();
    let mut weights = tree(&original.path);
    let mut changes = Changes::default();
    let zero = |path: &String, tensor: &StoredTensor| {
        let bytes = vec![0; tensor.byte_len()];
        StoredTensor::from_parts(path, tensor.shape(), tensor.dtype(), bytes).unwrap()
    };
    for ((_, tensor), path) in state.numbers.iter().zip(&names) {
        changes.tensors.insert(path.clone(), zero(path, tensor));
    }
    if names[0].starts_with("optimizer_weights") {
        let listed = names
            .iter()
            .map(|name| name.strip_prefix("optimizer_weights/").unwrap());
        let listed: Vec<String> = listed.map(str::to_owned).collect();
        weights.groups.remove("optimizer_weights");
        if state.options.implementation == Implementation::TfLegacy {
            // Nothing is there before the first step.
            changes.tensors.clear();
        } else {
            let group = weights.group("optimizer_weights").unwrap();
            group.set_list("weight_names", &listed);
        }
    } else {
        let group = weights.groups.get_mut("optimizer").unwrap();
        group.groups.get_mut("vars").unwrap().datasets.clear();
    }
    for (path, tensor) in changes.tensors {
        weights.put(&path, tensor).unwrap();
    }
    let _ = fs::remove_file(to);
    if original.ending() == ".h5" {
        weights.write_new(to).unwrap();
    } else {
        let members = content(&original.path);
        let members: Vec<(&str, Member<'_>)> = members
            .iter()
            .map(|(name, bytes)| match name.as_str() {
                "model.weights.h5" => (name.as_str(), Member::Hdf5(&weights)),
                _ => (name.as_str(), Member::Bytes(bytes)),
            })
            .collect();
        writer::write_archive(to, &members).unwrap();
    }
    true
}

fn assert_equal(found: &[u8], expected: &[u8], of: &Path) -> usize {
    let (found, expected) = (tensors(found), tensors(expected));
    let names = expected
        .keys()
        .filter(|name| found.get(*name) != expected.get(*name));
    let names: Vec<&String> = names.collect();
    assert!(names.is_empty(), "{}: {names:?}", of.display());
    assert_eq!(found.len(), expected.len());
    expected.len()
}

#[test]
fn what_has_not_been_trained_gives_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let mut states = 0;
    for original in all_originals() {
        let state = original.optimizer();
        states += usize::from(state.is_some());
        let copy = original.export(folder.path(), &original.weights(), state.as_deref());
        let (found, expected) = (content(&copy), content(&original.path));
        assert!(found == expected, "{}", original.path.display());
    }
    assert!(states > 100, "{states}");
}

#[test]
fn every_trained_value_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (mut weights_seen, mut slots_seen) = (0, 0);
    for original in all_originals() {
        let weights = trained(&original.weights(), &original.counts(), &BTreeMap::new());
        let state = original.optimizer();
        let state = state.map(|state| trained(&state, &BTreeSet::new(), &original.numbers()));
        let again = original.again(&original.export(folder.path(), &weights, state.as_deref()));
        weights_seen += assert_equal(&again.weights(), &weights, &original.path);
        if let Some(state) = state {
            let found = again.optimizer().unwrap();
            slots_seen += assert_equal(&found, &state, &original.path);
            let numbers = original.numbers();
            assert_eq!(scalars(&found, &numbers), scalars(&state, &numbers));
        }
        // What is neither stays.
        assert_eq!(again.graph.training_config, original.graph.training_config);
        assert_eq!(again.plan.digest(), original.plan.digest());
    }
    assert!(weights_seen > 2000, "{weights_seen}");
    assert!(slots_seen > 1000, "{slots_seen}");
}

/// What Keras would have made with the first step is made: variables, their order and their names.
#[test]
fn state_goes_into_a_model_that_was_never_trained() {
    let folder = tempfile::tempdir().unwrap();
    let mut classes = BTreeSet::new();
    for original in originals(&root().join("tests/fixtures/resume")) {
        let path = folder
            .path()
            .join(format!("untrained{}", original.ending()));
        let Some(state) = original.optimizer() else {
            continue;
        };
        if !untrained(&original, &path) {
            continue;
        }
        let fresh = Original::open(&path).unwrap();
        assert!(fresh.optimizer().is_none());
        let copy = fresh.export(folder.path(), &original.weights(), Some(&state));
        let (found, expected) = (listing(&tree(&copy)), listing(&tree(&original.path)));
        for (found, expected) in found.lines().zip(expected.lines()) {
            assert_eq!(found, expected, "{}", original.path.display());
        }
        assert_eq!(found.len(), expected.len());
        let options = &original
            .graph
            .optimizer
            .as_ref()
            .unwrap()
            .as_ref()
            .unwrap()
            .options;
        classes.insert((options.class, options.implementation, original.ending()));
    }
    assert!(classes.len() > 52, "{classes:?}");
}

/// Weights that are stored in another type than the record's: rounded to it, and where they have not
/// changed as exact as they were.
#[test]
fn values_take_the_type_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Original::open(&root().join("models/keras/branches_k3.h5")).unwrap();
    for dtype in [Dtype::F16, Dtype::Bf16, Dtype::F64] {
        let mut file = tree(&sample.path);
        for layer in &sample.graph.layers {
            for weight in &layer.weights {
                let stored = &weight.tensor;
                // Between two numbers of float32
                let values = stored.read_f64().unwrap().into_iter();
                let values: Vec<f64> = values.map(|value| value * (1.0 + 1e-12)).collect();
                let bytes = dtype.from_f64(&values);
                let other = StoredTensor::from_parts(stored.path(), stored.shape(), dtype, bytes);
                file.put(stored.path().trim_start_matches('/'), other.unwrap())
                    .unwrap();
            }
        }
        let path = folder.path().join(format!("{dtype}.h5"));
        file.write_new(&path).unwrap();
        let original = Original::open(&path).unwrap();
        let weights = original.weights();
        let copy = original.export(folder.path(), &weights, None);
        assert!(content(&copy) == content(&path), "{dtype}");

        let weights = trained(&weights, &BTreeSet::new(), &BTreeMap::new());
        let again = original.again(&original.export(folder.path(), &weights, None));
        for (name, expected) in tensors(&weights) {
            let expected = dtype.from_f64(&Dtype::F32.to_f64(&expected));
            let found = &tensors(&again.weights())[&name];
            assert_eq!(dtype.to_f64(&expected), Dtype::F32.to_f64(found), "{name}");
        }
        let weights = again.graph.layers.iter().flat_map(|layer| &layer.weights);
        let dtypes: BTreeSet<&str> = weights.map(|w| w.tensor.dtype().name()).collect();
        assert_eq!(dtypes, BTreeSet::from([dtype.name()]));
    }
}

/// Of an archive, the weights alone can be written too.
#[test]
fn weights_of_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let path = root().join("tests/fixtures/containers/functional_k3/model.keras");
    let original = Original::open(&path).unwrap();
    let record = folder.path().join("net.bpk");
    fs::write(&record, &original.weights()[..]).unwrap();
    let output = folder.path().join("new.weights.h5");
    // An older file is replaced.
    fs::write(&output, "old").unwrap();
    let export = Export::new(record).like(&path).output(&output);
    assert_eq!(export.run().unwrap(), output);
    let members = content(&path).into_iter();
    let members: BTreeMap<String, Vec<u8>> = members.collect();
    assert_eq!(fs::read(&output).unwrap(), members["model.weights.h5"]);
    // Nothing is left beside it.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// What Burn itself saves names neither the model nor Keras, and may be of another namespace.
#[test]
fn records_that_burn_has_saved() {
    let folder = tempfile::tempdir().unwrap();
    let original = Original::open(&root().join("models/keras/branches_k3.h5")).unwrap();
    let anonymous = |bytes: &[u8]| {
        let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes.to_vec())).unwrap();
        let (scalars, metadata) = (reader.scalars().clone(), reader.metadata().clone());
        let renamed = |name: &str| match name.split_once('.') {
            Some((id, field)) if id.parse::<u64>().is_ok() => {
                format!("{}.{field}", id.parse::<u64>().unwrap() / 2)
            }
            _ => name.to_owned(),
        };
        let tensors = reader
            .into_tensors()
            .unwrap()
            .into_iter()
            .map(|mut tensor| {
                tensor.name = renamed(&tensor.name);
                tensor
            });
        let mut writer = Writer::new(tensors.rev().collect::<Vec<_>>());
        for (key, value) in scalars.iter().filter(|(key, _)| !key.starts_with("keras.")) {
            writer = writer.with_scalar(&renamed(key), *value);
        }
        for (key, value) in &metadata {
            if let Ok(id) = key.parse::<u64>() {
                writer = writer.with_metadata(&(id / 2).to_string(), value);
            }
        }
        writer.into_bytes().unwrap()
    };
    let weights = anonymous(&original.weights());
    let state = anonymous(&original.optimizer().unwrap());
    let copy = original.export(folder.path(), &weights, Some(&state));
    assert!(content(&copy) == content(&original.path));
}

/// A damaged record, or a damaged original, is an error or another value, never a panic.
#[test]
fn damaged_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let sample = root().join("models/keras/sgd_k3.h5");
    let original = Original::open(&sample).unwrap();
    let weights = original.weights();
    let state = original.optimizer().unwrap();
    let file = fs::read(&sample).unwrap();
    let path = |name: &str| folder.path().join(name);
    let export = || {
        let export = Export::new(path("net.bpk")).optimizer(path("state.bpk"));
        export.like(path("net.h5")).output(path("new.h5")).run()
    };
    let mut refused = 0;
    for seed in 0..300_usize {
        let damaged = |bytes: &[u8], part: usize| {
            let mut bytes = bytes.to_vec();
            if seed % 3 == part {
                let at = seed.wrapping_mul(7919) % bytes.len();
                bytes[at] ^= 1 << (seed % 8);
                if seed % 7 == 0 {
                    bytes.truncate(at);
                }
            }
            bytes
        };
        fs::write(path("net.bpk"), damaged(&weights, 0)).unwrap();
        fs::write(path("state.bpk"), damaged(&state, 1)).unwrap();
        fs::write(path("net.h5"), damaged(&file, 2)).unwrap();
        refused += usize::from(export().is_err());
    }
    assert!(refused > 50, "{refused}");
}
