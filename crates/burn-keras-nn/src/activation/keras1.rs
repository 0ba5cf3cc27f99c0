//! Trained activations of Keras 1 that no later Keras has.

use alloc::vec::Vec;
use burn::{
    module::{Initializer, Module, Param},
    tensor::{
        Device, Tensor,
        activation::{relu, softplus},
    },
};

/// A row of weights in the shape that broadcasts against an input of `D` axes: `shape` behind the
/// batch axis.
pub(super) fn of_elements<const D: usize>(row: &Param<Tensor<1>>, shape: &[usize]) -> Tensor<D> {
    let shape: [usize; D] =
        core::array::from_fn(|axis| axis.checked_sub(1).map_or(1, |at| shape[at]));
    row.val().reshape(shape)
}

/// Configuration of a [`ParametricSoftplus`].
#[derive(Clone, Debug, PartialEq)]
pub struct ParametricSoftplusConfig {
    /// The shape of Keras's weights: that of the input without the batch axis, 1 along shared axes.
    pub shape: Vec<usize>,
}

impl ParametricSoftplusConfig {
    /// Weights of `shape`.
    pub fn new(shape: impl Into<Vec<usize>>) -> Self {
        Self {
            shape: shape.into(),
        }
    }

    /// Makes the module, with Keras's initial values.
    pub fn init(&self, device: &Device) -> ParametricSoftplus {
        let size: usize = self.shape.iter().product();
        let row = |value| Initializer::Constant { value }.init([size], device);
        ParametricSoftplus {
            alpha: row(0.2),
            beta: row(5.0),
            shape: self.shape.clone(),
        }
    }
}

/// Keras 1's `ParametricSoftplus`: `alpha * softplus(beta * x)`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::activation::ParametricSoftplusConfig;
///
/// # fn forward(device: &Device) -> Tensor<3> {
/// let x = Tensor::<3>::zeros([2, 4, 3], device);
/// ParametricSoftplusConfig::new([1, 3]).init(device).forward(x)
/// # }
/// ```
#[derive(Module, Debug)]
pub struct ParametricSoftplus {
    /// The factors: a row of the elements of `shape`.
    pub alpha: Param<Tensor<1>>,
    /// The steepness: a row of the elements of `shape`.
    pub beta: Param<Tensor<1>>,
    /// The shape of Keras's weights.
    pub shape: Vec<usize>,
}

impl ParametricSoftplus {
    /// Applies the function to `x` `[batch, ...]`.
    ///
    /// # Panics
    ///
    /// If `x` has not one axis more than `shape`, or its sizes do not fit.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let beta = of_elements(&self.beta, &self.shape);
        softplus(x.mul(beta), 1.0).mul(of_elements(&self.alpha, &self.shape))
    }
}

/// Configuration of a [`SRelu`].
#[derive(Clone, Debug, PartialEq)]
pub struct SReluConfig {
    /// The shape of Keras's weights: that of the input without the batch axis, 1 along shared axes.
    pub shape: Vec<usize>,
    /// Whether what a negative lower slope gives is cut off at the upper threshold, as on Theano.
    /// Default: false.
    pub cuts_left: bool,
}

impl SReluConfig {
    /// Weights of `shape`.
    pub fn new(shape: impl Into<Vec<usize>>) -> Self {
        Self {
            shape: shape.into(),
            cuts_left: false,
        }
    }

    /// Sets [`cuts_left`](Self::cuts_left).
    pub fn with_cuts_left(mut self, cuts_left: bool) -> Self {
        self.cuts_left = cuts_left;
        self
    }

    /// Makes the module. It starts as `relu` with a threshold of 1, above which the slope is 1 too.
    pub fn init(&self, device: &Device) -> SRelu {
        let size: usize = self.shape.iter().product();
        let row = |value| Initializer::Constant { value }.init([size], device);
        SRelu {
            t_left: row(0.0),
            a_left: row(0.0),
            t_right: row(1.0),
            a_right: row(1.0),
            shape: self.shape.clone(),
            cuts_left: self.cuts_left,
        }
    }
}

/// Keras 1's `SReLU`: `x` between two thresholds, and straight on with another slope beyond each of
/// them. The upper threshold is `t_left + |t_right|`.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::activation::SReluConfig;
///
/// # fn forward(device: &Device) -> Tensor<3> {
/// let x = Tensor::<3>::zeros([2, 4, 3], device);
/// SReluConfig::new([4, 3]).init(device).forward(x)
/// # }
/// ```
#[derive(Module, Debug)]
pub struct SRelu {
    /// The lower thresholds: a row of the elements of `shape`.
    pub t_left: Param<Tensor<1>>,
    /// The slopes below them.
    pub a_left: Param<Tensor<1>>,
    /// How far above them the upper thresholds are.
    pub t_right: Param<Tensor<1>>,
    /// The slopes above those.
    pub a_right: Param<Tensor<1>>,
    /// The shape of Keras's weights.
    pub shape: Vec<usize>,
    /// See [`SReluConfig::cuts_left`].
    pub cuts_left: bool,
}

impl SRelu {
    /// Applies the function to `x` `[batch, ...]`.
    ///
    /// # Panics
    ///
    /// If `x` has not one axis more than `shape`, or its sizes do not fit.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let row = |row| of_elements::<D>(row, &self.shape);
        let start = row(&self.t_left);
        let width = row(&self.t_right).abs();
        let x = x.sub(start.clone());
        let below = relu(x.clone().neg()).mul(row(&self.a_left));
        let above = relu(x.clone().sub(width.clone())).mul(row(&self.a_right));
        let inner = if self.cuts_left {
            relu(x).sub(below).min_pair(width)
        } else {
            relu(x).min_pair(width).sub(below)
        };
        start.add(inner).add(above)
    }
}
