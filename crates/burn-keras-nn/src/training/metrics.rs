//! The metrics of a compiled model over batches.

use alloc::{string::String, vec::Vec};
use burn::serde::{Deserialize, Serialize};
use burn::tensor::Tensor;

use super::{Choice, Compiled, Predictions, Targets};
use crate::loss::{LossFunction, ShapeError};
use crate::metric::{Metric, MetricFunction};

/// A metric of one output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub struct OutputMetric {
    /// The output, by its position.
    pub output: usize,
    /// What Keras reports it as.
    pub name: String,
    /// What is measured.
    pub function: Choice<MetricFunction>,
    /// Whether it sees sample weights: one of Keras's `weighted_metrics`. Default: false.
    pub weighted: bool,
}

impl OutputMetric {
    /// The metric `function`, called `name`, of the output at position `output`.
    pub fn new(
        output: usize,
        name: impl Into<String>,
        function: impl Into<Choice<MetricFunction>>,
    ) -> Self {
        Self {
            output,
            name: name.into(),
            function: function.into(),
            weighted: false,
        }
    }

    /// Sets [`weighted`](Self::weighted).
    pub fn with_weighted(mut self, weighted: bool) -> Self {
        self.weighted = weighted;
        self
    }
}

/// What a metric says, by name: one number, or one for each threshold or class.
pub type Report = Vec<(String, Vec<f64>)>;

/// The metrics of a compiled model, and what they have seen.
///
/// ```
/// use burn_keras_nn::loss::ShapeError;
/// use burn_keras_nn::training::{Compiled, Predictions, Targets};
///
/// fn evaluate(
///     compiled: &Compiled,
///     batches: &[(Predictions, Targets)],
/// ) -> Result<(), ShapeError> {
///     let mut metrics = compiled.metrics();
///     for (predictions, targets) in batches {
///         metrics.update(predictions, targets)?;
///     }
///     for (name, values) in metrics.results() {
///         println!("{name}: {values:?}");
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Metrics {
    compiled: Compiled,
    /// Made when the shapes are known.
    metrics: Vec<Option<Metric>>,
    loss: Mean,
    losses: Vec<Mean>,
}

/// The mean of losses over samples.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, value: f64, samples: f64) {
        self.sum += value * samples;
        self.count += samples;
    }

    fn result(self) -> f64 {
        if self.count == 0.0 {
            return 0.0;
        }
        self.sum / self.count
    }
}

impl Metrics {
    pub(super) fn new(compiled: &Compiled) -> Self {
        Self {
            metrics: compiled.metrics.iter().map(|_| None).collect(),
            loss: Mean::default(),
            losses: compiled.losses.iter().map(|_| Mean::default()).collect(),
            compiled: compiled.clone(),
        }
    }

    /// Adds a batch: waits for the device.
    ///
    /// # Errors
    ///
    /// Another number of targets than the model has losses or outputs; shapes that do not fit.
    pub fn update(
        &mut self,
        predictions: &Predictions,
        targets: &Targets,
    ) -> Result<(), ShapeError> {
        let samples = predictions.outputs.first();
        let samples = samples.and_then(|output| output.shape().first().copied());
        let samples = samples.unwrap_or(1) as f64;
        let number = |loss: Tensor<1>| loss.detach().sum().into_scalar::<f32>();
        if !self.compiled.losses.is_empty() {
            let losses = self.compiled.losses(predictions, targets)?;
            for (mean, loss) in self.losses.iter_mut().zip(losses) {
                mean.add(f64::from(number(loss)), samples);
            }
            let loss = self.compiled.loss(predictions, targets)?;
            self.loss.add(f64::from(number(loss)), samples);
        }
        let with_loss: Vec<usize> = self
            .compiled
            .losses
            .iter()
            .map(|loss| loss.output)
            .collect();
        for (spec, metric) in self.compiled.metrics.iter().zip(&mut self.metrics) {
            let prediction = predictions.output(spec.output)?;
            // Targets are of all outputs, or of those with a loss.
            let place = if targets.len() == predictions.outputs.len() {
                spec.output
            } else {
                let found = with_loss.iter().position(|output| *output == spec.output);
                found.unwrap_or(targets.len())
            };
            let (target, weight) = targets.at(place)?;
            let metric = metric.get_or_insert_with(|| {
                let function = resolve(&spec.function, prediction.shape(), target.shape());
                Metric::new(function).with_generation(self.compiled.generation)
            });
            let weight = weight.filter(|_| spec.weighted);
            prediction.update(metric, target, weight)?;
        }
        Ok(())
    }

    /// The loss, the losses of the outputs if they are several, and the metrics, by Keras's names.
    /// A metric that has seen nothing is not there.
    pub fn results(&self) -> Report {
        let mut report = Report::new();
        if !self.compiled.losses.is_empty() {
            report.push(("loss".into(), [self.loss.result()].into()));
        }
        if self.losses.len() > 1 {
            for (loss, mean) in self.compiled.losses.iter().zip(&self.losses) {
                let name = alloc::format!("{}_loss", loss.name);
                report.push((name, [mean.result()].into()));
            }
        }
        for (spec, metric) in self.compiled.metrics.iter().zip(&self.metrics) {
            if let Some(metric) = metric {
                report.push((spec.name.clone(), metric.result()));
            }
        }
        report
    }

    /// Forgets all batches.
    pub fn reset(&mut self) {
        *self = Self::new(&self.compiled);
    }
}

fn resolve(choice: &Choice<MetricFunction>, output: &[usize], target: &[usize]) -> MetricFunction {
    match choice {
        Choice::Function(function) => function.clone(),
        Choice::Accuracy => MetricFunction::accuracy_for(output, target),
        Choice::Crossentropy => {
            MetricFunction::Loss(LossFunction::crossentropy_for(output, target))
        }
    }
}
