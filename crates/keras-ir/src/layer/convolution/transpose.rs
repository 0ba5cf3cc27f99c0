//! Transposed convolutions.

use super::super::config::Config;
use super::super::{KerasLayer, MaskRule, Mismatch, WeightSpec};
use super::window::dimensions;
use super::{Padding, Window, with_bias};
use crate::activation::Activation;
use crate::shape::Spec;
use crate::version::Generation;

/// `Conv1DTranspose`, `Conv2DTranspose` and `Conv3DTranspose`.
///
/// Without padding, an input of `n` steps gives `stride · (n − 1) + extent` steps, of which
/// [`borders`](Self::borders) takes some away or to which it adds zeros.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvTranspose {
    /// Channels of the output.
    pub filters: usize,
    /// The kernel's window.
    pub window: Window,
    /// What the output has behind the smallest size that its input could come from, per spatial
    /// axis; `None` chooses it from strides and padding.
    pub output_padding: Option<Vec<usize>>,
    /// Whether there is a bias.
    pub use_bias: bool,
    /// Applied to the result.
    pub activation: Activation,
}

/// What padding does to the output of a transposed convolution, along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// Steps that are cut off, before and after.
    Crop(usize, usize),
    /// Steps behind, in which there is nothing but the bias.
    Extend(usize),
}

impl ConvTranspose {
    /// What padding does along spatial axis `axis`; it does not depend on the input's size.
    ///
    /// Keras 3.15 and tf_keras 2.21 agree: the output has `stride · n` steps, and `max(extent −
    /// stride, 0)` more without padding; with `output_padding`, it is counted from `stride · (n −
    /// 1) + extent` steps, or `stride · (n − 1) + extent mod 2` for `same`.
    pub fn borders(&self, axis: usize) -> Border {
        let extent = self.window.extent(axis);
        let stride = self.window.strides[axis];
        // What the output has beyond `stride · (n − 1)`.
        let wanted = match (&self.output_padding, self.window.padding) {
            (None, Padding::Same | Padding::TheanoSame) => stride,
            (None, _) => stride.max(extent),
            (Some(more), Padding::Same | Padding::TheanoSame) => {
                more[axis].saturating_add(extent % 2)
            }
            (Some(more), _) => more[axis].saturating_add(extent),
        };
        match extent.checked_sub(wanted) {
            Some(crop) => {
                let before = match self.window.padding {
                    Padding::TheanoSame => Padding::theano_border(extent).min(crop),
                    _ => crop / 2,
                };
                Border::Crop(before, crop - before)
            }
            None => Border::Extend(wanted - extent),
        }
    }
}

impl ConvTranspose {
    /// Refuses what Theano's borders do beyond cutting off: Keras 1 cuts off more behind even
    /// windows than is there, and full convolutions are not turned round.
    fn check_theano(&self, config: &mut Config<'_>) {
        let fits = |axis: usize| {
            let extent = self.window.extent(axis);
            let in_front = match self.borders(axis) {
                Border::Crop(before, _) => before,
                Border::Extend(_) => 0,
            };
            extent % 2 == 1 && in_front == Padding::theano_border(extent)
        };
        let fits = match self.window.padding {
            Padding::TheanoFull => false,
            Padding::TheanoSame => (0..self.window.dimensions()).all(fits),
            _ => true,
        };
        if !fits {
            config.unsupported(
                "padding",
                "windows of an odd size, on Theano, that strides do not exceed",
            );
        }
    }
}

impl KerasLayer for ConvTranspose {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        let dimensions = dimensions(class);
        // tf.keras writes Conv's key, and its transposed convolutions do not look at it.
        config.value("groups");
        let mut window = Window::read(class, config, false);
        if dimensions == 3 && config.generation() != Generation::Keras3 {
            // Before Keras 3 it is an argument of Conv3DTranspose that changes nothing.
            window.dilation = vec![1; dimensions];
        }
        let output_padding = config.naturals("output_padding", dimensions);
        for (axis, more) in output_padding.iter().flatten().enumerate() {
            // Otherwise the output could not have come from the input, and TensorFlow refuses.
            let same = matches!(window.padding, Padding::Same | Padding::TheanoSame);
            let behind = more + if same { window.extent(axis) % 2 } else { 1 };
            if !(1..=window.strides[axis]).contains(&behind) {
                config.unsupported(
                    "output_padding",
                    "less than the strides, and what fits them",
                );
                break;
            }
        }
        let layer = Self {
            filters: config.size("filters"),
            window,
            output_padding,
            use_bias: config.bool("use_bias", true),
            activation: config.activation("activation"),
        };
        layer.check_theano(config);
        layer
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let output = self
            .window
            .resized(inputs, Some(self.filters), |axis, size| {
                let too_large = || Mismatch::new("an input that is not too large", inputs);
                let steps = size.saturating_sub(1);
                let steps = steps.checked_mul(self.window.strides[axis]);
                let full = steps.and_then(|steps| steps.checked_add(self.window.extent(axis)));
                let full = full.ok_or_else(too_large)?;
                let output = match self.borders(axis) {
                    Border::Crop(before, after) => full.checked_sub(before + after),
                    Border::Extend(more) => full.checked_add(more),
                };
                output.ok_or_else(too_large)
            })?;
        Ok(vec![output])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let channels = self.window.channels(inputs)?;
        let mut kernel: Vec<_> = self.window.size.iter().copied().map(Some).collect();
        kernel.extend([Some(self.filters), channels]);
        let kernel = WeightSpec::trained("kernel", kernel);
        Ok(with_bias(vec![kernel], self.use_bias, Some(self.filters)))
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::config::DataFormat;
    use super::*;

    /// Outputs of `Conv1DTranspose(2, k, strides, padding, output_padding, dilation_rate)` for
    /// `(1, 5, 3)` in Keras 3.15.1.
    #[test]
    fn sizes_are_those_of_keras() {
        let cases = [
            (3, 2, Padding::Valid, None, 1, 11, Border::Crop(0, 0)),
            (2, 5, Padding::Valid, None, 1, 25, Border::Extend(3)),
            (3, 2, Padding::Valid, Some(1), 1, 12, Border::Extend(1)),
            (3, 2, Padding::Same, None, 1, 10, Border::Crop(0, 1)),
            (2, 3, Padding::Same, None, 1, 15, Border::Extend(1)),
            (2, 3, Padding::Same, Some(2), 1, 14, Border::Crop(0, 0)),
            (5, 3, Padding::Same, Some(0), 1, 13, Border::Crop(2, 2)),
            (3, 1, Padding::Same, None, 3, 5, Border::Crop(3, 3)),
            (2, 1, Padding::Valid, None, 3, 8, Border::Crop(0, 0)),
        ];
        for (size, stride, padding, output_padding, dilation, steps, border) in cases {
            let layer = ConvTranspose {
                filters: 2,
                window: Window {
                    size: vec![size],
                    strides: vec![stride],
                    dilation: vec![dilation],
                    padding,
                    data_format: DataFormat::ChannelsLast,
                },
                output_padding: output_padding.map(|more| vec![more]),
                use_bias: true,
                activation: Activation::Linear,
            };
            let input = Spec::float(vec![Some(1), Some(5), Some(3)]);
            let output = layer.outputs(&[input]).unwrap().remove(0);
            assert_eq!(output.shape.0, [Some(1), Some(steps), Some(2)], "{layer:?}");
            assert_eq!(layer.borders(0), border, "{layer:?}");
        }
    }
}
