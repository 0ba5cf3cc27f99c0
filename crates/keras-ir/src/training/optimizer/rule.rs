//! The update rules, with the options that are their own.

use super::{Class, Implementation};
use crate::training::options::Options;

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

/// The rule of `class`, with the defaults of `implementation`.
pub(super) fn rule(
    class: Class,
    implementation: Implementation,
    options: &mut Options<'_>,
) -> Rule {
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
