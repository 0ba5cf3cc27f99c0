//! Which metrics each output has.

use std::collections::HashMap;

use serde_json::Value;

use super::loss;
use super::object::{self, Class, Kind, Named, Object, Parameter};
use super::outputs::{Outputs, is_object, per_output};
use crate::graph::Graph;
use crate::json;
use crate::problem::{Problem, ProblemKind};

/// A metric of an output.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The output, by its position among the model's outputs.
    pub output: usize,
    /// What Keras reports it as: with the output's name in front if there are several.
    pub name: String,
    /// What is measured.
    pub function: Measure,
    /// Whether it sees sample weights: one of `weighted_metrics`.
    pub weighted: bool,
}

/// What a metric measures.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// A metric of its own.
    Metric(Object),
    /// The mean of a loss's values.
    Loss(Object),
    /// The accuracy that fits the shapes of output and target: `"accuracy"`, `"acc"`.
    Accuracy,
    /// The crossentropy that fits the shapes: `"crossentropy"`, `"ce"`.
    Crossentropy,
}

/// The metrics that a model was compiled with, in Keras's order.
pub type Metrics = Vec<Metric>;

const K: Parameter = ("k", Kind::Size, "5");
const AXIS: Parameter = ("axis", Kind::Integer, "-1");
const CLASS_ID: Parameter = ("class_id", Kind::Optional(&Kind::Size), "null");
const TOP_K: Parameter = ("top_k", Kind::Optional(&Kind::Size), "null");
const THRESHOLDS: Parameter = ("thresholds", Kind::List(&Kind::Number), "0.5");
const SOME_THRESHOLDS: Parameter = (
    "thresholds",
    Kind::Optional(&Kind::List(&Kind::Number)),
    "null",
);
const NUM_THRESHOLDS: Parameter = ("num_thresholds", Kind::Size, "200");
const NUM_CLASSES: Parameter = ("num_classes", Kind::Size, "");
const CLASS_IDS: Parameter = ("target_class_ids", Kind::List(&Kind::Integer), "");
const IGNORE_CLASS: Parameter = ("ignore_class", Kind::Optional(&Kind::Integer), "null");
const SPARSE_TARGETS: Parameter = ("sparse_y_true", Kind::Bool, "true");
const SPARSE_OUTPUTS: Parameter = ("sparse_y_pred", Kind::Bool, "true");
const DENSE_OUTPUTS: Parameter = ("sparse_y_pred", Kind::Bool, "false");
const AVERAGE: Parameter = (
    "average",
    Kind::Optional(&Kind::Word(&["micro", "macro", "weighted"])),
    "null",
);
const F_THRESHOLD: Parameter = ("threshold", Kind::Optional(&Kind::Number), "null");

const fn class(
    name: &'static str,
    aliases: &'static [&'static str],
    options: &'static [Parameter],
) -> Class {
    Class {
        name,
        aliases,
        options,
    }
}

/// The metrics of Keras 3.15 and tf_keras 2.21 that are no losses, with the names of their
/// functions.
const CLASSES: &[Class] = &[
    class("CosineSimilarity", &["cosine_similarity"], &[AXIS]),
    class("RootMeanSquaredError", &["root_mean_squared_error"], &[]),
    class("Accuracy", &[], &[]),
    class(
        "BinaryAccuracy",
        &["binary_accuracy"],
        &[("threshold", Kind::Number, "0.5")],
    ),
    class("CategoricalAccuracy", &["categorical_accuracy"], &[]),
    class(
        "SparseCategoricalAccuracy",
        &["sparse_categorical_accuracy"],
        &[],
    ),
    class(
        "TopKCategoricalAccuracy",
        &["top_k_categorical_accuracy"],
        &[K],
    ),
    class(
        "SparseTopKCategoricalAccuracy",
        &["sparse_top_k_categorical_accuracy"],
        &[K, ("from_sorted_ids", Kind::Bool, "false")],
    ),
    class("PearsonCorrelation", &["pearson_correlation"], &[AXIS]),
    class(
        "ConcordanceCorrelation",
        &["concordance_correlation"],
        &[AXIS],
    ),
    class(
        "R2Score",
        &["r2_score"],
        &[
            (
                "class_aggregation",
                Kind::Optional(&Kind::Word(&[
                    "uniform_average",
                    "variance_weighted_average",
                ])),
                "\"uniform_average\"",
            ),
            ("num_regressors", Kind::Size, "0"),
        ],
    ),
    class("TruePositives", &["true_positives"], &[THRESHOLDS]),
    class("FalsePositives", &["false_positives"], &[THRESHOLDS]),
    class("TrueNegatives", &["true_negatives"], &[THRESHOLDS]),
    class("FalseNegatives", &["false_negatives"], &[THRESHOLDS]),
    class(
        "Precision",
        &["precision"],
        &[SOME_THRESHOLDS, TOP_K, CLASS_ID],
    ),
    class("Recall", &["recall"], &[SOME_THRESHOLDS, TOP_K, CLASS_ID]),
    class(
        "SensitivityAtSpecificity",
        &[],
        &[("specificity", Kind::Number, ""), NUM_THRESHOLDS, CLASS_ID],
    ),
    class(
        "SpecificityAtSensitivity",
        &[],
        &[("sensitivity", Kind::Number, ""), NUM_THRESHOLDS, CLASS_ID],
    ),
    class(
        "PrecisionAtRecall",
        &[],
        &[("recall", Kind::Number, ""), NUM_THRESHOLDS, CLASS_ID],
    ),
    class(
        "RecallAtPrecision",
        &[],
        &[("precision", Kind::Number, ""), NUM_THRESHOLDS, CLASS_ID],
    ),
    class(
        "AUC",
        &["auc"],
        &[
            NUM_THRESHOLDS,
            SOME_THRESHOLDS,
            (
                "curve",
                Kind::Word(&["ROC", "PR", "PRGAIN", "PR_GAIN"]),
                "\"ROC\"",
            ),
            (
                "summation_method",
                Kind::Word(&["interpolation", "majoring", "minoring"]),
                "\"interpolation\"",
            ),
            ("multi_label", Kind::Bool, "false"),
            (
                "label_weights",
                Kind::Optional(&Kind::List(&Kind::Number)),
                "null",
            ),
            ("from_logits", Kind::Bool, "false"),
        ],
    ),
    class("F1Score", &["f1_score"], &[AVERAGE, F_THRESHOLD]),
    class(
        "FBetaScore",
        &["f_beta_score"],
        &[AVERAGE, ("beta", Kind::Number, "1"), F_THRESHOLD],
    ),
    class(
        "IoU",
        &[],
        &[
            NUM_CLASSES,
            CLASS_IDS,
            IGNORE_CLASS,
            SPARSE_TARGETS,
            SPARSE_OUTPUTS,
            AXIS,
        ],
    ),
    class(
        "MeanIoU",
        &[],
        &[
            NUM_CLASSES,
            IGNORE_CLASS,
            SPARSE_TARGETS,
            SPARSE_OUTPUTS,
            AXIS,
        ],
    ),
    class(
        "OneHotIoU",
        &[],
        &[NUM_CLASSES, CLASS_IDS, IGNORE_CLASS, DENSE_OUTPUTS, AXIS],
    ),
    class(
        "OneHotMeanIoU",
        &[],
        &[NUM_CLASSES, IGNORE_CLASS, DENSE_OUTPUTS, AXIS],
    ),
    class(
        "BinaryIoU",
        &["binary_io_u"],
        &[
            ("target_class_ids", Kind::List(&Kind::Integer), "[0, 1]"),
            ("threshold", Kind::Number, "0.5"),
        ],
    ),
];

/// Losses as metrics: classes that have another name there.
const RENAMED: &[Class] = &[class(
    "LogCosh",
    &["LogCoshError", "log_cosh_error", "logcosh", "log_cosh"],
    &[],
)];

/// Keys of a metric's config that are read elsewhere, repeat others, or change no number.
const IGNORED: &[&str] = &[
    "name",
    "dtype",
    "fn",
    "num_labels",
    "init_from_logits",
    "reduction",
];

impl Graph {
    /// The metrics of the training config, those with weights last; empty without a training
    /// config.
    ///
    /// # Errors
    ///
    /// Metrics that burn-keras does not know, or that fit no output.
    pub fn metrics(&self) -> Result<Metrics, Problem> {
        let Some(config) = &self.training_config else {
            return Ok(Metrics::new());
        };
        let outputs = Outputs::of(self);
        let mut metrics = Metrics::new();
        for (key, weighted) in [("metrics", false), ("weighted_metrics", true)] {
            for (output, values) in listed(&config[key], &outputs, key)?.into_iter().enumerate() {
                for value in values {
                    let (name, function) = read(value, key)?;
                    let of_output = outputs.names.get(output).filter(|_| outputs.count() > 1);
                    let mut taken = metrics.iter().map(|metric| &metric.name);
                    let mut reported = with_output(&name, of_output);
                    // As one without weights: Keras tells them apart.
                    if weighted && taken.any(|other| *other == reported) {
                        reported = with_output(&format!("weighted_{name}"), of_output);
                    }
                    metrics.push(Metric {
                        output,
                        name: reported,
                        function,
                        weighted,
                    });
                }
            }
        }
        distinguish(&mut metrics);
        Ok(metrics)
    }
}

/// The metrics of each output.
fn listed<'a>(
    value: &'a Value,
    outputs: &Outputs,
    key: &str,
) -> Result<Vec<Vec<&'a Value>>, Problem> {
    let flat = |value: &'a Value| -> Vec<&'a Value> {
        let mut found = Vec::new();
        flatten(value, &mut found);
        found
    };
    let count = outputs.count();
    let is_flat = |items: &[Value]| !items.iter().any(Value::is_array);
    match value {
        Value::Null => Ok(vec![Vec::new(); count]),
        _ if count == 1 => match value {
            Value::Object(entries) if !is_object(value) => {
                let found = outputs.of_dict(entries, key)?;
                Ok(found
                    .into_iter()
                    .map(|of| of.map_or_else(Vec::new, flat))
                    .collect())
            }
            value => Ok(vec![flat(value)]),
        },
        // tf.keras gives a list without lists in it to every output; in Keras 3 it has one metric
        // for each.
        Value::Array(items) if items.len() != count && is_flat(items) => {
            Ok(vec![flat(value); count])
        }
        value => {
            let found = per_output(value, outputs, key)?;
            let found = found.unwrap_or_else(|| vec![None; count]);
            Ok(found
                .into_iter()
                .map(|of| of.map_or_else(Vec::new, flat))
                .collect())
        }
    }
}

fn flatten<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| flatten(item, found)),
        one => found.push(one),
    }
}

fn read(value: &Value, key: &str) -> Result<(String, Measure), Problem> {
    let Some(named) = Named::of(value) else {
        return Err(Problem::new(ProblemKind::Training)
            .key(key)
            .expected("the name of a metric, or a class with its config")
            .found(json::brief(value)));
    };
    let function = match (named.name.to_lowercase().as_str(), &named.config) {
        ("accuracy" | "acc", None) => Measure::Accuracy,
        ("crossentropy" | "ce", None) => Measure::Crossentropy,
        _ => {
            // `CosineSimilarity` is another thing as a loss: the metric comes first.
            let metric = object::read(&named, &[CLASSES], key, IGNORED).map(Measure::Metric);
            match metric {
                Err(problem) if is_loss(&named) => {
                    let loss = object::read(&named, &[RENAMED, loss::CLASSES], key, IGNORED);
                    loss.map(Measure::Loss).map_err(|_| problem)?
                }
                metric => metric?,
            }
        }
    };
    let name = named.text("name").unwrap_or(named.name);
    Ok((name.to_owned(), function))
}

/// Whether the name is that of a loss, and of no other metric.
fn is_loss(named: &Named<'_>) -> bool {
    let names = [Some(named.name), named.function];
    let is_known = |class: &Class| {
        let mut names = names.iter().flatten();
        names.any(|name| class.name == *name || class.aliases.contains(name))
    };
    !CLASSES.iter().any(is_known)
}

/// The name with that of the output in front, where there are several; tf.keras writes it so.
fn with_output(name: &str, output: Option<&String>) -> String {
    match output {
        Some(output) if !name.starts_with(&format!("{output}_")) => format!("{output}_{name}"),
        _ => name.to_owned(),
    }
}

/// Names that stand twice get numbers.
fn distinguish(metrics: &mut Metrics) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for metric in metrics {
        let times = seen.entry(metric.name.clone()).or_insert(0);
        if *times > 0 {
            metric.name = format!("{}_{times}", metric.name);
        }
        *times += 1;
    }
}
