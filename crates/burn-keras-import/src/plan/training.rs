//! What a training step needs beyond `forward`.

use super::Literal;

/// How a model is trained: what it was compiled with, as values of `burn-keras-nn`.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    /// The body of the outermost model that gives what the loss sees.
    pub body: usize,
    /// Losses and metrics: a `burn_keras_nn::training::Compiled`.
    pub compiled: Option<Literal>,
    /// The optimizer: a `burn_keras_nn::optim::KerasOptimizerConfig`.
    pub optimizer: Option<Literal>,
    /// The regularizers whose penalties come to the loss, each a
    /// `burn_keras_nn::regularizer::Regularizer`, by the path of their parameter in Burn.
    pub regularizers: Vec<(String, Literal)>,
    /// Whose details count: a `burn_keras_nn::Generation`.
    pub generation: Literal,
}

/// The outputs of a body for a training step that Keras's model does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrainingOutputs {
    /// How many outputs Keras's model has: those come first.
    pub count: usize,
    /// For each of them, the output that holds what its `softmax` or `sigmoid` is of.
    pub logits: Vec<Option<usize>>,
    /// The output that holds the sum of the penalties of activities, `[1]`.
    pub penalty: Option<usize>,
}

impl TrainingOutputs {
    /// Whether there is nothing behind Keras's outputs.
    pub fn is_empty(&self) -> bool {
        self.penalty.is_none() && self.logits.iter().all(Option::is_none)
    }
}
