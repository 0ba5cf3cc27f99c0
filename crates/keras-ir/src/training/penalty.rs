//! Regularizers and constraints of weights, and penalties of activities.

use serde_json::{Map, Value};

use super::object::{self, Class, Kind, Named, Object, Parameter};
use crate::graph::{Graph, Layer, LayerId, WeightRef};
use crate::json;
use crate::problem::{Problem, ProblemKind};
use crate::version::Generation;

const L1: Parameter = ("l1", Kind::Number, "0.01");
const L2: Parameter = ("l2", Kind::Number, "0.01");
const AXIS: Parameter = ("axis", Kind::List(&Kind::Integer), "0");

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

const REGULARIZERS: &[Class] = &[
    class("L1", &["l1"], &[L1]),
    class("L2", &["l2"], &[L2]),
    class(
        "L1L2",
        &[
            "WeightRegularizer",
            "ActivityRegularizer",
            "L1L2Regularizer",
        ],
        &[("l1", Kind::Number, "0"), ("l2", Kind::Number, "0")],
    ),
    class(
        "OrthogonalRegularizer",
        &["orthogonal_regularizer"],
        &[
            ("factor", Kind::Number, "0.01"),
            ("mode", Kind::Word(&["rows", "columns"]), "\"rows\""),
        ],
    ),
];

/// `"l1_l2"` by its name: 0 in Keras 3, 0.01 for both before.
const L1_L2: &[Class] = &[class("L1L2", &["l1_l2"], &[L1, L2])];
const L1_L2_KERAS3: &[Class] = &[class(
    "L1L2",
    &["l1_l2"],
    &[("l1", Kind::Number, "0"), ("l2", Kind::Number, "0")],
)];

const CONSTRAINTS: &[Class] = &[
    class(
        "MaxNorm",
        &["max_norm", "maxnorm"],
        &[("max_value", Kind::Number, "2"), AXIS],
    ),
    class("NonNeg", &["non_neg", "nonneg"], &[]),
    class("UnitNorm", &["unit_norm", "unitnorm"], &[AXIS]),
    class(
        "MinMaxNorm",
        &["min_max_norm"],
        &[
            ("min_value", Kind::Number, "0"),
            ("max_value", Kind::Number, "1"),
            ("rate", Kind::Number, "1"),
            AXIS,
        ],
    ),
];

const IGNORED: &[&str] = &["name"];

/// What hangs on one weight.
#[derive(Clone, Debug, PartialEq)]
pub struct OfWeight {
    /// The weight.
    pub weight: WeightRef,
    /// The regularizer or constraint.
    pub object: Object,
}

/// The config keys of `what` (`regularizer`, `constraint`) for a weight: today's, and Keras 1's.
fn keys(weight: &str, what: &str) -> Vec<String> {
    let names: &[&str] = match weight {
        "kernel" => &["kernel", "W"],
        "recurrent_kernel" => &["recurrent", "U"],
        "embeddings" => &["embeddings", "W"],
        "depthwise_kernel" => &["depthwise", "kernel"],
        "pointwise_kernel" => &["pointwise"],
        "bias" => &["bias", "b"],
        // The projections of attention: `query_kernel`, `query_bias`.
        name if name.ends_with("kernel") => &["kernel"],
        name if name.ends_with("bias") => &["bias"],
        name => &[name],
    };
    names.iter().map(|name| format!("{name}_{what}")).collect()
}

fn of_weight<'a>(
    config: &'a Map<String, Value>,
    weight: &str,
    what: &str,
) -> Option<(String, &'a Value)> {
    keys(weight, what).into_iter().find_map(|key| {
        let value = config.get(&key).filter(|value| !value.is_null())?;
        Some((key, value))
    })
}

impl Graph {
    /// The regularizers of all weights.
    ///
    /// # Errors
    ///
    /// Every regularizer that burn-keras does not know.
    pub fn regularizers(&self) -> Result<Vec<OfWeight>, Vec<Problem>> {
        self.of_weights("regularizer", |value, key| {
            regularizer(value, key, self.generation)
        })
    }

    /// The constraints of all weights.
    ///
    /// # Errors
    ///
    /// Every constraint that burn-keras does not know.
    pub fn constraints(&self) -> Result<Vec<OfWeight>, Vec<Problem>> {
        self.of_weights("constraint", constraint)
    }

    /// The penalty of what the layer gives, if it has one.
    ///
    /// # Errors
    ///
    /// A regularizer that burn-keras does not know.
    pub fn activity_regularizer(&self, id: LayerId) -> Result<Option<Object>, Problem> {
        const KEY: &str = "activity_regularizer";
        let layer = self.layer(id);
        if layer.class == "ActivityRegularization" {
            let numbers: Map<String, Value> = ["l1", "l2"]
                .iter()
                .filter_map(|key| Some(((*key).to_owned(), layer.config.get(*key)?.clone())))
                .collect();
            let named = Named {
                name: "L1L2",
                config: Some(&numbers),
                function: None,
            };
            return object::read(&named, &[REGULARIZERS], KEY, IGNORED).map(Some);
        }
        match layer.config.get(KEY) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => regularizer(value, KEY, self.generation)
                .map(Some)
                .map_err(|problem| problem.at(&layer.path, &layer.class)),
        }
    }

    fn of_weights(
        &self,
        what: &str,
        read: impl Fn(&Value, &str) -> Result<Object, Problem>,
    ) -> Result<Vec<OfWeight>, Vec<Problem>> {
        let mut found = Vec::new();
        let mut problems = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let of_layer = layer.weights.iter().enumerate();
            for (position, weight) in of_layer {
                let Some((key, value)) = of_weight(&layer.config, weight.name, what) else {
                    continue;
                };
                match read(value, &key) {
                    Ok(object) => found.push(OfWeight {
                        weight: WeightRef {
                            layer: LayerId(index),
                            index: position,
                        },
                        object,
                    }),
                    Err(problem) => problems.push(problem.at(&layer.path, &layer.class)),
                }
            }
            problems.extend(left_over(layer, what));
        }
        if problems.is_empty() {
            Ok(found)
        } else {
            Err(problems)
        }
    }
}

/// Keys that name something of no weight, which would be lost in silence. A bias that is not there
/// may have one.
fn left_over(layer: &Layer, what: &str) -> Vec<Problem> {
    let suffix = format!("_{what}");
    let keys = layer.config.iter().filter(|(key, value)| {
        key.ends_with(&suffix)
            && !value.is_null()
            && ![
                "activity_regularizer",
                "bias_regularizer",
                "bias_constraint",
            ]
            .contains(&key.as_str())
            && !layer.weights.is_empty()
            && !layer.weights.iter().any(|weight| {
                of_weight(&layer.config, weight.name, what).is_some_and(|(taken, _)| taken == **key)
            })
    });
    let problems = keys.map(|(key, value)| {
        Problem::new(ProblemKind::Training)
            .at(&layer.path, &layer.class)
            .key(key)
            .expected(format!("a {what} of a weight that the layer has"))
            .found(json::brief(value))
    });
    problems.collect()
}

fn regularizer(value: &Value, key: &str, generation: Generation) -> Result<Object, Problem> {
    let by_name = if generation.is_keras3() {
        L1_L2_KERAS3
    } else {
        L1_L2
    };
    object::read(&named(value, key)?, &[REGULARIZERS, by_name], key, IGNORED)
}

fn constraint(value: &Value, key: &str) -> Result<Object, Problem> {
    let mut named = named(value, key)?;
    // Keras 1 calls the largest norm `m`.
    let early = named.config.filter(|config| config.contains_key("m"));
    let renamed: Option<Map<String, Value>> = early.map(|config| {
        let entries = config.iter().map(|(name, value)| {
            let name = if name == "m" { "max_value" } else { name };
            (name.to_owned(), value.clone())
        });
        entries.collect()
    });
    if let Some(config) = &renamed {
        named.config = Some(config);
    }
    object::read(&named, &[CONSTRAINTS], key, IGNORED)
}

fn named<'a>(value: &'a Value, key: &str) -> Result<Named<'a>, Problem> {
    Named::of(value).ok_or_else(|| {
        Problem::new(ProblemKind::Training)
            .key(key)
            .expected("a name, or a class with its config")
            .found(json::brief(value))
    })
}
