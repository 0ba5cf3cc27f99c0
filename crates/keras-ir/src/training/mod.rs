//! What a model was compiled with, typed: Keras's configs of training, read once.

pub mod optimizer;
mod options;
pub mod schedule;
