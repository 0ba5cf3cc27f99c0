//! Activation layers.

use super::config::Config;
use super::{KerasLayer, Mismatch, single};
use crate::activation::Activation;
use crate::shape::{Kind, Spec};

/// `Activation`, `ReLU` and `LeakyReLU`: one activation function.
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

/// `Softmax` over one or several axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Softmax {
    /// Keras axes.
    pub axes: Vec<i64>,
}

impl Softmax {
    /// The axes' positions in a tensor of this shape, ascending.
    pub fn positions(&self, input: &Spec) -> Option<Vec<usize>> {
        let mut positions: Vec<usize> = self
            .axes
            .iter()
            .map(|axis| input.shape.axis(*axis))
            .collect::<Option<_>>()?;
        positions.sort_unstable();
        positions.dedup();
        Some(positions)
    }
}

impl KerasLayer for Softmax {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            axes: config.integers("axis").unwrap_or_else(|| vec![-1]),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        // A mask may follow the input (`Softmax()(x, mask)` in Keras 3).
        let input = match inputs {
            [input, mask] if mask.shape.rank() == input.shape.rank() => input,
            _ => single(inputs)?,
        };
        match self.positions(input) {
            Some(_) => Ok(vec![input.with_kind(Kind::Float)]),
            None => Err(Mismatch::new(
                format!("an input that has the axes {:?}", self.axes),
                inputs,
            )),
        }
    }

    fn tensor_arguments(&self) -> &'static [&'static str] {
        &["mask"]
    }
}
