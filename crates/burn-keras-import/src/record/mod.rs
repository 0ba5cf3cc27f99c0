//! Records: the weights and the optimizer's state of a plan as burnpack files.
//!
//! A record is made of deferred tensors: nothing is read before it is written, and one tensor is
//! in memory at a time. Tensors stand in the order of the plan, so that the same file gives the
//! same bytes.

mod convert;
mod fields;
pub mod layout;
mod optimizer;
pub mod state;
mod weights;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use convert::keras_elements;
pub use convert::permute;
pub(crate) use fields::field;
pub use fields::{BASE, Field, Fields, fields};
pub use layout::{Entry, Layout, LayoutError};
pub use optimizer::optimizer;
pub(crate) use optimizer::{slot_shape, slot_transform};
pub(crate) use weights::stored;
pub use weights::weights;
pub use write::{Record, WriteError};

/// Metadata: the digest of the plan that the record belongs to.
pub const SOURCE_KEY: &str = "keras.source";
/// Metadata: the name of the model, the namespace of the ids.
pub const NAME_KEY: &str = "keras.name";
/// Metadata: the version of Keras that wrote the file; empty if the file does not say.
pub const VERSION_KEY: &str = "keras.version";
/// Metadata: a JSON object from paths in Burn to paths in Keras, in the order of the plan.
pub const MAP_KEY: &str = "keras.map";
/// Metadata: Keras's class of the optimizer.
pub const OPTIMIZER_CLASS_KEY: &str = "keras.optimizer.class";
/// Metadata: Keras's config of the optimizer, JSON.
pub const OPTIMIZER_CONFIG_KEY: &str = "keras.optimizer.config";
/// Metadata: a JSON list of `[tensor, Keras path, Keras slot]`, in Keras's order of variables.
pub const SLOTS_KEY: &str = "keras.optimizer.slots";
/// Scalar: how many steps were made.
pub const ITERATIONS_KEY: &str = "keras.iterations";
/// Scalar: the learning rate at the time of saving, where it is a number.
pub const LEARNING_RATE_KEY: &str = "keras.learning_rate";
/// Scalar: the dynamic loss scale.
pub const LOSS_SCALE_KEY: &str = "keras.loss_scale";
/// Scalar: how many steps were made since the loss scale changed.
pub const LOSS_SCALE_STEPS_KEY: &str = "keras.loss_scale_steps";
