//! Which optimizer, and the code that it is of.

use serde_json::Value;

use crate::version::{Generation, Writer};

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
    /// `AdamW`: [`Rule::Adam`](super::Rule::Adam) with weight decay.
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

    pub(super) fn is_in(self, implementation: Implementation) -> bool {
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

impl Implementation {
    /// Which code wrote the config of an optimizer.
    pub(super) fn of(object: &Value, writer: Writer) -> Self {
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
