//! Records: training goes on from them, and those that do not fit are refused.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use burn::store::burn_pack::{Reader, Scalar, Tensor as PackTensor, Writer};

use super::{
    cases::{Case, case, cases},
    net::Net,
    train,
};
use crate::{
    ids::param_id,
    optim::*,
    testing::{close, devices},
};

#[test]
fn training_goes_on_from_a_record() {
    let device = devices()[0].clone().autodiff();
    for case in cases() {
        let (once, _) = train(&case, &device, false);
        let (again, _) = train(&case, &device, true);
        for (path, values) in once.values() {
            close(&again.values()[&path], &values, 0.0);
        }
    }
}

type Change<'a> =
    &'a dyn Fn(&mut Vec<PackTensor>, &mut BTreeMap<String, Scalar>, &mut BTreeMap<String, String>);

/// The record after one step with tensors, scalars and metadata changed must be refused so.
fn refused(case: &Case, expected: &str, change: Change<'_>) {
    let device = devices()[0].clone().autodiff();
    let net = Net::new(&device);
    let mut optimizer = case.config.init(&net).unwrap();
    let gradients = net.gradients(0, 1.0, true);
    let net = optimizer.step(net, gradients);
    let saved = optimizer.save_bytes().unwrap();
    let reader = Reader::from_bytes(saved.clone()).unwrap();
    let (mut scalars, mut metadata) = (reader.scalars().clone(), reader.metadata().clone());
    let mut tensors = reader.into_tensors().unwrap();
    change(&mut tensors, &mut scalars, &mut metadata);
    let mut writer = Writer::new(tensors);
    for (name, value) in scalars {
        writer = writer.with_scalar(&name, value);
    }
    for (name, value) in metadata {
        writer = writer.with_metadata(&name, &value);
    }
    let bytes = writer.into_bytes().unwrap();
    let error = optimizer.load_bytes(&net, bytes.to_vec()).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert_eq!(optimizer.save_bytes().unwrap()[..], saved[..]);
}

#[test]
fn records_that_do_not_fit_are_refused() {
    let adam = case("adam", AdamConfig::new());
    let id = |path: &str| param_id("net", path).val();
    let kernel = format!("{}.momentum.moment_2", id("dense.kernel"));
    refused(
        &adam,
        "dense.kernel: momentum.moment_2 is missing",
        &|tensors, _, _| tensors.retain(|tensor| tensor.name != kernel),
    );
    refused(
        &adam,
        "dense.kernel: momentum.moment_2 [6], it should be [2, 3]",
        &|tensors, _, _| {
            let at = tensors.iter().position(|t| t.name == kernel).unwrap();
            tensors[at].shape = vec![6].into();
        },
    );
    refused(
        &adam,
        "the state of SGD, the optimizer is Adam",
        &|_, _, metadata| {
            metadata.insert("keras.optimizer.class".into(), "SGD".into());
        },
    );
    refused(
        &adam,
        "dense.weight: the module has dense.kernel under the same id",
        &|_, _, metadata| {
            metadata.insert(id("dense.kernel").to_string(), "dense.weight".into());
        },
    );
    refused(
        &adam,
        "keras.iterations: 0, but a parameter counts 1",
        &|_, scalars, _| {
            scalars.insert("keras.iterations".into(), Scalar::UInt(0));
        },
    );
    refused(
        &adam,
        "dense.bias: momentum.time is missing",
        &|_, scalars, _| {
            scalars.remove(&format!("{}.momentum.time", id("dense.bias")));
        },
    );
    refused(
        &adam,
        "other: not in the module",
        &|_, scalars, metadata| {
            scalars.insert("7.__rank".into(), Scalar::UInt(2));
            metadata.insert("7".into(), "other".into());
        },
    );
    refused(
        &adam,
        "dense.bias: no place for momentum.max_moment_2",
        &|tensors, _, _| {
            let field = format!("{}.momentum.moment_2", id("dense.bias"));
            let mut more = tensors.iter().find(|t| t.name == field).unwrap().clone();
            more.name = format!("{}.momentum.max_moment_2", id("dense.bias"));
            tensors.push(more);
        },
    );
    let scheduled = case("schedule", AdamConfig::new()).with(|mut c| {
        c.learning_rate = Schedule::PiecewiseConstantDecay {
            boundaries: vec![1.0],
            values: vec![1.0, 2.0],
        }
        .into();
        c
    });
    refused(
        &scheduled,
        "keras.learning_rate: the optimizer has a schedule",
        &|_, scalars, _| {
            scalars.insert("keras.learning_rate".into(), Scalar::Float(0.1));
        },
    );
    let ema =
        case("ema", SgdConfig::new().with_momentum(0.5)).with(|c| c.with_ema(Some(Ema::new())));
    refused(&ema, "conv.kernel: average is missing", &|tensors, _, _| {
        let field = format!("{}.keras.average", id("conv.kernel"));
        tensors.retain(|tensor| tensor.name != field);
    });
}

#[test]
fn files_are_replaced() {
    let device = devices()[0].clone().autodiff();
    let net = Net::new(&device);
    let config = KerasOptimizerConfig::new(LionConfig::new().into(), 0.1.into());
    let mut optimizer = config.init(&net).unwrap();
    let gradients = net.gradients(0, 1.0, true);
    let net = optimizer.step(net, gradients);
    let name = format!("burn-keras-nn-{}.keras.optimizer.bpk", std::process::id());
    let path = std::env::temp_dir().join(name);
    for _ in 0..2 {
        optimizer.save_file(&path).unwrap();
    }
    let mut loaded = config.init(&net).unwrap();
    assert!(loaded.load_file(&net, &path).unwrap().is_empty());
    assert_eq!(
        loaded.save_bytes().unwrap()[..],
        optimizer.save_bytes().unwrap()[..]
    );
    std::fs::remove_file(&path).unwrap();
    let error = loaded.load_file(&net, &path).unwrap_err();
    assert!(matches!(error, crate::LoadError::Io { .. }), "{error}");
}
