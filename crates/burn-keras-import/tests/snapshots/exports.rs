//! Exports that are refused: one clear report each, and what stands in the output's place stays.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use burn_keras_import::lower::lower;
use burn_keras_import::{Export, record};
use burn_pack::{Bytes, DType, Reader, Tensor, Writer};
use keras_ir::{ReadOptions, read};

use super::{check, root};

struct Workshop {
    folder: tempfile::TempDir,
}

impl Workshop {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The records of the sample `name`: `NAME.bpk` and `NAME.optimizer.bpk`.
    fn records(&self, name: &str) -> PathBuf {
        let graph = read(sample(name), ReadOptions::default()).unwrap();
        let plan = lower(&graph, name).unwrap();
        let path = self.path(&format!("{name}.bpk"));
        let weights = record::weights(&plan, &graph).unwrap();
        weights.write_new(&path).unwrap();
        if let Ok(Some(state)) = &graph.optimizer
            && let Some(state) = record::optimizer(&plan, &graph, state).unwrap()
        {
            let path = self.path(&format!("{name}.optimizer.bpk"));
            state.write_new(&path).unwrap();
        }
        path
    }

    /// The record at `path` with other tensors and scalars.
    fn edited(&self, path: &Path, name: &str, edit: impl FnOnce(&mut Record)) -> PathBuf {
        let bytes = fs::read(path).unwrap();
        let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes)).unwrap();
        let (scalars, mut metadata) = (reader.scalars().clone(), reader.metadata().clone());
        let tensors = reader.into_tensors().unwrap();
        let mut record = Record {
            tensors,
            learning_rate: None,
            anonymous: false,
        };
        edit(&mut record);
        if record.anonymous {
            metadata.remove(record::SOURCE_KEY);
            metadata.remove(record::OPTIMIZER_CLASS_KEY);
        }
        let mut writer = Writer::new(record.tensors).auto_extension(false);
        for (key, value) in scalars {
            let rate = record
                .learning_rate
                .filter(|_| key == record::LEARNING_RATE_KEY);
            writer = writer.with_scalar(&key, rate.map_or(value, Into::into));
        }
        for (key, value) in metadata {
            writer = writer.with_metadata(&key, &value);
        }
        let path = self.path(name);
        writer.write_to_file(&path).unwrap();
        path
    }

    /// Compares the error with the snapshot of its name.
    fn refuse(&self, name: &str, export: &Export, output: &str) {
        let output = self.path(output);
        let before = fs::read(&output).ok();
        let text = match export.clone().output(&output).run() {
            Ok(_) => panic!("{name} was exported"),
            Err(error) => error.to_string(),
        };
        assert_eq!(fs::read(&output).ok(), before, "{name}");
        let text = text
            .replace(&format!("{}/", self.folder.path().display()), "")
            .replace(&format!("{}/", root().display()), "");
        let mut settings = insta::Settings::clone_current();
        settings.add_filter("[0-9a-f]{16}", "DIGEST");
        settings.bind(|| check(&format!("wrong_export.{name}"), &text));
    }
}

struct Record {
    tensors: Vec<Tensor>,
    learning_rate: Option<f64>,
    /// Whether it says no more whose it is, like those that Burn saves.
    anonymous: bool,
}

impl Record {
    fn find(&mut self, end: &str) -> &mut Tensor {
        let mut tensors = self.tensors.iter_mut();
        tensors.find(|tensor| tensor.name.ends_with(end)).unwrap()
    }
}

fn sample(name: &str) -> PathBuf {
    root().join(format!("models/keras/{name}.h5"))
}

fn zeros(name: &str, shape: &[usize], dtype: DType) -> Tensor {
    let bytes = vec![0; shape.iter().product::<usize>() * dtype.size()];
    Tensor::new(
        name.into(),
        dtype,
        shape.to_vec(),
        None,
        Bytes::from_bytes_vec(bytes),
    )
}

#[test]
fn records_that_do_not_fit() {
    let shop = Workshop::new();
    let other = shop.records("nested_k3");
    let own = shop.records("branches_k3");
    let like = sample("branches_k3");
    let refuse = |name: &str, record: &Path| {
        shop.refuse(name, &Export::new(record).like(&like), "new.h5");
    };
    refuse("record_of_another_model", &other);
    refuse("record_that_is_none", &root().join("README.md"));
    refuse("record_that_is_a_folder", &root().join("models"));
    let path = shop.edited(&own, "broken.bpk", |record| {
        record.tensors.remove(0);
        *record.find("bias") = zeros("stranger.bias", &[2], DType::F32);
        let kernel = record.find("weight");
        *kernel = zeros(&kernel.name.clone(), &[7, 7], DType::F32);
        let last = record.tensors.last_mut().unwrap();
        *last = zeros(&last.name.clone(), &last.shape.to_vec(), DType::I32);
    });
    refuse("record_with_every_problem", &path);
}

#[test]
fn optimizer_records_that_do_not_fit() {
    let shop = Workshop::new();
    shop.records("sgd_k3");
    let untrained = shop.records("siamese_k3");
    let own = shop.records("branches_k3");
    let state = shop.path("branches_k3.optimizer.bpk");
    let export = |state: &Path| {
        Export::new(&own)
            .like(sample("branches_k3"))
            .optimizer(state)
    };
    let refuse = |name: &str, state: &Path| shop.refuse(name, &export(state), "new.h5");
    refuse("state_of_another_model", &shop.path("sgd_k3.optimizer.bpk"));
    let path = shop.edited(&state, "broken.optimizer.bpk", |record| {
        record.tensors.remove(3);
        let slot = record.find("moment_2");
        *slot = zeros(&slot.name.clone(), &[1], DType::F32);
        record
            .tensors
            .push(zeros("7.momentum.moment_1", &[1], DType::F32));
    });
    refuse("state_with_every_problem", &path);
    let anonymous = shop.edited(&state, "anonymous.optimizer.bpk", |record| {
        record.anonymous = true;
    });
    let export = Export::new(untrained)
        .like(sample("siamese_k3"))
        .optimizer(anonymous);
    shop.refuse("state_for_a_model_without", &export, "new.h5");

    // Keras 2 keeps the rate in its training config.
    let shop = Workshop::new();
    let own = shop.records("branches_k2");
    let state = shop.path("branches_k2.optimizer.bpk");
    let faster = shop.edited(&state, "faster.optimizer.bpk", |record| {
        record.learning_rate = Some(0.125);
    });
    let like = sample("branches_k2");
    let export = Export::new(own).like(like).optimizer(faster);
    shop.refuse("learning_rate_without_a_place", &export, "new.h5");
}

#[test]
fn originals_and_outputs_that_do_not_fit() {
    let shop = Workshop::new();
    let record = shop.records("branches_k3");
    let like = |original: &Path| Export::new(&record).like(original);
    let containers = root().join("tests/fixtures/containers/functional_k3");
    let refuse = |name: &str, original: &Path, output: &str| {
        shop.refuse(name, &like(original), output);
    };
    refuse("original_that_is_none", &root().join("README.md"), "new.h5");
    refuse(
        "original_that_is_json",
        &containers.join("model.json"),
        "new.json",
    );
    let weights = containers.join("model.weights.h5");
    refuse(
        "original_without_an_architecture",
        &weights,
        "new.weights.h5",
    );

    let unpack = |archive: PathBuf, to: &Path| {
        let mut archive = zip::ZipArchive::new(File::open(archive).unwrap()).unwrap();
        archive.extract(to).unwrap();
    };
    let saved_model = shop.path("saved_model");
    unpack(
        root().join("tests/fixtures/saved_model/functional.zip"),
        &saved_model,
    );
    refuse("original_that_is_a_saved_model", &saved_model, "new.keras");
    let unpacked = shop.path("unpacked");
    unpack(containers.join("model.keras"), &unpacked);
    refuse("original_that_is_unpacked", &unpacked, "new.keras");

    refuse("ending_of_hdf5", &sample("branches_k3"), "new.keras");
    refuse(
        "ending_of_an_archive",
        &containers.join("model.keras"),
        "new.h5",
    );
    refuse("ending_of_weights", &weights, "new.h5");

    let copy = shop.path("branches_k3.h5");
    fs::copy(sample("branches_k3"), &copy).unwrap();
    refuse("output_over_the_original", &copy, "branches_k3.h5");
    fs::create_dir(shop.path("folder.h5")).unwrap();
    refuse("output_over_a_folder", &copy, "folder.h5");
}
