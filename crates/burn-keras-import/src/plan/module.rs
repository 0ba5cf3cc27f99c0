//! The modules that a plan may hold: Burn's own where the semantics are equal, those of
//! `burn-keras-nn` otherwise. They stand by family, in the order of `lower`.
//!
//! ```text
//! construction   how each is made in source
//! parameters     what each holds, and the Keras weight that it comes from
//! transform      from Keras's layout of a weight to Burn's
//! ```

mod construction;
mod parameters;
mod transform;

pub use construction::{Construction, Maker};
use keras_ir::Activation;
use keras_ir::layer::attention::{MaskedRows, Score};
use keras_ir::layer::einsum::Equation;
use keras_ir::layer::keras1::EarlyStatistics;
use keras_ir::layer::normalization::Renorm;
use keras_ir::layer::rnn::{CellDropout, CellKind, MaskedOutput, WeightLayout};
pub use parameters::{Param, ParamKind, Source};
pub use transform::Transform;

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
    /// `burn_keras_nn::activation::PRelu`.
    PRelu {
        /// The shape of Keras's alpha.
        shape: Vec<usize>,
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
    /// The same, with dropout in training.
    RecurrentDropout {
        /// A [`Recurrent`](Self::Recurrent).
        layer: Box<Module>,
        /// What is dropped.
        dropout: CellDropout,
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
}

impl Module {
    /// Whether dropout acts in it beside its parameters. Keras's goes on in a layer that is not
    /// trained; Burn's `freeze` would switch it off.
    pub fn has_dropout(&self) -> bool {
        match self {
            Self::RecurrentDropout { .. } => true,
            Self::Attention { dropout, .. } | Self::MultiHeadAttention { dropout, .. } => {
                *dropout > 0.0
            }
            _ => false,
        }
    }
}
