//! Optimizers that follow Keras's update rules, in two parts.
//!
//! * A [`Rule`] updates one parameter. Its configuration has Keras's names and defaults, and
//!   `init` makes one of Burn's optimizers of it.
//! * [`KerasOptimizer`] does around a rule what Keras's base class does: learning rates by
//!   [`Schedule`], weight decay, clipping, averages, accumulation, loss scaling, constraints.
//!
//! Scalars are rounded to float32 where Keras's are.
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
//!
//! # Records
//!
//! State is stored as Burn stores it: a parameter's tensors and numbers under `{id}.{field}`. The
//! field of a slot is that of Burn's own optimizer where it has such a slot, so that the records of
//! Burn's `Adam`, `AdamW` and `Lamb` are read; else it is Keras 3's name of the slot.
//! [`OptimizerConfig::fields`] is this table.
//!
//! | class | steps | slots of Keras 3, in its order, and their fields |
//! |---|---|---|
//! | `Adadelta` | - | `accumulated_grad`: `accumulated_grad`, `accumulated_delta_var`: `accumulated_delta_var` |
//! | `Adafactor` | `time` | `r`: `r`, `c`: `c`, `velocity`: `velocity` |
//! | `Adagrad` | `lr_decay.time` | `accumulator`: `lr_decay.sum` |
//! | `Adam` | `momentum.time` | `momentum`: `momentum.moment_1`, `velocity`: `momentum.moment_2`, `velocity_hat`: `momentum.max_moment_2` |
//! | `Adamax` | `momentum.time` | `momentum`: `momentum.moment_1`, `norm`: `norm` |
//! | `Ftrl` | - | `accumulator`: `accumulator`, `linear`: `linear` |
//! | `Lamb` | `time` | `momentum`: `moment_1`, `velocity`: `moment_2` |
//! | `Lion` | - | `momentum`: `momentum` |
//! | `Muon` | `momentum.time` | `momentum`: `momentum.velocity`, `velocity`: `momentum.moment_2` |
//! | `Nadam` | `momentum.time` | `momentum`: `momentum.moment_1`, `velocity`: `momentum.moment_2` |
//! | `RMSprop` | - | `velocity`: `square_avg.square_avg`, `momentum`: `momentum.buf`, `average_gradient`: `centered.grad_avg` |
//! | `SGD` | - | `momentum`: `momentum.velocity` |
//!
//! `Nadam` has the number `u_product` too. A [`KerasOptimizer`] adds `keras.average` and
//! `keras.gradient_accumulator`, and for the whole record `keras.iterations`,
//! `keras.learning_rate`, `keras.loss_scale` and `keras.loss_scale_steps`. Slots lie as their
//! parameter does in Burn; `r` and `c` of `Adafactor` have the shapes that they have in Keras.

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
