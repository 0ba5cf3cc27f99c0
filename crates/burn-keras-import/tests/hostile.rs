//! Configs of strangers: whatever stands in one, reading and lowering it ends in a model or in a
//! report, never in a panic.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use burn_keras_import::codegen::{CodegenOptions, generate};
use burn_keras_import::lower::lower;
use burn_keras_import::record;
use keras_ir::container::{Container, H5File};
use keras_ir::summary::Summary;
use keras_ir::{ReadOptions, json, read_config};
use serde_json::{Value, json};

/// A small generator of numbers with a fixed start (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (end.max(1) as u64)).unwrap()
    }
}

/// How many values a config holds, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(entries) => entries.values().map(count).sum(),
        _ => 0,
    }
}

/// The value at `position` of a walk through the config.
fn at(value: &mut Value, mut position: usize) -> &mut Value {
    if position == 0 {
        return value;
    }
    position -= 1;
    let children: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(entries) => entries.values_mut().collect(),
        _ => unreachable!("a position behind the end"),
    };
    for child in children {
        let size = count(child);
        if position < size {
            return at(child, position);
        }
        position -= size;
    }
    unreachable!("a position behind the end")
}

fn mutate(config: &mut Value, numbers: &mut Numbers) {
    let size = count(config);
    let other = at(config, numbers.below(size)).clone();
    let place = at(config, numbers.below(size));
    *place = match numbers.below(12) {
        0 => Value::Null,
        1 => json!(-1),
        2 => json!(0),
        3 => json!(u64::MAX),
        4 => json!(1_u64 << 40),
        5 => json!(1e308),
        6 => json!("x"),
        7 => json!([]),
        8 => json!({}),
        9 => json!([0, 0, 0]),
        10 => json!(7),
        _ if count(&other) < 200 => other,
        _ => json!(true),
    };
}

fn models() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut models = Vec::new();
    for folder in [
        "models/keras",
        "tests/fixtures/structure",
        "tests/fixtures/conv2d",
        "tests/fixtures/conv1d",
        "tests/fixtures/lstm",
        "tests/fixtures/mask_merge",
        "tests/fixtures/operations",
        "tests/fixtures/softmax",
        "tests/fixtures/zero_padding",
        "tests/fixtures/reshape",
        "tests/fixtures/batch_normalization",
    ] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        models.extend(paths.filter(|path| path.extension().is_some_and(|end| end == "h5")));
    }
    models.sort();
    models
}

#[test]
fn no_config_makes_a_panic() {
    let rounds: usize = std::env::var("BURN_KERAS_MUTATIONS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(15);
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut read = 0;
    for path in models() {
        let file = H5File::open(&path).unwrap();
        let text = file.string_attribute("/", "model_config").unwrap().unwrap();
        let original = json::parse(&text).unwrap();
        if count(&original) > 20_000 {
            continue;
        }
        let version = file.string_attribute("/", "keras_version").unwrap();
        for _ in 0..rounds {
            let mut config = original.clone();
            for _ in 0..=numbers.below(3) {
                mutate(&mut config, &mut numbers);
            }
            let options = ReadOptions::default();
            let graph = read_config(&file, "model.h5", &config, None, version.clone(), options);
            let Ok(graph) = graph else { continue };
            let _ = Summary::with_nested(&graph, true).to_string();
            if let Ok(plan) = lower(&graph, "model") {
                generate(&plan, &CodegenOptions::default());
                let _ = record::weights(&plan, &graph);
                read += 1;
            }
        }
    }
    assert!(read > 100, "only {read} configs were read");
}
