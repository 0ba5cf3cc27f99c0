//! What a metric measures.

use alloc::vec;
use alloc::vec::Vec;
use burn::serde::{Deserialize, Serialize};
use burn::tensor::{Tensor, activation};

use super::confusion::{Condition, Confusion, NEVER, Selection, ratio};
use super::curve::{Auc, Tradeoff};
use super::f_score::{Average, FScore};
use super::host::{Host, read_values, weights_of};
use super::iou::{Iou, Matrix};
use super::r2::{Aggregation, R2};
use super::running::Mean;
use super::{accuracy, correlation};
use crate::Generation;
use crate::loss::function::Labels;
use crate::loss::pair::Pair;
use crate::loss::{LossFunction, ShapeError, Target, Values, Weights, pointwise};

/// What a metric measures, with the options of Keras's class of that name.
///
/// [`NAMES`](super::NAMES) has what Keras calls them, with the defaults of the options.
/// tf_keras's `MeanRelativeError` is not here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
#[non_exhaustive]
pub enum MetricFunction {
    /// The mean of a loss's values: `MeanSquaredError`, `BinaryCrossentropy`, `Hinge` and all
    /// others that are a loss too, but `CosineSimilarity`.
    ///
    /// In Keras 3 a sample of an ignored class counts, with a loss of 0, unless there are weights
    /// or a mask.
    Loss(LossFunction),
    /// The mean cosine of the angle between target and output: minus the loss of that name.
    CosineSimilarity {
        /// The axis of the vectors. Default: -1.
        axis: isize,
    },
    /// The root of the mean of squared errors.
    RootMeanSquaredError,
    /// How often output and target are equal.
    Accuracy,
    /// How often the output is above a threshold where the target is 1, and not where it is 0.
    BinaryAccuracy {
        /// Default: 0.5.
        threshold: f64,
    },
    /// How often the largest output is where the largest target is.
    CategoricalAccuracy,
    /// How often the largest output is that of the target's class.
    SparseCategoricalAccuracy,
    /// How often the output where the largest target is, is among the `k` largest.
    TopKCategoricalAccuracy {
        /// Default: 5.
        k: usize,
    },
    /// How often the output of the target's class is among the `k` largest.
    SparseTopKCategoricalAccuracy {
        /// Default: 5.
        k: usize,
        /// Whether outputs are the ids of classes, the largest first. Default: false.
        from_sorted_ids: bool,
    },
    /// Pearson's correlation of target and output. Keras 3 only.
    PearsonCorrelation {
        /// The axis of the values. Default: -1.
        axis: isize,
    },
    /// The concordance correlation of target and output. Keras 3 only.
    ConcordanceCorrelation {
        /// The axis of the values. Default: -1.
        axis: isize,
    },
    /// The share of the variance of targets `[batch, outputs]` that the outputs explain.
    R2Score {
        /// Default: uniform.
        class_aggregation: Aggregation,
        /// Independent variables, for the adjusted score. Default: 0, not adjusted.
        num_regressors: usize,
    },
    /// The weight of samples in a condition: `TruePositives`, `FalsePositives`, `TrueNegatives`,
    /// `FalseNegatives`. One number for each threshold.
    Count {
        /// What is counted.
        condition: Condition,
        /// Default: 0.5.
        thresholds: Vec<f64>,
    },
    /// The share of right ones among positive outputs. One number for each threshold.
    Precision {
        /// Default: 0.5, or none with `top_k`.
        thresholds: Option<Vec<f64>>,
        /// Only so many of the largest outputs count as positive.
        top_k: Option<usize>,
        /// Only this class counts.
        class_id: Option<usize>,
    },
    /// The share of positive outputs among positive targets. One number for each threshold.
    Recall {
        /// Default: 0.5, or none with `top_k`.
        thresholds: Option<Vec<f64>>,
        /// Only so many of the largest outputs count as positive.
        top_k: Option<usize>,
        /// Only this class counts.
        class_id: Option<usize>,
    },
    /// The best of one rate where another is at least `value`.
    At {
        /// Which rates.
        constraint: Tradeoff,
        /// What the constrained rate is at least.
        value: f64,
        /// Default: 200.
        num_thresholds: usize,
        /// Only this class counts.
        class_id: Option<usize>,
    },
    /// The area under a curve.
    Auc(Auc),
    /// The F-score of outputs `[batch, classes]`: `F1Score` and `FBetaScore`.
    FBetaScore {
        /// Default: none, one number for each class.
        average: Average,
        /// The weight of recall. Default: 1.
        beta: f64,
        /// Outputs above it are positive. Default: the largest of each sample are.
        threshold: Option<f64>,
    },
    /// Intersection over union: `IoU`, `MeanIoU`, `OneHotIoU`, `OneHotMeanIoU`. Outputs and targets
    /// that are no class are left out.
    Iou(Iou),
    /// Intersection over union of two classes, by a threshold.
    BinaryIou {
        /// The classes whose mean is the result. Default: 0 and 1.
        target_class_ids: Vec<usize>,
        /// Outputs from it on are class 1. Default: 0.5.
        threshold: f64,
    },
}

impl MetricFunction {
    /// What Keras takes for the names `"accuracy"` and `"acc"`, by the shapes of output and target.
    pub fn accuracy_for(output: &[usize], target: &[usize]) -> Self {
        match Labels::of(output, target) {
            Labels::Binary => Self::BinaryAccuracy { threshold: 0.5 },
            Labels::Sparse => Self::SparseCategoricalAccuracy,
            Labels::Categorical => Self::CategoricalAccuracy,
        }
    }

    /// The value of each sample, for metrics that are a mean of them.
    fn values<const D: usize>(
        &self,
        output: Tensor<D>,
        target: &Target,
        generation: Generation,
    ) -> Result<Values, ShapeError> {
        let pair = |output| Pair::new(output, target, generation);
        match self {
            Self::Loss(function) => function.evaluate(output, target, generation),
            Self::CosineSimilarity { axis } => pointwise::cosine(pair(output)?, *axis, generation),
            Self::RootMeanSquaredError => {
                let pair = pair(output)?;
                let errors = pointwise::squared(pair.target, pair.output);
                Ok(Values::reduced(errors, pair.pad, &[]))
            }
            Self::BinaryAccuracy { threshold } => {
                accuracy::binary(pair(output)?, *threshold, generation)
            }
            Self::CategoricalAccuracy => {
                let target = accuracy::classes(&output, target)?;
                accuracy::sparse(output, &target)
            }
            Self::SparseCategoricalAccuracy => accuracy::sparse(output, target),
            Self::TopKCategoricalAccuracy { k } => {
                let target = accuracy::classes(&output, target)?;
                accuracy::top_k(output, &target, *k)
            }
            Self::SparseTopKCategoricalAccuracy {
                k,
                from_sorted_ids: false,
            } => accuracy::top_k(output, target, *k),
            Self::SparseTopKCategoricalAccuracy {
                k,
                from_sorted_ids: true,
            } => accuracy::sorted_top_k(output, target, *k),
            Self::PearsonCorrelation { axis } => correlation::pearson(pair(output)?, *axis),
            Self::ConcordanceCorrelation { axis } => correlation::concordance(pair(output)?, *axis),
            // the others are no means
            _ => accuracy::equal(pair(output)?),
        }
    }
}

/// What a metric has seen.
#[derive(Clone, Debug)]
pub(super) enum State {
    Mean(Mean),
    Confusion(Confusion),
    FScore(FScore),
    R2(R2),
    Matrix(Matrix),
}

impl State {
    pub fn of(function: &MetricFunction) -> Self {
        use MetricFunction as F;
        match function {
            F::Count { thresholds, .. } => Self::Confusion(Confusion::of(thresholds)),
            F::Precision {
                thresholds, top_k, ..
            }
            | F::Recall {
                thresholds, top_k, ..
            } => Self::Confusion(match thresholds {
                Some(thresholds) => Confusion::of(thresholds),
                None => Confusion::of(&[if top_k.is_some() { NEVER } else { 0.5 }]),
            }),
            F::At { num_thresholds, .. } => Self::Confusion(Tradeoff::start(*num_thresholds)),
            F::Auc(options) => Self::Confusion(options.start()),
            F::FBetaScore { .. } => Self::FScore(FScore::default()),
            F::R2Score { .. } => Self::R2(R2::default()),
            F::Iou(options) => Self::Matrix(Matrix::new(options.num_classes)),
            F::BinaryIou { .. } => Self::Matrix(Matrix::new(2)),
            _ => Self::Mean(Mean::default()),
        }
    }

    pub fn update<const D: usize>(
        &mut self,
        function: &MetricFunction,
        output: Tensor<D>,
        target: &Target,
        weights: &Weights,
        generation: Generation,
    ) -> Result<(), ShapeError> {
        use MetricFunction as F;
        let tf_keras = generation == Generation::TfKeras;
        let of_samples = matches!(self, Self::Mean(_)) && *function != F::RootMeanSquaredError;
        let weights = weights_of(weights, &output, tf_keras || of_samples, generation)?;
        let read = |output| Host::pair(output, target, generation);
        match self {
            Self::Mean(mean) => {
                let values = function.values(output, target, generation)?;
                let (values, weights) = read_values(values, weights, generation)?;
                mean.add(values, weights, generation)
            }
            Self::FScore(score) => {
                let F::FBetaScore { threshold, .. } = function else {
                    return Ok(());
                };
                score.add(read(output)?, weights.map(Host::read), *threshold)
            }
            Self::R2(r2) => r2.add(read(output)?, weights.map(Host::read)),
            Self::Confusion(confusion) => {
                let mut labels = 1;
                let mut label_weights = None;
                let mut output = output;
                let selection = match function {
                    F::Precision {
                        top_k, class_id, ..
                    }
                    | F::Recall {
                        top_k, class_id, ..
                    } => Selection {
                        top_k: *top_k,
                        class_id: *class_id,
                    },
                    F::At { class_id, .. } => Selection {
                        top_k: None,
                        class_id: *class_id,
                    },
                    _ => Selection::default(),
                };
                if let F::Auc(auc) = function {
                    if auc.from_logits {
                        output = activation::sigmoid(output);
                    }
                    label_weights = auc.label_weights.as_deref();
                    if auc.multi_label {
                        let dims = output.dims();
                        if D != 2 {
                            return Err(ShapeError::Rank {
                                expected: 2,
                                shape: dims.to_vec(),
                            });
                        }
                        labels = dims[D - 1];
                        if let Some(weights) = label_weights.filter(|w| w.len() != labels) {
                            return Err(ShapeError::Classes {
                                classes: labels,
                                found: weights.len(),
                            });
                        }
                        label_weights = None;
                    }
                }
                let pair = read(output)?;
                confusion.start(labels)?;
                let weights = weights.map(Host::read);
                confusion.add(pair, weights, label_weights, selection, generation)
            }
            Self::Matrix(matrix) => {
                let target = Host::target(target, &output);
                let mut output = Host::output(output);
                let weights = weights.map(Host::read);
                match function {
                    F::Iou(options) => matrix.add(options, output, target, weights, generation),
                    F::BinaryIou { threshold, .. } => {
                        for value in &mut output.values {
                            *value = f32::from(u8::from(*value >= *threshold as f32));
                        }
                        matrix.count(output, target, None, weights, generation)
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    pub fn result(&self, function: &MetricFunction, generation: Generation) -> Vec<f64> {
        use MetricFunction as F;
        match (self, function) {
            (Self::Mean(mean), F::RootMeanSquaredError) => vec![libm::sqrt(mean.result())],
            (Self::Mean(mean), _) => vec![mean.result()],
            (Self::Confusion(counts), F::Count { condition, .. }) => {
                or_zeros(counts.counts(*condition).to_vec(), counts.len())
            }
            (Self::Confusion(counts), F::Precision { .. }) => {
                rates(counts, &counts.false_positives)
            }
            (Self::Confusion(counts), F::Recall { .. }) => rates(counts, &counts.false_negatives),
            (
                Self::Confusion(counts),
                F::At {
                    constraint, value, ..
                },
            ) => vec![constraint.result(counts, *value)],
            (Self::Confusion(counts), F::Auc(auc)) => vec![auc.result(counts)],
            (Self::FScore(score), F::FBetaScore { average, beta, .. }) => {
                score.result(*average, *beta, generation)
            }
            (
                Self::R2(r2),
                F::R2Score {
                    class_aggregation,
                    num_regressors,
                },
            ) => r2.result(*class_aggregation, *num_regressors),
            (Self::Matrix(matrix), F::Iou(options)) => {
                vec![matrix.result(&options.target_class_ids, generation)]
            }
            (
                Self::Matrix(matrix),
                F::BinaryIou {
                    target_class_ids, ..
                },
            ) => vec![matrix.result(target_class_ids, generation)],
            _ => Vec::new(),
        }
    }
}

/// The share of true positives in them and `others`, at each threshold.
fn rates(counts: &Confusion, others: &[f64]) -> Vec<f64> {
    let pairs = counts.true_positives.iter().zip(others);
    or_zeros(
        pairs.map(|(tp, other)| ratio(*tp, tp + other)).collect(),
        counts.len(),
    )
}

/// Zeros before the first batch.
fn or_zeros(values: Vec<f64>, count: usize) -> Vec<f64> {
    if values.is_empty() {
        vec![0.0; count]
    } else {
        values
    }
}
