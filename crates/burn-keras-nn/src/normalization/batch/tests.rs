//! Numbers from Keras 3.15.1 on TensorFlow: `BatchNormalization(axis=1, momentum=.9, epsilon=1e-2,
//! ...)(wave((3, 2, 2), .8), training=True)`, then the same with `training=False`; beta is
//! `[.5, -1]`. For `wave` see `testing.rs`.
#![allow(clippy::excessive_precision)]

use super::*;
use crate::{
    ids::{collect, param_id, stable_ids},
    testing::{close, devices, values, wave},
};

fn config() -> BatchNormalizationConfig {
    BatchNormalizationConfig::new(2)
        .with_momentum(0.9)
        .with_epsilon(1e-2)
}

#[test]
fn without_scale() {
    let scope = Scope::new("net").enter("bn");
    for device in devices() {
        let device = device.autodiff();
        let x = wave([3, 2, 2], 0.8, &device);
        let mut bn = config().with_scale(false).init(&scope, &device);
        bn.beta = Some(Param::from_data([0.5, -1.0], &device));
        close(
            &values(bn.forward(x.clone())),
            &[
                1.2979321,
                1.5878899,
                0.4168359,
                0.2625388,
                1.1498256,
                0.654335,
                -1.1286659,
                -1.6270995,
                -0.76076543,
                -0.9292172,
                -2.1000671,
                -1.8235421,
            ],
            1e-6,
        );
        close(
            &values(bn.running_mean.value_sync()),
            &[0.010391501, -0.0098205265],
            1e-6,
        );
        close(
            &values(bn.running_var.value_sync()),
            &[0.95810354, 0.9587638],
            1e-6,
        );
        let bn = bn.valid();
        let y = bn.forward(x.without_autodiff());
        close(
            &values(y),
            &[
                1.2185165,
                1.4450753,
                0.023033857,
                -0.09815651,
                1.1027933,
                0.7156415,
                -1.1908572,
                -1.5823442,
                -0.3900482,
                -0.52166814,
                -1.9538293,
                -1.7366369,
            ],
            1e-6,
        );
    }
}

#[test]
fn without_center_and_frozen() {
    let scope = Scope::new("net").enter("bn");
    for device in devices() {
        let device = device.autodiff();
        let x = wave([3, 2, 2], 0.8, &device);
        let bn = config().with_center(false).init(&scope, &device);
        close(
            &values(bn.forward(x.clone())),
            &[
                0.79793215,
                1.0878899,
                1.4168359,
                1.2625388,
                0.6498256,
                0.15433505,
                -0.12866598,
                -0.6270996,
                -1.2607654,
                -1.4292172,
                -1.100067,
                -0.82354206,
            ],
            1e-6,
        );
        let bn = bn.valid().train().freeze();
        close(
            &values(bn.forward(x)),
            &[
                0.71851647,
                0.9450752,
                1.0230339,
                0.9018435,
                0.60279334,
                0.21564148,
                -0.1908571,
                -0.5823442,
                -0.8900482,
                -1.0216682,
                -0.9538292,
                -0.73663694,
            ],
            1e-6,
        );
    }
}

#[test]
fn burns_module_is_equal_and_has_stable_ids() {
    let scope = Scope::new("net");
    for device in devices() {
        let device = device.autodiff();
        let x = wave([3, 2, 2], 0.8, &device);
        let bn = batch_norm(2, 1e-2, 0.9, &scope, &device);
        close(
            &values(bn.forward(x.clone())),
            &[
                0.79793215,
                1.0878899,
                1.4168359,
                1.2625388,
                0.6498256,
                0.15433505,
                -0.12866598,
                -0.6270996,
                -1.2607654,
                -1.4292172,
                -1.100067,
                -0.82354206,
            ],
            1e-6,
        );
        close(
            &values(bn.running_mean.value_sync()),
            &[0.010391501, -0.0098205265],
            1e-6,
        );
        let own = config().init(&scope, &device);
        close(
            &values(own.forward(x)),
            &[
                0.79793215,
                1.0878899,
                1.4168359,
                1.2625388,
                0.6498256,
                0.15433505,
                -0.12866598,
                -0.6270996,
                -1.2607654,
                -1.4292172,
                -1.100067,
                -0.82354206,
            ],
            1e-6,
        );
        let loaded = stable_ids(bn.clone().load_record(bn.clone().into_record()), "net");
        for ids in [collect(&loaded), collect(&own), collect(&bn)] {
            assert_eq!(ids.len(), 4);
            assert!(ids.iter().all(|(id, path)| *id == param_id("net", path)));
        }
    }
}
