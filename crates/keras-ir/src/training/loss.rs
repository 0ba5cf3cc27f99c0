//! Which loss each output has.

use serde_json::Value;

use super::object::{self, Class, Kind, Named, Object, Parameter};
use super::outputs::{Outputs, per_output};
use crate::graph::Graph;
use crate::json;
use crate::problem::{Problem, ProblemKind};

/// How the losses of samples become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// The mean over all values.
    SumOverBatchSize,
    /// The sum.
    Sum,
    /// None: the values themselves.
    None,
    /// The sum of weighted values over the sum of the weights.
    MeanWithSampleWeight,
}

/// The loss of an output.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// The output, by its position among the model's outputs.
    pub output: usize,
    /// What is measured; `None` for the crossentropy that fits the shapes of output and target
    /// (`"crossentropy"`, `"ce"`).
    pub function: Option<Object>,
    /// How samples become one number.
    pub reduction: Reduction,
    /// The factor of `loss_weights`.
    pub weight: f64,
    /// An option that Keras 3 does not save (`delta` of `Huber`, `axis` of `CosineSimilarity`): it
    /// has its default here, whatever the model was compiled with.
    pub unsaved: Option<&'static str>,
}

/// The losses that a model was compiled with, in the order of its outputs.
pub type Losses = Vec<Loss>;

const LOGITS: Parameter = ("from_logits", Kind::Bool, "false");
const SMOOTHING: Parameter = ("label_smoothing", Kind::Number, "0");
const AXIS: Parameter = ("axis", Kind::Integer, "-1");
const GAMMA: Parameter = ("gamma", Kind::Number, "2");
const AXES: Parameter = ("axis", Kind::Optional(&Kind::List(&Kind::Integer)), "null");

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

/// The losses of Keras 3.15 and tf_keras 2.21, with the names of their functions.
pub(super) const CLASSES: &[Class] = &[
    class(
        "MeanSquaredError",
        &["mean_squared_error", "mse", "MSE"],
        &[],
    ),
    class(
        "MeanAbsoluteError",
        &["mean_absolute_error", "mae", "MAE"],
        &[],
    ),
    class(
        "MeanAbsolutePercentageError",
        &["mean_absolute_percentage_error", "mape", "MAPE"],
        &[],
    ),
    class(
        "MeanSquaredLogarithmicError",
        &["mean_squared_logarithmic_error", "msle", "MSLE"],
        &[],
    ),
    class("CosineSimilarity", &["cosine_similarity"], &[AXIS]),
    class(
        "Huber",
        &["huber", "huber_loss"],
        &[("delta", Kind::Number, "1")],
    ),
    class("LogCosh", &["log_cosh", "logcosh"], &[]),
    class("Hinge", &["hinge"], &[]),
    class("SquaredHinge", &["squared_hinge"], &[]),
    class("CategoricalHinge", &["categorical_hinge"], &[]),
    class(
        "KLDivergence",
        &["kl_divergence", "kullback_leibler_divergence", "kld", "KLD"],
        &[],
    ),
    class("Poisson", &["poisson"], &[]),
    class(
        "BinaryCrossentropy",
        &["binary_crossentropy", "bce", "BCE"],
        &[LOGITS, SMOOTHING, AXIS],
    ),
    class(
        "BinaryFocalCrossentropy",
        &["binary_focal_crossentropy"],
        &[
            ("apply_class_balancing", Kind::Bool, "false"),
            ("alpha", Kind::Number, "0.25"),
            GAMMA,
            LOGITS,
            SMOOTHING,
            AXIS,
        ],
    ),
    class(
        "CategoricalCrossentropy",
        &["categorical_crossentropy"],
        &[LOGITS, SMOOTHING, AXIS],
    ),
    class(
        "CategoricalFocalCrossentropy",
        &["categorical_focal_crossentropy"],
        &[
            ("alpha", Kind::List(&Kind::Number), "0.25"),
            GAMMA,
            LOGITS,
            SMOOTHING,
            AXIS,
        ],
    ),
    class(
        "SparseCategoricalCrossentropy",
        &["sparse_categorical_crossentropy"],
        &[
            LOGITS,
            ("ignore_class", Kind::Optional(&Kind::Integer), "null"),
            ("axis", Kind::Fixed, "-1"),
        ],
    ),
    class("CTC", &["ctc"], &[]),
    class("Dice", &["dice"], &[AXES]),
    class(
        "Tversky",
        &["tversky"],
        &[
            ("alpha", Kind::Number, "0.5"),
            ("beta", Kind::Number, "0.5"),
            AXES,
        ],
    ),
    class(
        "Circle",
        &["circle"],
        &[
            ("gamma", Kind::Number, "80"),
            ("margin", Kind::Number, "0.4"),
            ("remove_diagonal", Kind::Bool, "true"),
        ],
    ),
    class(
        "CategoricalGeneralizedCrossEntropy",
        &["categorical_generalized_cross_entropy"],
        &[("q", Kind::Number, "0.5")],
    ),
];

/// Keys of a loss's config that are read elsewhere or change no number.
const IGNORED: &[&str] = &["name", "reduction", "dtype", "fn"];

impl Graph {
    /// The losses of the training config: `None` if there is no training config, or none in it.
    ///
    /// # Errors
    ///
    /// Losses that burn-keras does not know, or that fit no output.
    pub fn losses(&self) -> Result<Option<Losses>, Problem> {
        let Some(config) = &self.training_config else {
            return Ok(None);
        };
        let outputs = Outputs::of(self);
        let Some(found) = per_output(&config["loss"], &outputs, "loss")? else {
            return Ok(None);
        };
        let weights = loss_weights(&config["loss_weights"], &outputs)?;
        let mut losses = Losses::new();
        for (output, (value, weight)) in found.into_iter().zip(weights).enumerate() {
            if let Some(value) = value {
                let named = named(value)?;
                let function = function(&named)?;
                losses.push(Loss {
                    output,
                    unsaved: function
                        .as_ref()
                        .and_then(|function| unsaved(&named, function.class)),
                    function,
                    reduction: reduction(&named)?,
                    weight,
                });
            }
        }
        Ok((!losses.is_empty()).then_some(losses))
    }
}

fn named(value: &Value) -> Result<Named<'_>, Problem> {
    Named::of(value).ok_or_else(|| {
        Problem::new(ProblemKind::Training)
            .key("loss")
            .expected("the name of a loss, or a class with its config")
            .found(json::brief(value))
    })
}

fn function(named: &Named<'_>) -> Result<Option<Object>, Problem> {
    let by_shape = ["crossentropy", "ce"].contains(&named.name.to_lowercase().as_str());
    if by_shape && named.config.is_none() {
        return Ok(None);
    }
    object::read(named, &[CLASSES], "loss", IGNORED).map(Some)
}

/// What `get_config` of Keras 3.0 to 3.15 leaves out.
fn unsaved(named: &Named<'_>, class: &str) -> Option<&'static str> {
    let option = match class {
        "Huber" => "delta",
        "CosineSimilarity" => "axis",
        _ => return None,
    };
    (!named.config?.contains_key(option)).then_some(option)
}

fn reduction(named: &Named<'_>) -> Result<Reduction, Problem> {
    let value = named.config.and_then(|config| config.get("reduction"));
    match value {
        None => Ok(Reduction::SumOverBatchSize),
        Some(Value::Null) => Ok(Reduction::None),
        Some(value) => match value.as_str() {
            Some("auto" | "sum_over_batch_size" | "mean") => Ok(Reduction::SumOverBatchSize),
            Some("sum") => Ok(Reduction::Sum),
            Some("none") => Ok(Reduction::None),
            Some("mean_with_sample_weight") => Ok(Reduction::MeanWithSampleWeight),
            _ => Err(Problem::new(ProblemKind::Training)
                .key("loss: reduction")
                .expected(
                    "one of auto, sum_over_batch_size, mean, sum, none, mean_with_sample_weight",
                )
                .found(json::brief(value))),
        },
    }
}

/// A number for each output; 1 where nothing is said.
fn loss_weights(value: &Value, outputs: &Outputs) -> Result<Vec<f64>, Problem> {
    let found = match per_output(value, outputs, "loss_weights")? {
        Some(found) => found,
        None => return Ok(vec![1.0; outputs.count()]),
    };
    let weights = found.into_iter().map(|value| match value {
        None => Ok(1.0),
        Some(value) => json::number(value).ok_or_else(|| {
            Problem::new(ProblemKind::Training)
                .key("loss_weights")
                .expected("numbers")
                .found(json::brief(value))
        }),
    });
    weights.collect()
}
