//! Every module has its config.

use keras_ir::Activation;
use keras_ir::layer::attention::Score;
use keras_ir::layer::keras1::EarlyStatistics;
use keras_ir::layer::normalization::Renorm;
use keras_ir::layer::rnn::{CellDropout, CellKind, DropoutMasks, MaskedOutput, WeightLayout};

use super::{Draft, assert_says, field, float, model, own, plan, source};
use crate::plan::{FieldKind, Module};

#[test]
fn every_module_has_its_config() {
    let conv = |dimensions: usize, plain: bool| Module::Conv {
        channels: [2, 4],
        kernel: vec![3; dimensions],
        strides: vec![if plain { 1 } else { 2 }; dimensions],
        dilation: vec![if plain { 1 } else { 2 }; dimensions],
        padding: vec![if plain { (0, 0) } else { (0, 1) }; dimensions],
        groups: if plain { 1 } else { 2 },
        bias: plain,
        depthwise: false,
    };
    let separable = |dimensions: usize| Module::SeparableConv {
        channels: [2, 4],
        kernel: vec![3; dimensions],
        depth_multiplier: 2,
        strides: vec![2; dimensions],
        dilation: vec![1; dimensions],
        padding: vec![(0, 1); dimensions],
        bias: true,
    };
    let transposed = |dimensions: usize| Module::ConvTranspose {
        channels: [2, 4],
        kernel: vec![3; dimensions],
        strides: vec![2; dimensions],
        dilation: vec![1; dimensions],
        padding: (0..dimensions).map(|axis| usize::from(axis == 0)).collect(),
        padding_out: (0..dimensions).map(|axis| usize::from(axis > 0)).collect(),
        bias: false,
    };
    let normalization = |center| Module::BatchNormalization {
        features: 2,
        epsilon: 0.001,
        momentum: 0.9,
        center,
        scale: true,
        unbiased: !center,
    };
    let cases = [
        (
            conv(1, true),
            "Conv1d",
            "Conv1dConfig::new(2, 4, 3).init(device)",
        ),
        (
            conv(1, false),
            "Conv1d",
            "Conv1dConfig::new(2, 4, 3).with_stride(2).with_dilation(2).with_groups(2)
                .with_padding(PaddingConfig1d::Explicit(0, 1)).with_bias(false).init(device)",
        ),
        (
            conv(2, true),
            "Conv2d",
            "Conv2dConfig::new([2, 4], [3, 3]).init(device)",
        ),
        (
            conv(2, false),
            "Conv2d",
            "Conv2dConfig::new([2, 4], [3, 3]).with_stride([2, 2]).with_dilation([2, 2])
                .with_groups(2).with_padding(PaddingConfig2d::Explicit(0, 0, 1, 1))
                .with_bias(false).init(device)",
        ),
        (
            Module::Conv {
                channels: [2, 4],
                kernel: vec![3, 1, 2],
                strides: vec![1, 2, 1],
                dilation: vec![1; 3],
                padding: vec![(1, 1), (0, 0), (2, 2)],
                groups: 1,
                bias: true,
                depthwise: false,
            },
            "Conv3d",
            "Conv3dConfig::new([2, 4], [3, 1, 2]).with_stride([1, 2, 1])
                .with_padding(PaddingConfig3d::Explicit(1, 0, 2)).init(device)",
        ),
        (
            separable(1),
            "SeparableConv1d",
            "SeparableConv1dConfig::new([2, 4], [3]).with_depth_multiplier(2).with_stride([2])
                .with_padding([(0, 1)]).init(device)",
        ),
        (
            separable(2),
            "SeparableConv2d",
            "SeparableConv2dConfig::new([2, 4], [3, 3]).with_depth_multiplier(2)
                .with_stride([2, 2]).with_padding([(0, 1), (0, 1)]).init(device)",
        ),
        (
            transposed(1),
            "ConvTranspose1d",
            "ConvTranspose1dConfig::new([2, 4], 3).with_stride(2).with_padding(1)
                .with_bias(false).init(device)",
        ),
        (
            transposed(2),
            "ConvTranspose2d",
            "ConvTranspose2dConfig::new([2, 4], [3, 3]).with_stride([2, 2])
                .with_padding([1, 0]).with_padding_out([0, 1]).with_bias(false).init(device)",
        ),
        (
            transposed(3),
            "ConvTranspose3d",
            "ConvTranspose3dConfig::new([2, 4], [3, 3, 3]).with_stride([2, 2, 2])
                .with_padding([1, 0, 0]).with_padding_out([0, 1, 1]).with_bias(false).init(device)",
        ),
        (
            Module::BatchNorm {
                features: 2,
                epsilon: 1e-5,
                momentum: 0.99,
            },
            "BatchNorm",
            "batch_norm(2, 1e-5, 0.99, &scope.enter(\"layer\"), device)",
        ),
        (
            normalization(false),
            "BatchNormalization",
            "BatchNormalizationConfig::new(2).with_epsilon(0.001).with_momentum(0.9)
                .with_center(false).with_unbiased(true).init(&scope.enter(\"layer\"), device)",
        ),
        (
            Module::BatchRenormalization {
                features: 2,
                epsilon: 0.001,
                momentum: 0.9,
                center: true,
                scale: true,
                renorm: Renorm {
                    momentum: 0.99,
                    rmin: None,
                    rmax: Some(3.0),
                    dmax: None,
                },
            },
            "BatchRenormalization",
            "BatchRenormalizationConfig::new(2).with_epsilon(0.001).with_momentum(0.9)
                .with_rmax(3.0).init(&scope.enter(\"layer\"), device)",
        ),
        (
            Module::LayerNorm {
                features: 4,
                epsilon: 0.001,
                center: false,
            },
            "LayerNorm",
            "LayerNormConfig::new(4).with_epsilon(0.001).with_bias(false).init(device)",
        ),
        (
            Module::LayerNormalization {
                features: 12,
                axes: vec![1, 2],
                epsilon: 0.001,
                center: true,
                scale: false,
                rms_scaling: true,
            },
            "LayerNormalization",
            "LayerNormalizationConfig::new(12, [1, 2]).with_epsilon(0.001).with_scale(false)
                .with_rms_scaling(true).init(device)",
        ),
        (
            Module::RmsNormalization {
                shape: vec![3],
                axes: vec![2],
                epsilon: 1e-6,
            },
            "RmsNormalization",
            "RmsNormalizationConfig::new([3], [2]).with_epsilon(1e-6).init(device)",
        ),
        (
            Module::GroupNormalization {
                groups: 2,
                channels: 4,
                epsilon: 0.001,
                center: false,
                scale: true,
            },
            "GroupNormalization",
            "GroupNormalizationConfig::new(2, 4).with_epsilon(0.001).with_center(false)
                .init(device)",
        ),
        (
            Module::PRelu { shape: vec![1, 3] },
            "PRelu",
            "PReluConfig::new([1, 3]).init(device)",
        ),
        (
            Module::ParametricSoftplus { shape: vec![1, 3] },
            "ParametricSoftplus",
            "ParametricSoftplusConfig::new([1, 3]).init(device)",
        ),
        (
            Module::SRelu {
                shape: vec![2],
                cuts_left: true,
            },
            "SRelu",
            "SReluConfig::new([2]).with_cuts_left(true).init(device)",
        ),
        (
            Module::EarlyBatchNormalization {
                features: 3,
                statistics: EarlyStatistics::Variance,
                epsilon: 0.001,
                momentum: 0.9,
            },
            "EarlyBatchNormalization",
            "EarlyBatchNormalizationConfig::new(3, EarlyStatistics::Variance)
                .with_epsilon(0.001).with_momentum(0.9).init(&scope.enter(\"layer\"), device)",
        ),
        (
            Module::Bias { features: 5 },
            "Bias",
            "BiasConfig::new(5).init(device)",
        ),
        (
            Module::Embedding { count: 7, size: 2 },
            "Embedding",
            "EmbeddingConfig::new(7, 2).init(device)",
        ),
        (
            Module::Dropout { rate: 0.5 },
            "Dropout",
            "DropoutConfig::new(0.5).init()",
        ),
        (
            Module::NoiseDropout {
                rate: 0.5,
                noise_shape: vec![None, Some(1)],
            },
            "NoiseDropout",
            "NoiseDropoutConfig::new(0.5).with_noise_shape(vec![None, Some(1)]).init(device)",
        ),
        (
            Module::SpatialDropout {
                rate: 0.5,
                channel_axis: 3,
            },
            "SpatialDropout",
            "SpatialDropoutConfig::new(0.5).with_channel_axis(3).init(device)",
        ),
        (
            Module::AlphaDropout {
                rate: 0.5,
                noise_shape: None,
            },
            "AlphaDropout",
            "AlphaDropoutConfig::new(0.5).init(device)",
        ),
        (
            Module::GaussianDropout { rate: 0.5 },
            "GaussianDropout",
            "GaussianDropoutConfig::new(0.5).init(device)",
        ),
        (
            Module::GaussianNoise { stddev: 3.14 },
            "GaussianNoise",
            "GaussianNoiseConfig::new(3.14).init()",
        ),
    ];
    for (module, ty, expected) in cases {
        let is_close_to_pi = module == Module::GaussianNoise { stddev: 3.14 };
        let mut draft = Draft::new();
        let x = draft.input("x", float(4));
        let y = draft.step(own(0), &[x], "layer", float(4));
        draft.output("y", y, None);
        let mut of_layer = field(1, "layer", FieldKind::Module(module));
        of_layer.frozen = true;
        let text = source(&plan(vec![model(0, "Net", vec![of_layer], draft.0)]));
        assert_says(&text, &format!("Self {{ layer: {expected}.freeze() }}"));
        assert_says(
            &text,
            &format!("/// `layer` (Dense), not trained pub layer: {ty}"),
        );
        assert_eq!(text.contains("approx_constant"), is_close_to_pi, "{text}");
        assert_eq!(text.contains("scope: &Scope"), text.contains("scope.enter"));
    }
}

#[test]
fn dropout_goes_on_in_a_layer_that_is_not_trained() {
    let recurrent = |cell| Module::Recurrent {
        cell,
        layout: WeightLayout::Keras,
        input: 4,
        units: 3,
        bias: true,
        activation: Activation::Tanh,
        recurrent_activation: Activation::Sigmoid,
        go_backwards: true,
        masked_output: MaskedOutput::Previous,
    };
    let dropping = |cell, inputs, state, masks| Module::RecurrentDropout {
        layer: Box::new(recurrent(cell)),
        dropout: CellDropout {
            inputs,
            state,
            masks,
        },
    };
    for (module, expected, about) in [
        (
            dropping(CellKind::SimpleRnn, 0.0, 0.5, DropoutMasks::Shared),
            "SimpleRnnConfig::new(4, 3).with_go_backwards(true).with_recurrent_dropout(0.5)
                .init(device).no_grad()",
            "use burn_keras_nn::recurrent::{SimpleRnn, SimpleRnnConfig};",
        ),
        (
            dropping(CellKind::Lstm, 0.25, 0.0, DropoutMasks::Shared),
            "LstmConfig::new(4, 3).with_go_backwards(true).with_dropout(0.25)
                .init(device).no_grad()",
            "use burn_keras_nn::recurrent::{Lstm, LstmConfig};",
        ),
        (
            dropping(CellKind::Lstm, 0.25, 0.5, DropoutMasks::PerGate),
            "LstmConfig::new(4, 3).with_go_backwards(true).with_dropout(0.25)
                .with_recurrent_dropout(0.5).with_dropout_masks(DropoutMasks::PerGate)
                .init(device).no_grad()",
            "use burn_keras_nn::recurrent::{DropoutMasks, Lstm, LstmConfig};",
        ),
        (
            recurrent(CellKind::Lstm),
            "LstmConfig::new(4, 3).with_go_backwards(true).init(device).freeze()",
            "use burn_keras_nn::recurrent::{Lstm, LstmConfig};",
        ),
        (
            Module::Attention {
                score: Score::Dot,
                features: 4,
                scale: true,
                dropout: 0.5,
            },
            "AttentionConfig::new(Score::Dot).with_scale(true).with_dropout(0.5)
                .init(device).no_grad()",
            "use burn_keras_nn::attention::{Attention, AttentionConfig, Score};",
        ),
    ] {
        let mut draft = Draft::new();
        let x = draft.input("x", float(3));
        draft.output("y", x, None);
        let mut of_layer = field(1, "layer", FieldKind::Module(module));
        of_layer.frozen = true;
        let text = source(&plan(vec![model(0, "Net", vec![of_layer], draft.0)]));
        assert_says(&text, &format!("Self {{ layer: {expected} }}"));
        assert_says(&text, about);
    }
}
