//! Functions of each element, and of pairs of elements, that Burn lacks or has otherwise.
//!
//! Functions of two tensors broadcast axes of size 1. Those whose names begin with `int` take
//! integers of any widths: where two differ, the result has the wider one.

use burn::tensor::{Bool, Int, IntDType, Tensor};

use crate::merge::{self, broadcast};

/// `1 / √x`
pub fn rsqrt<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.sqrt().recip()
}

/// The number whose cube is `x`.
pub fn cbrt<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clone().sign() * x.abs().powf_scalar(1.0 / 3.0)
}

/// `2ˣ`
pub fn exp2<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.full_like(2.0).powf(x)
}

/// `eˣ - 1`, exact for small `x` too.
pub fn expm1<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    // tanh(x / 2) = (eˣ - 1) / (eˣ + 1)
    let half = x.clone().mul_scalar(0.5).tanh();
    let small = half.clone().mul_scalar(2.0) / (half.neg().add_scalar(1.0));
    let is_large = x.clone().abs().greater_scalar(1.0);
    small.mask_where(is_large, x.exp().sub_scalar(1.0))
}

/// The logarithm to the base 2.
pub fn log2<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.log().div_scalar(core::f64::consts::LN_2)
}

/// The logarithm to the base 10.
pub fn log10<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.log().div_scalar(core::f64::consts::LN_10)
}

/// The angle whose sine is `x`. (Vulkan's own is off by 4e-4.)
pub fn arcsin<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let cosine = cofunction(x.clone());
    x.atan2(cosine)
}

/// The angle whose cosine is `x`.
pub fn arccos<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    cofunction(x.clone()).atan2(x)
}

/// `√(1 - x²)`
fn cofunction<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let less = x.clone().neg().add_scalar(1.0);
    less.mul(x.add_scalar(1.0)).sqrt()
}

/// `sin(πx) / πx`, and 1 at 0.
pub fn sinc<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let is_zero = x.clone().equal_scalar(0.0);
    let angle = x.mul_scalar(core::f64::consts::PI);
    let y = angle.clone().sin() / angle;
    y.mask_fill(is_zero, 1.0)
}

/// `1 - erf(x)`
pub fn erfc<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.erf().neg().add_scalar(1.0)
}

/// The closest whole number, of two the even one.
pub fn round<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.round()
}

/// `a / b`.
pub fn divide<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    a.div(b)
}

/// `a / b`, and 0 where `b` is 0.
pub fn divide_no_nan<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (a, b) = broadcast(a, b);
    let is_zero = b.clone().equal_scalar(0.0);
    a.div(b).mask_fill(is_zero, 0.0)
}

/// `a / b`, rounded down.
pub fn floor_divide<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    a.div(b).floor()
}

/// The rest of [`floor_divide`]: it has the sign of `b`.
pub fn modulo<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (a, b) = broadcast(a, b);
    let rest = a.fmod(b.clone());
    let turns = rest.clone().mul(b.clone()).lower_scalar(0.0);
    rest.clone().mask_where(turns, rest + b)
}

/// The rest of division towards zero: it has the sign of `a`.
pub fn remainder<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (a, b) = broadcast(a, b);
    a.fmod(b)
}

/// `a` to the power of `b`.
pub fn power<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (a, b) = broadcast(a, b);
    a.powf(b)
}

/// `(a - b)²`
pub fn squared_difference<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    a.sub(b).square()
}

/// The angle of the point `(b, a)`.
pub fn arctan2<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (a, b) = broadcast(a, b);
    a.atan2(b)
}

/// `√(a² + b²)`
pub fn hypot<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (a, b) = broadcast(a, b);
    a.hypot(b)
}

/// `log(eᵃ + eᵇ)`
pub fn logaddexp<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let (a, b) = broadcast(a, b);
    let same = a.clone().equal(b.clone());
    // Of two equal infinities the difference is none.
    let distance = a.clone().sub(b.clone()).abs().mask_fill(same, 0.0);
    merge::maximum(a, b) + distance.neg().exp().log1p()
}

/// Whether `a == b`.
pub fn equal<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D, Bool> {
    let (a, b) = broadcast(a, b);
    a.equal(b)
}

/// Whether `a != b`.
pub fn not_equal<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D, Bool> {
    let (a, b) = broadcast(a, b);
    a.not_equal(b)
}

/// Whether `a > b`.
pub fn greater<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D, Bool> {
    let (a, b) = broadcast(a, b);
    a.greater(b)
}

/// Whether `a >= b`.
pub fn greater_equal<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D, Bool> {
    let (a, b) = broadcast(a, b);
    a.greater_equal(b)
}

/// Whether `a < b`.
pub fn less<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D, Bool> {
    greater(b, a)
}

/// Whether `a <= b`.
pub fn less_equal<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D, Bool> {
    greater_equal(b, a)
}

/// Whether one of both is true, not both.
pub fn xor<const D: usize>(a: Tensor<D, Bool>, b: Tensor<D, Bool>) -> Tensor<D, Bool> {
    let (a, b) = broadcast(a, b);
    a.bool_xor(b)
}

/// Both in one shape and of one width.
fn int_pair<const D: usize>(
    a: Tensor<D, Int>,
    b: Tensor<D, Int>,
) -> (Tensor<D, Int>, Tensor<D, Int>) {
    let (a, b) = broadcast(a, b);
    if a.dtype() == b.dtype() {
        return (a, b);
    }
    (a.cast(IntDType::I64), b.cast(IntDType::I64))
}

/// `a + b`.
pub fn int_add<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Int> {
    let (a, b) = int_pair(a, b);
    a.add(b)
}

/// `a - b`.
pub fn int_subtract<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Int> {
    let (a, b) = int_pair(a, b);
    a.sub(b)
}

/// `a * b`.
pub fn int_multiply<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Int> {
    let (a, b) = int_pair(a, b);
    a.mul(b)
}

/// `a / b`, rounded down, and 0 where `b` is 0: TensorFlow raises an error there.
pub fn int_floor_divide<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Int> {
    let (a, b) = int_pair(a, b);
    let is_zero = b.clone().equal_scalar(0);
    let b = b.mask_fill(is_zero.clone(), 1);
    let rest = a.clone().remainder(b.clone());
    a.sub(rest).div(b).mask_fill(is_zero, 0)
}

/// The rest of [`int_floor_divide`], and 0 where `b` is 0: it has the sign of `b`.
pub fn int_modulo<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Int> {
    let (a, b) = int_pair(a, b);
    let is_zero = b.clone().equal_scalar(0);
    let b = b.mask_fill(is_zero.clone(), 1);
    a.remainder(b).mask_fill(is_zero, 0)
}

/// The rest of division towards zero, and 0 where `b` is 0: it has the sign of `a`.
pub fn int_remainder<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Int> {
    let sign = a.clone().sign();
    int_multiply(sign, int_modulo(a.abs(), b.abs()))
}

/// `a` to the power of `b`.
pub fn int_power<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Int> {
    let (a, b) = int_pair(a, b);
    a.powi(b)
}

/// The larger.
pub fn int_maximum<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Int> {
    let (a, b) = int_pair(a, b);
    merge::maximum(a, b)
}

/// The smaller.
pub fn int_minimum<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Int> {
    let (a, b) = int_pair(a, b);
    merge::minimum(a, b)
}

/// `(a - b)²`
pub fn int_squared_difference<const D: usize>(
    a: Tensor<D, Int>,
    b: Tensor<D, Int>,
) -> Tensor<D, Int> {
    let difference = int_subtract(a, b);
    difference.clone().mul(difference)
}

/// Whether `a == b`.
pub fn int_equal<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Bool> {
    let (a, b) = int_pair(a, b);
    a.equal(b)
}

/// Whether `a != b`.
pub fn int_not_equal<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Bool> {
    int_equal(a, b).bool_not()
}

/// Whether `a > b`.
pub fn int_greater<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Bool> {
    let (a, b) = int_pair(a, b);
    a.greater(b)
}

/// Whether `a >= b`.
pub fn int_greater_equal<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Bool> {
    int_greater(b, a).bool_not()
}

/// Whether `a < b`.
pub fn int_less<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Bool> {
    int_greater(b, a)
}

/// Whether `a <= b`.
pub fn int_less_equal<const D: usize>(a: Tensor<D, Int>, b: Tensor<D, Int>) -> Tensor<D, Bool> {
    int_greater(a, b).bool_not()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, devices, values};

    #[test]
    fn signs_of_rests() {
        for device in devices() {
            let a = Tensor::<1>::from_floats([5.5, -5.5, 5.5, -5.5, 4.0], &device);
            let b = Tensor::<1>::from_floats([2.0, 2.0, -2.0, -2.0, 2.0], &device);
            assert_eq!(
                values(modulo(a.clone(), b.clone())),
                [1.5, 0.5, -0.5, -1.5, 0.0]
            );
            assert_eq!(
                values(remainder(a.clone(), b.clone())),
                [1.5, -1.5, 1.5, -1.5, 0.0]
            );
            assert_eq!(values(floor_divide(a, b)), [2.0, -3.0, -3.0, 2.0, 2.0]);
            let a = Tensor::<1, Int>::from_ints([7, -7, 7, -7, 7], &device);
            let b = Tensor::<1, Int>::from_ints([2, 2, -2, -2, 0], &device);
            let run =
                |y: Tensor<1, Int>| y.into_data().iter::<i64>().collect::<alloc::vec::Vec<_>>();
            assert_eq!(
                run(int_floor_divide(a.clone(), b.clone())),
                [3, -4, -4, 3, 0]
            );
            assert_eq!(run(int_modulo(a.clone(), b.clone())), [1, 1, -1, -1, 0]);
            assert_eq!(run(int_remainder(a, b)), [1, -1, 1, -1, 0]);
        }
    }

    #[test]
    fn integers_of_two_widths() {
        for device in devices() {
            let a = Tensor::<1, Int>::from_ints([7, -7], &device).cast(IntDType::I32);
            let b = Tensor::<1, Int>::from_ints([2, 2], &device).cast(IntDType::I64);
            let y = int_add(a, b);
            assert_eq!(
                y.into_data().iter::<i64>().collect::<alloc::vec::Vec<_>>(),
                [9, -5]
            );
        }
    }

    #[test]
    fn limits() {
        for device in devices() {
            let x = Tensor::<1>::from_floats([-30.0, -1e-6, 0.0, 1e-6, 0.5, 3.0], &device);
            close(
                &values(expm1(x)),
                &[-1.0, -9.999995e-7, 0.0, 1.0000005e-6, 0.6487213, 19.085537],
                1e-6,
            );
            let x = Tensor::<1>::from_floats([0.0, 0.5, 2.5], &device);
            close(&values(sinc(x)), &[1.0, 0.63661975, 0.12732396], 1e-6);
            let x = Tensor::<1>::from_floats([0.5, 1.5, 2.5, -0.5], &device);
            assert_eq!(values(round(x)), [0.0, 2.0, 2.0, 0.0]);
            let inf = f32::INFINITY;
            let a = Tensor::<1>::from_floats([1.0, -inf, inf, 3.0], &device);
            let b = Tensor::<1>::from_floats([2.0, -inf, inf, -inf], &device);
            close(&values(logaddexp(a, b)), &[2.3132617, -inf, inf, 3.0], 1e-6);
        }
    }
}
