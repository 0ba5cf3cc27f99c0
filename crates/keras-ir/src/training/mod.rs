//! What a model was compiled with, as plain data: Keras's configs of training, read once.
//!
//! ```text
//! loss        which loss each output has
//! metric      which metrics each output has
//! penalty     regularizers and constraints of weights, penalties of activities
//! optimizer   the optimizer with all of its options
//! schedule    its learning rate
//! object      an object of Keras by name or by config: class and options
//! ```

pub mod loss;
pub mod metric;
pub mod object;
pub mod optimizer;
mod options;
mod outputs;
pub mod penalty;
pub mod schedule;

pub use loss::{Loss, Losses, Reduction};
pub use metric::{Metric, Metrics};
pub use object::{Object, Setting};
