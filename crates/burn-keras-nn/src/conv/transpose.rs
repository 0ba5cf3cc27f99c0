//! Transposed convolutions in three dimensions.

use burn::module::{Initializer, Module, Param};
use burn::tensor::ops::ConvTransposeOptions;
use burn::tensor::{Device, Tensor, module::conv_transpose2d};

use crate::padding::{crop, pad};

/// Configuration of a [`ConvTranspose3d`], with the names of Burn's own.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::conv::ConvTranspose3dConfig;
///
/// # fn forward(device: &Device, x: Tensor<5>) -> Tensor<5> {
/// let conv = ConvTranspose3dConfig::new([4, 2], [3, 3, 3]).with_stride([2, 2, 2]).init(device);
/// conv.forward(x)
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvTranspose3dConfig {
    /// Channels of the input and of the output.
    pub channels: [usize; 2],
    /// Size of the kernel.
    pub kernel_size: [usize; 3],
    /// Strides. Default: 1.
    pub stride: [usize; 3],
    /// Dilation. Default: 1.
    pub dilation: [usize; 3],
    /// What is cut off on both sides. Default: nothing.
    pub padding: [usize; 3],
    /// What is added behind, before the cut. Default: nothing.
    pub padding_out: [usize; 3],
    /// Whether there is a bias. Default: true.
    pub bias: bool,
}

impl ConvTranspose3dConfig {
    /// From `channels[0]` to `channels[1]` channels.
    pub fn new(channels: [usize; 2], kernel_size: [usize; 3]) -> Self {
        Self {
            channels,
            kernel_size,
            stride: [1; 3],
            dilation: [1; 3],
            padding: [0; 3],
            padding_out: [0; 3],
            bias: true,
        }
    }

    /// Sets [`stride`](Self::stride).
    pub fn with_stride(mut self, stride: [usize; 3]) -> Self {
        self.stride = stride;
        self
    }

    /// Sets [`dilation`](Self::dilation).
    pub fn with_dilation(mut self, dilation: [usize; 3]) -> Self {
        self.dilation = dilation;
        self
    }

    /// Sets [`padding`](Self::padding).
    pub fn with_padding(mut self, padding: [usize; 3]) -> Self {
        self.padding = padding;
        self
    }

    /// Sets [`padding_out`](Self::padding_out).
    pub fn with_padding_out(mut self, padding_out: [usize; 3]) -> Self {
        self.padding_out = padding_out;
        self
    }

    /// Sets [`bias`](Self::bias): Keras's `use_bias`.
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Makes the module. Parameters are lazy and start as Keras's defaults: Glorot uniform, zeros.
    pub fn init(&self, device: &Device) -> ConvTranspose3d {
        let [input, output] = self.channels;
        let [depth, height, width] = self.kernel_size;
        let taps = depth * height * width;
        let glorot = Initializer::XavierUniform { gain: 1.0 };
        let shape = [input, output, depth, height, width];
        let (fan_in, fan_out) = (Some(output * taps), Some(input * taps));
        ConvTranspose3d {
            weight: glorot.init_with(shape, fan_in, fan_out, device),
            bias: self.bias.then(|| Initializer::Zeros.init([output], device)),
            stride: self.stride,
            dilation: self.dilation,
            padding: self.padding,
            padding_out: self.padding_out,
        }
    }
}

/// Keras's `Conv3DTranspose`, in the layout of `burn::nn::conv::ConvTranspose3d`, whose kernel in
/// burn-cubecl 0.22.1 reads beyond its weights when a stride is larger than 1.
#[derive(Module, Debug)]
pub struct ConvTranspose3d {
    /// `[channels_in, channels_out, depth, height, width]`.
    pub weight: Param<Tensor<5>>,
    /// `[channels_out]`.
    pub bias: Option<Param<Tensor<1>>>,
    /// See [`ConvTranspose3dConfig::stride`].
    pub stride: [usize; 3],
    /// See [`ConvTranspose3dConfig::dilation`].
    pub dilation: [usize; 3],
    /// See [`ConvTranspose3dConfig::padding`].
    pub padding: [usize; 3],
    /// See [`ConvTranspose3dConfig::padding_out`].
    pub padding_out: [usize; 3],
}

impl ConvTranspose3d {
    /// `[batch, channels_in, depth, height, width]` to `[batch, channels_out, …]`; each spatial
    /// axis of `n` steps becomes `(n - 1) stride + (size - 1) dilation + 1 + padding_out - 2
    /// padding` steps long.
    ///
    /// Every plane is spread by every plane of the kernel, as images; their sums with the right
    /// distances are the result.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let [batch, channels_in, depth, height, width] = x.dims();
        let weight = self.weight.val();
        let [_, channels, taps, kernel_height, kernel_width] = weight.dims();
        let [stride, strides @ ..] = self.stride;
        let [dilation, dilations @ ..] = self.dilation;
        let [padding, paddings @ ..] = self.padding;
        let [padding_out, paddings_out @ ..] = self.padding_out;

        let planes = x.swap_dims(1, 2);
        let planes = planes.reshape([batch * depth, channels_in, height, width]);
        let kernels = weight.reshape([channels_in, channels * taps, kernel_height, kernel_width]);
        let options = ConvTransposeOptions::new(strides, paddings, paddings_out, dilations, 1);
        let planes = conv_transpose2d(planes, kernels, None, options);

        let [_, _, height, width] = planes.dims();
        let rows = batch * channels;
        let planes = planes
            .reshape([batch, depth, channels, taps, height * width])
            .permute([0, 2, 3, 1, 4])
            .reshape([rows, taps, depth, height * width]);
        let spread = |tap: usize| {
            let plane = planes.clone().slice_dim(1, tap..tap + 1);
            let plane = plane.reshape([rows, depth, 1, height * width]);
            let plane = pad(plane, [(0, 0), (0, 0), (0, stride - 1), (0, 0)]);
            let plane = plane.reshape([rows, depth * stride, height * width]);
            let plane = crop(plane, [(0, 0), (0, stride - 1), (0, 0)]);
            let offsets = (tap * dilation, (taps - 1 - tap) * dilation + padding_out);
            pad(plane, [(0, 0), offsets, (0, 0)])
        };
        let sum = (1..taps).fold(spread(0), |sum, tap| sum + spread(tap));
        let sum = crop(sum, [(0, 0), (padding, padding), (0, 0)]);
        let depth = sum.dims()[1];
        let y = sum.reshape([batch, channels, depth, height, width]);
        match &self.bias {
            Some(bias) => y + bias.val().reshape([1, channels, 1, 1, 1]),
            None => y,
        }
    }
}
