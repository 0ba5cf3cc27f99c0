//! Every rule, every option and every schedule against `keras.txt`, which
//! `tests/fixtures/make_optimizers.py` writes: Keras 3.15 (`k3`), the optimizers of tf_keras 2.21
//! (`new`) and `tf_keras.optimizers.legacy` (`legacy`).

mod cases;
mod net;
mod record;
mod schedule;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use burn::{
    module::Module,
    optim::GradientsParams,
    store::burn_pack::Reader,
    tensor::{Device, Tensor},
};

use crate::{
    ids::param_id,
    optim::*,
    testing::{devices, values},
};
use cases::{Case, cases, variables};
use net::Net;

const NUMBERS: &str = include_str!("keras.txt");
const STEPS: usize = 10;
/// A Conv2D kernel in Burn.
const CONV: [usize; 4] = [3, 2, 0, 1];

type Numbers = BTreeMap<&'static str, Vec<f64>>;

/// `keras.txt`, by what follows `case` or `schedule`.
fn expected(kind: &str) -> BTreeMap<(&'static str, &'static str), Numbers> {
    let mut found = BTreeMap::new();
    let mut current = None;
    for line in NUMBERS.lines() {
        if let Some((name, numbers)) = line.split_once(": ") {
            let numbers = numbers.split(' ').map(|x| x.parse().unwrap()).collect();
            if let Some(at) = current {
                let case: &mut Numbers = found.entry(at).or_default();
                case.insert(name, numbers);
            }
        } else {
            let mut words = line.split(' ');
            let of_kind = words.next() == Some(kind);
            let generation = words.next().unwrap();
            current = of_kind.then(|| (generation, words.next().unwrap_or_default()));
        }
    }
    found
}

/// The largest `|a - b| / (1 + |b|)`.
fn difference(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    pairs
        .map(|(a, b)| (f64::from(*a) - b).abs() / (1.0 + b.abs()))
        .fold(0.0, f64::max)
}

/// Slots by `path/slot`, in Keras's layout.
fn slots(optimizer: &KerasOptimizer) -> BTreeMap<String, Vec<f32>> {
    let reader = Reader::from_bytes(optimizer.save_bytes().unwrap()).unwrap();
    let fields = optimizer.config().rule.fields();
    let mut found = BTreeMap::new();
    for path in [
        "dense/kernel",
        "dense/bias",
        "token_embedding/embeddings",
        "conv/kernel",
    ] {
        let id = param_id("net", &path.replace('/', ".")).val();
        let base = [
            ("average", "keras.average"),
            ("gradient_accumulator", "keras.gradient_accumulator"),
        ];
        let all = fields
            .slots
            .iter()
            .map(|field| (field.slot, field.field))
            .chain(base);
        for (slot, field) in all {
            let Ok(bytes) = reader.tensor_data(&format!("{id}.{field}")) else {
                continue;
            };
            let flat: Vec<f32> = bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
                .collect();
            let flat = if path == "conv/kernel" && !matches!(slot, "r" | "c") {
                let burn = Tensor::<1>::from_floats(&flat[..], &devices()[0]).reshape([3, 2, 1, 2]);
                values(burn.permute([2, 3, 1, 0]))
            } else {
                flat
            };
            found.insert(format!("{path}/{slot}"), flat);
        }
    }
    found
}

fn train(case: &Case, device: &Device, reload: bool) -> (Net, KerasOptimizer) {
    let mut config = case.config.clone();
    for (path, variable) in variables() {
        config.variables.entry(path).or_insert(variable);
    }
    let mut net = Net::new(device);
    let mut optimizer = config.init(&net).unwrap();
    for t in 0..STEPS {
        let infinite = case.run.infinite == Some(t);
        let scale = if infinite {
            f64::INFINITY
        } else {
            case.run.scale.unwrap_or(1.0)
        };
        let gradients = net.gradients(t, scale, !case.run.missing || t % 2 == 0);
        net = optimizer.step(net, gradients);
        if reload {
            let bytes = optimizer.save_bytes().unwrap();
            assert_eq!(
                bytes[..],
                optimizer.save_bytes().unwrap()[..],
                "{}",
                case.name
            );
            optimizer = config.init(&net).unwrap();
            optimizer.load_bytes(&net, bytes.to_vec()).unwrap();
            assert_eq!(
                bytes[..],
                optimizer.save_bytes().unwrap()[..],
                "{}",
                case.name
            );
        }
    }
    if case.run.finalize {
        net = optimizer.finalize(net);
    }
    (net, optimizer)
}

#[test]
fn steps_equal_keras() {
    let device = devices()[0].clone().autodiff();
    let mut expected = expected("case");
    let mut failures = Vec::new();
    for case in cases() {
        let (net, optimizer) = train(&case, &device, false);
        let found = net.values();
        for generation in ["k3", "new", "legacy"] {
            let Some(keras) = expected.remove(&(generation, case.name)) else {
                continue;
            };
            let mut found = found.clone();
            if generation == "k3" {
                found.extend(slots(&optimizer));
                assert_eq!(keras["iterations"], [optimizer.iterations() as f64]);
            }
            for (name, values) in &keras {
                let name = String::from(*name);
                let Some(found) = found.remove(&name) else {
                    // dummies and zeros that are not kept
                    let zero = values.iter().all(|value| *value == 0.0);
                    if name.contains('/') && !zero {
                        failures.push(format!("{generation} {}: {name} is missing", case.name));
                    }
                    continue;
                };
                let difference = difference(&found, values);
                if difference.is_nan() || difference > 1e-6 {
                    failures.push(format!("{generation} {} {name}: {difference:e}", case.name));
                }
            }
            if generation == "k3" {
                found.retain(|name, _| !keras.contains_key(name.as_str()));
                for name in found.keys() {
                    failures.push(format!("{generation} {}: Keras has no {name}", case.name));
                }
            }
        }
    }
    let left: BTreeSet<_> = expected.keys().collect();
    assert!(left.is_empty(), "not tested: {left:?}");
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Burn's `ModuleOptimizer` with a rule makes the same steps, and its records are read.
#[test]
fn rules_alone_make_the_same_steps() {
    let device = devices()[0].clone().autodiff();
    for case in cases() {
        let rule = &case.config.rule;
        let config = KerasOptimizerConfig::new(rule.clone(), 0.1.into());
        // there a name decides
        let muon = matches!(rule, OptimizerConfig::Muon(_));
        let mut burns = rule.init();
        let mut nets = [Net::new(&device), Net::new(&device)];
        let mut optimizer = config.init(&nets[1]).unwrap();
        for t in 0..3 {
            let [a, b] = nets;
            let (of_a, of_b) = (a.gradients(t, 1.0, true), b.gradients(t, 1.0, true));
            nets = [burns.step(0.1, a, of_a), optimizer.step(b, of_b)];
        }
        if muon {
            continue;
        }
        let [found, expected] = nets.each_ref().map(Net::values);
        assert_eq!(found, expected, "{}", case.name);

        let bytes = save_optimizer_bytes(&burns).unwrap();
        let mut loaded = config.init(&nets[0]).unwrap();
        let fresh = loaded.load_bytes(&nets[0], bytes.to_vec()).unwrap();
        assert!(fresh.is_empty(), "{}: {fresh:?}", case.name);
        let again = load_optimizer_bytes(rule.init(), &nets[0], loaded.save_bytes().unwrap());
        assert_eq!(
            save_optimizer_bytes(&again.unwrap()).unwrap()[..],
            bytes[..],
            "{}",
            case.name
        );
    }
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let device = devices()[0].clone().autodiff();
    let net = Net::new(&device);
    let refused = |config: KerasOptimizerConfig, expected: &str| {
        let error = config.init(&net).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let sgd = || KerasOptimizerConfig::new(SgdConfig::new().into(), 0.1.into());
    let variable = |path: &str, variable| {
        sgd().with_variables(BTreeMap::from([(String::from(path), variable)]))
    };
    refused(
        sgd().with_gradient_accumulation_steps(Some(1)),
        "must be at least 2",
    );
    refused(
        sgd().with_exclude_from_weight_decay(vec!["(?=a)".into()]),
        "the regular expression \"(?=a)\" cannot be used",
    );
    refused(
        variable("dense.weight", Variable::new()),
        "dense.weight: not in the module",
    );
    refused(
        variable(
            "dense.kernel",
            Variable::new().with_layout(Some((vec![3, 3], vec![1, 0]))),
        ),
        "is not [2, 3]",
    );
    refused(
        variable(
            "dense.bias",
            Variable::new().with_constraint(Some(Constraint::UnitNorm { axis: vec![1] })),
        ),
        "axis 1 is not one of 1",
    );
    let mut twice = net.clone();
    twice.token_embedding.embeddings.id = twice.dense.kernel.id;
    assert!(matches!(
        sgd().init(&twice),
        Err(OptimizerError::DuplicateIds { .. })
    ));
}

#[test]
fn frozen_parameters_stay() {
    let device = devices()[0].clone().autodiff();
    let mut net = Net::new(&device);
    net.dense = net.dense.no_grad();
    let config = KerasOptimizerConfig::new(AdamConfig::new().into(), 0.1.into())
        .with_weight_decay(Some(0.1))
        .with_ema(Some(Ema::new()));
    let mut optimizer = config.init(&net).unwrap();
    let before = net.values();
    let loss = net.dense.kernel.val().sum() * net.conv.kernel.val().sum();
    let gradients = GradientsParams::from_grads(loss.backward(), &net);
    let net = optimizer.step(net, gradients);
    let after = net.values();
    for (path, values) in &before {
        assert_eq!(after[path] == *values, path != "conv/kernel", "{path}");
    }
    assert!(net.conv.kernel.val().is_require_grad());
    assert!(!net.dense.kernel.val().is_require_grad());
    let saved = slots(&optimizer);
    assert!(!saved.keys().any(|slot| slot.starts_with("dense")));
    let mut loaded = config.init(&net).unwrap();
    let fresh = loaded.load_bytes(&net, optimizer.save_bytes().unwrap());
    assert_eq!(fresh.unwrap(), ["token_embedding.embeddings"]);
}

/// The table of the module's documentation is the data.
#[test]
fn the_table_of_fields_is_documented() {
    let text = include_str!("../../optim.rs");
    let mut seen = BTreeSet::new();
    for case in cases() {
        let rule = case.config.rule;
        let fields = rule.fields();
        let time = fields.time.map_or("-".into(), |time| format!("`{time}`"));
        let slots = fields.slots.iter();
        let slots: Vec<_> = slots
            .map(|field| format!("`{}`: `{}`", field.slot, field.field))
            .collect();
        let row = format!(
            "//! | `{}` | {time} | {} |\n",
            rule.class(),
            slots.join(", ")
        );
        assert!(text.contains(&row), "{row}");
        seen.insert(rule.class());
    }
    assert_eq!(seen.len(), 12);
}
