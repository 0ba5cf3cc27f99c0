//! Numbers from Keras 3.15.1 on TensorFlow: `v = keras.Variable(wave((2, 3), .1))`, then for `t` in
//! 0 .. 4 `optimizer.learning_rate.assign(.1 / (t + 1))` and
//! `optimizer.apply([wave((2, 3), t + 1.)], [v])`; for `wave` see `testing.rs`.
#![allow(clippy::excessive_precision)]

use super::*;
use crate::{
    ids::{param_id, stable_ids},
    record::LoadError,
    testing::{close, devices, values, wave},
};
use alloc::{string::ToString, vec::Vec};
use burn::{
    module::{Module, Param},
    optim::{GradientsParams, ModuleOptimizer},
    tensor::{Device, Tensor},
};

mod keras;

#[derive(Module, Debug)]
struct Net {
    v: Param<Tensor<2>>,
}

fn net(device: &Device) -> Net {
    let v = Param::from_tensor(wave([2, 3], 0.1, device).require_grad());
    stable_ids(Net { v }, "net")
}

fn step(optimizer: &mut ModuleOptimizer, net: Net, t: usize) -> Net {
    let v = net.v.val();
    let gradient = wave([2, 3], t as f64 + 1.0, &v.device());
    let grads = GradientsParams::from_grads((v * gradient).sum().backward(), &net);
    optimizer.step(0.1 / (t + 1) as f64, net, grads)
}

/// Four steps, and four steps with saving and loading in between.
fn check(make: impl Fn() -> ModuleOptimizer, expected: &[f32], slots: &[(&str, &[f32])]) {
    for device in devices() {
        let device = device.autodiff();
        let mut optimizer = make();
        let mut net = net(&device);
        for t in 0..4 {
            net = step(&mut optimizer, net, t);
            let bytes = save_optimizer_bytes(&optimizer).unwrap();
            assert_eq!(bytes[..], save_optimizer_bytes(&optimizer).unwrap()[..]);
            optimizer = load_optimizer_bytes(make(), &net, bytes.to_vec()).unwrap();
        }
        close(&values(net.v.val()), expected, 1e-6);
        let bytes = save_optimizer_bytes(&optimizer).unwrap();
        let reader = burn::store::burn_pack::Reader::from_bytes(bytes).unwrap();
        let id = param_id("net", "v").val();
        for (slot, expected) in slots {
            let bytes = reader
                .tensor_data(&alloc::format!("{id}.momentum.{slot}"))
                .unwrap();
            let found: Vec<f32> = bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
                .collect();
            close(&found, expected, 1e-6);
        }
        assert_eq!(reader.tensor_names().len(), slots.len());
    }
}

#[test]
fn adam() {
    check(
        || AdamConfig::new().init(),
        &[
            -0.08545266,
            0.33144635,
            0.66773075,
            0.8722374,
            0.9194682,
            0.78197277,
        ],
        &[
            (
                "moment_1",
                &[
                    0.07201687,
                    0.0045231357,
                    -0.06376952,
                    -0.12079859,
                    -0.15649107,
                    -0.16454257,
                ],
            ),
            (
                "moment_2",
                &[
                    0.0021237652,
                    0.0024036837,
                    0.0024089618,
                    0.002136035,
                    0.0017692165,
                    0.0015562264,
                ],
            ),
        ],
    );
}

// Adam(beta_1=.8, beta_2=.9, epsilon=1e-3, amsgrad=True)
#[test]
fn adam_with_options() {
    let config = AdamConfig::new()
        .with_beta_1(0.8)
        .with_beta_2(0.9)
        .with_epsilon(1e-3)
        .with_amsgrad(true);
    check(
        || config.init(),
        &[
            -0.080157965,
            0.33741218,
            0.6748218,
            0.8807722,
            0.92621046,
            0.7943836,
        ],
        &[
            (
                "moment_1",
                &[
                    0.07377541,
                    -0.05069299,
                    -0.16620752,
                    -0.25236484,
                    -0.2939471,
                    -0.2836096,
                ],
            ),
            (
                "moment_2",
                &[
                    0.17765847, 0.20524028, 0.2103405, 0.18951483, 0.1568273, 0.13435242,
                ],
            ),
            (
                "max_moment_2",
                &[
                    0.17765847, 0.20524028, 0.2103405, 0.18951483, 0.1568273, 0.14624532,
                ],
            ),
        ],
    );
}

#[test]
fn sgd() {
    let momentum = || SgdConfig::new().with_momentum(0.9);
    let velocity: &[f32] = &[
        -0.08348331,
        -0.06645182,
        -0.037682958,
        -0.0022581853,
        0.03356546,
        0.06346045,
    ];
    let slots = [("velocity", velocity)];
    check(
        || SgdConfig::new().init(),
        &[
            -0.0155624915,
            0.40127122,
            0.74722856,
            0.96120334,
            1.005401,
            0.8720152,
        ],
        &[],
    );
    check(
        || momentum().init(),
        &[
            -0.30277577,
            0.112099215,
            0.5071742,
            0.8126673,
            0.9746192,
            0.9644245,
        ],
        &slots,
    );
    check(
        || momentum().with_nesterov(true).init(),
        &[
            -0.37791073,
            0.052292578,
            0.4732596,
            0.8106348,
            1.0048281,
            1.0215389,
        ],
        &slots,
    );
}

#[test]
fn what_does_not_fit_is_named() {
    let device = devices()[0].clone().autodiff();
    let mut optimizer = AdamConfig::new().init();
    let net = step(&mut optimizer, net(&device), 0);
    let bytes = || save_optimizer_bytes(&optimizer).unwrap().to_vec();

    let other = stable_ids(net.clone(), "other");
    let error = load_optimizer_bytes(AdamConfig::new().init(), &other, bytes())
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("v: not in the module"),
        "{error}"
    );

    let error = load_optimizer_bytes(SgdConfig::new().init(), &net, bytes())
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("takes up 0 of 2 tensors"),
        "{error}"
    );

    #[derive(Module, Debug)]
    struct Wide {
        renamed: Param<Tensor<2>>,
        twice: Param<Tensor<2>>,
    }
    let mut renamed = Param::from_tensor(Tensor::<2>::zeros([3, 3], &device));
    renamed.id = net.v.id;
    let mut wide = Wide {
        twice: renamed.clone(),
        renamed,
    };
    let error = load_optimizer_bytes(AdamConfig::new().init(), &wide, bytes())
        .err()
        .unwrap();
    let paths = alloc::vec![("renamed".into(), "twice".into())];
    assert_eq!(error, LoadError::DuplicateIds { paths });

    wide.twice.id = param_id("", "");
    let error = load_optimizer_bytes(AdamConfig::new().init(), &wide, bytes())
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(
        text.contains("v: the module has renamed under the same id"),
        "{text}"
    );
    assert!(
        text.contains("renamed: momentum.moment_1 [2, 3], the parameter is [3, 3]"),
        "{text}"
    );

    let error = load_optimizer_bytes(AdamConfig::new().init(), &net, alloc::vec![1, 2, 3]);
    assert!(matches!(error, Err(LoadError::Unreadable { .. })));
}

#[test]
fn files() {
    let device = devices()[0].clone().autodiff();
    let mut optimizer = AdamConfig::new().init();
    let net = step(&mut optimizer, net(&device), 0);
    let name = alloc::format!("burn-keras-nn-{}.optimizer.bpk", std::process::id());
    let path = std::env::temp_dir().join(name);
    save_optimizer_file(&optimizer, &path).unwrap();
    let loaded = load_optimizer_file(AdamConfig::new().init(), &net, &path).unwrap();
    assert_eq!(
        save_optimizer_bytes(&loaded).unwrap()[..],
        save_optimizer_bytes(&optimizer).unwrap()[..]
    );
    std::fs::remove_file(&path).unwrap();
    let error = load_optimizer_file(AdamConfig::new().init(), &net, &path)
        .err()
        .unwrap();
    assert!(
        error.to_string().contains(&path.display().to_string()),
        "{error}"
    );
}

#[test]
fn records_of_burns_optimizers_are_read() {
    let device = devices()[0].clone().autodiff();
    let mut burns = burn::optim::AdamConfig::new().init();
    let net = step(&mut burns, net(&device), 0);
    let bytes = save_optimizer_bytes(&burns).unwrap();
    let mut own = load_optimizer_bytes(AdamConfig::new().init(), &net, bytes.to_vec()).unwrap();
    let again = save_optimizer_bytes(&own).unwrap();
    assert_eq!(again[..], bytes[..]);
    step(&mut own, net, 1);
}
