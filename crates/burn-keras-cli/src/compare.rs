//! How far two tensors are apart.

use std::fmt;

/// What is accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// As a share of the largest reference value.
    pub relative: f64,
    /// On top.
    pub absolute: f64,
}

/// The result of comparing a tensor with its reference.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    /// The shapes differ.
    Shape {
        /// The tensor's.
        found: Vec<usize>,
        /// The reference's.
        expected: Vec<usize>,
    },
    /// The shapes are equal.
    Values {
        /// The largest |a − b|; infinite where only one is finite.
        absolute: f64,
        /// The largest |a − b| / |b| of elements with b ≠ 0.
        relative: f64,
        /// The largest |a − b| that is accepted.
        accepted: f64,
        /// The element that is farthest off, with both values, if any differs.
        worst: Option<Worst>,
        /// How many elements are NaN in one of both alone.
        nans: usize,
    },
}

/// An element that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Worst {
    /// Its place.
    pub index: Vec<usize>,
    /// The tensor's value.
    pub found: f64,
    /// The reference's value.
    pub expected: f64,
}

impl Comparison {
    /// Compares row-major values, `found` with the reference `expected`.
    pub fn new(
        found: (&[usize], &[f64]),
        expected: (&[usize], &[f64]),
        tolerance: Tolerance,
    ) -> Self {
        let ((shape, found), (reference_shape, expected)) = (found, expected);
        // Burn has no tensor without axes: a number has one of size 1.
        let is_number = reference_shape.is_empty() && shape == [1];
        if (shape != reference_shape && !is_number) || found.len() != expected.len() {
            return Self::Shape {
                found: shape.to_vec(),
                expected: reference_shape.to_vec(),
            };
        }
        let finite = expected.iter().filter(|value| value.is_finite());
        let largest = finite.fold(0.0, |largest: f64, value| largest.max(value.abs()));
        let (mut absolute, mut relative, mut nans, mut worst) = (0.0_f64, 0.0_f64, 0, None);
        for (at, (&a, &b)) in found.iter().zip(expected).enumerate() {
            if a.is_nan() || b.is_nan() {
                nans += usize::from(a.is_nan() != b.is_nan());
                continue;
            }
            // Infinities are equal or as far apart as can be.
            let difference = if a == b { 0.0 } else { (a - b).abs() };
            if difference > absolute {
                absolute = difference;
                worst = Some((at, a, b));
            }
            if b != 0.0 && difference > 0.0 {
                let share = difference / b.abs();
                relative = relative.max(if share.is_nan() { f64::INFINITY } else { share });
            }
        }
        Self::Values {
            absolute,
            relative,
            accepted: tolerance.absolute + tolerance.relative * largest,
            worst: worst.map(|(at, found, expected)| Worst {
                index: index(at, shape),
                found,
                expected,
            }),
            nans,
        }
    }

    /// Whether the tensor is as close as is accepted.
    pub fn passes(&self) -> bool {
        match self {
            Self::Shape { .. } => false,
            Self::Values {
                absolute,
                accepted,
                nans,
                ..
            } => *nans == 0 && absolute <= accepted,
        }
    }
}

fn index(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (place, axis) in index.iter_mut().zip(shape).rev() {
        *place = at % (*axis).max(1);
        at /= (*axis).max(1);
    }
    index
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.passes() { "equal" } else { "DIFFERS" };
        write!(f, "{verdict}: ")?;
        match self {
            Self::Shape { found, expected } => {
                write!(f, "shape {found:?}, the reference has {expected:?}")
            }
            Self::Values {
                absolute,
                relative,
                accepted,
                worst,
                nans,
            } => {
                write!(
                    f,
                    "largest difference {absolute:.3e} (accepted {accepted:.3e}), relative \
                     {relative:.3e}"
                )?;
                if *nans > 0 {
                    write!(f, ", {nans} elements are NaN in one alone")?;
                }
                match worst {
                    Some(worst) if absolute > accepted => write!(
                        f,
                        "; at {:?}: {}, the reference has {}",
                        worst.index, worst.found, worst.expected
                    ),
                    _ => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFINITY: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    fn compare(found: &[f64], expected: &[f64]) -> Comparison {
        let tolerance = Tolerance {
            relative: 0.1,
            absolute: 0.01,
        };
        let (a, b) = ([found.len()], [expected.len()]);
        Comparison::new((&a, found), (&b, expected), tolerance)
    }

    #[test]
    fn the_tolerance_is_a_share_of_the_largest_value() {
        assert!(compare(&[1.0, 0.1], &[1.0, 0.0]).passes());
        assert!(compare(&[1.0, 0.109], &[1.0, 0.0]).passes());
        assert!(!compare(&[1.0, 0.111], &[1.0, 0.0]).passes());
        assert!(compare(&[], &[]).passes());
    }

    #[test]
    fn not_a_number_only_where_the_reference_has_it() {
        assert!(compare(&[NAN, 1.0], &[NAN, 1.0]).passes());
        assert!(!compare(&[NAN, 1.0], &[1.0, 1.0]).passes());
        assert!(!compare(&[1.0, 1.0], &[NAN, 1.0]).passes());
    }

    #[test]
    fn infinities_widen_no_tolerance() {
        assert!(compare(&[INFINITY, 1.0], &[INFINITY, 1.0]).passes());
        assert!(!compare(&[INFINITY, 2.0], &[INFINITY, 1.0]).passes());
        assert!(!compare(&[-INFINITY], &[INFINITY]).passes());
        assert!(!compare(&[1.0], &[INFINITY]).passes());
        assert!(!compare(&[INFINITY], &[1.0]).passes());
    }

    #[test]
    fn shapes_are_compared_first() {
        let comparison = compare(&[1.0], &[1.0, 1.0]);
        assert_eq!(
            comparison.to_string(),
            "DIFFERS: shape [1], the reference has [2]"
        );
    }

    #[test]
    fn the_worst_element_is_named() {
        let tolerance = Tolerance {
            relative: 0.0,
            absolute: 0.0,
        };
        let a = [1.0, 2.0, 3.0, 4.5];
        let b = [1.0, 2.0, 2.0, 4.0];
        let comparison = Comparison::new((&[2, 2], &a), (&[2, 2], &b), tolerance);
        assert_eq!(
            comparison.to_string(),
            "DIFFERS: largest difference 1.000e0 (accepted 0.000e0), relative 5.000e-1; \
             at [1, 0]: 3, the reference has 2"
        );
    }
}
