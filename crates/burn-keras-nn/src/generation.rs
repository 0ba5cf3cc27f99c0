//! Which Keras a model was trained with.

use burn::serde::{Deserialize, Serialize};

/// The two implementations of Keras whose training differs in details.
///
/// Numbers are those of Keras 3.15 on TensorFlow and of tf_keras 2.21. Earlier versions of
/// `tf.keras` train as tf_keras does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub enum Generation {
    /// Keras 3.
    #[default]
    Keras3,
    /// `tf.keras` up to TensorFlow 2.15, and tf_keras.
    TfKeras,
}
