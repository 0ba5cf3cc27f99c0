use burn::module::Param;

use super::*;
use crate::Activation;
use crate::testing::devices;

fn lstm(config: LstmConfig, device: &Device) -> Lstm {
    let mut lstm = config.init(device);
    lstm.kernel = Param::from_tensor(wave([2, 12], 0.1, device));
    lstm.recurrent_kernel = Param::from_tensor(wave([3, 12], 0.2, device));
    if lstm.bias.is_some() {
        lstm.bias = Some(Param::from_tensor(wave([12], 0.3, device)));
    }
    lstm
}

fn states(device: &Device) -> Option<[Tensor<2>; 2]> {
    Some([wave([2, 3], 0.6, device), wave([2, 3], 0.7, device)])
}

/// `expected`: sequence, last output, hidden and cell state.
fn check(
    config: LstmConfig,
    mask: fn(&Device) -> Option<Tensor<2, Bool>>,
    states: fn(&Device) -> Option<[Tensor<2>; 2]>,
    expected: [&[f32]; 4],
) {
    for device in devices() {
        let lstm = lstm(config.clone(), &device);
        let y = lstm.forward(x(&device), mask(&device), states(&device));
        let found = [
            values(y.sequence),
            values(y.last),
            values(y.hidden),
            values(y.cell),
        ];
        for (found, expected) in found.iter().zip(expected) {
            close(found, expected, 1e-6);
        }
    }
}

#[test]
fn plain() {
    check(
        LstmConfig::new(2, 3),
        |_| None,
        |_| None,
        [
            &[
                0.10573796,
                0.06530448,
                -0.011470442,
                0.14231086,
                0.07904898,
                -0.011524512,
                0.1668347,
                0.09846608,
                -0.039023653,
                0.17762244,
                0.11242731,
                -0.14307486,
                -0.14888328,
                -0.19568066,
                -0.22650425,
                -0.24471575,
                -0.32128596,
                -0.3437956,
                -0.2539972,
                -0.2975012,
                -0.3135579,
                -0.16398181,
                -0.17050996,
                -0.18437637,
            ],
            &[
                0.17762244,
                0.11242731,
                -0.14307486,
                -0.16398181,
                -0.17050996,
                -0.18437637,
            ],
            &[
                0.17762244,
                0.11242731,
                -0.14307486,
                -0.16398181,
                -0.17050996,
                -0.18437637,
            ],
            &[
                0.99993277,
                0.62932175,
                -0.82567716,
                -0.6335137,
                -0.7732742,
                -0.8375516,
            ],
        ],
    );
}

#[test]
fn masked() {
    check(
        LstmConfig::new(2, 3),
        mask,
        |_| None,
        [
            &[
                0.10573796,
                0.06530448,
                -0.011470442,
                0.14231086,
                0.07904898,
                -0.011524512,
                0.14231086,
                0.07904898,
                -0.011524512,
                0.14744368,
                0.08132167,
                -0.11886609,
                0.0,
                0.0,
                0.0,
                -0.19813244,
                -0.239992,
                -0.23610465,
                -0.22860837,
                -0.2642193,
                -0.2710003,
                -0.22860837,
                -0.2642193,
                -0.2710003,
            ],
            &[
                0.14744368,
                0.08132167,
                -0.11886609,
                -0.22860837,
                -0.2642193,
                -0.2710003,
            ],
            &[
                0.14744368,
                0.08132167,
                -0.11886609,
                -0.22860837,
                -0.2642193,
                -0.2710003,
            ],
            &[
                0.7140756,
                0.40899158,
                -0.60582894,
                -0.79858565,
                -0.73764354,
                -0.5846031,
            ],
        ],
    );
}

// tf_keras gives the same numbers
#[test]
fn masked_with_initial_state() {
    check(
        LstmConfig::new(2, 3),
        mask,
        states,
        [
            &[
                0.30188945,
                0.20782468,
                0.106142424,
                0.18042225,
                0.102866895,
                0.057765488,
                0.18042225,
                0.102866895,
                0.057765488,
                0.18473427,
                0.1693258,
                0.09829816,
                0.0,
                0.0,
                0.0,
                0.21264638,
                0.11252778,
                -0.021514272,
                0.098321766,
                -0.026693998,
                -0.14520435,
                0.098321766,
                -0.026693998,
                -0.14520435,
            ],
            &[
                0.18473427,
                0.1693258,
                0.09829816,
                0.098321766,
                -0.026693998,
                -0.14520435,
            ],
            &[
                0.18473427,
                0.1693258,
                0.09829816,
                0.098321766,
                -0.026693998,
                -0.14520435,
            ],
            &[
                0.95273185,
                1.0778358,
                0.48399976,
                0.2902,
                -0.07325801,
                -0.37471473,
            ],
        ],
    );
}

#[test]
fn masked_backwards_with_zero_output() {
    let config = LstmConfig::new(2, 3)
        .with_go_backwards(true)
        .with_masked_output(MaskedOutput::Zero);
    check(
        config,
        mask,
        states,
        [
            &[
                0.28476548,
                0.232275,
                0.15750828,
                0.0,
                0.0,
                0.0,
                0.19692318,
                0.10795148,
                0.05570804,
                0.24950536,
                0.17290515,
                0.0987009,
                0.0,
                0.0,
                0.0,
                0.27641135,
                0.17860235,
                0.045465827,
                0.018647121,
                -0.068153396,
                -0.17921722,
                0.0,
                0.0,
                0.0,
            ],
            &[0.24950536, 0.17290515, 0.0987009, 0.0, 0.0, 0.0],
            &[
                0.24950536,
                0.17290515,
                0.0987009,
                0.018647121,
                -0.068153396,
                -0.17921722,
            ],
            &[
                1.1934636,
                1.7288139,
                0.9439486,
                0.053814948,
                -0.16226557,
                -0.36087018,
            ],
        ],
    );
}

// use_bias=False, activation="relu", recurrent_activation="softmax", go_backwards=True
#[test]
fn other_activations_without_bias() {
    let config = LstmConfig::new(2, 3)
        .with_bias(false)
        .with_activation(Activation::Relu)
        .with_recurrent_activation(Activation::Softmax)
        .with_go_backwards(true);
    check(
        config,
        |_| None,
        |_| None,
        [
            &[
                0.0,
                0.0,
                0.0,
                0.08796816,
                0.058774572,
                0.016737698,
                0.14405656,
                0.10564602,
                0.0488573,
                0.1380147,
                0.12015089,
                0.073136985,
                0.053140245,
                0.04659248,
                0.034629613,
                0.012080614,
                0.015281607,
                0.017390208,
                0.0035311456,
                0.0043361597,
                0.0059256316,
                0.0016961311,
                0.0013316728,
                0.001500627,
            ],
            &[
                0.1380147,
                0.12015089,
                0.073136985,
                0.0016961311,
                0.0013316728,
                0.001500627,
            ],
            &[
                0.1380147,
                0.12015089,
                0.073136985,
                0.0016961311,
                0.0013316728,
                0.001500627,
            ],
            &[
                0.28286844,
                0.39376503,
                0.35339522,
                0.008642303,
                0.0041273297,
                0.0031192019,
            ],
        ],
    );
}

// tf_keras, recurrent_activation="hard_sigmoid"
#[test]
fn hard_sigmoid_of_keras_2() {
    let config = LstmConfig::new(2, 3).with_recurrent_activation(Activation::HardSigmoid {
        alpha: 0.2,
        beta: 0.5,
    });
    let sequence = &[
        0.29772288,
        0.2393879,
        0.0896848,
        0.2091935,
        0.07794351,
        0.0,
        0.2091935,
        0.07794351,
        0.0,
        0.19603863,
        0.17928824,
        0.11056231,
        0.0,
        0.0,
        0.0,
        0.22122297,
        0.117275745,
        -0.021581072,
        0.09836316,
        -0.027993778,
        -0.14533292,
        0.09836316,
        -0.027993778,
        -0.14533292,
    ];
    let hidden = &[
        0.19603863,
        0.17928824,
        0.11056231,
        0.09836316,
        -0.027993778,
        -0.14533292,
    ];
    let cell = &[
        0.9692089, 1.0997431, 0.51123893, 0.26959538, -0.0723611, -0.359727,
    ];
    check(config, mask, states, [sequence, hidden, hidden, cell]);
}

#[test]
fn starts_as_keras_and_takes_no_steps() {
    for device in devices() {
        let lstm = LstmConfig::new(2, 3).init(&device);
        let bias = values(lstm.bias.as_ref().unwrap().val());
        assert_eq!(bias, [0., 0., 0., 1., 1., 1., 0., 0., 0., 0., 0., 0.]);
        let u = lstm.recurrent_kernel.val();
        let product = values(u.clone().matmul(u.transpose()));
        close(&product, &[1., 0., 0., 0., 1., 0., 0., 0., 1.], 1e-5);
        let y = lstm.forward(Tensor::zeros([2, 0, 2], &device), None, None);
        assert_eq!(y.sequence.dims(), [2, 0, 3]);
        assert_eq!(values(y.last), [0.0; 6]);
    }
}

#[test]
fn gradients_reach_every_weight() {
    let device = devices()[0].clone().autodiff();
    let lstm = LstmConfig::new(2, 3).init(&device);
    let y = lstm.forward(x(&device), mask(&device), None);
    let grads = y.last.sum().backward();
    assert!(lstm.kernel.val().grad(&grads).is_some());
    assert!(lstm.recurrent_kernel.val().grad(&grads).is_some());
    assert!(lstm.bias.unwrap().val().grad(&grads).is_some());
}
