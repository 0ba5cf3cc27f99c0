//! Burn modules and functions with the semantics of Keras, where Burn's own differ.
//!
//! A model that `burn-keras` generates depends on Burn and on this crate only. Where a test shows
//! that Burn's function or module equals Keras's, it is used or re-exported; the others are here.
//!
//! * [`activation`]: every activation function of Keras, by Keras's name
//! * [`conv`]: separable convolutions, and transposed ones in three dimensions
//! * [`padding`], [`pool`]: padding that follows TensorFlow's `SAME`
//! * [`resize`]: upsampling and resizing with TensorFlow's interpolations
//! * [`merge`], [`mask`], [`embedding`]: merging layers, masks as values, lookups of any rank
//! * [`shape`]: steps folded into the batch and back, shapes that tensors tell, constants
//! * [`elementwise`], [`reduction`], [`indexing`]: operations between layers that Burn lacks
//! * [`attention`], [`einsum`]: attention over any axes, dense layers by equation
//! * [`recurrent`]: LSTM, GRU and SimpleRNN in Keras's weight layout, with Keras's masking
//! * [`normalization`], [`dropout`]: what Burn's modules lack
//! * [`dense`]: dense layers of Keras 1
//! * [`loss`], [`regularizer`]: what Keras minimises, with its gradients
//! * [`metric`]: what Keras reports
//! * [`training`]: what a model was compiled with, and the loss of a batch
//! * [`ids`], [`record`]: stable parameter ids, records that load strictly and save reproducibly
//! * [`segment`]: the macro behind large generated models
//! * `optim` (feature `optim`): optimizers that follow Keras's update rules
//!
//! Spatial functions are channels-first, as in Burn. The crate is `no_std` with `alloc`; the
//! feature `std` adds files and batch statistics that move while training.
#![no_std]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        // numbers of Keras, as NumPy prints them
        clippy::excessive_precision,
        deprecated
    )
)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod activation;
pub mod attention;
pub mod conv;
pub mod dense;
pub mod dropout;
pub mod einsum;
pub mod elementwise;
pub mod embedding;
mod generation;
pub mod ids;
pub mod indexing;
pub mod loss;
pub mod mask;
mod math;
pub mod merge;
pub mod metric;
pub mod normalization;
#[cfg(feature = "optim")]
pub mod optim;
pub mod padding;
pub mod pool;
pub mod record;
pub mod recurrent;
pub mod reduction;
pub mod regularizer;
pub mod resize;
pub mod segment;
pub mod shape;
pub mod training;

#[cfg(test)]
mod testing;

pub use activation::Activation;
pub use generation::Generation;
pub use ids::{Scope, duplicate_ids, param_id, stable_ids};
pub use padding::Padding;
pub use record::LoadError;
pub use resize::Interpolation;

/// What the expansion of [`segments!`] names. Not part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use alloc::boxed::Box;
    pub use burn;
}
