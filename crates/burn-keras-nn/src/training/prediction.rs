//! What a training step needs of a batch.

use alloc::vec::Vec;
use burn::tensor::{Bool, Tensor};

use crate::loss::{Loss, ShapeError, Shaped, Target, Weights};
use crate::metric::Metric;

/// `$body` with `$tensor` as the tensor `$shaped` in its own rank.
macro_rules! in_rank {
    ($shaped:expr, $tensor:ident => $body:expr) => {{
        let shaped: &Shaped = $shaped;
        in_rank!(shaped, $tensor => $body, 1, 2, 3, 4, 5, 6)
    }};
    ($shaped:ident, $tensor:ident => $body:expr, $($rank:literal),*) => {
        match $shaped.shape().len() {
            $($rank => {
                let $tensor: Tensor<$rank> = $shaped.clone().in_rank();
                $body
            })*
            _ => Err(ShapeError::Rank { expected: 6, shape: $shaped.shape().to_vec() }),
        }
    };
}

/// An output of a model in a training step.
#[derive(Clone, Debug)]
pub struct Prediction {
    output: Shaped,
    logits: Option<Shaped>,
    mask: Option<Shaped<Bool>>,
}

impl Prediction {
    /// The output alone.
    pub fn new<const D: usize>(output: Tensor<D>) -> Self {
        Self {
            output: output.into(),
            logits: None,
            mask: None,
        }
    }

    /// What the `softmax` or `sigmoid` was of that gave the output: crossentropies look at it.
    pub fn with_logits<const D: usize>(mut self, logits: Tensor<D>) -> Self {
        self.logits = Some(logits.into());
        self
    }

    /// The mask that the output carries in Keras.
    pub fn with_mask<const D: usize>(mut self, mask: Tensor<D, Bool>) -> Self {
        self.mask = Some(mask.into());
        self
    }

    /// The shape of the output.
    pub fn shape(&self) -> &[usize] {
        self.output.shape()
    }

    fn weights(&self, sample_weight: Option<&Shaped>) -> Weights {
        Weights {
            sample_weight: sample_weight.cloned(),
            mask: self.mask.clone(),
        }
    }

    pub(super) fn loss(
        &self,
        mut loss: Loss,
        target: &Target,
        sample_weight: Option<&Shaped>,
    ) -> Result<Tensor<1>, ShapeError> {
        let weights = self.weights(sample_weight);
        let seen = match (&self.logits, loss.function.of_logits()) {
            (Some(logits), Some(function)) => {
                loss.function = function;
                logits
            }
            _ => &self.output,
        };
        in_rank!(seen, seen => loss.forward_weighted(seen, target.clone(), &weights))
    }

    pub(super) fn update(
        &self,
        metric: &mut Metric,
        target: &Target,
        sample_weight: Option<&Shaped>,
    ) -> Result<(), ShapeError> {
        let weights = self.weights(sample_weight);
        let output = &self.output;
        in_rank!(output, output => metric.update_weighted(output, target.clone(), &weights))
    }
}

/// The outputs of a batch in a training step, and the penalties that come to the loss.
#[derive(Clone, Debug)]
pub struct Predictions {
    /// The outputs, in the model's order.
    pub outputs: Vec<Prediction>,
    /// Penalties of weights and activities, each `[1]`.
    pub penalties: Vec<Tensor<1>>,
}

impl Predictions {
    /// These outputs, and no penalties.
    pub fn new(outputs: impl IntoIterator<Item = Prediction>) -> Self {
        Self {
            outputs: outputs.into_iter().collect(),
            penalties: Vec::new(),
        }
    }

    /// Adds penalties.
    #[must_use]
    pub fn with_penalties(mut self, penalties: impl IntoIterator<Item = Tensor<1>>) -> Self {
        self.penalties.extend(penalties);
        self
    }

    pub(super) fn output(&self, position: usize) -> Result<&Prediction, ShapeError> {
        self.outputs.get(position).ok_or(ShapeError::Targets {
            expected: position + 1,
            found: self.outputs.len(),
        })
    }
}
