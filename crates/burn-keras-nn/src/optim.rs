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

mod adam;
mod record;
mod sgd;
#[cfg(test)]
mod tests;

pub use adam::{Adam, AdamConfig, AdamState};
pub use record::{load_optimizer_bytes, save_optimizer_bytes};
#[cfg(feature = "std")]
pub use record::{load_optimizer_file, save_optimizer_file};
pub use sgd::{Sgd, SgdConfig, SgdState};

use burn::{
    optim::{StateSink, StateSource},
    tensor::{Device, Tensor, TensorData},
};

/// A state tensor, which stays in memory after loading until a step asks for it.
///
/// Burn makes loaded states on `Device::default()`, whatever device the model is on: a GPU that
/// is not there, and a device whose default type would replace the record's. This way no tensor
/// is made before the device of the gradient is known.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are ready, and boxes would cost each step"
)]
#[derive(Clone, Debug)]
enum Slot<const D: usize> {
    Loaded(TensorData),
    Ready(Tensor<D>),
}

impl<const D: usize> Slot<D> {
    /// The tensor, on the device and in the type of `like`.
    fn into_tensor(self, like: &Tensor<D>) -> Tensor<D> {
        let device = like.device();
        let tensor = match self {
            Self::Loaded(data) => {
                let dtype = data.dtype();
                Tensor::from_data(data, (&device, dtype))
            }
            Self::Ready(tensor) => tensor.to_device(&device),
        };
        if tensor.dtype() == like.dtype() {
            tensor
        } else {
            tensor.cast(like.dtype())
        }
    }

    fn to_device(&self, device: &Device) -> Self {
        match self {
            Self::Loaded(data) => Self::Loaded(data.clone()),
            Self::Ready(tensor) => Self::Ready(tensor.clone().to_device(device)),
        }
    }

    fn save(&self, prefix: &str, name: &str, out: &mut StateSink) {
        let data = match self {
            Self::Loaded(data) => data.clone(),
            Self::Ready(tensor) => tensor.to_data(),
        };
        out.push_tensor(prefix, name, data);
    }

    fn load(prefix: &str, name: &str, source: &mut StateSource) -> Option<Self> {
        let data = source.take_tensor(prefix, name)?;
        (data.rank() == D && data.dtype().is_float()).then_some(Self::Loaded(data))
    }
}

/// `path.momentum`: where Burn's states keep their tensors.
fn momentum(prefix: &str) -> alloc::string::String {
    burn::optim::join_path(prefix, "momentum")
}
