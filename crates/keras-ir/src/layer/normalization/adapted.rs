//! Normalization by statistics of a data set: a preprocessing layer.

use serde_json::Value;

use crate::json;
use crate::layer::config::Config;
use crate::layer::{KerasLayer, MaskRule, Mismatch, WeightSpec, single};
use crate::shape::{Kind, Spec};

/// `Normalization`: `(x − mean) / max(√variance, 1e−7)`, or back with `invert`.
///
/// Mean and variance are weights if the layer was adapted to data, or constants of the config.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalization {
    /// The Keras axes that have a mean each; all others share it.
    pub axes: Vec<i64>,
    /// Mean and variance, if they are constants.
    pub constants: Option<[Constant; 2]>,
    /// Whether a normalised input is taken back.
    pub invert: bool,
    /// Whether a mask goes on: in Keras 3.
    pub passes_mask: bool,
}

/// An array in a config.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Constant {
    /// Nested lists of numbers, or one number.
    fn read(value: &Value) -> Option<Self> {
        let Some(items) = value.as_array() else {
            let values = vec![json::number(value)?];
            return Some(Self {
                shape: Vec::new(),
                values,
            });
        };
        let items: Vec<Self> = items.iter().map(Self::read).collect::<Option<_>>()?;
        let inner = items.first()?.shape.clone();
        let mut shape = vec![items.len()];
        shape.extend(&inner);
        let even = items.iter().all(|item| item.shape == inner);
        let values = items.into_iter().flat_map(|item| item.values).collect();
        even.then_some(Self { shape, values })
    }

    /// The values broadcast to `sizes`, row-major; `None` if they do not fit.
    fn broadcast(&self, sizes: &[usize]) -> Option<Vec<f64>> {
        let missing = sizes.len().checked_sub(self.shape.len())?;
        let mut pairs = self.shape.iter().zip(&sizes[missing..]);
        if !pairs.all(|(own, size)| own == size || *own == 1) {
            return None;
        }
        let count = sizes
            .iter()
            .try_fold(1_usize, |n, size| n.checked_mul(*size))?;
        let place = |mut index: usize| {
            let (mut own, mut stride) = (0, 1);
            for (axis, size) in sizes.iter().enumerate().rev() {
                let at = index % size;
                index /= size;
                let of_own = axis.checked_sub(missing).map_or(1, |axis| self.shape[axis]);
                if of_own > 1 {
                    own += at * stride;
                }
                stride *= of_own;
            }
            self.values[own]
        };
        // No input is that large; a config may say so.
        (count <= MOST_CONSTANTS).then(|| (0..count).map(place).collect())
    }
}

/// More constants than belong in source.
const MOST_CONSTANTS: usize = 1 << 16;

impl Normalization {
    /// The positions of the axes that have a mean each, ascending, and their sizes.
    pub fn kept(&self, input: &Spec) -> Option<(Vec<usize>, Vec<usize>)> {
        let positions = input.shape.axes(&self.axes)?;
        let sizes = positions.iter().map(|axis| input.shape.dim(*axis));
        let sizes = sizes.collect::<Option<_>>()?;
        (positions.first() != Some(&0)).then_some((positions, sizes))
    }

    /// Constant mean and variance for an input, one for each element of the axes kept.
    pub fn constants(&self, input: &Spec) -> Option<[Vec<f64>; 2]> {
        let (_, sizes) = self.kept(input)?;
        let [mean, variance] = self.constants.as_ref()?;
        Some([mean.broadcast(&sizes)?, variance.broadcast(&sizes)?])
    }

    fn mismatch(&self, inputs: &[Spec]) -> Mismatch {
        Mismatch::new(
            format!(
                "an input with axes {:?} of the statistics' sizes",
                self.axes
            ),
            inputs,
        )
    }
}

impl KerasLayer for Normalization {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        let axes = match config.value("axis") {
            None => Vec::new(),
            Some(_) => config.integers("axis").unwrap_or_default(),
        };
        let mut constant = |key| {
            let value = config.value(key)?;
            let constant = Constant::read(value);
            if constant.is_none() {
                config.unsupported(key, "a number, or nested lists of numbers");
            }
            constant
        };
        let constants = match (constant("mean"), constant("variance")) {
            (None, None) => None,
            (Some(mean), Some(variance)) => Some([mean, variance]),
            _ => {
                config.unsupported("variance", "a variance with a mean, and neither alone");
                None
            }
        };
        Self {
            axes,
            constants,
            invert: config.bool("invert", false),
            passes_mask: config.generation().is_keras3(),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single(inputs)?;
        let fits = match self.constants {
            None => self.kept(input).is_some(),
            Some(_) => self.constants(input).is_some(),
        };
        if !fits {
            return Err(self.mismatch(inputs));
        }
        Ok(vec![input.with_kind(Kind::Float)])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        if self.constants.is_some() {
            return Ok(Vec::new());
        }
        let kept = self.kept(single(inputs)?);
        let (_, sizes) = kept.ok_or_else(|| self.mismatch(inputs))?;
        let shape: Vec<_> = sizes.into_iter().map(Some).collect();
        Ok(vec![
            WeightSpec::untrained("mean", shape.clone()),
            WeightSpec::untrained("variance", shape),
            WeightSpec::untrained("count", Vec::new()),
        ])
    }

    fn mask_rule(&self) -> MaskRule {
        if self.passes_mask {
            MaskRule::Pass
        } else {
            MaskRule::Stop
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn constants_are_broadcast_from_the_last_axis() {
        for (value, expected) in [
            (json!(2), Some(vec![2.0; 6])),
            (json!([1, 2, 3]), Some(vec![1., 2., 3., 1., 2., 3.])),
            (json!([[1], [2]]), Some(vec![1., 1., 1., 2., 2., 2.])),
            (json!([1, 2]), None),
            (json!([[[1, 2, 3]]]), None),
        ] {
            let constant = Constant::read(&value);
            let found = constant.and_then(|constant| constant.broadcast(&[2, 3]));
            assert_eq!(found, expected, "{value}");
        }
        assert!(Constant::read(&json!([[1, 2], [3]])).is_none());
        assert!(Constant::read(&json!([])).is_none());
        assert!(Constant::read(&json!("x")).is_none());
    }
}
