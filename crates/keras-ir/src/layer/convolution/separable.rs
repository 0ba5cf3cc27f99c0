//! Depthwise convolutions whose channels a pointwise one mixes.

use super::super::config::Config;
use super::super::{KerasLayer, MaskRule, Mismatch, WeightSpec};
use super::{Window, with_bias};
use crate::activation::Activation;
use crate::shape::Spec;

/// `SeparableConv1D` and `SeparableConv2D`: a depthwise convolution with the window's strides,
/// padding and dilation, then a kernel of size 1 over all channels; bias and activation once, at
/// the end.
#[derive(Clone, Debug, PartialEq)]
pub struct SeparableConv {
    /// Channels of the output.
    pub filters: usize,
    /// The depthwise kernel's window.
    pub window: Window,
    /// Channels between the two convolutions for each channel of the input.
    pub depth_multiplier: usize,
    /// Whether there is a bias.
    pub use_bias: bool,
    /// Applied to the result.
    pub activation: Activation,
}

impl KerasLayer for SeparableConv {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        // tf.keras writes Conv's key, and its separable convolutions do not look at it.
        config.value("groups");
        Self {
            filters: config.size("filters"),
            // Keras 3 has no causal ones; tf.keras has them in one dimension.
            window: Window::read(class, config, true),
            depth_multiplier: config.size_or("depth_multiplier", 1),
            use_bias: config.bool("use_bias", true),
            activation: config.activation("activation"),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        Ok(vec![self.window.output(inputs, Some(self.filters))?])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let depthwise = self
            .window
            .depthwise_kernel(inputs, self.depth_multiplier)?;
        let channels = self.window.channels(inputs)?;
        let between = channels.and_then(|channels| channels.checked_mul(self.depth_multiplier));
        let mut pointwise = vec![Some(1); self.window.dimensions()];
        pointwise.extend([between, Some(self.filters)]);
        let pointwise = WeightSpec::trained("pointwise_kernel", pointwise);
        let kernels = vec![depthwise, pointwise];
        Ok(with_bias(kernels, self.use_bias, Some(self.filters)))
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}
