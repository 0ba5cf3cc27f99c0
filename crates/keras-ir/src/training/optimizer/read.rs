//! The config of an optimizer, and the options that all have.

use serde_json::Value;

use super::rule::rule;
use super::{Class, Clipping, Ema, Implementation, LossScale, OptimizerConfig};
use crate::graph::Graph;
use crate::json;
use crate::problem::{Problem, ProblemKind};
use crate::training::options::Options;
use crate::training::schedule::LearningRate;
use crate::version::Writer;

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
pub(super) const NEUTRAL: &[&str] = &["name", "jit_compile", "is_legacy_optimizer"];

impl OptimizerConfig {
    /// Reads `class_name` and `config` of an optimizer.
    ///
    /// # Errors
    ///
    /// Every option that is not understood.
    pub fn read(object: &Value, writer: Writer) -> Result<Self, Vec<Problem>> {
        Self::read_at(PLACE, object, writer)
    }

    pub(super) fn read_at(
        place: &str,
        object: &Value,
        writer: Writer,
    ) -> Result<Self, Vec<Problem>> {
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
