//! Numbers from Keras 3.15.1 on TensorFlow, and tf_keras 2.21 where named. Weights are
//! `wave(.., i / 10)` for the i-th weight in Keras's order, inputs those of [`inputs`]; for `wave`
//! see `testing.rs`.
#![allow(clippy::excessive_precision)]

use super::*;
use crate::testing::{close, devices, values, wave};
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Int};

/// Query, value and key.
fn inputs(features: [usize; 3], device: &Device) -> [Tensor<3>; 3] {
    let [query, value, key] = features;
    [
        wave([2, 2, query], 0.4, device),
        wave([2, 3, value], 0.5, device),
        wave([2, 3, key], 0.6, device),
    ]
}

fn scale(value: f32, device: &Device) -> Option<Param<Tensor<1>>> {
    Some(Param::from_tensor(Tensor::from_floats([value], device)))
}

fn check_attention(
    config: AttentionConfig,
    weights: fn(&mut Attention, &Device),
    output: &[f32],
    scores: &[f32],
) {
    for device in devices() {
        let mut layer = config.init(&device);
        weights(&mut layer, &device);
        let [query, value, key] = inputs([3, 2, 3], &device);
        let mask = Tensor::<2, Bool>::from_data([[true, false, true], [false; 3]], &device);
        let y = layer.forward(query, value, key, Some(mask.unsqueeze_dim(1)));
        close(&values(y.output), output, 1e-6);
        close(&values(y.scores), scores, 1e-6);
    }
}

const THIRD: f32 = 1.0 / 3.0;

#[test]
fn dot_score() {
    check_attention(
        AttentionConfig::new(Score::Dot).with_scale(true),
        |layer, device| layer.scale = scale(0.7, device),
        &[
            0.52058965,
            0.7609405,
            0.5238036,
            0.75807244,
            -0.52583545,
            -0.7132631,
            -0.52583545,
            -0.7132631,
        ],
        &[
            0.8762919, 0.0, 0.12370809, 0.86663336, 0.0, 0.13336661, THIRD, THIRD, THIRD, THIRD,
            THIRD, THIRD,
        ],
    );
}

#[test]
fn concat_score() {
    check_attention(
        AttentionConfig::new(Score::Concat).with_scale(true),
        |layer, device| {
            layer.scale = scale(0.7, device);
            layer.concat_score_weight = scale(1.3, device);
        },
        &[
            0.5148731,
            0.7660419,
            0.51483274,
            0.7660779,
            -0.52583545,
            -0.7132631,
            -0.52583545,
            -0.7132631,
        ],
        &[
            0.89347166, 0.0, 0.10652835, 0.8935929, 0.0, 0.10640709, THIRD, THIRD, THIRD, THIRD,
            THIRD, THIRD,
        ],
    );
}

#[test]
fn additive_score() {
    check_attention(
        AttentionConfig::new(Score::Additive(3)).with_scale(true),
        |layer, device| layer.scale = Some(Param::from_tensor(wave([3], 0.7, device))),
        &[
            0.5377777,
            0.7456022,
            0.5334469,
            0.74946696,
            -0.52583545,
            -0.7132631,
            -0.52583545,
            -0.7132631,
        ],
        &[
            0.82463753, 0.0, 0.17536242, 0.8376528, 0.0, 0.16234718, THIRD, THIRD, THIRD, THIRD,
            THIRD, THIRD,
        ],
    );
}

/// The attention of two heads of 3 and 2 features to 3 features, with its weights.
fn multi_head(
    options: fn(MultiHeadAttentionConfig) -> MultiHeadAttentionConfig,
    device: &Device,
) -> MultiHeadAttention {
    let config = MultiHeadAttentionConfig::new(3, 2, 3)
        .with_d_value(2)
        .with_d_key(4)
        .with_value_dim(2);
    with_waves(options(config).init(device), device)
}

fn with_waves(mut layer: MultiHeadAttention, device: &Device) -> MultiHeadAttention {
    let mut seed = 0.0;
    let mut fill = |linear: &mut Linear| {
        linear.weight = Param::from_tensor(wave(linear.weight.dims(), seed, device));
        seed += 0.1;
        if let Some(bias) = &mut linear.bias {
            *bias = Param::from_tensor(wave(bias.dims(), seed, device));
            seed += 0.1;
        }
    };
    fill(&mut layer.query);
    fill(&mut layer.key);
    if let Some(gate) = &mut layer.gate {
        fill(gate);
    }
    fill(&mut layer.value);
    fill(&mut layer.output);
    layer
}

/// In the first sample one query sees nothing.
fn mask(device: &Device) -> Tensor<4, Bool> {
    let rows = [
        [[true, false, true], [false; 3]],
        [[true; 3], [false, true, false]],
    ];
    Tensor::<3, Bool>::from_data(rows, device).unsqueeze_dim(1)
}

fn check_masked(rows: MaskedRows, output: &[f32], scores: &[f32]) {
    for device in devices() {
        let mut layer = multi_head(|config| config, &device);
        layer.masked_rows = rows;
        let [query, value, key] = inputs([3, 2, 4], &device);
        let y = layer.forward(query, value, key, Some(mask(&device)));
        close(&values(y.output), output, 2e-6);
        close(&values(y.scores), scores, 2e-6);
    }
}

/// Weights of both heads, the second query of the first sample set to `row`.
fn weights(row: f32) -> [f32; 24] {
    [
        0.5750176, 0.0, 0.42498243, row, row, row, 0.7367978, 0.0, 0.26320225, row, row, row,
        0.25030938, 0.59402525, 0.15566546, 0.0, 1.0, 0.0, 0.16193628, 0.5267134, 0.31135038, 0.0,
        1.0, 0.0,
    ]
}

#[test]
fn queries_without_keys() {
    let uniform = [
        1.6308281,
        1.1938251,
        0.5459577,
        1.6765826,
        1.1624413,
        0.44297874,
        -0.1053282,
        -0.05165422,
        0.011143506,
        -0.3970762,
        -0.339108,
        -0.22124338,
    ];
    // Keras 3 without scores, and tf_keras.
    check_masked(MaskedRows::Uniform, &uniform, &weights(THIRD));
    check_masked(MaskedRows::Lowered, &uniform, &weights(THIRD));
    let mut zero = uniform;
    zero[3..6].copy_from_slice(&[0.64421767, 0.9015893, 0.99971354]);
    check_masked(MaskedRows::Zero, &zero, &weights(0.0));
}

#[test]
fn rounding_makes_full_weights() {
    for device in devices() {
        let scores = Tensor::<2>::from_floats([[0.3, -0.2, 0.1], [0.3, -0.2, 0.1]], &device);
        let mask = Tensor::from_data([[true, false, true], [false; 3]], &device);
        let found = values(masked_softmax(scores, mask, MaskedRows::Full));
        close(&found, &[0.549834, 0.0, 0.450166, 1.0, 1.0, 1.0], 1e-6);
    }
}

#[test]
fn gated() {
    for device in devices() {
        let layer = multi_head(|config| config.with_gate(true), &device);
        let [query, value, key] = inputs([3, 2, 4], &device);
        let y = layer.forward(query, value, key, None);
        close(
            &values(y.output),
            &[
                1.6899325, 1.3897148, 0.8440326, 1.7366121, 1.2921636, 0.6194809, 0.1630953,
                0.19631076, 0.19485188, 0.2281658, 0.2814046, 0.2849391,
            ],
            2e-6,
        );
        let without = multi_head(|config| config.with_bias(false), &device);
        let biases = [
            without.query.bias,
            without.key.bias,
            without.value.bias,
            without.output.bias,
        ];
        assert!(biases.iter().all(Option::is_none));
    }
}

#[test]
fn heads_that_share_keys() {
    for device in devices() {
        let config = MultiHeadAttentionConfig::new(3, 4, 2).with_key_value_heads(2);
        let layer = with_waves(config.init(&device), &device);
        let x: Tensor<3> = wave([2, 2, 3], 0.4, &device);
        let y = layer.forward(x.clone(), x.clone(), x, None);
        close(
            &values(y.output),
            &[
                2.0203788, 2.046516, 1.7111782, 2.0477564, 2.0475895, 1.6857579, 2.0321658,
                2.019511, 1.650151, 2.080358, 2.084363, 1.7202077,
            ],
            2e-6,
        );
    }
}

#[test]
fn scores_have_gradients() {
    let device = Device::flex().autodiff();
    let layer = multi_head(|config| config.with_gate(true), &device);
    let [query, value, key] = inputs([3, 2, 4], &device);
    let layer = layer.train();
    let y = layer.forward(query, value, key, Some(mask(&device)));
    let gradients = y.output.sum().backward();
    for linear in [&layer.query, &layer.key, &layer.value, &layer.output] {
        let gradient = linear.weight.val().grad(&gradients);
        let gradient = values(gradient.expect("every projection has a gradient"));
        assert!(gradient.iter().all(|value| value.is_finite()));
        assert!(gradient.iter().any(|value| *value != 0.0));
    }
}

fn numbers<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let count = shape.iter().product::<usize>() as i64;
    Tensor::<1, Int>::arange(0..count, device)
        .float()
        .reshape(shape)
}

#[test]
fn axes_become_steps_and_come_back() {
    for device in devices() {
        let x = numbers([2, 3, 4, 5], &device);
        let folded = fold_axes(x.clone(), &[2]);
        assert_eq!(folded.dims(), [6, 4, 5]);
        assert_eq!(values(folded), values(x.clone()));
        let folded = fold_axes(x.clone(), &[3 - 1, 1]);
        assert_eq!(folded.dims(), [2, 12, 5]);
        // Steps run through axis 1 first.
        assert_eq!(values(folded.clone())[5], 20.0);
        let back = unfold_axes(folded, x.clone(), &[2, 1]);
        assert_eq!(values(back), values(x.clone()));
        let scores = unfold_scores::<4, 5>(
            numbers([6, 2, 4, 7], &device),
            x,
            numbers([2, 3, 7, 5], &device),
            &[2],
        );
        assert_eq!(scores.dims(), [2, 3, 2, 4, 7]);
    }
}

#[test]
fn masks_are_spread_over_batch_axes() {
    for device in devices() {
        let query = numbers([2, 3, 4, 5], &device);
        let key = numbers([2, 3, 2, 5], &device);
        let bits = |mask: Tensor<4, Bool>| -> alloc::vec::Vec<bool> {
            mask.into_data().iter::<bool>().collect()
        };
        // One for all axes behind the first: [batch, queries, keys].
        let mask = numbers([2, 4, 2], &device).lower_scalar(8.0);
        let folded = fold_mask(mask, query.clone(), key.clone(), &[2]);
        assert_eq!(folded.dims(), [6, 1, 4, 2]);
        let expected = [[true; 24], [false; 24]].concat();
        assert_eq!(bits(folded), expected);
        // For each place, and of both axes as steps.
        let mask = numbers([2, 3, 4, 2], &device).greater_scalar(0.0);
        let folded = fold_mask(mask, query.clone(), key.clone(), &[2]);
        assert_eq!(folded.dims(), [6, 1, 4, 2]);
        let mask = numbers([1, 3, 1, 3, 2], &device).greater_scalar(0.0);
        let folded = fold_mask(mask, query.clone(), key.clone(), &[1, 2]);
        assert_eq!(folded.dims(), [1, 1, 12, 6]);
        // With an entry for each head.
        let mask = numbers([2, 3, 7, 4, 2], &device).greater_scalar(0.0);
        let folded = fold_mask(mask, query, key, &[2]);
        assert_eq!(folded.dims(), [6, 7, 4, 2]);
    }
}
