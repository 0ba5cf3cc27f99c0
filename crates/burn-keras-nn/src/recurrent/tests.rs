//! Numbers from Keras 3.15.1 on TensorFlow, and tf_keras 2.21 where named: layers of 3 units with
//! `return_sequences=True, return_state=True`, and for `last` without `return_sequences`. Weights are
//! waves of Keras's shapes with the seeds .1 (kernel), .2 (recurrent kernel) and .3 (bias), the
//! input is `wave((2, 4, 2), .4)`, the mask `[[1, 1, 0, 1], [0, 1, 1, 0]]`, and states are
//! `wave((2, 3), .6)` and `wave((2, 3), .7)`; for `wave` see `testing.rs`.

mod dropout;
mod gru;
mod lstm;
mod simple_rnn;

use burn::tensor::{Bool, Device, Tensor};

use super::*;
use crate::testing::{close, values, wave};

fn x(device: &Device) -> Tensor<3> {
    wave([2, 4, 2], 0.4, device)
}

fn mask(device: &Device) -> Option<Tensor<2, Bool>> {
    Some(Tensor::from_data(
        [[true, true, false, true], [false, true, true, false]],
        device,
    ))
}

fn state(device: &Device) -> Option<Tensor<2>> {
    Some(wave([2, 3], 0.6, device))
}

/// `expected`: sequence, last output and state.
#[track_caller]
fn check(found: RnnOutput, expected: [&[f32]; 3]) {
    let found = [
        values(found.sequence),
        values(found.last),
        values(found.hidden),
    ];
    for (found, expected) in found.iter().zip(expected) {
        close(found, expected, 1e-6);
    }
}
