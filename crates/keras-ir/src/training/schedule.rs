//! Learning rates: a number, or one of `keras.optimizers.schedules`.

use serde_json::Value;

use super::options::Options;
use crate::json;
use crate::problem::{Problem, ProblemKind};

/// A learning rate.
#[derive(Clone, Debug, PartialEq)]
pub enum LearningRate {
    /// The same in every step.
    Constant(f64),
    /// By the number of steps taken.
    Schedule(Schedule),
}

/// A schedule with all of its options, by Keras's names; those that the config lacks have Keras's
/// defaults, which are the same in all versions.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// `ExponentialDecay`
    ExponentialDecay {
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// After how many steps the rate is multiplied by `decay_rate`.
        decay_steps: f64,
        /// The factor.
        decay_rate: f64,
        /// Whether the exponent is rounded down.
        staircase: bool,
    },
    /// `PiecewiseConstantDecay`
    PiecewiseConstantDecay {
        /// The last steps of all values but the last.
        boundaries: Vec<f64>,
        /// One value more.
        values: Vec<f64>,
    },
    /// `PolynomialDecay`
    PolynomialDecay {
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// How long the rate falls.
        decay_steps: f64,
        /// Where it ends.
        end_learning_rate: f64,
        /// 1 for a line.
        power: f64,
        /// Whether to start again, each time with the next multiple of `decay_steps`.
        cycle: bool,
    },
    /// `InverseTimeDecay`
    InverseTimeDecay {
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// The unit of steps.
        decay_steps: f64,
        /// The weight of a unit.
        decay_rate: f64,
        /// Whether units are rounded down.
        staircase: bool,
    },
    /// `CosineDecay`
    CosineDecay {
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// How long the rate falls.
        decay_steps: f64,
        /// Where it ends, as a share of where it starts to fall.
        alpha: f64,
        /// Where the warmup ends; `None` for no warmup.
        warmup_target: Option<f64>,
        /// How long the warmup is.
        warmup_steps: f64,
    },
    /// `CosineDecayRestarts`
    CosineDecayRestarts {
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// How long the first wave is.
        first_decay_steps: f64,
        /// How much longer the next one is.
        t_mul: f64,
        /// How much higher the next one starts.
        m_mul: f64,
        /// Where each one ends, as a share of the first rate.
        alpha: f64,
    },
}

impl LearningRate {
    /// Reads a number, or the config of a schedule that stands at `place`.
    pub(super) fn read(place: &str, value: &Value) -> Result<Self, Vec<Problem>> {
        if let Some(rate) = json::number(value).filter(|rate| rate.is_finite()) {
            return Ok(Self::Constant(rate));
        }
        let unknown = || {
            let problem = Problem::new(ProblemKind::UnsupportedOption)
                .key(place)
                .expected("a number, or a schedule of keras.optimizers.schedules")
                .found(json::brief(value))
                .help(
                    "schedules of one's own are Python: set a number or one of Keras's schedules and \
                     save the model again, or import with --no-optimizer",
                );
            vec![problem]
        };
        let class = value["class_name"].as_str().ok_or_else(unknown)?;
        let registered = value["registered_name"].as_str().unwrap_or_default();
        if registered.contains('>') {
            return Err(unknown());
        }
        let mut options = Options::new(place, &value["config"]);
        options.ignore(&["name"]);
        let schedule = Schedule::of_class(class, &mut options).ok_or_else(unknown)?;
        let problems = options.finish();
        if problems.is_empty() {
            Ok(Self::Schedule(schedule))
        } else {
            Err(problems)
        }
    }
}

impl Schedule {
    /// The schedule of that class; `None` if there is none.
    fn of_class(class: &str, options: &mut Options<'_>) -> Option<Self> {
        let schedule = match class {
            "ExponentialDecay" => Self::ExponentialDecay {
                initial_learning_rate: options.required("initial_learning_rate"),
                decay_steps: steps(options, "decay_steps"),
                decay_rate: options.required("decay_rate"),
                staircase: options.flag("staircase", false),
            },
            "PiecewiseConstantDecay" => {
                let boundaries = options.numbers("boundaries");
                let values = options.numbers("values");
                if boundaries.len() + 1 != values.len() {
                    options.refuse("values", "one value more than boundaries");
                }
                Self::PiecewiseConstantDecay { boundaries, values }
            }
            "PolynomialDecay" => Self::PolynomialDecay {
                initial_learning_rate: options.required("initial_learning_rate"),
                decay_steps: steps(options, "decay_steps"),
                end_learning_rate: options.number("end_learning_rate", 1e-4),
                power: options.number("power", 1.0),
                cycle: options.flag("cycle", false),
            },
            "InverseTimeDecay" => Self::InverseTimeDecay {
                initial_learning_rate: options.required("initial_learning_rate"),
                decay_steps: steps(options, "decay_steps"),
                decay_rate: options.required("decay_rate"),
                staircase: options.flag("staircase", false),
            },
            "CosineDecay" => Self::CosineDecay {
                initial_learning_rate: options.required("initial_learning_rate"),
                decay_steps: steps(options, "decay_steps"),
                alpha: options.number("alpha", 0.0),
                warmup_target: options.optional("warmup_target"),
                warmup_steps: options.number("warmup_steps", 0.0),
            },
            "CosineDecayRestarts" => Self::CosineDecayRestarts {
                initial_learning_rate: options.required("initial_learning_rate"),
                first_decay_steps: steps(options, "first_decay_steps"),
                t_mul: options.number("t_mul", 2.0),
                m_mul: options.number("m_mul", 1.0),
                alpha: options.number("alpha", 0.0),
            },
            _ => return None,
        };
        Some(schedule)
    }
}

/// A number of steps that must be there and above 0, as Keras 3 demands too.
fn steps(options: &mut Options<'_>, key: &'static str) -> f64 {
    let steps = options.required(key);
    if steps <= 0.0 && options.has(key) {
        options.refuse(key, "a number above 0");
    }
    steps
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Result<LearningRate, String> {
        LearningRate::read("learning_rate", value).map_err(|problems| {
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            texts.join("\n")
        })
    }

    #[test]
    fn options_that_are_not_there_have_the_defaults_of_keras() {
        let value = json!({"module": "keras.optimizers.schedules", "class_name": "CosineDecay",
            "config": {"initial_learning_rate": 0.1, "decay_steps": 10, "name": "CosineDecay"},
            "registered_name": null});
        let expected = Schedule::CosineDecay {
            initial_learning_rate: 0.1,
            decay_steps: 10.0,
            alpha: 0.0,
            warmup_target: None,
            warmup_steps: 0.0,
        };
        assert_eq!(read(&value), Ok(LearningRate::Schedule(expected)));
        assert_eq!(read(&json!(0.5)), Ok(LearningRate::Constant(0.5)));
    }

    #[test]
    fn what_is_not_of_keras_or_does_not_fit_is_named() {
        let own = json!({"class_name": "Mine", "config": {}, "registered_name": "My>Mine"});
        assert!(read(&own).unwrap_err().contains("Python"));
        let object = |class: &str, config: Value| json!({"class_name": class, "config": config});
        let values = json!({"boundaries": [1, 2], "values": [0.1]});
        let error = read(&object("PiecewiseConstantDecay", values)).unwrap_err();
        assert!(error.contains("one value more"), "{error}");
        let options = json!({"initial_learning_rate": 1, "decay_steps": 0, "new": 3});
        let error = read(&object("PolynomialDecay", options)).unwrap_err();
        assert!(
            error.contains("above 0") && error.contains("new"),
            "{error}"
        );
        let error = read(&object("ExponentialDecay", json!({}))).unwrap_err();
        assert_eq!(error.matches("no such key").count(), 3, "{error}");
    }
}
