//! Keras's preprocessing layer `Normalization`.

use alloc::vec::Vec;
use burn::{
    module::{Module, RunningState},
    tensor::{Device, Tensor, TensorData},
};

use crate::ids::Scope;

/// Keras's `Normalization` with constants: `(x - mean) / max(sqrt(variance), 1e-7)`, or with
/// `invert` what gives `x` back. `mean` and `variance` are reshaped to `shape`.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_keras_nn::normalization;
///
/// fn forward(x: Tensor<2>) -> Tensor<2> {
///     normalization::normalize(x, &[0.5, 1.0], &[4.0, 9.0], [1, 2], false)
/// }
/// ```
///
/// # Panics
///
/// If `shape` has another number of elements than `mean` and `variance`, or does not fit `x`.
pub fn normalize<const D: usize>(
    x: Tensor<D>,
    mean: &[f64],
    variance: &[f64],
    shape: [usize; D],
    invert: bool,
) -> Tensor<D> {
    let options = (&x.device(), x.dtype());
    let constant = |values: &[f64]| {
        let data = TensorData::new(values.to_vec(), shape);
        Tensor::<D>::from_data(data, options)
    };
    let (mean, variance) = (constant(mean), constant(variance));
    standardize(x, mean, variance, invert)
}

fn standardize<const D: usize>(
    x: Tensor<D>,
    mean: Tensor<D>,
    variance: Tensor<D>,
    invert: bool,
) -> Tensor<D> {
    let deviation = variance.sqrt().clamp_min(1e-7);
    if invert {
        x.mul(deviation).add(mean)
    } else {
        x.sub(mean).div(deviation)
    }
}

/// Configuration of a [`Normalization`].
#[derive(Clone, Debug, PartialEq)]
pub struct NormalizationConfig {
    /// The number of elements that have a mean each.
    pub features: usize,
    /// Their axes, ascending.
    pub axes: Vec<usize>,
    /// Whether a normalised input is taken back. Default: false.
    pub invert: bool,
}

impl NormalizationConfig {
    /// A mean for each of the `features` elements of `axes`.
    pub fn new(features: usize, axes: impl Into<Vec<usize>>) -> Self {
        Self {
            features,
            axes: axes.into(),
            invert: false,
        }
    }

    /// Sets [`invert`](Self::invert).
    pub fn with_invert(mut self, invert: bool) -> Self {
        self.invert = invert;
        self
    }

    /// Makes the module, with the ids of `scope`.
    pub fn init(&self, scope: &Scope, device: &Device) -> Normalization {
        let state = |name, value| RunningState::with_id(scope.id(name), value);
        Normalization {
            mean: state("mean", Tensor::zeros([self.features], device)),
            variance: state("variance", Tensor::ones([self.features], device)),
            count: state("count", Tensor::zeros([1], device)),
            axes: self.axes.clone(),
            invert: self.invert,
        }
    }
}

/// Keras's `Normalization`, adapted to data: `(x - mean) / max(sqrt(variance), 1e-7)`, or with
/// `invert` what gives `x` back.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::{Scope, normalization::NormalizationConfig};
///
/// # fn forward(device: &Device, x: Tensor<2>) -> Tensor<2> {
/// let scope = Scope::new("net").enter("normalization");
/// let normalization = NormalizationConfig::new(4, [1]).init(&scope, device);
/// normalization.forward(x)
/// # }
/// ```
#[derive(Module, Debug)]
pub struct Normalization {
    /// Mean `[features]`.
    pub mean: RunningState<Tensor<1>>,
    /// Variance `[features]`.
    pub variance: RunningState<Tensor<1>>,
    /// How many elements Keras has adapted to, `[1]`.
    pub count: RunningState<Tensor<1>>,
    /// The axes that have a mean each, ascending.
    pub axes: Vec<usize>,
    /// Whether a normalised input is taken back.
    pub invert: bool,
}

impl Normalization {
    /// Normalises `x`.
    ///
    /// # Panics
    ///
    /// If `x` lacks one of the axes, or has another number of elements along them.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let (dims, device) = (x.dims(), x.device());
        let shape: [usize; D] = core::array::from_fn(|axis| {
            if self.axes.contains(&axis) {
                dims[axis]
            } else {
                1
            }
        });
        let stored = |state: &RunningState<Tensor<1>>| state.value().to_device(&device);
        let mean = stored(&self.mean).reshape(shape);
        let variance = stored(&self.variance).reshape(shape);
        standardize(x, mean, variance, self.invert)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{collect, param_id};
    use crate::testing::{close, devices, values, wave};

    // Normalization(axis=-1, mean=[.5, -1], variance=[4, 0]) of wave((2, 2), .3), Keras 3.15.1, and
    // the way back.
    #[test]
    fn constants_and_statistics() {
        for device in devices() {
            let x = wave([2, 2], 0.3, &device);
            let (mean, variance) = ([0.5, -1.0], [4.0, 0.0]);
            let y = normalize(x.clone(), &mean, &variance, [1, 2], false);
            let expected = [-0.1022399, 16_619_589.0, 0.2057382, 19_999_998.0];
            close(&values(y.clone()), &expected, 1e-6);
            let back = normalize(y, &mean, &variance, [1, 2], true);
            close(&values(back), &values(x.clone()), 1e-6);

            let scope = Scope::new("net").enter("norm");
            let mut module = NormalizationConfig::new(2, [1]).init(&scope, &device);
            let ids = collect(&module);
            let fits = |(id, name): &(_, alloc::string::String)| {
                *id == param_id("net", &alloc::format!("norm.{name}"))
            };
            assert!(ids.len() == 3 && ids.iter().all(fits));
            module.mean = RunningState::new(Tensor::from_floats([0.5, -1.0], &device));
            module.variance = RunningState::new(Tensor::from_floats([4.0, 0.0], &device));
            close(&values(module.forward(x)), &expected, 1e-6);
        }
    }
}
