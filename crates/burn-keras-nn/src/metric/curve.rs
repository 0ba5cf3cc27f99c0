//! Areas under curves, and the best point of a curve under a constraint.

use alloc::vec::Vec;
use burn::serde::{Deserialize, Serialize};

use super::confusion::{Confusion, is_even, ratio};

/// The curve whose area [`MetricFunction::Auc`](super::MetricFunction::Auc) is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub enum Curve {
    /// True positive rate over false positive rate: `"ROC"`.
    #[default]
    Roc,
    /// Precision over recall: `"PR"`.
    PrecisionRecall,
    /// Precision gain over recall gain: `"PRGAIN"` in Keras 3, `"PR_GAIN"` in tf_keras.
    PrecisionRecallGain,
}

/// How the area between two thresholds is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub enum Summation {
    /// The mean of both heights; along the hyperbola for [`Curve::PrecisionRecall`]:
    /// `"interpolation"`.
    #[default]
    Interpolation,
    /// The larger height: `"majoring"`.
    Majoring,
    /// The smaller height: `"minoring"`.
    Minoring,
}

/// Options of Keras's `AUC`.
///
/// ```
/// use burn_keras_nn::metric::{Auc, Curve, Metric, MetricFunction};
///
/// let area = Auc {
///     curve: Curve::PrecisionRecall,
///     ..Auc::default()
/// };
/// let metric = Metric::new(MetricFunction::Auc(area));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub struct Auc {
    /// How many thresholds divide 0 to 1, unless there are [`thresholds`](Self::thresholds).
    /// Default: 200. At least 2.
    pub num_thresholds: usize,
    /// Thresholds between 0 and 1, in any order. Default: even ones.
    pub thresholds: Option<Vec<f64>>,
    /// Default: ROC.
    pub curve: Curve,
    /// Default: interpolation.
    pub summation: Summation,
    /// Whether each label of outputs `[batch, labels]` has an area of its own, the result being
    /// their mean. Default: false.
    pub multi_label: bool,
    /// Weights of labels: of their areas with `multi_label`, else of their samples. Default: none.
    pub label_weights: Option<Vec<f64>>,
    /// Whether outputs are logits. Default: false.
    pub from_logits: bool,
}

impl Default for Auc {
    fn default() -> Self {
        Self {
            num_thresholds: 200,
            thresholds: None,
            curve: Curve::default(),
            summation: Summation::default(),
            multi_label: false,
            label_weights: None,
            from_logits: false,
        }
    }
}

/// `count` thresholds from 0 to 1.
fn even(count: usize) -> Vec<f64> {
    let last = count.saturating_sub(1).max(1);
    (0..count).map(|index| index as f64 / last as f64).collect()
}

impl Auc {
    pub(super) fn start(&self) -> Confusion {
        let mut thresholds = match &self.thresholds {
            Some(thresholds) => {
                let mut all = thresholds.clone();
                all.sort_by(f64::total_cmp);
                all.insert(0, 0.0);
                all.push(1.0);
                all
            }
            None => even(self.num_thresholds.max(2)),
        };
        let even = self.thresholds.is_none() || is_even(&thresholds);
        let last = thresholds.len() - 1;
        thresholds[0] = -1e-7;
        thresholds[last] = 1.0 + 1e-7;
        Confusion::new(&thresholds, even)
    }

    pub(super) fn result(&self, counts: &Confusion) -> f64 {
        let area = |label| self.area(counts, label);
        let labels = counts.labels;
        if !self.multi_label || labels == 0 {
            return if labels == 0 { 0.0 } else { area(0) };
        }
        match &self.label_weights {
            Some(weights) => ratio(
                weights
                    .iter()
                    .enumerate()
                    .map(|(label, w)| w * area(label))
                    .sum(),
                weights.iter().sum(),
            ),
            None => (0..labels).map(area).sum::<f64>() / labels as f64,
        }
    }

    fn area(&self, counts: &Confusion, label: usize) -> f64 {
        let at = |counts_of: &[f64], index: usize| counts_of[index * counts.labels + label];
        let point = |index: usize| {
            let tp = at(&counts.true_positives, index);
            let fp = at(&counts.false_positives, index);
            let tn = at(&counts.true_negatives, index);
            let r#fn = at(&counts.false_negatives, index);
            self.point(tp, fp, tn, r#fn)
        };
        (1..counts.len())
            .map(|index| {
                if (self.curve, self.summation)
                    == (Curve::PrecisionRecall, Summation::Interpolation)
                {
                    let [tp, next_tp] =
                        [index - 1, index].map(|index| at(&counts.true_positives, index));
                    let [fp, next_fp] =
                        [index - 1, index].map(|index| at(&counts.false_positives, index));
                    let positives = next_tp + at(&counts.false_negatives, index);
                    return along_hyperbola([tp, next_tp], [tp + fp, next_tp + next_fp], positives);
                }
                let ([x, y], [next_x, next_y]) = (point(index - 1), point(index));
                let height = match self.summation {
                    Summation::Interpolation => (y + next_y) / 2.0,
                    Summation::Minoring => y.min(next_y),
                    Summation::Majoring => y.max(next_y),
                };
                (x - next_x) * height
            })
            .sum()
    }

    /// A point of the curve.
    fn point(&self, tp: f64, fp: f64, tn: f64, r#fn: f64) -> [f64; 2] {
        let recall = ratio(tp, tp + r#fn);
        match self.curve {
            Curve::Roc => [ratio(fp, fp + tn), recall],
            Curve::PrecisionRecall => [recall, ratio(tp, tp + fp)],
            Curve::PrecisionRecallGain if tp == 0.0 => [0.0, 1.0],
            Curve::PrecisionRecallGain => {
                let scale = ratio(tp + r#fn, tn + fp);
                let gain = |wrong: f64| 1.0 - scale * ratio(wrong, tp);
                [gain(r#fn).max(0.0), gain(fp)]
            }
        }
    }
}

/// The area under precision over recall between two thresholds, with as many true positives, and
/// as many positives of both kinds.
fn along_hyperbola([tp, next_tp]: [f64; 2], [p, next_p]: [f64; 2], positives: f64) -> f64 {
    let gained = tp - next_tp;
    let slope = ratio(gained, (p - next_p).max(0.0));
    let intercept = next_tp - slope * next_p;
    let growth = if p > 0.0 && next_p > 0.0 {
        p / next_p
    } else {
        1.0
    };
    ratio(
        slope * (gained + intercept * libm::log(growth)),
        positives.max(0.0),
    )
}

/// What is largest where something else is at least a given value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub enum Tradeoff {
    /// The largest sensitivity: `SensitivityAtSpecificity`.
    SensitivityAtSpecificity,
    /// The largest specificity: `SpecificityAtSensitivity`.
    SpecificityAtSensitivity,
    /// The largest precision: `PrecisionAtRecall`.
    PrecisionAtRecall,
    /// The largest recall: `RecallAtPrecision`.
    RecallAtPrecision,
}

impl Tradeoff {
    pub(super) fn start(num_thresholds: usize) -> Confusion {
        match num_thresholds {
            0 | 1 => Confusion::new(&[0.5], false),
            count => Confusion::new(&even(count), true),
        }
    }

    /// In float32, as Keras compares.
    pub(super) fn result(self, counts: &Confusion, least: f64) -> f64 {
        let ratio = |a: f64, b: f64| ratio(a, a + b) as f32;
        let points = (0..counts.true_positives.len()).map(|index| {
            let tp = counts.true_positives[index];
            let fp = counts.false_positives[index];
            let sensitivity = ratio(tp, counts.false_negatives[index]);
            let specificity = ratio(counts.true_negatives[index], fp);
            let precision = ratio(tp, fp);
            match self {
                Self::SensitivityAtSpecificity => (specificity, sensitivity),
                Self::SpecificityAtSensitivity => (sensitivity, specificity),
                Self::PrecisionAtRecall => (sensitivity, precision),
                Self::RecallAtPrecision => (precision, sensitivity),
            }
        });
        let feasible = points.filter(|(constrained, _)| *constrained >= least as f32);
        f64::from(feasible.map(|(_, value)| value).fold(0.0, f32::max))
    }
}
