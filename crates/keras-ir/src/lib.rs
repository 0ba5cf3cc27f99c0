//! Saved Keras models as a typed graph.
//!
//! ```text
//! container   bytes → groups, attributes, tensors          (HDF5)
//! reader      config grammars, calls by identity, weights, optimizer state
//! graph       layers, calls, tensors, shapes
//! layer       what each Keras layer class is: options, weights, shapes, masks
//! surgery     extract, split, insert, replace, remove, rename, freeze: a graph out of a graph
//! training    what a model was compiled with: losses, metrics, penalties
//! summary     Keras's table of layers
//! plot        the drawing of a model
//! inspection  what a file is and holds, readable or not
//! transfer    the state of an optimizer for another model
//! writer      copies of files with other tensors in them, and new files
//! ```
//!
//! This crate knows nothing of Burn and makes no code. It reads files of strangers: nothing in a
//! file makes it panic, hang, allocate without bound or run anything.

pub mod activation;
pub mod container;
pub mod graph;
mod inspection;
pub mod json;
pub mod layer;
mod object_names;
pub mod plot;
mod problem;
mod reader;
pub mod shape;
pub mod summary;
pub mod surgery;
pub mod training;
pub mod transfer;
mod version;
pub mod writer;
mod yaml;

pub use activation::Activation;
pub use graph::{Graph, optimizer};
pub use inspection::Inspection;
pub use problem::{Problem, ProblemKind, Report};
pub use reader::{ReadOptions, inspect, read, read_config};
pub use version::{Generation, Writer};
