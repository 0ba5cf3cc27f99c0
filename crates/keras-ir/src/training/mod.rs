//! What a model was compiled with: losses, metrics, penalties and constraints, as plain data.
//!
//! ```text
//! object      an object of Keras by name or by config: class and options
//! loss        which loss each output has
//! metric      which metrics each output has
//! penalty     regularizers and constraints of weights, penalties of activities
//! ```

pub mod loss;
pub mod metric;
pub mod object;
mod outputs;
pub mod penalty;

pub use loss::{Loss, Losses, Reduction};
pub use metric::{Metric, Metrics};
pub use object::{Object, Setting};
