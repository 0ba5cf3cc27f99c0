//! Losses, metrics and regularizers as values of `burn-keras-nn`.

use keras_ir::training::loss::{Loss, Reduction};
use keras_ir::training::metric::{Measure, Metric};
use keras_ir::training::{Object, Setting};

use crate::plan::{Fields, Literal, TrainingOutputs};

/// Whether Keras looks for the logits that a loss's output was made of.
pub(super) fn looks_at_logits(loss: &Loss) -> bool {
    loss.function.as_ref().is_none_or(|function| {
        [
            "BinaryCrossentropy",
            "CategoricalCrossentropy",
            "SparseCategoricalCrossentropy",
        ]
        .contains(&function.class)
            || (function.class == "BinaryFocalCrossentropy"
                && function.option("from_logits") == Some(&Setting::Bool(false)))
    })
}

/// A `burn_keras_nn::training::Compiled`. `outputs` are the names of the outputs, `body` what the
/// body for a training step gives.
pub(super) fn compiled(
    losses: &[Loss],
    metrics: &[Metric],
    outputs: &[String],
    body: Option<&TrainingOutputs>,
    generation: Literal,
) -> Literal {
    let name = |output: usize| outputs.get(output).cloned().unwrap_or_default();
    let losses = losses.iter().map(|loss| {
        let has_logits =
            body.is_some_and(|body| body.logits.get(loss.output).is_some_and(Option::is_some));
        let function = match &loss.function {
            Some(function) => choice(loss_function(function, has_logits && looks_at_logits(loss))),
            None => by_shape("Crossentropy"),
        };
        let arguments = vec![
            ("output", loss.output.into()),
            ("name", Literal::Text(name(loss.output))),
            ("function", function),
        ];
        let mut options = Fields::new();
        if loss.reduction != Reduction::SumOverBatchSize {
            let variant = match loss.reduction {
                Reduction::SumOverBatchSize => "SumOverBatchSize",
                Reduction::Sum => "Sum",
                Reduction::None => "None",
                Reduction::MeanWithSampleWeight => "MeanWithSampleWeight",
            };
            options.push(("reduction", word("Reduction", variant)));
        }
        #[allow(clippy::float_cmp, reason = "what is exactly the default is not said")]
        if loss.weight != 1.0 {
            options.push(("weight", loss.weight.into()));
        }
        Literal::Config("OutputLoss", arguments, options)
    });
    let metrics = metrics.iter().map(|metric| {
        let function = match &metric.function {
            Measure::Metric(object) => choice(metric_function(object)),
            Measure::Loss(object) => {
                let loss = loss_function(object, false);
                choice(Literal::TupleVariant("MetricFunction", "Loss", vec![loss]))
            }
            Measure::Accuracy => by_shape("Accuracy"),
            Measure::Crossentropy => by_shape("Crossentropy"),
        };
        let arguments = vec![
            ("output", metric.output.into()),
            ("name", Literal::Text(metric.name.clone())),
            ("function", function),
        ];
        let weighted = metric.weighted.then(|| ("weighted", true.into()));
        Literal::Config("OutputMetric", arguments, weighted.into_iter().collect())
    });
    let arguments = vec![
        ("losses", Literal::Array(losses.collect())),
        ("metrics", Literal::Array(metrics.collect())),
    ];
    Literal::Config("Compiled", arguments, vec![("generation", generation)])
}

fn word(ty: &'static str, variant: &'static str) -> Literal {
    Literal::Variant(ty, variant, Fields::new())
}

fn choice(function: Literal) -> Literal {
    Literal::TupleVariant("Choice", "Function", vec![function])
}

fn by_shape(variant: &'static str) -> Literal {
    word("Choice", variant)
}

/// An option as its type in `burn-keras-nn`.
fn setting(setting: &Setting) -> Literal {
    match setting {
        Setting::Bool(value) => (*value).into(),
        Setting::Integer(value) => (*value).into(),
        Setting::Size(value) => (*value).into(),
        Setting::Number(value) => (*value).into(),
        Setting::Word(word) => Literal::Text((*word).to_owned()),
        Setting::List(items) => Literal::Vec(items.iter().map(self::setting).collect()),
        Setting::Option(value) => {
            Literal::Option(value.as_ref().map(|value| Box::new(self::setting(value))))
        }
    }
}

fn settings(object: &Object) -> Fields {
    let options = object.options.iter();
    options
        .map(|(name, value)| (*name, setting(value)))
        .collect()
}

/// The option `name` as it is.
fn option(object: &Object, name: &str) -> Literal {
    object
        .option(name)
        .map_or(Literal::Option(None), self::setting)
}

/// A `burn_keras_nn::loss::LossFunction`. One whose output has logits that Keras finds is of the
/// probabilities: `burn-keras-nn` takes the logits itself.
fn loss_function(object: &Object, has_logits: bool) -> Literal {
    let variant = match object.class {
        "KLDivergence" => "KlDivergence",
        "CTC" => "Ctc",
        class => class,
    };
    let mut fields = settings(object);
    for (name, value) in &mut fields {
        if *name == "from_logits" && has_logits {
            *value = false.into();
        }
    }
    Literal::Variant("LossFunction", variant, fields)
}

/// A `burn_keras_nn::metric::MetricFunction`.
fn metric_function(object: &Object) -> Literal {
    const TYPE: &str = "MetricFunction";
    let variant = |name, fields| Literal::Variant(TYPE, name, fields);
    let option = |name: &'static str| (name, option(object, name));
    let renamed = |name: &'static str, keras: &str| (name, self::option(object, keras));
    let count = |condition| {
        let condition = ("condition", word("Condition", condition));
        variant("Count", vec![condition, option("thresholds")])
    };
    let at = |tradeoff, value: &str| {
        let fields = vec![
            ("constraint", word("Tradeoff", tradeoff)),
            renamed("value", value),
            option("num_thresholds"),
            option("class_id"),
        ];
        variant("At", fields)
    };
    let f_score = |beta: Literal| {
        let average = match chosen(object, "average") {
            Some("micro") => "Micro",
            Some("macro") => "Macro",
            Some("weighted") => "Weighted",
            _ => "None",
        };
        let fields = vec![
            ("average", word("Average", average)),
            ("beta", beta),
            option("threshold"),
        ];
        variant("FBetaScore", fields)
    };
    match object.class {
        "R2Score" => {
            let aggregation = match chosen(object, "class_aggregation") {
                Some("uniform_average") => "Uniform",
                Some("variance_weighted_average") => "VarianceWeighted",
                _ => "None",
            };
            let aggregation = word("Aggregation", aggregation);
            let fields = vec![("class_aggregation", aggregation), option("num_regressors")];
            variant("R2Score", fields)
        }
        "TruePositives" => count("TruePositive"),
        "FalsePositives" => count("FalsePositive"),
        "TrueNegatives" => count("TrueNegative"),
        "FalseNegatives" => count("FalseNegative"),
        "SensitivityAtSpecificity" => at("SensitivityAtSpecificity", "specificity"),
        "SpecificityAtSensitivity" => at("SpecificityAtSensitivity", "sensitivity"),
        "PrecisionAtRecall" => at("PrecisionAtRecall", "recall"),
        "RecallAtPrecision" => at("RecallAtPrecision", "precision"),
        "F1Score" => f_score(1.0.into()),
        "FBetaScore" => f_score(self::option(object, "beta")),
        "AUC" => {
            let curve = match chosen(object, "curve") {
                Some("PR") => "PrecisionRecall",
                Some("PRGAIN" | "PR_GAIN") => "PrecisionRecallGain",
                _ => "Roc",
            };
            let summation = match chosen(object, "summation_method") {
                Some("majoring") => "Majoring",
                Some("minoring") => "Minoring",
                _ => "Interpolation",
            };
            let fields = vec![
                option("num_thresholds"),
                option("thresholds"),
                ("curve", word("Curve", curve)),
                ("summation", word("Summation", summation)),
                option("multi_label"),
                option("label_weights"),
                option("from_logits"),
            ];
            Literal::TupleVariant(TYPE, "Auc", vec![Literal::Struct("Auc", fields)])
        }
        "IoU" | "MeanIoU" | "OneHotIoU" | "OneHotMeanIoU" => {
            let classes = match object.option("num_classes") {
                Some(Setting::Size(classes)) => *classes,
                _ => 0,
            };
            let targets = match object.option("target_class_ids") {
                Some(ids) => setting(ids),
                None => Literal::list(0..classes),
            };
            let sparse_target = object
                .option("sparse_y_true")
                .map_or(Literal::Bool(false), setting);
            let fields = vec![
                option("num_classes"),
                ("target_class_ids", targets),
                option("ignore_class"),
                ("sparse_target", sparse_target),
                renamed("sparse_output", "sparse_y_pred"),
                option("axis"),
            ];
            Literal::TupleVariant(TYPE, "Iou", vec![Literal::Struct("Iou", fields)])
        }
        "BinaryIoU" => variant("BinaryIou", settings(object)),
        class => variant(class, settings(object)),
    }
}

/// The word that an option is.
fn chosen(object: &Object, name: &str) -> Option<&'static str> {
    match object.option(name)? {
        Setting::Word(word) => Some(word),
        Setting::Option(Some(value)) => match &**value {
            Setting::Word(word) => Some(word),
            _ => None,
        },
        _ => None,
    }
}

/// A `burn_keras_nn::regularizer::Regularizer`.
pub(super) fn regularizer(object: &Object) -> Literal {
    const TYPE: &str = "Regularizer";
    if object.class != "OrthogonalRegularizer" {
        return Literal::Variant(TYPE, object.class, settings(object));
    }
    let mode = match chosen(object, "mode") {
        Some("columns") => "Columns",
        _ => "Rows",
    };
    let fields = vec![
        ("factor", option(object, "factor")),
        ("mode", word("Orthogonal", mode)),
    ];
    Literal::Variant(TYPE, "Orthogonal", fields)
}

/// A `burn_keras_nn::optim::Constraint`.
pub(super) fn constraint(object: &Object) -> Literal {
    Literal::Variant("Constraint", object.class, settings(object))
}
