//! Numbers from Keras 3.15.1 on TensorFlow: `keras.layers.MaxPooling2D(kernel, stride, padding)` and
//! so on, of `np.moveaxis(wave((1, 2, 7, 5), 1.0), 1, -1)` or `wave((1, 2, 7), 1.0)`; for `wave` see
//! `testing.rs`.
#![allow(clippy::excessive_precision)]

use super::*;
use crate::testing::{close, devices, values, wave};

#[test]
fn windows_equal_keras() {
    for device in devices() {
        let x = || wave([1, 2, 7, 5], 1.0, &device);
        let x1 = || wave([1, 2, 7], 1.0, &device);
        let y = max_pool2d(x(), [3, 2], [2, 2], Padding::Same);
        assert_eq!(y.dims(), [1, 2, 4, 3]);
        close(
            &values(y),
            &[
                0.98916113,
                0.96213615,
                0.4330512,
                0.9968723,
                0.94130594,
                0.60105944,
                0.9968723,
                0.94130594,
                0.6541676,
                0.99994105,
                0.916092,
                0.6541676,
                -0.111830816,
                0.35031524,
                0.7042293,
                0.9983531,
                0.8866119,
                0.7042293,
                0.9921158,
                0.8530028,
                0.75101143,
                0.9921158,
                0.8530028,
                0.17396358,
            ],
            1e-6,
        );
        let y = average_pool2d(x(), [3, 2], [2, 2], Padding::Same);
        assert_eq!(y.dims(), [1, 2, 4, 3]);
        close(
            &values(y),
            &[
                0.36664832,
                0.011712566,
                -0.281052,
                0.00947537,
                -0.00012352069,
                -0.007842858,
                0.0032243927,
                0.011382912,
                0.012867411,
                0.13686079,
                0.43469158,
                0.48026252,
                -0.47069,
                -0.3790077,
                -0.1341441,
                -0.012605429,
                -0.009818117,
                -0.0031410258,
                0.0075405636,
                -0.0027148128,
                -0.00979947,
                0.26988167,
                -0.11788806,
                -0.3789106,
            ],
            1e-6,
        );
        let y = max_pool2d(x(), [2, 2], [2, 1], Padding::Same);
        assert_eq!(y.dims(), [1, 2, 4, 5]);
        close(
            &values(y),
            &[
                0.98916113,
                0.98916113,
                0.96213615,
                0.76516944,
                0.4330512,
                0.9968723,
                0.9968723,
                0.94130594,
                0.719477,
                0.60105944,
                -0.04379574,
                -0.13337854,
                0.2856189,
                0.6541676,
                0.6541676,
                0.99994105,
                0.99994105,
                0.916092,
                0.670434,
                0.30635747,
                -0.111830816,
                -0.06547485,
                0.35031524,
                0.7042293,
                0.7042293,
                0.9983531,
                0.9983531,
                0.8866119,
                0.6182687,
                0.24072105,
                0.9921158,
                0.9921158,
                0.8530028,
                0.75101143,
                0.75101143,
                -0.24602416,
                -0.62255675,
                -0.8891274,
                -0.9317848,
                -0.9317848,
            ],
            1e-6,
        );
        let y = average_pool2d(x(), [2, 2], [2, 1], Padding::Same);
        assert_eq!(y.dims(), [1, 2, 4, 5]);
        close(
            &values(y),
            &[
                0.36664832,
                0.20750631,
                0.011712566,
                -0.18615001,
                -0.281052,
                0.10522273,
                0.2880113,
                0.41992858,
                0.47767404,
                0.48581332,
                -0.46347192,
                -0.47252783,
                -0.39812136,
                -0.2533949,
                -0.16598248,
                0.953556,
                0.9580165,
                0.79326296,
                0.48839575,
                0.30635747,
                -0.47069,
                -0.46600387,
                -0.3790077,
                -0.22506754,
                -0.1341441,
                0.2962575,
                0.11534697,
                -0.08593726,
                -0.27204245,
                -0.3568262,
                0.19808051,
                0.3598642,
                0.4580852,
                0.47539485,
                0.46248752,
                -0.43429047,
                -0.7558421,
                -0.9438896,
                -0.9652183,
                -0.9317848,
            ],
            1e-6,
        );
        let y = max_pool2d(x(), [2, 3], [3, 2], Padding::Valid);
        assert_eq!(y.dims(), [1, 2, 2, 2]);
        close(
            &values(y),
            &[
                0.98916113,
                0.96213615,
                0.9968723,
                0.94130594,
                -0.06547485,
                0.7042293,
                0.0027337493,
                0.75101143,
            ],
            1e-6,
        );
        let y = average_pool2d(x(), [2, 3], [3, 2], Padding::Valid);
        assert_eq!(y.dims(), [1, 2, 2, 2]);
        close(
            &values(y),
            &[
                0.28265658,
                -0.08587565,
                0.25713813,
                -0.116584696,
                -0.4611348,
                -0.29738644,
                -0.459329,
                -0.2726463,
            ],
            1e-6,
        );
        let y = max_pool2d(x(), [1, 2], [3, 4], Padding::Same);
        assert_eq!(y.dims(), [1, 2, 3, 2]);
        close(
            &values(y),
            &[
                0.98916113,
                0.4330512,
                0.9968723,
                0.3705672,
                0.99994105,
                0.30635747,
                -0.111830816,
                -0.9725175,
                -0.17934509,
                -0.9543734,
                -0.24602416,
                -0.9317848,
            ],
            1e-6,
        );
        let y = average_pool2d(x(), [1, 2], [3, 4], Padding::Same);
        assert_eq!(y.dims(), [1, 2, 3, 2]);
        close(
            &values(y),
            &[
                0.91531605,
                0.4330512,
                0.93661696,
                0.3705672,
                0.953556,
                0.30635747,
                -0.31104866,
                -0.9725175,
                -0.37353933,
                -0.9543734,
                -0.43429047,
                -0.9317848,
            ],
            1e-6,
        );
        let y = max_pool1d(x1(), [4], [3], Padding::Same);
        assert_eq!(y.dims(), [1, 2, 3]);
        close(
            &values(y),
            &[
                0.98916113,
                0.96213615,
                0.024443291,
                -0.73278993,
                -0.20066108,
                0.21959245,
            ],
            1e-6,
        );
        let y = average_pool1d(x1(), [4], [3], Padding::Same);
        assert_eq!(y.dims(), [1, 2, 3]);
        close(
            &values(y),
            &[
                0.93092275,
                0.54620004,
                -0.18201937,
                -0.8918702,
                -0.6620399,
                0.009465687,
            ],
            1e-6,
        );
        let y = max_pool1d(x1(), [2], [3], Padding::Same);
        assert_eq!(y.dims(), [1, 2, 3]);
        close(
            &values(y),
            &[
                0.98916113,
                0.76516944,
                -0.38848203,
                -0.73278993,
                -0.5854719,
                0.21959245,
            ],
            1e-6,
        );
        let y = average_pool1d(x1(), [2], [3], Padding::Same);
        assert_eq!(y.dims(), [1, 2, 3]);
        close(
            &values(y),
            &[
                0.91531605,
                0.5991103,
                -0.38848203,
                -0.8402277,
                -0.7261715,
                0.21959245,
            ],
            1e-6,
        );
        let y = max_pool1d(x1(), [3], [2], Padding::Valid);
        assert_eq!(y.dims(), [1, 2, 3]);
        close(
            &values(y),
            &[
                0.98916113,
                0.96213615,
                0.4330512,
                -0.73278993,
                -0.5854719,
                0.21959245,
            ],
            1e-6,
        );
        let y = average_pool1d(x1(), [3], [2], Padding::Valid);
        assert_eq!(y.dims(), [1, 2, 3]);
        close(
            &values(y),
            &[
                0.93092275,
                0.72011894,
                0.023004154,
                -0.8918702,
                -0.8158328,
                -0.18884684,
            ],
            1e-6,
        );
    }
}

#[test]
fn global_pools_keep_or_drop_axes() {
    for device in devices() {
        let x = Tensor::<3>::from_floats([[[1., 2.], [3., 6.]]], &device);
        assert_eq!(values::<2>(global_average_pool(x.clone(), [1])), [2., 4.]);
        assert_eq!(values::<2>(global_max_pool(x.clone(), [2])), [2., 6.]);
        let y: Tensor<3> = global_average_pool(x.clone(), [2]);
        assert_eq!(y.dims(), [1, 2, 1]);
        assert_eq!(values(y), [1.5, 4.5]);
        let y: Tensor<1> = global_average_pool(x.clone(), [1, 2]);
        assert_eq!(values(y), [3.0]);
        assert_eq!(values::<3>(global_max_pool(x, [1, 2])), [6.0]);
    }
}

// keras.layers.GlobalAveragePooling1D()(wave((2, 3, 2), 2.0), mask=[[1, 0, 1], [0, 1, 0]])
#[test]
fn masked_average_equals_keras() {
    let expected = &[0.19239992, -0.085005075, -0.78067815, -0.45495424];
    for device in devices() {
        let x = wave([2, 3, 2], 2.0, &device);
        let mask =
            Tensor::<2, Bool>::from_data([[true, false, true], [false, true, false]], &device);
        close(
            &values::<2>(global_average_pool_masked(x.clone(), mask.clone(), 1)),
            expected,
            1e-6,
        );
        let y: Tensor<3> = global_average_pool_masked(x.swap_dims(1, 2), mask, 2);
        assert_eq!(y.dims(), [2, 2, 1]);
        close(&values(y), expected, 1e-6);
    }
}

/// `MaxPooling3D((2, 3, 2), (1, 2, 3), padding)` and `AveragePooling3D` of
/// `np.moveaxis(wave((1, 2, 3, 4, 5), 1.0), 1, -1)`.
#[test]
fn volumes_equal_keras() {
    type Pool = fn(Tensor<5>, [usize; 3], [usize; 3], Padding) -> Tensor<5>;
    let cases: [(Pool, Padding, [usize; 3], &[f32]); 4] = [
        (
            max_pool3d,
            Padding::Valid,
            [2, 1, 2],
            &[
                0.999941, 0.765169, 0.999941, 0.704229, 0.992116, 0.833882, 0.995678, 0.869584,
            ],
        ),
        (
            max_pool3d,
            Padding::Same,
            [3, 2, 2],
            &[
                0.999941, 0.765169, 0.999941, 0.719477, 0.999941, 0.704229, 0.999941, 0.751011,
                0.998353, 0.704229, -0.179345, 0.751011, 0.992116, 0.833882, 0.987025, 0.794296,
                0.995678, 0.869584, 0.987025, 0.901236, 0.995678, 0.869584, -0.147138, 0.901236,
            ],
        ),
        (
            average_pool3d,
            Padding::Valid,
            [2, 1, 2],
            &[
                0.005623, 0.003272, -0.001867, -0.005868, 0.005868, 0.001837, -0.003299, -0.005614,
            ],
        ),
        (
            average_pool3d,
            Padding::Same,
            [3, 2, 2],
            &[
                0.005623, 0.003272, 0.213238, 0.116584, -0.001867, -0.005868, -0.077231, -0.220099,
                -0.012605, -0.005604, -0.475716, -0.195692, 0.005868, 0.001837, 0.220433, 0.061812,
                -0.003299, -0.005614, -0.130050, -0.208536, -0.012667, -0.002306, -0.473587,
                -0.070504,
            ],
        ),
    ];
    for device in devices() {
        for (pool, padding, [depth, height, width], expected) in cases {
            let x = wave([1, 2, 3, 4, 5], 1.0, &device);
            let y = pool(x, [2, 3, 2], [1, 2, 3], padding);
            assert_eq!(y.dims(), [1, 2, depth, height, width]);
            close(&values(y), expected, 1e-6);
        }
    }
}

/// `AdaptiveMaxPooling2D((3, 4))` and `AdaptiveAveragePooling2D` of
/// `np.moveaxis(wave((1, 2, 5, 7), 1.0), 1, -1)`, `AdaptiveAveragePooling1D(5)` of
/// `np.moveaxis(wave((1, 2, 3), 1.0), 1, -1)`.
#[test]
fn adaptive_bins_equal_keras() {
    let max = &[
        0.989161, 0.989161, 0.765169, 0.219592, 0.876362, 0.996872, 0.941306, 0.370567, 0.654168,
        0.999941, 0.999941, 0.670434, 0.350315, 0.933756, 0.998353, 0.886612, 0.350315, 0.933756,
        0.998353, 0.992116, 0.563224, 0.751011, 0.992116, 0.992116,
    ];
    let average = &[
        0.037544, -0.015538, -0.071723, -0.086277, -0.238492, -0.302890, -0.218606, -0.052749,
        -0.072032, -0.028263, 0.040111, 0.078649, -0.084314, -0.053806, 0.012157, 0.061054,
        -0.009908, 0.172500, 0.301648, 0.274706, 0.082881, 0.078751, 0.031464, -0.021330,
    ];
    let more = &[
        0.841471, 0.915316, 0.989161, 0.975649, 0.962136, 0.765169, 0.599110, 0.433051, 0.228747,
        0.024443,
    ];
    for device in devices() {
        let x = || wave::<4>([1, 2, 5, 7], 1.0, &device);
        close(&values(adaptive_max_pool(x(), [3, 4])), max, 1e-6);
        close(&values(adaptive_average_pool(x(), [3, 4])), average, 1e-6);
        let y = adaptive_average_pool(wave::<3>([1, 2, 3], 1.0, &device), [5]);
        close(&values(y), more, 1e-6);
    }
}
