//! The backends that tests run on.

use std::panic::catch_unwind;
use std::sync::OnceLock;

use burn::tensor::{Device, DeviceKind, Tensor};

/// A backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Burn's default CPU backend.
    Flex,
    /// The reference on a CPU.
    NdArray,
    /// A GPU, or Mesa's lavapipe.
    Wgpu,
}

impl Backend {
    /// Its device. `None`, and a notice, where this machine has no adapter for wgpu; a failure if
    /// `BURN_KERAS_REQUIRE_WGPU` is 1.
    pub fn device(self) -> Option<Device> {
        match self {
            Self::Flex => Some(Device::flex()),
            #[allow(deprecated)] // still the reference
            Self::NdArray => Some(Device::ndarray()),
            Self::Wgpu => wgpu(),
        }
    }
}

fn wgpu() -> Option<Device> {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let found = *FOUND.get_or_init(|| {
        // without an adapter the first use of the device panics
        let probe = catch_unwind(|| {
            let device = Device::wgpu(DeviceKind::DefaultDevice);
            let sum = Tensor::<1>::ones([3], &device).sum();
            sum.try_into_data().is_ok()
        });
        matches!(probe, Ok(true))
    });
    if found {
        return Some(Device::wgpu(DeviceKind::DefaultDevice));
    }
    let required = std::env::var("BURN_KERAS_REQUIRE_WGPU").is_ok_and(|value| value == "1");
    assert!(
        !required,
        "there is no adapter for wgpu, and BURN_KERAS_REQUIRE_WGPU is 1"
    );
    eprintln!("NOTICE: there is no adapter for wgpu: nothing is compared on it");
    None
}
