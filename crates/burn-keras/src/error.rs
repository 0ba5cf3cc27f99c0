//! What can go wrong.

use burn_keras_import::record::WriteError;
use burn_keras_nn::loss::ShapeError;
use burn_keras_nn::record::{LoadError, SaveError};
use keras_ir::Report;

/// Why a model was not loaded, run or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The Keras file cannot be read or imported; every problem is in the report.
    #[error(transparent)]
    Report(#[from] Report),
    /// The weights cannot be read from the Keras file.
    #[error(transparent)]
    Weights(#[from] WriteError),
    /// A record does not fit the model.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A record cannot be written.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// Another number of inputs than the model has.
    #[error("the model has {} ({}), {found} given", count(.expected.len()), .expected.join(", "))]
    InputCount {
        /// The names of the model's inputs.
        expected: Vec<String>,
        /// How many there were.
        found: usize,
    },
    /// Another number of states than the model carries from call to call.
    #[error("the model carries {expected} states from call to call, {found} given")]
    StateCount {
        /// How many states the model has.
        expected: usize,
        /// How many there were.
        found: usize,
    },
    /// An input of another rank, kind or shape.
    #[error("input {name}: expected {expected}, found {found}")]
    Input {
        /// The input.
        name: String,
        /// What the model takes.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An input by a name that the model does not have.
    #[error("the model has no input {name:?}; its inputs are {}", .inputs.join(", "))]
    UnknownInput {
        /// The name.
        name: String,
        /// The model's inputs.
        inputs: Vec<String>,
    },
    /// An input was not given, or was given twice.
    #[error("input {name} was given {times} times")]
    InputTimes {
        /// The input.
        name: String,
        /// How often.
        times: usize,
    },
    /// Tensors that meet in a layer and do not fit together, because of sizes that the model
    /// leaves open.
    #[error("{layer}: {reason}")]
    Shape {
        /// The Keras layer.
        layer: String,
        /// What does not fit.
        reason: String,
    },
    /// A model that was not compiled with what training needs, or not with anything that is
    /// understood: the notes of its plan say which.
    #[error("{model} has no {what}: it was not compiled, or with something that is not known")]
    NotCompiled {
        /// The model.
        model: String,
        /// What it lacks.
        what: &'static str,
    },
    /// Targets, or the configuration of a loss, that do not fit the outputs.
    #[error(transparent)]
    Loss(#[from] ShapeError),
    /// A plan that cannot be run.
    #[error("{place}: cannot be run: {reason}")]
    Plan {
        /// The Keras layer or model.
        place: String,
        /// Why.
        reason: String,
    },
    /// Data that no tensor of the device can hold, or a tensor that cannot be read back.
    #[error("{0}")]
    Data(String),
}

fn count(inputs: usize) -> String {
    match inputs {
        1 => "1 input".to_owned(),
        n => format!("{n} inputs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_what_was_expected() {
        let error = Error::InputCount {
            expected: vec!["left".into(), "right".into()],
            found: 1,
        };
        assert_eq!(
            error.to_string(),
            "the model has 2 inputs (left, right), 1 given"
        );
        let error = Error::Input {
            name: "left".into(),
            expected: "float (None, 12)".into(),
            found: "float [3, 5]".into(),
        };
        assert_eq!(
            error.to_string(),
            "input left: expected float (None, 12), found float [3, 5]"
        );
    }
}
