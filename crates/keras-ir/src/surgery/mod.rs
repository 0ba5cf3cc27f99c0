//! Surgery: a graph out of a graph.
//!
//! ```text
//! place    a tensor by the names of its layers
//! layer    a layer by its path
//! cut      extract and split: other outputs, other inputs
//! edge     the tensors at which a model is cut, as inputs and outputs
//! mask     masks that cross a cut
//! compose  one model behind another
//! remove   remove and rename
//! insert   insert and replace
//! builder  new inputs, layers and calls
//! weights  by path and in Keras's order, fresh ones
//! tie      a dense layer with the table of an embedding for a kernel
//! table    tied layers as files have them
//! fold     batch normalization into the layer before it
//! freeze   what is trained, by patterns of paths
//! edit     all of these as data, for command lines and build scripts
//! ```
//!
//! Every operation gives a valid graph, with the weights, masks and optimizer state of what is
//! kept, or says why it cannot.

mod builder;
mod compose;
mod cut;
mod edge;
mod edit;
mod fold;
mod freeze;
mod initializer;
mod inline;
mod insert;
mod layer;
mod mask;
mod merge;
mod names;
mod place;
mod remove;
mod settle;
mod table;
mod tie;
mod trace;
mod training;
mod weights;

pub use builder::{Builder, NewLayer};
pub use edit::{Edit, NewLayerError};
pub use place::{End, Place};
pub(crate) use table::{tie_tables, with_tables};
