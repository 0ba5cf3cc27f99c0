//! What the outputs of a batch should have been.

use alloc::{vec, vec::Vec};
use burn::tensor::Tensor;
use burn::tensor::kind::Basic;

use crate::loss::{ShapeError, Shaped, Target};

/// What the outputs of a batch should have been, with weights of the samples.
///
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use burn_keras_nn::training::Targets;
///
/// let device = Device::flex();
/// let labels = Tensor::<1, Int>::from_ints([0, 2], &device);
/// let one: Targets = labels.clone().into();
/// let weights = Tensor::<1>::from_floats([1.0, 0.5], &device);
/// let two = Targets::new()
///     .with_weighted(labels, weights)
///     .with(Tensor::<2>::zeros([2, 3], &device));
/// assert_eq!((one.len(), two.len()), (1, 2));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Targets(Vec<(Target, Option<Shaped>)>);

impl Targets {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the target of the next output.
    #[must_use]
    pub fn with(mut self, target: impl Into<Target>) -> Self {
        self.0.push((target.into(), None));
        self
    }

    /// Adds the target of the next output, and `fit`'s `sample_weight` for it: of the shape
    /// `[batch]` or `[batch, steps]`, see [`Weights`](crate::loss::Weights).
    #[must_use]
    pub fn with_weighted<const D: usize>(
        mut self,
        target: impl Into<Target>,
        sample_weight: Tensor<D>,
    ) -> Self {
        self.0.push((target.into(), Some(sample_weight.into())));
        self
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The target at `place`, and its weights.
    pub(super) fn at(&self, place: usize) -> Result<(&Target, Option<&Shaped>), ShapeError> {
        let found = self.0.get(place);
        let (target, weight) = found.ok_or(ShapeError::Targets {
            expected: place + 1,
            found: self.len(),
        })?;
        Ok((target, weight.as_ref()))
    }

    /// Where the targets of the outputs `chosen` are, which have a loss, of `outputs` in all.
    pub(super) fn places(
        &self,
        chosen: &[usize],
        outputs: usize,
    ) -> Result<Vec<usize>, ShapeError> {
        if self.len() == outputs {
            Ok(chosen.to_vec())
        } else if self.len() == chosen.len() {
            Ok((0..chosen.len()).collect())
        } else {
            Err(ShapeError::Targets {
                expected: chosen.len(),
                found: self.len(),
            })
        }
    }
}

impl From<Target> for Targets {
    fn from(target: Target) -> Self {
        Self(vec![(target, None)])
    }
}

impl<const D: usize, K: Basic> From<Tensor<D, K>> for Targets
where
    Target: From<Tensor<D, K>>,
{
    fn from(target: Tensor<D, K>) -> Self {
        Target::from(target).into()
    }
}

impl<T: Into<Target>, const N: usize> From<[T; N]> for Targets {
    fn from(targets: [T; N]) -> Self {
        targets.into_iter().map(Into::into).collect()
    }
}

impl FromIterator<Target> for Targets {
    fn from_iter<I: IntoIterator<Item = Target>>(targets: I) -> Self {
        Self(targets.into_iter().map(|target| (target, None)).collect())
    }
}
