//! Convolutions.

use super::config::{Config, DataFormat};
use super::{KerasLayer, MaskRule, Mismatch, WeightSpec, single_of_rank};
use crate::activation::Activation;
use crate::shape::Spec;

/// How the borders are padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// Not at all.
    Valid,
    /// So that the output has `ceil(input / stride)` steps; the odd element goes to the end.
    Same,
    /// In front only (`Conv1D`).
    Causal,
}

impl Padding {
    fn read(config: &mut Config<'_>, causal: bool) -> Self {
        let names: &[&str] = if causal {
            &["valid", "same", "causal"]
        } else {
            &["valid", "same"]
        };
        match config.choice("padding", names) {
            0 => Self::Valid,
            1 => Self::Same,
            _ => Self::Causal,
        }
    }

    /// The output size of a window of `size` (dilation included) over `input` steps.
    pub fn output_size(self, input: usize, size: usize, stride: usize) -> Option<usize> {
        match self {
            Self::Same | Self::Causal => Some(input.div_ceil(stride)),
            Self::Valid => Some(input.checked_sub(size)? / stride + 1),
        }
    }
}

/// A window that slides over the spatial axes, as convolutions and pooling have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Size per spatial axis.
    pub size: Vec<usize>,
    /// Stride per spatial axis.
    pub strides: Vec<usize>,
    /// Dilation per spatial axis.
    pub dilation: Vec<usize>,
    /// Padding of all axes.
    pub padding: Padding,
    /// Where the channels are.
    pub data_format: DataFormat,
}

impl Window {
    /// The number of spatial axes.
    pub fn dimensions(&self) -> usize {
        self.size.len()
    }

    /// The size of the window along spatial axis `axis`, with its dilation.
    pub fn extent(&self, axis: usize) -> usize {
        self.dilation[axis]
            .saturating_mul(self.size[axis] - 1)
            .saturating_add(1)
    }

    /// The input's channels.
    pub(crate) fn channels(&self, inputs: &[Spec]) -> Result<Option<usize>, Mismatch> {
        let rank = self.dimensions() + 2;
        let input = single_of_rank(inputs, rank)?;
        Ok(input.shape.dim(self.data_format.channel_axis(rank)))
    }

    /// The output shape with `channels`.
    pub(crate) fn output(
        &self,
        inputs: &[Spec],
        channels: Option<usize>,
    ) -> Result<Spec, Mismatch> {
        let rank = self.dimensions() + 2;
        let input = single_of_rank(inputs, rank)?;
        let mut shape = input.shape.0.clone();
        shape[self.data_format.channel_axis(rank)] = channels;
        let first = self.data_format.first_spatial_axis();
        for axis in 0..self.dimensions() {
            let size = &mut shape[first + axis];
            if let Some(known) = *size {
                let output = self
                    .padding
                    .output_size(known, self.extent(axis), self.strides[axis]);
                *size = Some(output.ok_or_else(|| {
                    Mismatch::new(
                        format!("at least {} steps for the window", self.extent(axis)),
                        inputs,
                    )
                })?);
            }
        }
        Ok(Spec::float(shape))
    }
}

fn read_window(class: &str, config: &mut Config<'_>, causal: bool) -> Window {
    let dimensions = if class.ends_with("1D") { 1 } else { 2 };
    let ones = vec![1; dimensions];
    Window {
        size: {
            if config.value("kernel_size").is_none() {
                config.unsupported("kernel_size", "the size of the kernel");
            }
            config.sizes("kernel_size", dimensions, &ones)
        },
        strides: config.sizes("strides", dimensions, &ones),
        dilation: config.sizes("dilation_rate", dimensions, &ones),
        padding: Padding::read(config, causal && dimensions == 1),
        data_format: config.data_format(),
    }
}

/// `Conv1D` and `Conv2D`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// Channels of the output.
    pub filters: usize,
    /// The kernel's window.
    pub window: Window,
    /// Groups of channels that do not mix.
    pub groups: usize,
    /// Whether there is a bias.
    pub use_bias: bool,
    /// Applied to the result.
    pub activation: Activation,
}

impl KerasLayer for Conv {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        let conv = Self {
            filters: config.size("filters"),
            window: read_window(class, config, true),
            groups: config.size_or("groups", 1),
            use_bias: config.bool("use_bias", true),
            activation: config.activation("activation"),
        };
        if !conv.filters.is_multiple_of(conv.groups) {
            config.unsupported("groups", "a divisor of filters");
        }
        conv
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        if let Some(channels) = self.window.channels(inputs)?
            && !channels.is_multiple_of(self.groups)
        {
            let expected = format!("channels that {} groups divide", self.groups);
            return Err(Mismatch::new(expected, inputs));
        }
        Ok(vec![self.window.output(inputs, Some(self.filters))?])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let channels = self.window.channels(inputs)?;
        let mut kernel: Vec<_> = self.window.size.iter().copied().map(Some).collect();
        kernel.push(channels.map(|channels| channels / self.groups));
        kernel.push(Some(self.filters));
        let mut weights = vec![WeightSpec::trained("kernel", kernel)];
        if self.use_bias {
            weights.push(WeightSpec::trained("bias", vec![Some(self.filters)]));
        }
        Ok(weights)
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}

/// `DepthwiseConv2D`: `depth_multiplier` filters for each channel by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthwiseConv {
    /// The kernel's window.
    pub window: Window,
    /// Filters per channel.
    pub depth_multiplier: usize,
    /// Whether there is a bias.
    pub use_bias: bool,
    /// Applied to the result.
    pub activation: Activation,
}

impl DepthwiseConv {
    fn output_channels(&self, inputs: &[Spec]) -> Result<Option<usize>, Mismatch> {
        let channels = self.window.channels(inputs)?;
        Ok(channels.and_then(|channels| channels.checked_mul(self.depth_multiplier)))
    }
}

impl KerasLayer for DepthwiseConv {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        // tf.keras writes Conv2D's keys too; they say nothing about a depthwise convolution.
        config.value("filters");
        config.value("groups");
        Self {
            window: read_window(class, config, false),
            depth_multiplier: config.size_or("depth_multiplier", 1),
            use_bias: config.bool("use_bias", true),
            activation: config.activation("activation"),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let channels = self.output_channels(inputs)?;
        Ok(vec![self.window.output(inputs, channels)?])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let mut kernel: Vec<_> = self.window.size.iter().copied().map(Some).collect();
        kernel.push(self.window.channels(inputs)?);
        kernel.push(Some(self.depth_multiplier));
        let mut weights = vec![WeightSpec::trained("depthwise_kernel", kernel)];
        if self.use_bias {
            let channels = self.output_channels(inputs)?;
            weights.push(WeightSpec::trained("bias", vec![channels]));
        }
        Ok(weights)
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}
