//! Elementwise functions that Burn lacks or computes otherwise.

use burn::tensor::{Tensor, activation};

const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

/// `x` where `x > 0`, `negative` of `x` elsewhere.
///
/// `negative` sees 0 in the places that it does not decide: `exp` of a large positive `x` would be
/// infinite, and its gradient there `0 * inf`, which is NaN.
fn positive_or<const D: usize>(
    x: Tensor<D>,
    negative: impl FnOnce(Tensor<D>) -> Tensor<D>,
) -> Tensor<D> {
    let positive = x.clone().greater_scalar(0.0);
    let other = negative(x.clone().mask_fill(positive.clone(), 0.0));
    other.mask_where(positive, x)
}

/// `x` if `x > 0`, else `alpha * (exp(x) - 1)`.
pub fn elu<const D: usize>(x: Tensor<D>, alpha: f64) -> Tensor<D> {
    positive_or(x, |x| x.exp().sub_scalar(1.0).mul_scalar(alpha))
}

/// `1.0507... * elu(x, 1.6732...)`.
pub fn selu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    elu(x, SELU_ALPHA).mul_scalar(SELU_SCALE)
}

/// `x` if `x > 0`, else `alpha * (exp(x / alpha) - 1)`.
pub fn celu<const D: usize>(x: Tensor<D>, alpha: f64) -> Tensor<D> {
    positive_or(x, |x| {
        x.div_scalar(alpha).exp().sub_scalar(1.0).mul_scalar(alpha)
    })
}

/// `0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`: Keras's `gelu(approximate=True)`.
///
/// Burn's is equal, but raises `x` to a power in floating point, which is slow.
pub fn gelu_approximate<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    const SQRT_2_OVER_PI: f64 =
        core::f64::consts::FRAC_2_SQRT_PI * core::f64::consts::FRAC_1_SQRT_2;
    let cube = x.clone() * x.clone() * x.clone();
    let inner = (x.clone() + cube.mul_scalar(0.044715)).mul_scalar(SQRT_2_OVER_PI);
    x.mul_scalar(0.5) * inner.tanh().add_scalar(1.0)
}

/// `exp(x)`.
pub fn exponential<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.exp()
}

/// `ln(1 + exp(x))`, without overflow.
pub fn softplus<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::softplus(x, 1.0)
}

/// `x` limited to -1 .. 1.
pub fn hard_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clamp(-1.0, 1.0)
}

/// `x - tanh(x)`.
pub fn tanh_shrink<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::tanhshrink(x)
}

/// `(x + sqrt(x^2 + b)) / 2`.
pub fn squareplus<const D: usize>(x: Tensor<D>, b: f64) -> Tensor<D> {
    let root = (x.clone() * x.clone()).add_scalar(b).sqrt();
    (x + root).div_scalar(2.0)
}

/// 0 if `x <= -1`, `x` if `x >= 1`, else `(x + 1)^2 / 4`.
pub fn sparse_plus<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let low = x.clone().lower_equal_scalar(-1.0);
    let high = x.clone().greater_equal_scalar(1.0);
    let shifted = x.clone().add_scalar(1.0);
    (shifted.clone() * shifted)
        .div_scalar(4.0)
        .mask_fill(low, 0.0)
        .mask_where(high, x)
}

/// `(x + 1) / 2` limited to 0 .. 1.
pub fn sparse_sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.add_scalar(1.0).mul_scalar(0.5).clamp(0.0, 1.0)
}

/// Keras's `ReLU` layer in full: `min(x, max_value)` if `x > threshold`, else
/// `negative_slope * (x - threshold)`.
///
/// As in Keras, values that a negative `threshold` lets pass are limited below at 0 when there is
/// a `max_value`.
pub fn relu_with<const D: usize>(
    x: Tensor<D>,
    negative_slope: f64,
    max_value: Option<f64>,
    threshold: f64,
) -> Tensor<D> {
    if negative_slope != 0.0 && max_value.is_none() && threshold == 0.0 {
        return activation::leaky_relu(x, negative_slope);
    }
    let negative = (negative_slope != 0.0).then(|| {
        activation::relu(x.clone().neg().add_scalar(threshold)).mul_scalar(negative_slope)
    });
    let mut y = if threshold != 0.0 {
        activation::threshold(x, threshold, 0.0)
    } else {
        activation::relu(x)
    };
    if let Some(max_value) = max_value {
        y = y.clamp(0.0, max_value);
    }
    match negative {
        Some(negative) => y - negative,
        None => y,
    }
}
