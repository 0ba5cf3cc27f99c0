//! The modules that a plan may hold: Burn's own where the semantics are equal, those of
//! `burn-keras-nn` otherwise.

use keras_ir::Activation;
use keras_ir::layer::normalization::Renorm;

use super::literal::Literal;

/// A module with its configuration.
#[derive(Clone, Debug, PartialEq)]
pub enum Module {
    /// `burn::nn::Linear`, rows layout: the weight is Keras's kernel.
    Linear {
        /// Input features.
        input: usize,
        /// Output features.
        output: usize,
        /// Whether there is a bias.
        bias: bool,
    },
    /// `burn::nn::conv::Conv1d` or `Conv2d`, depthwise ones too.
    Conv {
        /// Input and output channels.
        channels: [usize; 2],
        /// Kernel size, per spatial axis.
        kernel: Vec<usize>,
        /// Strides.
        strides: Vec<usize>,
        /// Dilation.
        dilation: Vec<usize>,
        /// Zeros before and after, per spatial axis.
        padding: Vec<(usize, usize)>,
        /// Groups.
        groups: usize,
        /// Whether there is a bias.
        bias: bool,
        /// Whether the Keras kernel is a depthwise one, `(…, channels, multiplier)`.
        depthwise: bool,
    },
    /// `burn::nn::BatchNorm`: one axis, with gamma and beta.
    BatchNorm {
        /// Features.
        features: usize,
        /// Added to the variance.
        epsilon: f64,
        /// Keras's momentum.
        momentum: f64,
    },
    /// `burn_keras_nn::normalization::BatchNormalization`: gamma or beta missing, or several axes.
    BatchNormalization {
        /// Features.
        features: usize,
        /// Added to the variance.
        epsilon: f64,
        /// Keras's momentum.
        momentum: f64,
        /// Whether there is a beta.
        center: bool,
        /// Whether there is a gamma.
        scale: bool,
    },
    /// `burn_keras_nn::normalization::BatchRenormalization`.
    BatchRenormalization {
        /// Features.
        features: usize,
        /// Added to the variance.
        epsilon: f64,
        /// Keras's momentum.
        momentum: f64,
        /// Whether there is a beta.
        center: bool,
        /// Whether there is a gamma.
        scale: bool,
        /// Renormalization.
        renorm: Renorm,
    },
    /// `burn::nn::LayerNorm`: of the last axis, with a gamma.
    LayerNorm {
        /// Size of the axis.
        features: usize,
        /// Added to the variance.
        epsilon: f64,
        /// Whether there is a beta.
        center: bool,
    },
    /// `burn_keras_nn::normalization::LayerNormalization`.
    LayerNormalization {
        /// The number of elements that are normalised together.
        features: usize,
        /// The axes, ascending.
        axes: Vec<usize>,
        /// Added to the variance.
        epsilon: f64,
        /// Whether there is a beta.
        center: bool,
        /// Whether there is a gamma.
        scale: bool,
        /// Whether the mean stays.
        rms_scaling: bool,
    },
    /// `burn_keras_nn::normalization::RmsNormalization`.
    RmsNormalization {
        /// The shape of Keras's scale.
        shape: Vec<usize>,
        /// The normalised axes, ascending.
        axes: Vec<usize>,
        /// Added to the mean square.
        epsilon: f64,
    },
    /// `burn_keras_nn::normalization::GroupNormalization`.
    GroupNormalization {
        /// Groups.
        groups: usize,
        /// Channels.
        channels: usize,
        /// Added to the variance.
        epsilon: f64,
        /// Whether there is a beta.
        center: bool,
        /// Whether there is a gamma.
        scale: bool,
    },
    /// `burn_keras_nn::preprocessing::Normalization`.
    Normalization {
        /// The number of elements that have a mean each.
        features: usize,
        /// Their axes, ascending.
        axes: Vec<usize>,
        /// Whether a normalised input is taken back.
        invert: bool,
    },
    /// `burn_keras_nn::activation::PRelu`.
    PRelu {
        /// The shape of Keras's alpha.
        shape: Vec<usize>,
    },
    /// `burn::nn::Embedding`.
    Embedding {
        /// Rows.
        count: usize,
        /// Length of a row.
        size: usize,
    },
    /// `burn_keras_nn::recurrent::Lstm`.
    Lstm {
        /// Input features.
        input: usize,
        /// Size of the state.
        units: usize,
        /// Whether there is a bias.
        bias: bool,
        /// Of candidate and output.
        activation: Activation,
        /// Of the gates.
        recurrent_activation: Activation,
        /// Whether time runs backwards.
        go_backwards: bool,
        /// Whether masked steps give zeros.
        zero_output_for_mask: bool,
    },
    /// `burn::nn::Dropout`.
    Dropout {
        /// Probability.
        rate: f64,
    },
    /// `burn_keras_nn::dropout::NoiseDropout`: a noise shape is given.
    NoiseDropout {
        /// Probability.
        rate: f64,
        /// The noise shape.
        noise_shape: Vec<Option<usize>>,
    },
    /// `burn_keras_nn::dropout::SpatialDropout`.
    SpatialDropout {
        /// Probability.
        rate: f64,
        /// The channel axis.
        channel_axis: usize,
    },
    /// `burn_keras_nn::dropout::AlphaDropout`.
    AlphaDropout {
        /// Probability.
        rate: f64,
        /// The noise shape.
        noise_shape: Option<Vec<Option<usize>>>,
    },
    /// `burn_keras_nn::dropout::GaussianDropout`.
    GaussianDropout {
        /// Probability.
        rate: f64,
    },
    /// `burn::nn::GaussianNoise`.
    GaussianNoise {
        /// Standard deviation.
        stddev: f64,
    },
}

/// A parameter of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name in the module.
    pub name: &'static str,
    /// Where its values come from.
    pub source: Source,
    /// Whether it is trained.
    pub kind: ParamKind,
}

/// The Keras weight that a parameter holds, and how it is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Keras's name of the weight.
    pub weight: &'static str,
    /// From Keras's layout to Burn's.
    pub transform: Transform,
}

/// From Keras's layout to Burn's, the same for a weight and for its optimizer slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transform {
    /// As it is.
    None,
    /// All elements in one row.
    Flatten,
    /// Axes in another order.
    Permute(Vec<usize>),
    /// Axes in another order, then the first two become one and a second axis of size 1 follows:
    /// a depthwise kernel.
    Depthwise(Vec<usize>),
}

impl Transform {
    /// The permutation of the axes, if there is one.
    pub fn permutation(&self) -> Option<&[usize]> {
        match self {
            Self::None | Self::Flatten => None,
            Self::Permute(axes) | Self::Depthwise(axes) => Some(axes),
        }
    }

    /// The shape in Burn of a weight of Keras's shape `shape`.
    pub fn shape(&self, shape: &[usize]) -> Vec<usize> {
        match self {
            Self::None => shape.to_vec(),
            Self::Flatten => vec![shape.iter().product()],
            Self::Permute(axes) => axes.iter().map(|axis| shape[*axis]).collect(),
            Self::Depthwise(axes) => {
                let permuted: Vec<usize> = axes.iter().map(|axis| shape[*axis]).collect();
                let mut merged = vec![permuted[0] * permuted[1], 1];
                merged.extend(&permuted[2..]);
                merged
            }
        }
    }
}

/// What a parameter is to training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParamKind {
    /// An optimizer updates it.
    Trained,
    /// Batch statistics: updated in training, by no optimizer.
    Statistic,
}

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

/// The options of a module, those at their default left out.
#[derive(Default)]
struct Options(Vec<(&'static str, Literal)>);

impl Options {
    fn add<T: Into<Literal> + PartialEq>(
        mut self,
        method: &'static str,
        value: T,
        default: T,
    ) -> Self {
        if value != default {
            self.0.push((method, value.into()));
        }
        self
    }

    fn sizes(mut self, method: &'static str, sizes: &[usize]) -> Self {
        if sizes.iter().any(|size| *size != 1) {
            self.0.push((method, by_rank(sizes)));
        }
        self
    }

    fn some(mut self, method: &'static str, value: Option<Literal>) -> Self {
        self.0.extend(value.map(|value| (method, value)));
        self
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
/// dimensions top, left, bottom, right.
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
    let all = before.chain(behind).map(Literal::Size).collect();
    Some(Literal::TupleVariant(ty, "Explicit", all))
}

/// What all batch normalizations have in common.
fn batch_options(epsilon: f64, momentum: f64, center: bool, scale: bool) -> Options {
    Options::default()
        .some("with_epsilon", Some(epsilon.into()))
        .some("with_momentum", Some(momentum.into()))
        .add("with_center", center, true)
        .add("with_scale", scale, true)
}

impl Module {
    /// How the module is made in source.
    pub fn construction(&self) -> Construction {
        use Maker::{Config, Function, Plain, Scoped};
        let options = Options::default;
        let make = |ty, maker, arguments: Vec<Literal>, options: Options| Construction {
            ty,
            output: None,
            maker,
            arguments,
            options: options.0,
        };
        match self {
            Self::Linear {
                input,
                output,
                bias,
            } => make(
                "Linear",
                Config("LinearConfig"),
                vec![(*input).into(), (*output).into()],
                options().add("with_bias", *bias, true),
            ),
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
                        ("Conv2d", "Conv2dConfig", arguments)
                    }
                };
                let options = options()
                    .sizes("with_stride", strides)
                    .sizes("with_dilation", dilation)
                    .add("with_groups", *groups, 1)
                    .some("with_padding", explicit_padding(padding))
                    .add("with_bias", *bias, true);
                make(ty, Config(config), arguments, options)
            }
            Self::BatchNorm {
                features,
                epsilon,
                momentum,
            } => make(
                "BatchNorm",
                Function("batch_norm"),
                vec![(*features).into(), (*epsilon).into(), (*momentum).into()],
                options(),
            ),
            Self::BatchNormalization {
                features,
                epsilon,
                momentum,
                center,
                scale,
            } => make(
                "BatchNormalization",
                Scoped("BatchNormalizationConfig"),
                vec![(*features).into()],
                batch_options(*epsilon, *momentum, *center, *scale),
            ),
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
                batch_options(*epsilon, *momentum, *center, *scale)
                    .add("with_renorm_momentum", renorm.momentum, 0.99)
                    .some("with_rmin", renorm.rmin.map(Literal::from))
                    .some("with_rmax", renorm.rmax.map(Literal::from))
                    .some("with_dmax", renorm.dmax.map(Literal::from)),
            ),
            Self::LayerNorm {
                features,
                epsilon,
                center,
            } => make(
                "LayerNorm",
                Config("LayerNormConfig"),
                vec![(*features).into()],
                options().some("with_epsilon", Some((*epsilon).into())).add(
                    "with_bias",
                    *center,
                    true,
                ),
            ),
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
                options()
                    .some("with_epsilon", Some((*epsilon).into()))
                    .add("with_center", *center, true)
                    .add("with_scale", *scale, true)
                    .add("with_rms_scaling", *rms_scaling, false),
            ),
            Self::RmsNormalization {
                shape,
                axes,
                epsilon,
            } => make(
                "RmsNormalization",
                Config("RmsNormalizationConfig"),
                vec![Literal::sizes(shape), Literal::sizes(axes)],
                options().some("with_epsilon", Some((*epsilon).into())),
            ),
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
                options()
                    .some("with_epsilon", Some((*epsilon).into()))
                    .add("with_center", *center, true)
                    .add("with_scale", *scale, true),
            ),
            Self::Normalization {
                features,
                axes,
                invert,
            } => make(
                "Normalization",
                Scoped("NormalizationConfig"),
                vec![(*features).into(), Literal::sizes(axes)],
                options().add("with_invert", *invert, false),
            ),
            Self::PRelu { shape } => make(
                "PRelu",
                Config("PReluConfig"),
                vec![Literal::sizes(shape)],
                options(),
            ),
            Self::Embedding { count, size } => make(
                "Embedding",
                Config("EmbeddingConfig"),
                vec![(*count).into(), (*size).into()],
                options(),
            ),
            Self::Lstm {
                input,
                units,
                bias,
                activation,
                recurrent_activation,
                go_backwards,
                zero_output_for_mask,
            } => Construction {
                output: Some("LstmOutput"),
                ..make(
                    "Lstm",
                    Config("LstmConfig"),
                    vec![(*input).into(), (*units).into()],
                    options()
                        .add("with_bias", *bias, true)
                        .add("with_activation", *activation, Activation::Tanh)
                        .add(
                            "with_recurrent_activation",
                            *recurrent_activation,
                            Activation::Sigmoid,
                        )
                        .add("with_go_backwards", *go_backwards, false)
                        .add("with_zero_output_for_mask", *zero_output_for_mask, false),
                )
            },
            Self::Dropout { rate } => make(
                "Dropout",
                Plain("DropoutConfig"),
                vec![(*rate).into()],
                options(),
            ),
            Self::NoiseDropout { rate, noise_shape } => make(
                "NoiseDropout",
                Config("NoiseDropoutConfig"),
                vec![(*rate).into()],
                options().some("with_noise_shape", Some(Literal::list(noise_shape.clone()))),
            ),
            Self::SpatialDropout { rate, channel_axis } => make(
                "SpatialDropout",
                Config("SpatialDropoutConfig"),
                vec![(*rate).into()],
                options().add("with_channel_axis", *channel_axis, 1),
            ),
            Self::AlphaDropout { rate, noise_shape } => make(
                "AlphaDropout",
                Config("AlphaDropoutConfig"),
                vec![(*rate).into()],
                options().some("with_noise_shape", noise_shape.clone().map(Literal::list)),
            ),
            Self::GaussianDropout { rate } => make(
                "GaussianDropout",
                Config("GaussianDropoutConfig"),
                vec![(*rate).into()],
                options(),
            ),
            Self::GaussianNoise { stddev } => make(
                "GaussianNoise",
                Plain("GaussianNoiseConfig"),
                vec![(*stddev).into()],
                options(),
            ),
        }
    }

    /// The parameters, in the order in which the module is visited.
    pub fn params(&self) -> Vec<Param> {
        let param = |name, weight, transform| Param {
            name,
            source: Source { weight, transform },
            kind: ParamKind::Trained,
        };
        // Of several axes Keras's weights have several too; Burn's have one.
        let row = |name, weight| param(name, weight, Transform::Flatten);
        let statistic = |name, weight, transform| Param {
            kind: ParamKind::Statistic,
            ..param(name, weight, transform)
        };
        let affine = |scale: bool, center: bool| {
            let gamma = scale.then(|| row("gamma", "gamma"));
            gamma.into_iter().chain(center.then(|| row("beta", "beta")))
        };
        let plain = |name, weight| param(name, weight, Transform::None);
        let mut params = Vec::new();
        match self {
            Self::Linear { bias, .. } => {
                params.push(plain("weight", "kernel"));
                if *bias {
                    params.push(plain("bias", "bias"));
                }
            }
            Self::Conv {
                kernel,
                bias,
                depthwise,
                ..
            } => {
                // Keras: spatial axes, input, output; Burn: output, input, spatial axes. A
                // depthwise kernel ends in channels, multiplier and keeps that order.
                let spatial = kernel.len();
                let (weight, first_two) = if *depthwise {
                    ("depthwise_kernel", [spatial, spatial + 1])
                } else {
                    ("kernel", [spatial + 1, spatial])
                };
                let axes = first_two.into_iter().chain(0..spatial).collect();
                let transform = if *depthwise {
                    Transform::Depthwise(axes)
                } else {
                    Transform::Permute(axes)
                };
                params.push(param("weight", weight, transform));
                if *bias {
                    params.push(plain("bias", "bias"));
                }
            }
            Self::BatchNorm { .. } => params.extend([
                plain("gamma", "gamma"),
                plain("beta", "beta"),
                statistic("running_mean", "moving_mean", Transform::None),
                statistic("running_var", "moving_variance", Transform::None),
            ]),
            Self::BatchNormalization { center, scale, .. } => {
                params.extend(affine(*scale, *center));
                params.push(statistic("running_mean", "moving_mean", Transform::Flatten));
                params.push(statistic(
                    "running_var",
                    "moving_variance",
                    Transform::Flatten,
                ));
            }
            Self::BatchRenormalization { center, scale, .. } => {
                params.extend(affine(*scale, *center));
                params.extend(
                    [
                        ("running_mean", "moving_mean"),
                        ("running_var", "moving_variance"),
                        ("running_std", "moving_stddev"),
                        ("renorm_mean", "renorm_mean"),
                        ("renorm_std", "renorm_stddev"),
                    ]
                    .map(|(name, weight)| statistic(name, weight, Transform::Flatten)),
                );
            }
            Self::LayerNorm { center, .. } => params.extend(affine(true, *center)),
            Self::LayerNormalization { center, scale, .. }
            | Self::GroupNormalization { center, scale, .. } => {
                params.extend(affine(*scale, *center));
            }
            Self::RmsNormalization { .. } => params.push(row("gamma", "scale")),
            Self::Normalization { .. } => params.extend(
                ["mean", "variance", "count"].map(|name| statistic(name, name, Transform::Flatten)),
            ),
            Self::PRelu { .. } => params.push(row("alpha", "alpha")),
            Self::Embedding { .. } => params.push(plain("weight", "embeddings")),
            Self::Lstm { bias, .. } => {
                params.push(plain("kernel", "kernel"));
                params.push(plain("recurrent_kernel", "recurrent_kernel"));
                if *bias {
                    params.push(plain("bias", "bias"));
                }
            }
            Self::Dropout { .. }
            | Self::NoiseDropout { .. }
            | Self::SpatialDropout { .. }
            | Self::AlphaDropout { .. }
            | Self::GaussianDropout { .. }
            | Self::GaussianNoise { .. } => {}
        }
        params
    }
}
