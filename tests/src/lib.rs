//! What the tests across crates share: reference arrays made with real Keras, generated sources,
//! comparisons, backends.

pub mod arrays;
pub mod backend;
pub mod compare;
pub mod conformance;
pub mod generated;
pub mod layers;
pub mod resume;
pub mod versions;

pub use arrays::{Array, Arrays};
pub use backend::Backend;
pub use compare::{Difference, Tolerance, compare};
pub use conformance::{Case, cases, check_family};

include!(concat!(env!("OUT_DIR"), "/families.rs"));
