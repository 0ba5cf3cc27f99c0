//! Pooling.

use super::config::{Config, DataFormat};
use super::convolution::{Padding, Window};
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

fn dimensions(class: &str) -> usize {
    if class.ends_with("1D") { 1 } else { 2 }
}

/// `MaxPooling1D/2D` and `AveragePooling1D/2D`.
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
        Self {
            reduction: reduction(class),
            window: Window {
                dilation: vec![1; dimensions],
                padding: match config.choice("padding", &["valid", "same"]) {
                    0 => Padding::Valid,
                    _ => Padding::Same,
                },
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

/// `GlobalMaxPooling1D/2D` and `GlobalAveragePooling1D/2D`.
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

    fn tensor_arguments(&self) -> &'static [&'static str] {
        if self.uses_mask() { &["mask"] } else { &[] }
    }
}
