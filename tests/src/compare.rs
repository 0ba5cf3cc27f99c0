//! How far tensors are from their reference.

/// What is accepted: |a − b| ≤ absolute + relative · max |b|.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// As a share of the largest reference value.
    pub relative: f64,
    /// On top.
    pub absolute: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self {
            relative: 1e-4,
            absolute: 1e-5,
        }
    }
}

/// How far values are from their reference.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Difference {
    /// The largest difference.
    pub absolute: f64,
    /// The same as a share of the largest reference value.
    pub relative: f64,
}

impl Difference {
    /// The larger of both.
    pub fn max(self, other: Self) -> Self {
        Self {
            absolute: self.absolute.max(other.absolute),
            relative: self.relative.max(other.relative),
        }
    }
}

/// Compares values with their reference: same shape, NaN only where the reference has it.
///
/// The difference, or what is wrong.
pub fn compare(
    found: (&[usize], &[f64]),
    expected: (&[usize], &[f64]),
    tolerance: Tolerance,
) -> Result<Difference, String> {
    let ((shape, found), (reference, expected)) = (found, expected);
    if shape != reference {
        return Err(format!("shape {shape:?}, the reference has {reference:?}"));
    }
    let finite = expected.iter().filter(|value| value.is_finite());
    let scale = finite.fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let accepted = tolerance.absolute + tolerance.relative * scale;
    let mut largest = 0.0_f64;
    let mut worst = None;
    for (at, (&a, &b)) in found.iter().zip(expected).enumerate() {
        if a.is_nan() != b.is_nan() {
            return Err(format!("element {at} is {a}, the reference has {b}"));
        }
        let difference = if a == b || a.is_nan() {
            0.0
        } else {
            (a - b).abs()
        };
        if difference > largest {
            largest = difference;
            worst = Some((at, a, b));
        }
    }
    match worst {
        Some((at, a, b)) if largest > accepted => Err(format!(
            "largest difference {largest:.3e} (accepted {accepted:.3e}), element {at} is {a}, the \
             reference has {b}"
        )),
        _ => Ok(Difference {
            absolute: largest,
            // Of a reference of zeros nothing is a share.
            relative: largest / if scale > 0.0 { scale } else { 1.0 },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differ(found: &[f64], expected: &[f64]) -> bool {
        let (a, b) = ([found.len()], [expected.len()]);
        compare((&a, found), (&b, expected), Tolerance::default()).is_err()
    }

    #[test]
    fn nan_and_infinity_are_only_themselves() {
        let (inf, nan) = (f64::INFINITY, f64::NAN);
        assert!(!differ(&[inf, nan, 1.0], &[inf, nan, 1.0]));
        assert!(differ(&[1.0], &[nan]));
        assert!(differ(&[nan], &[1.0]));
        assert!(differ(&[-inf], &[inf]));
        assert!(differ(&[1.0, inf], &[1.1, inf]));
        assert!(differ(&[1.0], &[1.0, 1.0]));
    }

    #[test]
    fn the_largest_reference_sets_the_scale() {
        assert!(!differ(&[100.005, 0.005], &[100.0, 0.0]));
        assert!(differ(&[100.02, 0.0], &[100.0, 0.0]));
    }
}
