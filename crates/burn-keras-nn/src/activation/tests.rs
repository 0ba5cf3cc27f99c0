//! Numbers from Keras 3.15.1 on TensorFlow: `keras.activations.<name>(x)` in float32, with Keras's
//! defaults unless the call here says otherwise; `wave(shape, seed)` is
//! `np.sin(np.arange(n) * 12.9898 + seed).astype("float32").reshape(shape)`.
#![allow(
    clippy::approx_constant,
    clippy::excessive_precision,
    clippy::type_complexity
)]

mod axes;
mod elementwise;
mod trained;

use super::*;
use crate::testing::{close, devices, values};

#[test]
fn chosen_by_value() {
    let device = &devices()[0];
    let x = || Tensor::<2>::from_floats([[-2.0, 0.5, 4.0]], device);
    let hard = Activation::HardSigmoid {
        alpha: 0.2,
        beta: 0.5,
    };
    close(&values(hard.forward(x())), &[0.1, 0.6, 1.0], 1e-6);
    assert_eq!(values(Activation::default().forward(x())), [-2.0, 0.5, 4.0]);
    assert_eq!(
        values(Activation::Softmax.forward(x())),
        values(softmax(x(), 1))
    );
    assert!(!Activation::Softmax.is_elementwise() && Activation::Tanh.is_elementwise());
}
