//! What the unit tests share.

use alloc::vec::Vec;
use burn::tensor::{Device, Tensor};

/// The backends that every test runs on.
pub fn devices() -> [Device; 2] {
    [Device::flex(), Device::ndarray()]
}

/// The values of a tensor in row-major order.
pub fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.try_into_vec_as().unwrap()
}

/// `|a - b| <= tolerance * (1 + |b|)` everywhere; NaN and infinities must stand at the same places.
#[track_caller]
pub fn close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (at, (a, b)) in found.iter().zip(expected).enumerate() {
        let same = a == b || (a.is_nan() && b.is_nan());
        assert!(
            same || (a - b).abs() <= tolerance * (1.0 + b.abs()),
            "at {at}: found {a}, expected {b}\nfound {found:?}\nexpected {expected:?}"
        );
    }
}

/// `[0, 1, 2, ...]` turned into values between -1 and 1 that look random but are easy to make
/// again in Python: `np.sin(np.arange(n) * 12.9898 + seed)`, in float64, then float32.
pub fn wave<const D: usize>(shape: [usize; D], seed: f64, device: &Device) -> Tensor<D> {
    let n = shape.iter().product::<usize>();
    let data: Vec<f32> = (0..n)
        .map(|i| libm_sin(i as f64 * 12.9898 + seed) as f32)
        .collect();
    Tensor::<1>::from_floats(data.as_slice(), device).reshape(shape)
}

fn libm_sin(x: f64) -> f64 {
    std::primitive::f64::sin(x)
}
