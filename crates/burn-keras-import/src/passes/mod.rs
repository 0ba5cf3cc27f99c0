//! Passes over the bodies of a plan.

mod layout;
mod prune;
pub(crate) mod structure;

pub(crate) use layout::{is_elementwise, layout};
pub(crate) use prune::prune;
