//! The samples of `models/keras`, as `burn-keras import` writes them to `models/generated`.
//!
//! ```no_run
//! use burn::tensor::{Device, Tensor};
//! use burn_keras_models::branches_k3::BranchesK3;
//!
//! let device = Device::flex();
//! let model = BranchesK3::from_file("models/generated/branches_k3.bpk", &device)?;
//! let (left, right) = (
//!     Tensor::<3>::zeros([1, 32, 4], &device),
//!     Tensor::<3>::zeros([1, 32, 4], &device),
//! );
//! let scores: Tensor<2> = model.forward(left, right);
//! # Ok::<(), burn_keras_nn::LoadError>(())
//! ```

#[path = "../generated/branches_k2.rs"]
#[rustfmt::skip]
pub mod branches_k2;
#[path = "../generated/branches_k3.rs"]
#[rustfmt::skip]
pub mod branches_k3;
#[path = "../generated/branches_padded_k2.rs"]
#[rustfmt::skip]
pub mod branches_padded_k2;
#[path = "../generated/branches_padded_k3.rs"]
#[rustfmt::skip]
pub mod branches_padded_k3;
#[path = "../generated/chain_k2.rs"]
#[rustfmt::skip]
pub mod chain_k2;
#[path = "../generated/chain_k3.rs"]
#[rustfmt::skip]
pub mod chain_k3;
#[path = "../generated/nested_k2.rs"]
#[rustfmt::skip]
pub mod nested_k2;
#[path = "../generated/nested_k3.rs"]
#[rustfmt::skip]
pub mod nested_k3;
#[path = "../generated/reused_dense_k2.rs"]
#[rustfmt::skip]
pub mod reused_dense_k2;
#[path = "../generated/reused_dense_k3.rs"]
#[rustfmt::skip]
pub mod reused_dense_k3;
#[path = "../generated/sgd_k2.rs"]
#[rustfmt::skip]
pub mod sgd_k2;
#[path = "../generated/sgd_k3.rs"]
#[rustfmt::skip]
pub mod sgd_k3;
#[path = "../generated/shared_depths_k2.rs"]
#[rustfmt::skip]
pub mod shared_depths_k2;
#[path = "../generated/shared_depths_k3.rs"]
#[rustfmt::skip]
pub mod shared_depths_k3;
#[path = "../generated/shared_depths_swapped_k2.rs"]
#[rustfmt::skip]
pub mod shared_depths_swapped_k2;
#[path = "../generated/shared_depths_swapped_k3.rs"]
#[rustfmt::skip]
pub mod shared_depths_swapped_k3;
#[path = "../generated/siamese_k2.rs"]
#[rustfmt::skip]
pub mod siamese_k2;
#[path = "../generated/siamese_k3.rs"]
#[rustfmt::skip]
pub mod siamese_k3;
#[path = "../generated/thin_k2.rs"]
#[rustfmt::skip]
pub mod thin_k2;
#[path = "../generated/thin_k3.rs"]
#[rustfmt::skip]
pub mod thin_k3;
#[path = "../generated/two_in_three_out_k2.rs"]
#[rustfmt::skip]
pub mod two_in_three_out_k2;
#[path = "../generated/two_in_three_out_k3.rs"]
#[rustfmt::skip]
pub mod two_in_three_out_k3;
