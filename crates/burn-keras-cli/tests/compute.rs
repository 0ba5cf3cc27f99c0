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
