//! What `core` lacks.

/// The square root: Newton's method on 0 or positive values.
pub(crate) fn square_root(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    // half the exponent, for a start within a factor of 2
    let mut root = f64::from_bits((x.to_bits() >> 1) + (1023_u64 << 51));
    for _ in 0..6 {
        root = 0.5 * (root + x / root);
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots() {
        for x in [1e-12, 0.25, 1.0 / 3.0, 2.0, 99.0, 1e12] {
            assert!((square_root(x) / std::primitive::f64::sqrt(x) - 1.0).abs() < 1e-15);
        }
    }
}
