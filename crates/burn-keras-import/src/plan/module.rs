//! The modules that a plan may hold: Burn's own where the semantics are equal, those of
//! `burn-keras-nn` otherwise.

use keras_ir::Activation;
use keras_ir::layer::attention::{MaskedRows, Score};
use keras_ir::layer::einsum::Equation;
use keras_ir::layer::keras1::EarlyStatistics;
use keras_ir::layer::normalization::Renorm;
use keras_ir::layer::rnn::{CellKind, MaskedOutput, WeightLayout};

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
    /// `burn::nn::conv::Conv1d`, `Conv2d` or `Conv3d`, depthwise ones too.
    Conv {
        /// Input and output channels.
        channels: [usize; 2],
        /// Kernel size, per spatial axis.
        kernel: Vec<usize>,
        /// Strides.
        strides: Vec<usize>,
        /// Dilation.
        dilation: Vec<usize>,
        /// Zeros before and after, per spatial axis; as many of both in three dimensions.
        padding: Vec<(usize, usize)>,
        /// Groups.
        groups: usize,
        /// Whether there is a bias.
        bias: bool,
        /// Whether the Keras kernel is a depthwise one, `(…, channels, multiplier)`.
        depthwise: bool,
    },
    /// `burn_keras_nn::conv::SeparableConv1d` or `SeparableConv2d`.
    SeparableConv {
        /// Input and output channels.
        channels: [usize; 2],
        /// Kernel size of the depthwise convolution, per spatial axis.
        kernel: Vec<usize>,
        /// Channels between the convolutions for each channel of the input.
        depth_multiplier: usize,
        /// Strides.
        strides: Vec<usize>,
        /// Dilation.
        dilation: Vec<usize>,
        /// Zeros before and after, per spatial axis.
        padding: Vec<(usize, usize)>,
        /// Whether there is a bias.
        bias: bool,
    },
    /// `burn::nn::conv::ConvTranspose1d` or `ConvTranspose2d`, or
    /// `burn_keras_nn::conv::ConvTranspose3d`.
    ConvTranspose {
        /// Input and output channels.
        channels: [usize; 2],
        /// Kernel size, per spatial axis.
        kernel: Vec<usize>,
        /// Strides.
        strides: Vec<usize>,
        /// Dilation.
        dilation: Vec<usize>,
        /// What is cut off on both sides, per spatial axis.
        padding: Vec<usize>,
        /// What is added behind, per spatial axis.
        padding_out: Vec<usize>,
        /// Whether there is a bias.
        bias: bool,
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
    /// `burn_keras_nn::normalization::BatchNormalization`: gamma or beta missing, several axes, or
    /// tf.keras's fused kernel.
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
        /// Whether the running variance learns the unbiased variance of the batch.
        unbiased: bool,
    },
    /// `burn_keras_nn::dense::MaxoutDense`.
    MaxoutDense {
        /// Input features.
        input: usize,
        /// Output features.
        output: usize,
        /// How many there are to choose from.
        pieces: usize,
        /// Whether there is a bias.
        bias: bool,
    },
    /// `burn_keras_nn::dense::Highway`.
    Highway {
        /// Features.
        features: usize,
        /// Whether there are biases.
        bias: bool,
        /// Of what is not the input.
        activation: Activation,
    },
    /// `burn_keras_nn::normalization::EarlyBatchNormalization`.
    EarlyBatchNormalization {
        /// Features.
        features: usize,
        /// Whose mean and deviation are taken.
        statistics: EarlyStatistics,
        /// Added to variance or deviation.
        epsilon: f64,
        /// Keras's momentum.
        momentum: f64,
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
    /// `burn_keras_nn::normalization::Normalization`.
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
    /// `burn_keras_nn::activation::ParametricSoftplus`.
    ParametricSoftplus {
        /// The shape of Keras's weights.
        shape: Vec<usize>,
    },
    /// `burn_keras_nn::activation::SRelu`.
    SRelu {
        /// The shape of Keras's weights.
        shape: Vec<usize>,
        /// Whether what a negative lower slope gives is cut off at the upper threshold.
        cuts_left: bool,
    },
    /// `burn_keras_nn::dense::Bias`.
    Bias {
        /// How many there are.
        features: usize,
    },
    /// `burn::nn::Embedding`.
    Embedding {
        /// Rows.
        count: usize,
        /// Length of a row.
        size: usize,
    },
    /// `burn_keras_nn::recurrent::SimpleRnn`, `Gru` or `Lstm`.
    Recurrent {
        /// Which of them.
        cell: CellKind,
        /// How Keras stores the weights.
        layout: WeightLayout,
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
        /// What masked steps give.
        masked_output: MaskedOutput,
    },
    /// `burn_keras_nn::einsum::EinsumDense`.
    EinsumDense {
        /// What is multiplied and summed.
        equation: Equation,
        /// Keras's shape of the kernel.
        kernel: Vec<usize>,
        /// The shape in which the bias is added, if there is one.
        bias: Option<Vec<usize>>,
        /// How many axes Keras's bias has.
        bias_rank: usize,
    },
    /// `burn_keras_nn::attention::Attention`.
    Attention {
        /// How queries are compared with keys.
        score: Score,
        /// Features of query and key.
        features: usize,
        /// Whether there is a scale.
        scale: bool,
        /// Share of the weights dropped in training.
        dropout: f64,
    },
    /// `burn_keras_nn::attention::MultiHeadAttention`.
    MultiHeadAttention {
        /// Features of query, value and key.
        inputs: [usize; 3],
        /// Sizes of the axes that stand for the features of the output.
        output: Vec<usize>,
        /// Heads of the query, and of key and value.
        heads: [usize; 2],
        /// Size of a head of query and key, and of the value.
        sizes: [usize; 2],
        /// Whether there are biases.
        bias: bool,
        /// Whether there is a gate.
        gate: bool,
        /// What the weights of a query become whose mask keeps no key.
        masked_rows: MaskedRows,
        /// Share of the weights dropped in training.
        dropout: f64,
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
    /// Axes in another order, then neighbours become one.
    Merged {
        /// The order.
        axes: Vec<usize>,
        /// How many axes become one, for each axis in Burn; 0 is a new axis of size 1.
        groups: Vec<usize>,
    },
    /// A vector as a matrix of that many rows.
    Rows(usize),
    /// The kernel of a recurrent layer with that many gates, which cuDNN stores gate by gate, each
    /// transposed.
    CuDnnKernel(usize),
    /// The sum of the two halves of a vector: the biases of cuDNN, one for the input and one for
    /// the state.
    SumOfHalves,
}

impl Transform {
    /// Neighbours become one, in the order in which they are.
    fn merged(groups: &[usize]) -> Self {
        Self::Merged {
            axes: (0..groups.iter().sum()).collect(),
            groups: groups.to_vec(),
        }
    }

    /// The permutation of the axes, if that is all, apart from the shape.
    pub fn permutation(&self) -> Option<&[usize]> {
        match self {
            Self::Permute(axes) | Self::Depthwise(axes) | Self::Merged { axes, .. } => Some(axes),
            _ => None,
        }
    }

    /// The number of axes of a weight that can be transformed; `None` for any.
    pub fn rank(&self) -> Option<usize> {
        match self {
            Self::None | Self::Flatten => None,
            Self::Permute(axes) | Self::Depthwise(axes) | Self::Merged { axes, .. } => {
                Some(axes.len())
            }
            Self::Rows(_) | Self::SumOfHalves => Some(1),
            Self::CuDnnKernel(_) => Some(2),
        }
    }

    /// The shape in Burn of a weight of Keras's shape `shape`, which has the right
    /// [`rank`](Self::rank).
    pub fn shape(&self, shape: &[usize]) -> Vec<usize> {
        match self {
            Self::None | Self::CuDnnKernel(_) => shape.to_vec(),
            Self::Flatten => vec![shape.iter().product()],
            Self::Rows(rows) => vec![*rows, shape[0] / rows],
            Self::SumOfHalves => vec![shape[0] / 2],
            Self::Permute(axes) => axes.iter().map(|axis| shape[*axis]).collect(),
            Self::Depthwise(axes) => {
                let permuted: Vec<usize> = axes.iter().map(|axis| shape[*axis]).collect();
                let mut merged = vec![permuted[0] * permuted[1], 1];
                merged.extend(&permuted[2..]);
                merged
            }
            Self::Merged { axes, groups } => {
                let mut sizes = axes.iter().map(|axis| shape[*axis]);
                groups
                    .iter()
                    .map(|count| sizes.by_ref().take(*count).product())
                    .collect()
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

/// Keras: spatial axes, input, output; Burn: output, input, spatial axes. In a transposed
/// convolution both have input and output the other way round.
fn swapped_kernel(spatial: usize) -> Transform {
    Transform::Permute(
        [spatial + 1, spatial]
            .into_iter()
            .chain(0..spatial)
            .collect(),
    )
}

/// Keras: spatial axes, channels, multiplier; Burn: both as one, 1, spatial axes.
fn depthwise_kernel(spatial: usize) -> Transform {
    Transform::Depthwise(
        [spatial, spatial + 1]
            .into_iter()
            .chain(0..spatial)
            .collect(),
    )
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
                        match kernel.len() {
                            2 => ("Conv2d", "Conv2dConfig", arguments),
                            _ => ("Conv3d", "Conv3dConfig", arguments),
                        }
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
                    options()
                        .add("with_depth_multiplier", *depth_multiplier, 1)
                        .some("with_stride", array(strides))
                        .some("with_dilation", array(dilation))
                        .some("with_padding", pads.then(|| Literal::pairs(padding)))
                        .add("with_bias", *bias, true),
                )
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
                    options()
                        .sizes("with_stride", strides)
                        .sizes("with_dilation", dilation)
                        .some("with_padding", nonzero(padding))
                        .some("with_padding_out", nonzero(padding_out))
                        .add("with_bias", *bias, true),
                )
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
                unbiased,
            } => make(
                "BatchNormalization",
                Scoped("BatchNormalizationConfig"),
                vec![(*features).into()],
                batch_options(*epsilon, *momentum, *center, *scale).add(
                    "with_unbiased",
                    *unbiased,
                    false,
                ),
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
            Self::MaxoutDense {
                input,
                output,
                pieces,
                bias,
            } => make(
                "MaxoutDense",
                Config("MaxoutDenseConfig"),
                vec![(*input).into(), (*output).into(), (*pieces).into()],
                options().add("with_bias", *bias, true),
            ),
            Self::Highway {
                features,
                bias,
                activation,
            } => make(
                "Highway",
                Config("HighwayConfig"),
                vec![(*features).into()],
                options().add("with_bias", *bias, true).add(
                    "with_activation",
                    *activation,
                    Activation::Linear,
                ),
            ),
            Self::PRelu { shape } => make(
                "PRelu",
                Config("PReluConfig"),
                vec![Literal::sizes(shape)],
                options(),
            ),
            Self::ParametricSoftplus { shape } => make(
                "ParametricSoftplus",
                Config("ParametricSoftplusConfig"),
                vec![Literal::sizes(shape)],
                options(),
            ),
            Self::SRelu { shape, cuts_left } => make(
                "SRelu",
                Config("SReluConfig"),
                vec![Literal::sizes(shape)],
                options().add("with_cuts_left", *cuts_left, false),
            ),
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
                    batch_options(*epsilon, *momentum, true, true),
                )
            }
            Self::Bias { features } => make(
                "Bias",
                Config("BiasConfig"),
                vec![(*features).into()],
                options(),
            ),
            Self::Embedding { count, size } => make(
                "Embedding",
                Config("EmbeddingConfig"),
                vec![(*count).into(), (*size).into()],
                options(),
            ),
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
                let mut options = options().add("with_bias", *bias, true).add(
                    "with_activation",
                    *activation,
                    Activation::Tanh,
                );
                if *cell != CellKind::SimpleRnn {
                    let gate = *recurrent_activation;
                    options = options.add("with_recurrent_activation", gate, Activation::Sigmoid);
                }
                if let CellKind::Gru { reset_after } = *cell {
                    options = options.add("with_reset_after", reset_after, true);
                }
                Construction {
                    output: Some(output),
                    ..make(
                        ty,
                        Config(config),
                        vec![(*input).into(), (*units).into()],
                        options.add("with_go_backwards", *go_backwards, false).add(
                            "with_masked_output",
                            *masked_output,
                            MaskedOutput::Previous,
                        ),
                    )
                }
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
                    options().some("with_bias", bias.as_deref().map(Literal::sizes)),
                )
            }
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
                Construction {
                    output: Some("AttentionOutput"),
                    ..make(
                        "Attention",
                        Config("AttentionConfig"),
                        vec![score],
                        options().add("with_scale", *scale, false).add(
                            "with_dropout",
                            *dropout,
                            0.0,
                        ),
                    )
                }
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
                Construction {
                    output: Some("MultiHeadAttentionOutput"),
                    ..make(
                        "MultiHeadAttention",
                        Config("MultiHeadAttentionConfig"),
                        vec![(*query).into(), (*heads).into(), (*key_dim).into()],
                        options()
                            .add("with_d_value", *value, *query)
                            .add("with_d_key", *key, *query)
                            .add("with_d_output", output.iter().product(), *query)
                            .add("with_key_value_heads", *key_value_heads, *heads)
                            .add("with_value_dim", *value_dim, *key_dim)
                            .add("with_bias", *bias, true)
                            .add("with_gate", *gate, false)
                            .some("with_masked_rows", rows)
                            .add("with_dropout", *dropout, 0.0),
                    )
                }
            }
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
                let spatial = kernel.len();
                params.push(if *depthwise {
                    param("weight", "depthwise_kernel", depthwise_kernel(spatial))
                } else {
                    param("weight", "kernel", swapped_kernel(spatial))
                });
                if *bias {
                    params.push(plain("bias", "bias"));
                }
            }
            Self::SeparableConv { kernel, bias, .. } => {
                let spatial = kernel.len();
                let depthwise = depthwise_kernel(spatial);
                let pointwise = swapped_kernel(spatial);
                params.push(param("depthwise.weight", "depthwise_kernel", depthwise));
                params.push(param("pointwise.weight", "pointwise_kernel", pointwise));
                if *bias {
                    params.push(plain("pointwise.bias", "bias"));
                }
            }
            Self::ConvTranspose { kernel, bias, .. } => {
                params.push(param("weight", "kernel", swapped_kernel(kernel.len())));
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
            Self::MaxoutDense { bias, .. } => {
                params.push(plain("weight", "W"));
                if *bias {
                    params.push(plain("bias", "b"));
                }
            }
            Self::Highway { bias, .. } => {
                params.push(plain("weight", "W"));
                params.push(plain("gate_weight", "W_carry"));
                if *bias {
                    params.push(plain("bias", "b"));
                    params.push(plain("gate_bias", "b_carry"));
                }
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
            Self::ParametricSoftplus { .. } => {
                params.extend([row("alpha", "alphas"), row("beta", "betas")]);
            }
            Self::SRelu { .. } => params
                .extend(["t_left", "a_left", "t_right", "a_right"].map(|name| row(name, name))),
            Self::EarlyBatchNormalization { statistics, .. } => {
                let spread = match statistics {
                    EarlyStatistics::Deviation => "moving_deviation",
                    _ => "moving_variance",
                };
                params.extend([
                    plain("gamma", "gamma"),
                    plain("beta", "beta"),
                    statistic("running_mean", "moving_mean", Transform::None),
                    statistic("running_var", spread, Transform::None),
                ]);
            }
            Self::Bias { .. } => params.push(plain("bias", "bias")),
            Self::Embedding { .. } => params.push(plain("weight", "embeddings")),
            Self::Recurrent {
                cell, layout, bias, ..
            } => {
                let gates = cell.gates();
                let kernel = match layout {
                    WeightLayout::Keras => Transform::None,
                    WeightLayout::CuDnn => Transform::CuDnnKernel(gates),
                };
                params.push(param("kernel", "kernel", kernel.clone()));
                params.push(param("recurrent_kernel", "recurrent_kernel", kernel));
                let of_bias = match (cell, layout) {
                    // A row for the input, and with `reset_after` one for the state.
                    (CellKind::Gru { reset_after: false }, _) => Transform::Rows(1),
                    (CellKind::Gru { .. }, WeightLayout::CuDnn) => Transform::Rows(2),
                    (_, WeightLayout::CuDnn) => Transform::SumOfHalves,
                    _ => Transform::None,
                };
                if *bias {
                    params.push(param("bias", "bias", of_bias));
                }
            }
            Self::EinsumDense {
                equation,
                bias,
                bias_rank,
                ..
            } => {
                let [axes, groups] = kernel_order(equation);
                params.push(param(
                    "kernel",
                    "kernel",
                    Transform::Merged { axes, groups },
                ));
                if bias.is_some() {
                    params.push(param("bias", "bias", Transform::merged(&[*bias_rank])));
                }
            }
            Self::Attention { score, scale, .. } => {
                if *scale {
                    let rank = usize::from(*score == Score::Additive);
                    params.push(param("scale", "scale", Transform::merged(&[rank])));
                }
                if *score == Score::Concat {
                    let name = "concat_score_weight";
                    params.push(param(name, name, Transform::merged(&[0])));
                }
            }
            Self::MultiHeadAttention {
                output, bias, gate, ..
            } => {
                let mut projection = |[weight, of_weight, bias_name, of_bias]: [&'static str;
                                          4],
                                      input: usize,
                                      output: usize| {
                    params.push(param(
                        weight,
                        of_weight,
                        Transform::merged(&[input, output]),
                    ));
                    if *bias {
                        params.push(param(bias_name, of_bias, Transform::merged(&[output])));
                    }
                };
                projection(
                    ["query.weight", "query/kernel", "query.bias", "query/bias"],
                    1,
                    2,
                );
                projection(["key.weight", "key/kernel", "key.bias", "key/bias"], 1, 2);
                if *gate {
                    projection(
                        ["gate.weight", "gate/kernel", "gate.bias", "gate/bias"],
                        1,
                        2,
                    );
                }
                projection(
                    ["value.weight", "value/kernel", "value.bias", "value/bias"],
                    1,
                    2,
                );
                projection(
                    [
                        "output.weight",
                        "attention_output/kernel",
                        "output.bias",
                        "attention_output/bias",
                    ],
                    2,
                    output.len(),
                );
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

/// The order of a kernel's axes as `burn_keras_nn::einsum` wants them, and how many each group has:
/// those of input and output, of the input alone, of the output alone.
fn kernel_order(equation: &Equation) -> [Vec<usize>; 2] {
    let group = |in_input: bool, in_output: bool| -> Vec<usize> {
        let kernel = equation.kernel.iter().enumerate();
        kernel
            .filter(|(_, letter)| {
                equation.input.contains(letter) == in_input
                    && equation.output.contains(letter) == in_output
            })
            .map(|(axis, _)| axis)
            .collect()
    };
    let groups = [group(true, true), group(true, false), group(false, true)];
    let counts = groups.iter().map(Vec::len).collect();
    [groups.concat(), counts]
}
