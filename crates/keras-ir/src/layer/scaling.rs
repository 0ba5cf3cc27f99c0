//! Layers that multiply by numbers that stand in the config.

use serde_json::Value;

use super::config::Config;
use super::merging::{Merge, MergeOperation};
use super::{KerasLayer, MaskRule, Mismatch, single};
use crate::json;
use crate::shape::{Kind, Spec};

/// `Rescaling`: `scale · x + offset`, with one number for all features or one for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Rescaling {
    /// One factor, or one for each element of the last axis.
    pub scale: Vec<f64>,
    /// What is added, likewise.
    pub offset: Vec<f64>,
    /// What happens to masks: Keras 3 hands them on, tf.keras does not.
    pub mask_rule: MaskRule,
}

/// A number, or a list of numbers.
fn numbers(config: &mut Config<'_>, key: &'static str, default: f64) -> Vec<f64> {
    let numbers = match config.value(key) {
        None => return vec![default],
        Some(Value::Array(items)) => items.iter().map(json::number).collect(),
        Some(one) => json::number(one).map(|one| vec![one]),
    };
    match numbers {
        Some(numbers) if !numbers.is_empty() => numbers,
        _ => {
            config.unsupported(key, "a number, or one for each feature");
            vec![default]
        }
    }
}

impl KerasLayer for Rescaling {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            scale: numbers(config, "scale", 1.0),
            offset: numbers(config, "offset", 0.0),
            mask_rule: if config.generation().is_keras3() {
                MaskRule::Pass
            } else {
                MaskRule::Stop
            },
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single(inputs)?;
        for numbers in [&self.scale, &self.offset] {
            if numbers.len() > 1 && input.shape.last() != Some(numbers.len()) {
                let expected = format!("an input of {} features", numbers.len());
                return Err(Mismatch::new(expected, inputs));
            }
        }
        Ok(vec![input.with_kind(Kind::Float)])
    }

    fn mask_rule(&self) -> MaskRule {
        self.mask_rule
    }
}

/// `CustomScaleLayer`, which `keras.applications.InceptionResNetV2` has: the first input plus
/// `scale` times the second.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomScale {
    /// The factor of the second input.
    pub scale: f64,
}

impl KerasLayer for CustomScale {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        if config.value("scale").is_none() {
            config.unsupported("scale", "the factor of the second input");
        }
        Self {
            scale: config.number("scale", 1.0),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let operation = MergeOperation::Add;
        match inputs {
            [a, b] if a.shape.rank() == b.shape.rank() => {
                let broadcasts = true;
                Merge {
                    operation,
                    broadcasts,
                }
                .outputs(inputs)
            }
            _ => Err(Mismatch::new("two inputs of equal rank", inputs)),
        }
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }

    fn notes(&self) -> Vec<&'static str> {
        vec![
            "taken for the layer of that name in keras.applications.InceptionResNetV2: the first \
             input plus `scale` times the second",
        ]
    }
}
