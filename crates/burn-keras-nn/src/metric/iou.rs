//! Intersection over union.

use alloc::vec;
use alloc::vec::Vec;
use burn::serde::{Deserialize, Serialize};

use super::confusion::ratio;
use super::host::Host;
use crate::Generation;
use crate::loss::ShapeError;
use crate::loss::operations::EPSILON;

/// Options of Keras's `IoU`, and of those made of it: `MeanIoU` has all classes as targets,
/// `OneHotIoU` and `OneHotMeanIoU` are not sparse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub struct Iou {
    /// How many classes there are.
    pub num_classes: usize,
    /// The classes whose mean is the result; those that never occur do not count.
    pub target_class_ids: Vec<usize>,
    /// A target that does not count.
    pub ignore_class: Option<i64>,
    /// Whether targets are ids, not a number for each class. Default: true.
    pub sparse_target: bool,
    /// Whether outputs are ids, not a number for each class. Default: true.
    pub sparse_output: bool,
    /// The axis of classes that are not sparse. Default: -1.
    pub axis: isize,
}

impl Iou {
    /// The mean over all classes: `MeanIoU(num_classes)`.
    pub fn mean(num_classes: usize) -> Self {
        Self {
            num_classes,
            target_class_ids: (0..num_classes).collect(),
            ignore_class: None,
            sparse_target: true,
            sparse_output: true,
            axis: -1,
        }
    }
}

/// Weights by class of the target and of the output, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    classes: usize,
    counts: Vec<f64>,
}

impl Matrix {
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            counts: vec![0.0; classes * classes],
        }
    }

    pub fn add(
        &mut self,
        options: &Iou,
        mut output: Host,
        mut target: Host,
        weights: Option<Host>,
        generation: Generation,
    ) -> Result<(), ShapeError> {
        if !options.sparse_target {
            target = target.argmax(options.axis)?;
        }
        if !options.sparse_output {
            output = output.argmax(options.axis)?;
        }
        self.count(output, target, options.ignore_class, weights, generation)
    }

    /// Of outputs and targets that are ids.
    pub fn count(
        &mut self,
        output: Host,
        target: Host,
        ignore_class: Option<i64>,
        weights: Option<Host>,
        generation: Generation,
    ) -> Result<(), ShapeError> {
        let count = output.values.len();
        if target.values.len() != count {
            return Err(ShapeError::Target {
                output: output.shape,
                target: target.shape,
            });
        }
        let weights = match weights {
            Some(mut weights) => {
                weights.shape = vec![weights.values.len()];
                weights.broadcast(&[count])?
            }
            None => vec![1.0; count],
        };
        let class = |id: i64| usize::try_from(id).ok().filter(|id| *id < self.classes);
        for (at, weight) in weights.into_iter().enumerate() {
            let (row, column) = (target.values[at] as i64, output.values[at] as i64);
            if Some(row) == ignore_class {
                continue;
            }
            if let (Some(row), Some(column)) = (class(row), class(column)) {
                // Keras 3 counts in integers
                let weight = match generation {
                    Generation::Keras3 => libm::trunc(f64::from(weight)),
                    Generation::TfKeras => f64::from(weight),
                };
                self.counts[row * self.classes + column] += weight;
            }
        }
        Ok(())
    }

    pub fn result(&self, target_class_ids: &[usize], generation: Generation) -> f64 {
        let epsilon = match generation {
            Generation::Keras3 => EPSILON,
            Generation::TfKeras => 0.0,
        };
        let at = |row: usize, column: usize| self.counts[row * self.classes + column];
        let mut valid = 0.0;
        let mut sum = 0.0;
        for &id in target_class_ids.iter().filter(|id| **id < self.classes) {
            let row: f64 = (0..self.classes).map(|column| at(id, column)).sum();
            let column: f64 = (0..self.classes).map(|row| at(row, id)).sum();
            let union = row + column - at(id, id);
            if union > 1e-9 {
                valid += 1.0;
                sum += at(id, id) / (union + epsilon);
            }
        }
        ratio(sum, valid + epsilon)
    }
}
