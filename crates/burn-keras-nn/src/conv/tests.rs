//! Numbers of Keras 3.15.1 on TensorFlow, for inputs and kernels of `wave` (see `testing.rs`) in
//! Burn's layout.

use super::*;
use crate::padding::crop;
use crate::testing::{close, devices, values, wave};
use burn::module::Param;
use burn::tensor::{Device, Tensor};

/// A parameter of `wave`.
fn param<const D: usize>(shape: [usize; D], seed: f64, device: &Device) -> Param<Tensor<D>> {
    Param::from_tensor(wave(shape, seed, device))
}

/// `SeparableConv1D(3, 3, strides=2, padding="same", depth_multiplier=2)` of 7 steps.
#[test]
fn separable_in_one_dimension() {
    let expected = &[
        -0.946227, -1.973045, -1.860053, -0.908646, -1.523519, -3.341899, -2.805153, -0.924751,
        -0.663002, 0.809726, 0.565111, -0.847416,
    ];
    for device in devices() {
        let mut conv = SeparableConv1dConfig::new([2, 3], [3])
            .with_depth_multiplier(2)
            .with_stride([2])
            .with_padding([(1, 1)])
            .init(&device);
        conv.depthwise.weight = param([4, 1, 3], 2.0, &device);
        conv.pointwise.weight = param([3, 4, 1], 3.0, &device);
        conv.pointwise.bias = Some(param([3], 4.0, &device));
        let y = conv.forward(wave([1, 2, 7], 1.0, &device));
        assert_eq!(y.dims(), [1, 3, 4]);
        close(&values(y), expected, 2e-6);
    }
}

/// `SeparableConv2D(3, (2, 3), dilation_rate=(2, 1), depth_multiplier=2)` of 4x5 pixels.
#[test]
fn separable_in_two_dimensions() {
    let expected = &[
        1.359879, 1.256422, 0.797371, -1.682984, -2.387675, -2.804305, -0.985110, -0.136344,
        0.567198, 0.815356, 0.228246, -0.568485, -3.101139, -3.205820, -2.919293, -0.499793,
        0.348871, 0.960879,
    ];
    for device in devices() {
        let mut conv = SeparableConv2dConfig::new([2, 3], [2, 3])
            .with_depth_multiplier(2)
            .with_dilation([2, 1])
            .init(&device);
        conv.depthwise.weight = param([4, 1, 2, 3], 2.0, &device);
        conv.pointwise.weight = param([3, 4, 1, 1], 3.0, &device);
        conv.pointwise.bias = Some(param([3], 4.0, &device));
        let y = conv.forward(wave([1, 2, 4, 5], 1.0, &device));
        assert_eq!(y.dims(), [1, 3, 2, 3]);
        close(&values(y), expected, 2e-6);
    }
}

/// `Conv3DTranspose(2, kernel, …)` of 2x3x2 voxels: every seventh value.
#[test]
fn transposed_in_three_dimensions() {
    let config = |kernel| ConvTranspose3dConfig::new([2, 2], kernel);
    let cases: [(_, usize, [usize; 3], &[f32]); 4] = [
        // strides=(2, 1, 3)
        (
            config([2, 1, 3]).with_stride([2, 1, 3]),
            0,
            [4, 3, 6],
            &[
                -0.135316, 0.441028, 0.363134, -0.690775, -0.627834, -0.565674, -1.649867,
                -2.057721, -0.273578, -1.024915, -1.035009, -1.920557, -1.580284, -0.809183,
                -1.049074, -1.905925, -0.464253, 0.207668, -1.497422, -0.870652, -0.703260,
            ],
        ),
        // strides=2, padding="same": one less at the end of the first axis, one more at the last
        (
            config([3, 2, 1])
                .with_stride([2, 2, 2])
                .with_padding_out([0, 0, 1]),
            1,
            [4, 6, 4],
            &[
                -0.135316, -0.756802, 0.570091, -0.756802, -1.041138, -0.756802, 0.189026,
                -0.756802, -1.790797, -0.756802, -1.859708, -0.756802, -0.673666, -0.756802,
                -1.976108, -0.958541, -1.580284, -0.958541, -1.626980, -0.958541, -2.147091,
                -0.958541, -0.759203, -0.958541, -1.277125, -0.958541, -0.057781, -0.958541,
            ],
        ),
        // strides=(3, 1, 2), output_padding=(1, 0, 1)
        (
            config([2, 2, 1])
                .with_stride([3, 1, 2])
                .with_padding_out([1, 0, 1]),
            0,
            [6, 4, 4],
            &[
                0.164997, -0.756802, -1.168970, -0.756802, -0.447682, -0.756802, -0.756802,
                -0.756802, -1.541716, -0.756802, -0.794251, -0.756802, -0.756802, -0.756802,
                -1.320139, -0.958541, -1.987734, -0.958541, -0.154997, -0.958541, -0.958541,
                -0.958541, -0.943148, -0.958541, -0.000459, -0.958541, -0.958541, -0.958541,
            ],
        ),
        // dilation_rate=(2, 1, 2)
        (
            config([2, 2, 2]).with_dilation([2, 1, 2]),
            0,
            [4, 4, 4],
            &[
                -0.113078, -0.311143, -1.391907, -2.219629, -0.856476, -1.794257, -3.481269,
                -0.692747, 1.345163, 0.522348, -1.229666, -0.556419, 0.125756, -1.418148,
                -0.366546, 1.466211, -0.545441, -2.779821, -2.147504,
            ],
        ),
    ];
    for device in devices() {
        for (config, cut, [depth, height, width], expected) in &cases {
            let [kd, kh, kw] = config.kernel_size;
            let mut conv = config.init(&device);
            conv.weight = param([2, 2, kd, kh, kw], 2.0, &device);
            conv.bias = Some(param([2], 4.0, &device));
            let y = conv.forward(wave([1, 2, 2, 3, 2], 1.0, &device));
            let y = crop(y, [(0, 0), (0, 0), (0, *cut), (0, 0), (0, 0)]);
            assert_eq!(y.dims(), [1, 2, *depth, *height, *width]);
            let found: alloc::vec::Vec<f32> = values(y).into_iter().step_by(7).collect();
            close(&found, expected, 2e-6);
        }
    }
}
