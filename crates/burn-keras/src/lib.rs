//! Trained Keras models in Rust, at run time: no Python, no ONNX, no runtime to ship.
//!
//! ```no_run
//! use burn::tensor::{Device, Tensor};
//! use burn_keras::Model;
//!
//! let device = Device::flex();
//! let model = Model::load("siamese.h5", &device)?;
//! let (left, right) = (Tensor::<2>::zeros([4, 12], &device), Tensor::<2>::zeros([4, 12], &device));
//! let outputs = model.predict([left, right])?;
//! let scores: Tensor<2> = outputs[0].clone().try_into()?;
//! # Ok::<(), burn_keras::Error>(())
//! ```
//!
//! A [`Model`] interprets the plan that generated source is printed from: both compute the same,
//! to the bit, and records and optimizers fit both. Axes are Keras's: images are
//! `[batch, height, width, channels]` where the model says so.
//!
//! This crate is also the door to the others:
//!
//! * [`keras_ir`]: what is in a Keras file: graph, summary
//! * [`burn_keras_import`]: Keras files to Rust source and records
//! * [`burn_keras_nn`]: the modules and functions behind both, Keras-exact optimizers
//!
//! Features: `flex` (default), `ndarray`, `wgpu`, `cuda` are Burn's backends; `optim` trains.

mod activation;
mod apply;
mod build;
mod error;
mod execute;
mod fit;
mod function;
mod layer;
mod model;
mod program;
mod rank;
mod training;
mod value;

pub use burn_keras_import;
pub use burn_keras_nn;
pub use keras_ir;

pub use error::Error;
pub use layer::{Layer, Submodel};
pub use model::{LoadOptions, Model, Port};
pub use value::{Ranked, Value};
