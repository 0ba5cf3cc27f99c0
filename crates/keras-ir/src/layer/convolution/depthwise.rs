//! Convolutions of each channel by itself.

use super::super::config::Config;
use super::super::{KerasLayer, MaskRule, Mismatch, WeightSpec};
use super::{Window, with_bias};
use crate::activation::Activation;
use crate::shape::Spec;

/// `DepthwiseConv1D` and `DepthwiseConv2D`: `depth_multiplier` filters for each channel by itself.
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
            window: Window::read(class, config, false),
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
        let kernel = self
            .window
            .depthwise_kernel(inputs, self.depth_multiplier)?;
        let channels = self.output_channels(inputs)?;
        Ok(with_bias(vec![kernel], self.use_bias, channels))
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}
