//! F-scores.

use alloc::vec;
use alloc::vec::Vec;
use burn::serde::{Deserialize, Serialize};

use super::confusion::ratio;
use super::host::Host;
use crate::Generation;
use crate::loss::ShapeError;
use crate::loss::operations::EPSILON;

/// How the scores of classes become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub enum Average {
    /// They do not: `None`.
    #[default]
    None,
    /// All classes are counted together: `"micro"`.
    Micro,
    /// Their mean: `"macro"`.
    Macro,
    /// Their mean, weighted by how often they are the target: `"weighted"`.
    Weighted,
}

/// Weights by class.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FScore {
    true_positives: Vec<f64>,
    false_positives: Vec<f64>,
    false_negatives: Vec<f64>,
    support: Vec<f64>,
}

impl FScore {
    pub fn add(
        &mut self,
        [output, target]: [Host; 2],
        weights: Option<Host>,
        threshold: Option<f64>,
    ) -> Result<(), ShapeError> {
        let &[batch, classes] = output.shape.as_slice() else {
            return Err(ShapeError::Rank {
                expected: 2,
                shape: output.shape,
            });
        };
        if self.support.is_empty() {
            let none = vec![0.0; classes];
            *self = Self {
                true_positives: none.clone(),
                false_positives: none.clone(),
                false_negatives: none.clone(),
                support: none,
            };
        } else if self.support.len() != classes {
            return Err(ShapeError::Classes {
                classes: self.support.len(),
                found: classes,
            });
        }
        let weights = match weights {
            Some(mut weights) => {
                if weights.shape == [batch, 1] {
                    weights.shape.pop();
                }
                weights.broadcast(&[batch])?
            }
            None => vec![1.0; batch],
        };
        for (row, weight) in weights.into_iter().enumerate() {
            let range = row * classes..(row + 1) * classes;
            let (output, target) = (&output.values[range.clone()], &target.values[range]);
            let largest = output.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for class in 0..classes {
                let chosen = match threshold {
                    Some(threshold) => output[class] > threshold as f32,
                    None => output[class] >= largest && output[class].abs() > 1e-9,
                };
                let target = f64::from(target[class]);
                let weight = f64::from(weight);
                let chosen = f64::from(u8::from(chosen));
                self.true_positives[class] += weight * chosen * target;
                self.false_positives[class] += weight * chosen * (1.0 - target);
                self.false_negatives[class] += weight * (1.0 - chosen) * target;
                self.support[class] += weight * target;
            }
        }
        Ok(())
    }

    pub fn result(&self, average: Average, beta: f64, generation: Generation) -> Vec<f64> {
        // Keras 3 adds epsilon to every divisor
        let divide = |a: f64, b: f64| match generation {
            Generation::Keras3 => a / (b + EPSILON),
            Generation::TfKeras => ratio(a, b),
        };
        let score = |tp: f64, fp: f64, r#fn: f64| {
            let precision = divide(tp, tp + fp);
            let recall = divide(tp, tp + r#fn);
            let mean = divide(precision * recall, beta * beta * precision + recall);
            mean * (1.0 + beta * beta)
        };
        let sum = |counts: &[f64]| counts.iter().sum::<f64>();
        let scores = || {
            let counts = self.true_positives.iter().zip(&self.false_positives);
            let counts = counts.zip(&self.false_negatives);
            counts.map(|((tp, fp), r#fn)| score(*tp, *fp, *r#fn))
        };
        match average {
            Average::None => scores().collect(),
            Average::Micro => vec![score(
                sum(&self.true_positives),
                sum(&self.false_positives),
                sum(&self.false_negatives),
            )],
            Average::Macro => vec![ratio(scores().sum(), self.support.len() as f64)],
            Average::Weighted => {
                let all = sum(&self.support);
                let shares = self.support.iter().map(|support| divide(*support, all));
                vec![
                    scores()
                        .zip(shares)
                        .map(|(score, share)| score * share)
                        .sum(),
                ]
            }
        }
    }
}
