//! How the losses of samples become one number.

use alloc::vec::Vec;
use burn::serde::{Deserialize, Serialize};
use burn::tensor::Tensor;

use super::operations::divide_or_zero;
use super::{ShapeError, Shaped, Values, Weights, match_ranks};
use crate::Generation;

/// How the losses of samples become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub enum Reduction {
    /// The sum of weighted values, divided by how many there are, whatever their weights:
    /// `"sum_over_batch_size"`, Keras 3's `"mean"`, tf_keras's `"auto"`.
    #[default]
    SumOverBatchSize,
    /// The sum of weighted values: `"sum"`.
    Sum,
    /// Weighted values as they are: `"none"` or `None`.
    None,
    /// The sum of weighted values, divided by the sum of the weights, before these are broadcast:
    /// `"mean_with_sample_weight"` of Keras 3.
    MeanWithSampleWeight,
}

impl Reduction {
    /// Every name that a config can have, and what it stands for. Python's `None` is
    /// [`Reduction::None`].
    pub const NAMES: [(&'static str, Self); 6] = [
        ("auto", Self::SumOverBatchSize),
        ("sum_over_batch_size", Self::SumOverBatchSize),
        ("mean", Self::SumOverBatchSize),
        ("sum", Self::Sum),
        ("none", Self::None),
        ("mean_with_sample_weight", Self::MeanWithSampleWeight),
    ];

    pub(crate) fn apply(
        self,
        values: Values,
        weights: &Weights,
        generation: Generation,
    ) -> Result<Tensor<1>, ShapeError> {
        let keep = values.keep.map(|flat| Shaped {
            flat,
            shape: values.shape.clone(),
        });
        let mask = weights
            .mask(&values.flat, keep)?
            .map(|mask| self.scale(mask, generation));
        let weights = match (mask, weights.sample_weight(&values.flat)) {
            (Some(mut mask), Some(mut weights)) => {
                align(&mut mask.shape, &mut weights.shape, generation);
                Some(mask.times(weights)?)
            }
            (mask, weights) => mask.or(weights),
        };
        let mut values = Shaped {
            flat: values.flat,
            shape: values.shape,
        };
        let mut sum_of_weights = None;
        if let Some(mut weights) = weights {
            align(&mut values.shape, &mut weights.shape, generation);
            sum_of_weights = Some(weights.flat.clone().sum());
            values = values.times(weights)?;
        }

        let count = values.flat.dims()[0];
        Ok(match (self, sum_of_weights) {
            (Self::None, _) => values.flat,
            (Self::Sum, _) => values.flat.sum(),
            (Self::MeanWithSampleWeight, Some(weights)) => {
                divide_or_zero(values.flat.sum(), weights)
            }
            (Self::SumOverBatchSize | Self::MeanWithSampleWeight, _) => {
                values.flat.sum().div_scalar(count.max(1) as f64)
            }
        })
    }

    /// The mask, scaled where the mean is over all values so that it is over those that count.
    fn scale(self, mask: Shaped, generation: Generation) -> Shaped {
        if self != Self::SumOverBatchSize {
            return mask;
        }
        let total = mask.flat.ones_like().sum();
        let valid = mask.flat.clone().sum();
        let scale = match generation {
            Generation::Keras3 => divide_or_zero(total, valid),
            // NaN where nothing counts
            Generation::TfKeras => total / valid,
        };
        Shaped {
            flat: mask.flat * scale,
            shape: mask.shape,
        }
    }
}

/// Gives values and weights the same rank, where the generation does.
pub(crate) fn align(values: &mut Vec<usize>, weights: &mut Vec<usize>, generation: Generation) {
    match generation {
        Generation::Keras3 => match_ranks(values, weights),
        // `losses_utils.squeeze_or_expand_dimensions`
        Generation::TfKeras => {
            if weights.len() == values.len() + 1 && weights.last() == Some(&1) {
                weights.pop();
            } else if values.len() == weights.len() + 1 {
                weights.push(1);
            }
        }
    }
}
