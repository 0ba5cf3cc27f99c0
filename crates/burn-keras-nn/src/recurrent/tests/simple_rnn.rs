use burn::module::Param;

use super::*;
use crate::Activation;
use crate::testing::devices;

fn simple_rnn(config: SimpleRnnConfig, device: &Device) -> SimpleRnn {
    let mut rnn = config.init(device);
    rnn.kernel = Param::from_tensor(wave([2, 3], 0.1, device));
    rnn.recurrent_kernel = Param::from_tensor(wave([3, 3], 0.2, device));
    if rnn.bias.is_some() {
        rnn.bias = Some(Param::from_tensor(wave([3], 0.3, device)));
    }
    rnn
}

#[test]
fn plain() {
    for device in devices() {
        let layer = simple_rnn(SimpleRnnConfig::new(2, 3), &device);
        let y = layer.forward(x(&device), None, None);
        check(
            y,
            [
                &[
                    0.7830409, 0.9173343, 0.9481409, 0.9926851, 0.9978279, 0.9978527, 0.9875004,
                    0.9964681, 0.9969561, 0.9323511, 0.9671233, 0.9676594, -0.553803, -0.4574187,
                    -0.2700999, -0.8846336, -0.9060647, -0.8734993, -0.9148794, -0.8883244,
                    -0.7704507, -0.553953, -0.2305303, 0.1935583,
                ],
                &[
                    0.9323511, 0.9671233, 0.9676594, -0.553953, -0.2305303, 0.1935583,
                ],
                &[
                    0.9323511, 0.9671233, 0.9676594, -0.553953, -0.2305303, 0.1935583,
                ],
            ],
        );
    }
}

#[test]
fn masked() {
    for device in devices() {
        let layer = simple_rnn(SimpleRnnConfig::new(2, 3), &device);
        let y = layer.forward(x(&device), mask(&device), None);
        check(
            y,
            [
                &[
                    0.7830409, 0.9173343, 0.9481409, 0.9926851, 0.9978279, 0.9978527, 0.9926851,
                    0.9978279, 0.9978527, 0.9327074, 0.9674001, 0.9679824, 0.0, 0.0, 0.0,
                    -0.6206857, -0.6375588, -0.5708565, -0.8072011, -0.7665796, -0.6207783,
                    -0.8072011, -0.7665796, -0.6207783,
                ],
                &[
                    0.9327074, 0.9674001, 0.9679824, -0.8072011, -0.7665796, -0.6207783,
                ],
                &[
                    0.9327074, 0.9674001, 0.9679824, -0.8072011, -0.7665796, -0.6207783,
                ],
            ],
        );
    }
}

#[test]
fn masked_backwards_with_zero_output() {
    for device in devices() {
        let layer = simple_rnn(
            SimpleRnnConfig::new(2, 3)
                .with_go_backwards(true)
                .with_masked_output(MaskedOutput::Zero),
            &device,
        );
        let y = layer.forward(x(&device), mask(&device), state(&device));
        check(
            y,
            [
                &[
                    0.895379, 0.9307287, 0.9194301, 0.0, 0.0, 0.0, 0.9930328, 0.9981449, 0.9983088,
                    0.9897301, 0.9957497, 0.9948038, 0.0, 0.0, 0.0, 0.7434804, 0.8342407,
                    0.8435446, 0.5233185, 0.4237279, 0.2389674, 0.0, 0.0, 0.0,
                ],
                &[0.9897301, 0.9957497, 0.9948038, 0.0, 0.0, 0.0],
                &[
                    0.9897301, 0.9957497, 0.9948038, 0.5233185, 0.4237279, 0.2389674,
                ],
            ],
        );
    }
}

// use_bias=False, activation="softmax"
#[test]
fn softmax_without_bias() {
    for device in devices() {
        let layer = simple_rnn(
            SimpleRnnConfig::new(2, 3)
                .with_bias(false)
                .with_activation(Activation::Softmax),
            &device,
        );
        let y = layer.forward(x(&device), None, state(&device));
        check(
            y,
            [
                &[
                    0.3968925, 0.3665132, 0.2365943, 0.2433761, 0.3676928, 0.3889311, 0.2785303,
                    0.3611836, 0.3602862, 0.3332272, 0.3408528, 0.32592, 0.3601594, 0.3346103,
                    0.3052302, 0.4542603, 0.3053392, 0.2404005, 0.4069803, 0.3252105, 0.2678092,
                    0.3369349, 0.3530921, 0.309973,
                ],
                &[
                    0.3332272, 0.3408528, 0.32592, 0.3369349, 0.3530921, 0.309973,
                ],
                &[
                    0.3332272, 0.3408528, 0.32592, 0.3369349, 0.3530921, 0.309973,
                ],
            ],
        );
    }
}

#[test]
fn gradients_reach_every_weight() {
    let device = devices()[0].clone().autodiff();
    let rnn = SimpleRnnConfig::new(2, 3).init(&device);
    let y = rnn.forward(x(&device), mask(&device), None);
    let grads = y.last.sum().backward();
    assert!(rnn.kernel.val().grad(&grads).is_some());
    assert!(rnn.recurrent_kernel.val().grad(&grads).is_some());
    assert!(rnn.bias.unwrap().val().grad(&grads).is_some());
}
