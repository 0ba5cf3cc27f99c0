//! `run` and `verify` on the sample models, whose references Keras computed.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/keras");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "h5"));
    files.sort();
    assert!(!files.is_empty());
    files
}

fn burn_keras(command: &str, files: &[&Path], options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_burn-keras"))
        .arg(command)
        .args(files)
        .args(options)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

#[test]
fn samples_are_equal_to_keras() {
    for model in samples() {
        let case = model.with_extension("npz");
        for device in ["flex", "ndarray"] {
            let done = burn_keras("verify", &[&model, &case], &["--device", device]);
            assert_eq!(
                done.status.code(),
                Some(0),
                "{}: {}",
                model.display(),
                text(&done)
            );
            assert!(
                text(&done).contains("equal: largest difference"),
                "{}",
                text(&done)
            );
        }
    }
}

#[test]
fn a_difference_is_status_1() {
    let folder = tempfile::tempdir().unwrap();
    let model = samples().remove(0);
    let case = model.with_extension("npz");
    // Not even rounding is accepted: some output of some sample differs by a bit.
    let strict = ["--rtol", "0", "--atol", "0"];
    let strict = samples().iter().any(|model| {
        let case = model.with_extension("npz");
        burn_keras("verify", &[model, &case], &strict).status.code() == Some(1)
    });
    assert!(strict);

    // Outputs of `run` are a reference like any other, but hold no inputs.
    let out = folder.path().join("out.npz");
    let out_text = out.to_str().unwrap();
    let done = burn_keras("run", &[&model, &case], &["-o", out_text]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done));
    assert!(text(&done).starts_with("output_0 "), "{}", text(&done));
    let first = std::fs::read(&out).unwrap();
    burn_keras("run", &[&model, &case], &["-o", out_text]);
    assert_eq!(std::fs::read(&out).unwrap(), first);
    let done = burn_keras("verify", &[&model, &out], &[]);
    assert_eq!(done.status.code(), Some(2));
    assert!(
        text(&done).contains("are needed for the inputs"),
        "{}",
        text(&done)
    );
}

/// The arrays of `npz` under other names.
fn arrays(npz: &Path, rename: impl Fn(&str) -> Option<String>) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(npz).unwrap()).unwrap();
    let mut arrays = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        if let Some(name) = rename(&file.name().unwrap()) {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
            arrays.push((name, bytes));
        }
    }
    arrays
}

/// What the first half gives is what the second half takes, masks included; its outputs are Keras's.
#[test]
fn halves_follow_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    let lost = "a mask would be lost";
    // Keras 3 writes its masks down as operations.
    let connected = "input_layer → not_equal → lstm_0 is still connected";
    for (model, cut, without) in [
        ("lstm/masked_0_k2.h5", "embedding,embedding:mask", lost),
        ("lstm/masked_0_k3.h5", "embedding,not_equal", connected),
    ] {
        let model = fixtures.join(model);
        let case = model.with_extension("npz");
        let middle = folder.path().join("middle.npz");
        let to = ["--to", cut, "-o", middle.to_str().unwrap()];
        let done = burn_keras("run", &[&model, &case], &to);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done));
        let names = "output_0 embedding [";
        assert!(text(&done).starts_with(names), "{}", text(&done));

        let inputs = |name: &str| Some(name.replace("output_", "input_"));
        let outputs = |name: &str| name.starts_with("output_").then(|| name.to_owned());
        let second = folder.path().join("second.npz");
        let mut archive = zip::ZipWriter::new(std::fs::File::create(&second).unwrap());
        for (name, bytes) in [arrays(&middle, inputs), arrays(&case, outputs)].concat() {
            let options = zip::write::SimpleFileOptions::default();
            archive.start_file(name, options).unwrap();
            std::io::Write::write_all(&mut archive, &bytes).unwrap();
        }
        archive.finish().unwrap();
        let done = burn_keras("verify", &[&model, &second], &["--from", cut]);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done));
        let refused = burn_keras("verify", &[&model, &second], &["--from", "embedding"]);
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
        assert!(text(&refused).contains(without), "{}", text(&refused));
    }
}

#[test]
fn another_models_case_is_bad_input() {
    let samples = samples();
    let of = |name: &str| {
        let mut found = samples.iter().filter(|path| path.ends_with(name));
        found.next().unwrap()
    };
    let case = of("sgd_k3.h5").with_extension("npz");
    let done = burn_keras("verify", &[of("chain_k3.h5"), &case], &[]);
    assert_eq!(done.status.code(), Some(2), "{}", text(&done));
    assert!(text(&done).starts_with("error: "), "{}", text(&done));
}
