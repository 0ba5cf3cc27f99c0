//! The optimizer of a training config, with all of its options.
//!
//! Every option has a value here: where a config lacks one, that is the default of the code that
//! wrote it. Options that change no number are left out, those that are not known are problems.

use serde_json::Value;

use super::options::Options;
use super::schedule::LearningRate;
use crate::graph::Graph;
use crate::json;
use crate::problem::{Problem, ProblemKind};
use crate::version::Writer;

/// Keras's optimizers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// `Adadelta`
    Adadelta,
    /// `Adafactor`
    Adafactor,
    /// `Adagrad`
    Adagrad,
    /// `Adam`
    Adam,
    /// `AdamW`: [`Rule::Adam`] with weight decay.
    AdamW,
    /// `Adamax`
    Adamax,
    /// `Ftrl`
    Ftrl,
    /// `Lamb`
    Lamb,
    /// `Lion`
    Lion,
    /// `Muon`
    Muon,
    /// `Nadam`
    Nadam,
    /// `RMSprop`
    RmsProp,
    /// `SGD`
    Sgd,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Adadelta,
        Self::Adafactor,
        Self::Adagrad,
        Self::Adam,
        Self::AdamW,
        Self::Adamax,
        Self::Ftrl,
        Self::Lamb,
        Self::Lion,
        Self::Muon,
        Self::Nadam,
        Self::RmsProp,
        Self::Sgd,
    ];

    /// Keras 3's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adadelta => "Adadelta",
            Self::Adafactor => "Adafactor",
            Self::Adagrad => "Adagrad",
            Self::Adam => "Adam",
            Self::AdamW => "AdamW",
            Self::Adamax => "Adamax",
            Self::Ftrl => "Ftrl",
            Self::Lamb => "Lamb",
            Self::Lion => "Lion",
            Self::Muon => "Muon",
            Self::Nadam => "Nadam",
            Self::RmsProp => "RMSprop",
            Self::Sgd => "SGD",
        }
    }

    /// The class of that name, in capitals or not: `compile(optimizer="adam")`.
    pub fn of_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|class| class.as_str().eq_ignore_ascii_case(name))
    }

    fn is_in(self, implementation: Implementation) -> bool {
        match self {
            Self::Ftrl => implementation >= Implementation::TfLegacy,
            Self::AdamW | Self::Lion | Self::Adafactor => implementation >= Implementation::TfNew,
            Self::Lamb | Self::Muon => implementation >= Implementation::Keras3,
            _ => true,
        }
    }
}

/// Which code the optimizer is of: formulas, defaults and lists of variables differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Implementation {
    /// Keras 1.
    Keras1,
    /// Keras 2, and `tf.keras` until TensorFlow 1.12.
    Keras2,
    /// `tf.keras.optimizers` until TensorFlow 2.10, `tf.keras.optimizers.legacy` after.
    TfLegacy,
    /// `tf.keras.optimizers` from TensorFlow 2.11 on, and `tf_keras`.
    TfNew,
    /// Keras 3.
    Keras3,
}

/// Where epsilon stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Epsilon {
    /// Under the root, `sqrt(v + epsilon)`.
    Inside,
    /// After the root, `sqrt(v) + epsilon`.
    Outside,
}

/// An update rule, with its options by Keras's names.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// `Adadelta`
    Adadelta {
        /// The share of the past in the averages.
        rho: f64,
        /// Added to the averages.
        epsilon: f64,
    },
    /// `Adafactor`. `relative_step` changes nothing: the rate is at most `1 / sqrt(t)` anyway.
    Adafactor {
        /// How the share of the past grows.
        beta_2_decay: f64,
        /// Added to the squares.
        epsilon_1: f64,
        /// The smallest scale of a parameter.
        epsilon_2: f64,
        /// The largest root mean square of a change.
        clip_threshold: f64,
    },
    /// `Adagrad`
    Adagrad {
        /// Where the sum of squares starts.
        initial_accumulator_value: f64,
        /// Added to the sum of squares, or to its root.
        epsilon: f64,
        /// Where epsilon stands.
        epsilon_place: Epsilon,
    },
    /// `Adam` and `AdamW`
    Adam {
        /// Decay of the first moment.
        beta_1: f64,
        /// Decay of the second moment.
        beta_2: f64,
        /// Added to the root of the second moment.
        epsilon: f64,
        /// Whether to divide by the largest second moment so far.
        amsgrad: bool,
    },
    /// `Adamax`
    Adamax {
        /// Decay of the first moment.
        beta_1: f64,
        /// Decay of the norm.
        beta_2: f64,
        /// Added to the norm.
        epsilon: f64,
    },
    /// `Ftrl`
    Ftrl {
        /// How the rate falls with the sum of squares.
        learning_rate_power: f64,
        /// Where the sum of squares starts.
        initial_accumulator_value: f64,
        /// L1 regularization.
        l1_regularization_strength: f64,
        /// L2 regularization.
        l2_regularization_strength: f64,
        /// Shrinkage towards 0.
        l2_shrinkage_regularization_strength: f64,
        /// Added to L2 regularization, over twice the learning rate.
        beta: f64,
    },
    /// `Lamb`
    Lamb {
        /// Decay of the first moment.
        beta_1: f64,
        /// Decay of the second moment.
        beta_2: f64,
        /// Added to the root of the second moment.
        epsilon: f64,
    },
    /// `Lion`
    Lion {
        /// The share of the past in the change.
        beta_1: f64,
        /// The share of the past in the average.
        beta_2: f64,
    },
    /// `Muon`
    Muon {
        /// Decay of Adam's first moment.
        adam_beta_1: f64,
        /// Decay of Adam's second moment.
        adam_beta_2: f64,
        /// Weight decay of the weights that are Adam's.
        adam_weight_decay: Option<f64>,
        /// Added to the root of Adam's second moment.
        epsilon: f64,
        /// Regular expressions: the weights where one is found in Keras's path are Adam's.
        exclude_layers: Vec<String>,
        /// Whether the weights with `embedding` in Keras's path are Adam's.
        exclude_embeddings: bool,
        /// The factor of `x` in the iteration.
        muon_a: f64,
        /// The factor of `x x^T x`.
        muon_b: f64,
        /// The factor of `x x^T x x^T x`.
        muon_c: f64,
        /// Adam's learning rate over Muon's.
        adam_lr_ratio: f64,
        /// The share of the past.
        momentum: f64,
        /// How often to iterate.
        ns_steps: u64,
        /// Whether to look one step ahead.
        nesterov: bool,
        /// The root mean square of a change over the learning rate; `None` leaves the size as it is.
        rms_rate: Option<f64>,
    },
    /// `Nadam`
    Nadam {
        /// Decay of the first moment.
        beta_1: f64,
        /// Decay of the second moment.
        beta_2: f64,
        /// Added to the root of the second moment.
        epsilon: f64,
        /// How fast the momentum rises: 1 in Keras 3 and tf.keras since 2.11, an option before.
        schedule_decay: f64,
    },
    /// `RMSprop`
    RmsProp {
        /// The share of the past in the averages.
        rho: f64,
        /// The share of the last change that goes on.
        momentum: f64,
        /// Added to the mean square, or to its root.
        epsilon: f64,
        /// Where epsilon stands.
        epsilon_place: Epsilon,
        /// Whether to divide by the variance and not by the mean square.
        centered: bool,
    },
    /// `SGD`
    Sgd {
        /// The share of the last change that goes on.
        momentum: f64,
        /// Whether to look one step ahead.
        nesterov: bool,
    },
}

/// How gradients are kept small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clipping {
    /// `clipnorm`: each gradient's norm is at most this.
    Norm(f64),
    /// `clipvalue`: no element is further from 0 than this.
    Value(f64),
    /// `global_clipnorm`, and `clipnorm` of Keras 1 and 2: the norm of all gradients together is at
    /// most this.
    GlobalNorm(f64),
}

/// An average of each weight over the steps: `use_ema`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ema {
    /// The share of the past.
    pub momentum: f64,
    /// After how many steps, again and again, the averages replace the weights.
    pub overwrite_frequency: Option<u64>,
    /// Whether averages start with the weights before the first step, as in tf.keras, and not with
    /// those after it, as in Keras 3.
    pub from_initial: bool,
}

/// How the loss is kept in the range of float16.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LossScale {
    /// `loss_scale_factor`, or `LossScaleOptimizer(dynamic=False)`.
    Fixed(f64),
    /// `LossScaleOptimizer`: a gradient that is not finite halves the scale, and the step is not
    /// made; after `dynamic_growth_steps` steps that are made the scale doubles. tf.keras counts
    /// skipped steps in `iterations` all the same, and its scale does not fall below 1.
    Dynamic {
        /// The first scale.
        initial_scale: f64,
        /// After how many steps it doubles.
        dynamic_growth_steps: u64,
    },
}

/// An optimizer's options. Which weights have no weight decay is in no config but Muon's.
#[derive(Clone, Debug, PartialEq)]
pub struct OptimizerConfig {
    /// Its class; that of the inner one with `LossScaleOptimizer`.
    pub class: Class,
    /// Which code it is of.
    pub implementation: Implementation,
    /// The update rule.
    pub rule: Rule,
    /// The learning rate when the config was written.
    pub learning_rate: LearningRate,
    /// The rate after `s` steps is divided by `1 + decay s` if this is above 0: `decay` of
    /// `tf.keras.optimizers.legacy`, Keras 1 and 2.
    pub decay: f64,
    /// The share of each weight, times the learning rate, that is taken away before the step.
    pub weight_decay: Option<f64>,
    /// What happens to gradients, in this order.
    pub clipping: Vec<Clipping>,
    /// Averages of the weights.
    pub ema: Option<Ema>,
    /// Weights change in each of that many steps, with the mean of the gradients; at least 2.
    pub gradient_accumulation_steps: Option<u64>,
    /// How the loss is scaled.
    pub loss_scale: Option<LossScale>,
}

impl Graph {
    /// The optimizer that the model was compiled with, trained or not; `None` if the file has no
    /// training config, or one without an optimizer.
    ///
    /// ```no_run
    /// let graph = keras_ir::read("siamese.keras", keras_ir::ReadOptions::default())?;
    /// if let Ok(Some(optimizer)) = graph.optimizer_config() {
    ///     println!("{} with a rate of {:?}", optimizer.class.as_str(), optimizer.learning_rate);
    /// }
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Every option that is not understood.
    pub fn optimizer_config(&self) -> Result<Option<OptimizerConfig>, Vec<Problem>> {
        let Some(config) = &self.training_config else {
            return Ok(None);
        };
        let object = &config["optimizer_config"];
        if object.is_null() {
            return Ok(None);
        }
        let version = self.keras_version.as_deref();
        let mut writer = Writer::of_version(version);
        writer.generation = self.generation;
        let config = OptimizerConfig::read(object, writer).map_err(|mut problems| {
            for problem in &mut problems {
                problem.help.get_or_insert_with(|| LEAVE.to_owned());
            }
            problems
        })?;
        Ok(Some(config))
    }
}

/// The way out where an option is not understood.
const LEAVE: &str = "import with --no-optimizer to leave the optimizer out";

/// The key of the training config.
const PLACE: &str = "optimizer_config";

/// Keys that change no number. tf.keras names its code in `is_legacy_optimizer`.
const NEUTRAL: &[&str] = &["name", "jit_compile", "is_legacy_optimizer"];

impl OptimizerConfig {
    /// Reads `class_name` and `config` of an optimizer.
    ///
    /// # Errors
    ///
    /// Every option that is not understood.
    pub fn read(object: &Value, writer: Writer) -> Result<Self, Vec<Problem>> {
        Self::read_at(PLACE, object, writer)
    }

    fn read_at(place: &str, object: &Value, writer: Writer) -> Result<Self, Vec<Problem>> {
        let name = class_name(place, object)?;
        if matches!(name, "LossScaleOptimizer" | "LossScaleOptimizerV3") {
            return Self::read_scaled(place, &object["config"], writer);
        }
        let implementation = Implementation::of(object, writer);
        let class = Class::of_name(name).filter(|class| class.is_in(implementation));
        let class = class.ok_or_else(|| vec![unknown_class(place, name)])?;
        let mut options = Options::new(place, &object["config"]);
        let config = Self::of_options(class, implementation, writer, &mut options);
        let problems = options.finish();
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(problems)
        }
    }

    /// `LossScaleOptimizer`, of Keras 3 and both of tf.keras; until TensorFlow 2.3 it had `optimizer` and
    /// `loss_scale`.
    fn read_scaled(place: &str, config: &Value, writer: Writer) -> Result<Self, Vec<Problem>> {
        let mut options = Options::new(place, config);
        options.ignore(NEUTRAL);
        // Keras 3 until 3.5 wrote the options of its base class, which do nothing here.
        options.ignore(&["learning_rate", "ema_momentum"]);
        let key = if options.has("optimizer") {
            "optimizer"
        } else {
            "inner_optimizer"
        };
        let inner = options.value(key).unwrap_or(&Value::Null);
        let inner_place = options.place(key);
        let nested =
            matches!(inner["class_name"].as_str(), Some(name) if name.starts_with("LossScale"));
        let inner = if nested {
            options.refuse(key, "an optimizer that does not scale the loss itself");
            None
        } else {
            let inner = Self::read_at(&inner_place, inner, writer);
            inner.map_err(|problems| options.extend(problems)).ok()
        };
        let scale = if let Some(scale) = options.value("loss_scale") {
            early_scale(&options.place("loss_scale"), scale)
                .map_err(|problems| options.extend(problems))
                .ok()
        } else if options.flag("dynamic", true) {
            Some(LossScale::Dynamic {
                initial_scale: options.number("initial_scale", 32768.0),
                dynamic_growth_steps: options.count("dynamic_growth_steps").unwrap_or(2000),
            })
        } else {
            options.ignore(&["dynamic_growth_steps"]);
            Some(LossScale::Fixed(options.required("initial_scale")))
        };
        if inner
            .as_ref()
            .is_some_and(|inner| inner.loss_scale.is_some())
        {
            options.refuse(key, "an optimizer without loss_scale_factor");
        }
        let problems = options.finish();
        match (inner, scale) {
            (Some(inner), Some(scale)) if problems.is_empty() => Ok(Self {
                loss_scale: Some(scale),
                ..inner
            }),
            _ => Err(problems),
        }
    }

    fn of_options(
        class: Class,
        implementation: Implementation,
        writer: Writer,
        options: &mut Options<'_>,
    ) -> Self {
        use Implementation::{Keras3, TfLegacy, TfNew};
        options.ignore(NEUTRAL);
        let learning_rate = learning_rate(class, implementation, options);
        let rule = rule(class, implementation, options);
        let has_base = matches!(implementation, TfNew | Keras3);
        let decay = match implementation {
            // Nadam's is an option of its rule.
            TfLegacy if class == Class::Nadam => 0.0,
            // Keras 3 says that it ignores the key.
            Keras3 => {
                options.ignore(&["decay"]);
                0.0
            }
            TfNew => 0.0,
            _ => options.number("decay", 0.0),
        };
        let default_decay = match class {
            Class::AdamW | Class::Muon if !options.has("weight_decay") => Some(0.004),
            _ => None,
        };
        Self {
            class,
            implementation,
            rule,
            learning_rate,
            decay,
            weight_decay: if has_base {
                options.optional("weight_decay").or(default_decay)
            } else {
                None
            },
            clipping: clipping(implementation, writer, options),
            ema: if has_base {
                ema(implementation, options)
            } else {
                None
            },
            gradient_accumulation_steps: if implementation == Keras3 {
                accumulation(options)
            } else {
                None
            },
            loss_scale: if implementation == Keras3 {
                let factor = options.optional("loss_scale_factor");
                factor.filter(|factor| *factor != 0.0).map(LossScale::Fixed)
            } else {
                None
            },
        }
    }

    /// Whether the rule divides each step by a count of steps, or the rate depends on it: whether a
    /// count that is not known could change a number.
    pub fn counts_steps(&self) -> bool {
        let counts = matches!(
            self.rule,
            Rule::Adafactor { .. }
                | Rule::Adam { .. }
                | Rule::Adamax { .. }
                | Rule::Lamb { .. }
                | Rule::Muon { .. }
                | Rule::Nadam { .. }
        );
        let scheduled = matches!(self.learning_rate, LearningRate::Schedule(_));
        counts || scheduled || self.decay > 0.0
    }
}

impl Implementation {
    /// Which code wrote the config of an optimizer.
    fn of(object: &Value, writer: Writer) -> Self {
        use crate::version::Generation;
        match writer.generation {
            Generation::Keras1 => Self::Keras1,
            Generation::Keras2 => Self::Keras2,
            Generation::Keras3 => Self::Keras3,
            Generation::TfKeras => Self::of_tf_keras(object),
        }
    }

    fn of_tf_keras(object: &Value) -> Self {
        let config = &object["config"];
        let has = |key: &str| config.get(key).is_some();
        let module = object["module"].as_str().unwrap_or_default();
        let name = object["class_name"].as_str().unwrap_or_default();
        if has("lr") {
            // Until 1.12 they were those of Keras 2.
            Self::Keras2
        } else if module.contains("legacy") || config["is_legacy_optimizer"] == true {
            Self::TfLegacy
        } else if name.starts_with("Custom>")
            || has("is_legacy_optimizer")
            || has("jit_compile")
            // `compile("adam")` in a `.keras`, which 2.12 brought.
            || !has("learning_rate")
        {
            Self::TfNew
        } else {
            Self::TfLegacy
        }
    }
}

/// The name of the class; tf.keras 2.11 and later register the new optimizers as `Custom>Adam`.
fn class_name<'a>(place: &str, object: &'a Value) -> Result<&'a str, Vec<Problem>> {
    let Some(name) = object["class_name"].as_str() else {
        return Err(vec![
            Problem::new(ProblemKind::Config)
                .key(format!("{place}: class_name"))
                .expected("the class of an optimizer")
                .found(json::brief(&object["class_name"])),
        ]);
    };
    let registered = object["registered_name"].as_str().unwrap_or_default();
    let own = |name: &str| name.contains('>') && !name.starts_with("Custom>");
    let module = object["module"].as_str().unwrap_or("keras");
    let foreign = !["keras", "tf_keras", "tensorflow"]
        .contains(&module.split('.').next().unwrap_or_default());
    if own(name) || own(registered) || foreign {
        let name = [registered, name].into_iter().find(|name| !name.is_empty());
        return Err(vec![unknown_class(place, name.unwrap_or_default())]);
    }
    Ok(name.strip_prefix("Custom>").unwrap_or(name))
}

fn unknown_class(place: &str, name: &str) -> Problem {
    let known: Vec<&str> = Class::ALL.into_iter().map(Class::as_str).collect();
    Problem::new(ProblemKind::UnsupportedOption)
        .key(format!("{place}: class_name"))
        .expected(format!("one of Keras's optimizers: {}", known.join(", ")))
        .found(json::brief(&Value::from(name)))
        .help(LEAVE)
}

/// `loss_scale` of TensorFlow until 2.3.
fn early_scale(place: &str, scale: &Value) -> Result<LossScale, Vec<Problem>> {
    if let Some(factor) = json::number(scale).filter(|factor| factor.is_finite()) {
        return Ok(LossScale::Fixed(factor));
    }
    let mut options = Options::new(place, &scale["config"]);
    let scale = match scale["class_name"].as_str() {
        Some("FixedLossScale") => LossScale::Fixed(options.required("loss_scale_value")),
        Some("DynamicLossScale") => {
            if options.number("multiplier", 2.0) != 2.0 {
                options.refuse("multiplier", "2");
            }
            LossScale::Dynamic {
                initial_scale: options.number("initial_loss_scale", 32768.0),
                dynamic_growth_steps: options.count("increment_period").unwrap_or(2000),
            }
        }
        _ => {
            let problem = Problem::new(ProblemKind::UnsupportedOption)
                .key(place)
                .expected("FixedLossScale or DynamicLossScale")
                .found(json::brief(scale));
            return Err(vec![problem]);
        }
    };
    let problems = options.finish();
    if problems.is_empty() {
        Ok(scale)
    } else {
        Err(problems)
    }
}

fn learning_rate(
    class: Class,
    implementation: Implementation,
    options: &mut Options<'_>,
) -> LearningRate {
    let key = if options.has("lr") {
        "lr"
    } else {
        "learning_rate"
    };
    let default = LearningRate::Constant(default_rate(class, implementation));
    let Some(value) = options.value(key) else {
        return default;
    };
    LearningRate::read(&options.place(key), value).unwrap_or_else(|problems| {
        options.extend(problems);
        default
    })
}

fn default_rate(class: Class, implementation: Implementation) -> f64 {
    use Implementation::{Keras1, Keras2, TfNew};
    match (class, implementation) {
        (Class::Sgd, _) | (Class::Adagrad, Keras1 | Keras2) => 0.01,
        (Class::Adadelta, Keras1 | Keras2) => 1.0,
        (Class::Adamax | Class::Nadam, Keras1 | Keras2) => 0.002,
        (Class::Lion, TfNew) => 1e-4,
        _ => 0.001,
    }
}

fn rule(class: Class, implementation: Implementation, options: &mut Options<'_>) -> Rule {
    use Implementation::{Keras1, Keras2, Keras3, TfLegacy, TfNew};
    let is_standalone = matches!(implementation, Keras1 | Keras2);
    let is_new = matches!(implementation, TfNew | Keras3);
    // Keras 1 had 1e-8 everywhere; `K.epsilon()` came with 2.0.9.
    let epsilon = if implementation == Keras1 { 1e-8 } else { 1e-7 };
    match class {
        Class::Adadelta => Rule::Adadelta {
            rho: options.number("rho", 0.95),
            epsilon: options.number("epsilon", epsilon),
        },
        Class::Adafactor => {
            options.flag("relative_step", true);
            Rule::Adafactor {
                beta_2_decay: options.number("beta_2_decay", -0.8),
                epsilon_1: options.number("epsilon_1", 1e-30),
                epsilon_2: options.number("epsilon_2", 1e-3),
                clip_threshold: options.number("clip_threshold", 1.0),
            }
        }
        Class::Adagrad => Rule::Adagrad {
            initial_accumulator_value: if is_standalone {
                0.0
            } else {
                options.number("initial_accumulator_value", 0.1)
            },
            epsilon: options.number("epsilon", epsilon),
            epsilon_place: if is_new {
                Epsilon::Inside
            } else {
                Epsilon::Outside
            },
        },
        Class::Adam | Class::AdamW => Rule::Adam {
            beta_1: options.number("beta_1", 0.9),
            beta_2: options.number("beta_2", 0.999),
            epsilon: options.number("epsilon", epsilon),
            amsgrad: options.flag("amsgrad", false),
        },
        Class::Adamax => Rule::Adamax {
            beta_1: options.number("beta_1", 0.9),
            beta_2: options.number("beta_2", 0.999),
            epsilon: options.number("epsilon", epsilon),
        },
        Class::Ftrl => Rule::Ftrl {
            learning_rate_power: options.number("learning_rate_power", -0.5),
            initial_accumulator_value: options.number("initial_accumulator_value", 0.1),
            l1_regularization_strength: options.number("l1_regularization_strength", 0.0),
            l2_regularization_strength: options.number("l2_regularization_strength", 0.0),
            l2_shrinkage_regularization_strength: options
                .number("l2_shrinkage_regularization_strength", 0.0),
            beta: options.number("beta", 0.0),
        },
        Class::Lamb => Rule::Lamb {
            beta_1: options.number("beta_1", 0.9),
            beta_2: options.number("beta_2", 0.999),
            epsilon: options.number("epsilon", epsilon),
        },
        Class::Lion => Rule::Lion {
            beta_1: options.number("beta_1", 0.9),
            beta_2: options.number("beta_2", 0.99),
        },
        Class::Muon => muon(options),
        Class::Nadam => Rule::Nadam {
            beta_1: options.number("beta_1", 0.9),
            beta_2: options.number("beta_2", 0.999),
            epsilon: options.number("epsilon", epsilon),
            schedule_decay: match implementation {
                TfNew | Keras3 => 1.0,
                // tf.keras keeps it as `decay`.
                TfLegacy => options.number("decay", 0.004),
                Keras1 | Keras2 => options.number("schedule_decay", 0.004),
            },
        },
        Class::RmsProp => {
            let momentum = if is_standalone {
                0.0
            } else {
                options.number("momentum", 0.0)
            };
            // TensorFlow's kernel, which legacy optimizers call with momentum, has it inside.
            let is_kernel = implementation == TfLegacy && momentum > 0.0;
            Rule::RmsProp {
                rho: options.number("rho", 0.9),
                momentum,
                epsilon: options.number("epsilon", epsilon),
                epsilon_place: if is_new || is_kernel {
                    Epsilon::Inside
                } else {
                    Epsilon::Outside
                },
                centered: !is_standalone && options.flag("centered", false),
            }
        }
        Class::Sgd => Rule::Sgd {
            momentum: options.number("momentum", 0.0),
            nesterov: options.flag("nesterov", false),
        },
    }
}

fn muon(options: &mut Options<'_>) -> Rule {
    // A null is no decay, and no scaling.
    let mut nullable = |key: &'static str, default: f64| {
        if options.has(key) {
            options.optional(key)
        } else {
            Some(default)
        }
    };
    let adam_weight_decay = nullable("adam_weight_decay", 0.004);
    let rms_rate = nullable("rms_rate", 0.2);
    Rule::Muon {
        adam_beta_1: options.number("adam_beta_1", 0.9),
        adam_beta_2: options.number("adam_beta_2", 0.999),
        adam_weight_decay,
        epsilon: options.number("epsilon", 1e-7),
        exclude_layers: options.texts("exclude_layers"),
        exclude_embeddings: options.flag("exclude_embeddings", true),
        muon_a: options.number("muon_a", 3.4445),
        muon_b: options.number("muon_b", -4.775),
        muon_c: options.number("muon_c", 2.0315),
        adam_lr_ratio: options.number("adam_lr_ratio", 1.0),
        momentum: options.number("momentum", 0.95),
        ns_steps: options.count("ns_steps").unwrap_or(5),
        nesterov: options.flag("nesterov", true),
        rms_rate,
    }
}

fn clipping(
    implementation: Implementation,
    writer: Writer,
    options: &mut Options<'_>,
) -> Vec<Clipping> {
    use Implementation::{Keras1, Keras2, Keras3, TfLegacy, TfNew};
    // Nothing is clipped to 0 or less.
    let mut limit = |key| options.optional(key).filter(|limit| *limit > 0.0);
    let norm = limit("clipnorm");
    let value = limit("clipvalue").map(Clipping::Value);
    let global = match implementation {
        Keras1 | Keras2 => norm,
        TfLegacy | TfNew | Keras3 => limit("global_clipnorm"),
    };
    let global = global.map(Clipping::GlobalNorm);
    let norm = norm.map(Clipping::Norm);
    match implementation {
        Keras1 | Keras2 => global.into_iter().chain(value).collect(),
        TfLegacy => {
            // TensorFlow 2.4 turned the order round, and 2.3 wrote the same version.
            let together = norm.is_some() && value.is_some();
            if together && writer.version <= (2, 4) {
                options.refuse(
                    "clipnorm",
                    "clipnorm or clipvalue, not both, of TensorFlow 2.4 or before",
                );
            }
            value.into_iter().chain(norm).chain(global).collect()
        }
        // The first of them that is set.
        TfNew | Keras3 => norm.or(global).or(value).into_iter().collect(),
    }
}

fn ema(implementation: Implementation, options: &mut Options<'_>) -> Option<Ema> {
    let momentum = options.number("ema_momentum", 0.99);
    let overwrite_frequency = options.count("ema_overwrite_frequency");
    options.flag("use_ema", false).then_some(Ema {
        momentum,
        overwrite_frequency: overwrite_frequency.filter(|frequency| *frequency > 0),
        from_initial: implementation == Implementation::TfNew,
    })
}

fn accumulation(options: &mut Options<'_>) -> Option<u64> {
    let steps = options.count("gradient_accumulation_steps");
    if steps == Some(1) {
        options.refuse("gradient_accumulation_steps", "at least 2");
    }
    steps.filter(|steps| *steps > 1)
}

#[cfg(test)]
mod tests;
