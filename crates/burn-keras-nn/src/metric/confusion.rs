//! Positives and negatives at thresholds.

use alloc::vec;
use alloc::vec::Vec;
use burn::serde::{Deserialize, Serialize};

use super::host::Host;
use crate::Generation;
use crate::loss::ShapeError;
use crate::loss::reduction::align;

/// What outputs of a top-k metric are where they are not among the top.
pub(super) const NEVER: f64 = -1e10;

/// What a sample can be, at a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub enum Condition {
    /// The target is positive, and so is the output.
    TruePositive,
    /// The target is negative, the output positive.
    FalsePositive,
    /// The target is negative, and so is the output.
    TrueNegative,
    /// The target is positive, the output negative.
    FalseNegative,
}

/// What is looked at of an output `[batch, ..., classes]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    /// Only so many of the largest outputs count as positive.
    pub top_k: Option<usize>,
    /// Only this class counts.
    pub class_id: Option<usize>,
}

/// Weights of samples by condition, at each threshold, for each label: `[thresholds][labels]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Confusion {
    thresholds: Vec<f32>,
    /// Labels that are counted each for itself: 1, or as many as there are; 0 until they are known.
    pub labels: usize,
    pub true_positives: Vec<f64>,
    pub false_positives: Vec<f64>,
    pub true_negatives: Vec<f64>,
    pub false_negatives: Vec<f64>,
    /// Whether thresholds divide 0 to 1 evenly: outputs are then rounded to them, as Keras does.
    even: bool,
}

impl Confusion {
    pub fn new(thresholds: &[f64], even: bool) -> Self {
        Self {
            thresholds: thresholds.iter().map(|x| *x as f32).collect(),
            even,
            ..Self::default()
        }
    }

    /// Thresholds as a user gave them.
    pub fn of(thresholds: &[f64]) -> Self {
        Self::new(thresholds, is_even(thresholds))
    }

    pub fn len(&self) -> usize {
        self.thresholds.len()
    }

    pub fn counts(&self, condition: Condition) -> &[f64] {
        match condition {
            Condition::TruePositive => &self.true_positives,
            Condition::FalsePositive => &self.false_positives,
            Condition::TrueNegative => &self.true_negatives,
            Condition::FalseNegative => &self.false_negatives,
        }
    }

    /// Room for `labels`, where there is none yet.
    pub fn start(&mut self, labels: usize) -> Result<(), ShapeError> {
        if self.labels == 0 {
            self.labels = labels;
            for counts in [
                &mut self.true_positives,
                &mut self.false_positives,
                &mut self.true_negatives,
                &mut self.false_negatives,
            ] {
                *counts = vec![0.0; labels * self.thresholds.len()];
            }
        }
        if self.labels == labels {
            Ok(())
        } else {
            Err(ShapeError::Classes {
                classes: self.labels,
                found: labels,
            })
        }
    }

    /// Adds a batch of outputs and targets of the same shape. Each label of the last axis is
    /// counted for itself if there is room for more than one, else it may have a weight.
    pub fn add(
        &mut self,
        [output, target]: [Host; 2],
        weights: Option<Host>,
        label_weights: Option<&[f64]>,
        selection: Selection,
        generation: Generation,
    ) -> Result<(), ShapeError> {
        let weights = weights.map(|weights| fit(weights, &output.shape, generation));
        let (output, target) = selection.apply(output, target)?;
        let count = output.values.len();
        let mut weights = match weights {
            Some(weights) => weights.broadcast(&output.shape)?,
            None => vec![1.0; count],
        };
        if let Some(labels) = label_weights {
            let classes = output.shape.last().copied().unwrap_or(1);
            if labels.len() != classes {
                return Err(ShapeError::Classes {
                    classes,
                    found: labels.len(),
                });
            }
            for (weight, label) in weights.iter_mut().zip(labels.iter().cycle()) {
                *weight *= *label as f32;
            }
        }
        let samples = (0..count).map(|at| (at, output.values[at], target.values[at] != 0.0));
        if self.even {
            self.add_even(samples, &weights);
        } else {
            for (at, output, positive) in samples {
                for (index, threshold) in self.thresholds.iter().enumerate() {
                    let place = index * self.labels + at % self.labels;
                    let counts = match (positive, output > *threshold) {
                        (true, true) => &mut self.true_positives,
                        (false, true) => &mut self.false_positives,
                        (false, false) => &mut self.true_negatives,
                        (true, false) => &mut self.false_negatives,
                    };
                    counts[place] += f64::from(weights[at]);
                }
            }
        }
        Ok(())
    }

    /// An output is above all thresholds before the one that it is rounded up to, in float32.
    fn add_even(&mut self, samples: impl Iterator<Item = (usize, f32, bool)>, weights: &[f32]) {
        let steps = self.thresholds.len();
        let beyond = self.thresholds[0] < 0.0 || self.thresholds[steps - 1] > 1.0;
        // weights by bucket and label; bucket 0 is below all thresholds
        let mut buckets = [(); 2].map(|()| vec![0.0; (steps + 1) * self.labels]);
        for (at, output, positive) in samples {
            let scaled = output.clamp(0.0, 1.0) * (steps - 1) as f32;
            let bucket = libm::ceilf(scaled) as usize; // 0 for NaN
            let bucket = if beyond { bucket.max(1) } else { bucket };
            buckets[usize::from(positive)][bucket * self.labels + at % self.labels] +=
                f64::from(weights[at]);
        }
        let [negatives, positives] = buckets;
        for label in 0..self.labels {
            for (buckets, above, below) in [
                (
                    &positives,
                    &mut self.true_positives,
                    &mut self.false_negatives,
                ),
                (
                    &negatives,
                    &mut self.false_positives,
                    &mut self.true_negatives,
                ),
            ] {
                let at = |bucket: usize| buckets[bucket * self.labels + label];
                let total: f64 = (0..=steps).map(at).sum();
                let mut under = 0.0;
                for index in 0..steps {
                    under += at(index);
                    above[index * self.labels + label] += total - under;
                    below[index * self.labels + label] += under;
                }
            }
        }
    }
}

impl Selection {
    fn apply(self, mut output: Host, mut target: Host) -> Result<(Host, Host), ShapeError> {
        let classes = output.shape.last().copied().unwrap_or(1).max(1);
        if let Some(k) = self.top_k {
            for row in output.values.chunks_mut(classes) {
                let mut order: Vec<usize> = (0..row.len()).collect();
                // the first of equal ones
                order.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
                for place in order.into_iter().skip(k) {
                    row[place] = NEVER as f32;
                }
            }
        }
        if let Some(class) = self.class_id {
            if output.shape.len() < 2 || class >= classes {
                return Err(ShapeError::Classes {
                    classes: if output.shape.len() < 2 { 1 } else { classes },
                    found: class + 1,
                });
            }
            for side in [&mut output, &mut target] {
                side.values = side
                    .values
                    .iter()
                    .skip(class)
                    .step_by(classes)
                    .copied()
                    .collect();
                if let Some(last) = side.shape.last_mut() {
                    *last = 1;
                }
            }
        }
        Ok((output, target))
    }
}

/// Weights with the rank of the output.
fn fit(mut weights: Host, output: &[usize], generation: Generation) -> Host {
    match generation {
        Generation::Keras3 => {
            weights.shape.push(1);
            // as many axes as the output, which itself gets none
            if weights.shape.len() == output.len() + 1 {
                weights.shape.pop();
            }
        }
        Generation::TfKeras => align(&mut output.to_vec(), &mut weights.shape, generation),
    }
    weights
}

/// Whether thresholds divide 0 to 1 into equal parts.
pub(super) fn is_even(thresholds: &[f64]) -> bool {
    let steps = thresholds.len();
    steps >= 3
        && thresholds.iter().enumerate().all(|(index, threshold)| {
            let even = index as f64 / (steps - 1) as f64;
            (threshold - even).abs() <= 1e-7 + 1e-5 * even
        })
}

/// `a / b`, and 0 where `b` is 0.
pub(super) fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}
