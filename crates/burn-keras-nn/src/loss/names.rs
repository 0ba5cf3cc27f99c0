//! What Keras calls its losses.

use alloc::vec;

use super::LossFunction as Function;

/// What Keras calls a loss, in a training config.
///
/// A class has a config with options; a function, by any of its names, has the options that
/// [`default`](Self::default) gives. `"crossentropy"` and `"ce"` depend on shapes:
/// [`LossFunction::crossentropy_for`](Function::crossentropy_for).
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// The class.
    pub class: &'static str,
    /// The function, and its aliases.
    pub functions: &'static [&'static str],
    /// The loss with Keras's defaults.
    pub default: fn() -> Function,
}

/// All losses of Keras 3 and tf_keras.
///
/// ```
/// use burn_keras_nn::loss::{LossFunction, NAMES};
///
/// let name = NAMES.iter().find(|name| name.functions.contains(&"mse"));
/// assert_eq!(name.map(|name| (name.default)()), Some(LossFunction::MeanSquaredError));
/// ```
pub const NAMES: &[Name] = &[
    Name {
        class: "MeanSquaredError",
        functions: &["mean_squared_error", "mse", "MSE"],
        default: || Function::MeanSquaredError,
    },
    Name {
        class: "MeanAbsoluteError",
        functions: &["mean_absolute_error", "mae", "MAE"],
        default: || Function::MeanAbsoluteError,
    },
    Name {
        class: "MeanAbsolutePercentageError",
        functions: &["mean_absolute_percentage_error", "mape", "MAPE"],
        default: || Function::MeanAbsolutePercentageError,
    },
    Name {
        class: "MeanSquaredLogarithmicError",
        functions: &["mean_squared_logarithmic_error", "msle", "MSLE"],
        default: || Function::MeanSquaredLogarithmicError,
    },
    Name {
        class: "CosineSimilarity",
        functions: &["cosine_similarity"],
        default: || Function::CosineSimilarity { axis: -1 },
    },
    Name {
        class: "Huber",
        functions: &["huber", "huber_loss"],
        default: || Function::Huber { delta: 1.0 },
    },
    Name {
        class: "LogCosh",
        functions: &["log_cosh", "logcosh"],
        default: || Function::LogCosh,
    },
    Name {
        class: "Hinge",
        functions: &["hinge"],
        default: || Function::Hinge,
    },
    Name {
        class: "SquaredHinge",
        functions: &["squared_hinge"],
        default: || Function::SquaredHinge,
    },
    Name {
        class: "CategoricalHinge",
        functions: &["categorical_hinge"],
        default: || Function::CategoricalHinge,
    },
    Name {
        class: "KLDivergence",
        functions: &["kl_divergence", "kullback_leibler_divergence", "kld", "KLD"],
        default: || Function::KlDivergence,
    },
    Name {
        class: "Poisson",
        functions: &["poisson"],
        default: || Function::Poisson,
    },
    Name {
        class: "BinaryCrossentropy",
        functions: &["binary_crossentropy", "bce", "BCE"],
        default: || Function::BinaryCrossentropy {
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        },
    },
    Name {
        class: "BinaryFocalCrossentropy",
        functions: &["binary_focal_crossentropy"],
        default: || Function::BinaryFocalCrossentropy {
            apply_class_balancing: false,
            alpha: 0.25,
            gamma: 2.0,
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        },
    },
    Name {
        class: "CategoricalCrossentropy",
        functions: &["categorical_crossentropy"],
        default: || Function::CategoricalCrossentropy {
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        },
    },
    Name {
        class: "CategoricalFocalCrossentropy",
        functions: &["categorical_focal_crossentropy"],
        default: || Function::CategoricalFocalCrossentropy {
            alpha: vec![0.25],
            gamma: 2.0,
            from_logits: false,
            label_smoothing: 0.0,
            axis: -1,
        },
    },
    Name {
        class: "SparseCategoricalCrossentropy",
        functions: &["sparse_categorical_crossentropy"],
        default: || Function::SparseCategoricalCrossentropy {
            from_logits: false,
            ignore_class: None,
        },
    },
    Name {
        class: "CTC",
        functions: &["ctc"],
        default: || Function::Ctc,
    },
    Name {
        class: "Dice",
        functions: &["dice"],
        default: || Function::Dice { axis: None },
    },
    Name {
        class: "Tversky",
        functions: &["tversky"],
        default: || Function::Tversky {
            alpha: 0.5,
            beta: 0.5,
            axis: None,
        },
    },
    Name {
        class: "Circle",
        functions: &["circle"],
        default: || Function::Circle {
            gamma: 80.0,
            margin: 0.4,
            remove_diagonal: true,
        },
    },
    Name {
        class: "CategoricalGeneralizedCrossEntropy",
        // Keras's function has no default
        functions: &[],
        default: || Function::CategoricalGeneralizedCrossEntropy { q: 0.5 },
    },
];
