//! What Keras calls its metrics.

use alloc::vec;

use super::MetricFunction as Function;
use super::{Aggregation, Auc, Average, Condition};
use crate::loss;

/// What Keras calls a metric, in a training config.
///
/// A class has a config with options; a function, by any of its names, has the options that
/// [`default`](Self::default) gives. Classes with an argument that has no default (`IoU` and those
/// like it, `PrecisionAtRecall` and those like it) are not in the table. `"accuracy"`, `"acc"`,
/// `"crossentropy"` and `"ce"` depend on shapes:
/// [`accuracy_for`](Function::accuracy_for), [`crossentropy_for`](loss::LossFunction::crossentropy_for).
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// The class.
    pub class: &'static str,
    /// The function, its aliases, and the class's name as a function's.
    pub functions: &'static [&'static str],
    /// The metric with Keras's defaults.
    pub default: fn() -> Function,
}

/// A metric that is a loss: its class there, with `functions` of its own.
macro_rules! of_loss {
    ($class:literal, $functions:expr, $loss:expr) => {
        Name {
            class: $class,
            functions: $functions,
            default: || Function::Loss($loss),
        }
    };
}

macro_rules! metric {
    ($class:literal, $functions:expr, $function:expr) => {
        Name {
            class: $class,
            functions: $functions,
            default: || $function,
        }
    };
}

/// All metrics of Keras 3 and tf_keras that need no argument.
pub const NAMES: &[Name] = &[
    of_loss!(
        "MeanSquaredError",
        &["mean_squared_error", "mse", "MSE"],
        loss::LossFunction::MeanSquaredError
    ),
    of_loss!(
        "MeanAbsoluteError",
        &["mean_absolute_error", "mae", "MAE"],
        loss::LossFunction::MeanAbsoluteError
    ),
    of_loss!(
        "MeanAbsolutePercentageError",
        &["mean_absolute_percentage_error", "mape", "MAPE"],
        loss::LossFunction::MeanAbsolutePercentageError
    ),
    of_loss!(
        "MeanSquaredLogarithmicError",
        &["mean_squared_logarithmic_error", "msle", "MSLE"],
        loss::LossFunction::MeanSquaredLogarithmicError
    ),
    of_loss!(
        "LogCoshError",
        &["log_cosh_error", "logcosh", "log_cosh"],
        loss::LossFunction::LogCosh
    ),
    of_loss!("Hinge", &["hinge"], loss::LossFunction::Hinge),
    of_loss!(
        "SquaredHinge",
        &["squared_hinge"],
        loss::LossFunction::SquaredHinge
    ),
    of_loss!(
        "CategoricalHinge",
        &["categorical_hinge"],
        loss::LossFunction::CategoricalHinge
    ),
    of_loss!(
        "KLDivergence",
        &["kl_divergence", "kullback_leibler_divergence", "kld", "KLD"],
        loss::LossFunction::KlDivergence
    ),
    of_loss!("Poisson", &["poisson"], loss::LossFunction::Poisson),
    of_loss!(
        "BinaryCrossentropy",
        &["binary_crossentropy", "bce", "BCE"],
        loss::LossFunction::BinaryCrossentropy {
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        }
    ),
    of_loss!(
        "CategoricalCrossentropy",
        &["categorical_crossentropy"],
        loss::LossFunction::CategoricalCrossentropy {
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        }
    ),
    of_loss!(
        "SparseCategoricalCrossentropy",
        &["sparse_categorical_crossentropy"],
        loss::LossFunction::SparseCategoricalCrossentropy {
            from_logits: false,
            ignore_class: None,
        }
    ),
    metric!(
        "CosineSimilarity",
        &["cosine_similarity"],
        Function::CosineSimilarity { axis: -1 }
    ),
    metric!(
        "RootMeanSquaredError",
        &["root_mean_squared_error"],
        Function::RootMeanSquaredError
    ),
    metric!("Accuracy", &[], Function::Accuracy),
    metric!(
        "BinaryAccuracy",
        &["binary_accuracy"],
        Function::BinaryAccuracy { threshold: 0.5 }
    ),
    metric!(
        "CategoricalAccuracy",
        &["categorical_accuracy"],
        Function::CategoricalAccuracy
    ),
    metric!(
        "SparseCategoricalAccuracy",
        &["sparse_categorical_accuracy"],
        Function::SparseCategoricalAccuracy
    ),
    metric!(
        "TopKCategoricalAccuracy",
        &["top_k_categorical_accuracy"],
        Function::TopKCategoricalAccuracy { k: 5 }
    ),
    metric!(
        "SparseTopKCategoricalAccuracy",
        &["sparse_top_k_categorical_accuracy"],
        Function::SparseTopKCategoricalAccuracy {
            k: 5,
            from_sorted_ids: false,
        }
    ),
    metric!(
        "PearsonCorrelation",
        &["pearson_correlation"],
        Function::PearsonCorrelation { axis: -1 }
    ),
    metric!(
        "ConcordanceCorrelation",
        &["concordance_correlation"],
        Function::ConcordanceCorrelation { axis: -1 }
    ),
    metric!(
        "R2Score",
        &["r2_score"],
        Function::R2Score {
            class_aggregation: Aggregation::Uniform,
            num_regressors: 0,
        }
    ),
    metric!(
        "TruePositives",
        &["true_positives"],
        Function::Count {
            condition: Condition::TruePositive,
            thresholds: vec![0.5],
        }
    ),
    metric!(
        "FalsePositives",
        &["false_positives"],
        Function::Count {
            condition: Condition::FalsePositive,
            thresholds: vec![0.5],
        }
    ),
    metric!(
        "TrueNegatives",
        &["true_negatives"],
        Function::Count {
            condition: Condition::TrueNegative,
            thresholds: vec![0.5],
        }
    ),
    metric!(
        "FalseNegatives",
        &["false_negatives"],
        Function::Count {
            condition: Condition::FalseNegative,
            thresholds: vec![0.5],
        }
    ),
    metric!(
        "Precision",
        &["precision"],
        Function::Precision {
            thresholds: None,
            top_k: None,
            class_id: None,
        }
    ),
    metric!(
        "Recall",
        &["recall"],
        Function::Recall {
            thresholds: None,
            top_k: None,
            class_id: None,
        }
    ),
    metric!("AUC", &["auc"], Function::Auc(Auc::default())),
    metric!(
        "F1Score",
        &["f1_score"],
        Function::FBetaScore {
            average: Average::None,
            beta: 1.0,
            threshold: None,
        }
    ),
    metric!(
        "FBetaScore",
        &["f_beta_score"],
        Function::FBetaScore {
            average: Average::None,
            beta: 1.0,
            threshold: None,
        }
    ),
    metric!(
        "BinaryIoU",
        &["binary_io_u"],
        Function::BinaryIou {
            target_class_ids: vec![0, 1],
            threshold: 0.5,
        }
    ),
];
