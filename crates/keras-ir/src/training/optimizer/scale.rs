//! `LossScaleOptimizer`, and how it scales.

use serde_json::Value;

use super::OptimizerConfig;
use super::read::NEUTRAL;
use crate::json;
use crate::problem::{Problem, ProblemKind};
use crate::training::options::Options;
use crate::version::Writer;

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

impl OptimizerConfig {
    /// `LossScaleOptimizer`, of Keras 3 and both of tf.keras; until TensorFlow 2.3 it had `optimizer` and
    /// `loss_scale`.
    pub(super) fn read_scaled(
        place: &str,
        config: &Value,
        writer: Writer,
    ) -> Result<Self, Vec<Problem>> {
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
