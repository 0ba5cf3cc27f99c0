use burn::module::Param;

use super::*;
use crate::Activation;
use crate::testing::devices;

fn gru(config: GruConfig, device: &Device) -> Gru {
    let rows = if config.reset_after { 2 } else { 1 };
    let mut gru = config.init(device);
    gru.kernel = Param::from_tensor(wave([2, 9], 0.1, device));
    gru.recurrent_kernel = Param::from_tensor(wave([3, 9], 0.2, device));
    if gru.bias.is_some() {
        gru.bias = Some(Param::from_tensor(wave([rows, 9], 0.3, device)));
    }
    gru
}

// tf_keras gives the same numbers
#[test]
fn plain() {
    for device in devices() {
        let layer = gru(GruConfig::new(2, 3), &device);
        let y = layer.forward(x(&device), None, None);
        check(
            y,
            [
                &[
                    0.4777088, 0.4345633, 0.3334451, 0.7308904, 0.6389908, 0.4465002, 0.7856346,
                    0.6487058, 0.3790941, 0.6956877, 0.4969289, 0.1898974, 0.0379053, -0.1019141,
                    -0.1968341, -0.0179643, -0.181993, -0.2938718, 0.082293, -0.0237188,
                    -0.1122306, 0.4183749, 0.3562869, 0.2389532,
                ],
                &[
                    0.6956877, 0.4969289, 0.1898974, 0.4183749, 0.3562869, 0.2389532,
                ],
                &[
                    0.6956877, 0.4969289, 0.1898974, 0.4183749, 0.3562869, 0.2389532,
                ],
            ],
        );
    }
}

// reset_after=False
#[test]
fn reset_before() {
    for device in devices() {
        let layer = gru(GruConfig::new(2, 3).with_reset_after(false), &device);
        let y = layer.forward(x(&device), None, None);
        check(
            y,
            [
                &[
                    0.2945255, 0.1400882, -0.010612, 0.5802513, 0.3091408, -0.0022047, 0.6929414,
                    0.3435788, -0.0650684, 0.6563312, 0.2481364, -0.1646691, -0.0416182,
                    -0.1360181, -0.1684022, -0.1204052, -0.2611838, -0.3200245, -0.0855071,
                    -0.2746329, -0.3754767, 0.2267112, -0.0259505, -0.2462698,
                ],
                &[
                    0.6563312, 0.2481364, -0.1646691, 0.2267112, -0.0259505, -0.2462698,
                ],
                &[
                    0.6563312, 0.2481364, -0.1646691, 0.2267112, -0.0259505, -0.2462698,
                ],
            ],
        );
    }
}

// tf_keras gives the same numbers
#[test]
fn masked_with_initial_state() {
    for device in devices() {
        let layer = gru(GruConfig::new(2, 3), &device);
        let y = layer.forward(x(&device), mask(&device), state(&device));
        check(
            y,
            [
                &[
                    0.5516205, 0.6101748, 0.6059995, 0.7202756, 0.6624484, 0.5341281, 0.7202756,
                    0.6624484, 0.5341281, 0.6329034, 0.4650822, 0.2637541, 0.0, 0.0, 0.0, 0.509166,
                    0.3226133, 0.070222, 0.3197335, 0.1915492, 0.0208732, 0.3197335, 0.1915492,
                    0.0208732,
                ],
                &[
                    0.6329034, 0.4650822, 0.2637541, 0.3197335, 0.1915492, 0.0208732,
                ],
                &[
                    0.6329034, 0.4650822, 0.2637541, 0.3197335, 0.1915492, 0.0208732,
                ],
            ],
        );
    }
}

// As above, but the first step of the second sequence gives the initial state
#[test]
fn masked_output_is_the_state() {
    for device in devices() {
        let layer = gru(
            GruConfig::new(2, 3).with_masked_output(MaskedOutput::State),
            &device,
        );
        let y = layer.forward(x(&device), mask(&device), state(&device));
        check(
            y,
            [
                &[
                    0.5516205, 0.6101748, 0.6059995, 0.7202756, 0.6624484, 0.5341281, 0.7202756,
                    0.6624484, 0.5341281, 0.6329034, 0.4650822, 0.2637541, 0.9554865, 0.7498763,
                    0.4118158, 0.509166, 0.3226133, 0.070222, 0.3197335, 0.1915492, 0.0208732,
                    0.3197335, 0.1915492, 0.0208732,
                ],
                &[
                    0.6329034, 0.4650822, 0.2637541, 0.3197335, 0.1915492, 0.0208732,
                ],
                &[
                    0.6329034, 0.4650822, 0.2637541, 0.3197335, 0.1915492, 0.0208732,
                ],
            ],
        );
    }
}

#[test]
fn masked_backwards_with_zero_output() {
    for device in devices() {
        let layer = gru(
            GruConfig::new(2, 3)
                .with_reset_after(false)
                .with_go_backwards(true)
                .with_masked_output(MaskedOutput::Zero),
            &device,
        );
        let y = layer.forward(x(&device), mask(&device), state(&device));
        check(
            y,
            [
                &[
                    0.4553294, 0.598121, 0.7005781, 0.0, 0.0, 0.0, 0.5464205, 0.4809847, 0.4437336,
                    0.5428175, 0.3800766, 0.2477273, 0.0, 0.0, 0.0, 0.6333148, 0.4366053,
                    0.1555547, 0.3920163, 0.1940295, -0.0466423, 0.0, 0.0, 0.0,
                ],
                &[0.5428175, 0.3800766, 0.2477273, 0.0, 0.0, 0.0],
                &[
                    0.5428175, 0.3800766, 0.2477273, 0.3920163, 0.1940295, -0.0466423,
                ],
            ],
        );
    }
}

// use_bias=False, activation="relu", recurrent_activation="softmax", reset_after=True
#[test]
fn other_activations_without_bias() {
    for device in devices() {
        let layer = gru(
            GruConfig::new(2, 3)
                .with_bias(false)
                .with_activation(Activation::Relu)
                .with_recurrent_activation(Activation::Softmax)
                .with_reset_after(true),
            &device,
        );
        let y = layer.forward(x(&device), None, None);
        check(
            y,
            [
                &[
                    0.2079633, 0.2970642, 0.3205218, 0.4864364, 0.4919199, 0.4113926, 0.5044731,
                    0.4024197, 0.2574189, 0.2049363, 0.1361481, 0.1009134, 0.0, 0.0, 0.0, 0.0, 0.0,
                    0.0, 0.0, 0.0, 0.0, 0.0626269, 0.1721924, 0.250524,
                ],
                &[
                    0.2049363, 0.1361481, 0.1009134, 0.0626269, 0.1721924, 0.250524,
                ],
                &[
                    0.2049363, 0.1361481, 0.1009134, 0.0626269, 0.1721924, 0.250524,
                ],
            ],
        );
    }
}

// use_bias=False, activation="relu", recurrent_activation="softmax", reset_after=False
#[test]
fn other_activations_without_bias_reset_before() {
    for device in devices() {
        let layer = gru(
            GruConfig::new(2, 3)
                .with_bias(false)
                .with_activation(Activation::Relu)
                .with_recurrent_activation(Activation::Softmax)
                .with_reset_after(false),
            &device,
        );
        let y = layer.forward(x(&device), None, None);
        check(
            y,
            [
                &[
                    0.2079633, 0.2970642, 0.3205218, 0.468417, 0.4806677, 0.4089593, 0.4938635,
                    0.3988855, 0.2603055, 0.2107989, 0.1350102, 0.1017237, 0.0, 0.0, 0.0, 0.0, 0.0,
                    0.0, 0.0, 0.0, 0.0, 0.0626269, 0.1721924, 0.250524,
                ],
                &[
                    0.2107989, 0.1350102, 0.1017237, 0.0626269, 0.1721924, 0.250524,
                ],
                &[
                    0.2107989, 0.1350102, 0.1017237, 0.0626269, 0.1721924, 0.250524,
                ],
            ],
        );
    }
}

// tf_keras, recurrent_activation="hard_sigmoid", reset_after=False
#[test]
fn hard_sigmoid_of_keras_2() {
    for device in devices() {
        let layer = gru(
            GruConfig::new(2, 3)
                .with_recurrent_activation(Activation::HardSigmoid {
                    alpha: 0.2,
                    beta: 0.5,
                })
                .with_reset_after(false),
            &device,
        );
        let y = layer.forward(x(&device), None, None);
        check(
            y,
            [
                &[
                    0.2898257, 0.142739, -0.0112362, 0.569205, 0.3154367, -0.00023, 0.68512,
                    0.3506154, -0.0699056, 0.6504294, 0.2424646, -0.1786336, -0.0458466,
                    -0.1527644, -0.1887261, -0.1293099, -0.2866944, -0.3517318, -0.0855672,
                    -0.2882507, -0.3979675, 0.2243497, -0.0271444, -0.2517003,
                ],
                &[
                    0.6504294, 0.2424646, -0.1786336, 0.2243497, -0.0271444, -0.2517003,
                ],
                &[
                    0.6504294, 0.2424646, -0.1786336, 0.2243497, -0.0271444, -0.2517003,
                ],
            ],
        );
    }
}

#[test]
fn starts_as_keras_and_takes_no_steps() {
    for device in devices() {
        let gru = GruConfig::new(2, 3).init(&device);
        assert_eq!(values(gru.bias.as_ref().unwrap().val()), [0.0; 18]);
        let y = gru.forward(Tensor::zeros([2, 0, 2], &device), None, state(&device));
        assert_eq!(y.sequence.dims(), [2, 0, 3]);
        assert_eq!(values(y.last), [0.0; 6]);
        assert_eq!(values(y.hidden), values(state(&device).unwrap()));
    }
}

#[test]
fn gradients_reach_every_weight() {
    let device = devices()[0].clone().autodiff();
    for reset_after in [true, false] {
        let gru = GruConfig::new(2, 3)
            .with_reset_after(reset_after)
            .init(&device);
        let y = gru.forward(x(&device), mask(&device), None);
        let grads = y.last.sum().backward();
        assert!(gru.kernel.val().grad(&grads).is_some());
        assert!(gru.recurrent_kernel.val().grad(&grads).is_some());
        assert!(gru.bias.unwrap().val().grad(&grads).is_some());
    }
}
