//! Plain convolutions.

use super::super::config::Config;
use super::super::{KerasLayer, MaskRule, Mismatch, WeightSpec};
use super::{Window, with_bias};
use crate::activation::Activation;
use crate::shape::Spec;

/// `Conv1D`, `Conv2D` and `Conv3D`.
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
            window: Window::read(class, config, true),
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
        let (input, batch) = self.window.split_batch(inputs)?;
        let input = [input];
        if let Some(channels) = self.window.channels(&input)?
            && !channels.is_multiple_of(self.groups)
        {
            let expected = format!("channels that {} groups divide", self.groups);
            return Err(Mismatch::new(expected, inputs));
        }
        let mut output = self.window.output(&input, Some(self.filters))?;
        output.shape.0.splice(1..1, batch);
        Ok(vec![output])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let (input, _) = self.window.split_batch(inputs)?;
        let channels = self.window.channels(&[input])?;
        let mut kernel: Vec<_> = self.window.size.iter().copied().map(Some).collect();
        kernel.push(channels.map(|channels| channels / self.groups));
        kernel.push(Some(self.filters));
        let kernel = WeightSpec::trained("kernel", kernel);
        Ok(with_bias(vec![kernel], self.use_bias, Some(self.filters)))
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}
