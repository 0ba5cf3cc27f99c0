//! Surgery: a graph out of a graph.
//!
//! ```text
//! place    a tensor by the names of its layers
//! layer    a layer by its path
//! cut      extract and split: other outputs, other inputs
//! edit     rename and remove
//! freeze   what is trained, by patterns of paths
//! ```
//!
//! Every operation gives a valid graph, with the weights, masks and optimizer state of what is
//! kept, or says why it cannot.

mod cut;
mod edit;
mod freeze;
mod inline;
mod layer;
mod names;
mod place;
mod settle;
mod trace;

pub use place::{End, Place};
