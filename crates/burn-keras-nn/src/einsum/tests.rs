//! Numbers from `EinsumDense` of tf_keras 2.21 with the kernel `wave(.., .1)`, the bias
//! `wave(.., .2)` and the input `wave(.., .3)`; for `wave` see `testing.rs`.

use super::*;
use crate::testing::{close, devices, values, wave};
use burn::module::Param;

/// `kernel` in the order of [`Equation::kernel_groups`], which `order` is for Keras's axes.
fn check<const D: usize, const K: usize, const D2: usize>(
    equation: &str,
    input: [usize; D],
    kernel: [usize; K],
    order: [usize; K],
    bias: Option<&[usize]>,
    expected: &[f32],
) {
    for device in devices() {
        let mut config = EinsumDenseConfig::new(equation, kernel);
        if let Some(bias) = bias {
            config = config.with_bias(bias);
        }
        let mut layer = config.init(&device);
        let shape = layer.kernel.dims();
        let weight = wave(kernel, 0.1, &device).permute(order.map(|axis| axis as isize));
        layer.kernel = Param::from_tensor(weight.reshape(shape));
        if let Some(bias) = &mut layer.bias {
            *bias = Param::from_tensor(wave(bias.dims(), 0.2, &device));
        }
        assert!(layer.takes(&input));
        let y: Tensor<D2> = layer.forward(wave(input, 0.3, &device));
        close(&values(y), expected, 1e-6);
    }
}

#[test]
fn new_axes() {
    check::<3, 3, 4>(
        "abc,cde->abde",
        [2, 1, 3],
        [3, 2, 2],
        [0, 1, 2],
        Some(&[2, 1]),
        &[
            0.5647707,
            0.2407852,
            0.29451442,
            0.014190435,
            0.9631773,
            0.96547914,
            1.2174932,
            0.97242874,
        ],
    );
}

#[test]
fn a_kernel_for_each_place() {
    check::<3, 3, 3>(
        "abc,dbc->abd",
        [2, 2, 3],
        [2, 2, 3],
        [1, 2, 0],
        Some(&[2, 2]),
        &[
            1.2987943,
            0.4680934,
            3.264192,
            -1.2101849,
            -0.25409126,
            0.89275044,
            -1.6763134,
            3.4521966,
        ],
    );
}

#[test]
fn axes_without_letters() {
    check::<4, 2, 3>(
        "...bc,bc->...b",
        [2, 2, 2, 3],
        [2, 3],
        [0, 1],
        Some(&[2]),
        &[
            1.2987943,
            2.9821591,
            -0.25409126,
            -1.9583465,
            -0.15461676,
            2.3788524,
            1.2341834,
            0.16505033,
        ],
    );
    check::<3, 2, 3>(
        "bc...,cd->bd...",
        [2, 3, 2],
        [3, 2],
        [0, 1],
        Some(&[2, 1]),
        &[
            1.8572417, 1.7226611, 2.3527079, 2.4237118, -1.1528856, -1.428704, -0.5623733,
            -1.0595522,
        ],
    );
}

#[test]
fn axes_that_are_summed_over_first() {
    check::<3, 2, 2>(
        "abc,cd->ad",
        [2, 2, 3],
        [3, 2],
        [0, 1],
        None,
        &[2.941895, 3.4465523, -2.4029038, -2.5368452],
    );
    check::<2, 1, 1>("ab,b->a", [2, 3], [3], [0], None, &[1.100125, 1.0935]);
}

#[test]
fn sizes_that_do_not_fit() {
    for device in devices() {
        let layer = EinsumDenseConfig::new("...c,cd->...d", [3, 2]).init(&device);
        assert!(layer.takes(&[4, 5, 3]));
        assert!(!layer.takes(&[4, 5, 2]));
        assert!(!layer.takes(&[]));
    }
}
