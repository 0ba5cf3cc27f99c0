//! Optimizers that follow Keras's update rules, as rules for Burn's [`ModuleOptimizer`](burn::optim::ModuleOptimizer).
//!
//! Their state has the names of Burn's own optimizers (`momentum.moment_1`,
//! `momentum.velocity`), so a record of one can be read by the other; the numbers differ, since
//! the rules do. Scalars are rounded to float32 where Keras's are.
//!
//! ```
//! use burn::{module::Module, optim::{GradientsParams, ModuleOptimizer}};
//! use burn_keras_nn::optim::AdamConfig;
//!
//! fn step<M: Module>(optimizer: &mut ModuleOptimizer, model: M, grads: GradientsParams) -> M {
//!     optimizer.step(1e-3, model, grads)
//! }
//!
//! let optimizer: ModuleOptimizer = AdamConfig::new().with_beta_1(0.85).init();
//! ```

mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod config;
mod constraint;
mod ftrl;
mod keras;
mod lamb;
mod layout;
mod lion;
mod muon;
mod nadam;
mod record;
mod rmsprop;
mod rule;
mod schedule;
mod sgd;
#[cfg(test)]
mod tests;

pub use adadelta::AdadeltaConfig;
pub use adafactor::AdafactorConfig;
pub use adagrad::AdagradConfig;
pub use adam::{AdamConfig, AdamWConfig};
pub use adamax::AdamaxConfig;
pub use config::{
    Clipping, Ema, KerasOptimizerConfig, LossScale, OptimizerConfig, OptimizerError, Variable,
};
pub use constraint::Constraint;
pub use ftrl::FtrlConfig;
pub use keras::KerasOptimizer;
pub use lamb::LambConfig;
pub use layout::Layout;
pub use lion::LionConfig;
pub use muon::MuonConfig;
pub use nadam::NadamConfig;
pub use record::{load_optimizer_bytes, save_optimizer_bytes};
#[cfg(feature = "std")]
pub use record::{load_optimizer_file, save_optimizer_file};
pub use rmsprop::RmsPropConfig;
pub use rule::{Epsilon, Field, Fields, PerTensor, Rule, Slots, State, Step};
pub use schedule::{LearningRate, Schedule};
pub use sgd::SgdConfig;
