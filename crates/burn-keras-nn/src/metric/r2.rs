//! The coefficient of determination.

use alloc::vec;
use alloc::vec::Vec;
use burn::serde::{Deserialize, Serialize};

use super::host::Host;
use crate::loss::ShapeError;

/// How the scores of several outputs become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub enum Aggregation {
    /// They do not: `None`.
    None,
    /// Their mean: `"uniform_average"`.
    #[default]
    Uniform,
    /// Their mean, weighted by variance: `"variance_weighted_average"`.
    VarianceWeighted,
}

/// Sums of each output.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct R2 {
    sum: Vec<f64>,
    squares: Vec<f64>,
    residual: Vec<f64>,
    count: Vec<f64>,
    values: usize,
}

impl R2 {
    pub fn add(
        &mut self,
        [output, target]: [Host; 2],
        weights: Option<Host>,
    ) -> Result<(), ShapeError> {
        let &[_, width] = output.shape.as_slice() else {
            return Err(ShapeError::Rank {
                expected: 2,
                shape: output.shape,
            });
        };
        let weights = match weights {
            Some(mut weights) => {
                if weights.shape.len() == 1 {
                    weights.shape.push(1);
                }
                weights.broadcast(&output.shape)?
            }
            None => vec![1.0; output.values.len()],
        };
        if self.count.is_empty() {
            let none = vec![0.0; width];
            *self = Self {
                sum: none.clone(),
                squares: none.clone(),
                residual: none.clone(),
                count: none,
                values: 0,
            };
        } else if self.count.len() != width {
            return Err(ShapeError::Classes {
                classes: self.count.len(),
                found: width,
            });
        }
        self.values += output.values.len();
        for (at, weight) in weights.into_iter().enumerate() {
            let weight = f64::from(weight);
            let target = f64::from(target.values[at]);
            let error = target - f64::from(output.values[at]);
            self.sum[at % width] += weight * target;
            self.squares[at % width] += weight * target * target;
            self.residual[at % width] += weight * error * error;
            self.count[at % width] += weight;
        }
        Ok(())
    }

    pub fn result(&self, aggregation: Aggregation, regressors: usize) -> Vec<f64> {
        let totals: Vec<f64> = (0..self.count.len())
            .map(|at| self.squares[at] - self.sum[at] * self.sum[at] / self.count[at])
            .collect();
        let scores = self.residual.iter().zip(&totals).map(|(residual, total)| {
            let score = 1.0 - residual / total;
            if score.is_infinite() { 0.0 } else { score }
        });
        let mut scores: Vec<f64> = scores.collect();
        match aggregation {
            Aggregation::None => {}
            Aggregation::Uniform => {
                scores = vec![scores.iter().sum::<f64>() / scores.len() as f64];
            }
            Aggregation::VarianceWeighted => {
                let weighted = scores
                    .iter()
                    .zip(&totals)
                    .map(|(score, total)| score * total);
                scores = vec![weighted.sum::<f64>() / totals.iter().sum::<f64>()];
            }
        }
        // Keras counts values, not samples, and falls back where there are too few
        if regressors != 0 && self.values > regressors + 1 {
            let (n, p) = (self.values as f64, regressors as f64);
            for score in &mut scores {
                *score = 1.0 - (1.0 - *score) * (n - 1.0) / (n - p - 1.0);
            }
        }
        scores
    }
}
