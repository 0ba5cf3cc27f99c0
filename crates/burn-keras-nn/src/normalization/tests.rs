//! Numbers from Keras 3.15.1 and tf_keras 2.21 on TensorFlow. For `wave` see `testing.rs`; unless
//! the test says otherwise a gamma is `wave([n], 1.7) + 2` and a beta `wave([n], 2.9)`.

use super::*;
use crate::Scope;
use crate::testing::{close, devices, values, wave};
use burn::module::RunningState;

fn gamma(size: usize, device: &Device) -> Param<Tensor<1>> {
    Param::from_tensor(wave([size], 1.7, device).add_scalar(2.0))
}

fn beta(size: usize, device: &Device) -> Param<Tensor<1>> {
    Param::from_tensor(wave([size], 2.9, device))
}

// LayerNormalization(axis=[2, 1], epsilon=.02) of wave((2, 3, 4), .3): the same in both, though
// tf_keras's gamma is (4, 3) and Keras 3's (3, 4).
#[test]
fn layers_of_several_axes() {
    for device in devices() {
        let x = wave([2, 3, 4], 0.3, &device);
        let config = LayerNormalizationConfig::new(12, [1, 2]).with_epsilon(0.02);
        let mut norm = config.init(&device);
        norm.gamma = Some(gamma(12, &device));
        norm.beta = Some(beta(12, &device));
        close(
            &values(norm.forward(x.clone())),
            &[
                0.9829046, 1.927825, 2.180573, 1.731744, 0.8879566, 0.06416678, -0.4692055,
                -0.7183982, -0.897371, -1.215798, -1.679089, -2.045795, -4.645184, -3.337166,
                -1.719698, -0.3705658, 0.3972982, 0.6414943, 0.6494894, 0.664582, 0.6776708,
                0.4332078, -0.3546494, -1.729352,
            ],
            2e-6,
        );
        let plain = config
            .with_epsilon(1e-3)
            .with_scale(false)
            .with_center(false)
            .init(&device);
        close(
            &values(plain.forward(x.add_scalar(5.0)))[..6],
            &[
                0.2529268, 0.7525311, 1.092723, 1.213417, 1.093293, 0.7535691,
            ],
            1e-5,
        );
    }
}

// LayerNormalization(axis=1, center=False), and LayerNormalization(rms_scaling=True) of x + 5.
#[test]
fn layers_of_one_axis() {
    for device in devices() {
        let x = wave([2, 3, 4], 0.3, &device);
        let config = LayerNormalizationConfig::new(3, [1]).with_center(false);
        let mut norm = config.init(&device);
        norm.gamma = Some(gamma(3, &device));
        close(
            &values(norm.forward(x.clone())),
            &[
                0.336892, 2.111653, 3.168086, 3.818745, 3.315215, 2.015562, 0.8005516, -0.3226761,
                -3.265332, -3.617115, -3.430155, -2.978351, -4.218536, -3.644784, -1.722408,
                0.6842011, 2.221802, 3.499424, 4.003444, 3.115077, 1.615108, -0.0232017, -2.120987,
                -3.38284,
            ],
            2e-6,
        );
        let config = LayerNormalizationConfig::new(4, [2])
            .with_center(false)
            .with_rms_scaling(true);
        let mut norm = config.init(&device);
        norm.gamma = Some(gamma(4, &device));
        close(
            &values(norm.forward(x.add_scalar(5.0))),
            &[
                57.60077, 58.69388, 55.02899, 47.34906, 45.186, 41.24857, 34.64507, 27.04892,
                70.66876, 62.76009, 54.20206, 46.11109, 29.25555, 30.02472, 29.36958, 26.98812,
                153.5771, 152.1517, 138.0176, 114.742, 37.62401, 33.43163, 27.60953, 21.52425,
            ],
            2e-5,
        );
    }
}

// RMSNormalization(axis=-1, epsilon=.05) and (axis=[1, 2]) of wave((2, 3, 4), .3), and (axis=1) of
// wave((2, 3, 3), .3), whose scale acts on the last axis.
#[test]
fn root_mean_squares() {
    for device in devices() {
        let make = |size: usize, config: RmsNormalizationConfig| {
            let mut norm = config.init(&device);
            norm.gamma = gamma(size, &device);
            norm
        };
        let x = wave([2, 3, 4], 0.3, &device);
        let norm = make(4, RmsNormalizationConfig::new([4], [2]).with_epsilon(0.05));
        close(
            &values(norm.forward(x.clone()))[..8],
            &[
                1.105919, 2.360878, 2.919157, 2.715041, 4.349554, 3.01257, 1.210286, -0.4225551,
            ],
            2e-6,
        );
        let norm = make(12, RmsNormalizationConfig::new([3, 4], [1, 2]));
        close(
            &values(norm.forward(x))[12..],
            &[
                -3.668858, -2.052402, -0.2206877, 1.221287, 1.946908, 2.014205, 1.729854, 1.379886,
                1.019914, 0.4694995, -0.491182, -1.86841,
            ],
            2e-6,
        );
        let norm = make(3, RmsNormalizationConfig::new([3], [1]));
        close(
            &values(norm.forward(wave([2, 3, 3], 0.3, &device))),
            &[
                1.412528, 2.884152, 3.25766, 4.779801, 3.973116, 2.368595, 1.417168, -0.5320219,
                -1.855425, -3.578932, -3.74195, -3.186238, -3.405797, -1.751013, -0.1811318,
                1.562662, 2.70533, 3.079006,
            ],
            2e-6,
        );
    }
}

// GroupNormalization(groups=2, axis=1) and (groups=4, axis=1, center=False, epsilon=.1) of
// wave((2, 4, 3), .9).
#[test]
fn groups() {
    for device in devices() {
        let x = wave([2, 4, 3], 0.9, &device);
        let mut norm = GroupNormalizationConfig::new(2, 4).init(&device);
        norm.gamma = Some(gamma(4, &device));
        norm.beta = Some(beta(4, &device));
        close(
            &values(norm.forward(x.clone())),
            &[
                1.052277, 2.899107, 3.047665, 0.9937358, -1.886422, -5.636084, 4.205349, 0.2794399,
                -2.395965, -3.212783, -2.416812, -0.1581187, -4.928475, -2.282533, 0.2281935,
                1.649921, 2.614485, 2.53195, 3.189363, 1.841138, 0.1535254, -1.709806, -2.95162,
                -3.750228,
            ],
            2e-6,
        );
        let config = GroupNormalizationConfig::new(4, 4)
            .with_center(false)
            .with_epsilon(0.1);
        let mut norm = config.init(&device);
        norm.gamma = Some(gamma(4, &device));
        close(
            &values(norm.forward(x))[..6],
            &[
                -1.173642, 0.518754, 0.6548891, 2.238651, 0.2046816, -2.443333,
            ],
            2e-6,
        );
        // Burn's GroupNorm panics here.
        let pair = GroupNormalizationConfig::new(1, 2).init(&device);
        let y = values(pair.forward(Tensor::<2>::from_floats([[1.0, 3.0]], &device)));
        close(&y, &[-0.9995004, 0.9995004], 1e-6);
    }
}

// UnitNormalization of both, of vectors of length 0, 2.2e-7 and 5; and over two axes.
#[test]
fn lengths() {
    for device in devices() {
        let x = Tensor::<2>::from_floats([[0.0, 0.0], [1e-7, 2e-7], [3.0, 4.0]], &device);
        close(
            &values(l2_normalize(x.clone(), [1], 1e-24)),
            &[0.0, 0.0, 0.4472136, 0.8944272, 0.6, 0.8],
            1e-6,
        );
        close(
            &values(l2_normalize(x, [1], 1e-12)),
            &[0.0, 0.0, 0.1, 0.2, 0.6, 0.8],
            1e-6,
        );
        close(
            &values(l2_normalize(wave([2, 2, 2], 0.1, &device), [1, 2], 1e-24)),
            &[
                0.07283384, 0.3646698, 0.5920943, 0.7149374, 0.7218973, 0.5909027, 0.3555372,
                0.05737329,
            ],
            1e-6,
        );
    }
}

#[test]
fn gradients_at_zero_are_finite() {
    for device in devices() {
        let x = Tensor::<2>::zeros([2, 3], &device.autodiff()).require_grad();
        let norm = LayerNormalizationConfig::new(3, [1]).init(&x.device());
        let y = norm.forward(l2_normalize(x.clone(), [1], 1e-24));
        let gradient = x.grad(&y.sum().backward()).unwrap();
        assert!(values(gradient).iter().all(|value| value.is_finite()));
    }
}

// Keras 1.2.2: BatchNormalization(epsilon=.02) of wave((2, 3, 4), .3), mode=1, and mode=2, axis=1.
#[test]
fn early_modes() {
    for device in devices() {
        let x = || wave([2, 3, 4], 0.3, &device);
        let norm = |features, statistics| {
            let config = EarlyBatchNormalizationConfig::new(features, statistics);
            let mut norm = config.with_epsilon(0.02).init(&Scope::new("net"), &device);
            norm.gamma = gamma(features, &device);
            norm.beta = beta(features, &device);
            values(norm.forward(x()))
        };
        close(
            &norm(4, EarlyStatistics::Sample),
            &[
                -3.611372, -0.6618769, 0.9488269, 1.016503, 3.50375, 1.297065, -1.397493,
                -3.647743, 3.828585, -0.1809605, -2.175879, -2.098378, -3.239547, -1.541152,
                0.4058216, 1.876431, -2.349196, 0.6189566, 0.9323044, -0.8602544, 3.872679,
                1.060038, -1.664159, -3.508898,
            ],
            2e-6,
        );
        close(
            &norm(3, EarlyStatistics::Batch),
            &[
                0.5046772, 2.2914, 3.508024, 3.939657, 1.668089, -0.1585379, -2.843272, -5.911912,
                -1.100088, -2.494637, -3.22407, -3.15955, -4.761838, -3.181804, -1.20514,
                0.8190184, 0.1993322, 1.855135, 2.297156, 1.44732, 4.057453, 2.32446, 0.4053864,
                -1.360802,
            ],
            2e-6,
        );
    }
}

// (x - mean) / (deviation + epsilon), of Keras 1.0.5; Keras 1.0.7 on Theano has the root of the
// variance there.
#[test]
fn early_running_statistics() {
    for device in devices() {
        for (statistics, expected) in [
            (EarlyStatistics::Deviation, [0.0, 2.0 / 4.5]),
            (EarlyStatistics::Variance, [0.0, 2.0 / 2.5]),
        ] {
            let config = EarlyBatchNormalizationConfig::new(1, statistics).with_epsilon(0.5);
            let mut norm = config.init(&Scope::new("net"), &device);
            norm.running_mean = RunningState::new(Tensor::from_floats([1.0], &device));
            norm.running_var = RunningState::new(Tensor::from_floats([4.0], &device));
            let x = Tensor::<2>::from_floats([[1.0], [3.0]], &device);
            close(&values(norm.forward(x)), &expected, 1e-6);
        }
    }
}

#[test]
fn early_statistics_are_learnt() {
    let device = devices()[0].clone().autodiff();
    for (statistics, deviation, learnt) in [
        (EarlyStatistics::Deviation, 1.5 + 1.25, 0.75 + 0.25 * 1.5),
        (EarlyStatistics::Variance, 1.0 + 1.25, 1.0),
    ] {
        let config = EarlyBatchNormalizationConfig::new(1, statistics).with_epsilon(1.25);
        let norm = config.with_momentum(0.75).init(&Scope::new("net"), &device);
        // mean 2, variance 1
        let x = Tensor::<2>::from_floats([[1.0], [3.0]], &device);
        let y = norm.forward(x);
        close(&values(y), &[-1.0 / deviation, 1.0 / deviation], 1e-6);
        close(&values(norm.running_mean.value_sync()), &[0.5], 1e-6);
        close(&values(norm.running_var.value_sync()), &[learnt], 1e-6);
    }
}
