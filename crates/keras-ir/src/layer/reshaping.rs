//! Layers that move elements and compute nothing.

use super::config::{Config, DataFormat};
use super::{KerasLayer, MaskRule, Mismatch, single, single_of_rank};
use crate::shape::Spec;

/// The product of dimensions, unknown as soon as one is.
fn product(dims: &[Option<usize>]) -> Option<usize> {
    dims.iter()
        .try_fold(1_usize, |product, dim| product.checked_mul((*dim)?))
}

/// `Flatten`: all axes but the batch become one, channels last.
#[derive(Clone, Debug, PartialEq)]
pub struct Flatten {
    /// With `channels_first`, channels move to the end before flattening.
    pub data_format: DataFormat,
}

impl KerasLayer for Flatten {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            data_format: config.data_format(),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single(inputs)?;
        let (batch, rest) = split(inputs)?;
        Ok(vec![input.with_shape(vec![batch, product(rest)])])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}

/// The batch dimension and the others.
fn split(inputs: &[Spec]) -> Result<(Option<usize>, &[Option<usize>]), Mismatch> {
    match single(inputs)?.shape.0.split_first() {
        Some((batch, rest)) => Ok((*batch, rest)),
        None => Err(Mismatch::new("an input with a batch axis", inputs)),
    }
}

/// `Reshape` of everything but the batch axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Reshape {
    /// Target sizes without the batch axis; at most one `None` (Keras's −1) is inferred.
    pub target: Vec<Option<usize>>,
}

impl KerasLayer for Reshape {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        let target: Vec<Option<usize>> = config
            .integers("target_shape")
            .unwrap_or_default()
            .into_iter()
            .map(|size| usize::try_from(size).ok())
            .collect();
        if target.iter().filter(|size| size.is_none()).count() > 1 {
            config.unsupported("target_shape", "at most one -1");
        }
        Self { target }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let (batch, rest) = split(inputs)?;
        let mut shape = self.target.clone();
        if let Some(elements) = product(rest) {
            let known: Vec<_> = shape.iter().copied().filter(Option::is_some).collect();
            let known = product(&known).unwrap_or(usize::MAX);
            let fits = match shape.iter_mut().find(|size| size.is_none()) {
                Some(open) if known > 0 => {
                    *open = Some(elements / known);
                    elements.is_multiple_of(known)
                }
                _ => elements == known,
            };
            if !fits {
                let target = &self.target;
                return Err(Mismatch::new(
                    format!("as many elements as {target:?} has"),
                    inputs,
                ));
            }
        }
        shape.insert(0, batch);
        Ok(vec![single(inputs)?.with_shape(shape)])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}

/// `Permute` of everything but the batch axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Permute {
    /// Source positions, 1-based as in Keras: `dims[i]` is the input axis of output axis `i + 1`.
    pub dims: Vec<usize>,
}

impl KerasLayer for Permute {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        let dims: Vec<usize> = config
            .integers("dims")
            .unwrap_or_default()
            .into_iter()
            .filter_map(|dim| usize::try_from(dim).ok())
            .collect();
        let mut sorted = dims.clone();
        sorted.sort_unstable();
        if sorted != (1..=dims.len()).collect::<Vec<_>>() {
            config.unsupported("dims", "a permutation that starts at 1");
        }
        Self { dims }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single_of_rank(inputs, self.dims.len() + 1)?;
        let source = std::iter::once(0).chain(self.dims.iter().copied());
        let shape = source
            .map(|axis| input.shape.0.get(axis).copied())
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Mismatch::new("a permutation of its axes", inputs))?;
        Ok(vec![input.with_shape(shape)])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}

/// `RepeatVector`: `(batch, features)` becomes `(batch, n, features)`.
#[derive(Clone, Debug, PartialEq)]
pub struct RepeatVector {
    /// How often.
    pub n: usize,
}

impl KerasLayer for RepeatVector {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            n: config.size("n"),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single_of_rank(inputs, 2)?;
        let (batch, features) = (input.shape.0[0], input.shape.0[1]);
        Ok(vec![input.with_shape(vec![batch, Some(self.n), features])])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}
