//! What the tests across crates share: reference arrays made with real Keras, comparisons,
//! backends.

pub mod arrays;
pub mod backend;
pub mod compare;
pub mod conformance;

pub use arrays::{Array, Arrays};
pub use backend::Backend;
pub use compare::{Tolerance, compare};
pub use conformance::{Case, cases, check_family};
