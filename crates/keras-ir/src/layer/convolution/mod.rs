//! Convolutions.

mod conv;
mod depthwise;
mod separable;
mod transpose;
mod window;

pub use conv::Conv;
pub use depthwise::DepthwiseConv;
pub use separable::SeparableConv;
pub use transpose::{Border, ConvTranspose};
pub(crate) use window::dimensions;
pub use window::{Padding, Window};

use super::{Mismatch, WeightSpec};
use crate::shape::Spec;

/// `weights`, and behind them the bias if there is one.
fn with_bias(
    mut weights: Vec<WeightSpec>,
    use_bias: bool,
    channels: Option<usize>,
) -> Vec<WeightSpec> {
    if use_bias {
        weights.push(WeightSpec::trained("bias", vec![channels]));
    }
    weights
}

impl Window {
    /// The kernel of a depthwise convolution: channels, and filters for each of them.
    fn depthwise_kernel(&self, inputs: &[Spec], multiplier: usize) -> Result<WeightSpec, Mismatch> {
        let mut shape: Vec<_> = self.size.iter().copied().map(Some).collect();
        shape.extend([self.channels(inputs)?, Some(multiplier)]);
        Ok(WeightSpec::trained("depthwise_kernel", shape))
    }
}
