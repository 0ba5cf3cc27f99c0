//! Two models in every form of every era's writer (`tests/fixtures/make_versions.py`): all forms of a writer
//! give one graph, with weights equal to the bit. `docs/containers.md` says what is read of each; with
//! `UPDATE_DOCS=1` the test writes it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod same;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use keras_ir::{Graph, ReadOptions, read};
use same::{assert_same, slots};

/// A form of a saved model.
struct Form {
    /// For people.
    name: &'static str,
    /// The file, or folder, behind `<model>.`; and the architecture where the file has weights alone.
    file: &'static str,
    architecture: Option<&'static str>,
    /// Who wrote it.
    since: &'static str,
}

const fn form(
    name: &'static str,
    file: &'static str,
    architecture: Option<&'static str>,
    since: &'static str,
) -> Form {
    Form {
        name,
        file,
        architecture,
        since,
    }
}

const FORMS: &[Form] = &[
    form(
        "`.h5`, whole model",
        "h5",
        None,
        "`model.save(\"model.h5\")` of every version, and until TensorFlow 2.12 `model.save(\"model.keras\")`. Keras \
         3.0 and 3.1 cannot save models in it whose layers inside of others have weights of one name",
    ),
    form(
        "`.keras` archive",
        "keras",
        None,
        "`model.save(\"model.keras\")` from TensorFlow 2.13 and in Keras 3; in TensorFlow 2.12 with \
         `save_format=\"keras_v3\"`",
    ),
    form(
        "unpacked `.keras` folder",
        "folder",
        None,
        "`model.save(folder, zipped=False)` from Keras 3.5, and the folder that an archive is unpacked to",
    ),
    form(
        "SavedModel",
        "savedmodel",
        None,
        "`model.save(folder)` of TensorFlow 2.0 to 2.15 and of tf_keras, `export_saved_model` of TensorFlow \
         1.14 to 2.1 (here that of 1.15). What was traced for TensorFlow is not looked at",
    ),
    form(
        "weights `.h5`, listed by layer, with JSON",
        "list.h5",
        Some("json"),
        "`model.save_weights(\"weights.h5\")` until TensorFlow 2.15, and of tf_keras, with `model.to_json()`",
    ),
    form(
        "weights `.h5`, listed by layer, with YAML",
        "list.h5",
        Some("yaml"),
        "`model.to_yaml()` until Keras 2.3 and TensorFlow 2.5; 2.3.4, 2.4.4, 2.5.3 and later have none",
    ),
    form(
        "`.weights.h5` with JSON",
        "weights.h5",
        Some("json"),
        "`model.save_weights(\"model.weights.h5\")` from TensorFlow 2.12 and in Keras 3",
    ),
    form(
        "shards of weights with JSON",
        "shards/model.weights.json",
        Some("json"),
        "`model.save_weights(\"model.weights.json\", max_shard_size=…)` from Keras 3.10",
    ),
    form(
        "checkpoint with JSON",
        "checkpoint/weights",
        Some("json"),
        "`model.save_weights(\"weights\")` of tf.keras and of tf_keras",
    ),
];

const MODELS: [&str; 2] = ["functional", "sequential"];

/// What is read of a form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    architecture: &'static str,
    weights: &'static str,
    state: &'static str,
    training: &'static str,
}

/// Files that their writers left incomplete, with what the report says.
const INCOMPLETE: &[(&str, &str, &str, Row)] = &[(
    "tf-1.10",
    "checkpoint/weights",
    "missing weight",
    Row {
        architecture: "yes",
        weights: "no: this version left those of recurrent layers out of checkpoints",
        state: "not saved",
        training: "not saved",
    },
)];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The archives with the files of each writer, oldest first.
fn writers() -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(root().join("tests/fixtures/versions")).unwrap();
    let mut writers: Vec<(String, PathBuf)> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    writers.sort_by_key(|(name, _)| {
        let (package, version) = name.rsplit_once('-').unwrap();
        let numbers = version.split('.').map(|number| number.parse().unwrap());
        let version: Vec<u32> = numbers.collect();
        let era = match package {
            "keras" if version[0] < 3 => 0,
            "tf" => 1,
            "tf_keras" => 2,
            _ => 3,
        };
        (era, version)
    });
    assert!(writers.len() >= 25);
    writers
}

/// Writers as people call them: `Keras 2.0.0, 2.0.8; TensorFlow 1.10`.
fn titles(writers: &[&str]) -> String {
    let mut text = String::new();
    let mut last = "";
    for writer in writers {
        let (package, version) = writer.rsplit_once('-').unwrap();
        let title = match (package, version.split('.').next()) {
            ("keras", Some("1")) => " Keras",
            ("keras", Some("2")) => "Keras",
            ("keras", _) => "Keras ",
            ("tf", _) => "TensorFlow",
            (other, _) => other,
        };
        if title == last {
            let _ = write!(text, ", {version}");
        } else {
            let between = if text.is_empty() { "" } else { "; " };
            let _ = write!(text, "{between}{} {version}", title.trim());
        }
        last = title;
    }
    text
}

fn open(folder: &Path, model: &str, form: &Form) -> Option<Result<Graph, String>> {
    let beside = |end: &str| folder.join(format!("{model}.{end}"));
    let file = beside(form.file);
    let exists = file.exists() || beside(&format!("{}.index", form.file)).exists();
    let architecture = form.architecture.map(beside);
    if !exists || architecture.as_ref().is_some_and(|path| !path.exists()) {
        return None;
    }
    let options = ReadOptions {
        architecture,
        ..ReadOptions::default()
    };
    Some(read(file, options).map_err(|report| report.to_string()))
}

fn row(graph: &Graph) -> Result<Row, String> {
    let state = match &graph.optimizer {
        Ok(Some(optimizer)) if !optimizer.slots.is_empty() => "yes",
        Ok(Some(_)) => return Err("an optimizer without its slots".into()),
        Ok(None)
            if graph
                .notes
                .iter()
                .any(|note| note.contains("without a training config")) =>
        {
            "no: which optimizer it is of, the config of neither file says"
        }
        Ok(None)
            if graph
                .notes
                .iter()
                .any(|note| note.contains("the state of the optimizer")) =>
        {
            return Err(graph.notes.join("; "));
        }
        Ok(None) => "not saved",
        Err(problems) => {
            let problems = problems.iter().map(ToString::to_string);
            return Err(problems.collect::<Vec<_>>().join("; "));
        }
    };
    let training = match &graph.training_config {
        Some(_) => "yes",
        None => "not saved",
    };
    Ok(Row {
        architecture: "yes",
        weights: "yes",
        state,
        training,
    })
}

/// Adds what is read of a form of a writer, which is the same for both models.
fn add(table: &mut Vec<(String, Row)>, writer: &str, row: Row) {
    match table.last() {
        Some((known, of_other)) if known == writer => {
            assert_eq!(*of_other, row, "{writer}")
        }
        _ => table.push((writer.to_owned(), row)),
    }
}

/// The releases of Keras 1, which had one form; their numbers are in the tests of the backends.
fn of_keras1() -> BTreeMap<String, Row> {
    let folder = root().join("tests/fixtures/keras1");
    let mut rows = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("versions_") || !name.ends_with(".h5") {
            continue;
        }
        let graph = read(&path, ReadOptions::default()).unwrap_or_else(|report| panic!("{report}"));
        let version = graph.keras_version.clone().unwrap();
        rows.insert(format!("keras-{version}"), row(&graph).unwrap());
    }
    assert!(rows.len() >= 4);
    rows
}

#[test]
fn every_form_of_every_writer_is_read() {
    let mut problems = Vec::new();
    let mut tables: Vec<Vec<(String, Row)>> = FORMS.iter().map(|_| Vec::new()).collect();
    assert_eq!(FORMS[0].file, "h5");
    tables[0].extend(of_keras1());
    for (writer, archive) in writers() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = zip::ZipArchive::new(File::open(archive).unwrap()).unwrap();
        archive.extract(folder.path()).unwrap();
        for model in MODELS {
            let mut first: Option<Graph> = None;
            for (form, table) in FORMS.iter().zip(&mut tables) {
                let place = format!("{writer}, {model}, {}", form.name);
                let graph = match open(folder.path(), model, form) {
                    None => continue,
                    Some(Ok(graph)) => graph,
                    Some(Err(report)) => {
                        let mut known = INCOMPLETE.iter();
                        let known = known.find(|(of, file, text, _)| {
                            *of == writer && *file == form.file && report.contains(text)
                        });
                        match known {
                            Some((.., row)) => add(table, &writer, row.clone()),
                            None => problems.push(format!("{place}: {report}")),
                        }
                        continue;
                    }
                };
                let expected = first.get_or_insert_with(|| graph.clone());
                assert_same(&writer, &place, &graph, expected);
                match row(&graph) {
                    Ok(row) => {
                        if row.state == "yes" {
                            assert_eq!(slots(&graph), slots(expected), "{place}");
                        }
                        add(table, &writer, row);
                    }
                    Err(problem) => problems.push(format!("{place}: {problem}")),
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    check_page(&print(&tables));
}

fn print(tables: &[Vec<(String, Row)>]) -> String {
    let mut text = String::from(
        "# Containers\n\n\
         Written by the tests of `keras-ir` (`UPDATE_DOCS=1 cargo test -p keras-ir --test versions`), which \
         hold it against\nwhat they see. The files in `tests/fixtures/versions` were saved by these very \
         versions: a functional model with\nlayers shared, nested and masked, and a Sequential, trained for a \
         step with Adam and SGD. All forms of one writer\ngive the same layers and calls, weights that are \
         equal to the bit, and the same state of the optimizer.\n\
         Files of Keras 1 are those of `tests/fixtures/keras1`.\n\n\
         A version that is not listed writes like the one before it, as far as is known.\n",
    );
    for (form, rows) in FORMS.iter().zip(tables) {
        let _ = write!(text, "\n## {}\n\n{}.\n\n", form.name, form.since);
        text.push_str(
            "| written by | architecture | weights | optimizer's state | training config |\n\
             |--|--|--|--|--|\n",
        );
        let mut same: BTreeMap<&Row, Vec<&str>> = BTreeMap::new();
        for (writer, row) in rows {
            same.entry(row).or_default().push(writer);
        }
        for (row, writers) in same {
            let Row {
                architecture,
                weights,
                state,
                training,
            } = row;
            let _ = writeln!(
                text,
                "| {} | {architecture} | {weights} | {state} | {training} |",
                titles(&writers)
            );
        }
    }
    text
}

fn check_page(text: &str) {
    let path = root().join("docs/containers.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, text).unwrap();
        return;
    }
    let current = fs::read_to_string(path).unwrap_or_default();
    assert!(
        current == text,
        "docs/containers.md is not current; write it with UPDATE_DOCS=1"
    );
}
