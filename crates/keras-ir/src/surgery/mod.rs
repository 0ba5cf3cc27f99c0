//! Surgery: a graph out of a graph.
//!
//! ```text
//! place    a tensor by the names of its layers
//! layer    a layer by its path
//! cut      extract and split: other outputs, other inputs
//! compose  one model behind another
//! edit     rename and remove
//! insert   insert and replace
//! builder  new inputs, layers and calls
//! weights  by path and in Keras's order, fresh ones
//! tie      a dense layer with the table of an embedding for a kernel
//! fold     batch normalization into the layer before it
//! freeze   what is trained, by patterns of paths
//! ```
//!
//! Every operation gives a valid graph, with the weights, masks and optimizer state of what is
//! kept, or says why it cannot.

mod builder;
mod compose;
mod cut;
mod edit;
mod fold;
mod freeze;
mod initializer;
mod inline;
mod insert;
mod layer;
mod merge;
mod names;
mod place;
mod settle;
mod tie;
mod trace;
mod training;
mod weights;

pub use builder::{Builder, NewLayer};
pub use place::{End, Place};
