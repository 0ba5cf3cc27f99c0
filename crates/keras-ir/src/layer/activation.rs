//! Activation layers.

use super::config::Config;
use super::{KerasLayer, Mismatch, WeightSpec, single};
use crate::activation::Activation;
use crate::shape::{Kind, Spec, normalize_axis};

/// `Activation`, `ReLU`, `LeakyReLU`, `ELU` and `ThresholdedReLU`: one activation function.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivationLayer {
    /// The function.
    pub activation: Activation,
}

impl KerasLayer for ActivationLayer {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        let activation = match class {
            "ReLU" => {
                let negative_slope = config.number("negative_slope", 0.0);
                let max_value = config.optional_number("max_value");
                Activation::relu(negative_slope, max_value, config.number("threshold", 0.0))
            }
            "LeakyReLU" => {
                // `alpha` until Keras 2.
                let alpha = config.number("alpha", 0.3);
                Activation::LeakyRelu {
                    negative_slope: config.number("negative_slope", alpha),
                }
            }
            "ELU" => Activation::Elu {
                alpha: config.number("alpha", 1.0),
            },
            "ThresholdedReLU" => Activation::Threshold {
                threshold: config.number("theta", 1.0),
                default_value: 0.0,
            },
            _ => config.activation("activation"),
        };
        Self { activation }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single(inputs)?;
        let mut output = input.with_kind(Kind::Float);
        if self.activation == Activation::Glu {
            let halves = input.shape.last().is_none_or(|size| size % 2 == 0);
            match output.shape.0.last_mut() {
                Some(last) if halves => *last = last.map(|size| size / 2),
                _ => return Err(Mismatch::new("a last axis of even size", inputs)),
            }
        }
        Ok(vec![output])
    }

    fn is_nothing(&self) -> bool {
        self.activation == Activation::Linear
    }
}

/// `PReLU`: `max(x, 0) + alpha · min(x, 0)` with a trained `alpha`.
#[derive(Clone, Debug, PartialEq)]
pub struct PRelu {
    /// Axes along which one `alpha` serves, 1-based without the batch axis.
    pub shared_axes: Vec<i64>,
}

impl PRelu {
    /// The shape of `alpha`: that of the input without the batch axis, 1 along shared axes.
    pub fn alpha_shape(&self, input: &Spec) -> Option<Vec<Option<usize>>> {
        let mut shape = input.shape.0.get(1..)?.to_vec();
        for axis in &self.shared_axes {
            // Keras writes `shape[axis - 1] = 1` of a Python list: −1 names the last axis but one.
            let axis = normalize_axis(axis.checked_sub(1)?, shape.len())?;
            shape[axis] = Some(1);
        }
        Some(shape)
    }
}

impl KerasLayer for PRelu {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            shared_axes: config.integers("shared_axes").unwrap_or_default(),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single(inputs)?;
        match self.alpha_shape(input) {
            Some(_) => Ok(vec![input.with_kind(Kind::Float)]),
            None => Err(Mismatch::new(
                format!("an input that has the axes {:?}", self.shared_axes),
                inputs,
            )),
        }
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let shape = self.alpha_shape(single(inputs)?).unwrap_or_default();
        Ok(vec![WeightSpec::trained("alpha", shape)])
    }
}

/// What `Softmax` does to logits that its mask takes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaskedLogits {
    /// Keras 3.15: they become −1e9, and their outputs 0 afterwards. A mask of numbers keeps what
    /// is above 0.5.
    Zeroed,
    /// tf.keras: `(1 − mask) · −1e9` is added to them.
    Lowered,
    /// tf.keras's `robust_masking`: they become −1e9. A mask of numbers keeps what is above 0.5.
    Replaced,
}

/// `Softmax` over one or several axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Softmax {
    /// Keras axes.
    pub axes: Vec<i64>,
    /// What a mask does.
    pub masked: MaskedLogits,
}

impl Softmax {
    /// The axes' positions in a tensor of this shape, ascending.
    pub fn positions(&self, input: &Spec) -> Option<Vec<usize>> {
        input.shape.axes(&self.axes)
    }
}

impl KerasLayer for Softmax {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        let robust = config.bool("robust_masking", false);
        Self {
            axes: config.integers("axis").unwrap_or_else(|| vec![-1]),
            masked: match (config.generation().is_keras3(), robust) {
                (true, _) => MaskedLogits::Zeroed,
                (false, true) => MaskedLogits::Replaced,
                (false, false) => MaskedLogits::Lowered,
            },
        }
    }

    fn looks_at_masks(&self) -> bool {
        true
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        // A mask may follow the input (`Softmax()(x, mask)` in Keras 3).
        let input = match inputs {
            [input, _mask] => input,
            _ => single(inputs)?,
        };
        match self.positions(input) {
            Some(_) => Ok(vec![input.with_kind(Kind::Float)]),
            None => Err(Mismatch::new(
                format!("an input with different axes {:?}", self.axes),
                inputs,
            )),
        }
    }

    fn tensor_arguments(&self) -> &'static [&'static str] {
        &["mask"]
    }
}
