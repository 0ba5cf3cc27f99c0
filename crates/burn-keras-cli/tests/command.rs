//! The command as people run it: what it prints where, and how it exits.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn sample(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("../../models/keras").join(name)
}

fn burn_keras(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_burn-keras"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn import_writes_the_files_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let model = sample("sgd_k3.h5");
    let model = model.to_str().unwrap();
    let done = burn_keras(&["import", model, "-o", out, "--name", "regression"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let printed = text(&done.stdout);
    assert!(printed.starts_with("Model: "), "{printed}");
    for ending in ["bpk", "optimizer.bpk", "summary.txt", "rs"] {
        let file = folder.path().join(format!("regression.{ending}"));
        assert!(file.exists(), "{ending}");
        assert!(printed.contains(file.to_str().unwrap()), "{printed}");
    }
    let messages = text(&done.stderr);
    assert!(messages.contains("burn-keras-nn = "), "{messages}");
    assert!(
        !messages.contains('\x1b'),
        "no progress without a terminal: {messages:?}"
    );
}

/// tf.keras saves nothing of its legacy optimizers in `.keras` files.
#[test]
fn an_optimizer_without_state_starts_anew_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    let model = fixtures.join("resume/sgd_momentum_legacy.keras");
    let import = ["import", model.to_str().unwrap(), "-o", out];
    let refused = burn_keras(&import);
    assert_eq!(refused.status.code(), Some(2));
    let messages = text(&refused.stderr);
    assert!(messages.contains("--fresh-optimizer"), "{messages}");
    for flag in ["--fresh-optimizer", "--no-optimizer"] {
        let done = burn_keras(&[&import[..], &[flag]].concat());
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        assert!(!text(&done.stdout).contains("optimizer.bpk"));
    }
    let both = [&import[..], &["--fresh-optimizer", "--no-optimizer"]].concat();
    assert_eq!(burn_keras(&both).status.code(), Some(2));
}

#[test]
fn export_is_the_way_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let model = sample("sgd_k3.h5");
    let model = model.to_str().unwrap();
    let done = burn_keras(&["import", model, "-o", &path(""), "--name", "net"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let record = path("net.bpk");
    let export = |output: &str| {
        let optimizer = path("net.optimizer.bpk");
        let records = ["export", &record, "--optimizer", &optimizer];
        burn_keras(&[&records[..], &["--like", model, "-o", output]].concat())
    };
    let output = path("new.h5");
    let done = export(&output);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout), format!("{output}\n"));
    let read = |path: &str| std::fs::read(path).unwrap();
    assert!(read(&output) == read(model));

    let refused = export(&path("new.keras"));
    assert_eq!(refused.status.code(), Some(2));
    let message = text(&refused.stderr);
    assert!(message.contains("ends in .h5 or .hdf5"), "{message}");
    assert!(refused.stdout.is_empty());
}

#[test]
fn a_part_is_exported_as_a_keras_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let model = sample("branches_k3.h5");
    let part = ["export", "--like", model.to_str().unwrap(), "--to", "dense"];
    let output = path("part.keras");
    let done = burn_keras(&[&part[..], &["-o", &output]].concat());
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout), format!("{output}\n"));
    let read = burn_keras(&["inspect", &output]);
    assert_eq!(read.status.code(), Some(0), "{}", text(&read.stdout));
    for arguments in [
        &["-o", &path("part.bpk")][..],
        &["net.bpk", "-o", &output],
        &["--optimizer", "net.bpk", "-o", &output],
    ] {
        let refused = burn_keras(&[&part[..], arguments].concat());
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(refused.stdout.is_empty());
    }
    // Keras 3's mask operations stand among the layers of this one.
    let (model, output) = (sample("siamese_k3.h5"), path("siamese.keras"));
    let done = burn_keras(&["export", "--like", model.to_str().unwrap(), "-o", &output]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let read = burn_keras(&["inspect", &output]);
    assert_eq!(read.status.code(), Some(0), "{}", text(&read.stdout));
}

#[test]
fn bad_input_is_status_2_and_all_of_it_is_on_stderr() {
    for arguments in [
        &["import", "there is no such file.h5"][..],
        &["summary", "there is no such file.h5"],
        &["summary"],
        &["export", "a.bpk", "--like", "no such file.h5", "-o", "b.h5"],
        &["verify", "a.h5", "b.npz", "--rtol=-1"],
        &["run", "a.h5", "b.npz"],
        &["no such command"],
    ] {
        let done = burn_keras(arguments);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}");
        assert!(done.stdout.is_empty(), "{arguments:?}");
        assert!(text(&done.stderr).starts_with("error: ") || arguments == ["summary"]);
    }
}

#[test]
fn summary_is_text_or_json() {
    let model = sample("nested_k3.h5");
    let model = model.to_str().unwrap();
    let flat = text(&burn_keras(&["summary", model]).stdout);
    let nested = text(&burn_keras(&["summary", model, "--expand-nested"]).stdout);
    assert!(nested.lines().count() > flat.lines().count());
    let narrow = text(&burn_keras(&["summary", model, "--line-length", "80"]).stdout);
    assert!(
        narrow.contains(&format!("\n{}\n", "─".repeat(80))),
        "{narrow}"
    );
    let json = text(&burn_keras(&["summary", model, "--json"]).stdout);
    assert!(json.starts_with("{\n") && json.ends_with("}\n"), "{json}");
}

#[test]
fn plot_writes_what_the_name_ends_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let model = sample("nested_k3.h5");
    let plot = |arguments: &[&str]| {
        let model = ["plot", model.to_str().unwrap()];
        burn_keras(&[&model[..], arguments].concat())
    };
    for (name, start) in [
        ("graph.svg", "<svg "),
        ("graph.dot", "digraph \"functional\" {\n"),
        ("graph.html", "<!doctype html>\n"),
    ] {
        let output = path(name);
        let done = plot(&["-o", &output]);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        assert_eq!(text(&done.stdout), format!("{output}\n"));
        assert!(std::fs::read_to_string(&output).unwrap().starts_with(start));
    }
    let read = |arguments: &[&str]| {
        let output = path("again.dot");
        let done = plot(&[&["-o", &output], arguments].concat());
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        std::fs::read_to_string(&output).unwrap()
    };
    assert!(!read(&[]).contains("subgraph"));
    assert!(read(&["--expand-nested"]).contains("subgraph"));
    assert!(read(&["--direction", "lr"]).contains("rankdir=LR"));
    assert!(read(&[]).contains("(None, 5)"));
    assert!(!read(&["--no-shapes"]).contains("(None, 5)"));
    assert!(!read(&["--to", "in_outer"]).contains("mid"));

    let refused = plot(&["-o", &path("graph.png")]);
    assert_eq!(refused.status.code(), Some(2));
    let message = text(&refused.stderr);
    assert!(
        message
            .contains("expected: a name that ends in .svg, .dot or .html\n     found: graph.png"),
        "{message}"
    );
    assert!(refused.stdout.is_empty());
    assert_eq!(folder.path().read_dir().unwrap().count(), 4);
}

#[test]
fn a_part_of_a_model_is_a_model() {
    let model = sample("branches_k2.h5");
    let model = model.to_str().unwrap();
    let part = ["--from", "activation,activation_1", "--to", "dense"];
    let json = text(&burn_keras(&[&["summary", model, "--json"], &part[..]].concat()).stdout);
    assert!(
        json.contains("\"inputs\": [\n    \"activation\",\n    \"activation_1\"\n  ]"),
        "{json}"
    );
    let inspected = burn_keras(&[&["inspect", model], &part[..]].concat());
    assert_eq!(inspected.status.code(), Some(0));
    assert!(text(&inspected.stdout).contains("activation_1"));
    let folder = tempfile::tempdir().unwrap();
    let out = ["import", model, "-o", folder.path().to_str().unwrap()];
    let imported = burn_keras(&[&out[..], &part[..]].concat());
    assert_eq!(
        imported.status.code(),
        Some(0),
        "{}",
        text(&imported.stderr)
    );

    let connected = burn_keras(&["summary", model, "--from", "activation"]);
    assert_eq!(connected.status.code(), Some(2));
    let message = text(&connected.stderr);
    assert!(message.contains("input_2 → conv1d_1 → "), "{message}");
}

/// What the options of surgery make is what every command looks at, a written Keras model too.
#[test]
fn a_model_is_changed_in_the_order_of_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let model = sample("branches_k3.h5");
    let model = model.to_str().unwrap();
    let changes = [
        "--replace",
        "dense",
        r#"Dense{"units": 5, "activation": "softmax"}"#,
        "--rename",
        "dense",
        "head",
        "--insert-before",
        "head",
        r#"{"class_name": "Dropout", "config": {"rate": 0.25, "name": "drop"}}"#,
        "--remove",
        "batch_normalization_1",
        "--fold",
        "--freeze",
        "conv*",
    ];
    let with = |command: &[&str]| burn_keras(&[command, &changes[..]].concat());
    let summary = with(&["summary", model, "--json"]);
    assert_eq!(summary.status.code(), Some(0), "{}", text(&summary.stderr));
    let summary: serde_json::Value = serde_json::from_slice(&summary.stdout).unwrap();
    let layers = summary["layers"].as_array().unwrap();
    let names: Vec<&str> = layers.iter().filter_map(|l| l["name"].as_str()).collect();
    assert_eq!(
        names[names.len() - 4..],
        ["concatenate", "global_average_pooling1d", "drop", "head"]
    );
    assert!(!names.iter().any(|name| name.starts_with("batch_")));
    assert_eq!(summary["params"], 104 + 104 + 45);
    assert_eq!(summary["trainable_params"], 45);

    let output = path("changed.keras");
    let written = with(&["export", "--like", model, "-o", &output]);
    assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
    let read = burn_keras(&["summary", &output, "--json"]);
    let read: serde_json::Value = serde_json::from_slice(&read.stdout).unwrap();
    assert_eq!(read["layers"], summary["layers"]);

    let imported = with(&["import", model, "-o", &path(""), "--name", "changed"]);
    assert_eq!(
        imported.status.code(),
        Some(0),
        "{}",
        text(&imported.stderr)
    );
    let source = std::fs::read_to_string(path("changed.rs")).unwrap();
    assert!(source.contains("pub head: Linear"), "{source}");

    // The other way round there is no such layer yet.
    let order = ["--freeze", "head", "--rename", "dense", "head"];
    let refused = burn_keras(&[&["summary", model], &order[..]].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("key: head"));
    let record = with(&["export", "net.bpk", "--like", model, "-o", &output]);
    assert_eq!(record.status.code(), Some(2));
    assert!(text(&record.stderr).contains("cannot be used with"));
    let seed = ["net.bpk", "--like", model, "--seed", "3", "-o", &output];
    let seed = burn_keras(&[&["export"], &seed[..]].concat());
    assert!(text(&seed.stderr).contains("cannot be used with"));
    let no_layer = burn_keras(&["summary", model, "--replace", "dense", "Dense(5)"]);
    assert_eq!(no_layer.status.code(), Some(2));
    assert!(text(&no_layer.stderr).contains(r#"Dense{"units": 3}"#));
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_burn-keras"))
        .args([
            "summary",
            sample("nested_k3.h5").to_str().unwrap(),
            "--json",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!(text(&done.stderr), "");
    assert_eq!(done.status.code(), Some(0));
}

fn transfer_fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/transfer");
    folder.join(name).to_str().unwrap().to_owned()
}

#[test]
fn an_optimizer_s_state_is_shown_and_moved() {
    let (from, to) = (transfer_fixture("from_k3.h5"), transfer_fixture("to_k3.h5"));
    let shown = burn_keras(&["optimizer", "show", &from]);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
    let shown = text(&shown.stdout);
    assert!(
        shown.starts_with("Adam, 3 steps, learning rate 0.0"),
        "{shown}"
    );
    assert_eq!(shown.lines().count(), 22);

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("padded.optimizer.bpk");
    let out = out.to_str().unwrap();
    let done = burn_keras(&["optimizer", "transfer", &from, &to, "-o", out]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let mapping = text(&done.stdout);
    assert_eq!(mapping.lines().count(), 10);
    assert!(
        mapping.starts_with("conv1d/kernel -> conv1d_2/kernel (by place)\n"),
        "{mapping}"
    );
    let moved = text(&burn_keras(&["optimizer", "show", out, "--json"]).stdout);
    assert!(moved.contains("\"path\": \"conv1d_2/kernel\""), "{moved}");

    let changed = burn_keras(&["optimizer", "show", out, "--freeze", "conv*"]);
    assert_eq!(changed.status.code(), Some(2));
    assert!(text(&changed.stderr).contains("found: a record, which is shown as it is"));
    // The other way round there is no state.
    let done = burn_keras(&["optimizer", "transfer", &to, &from, "-o", out]);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("expected: the state of an optimizer"));
}
