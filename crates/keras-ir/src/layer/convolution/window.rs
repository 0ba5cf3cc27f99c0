//! The window that slides over the spatial axes, and how the borders are padded.

use super::super::config::{Config, DataFormat};
use super::super::{Mismatch, single, single_of_rank};
use crate::shape::Spec;
use crate::version::Generation;

/// The number of spatial axes that a class name tells: 1 for `Conv1DTranspose`.
pub(crate) fn dimensions(class: &str) -> usize {
    let names = ["1D", "2D", "3D"];
    let position = names.iter().position(|name| class.contains(name));
    position.map_or(2, |position| position + 1)
}

/// How the borders are padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// Not at all.
    Valid,
    /// So that the output has `ceil(input / stride)` steps; the odd element goes to the end.
    Same,
    /// In front only (`Conv1D` and `SeparableConv1D`).
    Causal,
    /// As many windows as `Same`, from another place on: Theano's (Keras 1).
    TheanoSame,
    /// So that every window that touches the input counts (convolutions of Keras 1 on Theano).
    TheanoFull,
}

impl Padding {
    pub(crate) fn read(config: &mut Config<'_>, causal: bool) -> Self {
        let mut paddings = vec![("valid", Self::Valid), ("same", Self::Same)];
        if config.generation() == Generation::Keras1 {
            // In the words of the reader.
            paddings.push(("theano_same", Self::TheanoSame));
            paddings.push(("theano_full", Self::TheanoFull));
        } else if causal {
            paddings.push(("causal", Self::Causal));
        }
        let names: Vec<&str> = paddings.iter().map(|(name, _)| *name).collect();
        paddings[config.choice("padding", &names)].1
    }

    /// What [`TheanoSame`](Self::TheanoSame) puts in front of the input of a convolution, whatever
    /// its size: half of the window.
    pub fn theano_border(extent: usize) -> usize {
        extent / 2
    }

    /// The output size of a window of `size` (dilation included) over `input` steps.
    pub fn output_size(self, input: usize, size: usize, stride: usize) -> Option<usize> {
        match self {
            Self::Same | Self::Causal | Self::TheanoSame => Some(input.div_ceil(stride)),
            Self::TheanoFull => Some((input.checked_add(size - 1)?).div_ceil(stride)),
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
    /// Reads the window of a convolution; only those in one dimension can be `causal`.
    pub(super) fn read(class: &str, config: &mut Config<'_>, causal: bool) -> Self {
        let dimensions = dimensions(class);
        let ones = vec![1; dimensions];
        if config.value("kernel_size").is_none() {
            config.unsupported("kernel_size", "the size of the kernel");
        }
        Self {
            size: config.sizes("kernel_size", dimensions, &ones),
            strides: config.sizes("strides", dimensions, &ones),
            dilation: config.sizes("dilation_rate", dimensions, &ones),
            padding: Padding::read(config, causal && dimensions == 1),
            data_format: config.data_format(),
        }
    }

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

    /// The input with one batch axis, and the sizes of the batch axes behind the first one, of
    /// which `Conv1D/2D/3D` of `tf.keras` take any number: `(batch, 5, steps, channels)`.
    ///
    /// # Errors
    ///
    /// An input of too few axes.
    pub fn split_batch(&self, inputs: &[Spec]) -> Result<(Spec, Vec<Option<usize>>), Mismatch> {
        let rank = self.dimensions() + 2;
        let input = single(inputs)?;
        let Some(extra) = input.shape.rank().checked_sub(rank) else {
            let expected = format!("an input of {rank} axes or more, batch included");
            return Err(Mismatch::new(expected, inputs));
        };
        let mut shape = input.shape.0.clone();
        let batch = shape.drain(1..=extra).collect();
        Ok((input.with_shape(shape), batch))
    }

    /// The input's channels.
    pub(crate) fn channels(&self, inputs: &[Spec]) -> Result<Option<usize>, Mismatch> {
        let rank = self.dimensions() + 2;
        let input = single_of_rank(inputs, rank)?;
        Ok(input.shape.dim(self.data_format.channel_axis(rank)))
    }

    /// The input's shape with `channels`, and with what `size` makes of the known size of each
    /// spatial axis.
    pub(crate) fn resized(
        &self,
        inputs: &[Spec],
        channels: Option<usize>,
        size: impl Fn(usize, usize) -> Result<usize, Mismatch>,
    ) -> Result<Spec, Mismatch> {
        let rank = self.dimensions() + 2;
        let input = single_of_rank(inputs, rank)?;
        let mut shape = input.shape.0.clone();
        shape[self.data_format.channel_axis(rank)] = channels;
        let first = self.data_format.first_spatial_axis();
        for axis in 0..self.dimensions() {
            if let Some(known) = &mut shape[first + axis] {
                *known = size(axis, *known)?;
            }
        }
        Ok(Spec::float(shape))
    }

    /// The output shape with `channels`.
    pub(crate) fn output(
        &self,
        inputs: &[Spec],
        channels: Option<usize>,
    ) -> Result<Spec, Mismatch> {
        self.resized(inputs, channels, |axis, size| {
            let extent = self.extent(axis);
            let output = self.padding.output_size(size, extent, self.strides[axis]);
            output.ok_or_else(|| {
                Mismatch::new(format!("at least {extent} steps for the window"), inputs)
            })
        })
    }
}
