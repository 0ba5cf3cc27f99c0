//! Records of the sample models.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

use burn_pack::{Reader, Scalar};
use keras_ir::optimizer::{Optimizer, SlotName};
use keras_ir::{Graph, ReadOptions};

use crate::lower;
use crate::plan::Plan;

use super::*;

fn samples() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/keras");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "h5"));
    files.sort();
    assert!(!files.is_empty());
    files
}

fn read(path: impl AsRef<std::path::Path>) -> (Graph, Plan) {
    let graph = keras_ir::read(path, ReadOptions::default()).unwrap();
    let plan = lower::lower(&graph, "net").unwrap();
    (graph, plan)
}

fn sample(name: &str) -> (Graph, Plan) {
    read(format!(
        "{}/../../models/keras/{name}.h5",
        env!("CARGO_MANIFEST_DIR")
    ))
}

fn state(graph: &Graph) -> Option<&Optimizer> {
    graph.optimizer.as_ref().unwrap().as_ref()
}

fn floats(reader: &Reader, name: &str) -> Vec<f32> {
    let bytes = reader.tensor_data(name).unwrap();
    let (elements, _) = bytes.as_chunks::<4>();
    elements.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

#[test]
fn weights_lie_as_the_plan_says_and_bytes_are_the_same_every_time() {
    for path in samples() {
        let (graph, plan) = read(&path);
        let bytes = || weights(&plan, &graph).unwrap().into_bytes().unwrap();
        let first = bytes();
        assert_eq!(first, bytes(), "{}", path.display());
        let found = layout::of_weights_bytes(&first).unwrap();
        assert_eq!(found.to_string(), layout::of_weights(&plan).to_string());
        assert_eq!(found.entries.len(), plan.parameters.len());
    }
}

#[test]
fn optimizer_state_lies_as_the_plan_says_and_bytes_are_the_same_every_time() {
    let mut trained = 0;
    for path in samples() {
        let (graph, plan) = read(&path);
        let Some(state) = state(&graph) else {
            continue;
        };
        trained += 1;
        let record = || optimizer(&plan, &graph, state).unwrap().unwrap();
        let first = record().into_bytes().unwrap();
        assert_eq!(first, record().into_bytes().unwrap(), "{}", path.display());
        let found = layout::of_optimizer_bytes(&first).unwrap();
        let expected = layout::of_optimizer(&plan, &graph, state);
        assert_eq!(found.to_string(), expected.to_string());
        assert_eq!(found.entries.len(), state.slots.len());
    }
    assert!(trained > 0);
}

#[test]
fn kernels_are_permuted_and_their_slots_with_them() {
    let (graph, plan) = sample("branches_k3");
    let parameter = plan
        .parameters
        .iter()
        .find(|parameter| parameter.shape.len() == 3)
        .unwrap();
    let [outputs, inputs, width] = parameter.shape[..] else {
        unreachable!("a kernel of rank 3");
    };
    let same = |burn: &[f32], keras: &[f32]| {
        for o in 0..outputs {
            for i in 0..inputs {
                for w in 0..width {
                    let burn = burn[(o * inputs + i) * width + w];
                    assert_eq!(burn, keras[(w * inputs + i) * outputs + o]);
                }
            }
        }
    };
    let bytes = weights(&plan, &graph).unwrap().into_bytes().unwrap();
    let reader = Reader::from_bytes(bytes).unwrap();
    let weight = &graph.layer(parameter.weight.layer).weights[parameter.weight.index];
    let keras = weight.tensor.read_f32().unwrap();
    same(&floats(&reader, &parameter.path), &keras);

    let state = state(&graph).unwrap();
    let record = optimizer(&plan, &graph, state).unwrap().unwrap();
    let bytes = record.into_bytes().unwrap();
    let reader = Reader::from_bytes(bytes).unwrap();
    let id = parameter.id("net");
    for (slot, field) in [
        (keras_ir::optimizer::SlotName::Momentum, "moment_1"),
        (keras_ir::optimizer::SlotName::Velocity, "moment_2"),
    ] {
        let mut slots = state.slots.iter();
        let slot = slots.find(|s| s.weight == parameter.weight && s.name == slot);
        let keras = slot.unwrap().tensor.read_f32().unwrap();
        same(&floats(&reader, &format!("{id}.momentum.{field}")), &keras);
    }
    let scalars = reader.scalars();
    let steps = Scalar::UInt(state.iterations.unwrap());
    assert_eq!(scalars[&format!("{id}.momentum.time")], steps);
    assert_eq!(scalars[&format!("{id}.__rank")], Scalar::UInt(3));
    assert_eq!(scalars[ITERATIONS_KEY], steps);
    assert_eq!(reader.metadata()[&id.to_string()], parameter.path);
    assert_eq!(reader.metadata()[SOURCE_KEY], plan.digest());
}

/// The trained models of `tests/fixtures/resume`, with every optimizer.
fn resumed() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/resume");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| {
        let ending = file.extension().and_then(|ending| ending.to_str());
        matches!(ending, Some("h5" | "keras")) && !file.ends_with("adam_legacy.keras")
    });
    files.sort();
    files
}

#[test]
fn slots_of_every_optimizer_lie_as_their_weights() {
    let mut classes = std::collections::BTreeSet::new();
    let mut count = 0;
    for path in resumed() {
        let (graph, plan) = read(&path);
        let Ok(Some(state)) = &graph.optimizer else {
            continue;
        };
        count += 1;
        let name = path.display();
        let record = optimizer(&plan, &graph, state).unwrap_or_else(|e| panic!("{name}: {e}"));
        let bytes = record.unwrap().into_bytes().unwrap();
        let again = optimizer(&plan, &graph, state).unwrap().unwrap();
        assert_eq!(bytes, again.into_bytes().unwrap(), "{name}");
        let found = layout::of_optimizer_bytes(&bytes).unwrap();
        let expected = layout::of_optimizer(&plan, &graph, state);
        assert_eq!(found.to_string(), expected.to_string(), "{name}");
        assert_eq!(found.entries.len(), state.slots.len(), "{name}");

        let class = state.options.class;
        classes.insert(class);
        let table = fields(class);
        let reader = Reader::from_bytes(bytes).unwrap();
        let scalars = reader.scalars();
        let steps = state.options.gradient_accumulation_steps.unwrap_or(1);
        for slot in &state.slots {
            let mut parameters = plan.parameters.iter();
            let parameter = parameters.find(|p| p.weight == slot.weight).unwrap();
            let mut all = BASE.iter().chain(table.slots);
            let field = all.find(|field| field.slot == slot.name).unwrap().field;
            let id = parameter.id("net");
            let values = floats(&reader, &format!("{id}.{field}"));
            let keras = slot.tensor.read_f32().unwrap();
            let is_reduced = matches!(slot.name.as_str(), "r" | "c");
            let axes = parameter.param.source.transform.permutation();
            let expected = match axes.filter(|_| !is_reduced) {
                Some(axes) => permute(&keras, slot.tensor.shape(), axes),
                None => keras,
            };
            assert_eq!(values, expected, "{name} {} {field}", parameter.path);
            let rank = Scalar::UInt(parameter.shape.len() as u64);
            assert_eq!(scalars[&format!("{id}.__rank")], rank);
            if let Some(time) = table.time {
                let time = &scalars[&format!("{id}.{time}")];
                assert_eq!(*time, Scalar::UInt(state.iterations.unwrap() / steps));
            }
            if let Some(product) = state.u_product {
                let found = &scalars[&format!("{id}.u_product")];
                assert_eq!(*found, Scalar::Float(product));
            }
        }
        let scale = state.loss_scale.map(|state| Scalar::Float(state.scale));
        assert_eq!(scalars.get(LOSS_SCALE_KEY), scale.as_ref(), "{name}");
        assert_eq!(reader.metadata()[OPTIMIZER_CLASS_KEY], class.as_str());
    }
    assert!(count > 150, "only {count} records");
    assert_eq!(classes.len(), 13, "{classes:?}");
}

#[test]
fn a_slot_that_an_option_asks_for_is_missed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/resume");
    for (case, slot) in [
        ("adafactor_k3.keras", SlotName::R),
        ("adam_amsgrad_k3.h5", SlotName::VelocityHat),
        ("ema_k3.h5", SlotName::Average),
        ("muon_k3.h5", SlotName::Velocity),
        ("rmsprop_centered_k3.h5", SlotName::AverageGradient),
    ] {
        let (graph, plan) = read(format!("{folder}/{case}"));
        let mut state = state(&graph).unwrap().clone();
        let taken = state.slots.iter().position(|found| found.name == slot);
        let taken = state.slots.remove(taken.unwrap());
        let report = optimizer(&plan, &graph, &state).unwrap_err();
        let layer = graph.layer(taken.weight.layer);
        let weight = layer.weights[taken.weight.index].name;
        assert_eq!(report.problems.len(), 1, "{report}");
        let problem = &report.problems[0];
        assert_eq!(problem.layer.as_deref(), Some(&*layer.path), "{report}");
        let key = format!("{weight}: {}", slot.as_str());
        assert_eq!(problem.key.as_deref(), Some(&*key), "{report}");
        assert!(report.to_string().contains("--fresh-optimizer"));
    }
}

#[test]
fn a_record_in_another_order_lists_like_the_plan() {
    let (_, plan) = sample("nested_k3");
    let expected = layout::of_weights(&plan);
    let mut other = expected.clone();
    other.entries.sort_by(|a, b| a.path.cmp(&b.path));
    other
        .entries
        .iter_mut()
        .for_each(|entry| entry.keras = None);
    assert_ne!(other, expected);
    assert_eq!(other.like(&expected), expected);
}

#[test]
fn misfits_are_reported_together() {
    let (mut graph, plan) = sample("branches_k3");
    // One slot too few, one of another shape, one of a weight that is not trained.
    let Ok(Some(state)) = &mut graph.optimizer else {
        unreachable!("a trained model");
    };
    let mut state = state.clone();
    let last = state.slots.pop().unwrap();
    let error = optimizer(&plan, &graph, &state).unwrap_err().to_string();
    assert!(error.contains("no such slot"), "{error}");
    assert!(error.contains(last.name.as_str()), "{error}");

    let statistic = plan.parameters.iter().find(|p| !p.trained).unwrap();
    state.slots[0].weight = statistic.weight;
    let wide = keras_ir::container::StoredTensor::from_parts(
        "wide",
        [1],
        keras_ir::container::Dtype::F32,
        vec![0; 4],
    );
    state.slots[1].tensor = wide.unwrap();
    let report = optimizer(&plan, &graph, &state).unwrap_err();
    let text = report.to_string();
    assert_eq!(report.problems.len(), 2, "{text}");
    assert!(text.contains("not trained"), "{text}");

    let mut wrong = plan.clone();
    wrong.parameters[0].shape.push(7);
    wrong.parameters[1].weight.index = 99;
    let report = weights(&wrong, &graph).unwrap_err();
    assert_eq!(report.problems.len(), 2, "{report}");
}
