//! Pooling.

use super::config::{Config, DataFormat};
use super::convolution::{Padding, Window, dimensions};
use super::{KerasLayer, MaskRule, Mismatch, single_of_rank};
use crate::shape::Spec;

/// What is taken of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The largest element.
    Max,
    /// The mean; padded positions do not count.
    Average,
}

fn reduction(class: &str) -> Reduction {
    if class.contains("Max") {
        Reduction::Max
    } else {
        Reduction::Average
    }
}

/// `MaxPooling1D/2D/3D` and `AveragePooling1D/2D/3D`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pooling {
    /// Maximum or average.
    pub reduction: Reduction,
    /// The pooling window.
    pub window: Window,
}

impl KerasLayer for Pooling {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        let dimensions = dimensions(class);
        let size = config.sizes("pool_size", dimensions, &vec![2; dimensions]);
        let strides = config.sizes("strides", dimensions, &size);
        let padding = Padding::read(config, false);
        if padding == Padding::TheanoFull {
            config.unsupported("padding", "valid or same");
        }
        Self {
            reduction: reduction(class),
            window: Window {
                dilation: vec![1; dimensions],
                padding,
                data_format: config.data_format(),
                size,
                strides,
            },
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let channels = self.window.channels(inputs)?;
        Ok(vec![self.window.output(inputs, channels)?])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}

/// `GlobalMaxPooling1D/2D/3D` and `GlobalAveragePooling1D/2D/3D`.
#[derive(Clone, Debug, PartialEq)]
pub struct GlobalPooling {
    /// Maximum or average.
    pub reduction: Reduction,
    /// Number of spatial axes.
    pub dimensions: usize,
    /// Where the channels are.
    pub data_format: DataFormat,
    /// Whether the spatial axes stay, with size 1.
    pub keepdims: bool,
}

impl GlobalPooling {
    /// The positions of the spatial axes.
    pub fn axes(&self) -> Vec<usize> {
        let first = self.data_format.first_spatial_axis();
        (first..first + self.dimensions).collect()
    }

    /// Whether a mask of the steps changes the result: only `GlobalAveragePooling1D` looks at it.
    pub fn uses_mask(&self) -> bool {
        self.reduction == Reduction::Average && self.dimensions == 1
    }
}

impl KerasLayer for GlobalPooling {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        Self {
            reduction: reduction(class),
            dimensions: dimensions(class),
            data_format: config.data_format(),
            keepdims: config.bool("keepdims", false),
        }
    }

    fn looks_at_masks(&self) -> bool {
        self.uses_mask()
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single_of_rank(inputs, self.dimensions + 2)?;
        let axes = self.axes();
        let kept = input.shape.0.iter().enumerate();
        let shape = kept
            .filter_map(|(axis, dim)| match (axes.contains(&axis), self.keepdims) {
                (false, _) => Some(*dim),
                (true, true) => Some(Some(1)),
                (true, false) => None,
            })
            .collect();
        Ok(vec![Spec::float(shape)])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }

    // The mask may follow the input: `GlobalAveragePooling1D()(x, mask)`.
    fn input_parameters(&self) -> &'static [&'static str] {
        if self.uses_mask() { &["inputs"] } else { &[] }
    }

    fn tensor_arguments(&self) -> &'static [&'static str] {
        if self.uses_mask() { &["mask"] } else { &[] }
    }
}

/// `AdaptiveMaxPooling1D/2D/3D` and `AdaptiveAveragePooling1D/2D/3D` of Keras 3: bin `i` of `o`
/// covers the steps from `floor(i · n / o)` to `ceil((i + 1) · n / o)` of `n`.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptivePooling {
    /// Maximum or average.
    pub reduction: Reduction,
    /// The number of bins, per spatial axis.
    pub output_size: Vec<usize>,
    /// Where the channels are.
    pub data_format: DataFormat,
}

impl KerasLayer for AdaptivePooling {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        let dimensions = dimensions(class);
        if config.value("output_size").is_none() {
            config.unsupported("output_size", "the size of the output");
        }
        Self {
            reduction: reduction(class),
            output_size: config.sizes("output_size", dimensions, &vec![1; dimensions]),
            data_format: config.data_format(),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single_of_rank(inputs, self.output_size.len() + 2)?;
        let mut shape = input.shape.0.clone();
        let first = self.data_format.first_spatial_axis();
        for (dim, size) in shape[first..].iter_mut().zip(&self.output_size) {
            *dim = Some(*size);
        }
        Ok(vec![Spec::float(shape)])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}
