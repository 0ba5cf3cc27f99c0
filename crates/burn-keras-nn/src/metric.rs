//! Keras's metrics: what `fit` and `evaluate` report.
//!
//! A [`Metric`] is a [`MetricFunction`] with its options and what it has seen so far. State is on
//! the host, in double precision: each update waits for the device.
//!
//! ```
//! use burn::tensor::{Device, Int, Tensor};
//! use burn_keras_nn::metric::{Metric, MetricFunction};
//!
//! let device = Device::flex();
//! let output = Tensor::<2>::from_floats([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], &device);
//! let labels = Tensor::<1, Int>::from_ints([0, 1, 1], &device);
//!
//! let mut accuracy = Metric::new(MetricFunction::accuracy_for(&[3, 2], &[3]));
//! for _batch in 0..3 {
//!     accuracy.update(output.clone(), labels.clone())?;
//! }
//! assert_eq!(accuracy.result(), [2.0 / 3.0]);
//! accuracy.reset();
//! assert_eq!(accuracy.result(), [0.0]);
//! # Ok::<(), burn_keras_nn::loss::ShapeError>(())
//! ```
//!
//! # What `fit` hands to a metric
//!
//! `metrics` see the mask of the output but no sample weights; `weighted_metrics` see both. In
//! Keras 3 only means of a function of each sample use the mask; in tf_keras all metrics do, as
//! weights.

mod accuracy;
mod confusion;
mod correlation;
mod curve;
mod f_score;
mod function;
mod host;
mod iou;
mod names;
mod r2;
mod running;
#[cfg(test)]
mod tests;

pub use confusion::Condition;
pub use curve::{Auc, Curve, Summation, Tradeoff};
pub use f_score::Average;
pub use function::MetricFunction;
pub use iou::Iou;
pub use names::{NAMES, Name};
pub use r2::Aggregation;
pub use running::{Mean, Sum};

use alloc::vec::Vec;
use burn::tensor::Tensor;

use crate::Generation;
use crate::loss::{ShapeError, Target, Weights};
use function::State;

/// A metric of Keras and what it has seen so far.
#[derive(Clone, Debug)]
pub struct Metric {
    function: MetricFunction,
    generation: Generation,
    state: State,
}

impl Metric {
    /// A metric that has seen nothing, as Keras 3 computes it.
    pub fn new(function: MetricFunction) -> Self {
        Self {
            state: State::of(&function),
            function,
            generation: Generation::default(),
        }
    }

    /// Sets whose details count. Default: [`Generation::Keras3`].
    pub fn with_generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self
    }

    /// What is measured.
    pub fn function(&self) -> &MetricFunction {
        &self.function
    }

    /// Adds a batch without weights.
    ///
    /// # Errors
    ///
    /// If the shapes do not fit; the metric is as before then.
    pub fn update<const D: usize>(
        &mut self,
        output: Tensor<D>,
        target: impl Into<Target>,
    ) -> Result<(), ShapeError> {
        self.update_weighted(output, target, &Weights::default())
    }

    /// Adds a batch. Shapes are those of [`loss`](crate::loss).
    ///
    /// # Errors
    ///
    /// If the shapes do not fit; the metric is as before then.
    pub fn update_weighted<const D: usize>(
        &mut self,
        output: Tensor<D>,
        target: impl Into<Target>,
        weights: &Weights,
    ) -> Result<(), ShapeError> {
        let output = output.detach();
        let target = target.into();
        self.state
            .update(&self.function, output, &target, weights, self.generation)
    }

    /// The metric of all batches since the last reset: one number, or one for each threshold or
    /// class.
    pub fn result(&self) -> Vec<f64> {
        self.state.result(&self.function, self.generation)
    }

    /// Forgets all batches.
    pub fn reset(&mut self) {
        self.state = State::of(&self.function);
    }
}
