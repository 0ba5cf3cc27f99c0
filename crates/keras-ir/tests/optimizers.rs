//! The state of every optimizer, from each form that Keras saves it in, against the arrays that Keras
//! names: `tests/fixtures/resume`.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use keras_ir::container::{Dtype, StoredTensor};
use keras_ir::graph::optimizer::Slot;
use keras_ir::graph::{Graph, LayerKind};
use keras_ir::training::optimizer::Rule;
use keras_ir::{ReadOptions, read};
use zip::ZipArchive;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/resume")
}

/// An array: its shape and its values.
type Array = (Vec<usize>, Vec<f64>);

/// `state/...` of a case: what Keras had when it saved.
fn expected(case: &str) -> BTreeMap<String, Array> {
    let file = File::open(folder().join(format!("{case}.steps.npz"))).unwrap();
    let mut archive = ZipArchive::new(file).unwrap();
    let mut states = BTreeMap::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).unwrap();
        let name = member.name().unwrap().into_owned();
        if let Some(key) = name.strip_prefix("state/") {
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            let key = key.strip_suffix(".npy").unwrap();
            states.insert(key.to_owned(), array(&bytes));
        }
    }
    assert!(!states.is_empty(), "{case}");
    states
}

/// NumPy's format: a header that says `'descr': '<f4'` and `'shape': (2, 3)`, then the values.
fn array(npy: &[u8]) -> Array {
    let start = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    let header = std::str::from_utf8(&npy[10..start]).unwrap();
    let after = |key: &str| header.split_once(key).unwrap().1;
    let dtype = after("'descr': '").split('\'').next().unwrap();
    let shape = after("'shape': (").split(')').next().unwrap();
    let shape = shape
        .split(',')
        .map(str::trim)
        .filter(|axis| !axis.is_empty());
    let shape: Vec<usize> = shape.map(|axis| axis.parse().unwrap()).collect();
    let dtype = match dtype {
        "<f4" => Dtype::F32,
        "<f8" => Dtype::F64,
        "<i4" => Dtype::I32,
        "<i8" => Dtype::I64,
        other => panic!("{other}"),
    };
    let tensor = StoredTensor::from_parts("npy", shape.clone(), dtype, npy[start..].to_vec());
    (shape, tensor.unwrap().read_f64().unwrap())
}

/// `layer/weight/slot`, with the name of the outermost layer that is no model.
fn key(graph: &Graph, slot: &Slot) -> String {
    let layer = graph.layer(slot.weight.layer);
    let is_model = |name: &&str| {
        let mut layers = graph.layers.iter();
        layers.any(|layer| layer.name == *name && matches!(layer.kind, LayerKind::Model(_)))
    };
    let mut names = layer.path.split('/').skip_while(is_model);
    let name = names.next().unwrap();
    let weight = layer.weights[slot.weight.index].name;
    format!("{name}/{weight}/{}", slot.name.as_str())
}

/// The cases, and the forms of each.
fn cases() -> BTreeMap<String, Vec<PathBuf>> {
    let mut cases: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|ending| ending == "h5" || ending == "keras")
        {
            let case = path.file_stem().unwrap().to_str().unwrap().to_owned();
            cases.entry(case).or_default().push(path);
        }
    }
    assert!(cases.len() > 60, "only {} cases", cases.len());
    cases
}

#[test]
fn slots_are_those_that_keras_names() {
    let mut failures = Vec::new();
    for (case, forms) in cases() {
        let expected = expected(&case);
        for path in forms {
            let ending = path.extension().unwrap().to_str().unwrap();
            let form = format!("{case}.{ending}");
            let graph = read(&path, ReadOptions::default()).unwrap();
            let state = match &graph.optimizer {
                // Nothing is saved, which cannot be told from no step.
                Err(problems) if form.ends_with("legacy.keras") => {
                    let text = problems[0].to_string();
                    assert!(text.contains("--fresh-optimizer"), "{form}: {text}");
                    continue;
                }
                Ok(None) if form == "sgd_legacy.keras" => continue,
                Ok(Some(state)) => state,
                other => {
                    failures.push(format!("{form}: {other:?}"));
                    continue;
                }
            };
            let number = |name: &str| expected.get(name).map(|(_, values)| values[0]);
            let mut same = |name: &str, found: Option<f64>| {
                if let (Some(found), Some(wanted)) = (found, number(name))
                    && (found - wanted).abs() > 1e-6 * wanted.abs()
                {
                    failures.push(format!("{form} {name}: {found}, Keras has {wanted}"));
                }
            };
            #[allow(clippy::cast_precision_loss)]
            same("iterations", state.iterations.map(|steps| steps as f64));
            same("learning_rate", state.learning_rate);
            // Whether tf.keras ran eagerly, which changes the product, is in no `.h5`.
            if form != "nadam_eager_k2.h5" {
                same("u_product", state.u_product);
            }
            same("dynamic_scale", state.loss_scale.map(|state| state.scale));
            if number("u_product").is_some() && state.u_product.is_none() {
                failures.push(format!("{form}: no u_product"));
            }
            if form.contains("_k3.") && number("dynamic_scale").is_some() {
                assert!(state.loss_scale.is_some(), "{form}");
            }
            let mut found = BTreeMap::new();
            for slot in &state.slots {
                found.insert(key(&graph, slot), slot.tensor.clone());
            }
            assert_eq!(found.len(), state.slots.len(), "{form}");
            // Without momentum tf.keras keeps a slot that decides nothing.
            let wanted = expected.iter().filter(|(key, _)| key.contains('/'));
            let wanted: BTreeMap<_, _> = wanted.collect();
            let idle = matches!(state.options.rule, Rule::Sgd { momentum: 0.0, .. });
            let is_same = found.keys().eq(wanted.keys().copied()) || (idle && found.is_empty());
            if !is_same {
                let (found, wanted): (Vec<_>, Vec<_>) =
                    (found.keys().collect(), wanted.keys().collect());
                failures.push(format!("{form}: {found:?}, Keras has {wanted:?}"));
                continue;
            }
            for (key, tensor) in &found {
                let (shape, values) = &expected[key];
                if tensor.shape() != shape || tensor.read_f64().unwrap() != *values {
                    failures.push(format!("{form} {key}: other values"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
