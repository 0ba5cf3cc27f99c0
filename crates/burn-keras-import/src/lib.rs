//! Keras models as Burn models: readable source, weights and optimizer records.
//!
//! ```text
//! lower     layer → modules and steps: the one place where a Keras layer becomes Burn
//! plan      modules, calls and tensor operations, with every rank and kind settled
//! passes    layout (where axes are permuted), structure (how large models are cut)
//! codegen   plan → Rust source
//! record    plan + weights → .bpk, plan + optimizer state → .optimizer.bpk
//! export    the way back: records → a copy of the Keras file
//! ```
//!
//! No tensor backend is needed to import.

pub mod codegen;
pub mod export;
pub mod import;
pub mod lower;
mod model_gen;
pub mod names;
mod passes;
pub mod plan;
pub mod record;

pub use export::{Export, ExportError};
pub use import::{Import, ImportError, Imported, OptimizerState, OptimizerTransfer};
pub use model_gen::ModelGen;
pub use plan::Plan;
// The graph and its surgery, for build scripts that have this crate alone.
pub use keras_ir;
