//! Activations with parameters.

use burn::tensor::Tensor;

use crate::activation::*;
use crate::testing::{close, devices, values, wave};

// PReLU(shared_axes=[1]) of wave((2, 3, 4), .3), alpha wave((1, 4), 1.7) + 2.
#[test]
fn slopes_along_shared_axes() {
    for device in devices() {
        let mut prelu = PReluConfig::new([1, 4]).init(&device);
        prelu.alpha = burn::module::Param::from_tensor(wave([4], 1.7, &device).add_scalar(2.0));
        close(
            &values(prelu.forward(wave([2, 3, 4], 0.3, &device))),
            &[
                0.2955202, 0.661959, 0.9114763, 0.9999999, 0.9118939, 0.6627204, 0.296491,
                -0.2650305, -1.553088, -2.350695, -2.519792, -2.105476, -2.347227, -1.313066,
                -0.1411895, 0.3599884, 0.7115381, 0.9374092, 0.9977061, 0.8817785, 0.6101027,
                0.2306648, -0.485214, -1.25067,
            ],
            1e-6,
        );
    }
}

// Keras 1.2.2: of 3 wave((2, 3, 4), .3), ParametricSoftplus(shared_axes=[1]) with
// wave((1, 4), 1.7) + 2 and wave((1, 4), 2.9), SReLU with wave(…, 1.7) - .5, wave(…, 2.9),
// wave(…, .7) and wave(…, .2).
#[test]
fn trained_activations_of_keras_1() {
    let row =
        |size, seed, device: &_| burn::module::Param::from_tensor(wave::<1>([size], seed, device));
    for device in devices() {
        let x = wave([2, 3, 4], 0.3, &device).mul_scalar(3.0);
        let mut softplus = ParametricSoftplusConfig::new([1, 4]).init(&device);
        softplus.alpha = row(4, 1.7, &device).map(|alpha| alpha.add_scalar(2.0));
        softplus.beta = row(4, 2.9, &device);
        close(
            &values(softplus.forward(x.clone())),
            &[
                2.407737, 1.510031, 0.4901846, 0.1600864, 3.210119, 1.509547, 1.207895, 1.871609,
                1.567924, 2.684614, 4.738721, 5.583216, 1.348362, 2.354628, 1.897993, 0.7248398,
                2.934087, 1.34248, 0.4283849, 0.2141944, 2.799832, 1.803448, 2.222119, 3.658887,
            ],
            1e-6,
        );
        let mut srelu = SReluConfig::new([3, 4]).init(&device);
        srelu.t_left = row(12, 1.7, &device).map(|start| start.sub_scalar(0.5));
        srelu.a_left = row(12, 2.9, &device);
        srelu.t_right = row(12, 0.7, &device);
        srelu.a_right = row(12, 0.2, &device);
        close(
            &values(srelu.forward(x)),
            &[
                0.8865607, 1.68076, 2.509814, 2.987845, 2.590695, 1.245249, -0.4404063, -1.014055,
                -1.43103, -1.726877, -2.429122, -2.801927, -0.1891027, 0.6644922, 0.1887222,
                1.077501, 2.020695, 1.850255, 0.3807606, -1.08155, -1.675903, -0.9131727,
                -0.5685461, -1.671894,
            ],
            1e-6,
        );
    }
}

// Keras 1.2.2 on TensorFlow, then on Theano.
#[test]
fn a_negative_lower_slope_may_be_cut_off() {
    for device in devices() {
        for (cuts_left, first) in [(false, 2.5), (true, -0.2)] {
            let mut srelu = SReluConfig::new([1, 2])
                .with_cuts_left(cuts_left)
                .init(&device);
            let row = |numbers: [f32; 2]| {
                burn::module::Param::from_tensor(Tensor::<1>::from_floats(numbers, &device))
            };
            srelu.t_left = row([-0.5; 2]);
            srelu.a_left = row([-2.0; 2]);
            srelu.t_right = row([0.3, 4.0]);
            srelu.a_right = row([0.5; 2]);
            let x = Tensor::<3>::from_floats([[[-2.0, -1.0], [1.0, -0.2]]], &device);
            let y = values(srelu.forward(x));
            close(&y, &[first, 0.5, 0.4, -0.2], 1e-6);
        }
    }
}
