//! How a module is made in source.

use keras_ir::Activation;
use keras_ir::layer::attention::{MaskedRows, Score};
use keras_ir::layer::keras1::EarlyStatistics;
use keras_ir::layer::rnn::{CellKind, DropoutMasks, MaskedOutput};

use super::Module;
use crate::plan::literal::Literal;

/// How a module is made in source.
#[derive(Clone, Debug, PartialEq)]
pub struct Construction {
    /// The module's type.
    pub ty: &'static str,
    /// The type of what `forward` gives, if that has several fields.
    pub output: Option<&'static str>,
    /// What makes it.
    pub maker: Maker,
    /// What is always given.
    pub arguments: Vec<Literal>,
    /// The options that are not at their default, by the name of their method.
    pub options: Vec<(&'static str, Literal)>,
}

/// What makes a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// `LinearConfig::new(…).with_bias(false).init(device)`
    Config(&'static str),
    /// The same without a device: `DropoutConfig::new(0.5).init()`
    Plain(&'static str),
    /// The same at a place in the tree, where batch statistics get their ids:
    /// `BatchNormalizationConfig::new(4).init(&scope.enter("name"), device)`
    Scoped(&'static str),
    /// A function that takes that place: `batch_norm(4, 1e-3, 0.99, &scope.enter("name"), device)`
    Function(&'static str),
}

/// A module that is made of `arguments`, with every option at its default.
fn make(ty: &'static str, maker: Maker, arguments: Vec<Literal>) -> Construction {
    Construction {
        ty,
        output: None,
        maker,
        arguments,
        options: Vec::new(),
    }
}

impl Construction {
    /// What `forward` gives has several fields.
    fn giving(mut self, output: &'static str) -> Self {
        self.output = Some(output);
        self
    }

    /// An option, left out at its default.
    fn option<T: Into<Literal> + PartialEq>(
        mut self,
        method: &'static str,
        value: T,
        default: T,
    ) -> Self {
        if value != default {
            self.options.push((method, value.into()));
        }
        self
    }

    /// Sizes, left out where all are 1.
    fn sizes(mut self, method: &'static str, sizes: &[usize]) -> Self {
        if sizes.iter().any(|size| *size != 1) {
            self.options.push((method, by_rank(sizes)));
        }
        self
    }

    /// An option that is there or is not.
    fn some(mut self, method: &'static str, value: Option<Literal>) -> Self {
        self.options.extend(value.map(|value| (method, value)));
        self
    }

    /// An option that is written at its default too.
    fn always(mut self, method: &'static str, value: impl Into<Literal>) -> Self {
        self.options.push((method, value.into()));
        self
    }

    /// What all batch normalizations have in common.
    fn batch_options(self, epsilon: f64, momentum: f64, center: bool, scale: bool) -> Self {
        self.always("with_epsilon", epsilon)
            .always("with_momentum", momentum)
            .option("with_center", center, true)
            .option("with_scale", scale, true)
    }
}

/// Burn's configs take a number for one axis and an array for several.
fn by_rank(sizes: &[usize]) -> Literal {
    match sizes {
        [one] => (*one).into(),
        several => Literal::sizes(several),
    }
}

/// Explicit padding of a convolution, none for zeros. All before, then all behind: in two
/// dimensions top, left, bottom, right; in three what is on either side.
fn explicit_padding(padding: &[(usize, usize)]) -> Option<Literal> {
    if padding.iter().all(|pair| *pair == (0, 0)) {
        return None;
    }
    let ty = match padding.len() {
        1 => "PaddingConfig1d",
        2 => "PaddingConfig2d",
        _ => "PaddingConfig3d",
    };
    let before = padding.iter().map(|(before, _)| *before);
    let behind = padding.iter().map(|(_, behind)| *behind);
    let behind = behind.take(if padding.len() < 3 { padding.len() } else { 0 });
    let all = before.chain(behind).map(Literal::Size).collect();
    Some(Literal::TupleVariant(ty, "Explicit", all))
}

impl Module {
    /// How the module is made in source.
    pub fn construction(&self) -> Construction {
        use Maker::{Config, Function, Plain, Scoped};
        match self {
            Self::Linear {
                input,
                output,
                bias,
            } => make(
                "Linear",
                Config("LinearConfig"),
                vec![(*input).into(), (*output).into()],
            )
            .option("with_bias", *bias, true),
            Self::Bias { features } => make("Bias", Config("BiasConfig"), vec![(*features).into()]),
            Self::Embedding { count, size } => make(
                "Embedding",
                Config("EmbeddingConfig"),
                vec![(*count).into(), (*size).into()],
            ),
            Self::PRelu { shape } => {
                make("PRelu", Config("PReluConfig"), vec![Literal::sizes(shape)])
            }
            Self::Conv {
                channels,
                kernel,
                strides,
                dilation,
                padding,
                groups,
                bias,
                ..
            } => {
                let [input, output] = *channels;
                let (ty, config, arguments) = match kernel.as_slice() {
                    [kernel] => {
                        let arguments = vec![input.into(), output.into(), (*kernel).into()];
                        ("Conv1d", "Conv1dConfig", arguments)
                    }
                    kernel => {
                        let arguments = vec![Literal::sizes(channels), Literal::sizes(kernel)];
                        match kernel.len() {
                            2 => ("Conv2d", "Conv2dConfig", arguments),
                            _ => ("Conv3d", "Conv3dConfig", arguments),
                        }
                    }
                };
                make(ty, Config(config), arguments)
                    .sizes("with_stride", strides)
                    .sizes("with_dilation", dilation)
                    .option("with_groups", *groups, 1)
                    .some("with_padding", explicit_padding(padding))
                    .option("with_bias", *bias, true)
            }
            Self::SeparableConv {
                channels,
                kernel,
                depth_multiplier,
                strides,
                dilation,
                padding,
                bias,
            } => {
                let (ty, config) = match kernel.len() {
                    1 => ("SeparableConv1d", "SeparableConv1dConfig"),
                    _ => ("SeparableConv2d", "SeparableConv2dConfig"),
                };
                let array = |sizes: &[usize]| {
                    let differs = sizes.iter().any(|size| *size != 1);
                    differs.then(|| Literal::sizes(sizes))
                };
                let pads = padding.iter().any(|pair| *pair != (0, 0));
                make(
                    ty,
                    Config(config),
                    vec![Literal::sizes(channels), Literal::sizes(kernel)],
                )
                .option("with_depth_multiplier", *depth_multiplier, 1)
                .some("with_stride", array(strides))
                .some("with_dilation", array(dilation))
                .some("with_padding", pads.then(|| Literal::pairs(padding)))
                .option("with_bias", *bias, true)
            }
            Self::ConvTranspose {
                channels,
                kernel,
                strides,
                dilation,
                padding,
                padding_out,
                bias,
            } => {
                let (ty, config) = match kernel.len() {
                    1 => ("ConvTranspose1d", "ConvTranspose1dConfig"),
                    2 => ("ConvTranspose2d", "ConvTranspose2dConfig"),
                    _ => ("ConvTranspose3d", "ConvTranspose3dConfig"),
                };
                let nonzero = |sizes: &[usize]| {
                    let differs = sizes.iter().any(|size| *size != 0);
                    differs.then(|| by_rank(sizes))
                };
                make(
                    ty,
                    Config(config),
                    vec![Literal::sizes(channels), by_rank(kernel)],
                )
                .sizes("with_stride", strides)
                .sizes("with_dilation", dilation)
                .some("with_padding", nonzero(padding))
                .some("with_padding_out", nonzero(padding_out))
                .option("with_bias", *bias, true)
            }
            Self::BatchNorm {
                features,
                epsilon,
                momentum,
            } => make(
                "BatchNorm",
                Function("batch_norm"),
                vec![(*features).into(), (*epsilon).into(), (*momentum).into()],
            ),
            Self::BatchNormalization {
                features,
                epsilon,
                momentum,
                center,
                scale,
                unbiased,
            } => make(
                "BatchNormalization",
                Scoped("BatchNormalizationConfig"),
                vec![(*features).into()],
            )
            .batch_options(*epsilon, *momentum, *center, *scale)
            .option("with_unbiased", *unbiased, false),
            Self::BatchRenormalization {
                features,
                epsilon,
                momentum,
                center,
                scale,
                renorm,
            } => make(
                "BatchRenormalization",
                Scoped("BatchRenormalizationConfig"),
                vec![(*features).into()],
            )
            .batch_options(*epsilon, *momentum, *center, *scale)
            .option("with_renorm_momentum", renorm.momentum, 0.99)
            .some("with_rmin", renorm.rmin.map(Literal::from))
            .some("with_rmax", renorm.rmax.map(Literal::from))
            .some("with_dmax", renorm.dmax.map(Literal::from)),
            Self::LayerNorm {
                features,
                epsilon,
                center,
            } => make(
                "LayerNorm",
                Config("LayerNormConfig"),
                vec![(*features).into()],
            )
            .always("with_epsilon", *epsilon)
            .option("with_bias", *center, true),
            Self::LayerNormalization {
                features,
                axes,
                epsilon,
                center,
                scale,
                rms_scaling,
            } => make(
                "LayerNormalization",
                Config("LayerNormalizationConfig"),
                vec![(*features).into(), Literal::sizes(axes)],
            )
            .always("with_epsilon", *epsilon)
            .option("with_center", *center, true)
            .option("with_scale", *scale, true)
            .option("with_rms_scaling", *rms_scaling, false),
            Self::RmsNormalization {
                shape,
                axes,
                epsilon,
            } => make(
                "RmsNormalization",
                Config("RmsNormalizationConfig"),
                vec![Literal::sizes(shape), Literal::sizes(axes)],
            )
            .always("with_epsilon", *epsilon),
            Self::GroupNormalization {
                groups,
                channels,
                epsilon,
                center,
                scale,
            } => make(
                "GroupNormalization",
                Config("GroupNormalizationConfig"),
                vec![(*groups).into(), (*channels).into()],
            )
            .always("with_epsilon", *epsilon)
            .option("with_center", *center, true)
            .option("with_scale", *scale, true),
            Self::Normalization {
                features,
                axes,
                invert,
            } => make(
                "Normalization",
                Scoped("NormalizationConfig"),
                vec![(*features).into(), Literal::sizes(axes)],
            )
            .option("with_invert", *invert, false),
            Self::Recurrent {
                cell,
                layout: _,
                input,
                units,
                bias,
                activation,
                recurrent_activation,
                go_backwards,
                masked_output,
            } => {
                let (ty, config, output) = match cell {
                    CellKind::SimpleRnn => ("SimpleRnn", "SimpleRnnConfig", "RnnOutput"),
                    CellKind::Gru { .. } => ("Gru", "GruConfig", "RnnOutput"),
                    CellKind::Lstm => ("Lstm", "LstmConfig", "LstmOutput"),
                };
                let mut made = make(ty, Config(config), vec![(*input).into(), (*units).into()])
                    .giving(output)
                    .option("with_bias", *bias, true)
                    .option("with_activation", *activation, Activation::Tanh);
                if *cell != CellKind::SimpleRnn {
                    let gate = *recurrent_activation;
                    made = made.option("with_recurrent_activation", gate, Activation::Sigmoid);
                }
                if let CellKind::Gru { reset_after } = *cell {
                    made = made.option("with_reset_after", reset_after, true);
                }
                made.option("with_go_backwards", *go_backwards, false)
                    .option("with_masked_output", *masked_output, MaskedOutput::Previous)
            }
            Self::RecurrentDropout { layer, dropout } => layer
                .construction()
                .option("with_dropout", dropout.inputs, 0.0)
                .option("with_recurrent_dropout", dropout.state, 0.0)
                .option("with_dropout_masks", dropout.masks, DropoutMasks::Shared),
            Self::Attention {
                score,
                features,
                scale,
                dropout,
            } => {
                let score = match score {
                    Score::Dot => Literal::Variant("Score", "Dot", vec![]),
                    Score::Concat => Literal::Variant("Score", "Concat", vec![]),
                    Score::Additive => {
                        Literal::TupleVariant("Score", "Additive", vec![(*features).into()])
                    }
                };
                make("Attention", Config("AttentionConfig"), vec![score])
                    .giving("AttentionOutput")
                    .option("with_scale", *scale, false)
                    .option("with_dropout", *dropout, 0.0)
            }
            Self::MultiHeadAttention {
                inputs: [query, value, key],
                output,
                heads: [heads, key_value_heads],
                sizes: [key_dim, value_dim],
                bias,
                gate,
                masked_rows,
                dropout,
            } => {
                let rows = match masked_rows {
                    MaskedRows::Uniform => None,
                    MaskedRows::Lowered => Some("Lowered"),
                    MaskedRows::Full => Some("Full"),
                    MaskedRows::Zero => Some("Zero"),
                };
                let rows = rows.map(|rows| Literal::Variant("MaskedRows", rows, vec![]));
                make(
                    "MultiHeadAttention",
                    Config("MultiHeadAttentionConfig"),
                    vec![(*query).into(), (*heads).into(), (*key_dim).into()],
                )
                .giving("MultiHeadAttentionOutput")
                .option("with_d_value", *value, *query)
                .option("with_d_key", *key, *query)
                .option("with_d_output", output.iter().product(), *query)
                .option("with_key_value_heads", *key_value_heads, *heads)
                .option("with_value_dim", *value_dim, *key_dim)
                .option("with_bias", *bias, true)
                .option("with_gate", *gate, false)
                .some("with_masked_rows", rows)
                .option("with_dropout", *dropout, 0.0)
            }
            Self::EinsumDense {
                equation,
                kernel,
                bias,
                ..
            } => {
                let text = Literal::Text(equation.text.clone());
                make(
                    "EinsumDense",
                    Config("EinsumDenseConfig"),
                    vec![text, Literal::sizes(kernel)],
                )
                .some("with_bias", bias.as_deref().map(Literal::sizes))
            }
            Self::Dropout { rate } => make("Dropout", Plain("DropoutConfig"), vec![(*rate).into()]),
            Self::NoiseDropout { rate, noise_shape } => make(
                "NoiseDropout",
                Config("NoiseDropoutConfig"),
                vec![(*rate).into()],
            )
            .always("with_noise_shape", Literal::list(noise_shape.clone())),
            Self::SpatialDropout { rate, channel_axis } => make(
                "SpatialDropout",
                Config("SpatialDropoutConfig"),
                vec![(*rate).into()],
            )
            .option("with_channel_axis", *channel_axis, 1),
            Self::AlphaDropout { rate, noise_shape } => make(
                "AlphaDropout",
                Config("AlphaDropoutConfig"),
                vec![(*rate).into()],
            )
            .some("with_noise_shape", noise_shape.clone().map(Literal::list)),
            Self::GaussianDropout { rate } => make(
                "GaussianDropout",
                Config("GaussianDropoutConfig"),
                vec![(*rate).into()],
            ),
            Self::GaussianNoise { stddev } => make(
                "GaussianNoise",
                Plain("GaussianNoiseConfig"),
                vec![(*stddev).into()],
            ),
            Self::MaxoutDense {
                input,
                output,
                pieces,
                bias,
            } => make(
                "MaxoutDense",
                Config("MaxoutDenseConfig"),
                vec![(*input).into(), (*output).into(), (*pieces).into()],
            )
            .option("with_bias", *bias, true),
            Self::Highway {
                features,
                bias,
                activation,
            } => make("Highway", Config("HighwayConfig"), vec![(*features).into()])
                .option("with_bias", *bias, true)
                .option("with_activation", *activation, Activation::Linear),
            Self::ParametricSoftplus { shape } => make(
                "ParametricSoftplus",
                Config("ParametricSoftplusConfig"),
                vec![Literal::sizes(shape)],
            ),
            Self::SRelu { shape, cuts_left } => make(
                "SRelu",
                Config("SReluConfig"),
                vec![Literal::sizes(shape)],
            )
            .option("with_cuts_left", *cuts_left, false),
            Self::EarlyBatchNormalization {
                features,
                statistics,
                epsilon,
                momentum,
            } => {
                let statistics = match statistics {
                    EarlyStatistics::Sample => "Sample",
                    EarlyStatistics::Batch => "Batch",
                    EarlyStatistics::Deviation => "Deviation",
                    EarlyStatistics::Variance => "Variance",
                };
                let statistics = Literal::Variant("EarlyStatistics", statistics, vec![]);
                make(
                    "EarlyBatchNormalization",
                    Scoped("EarlyBatchNormalizationConfig"),
                    vec![(*features).into(), statistics],
                )
                .batch_options(*epsilon, *momentum, true, true)
            }
        }
    }
}
