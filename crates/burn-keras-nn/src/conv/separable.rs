//! Depthwise convolutions whose channels a pointwise one mixes.

use burn::module::Module;
use burn::nn::conv::{Conv1d, Conv1dConfig, Conv2d, Conv2dConfig};
use burn::nn::{PaddingConfig1d, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

/// Configuration of a [`SeparableConv1d`] (`N = 1`) or [`SeparableConv2d`] (`N = 2`).
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::conv::SeparableConv2dConfig;
///
/// # fn forward(device: &Device, x: Tensor<4>) -> Tensor<4> {
/// let conv = SeparableConv2dConfig::new([3, 8], [3, 3])
///     .with_depth_multiplier(2)
///     .with_padding([(1, 1), (1, 1)])
///     .init(device);
/// conv.forward(x)
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeparableConvConfig<const N: usize> {
    /// Channels of the input and of the output.
    pub channels: [usize; 2],
    /// Size of the depthwise kernel.
    pub kernel_size: [usize; N],
    /// Channels between the two convolutions for each channel of the input. Default: 1.
    pub depth_multiplier: usize,
    /// Strides of the depthwise convolution. Default: 1.
    pub stride: [usize; N],
    /// Dilation of the depthwise kernel. Default: 1.
    pub dilation: [usize; N],
    /// Zeros before and after each spatial axis. Default: none.
    pub padding: [(usize, usize); N],
    /// Whether there is a bias. Default: true.
    pub bias: bool,
}

/// Configuration of a [`SeparableConv1d`].
pub type SeparableConv1dConfig = SeparableConvConfig<1>;

/// Configuration of a [`SeparableConv2d`].
pub type SeparableConv2dConfig = SeparableConvConfig<2>;

impl<const N: usize> SeparableConvConfig<N> {
    /// From `channels[0]` to `channels[1]` channels, everything else as Keras's defaults.
    pub fn new(channels: [usize; 2], kernel_size: [usize; N]) -> Self {
        Self {
            channels,
            kernel_size,
            depth_multiplier: 1,
            stride: [1; N],
            dilation: [1; N],
            padding: [(0, 0); N],
            bias: true,
        }
    }

    /// Sets [`depth_multiplier`](Self::depth_multiplier).
    pub fn with_depth_multiplier(mut self, depth_multiplier: usize) -> Self {
        self.depth_multiplier = depth_multiplier;
        self
    }

    /// Sets [`stride`](Self::stride).
    pub fn with_stride(mut self, stride: [usize; N]) -> Self {
        self.stride = stride;
        self
    }

    /// Sets [`dilation`](Self::dilation).
    pub fn with_dilation(mut self, dilation: [usize; N]) -> Self {
        self.dilation = dilation;
        self
    }

    /// Sets [`padding`](Self::padding).
    pub fn with_padding(mut self, padding: [(usize, usize); N]) -> Self {
        self.padding = padding;
        self
    }

    /// Sets [`bias`](Self::bias): Keras's `use_bias`.
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Channels between the two convolutions.
    fn between(&self) -> usize {
        self.channels[0] * self.depth_multiplier
    }
}

impl SeparableConv1dConfig {
    /// Makes the module; its parameters are lazy.
    pub fn init(&self, device: &Device) -> SeparableConv1d {
        let [input, output] = self.channels;
        let [(left, right)] = self.padding;
        SeparableConv1d {
            depthwise: Conv1dConfig::new(input, self.between(), self.kernel_size[0])
                .with_groups(input)
                .with_stride(self.stride[0])
                .with_dilation(self.dilation[0])
                .with_padding(PaddingConfig1d::Explicit(left, right))
                .with_bias(false)
                .init(device),
            pointwise: Conv1dConfig::new(self.between(), output, 1)
                .with_bias(self.bias)
                .init(device),
        }
    }
}

impl SeparableConv2dConfig {
    /// Makes the module; its parameters are lazy.
    pub fn init(&self, device: &Device) -> SeparableConv2d {
        let [input, output] = self.channels;
        let [(top, bottom), (left, right)] = self.padding;
        SeparableConv2d {
            depthwise: Conv2dConfig::new([input, self.between()], self.kernel_size)
                .with_groups(input)
                .with_stride(self.stride)
                .with_dilation(self.dilation)
                .with_padding(PaddingConfig2d::Explicit(top, left, bottom, right))
                .with_bias(false)
                .init(device),
            pointwise: Conv2dConfig::new([self.between(), output], [1, 1])
                .with_bias(self.bias)
                .init(device),
        }
    }
}

/// Keras's `SeparableConv1D`: every channel by itself, then a mixture of the channels at each step.
#[derive(Module, Debug)]
pub struct SeparableConv1d {
    /// Channel `c · depth_multiplier + m` is filter `m` of channel `c`.
    pub depthwise: Conv1d,
    /// A kernel of size 1, with the bias.
    pub pointwise: Conv1d,
}

impl SeparableConv1d {
    /// `[batch, channels, steps]` to `[batch, filters, steps]`.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.pointwise.forward(self.depthwise.forward(x))
    }
}

/// Keras's `SeparableConv2D`: every channel by itself, then a mixture of the channels at each
/// pixel.
#[derive(Module, Debug)]
pub struct SeparableConv2d {
    /// Channel `c · depth_multiplier + m` is filter `m` of channel `c`.
    pub depthwise: Conv2d,
    /// A kernel of size 1, with the bias.
    pub pointwise: Conv2d,
}

impl SeparableConv2d {
    /// `[batch, channels, height, width]` to `[batch, filters, height, width]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.pointwise.forward(self.depthwise.forward(x))
    }
}
