//! Layers that merge several inputs.

use super::config::Config;
use super::{KerasLayer, MaskRule, Mismatch};
use crate::shape::{Kind, Shape, Spec};

/// What a [`Merge`] does with its inputs, from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MergeOperation {
    /// Sum.
    Add,
    /// Difference of two.
    Subtract,
    /// Product.
    Multiply,
    /// Mean.
    Average,
    /// Largest.
    Maximum,
    /// Smallest.
    Minimum,
}

/// `Add`, `Subtract`, `Multiply`, `Average`, `Maximum` and `Minimum`, element by element.
///
/// Axes of size 1 are broadcast. An input of lower rank gets axes of size 1 behind the batch axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Merge {
    /// What is done.
    pub operation: MergeOperation,
}

/// The shape of `input` in a merge of `rank` axes.
pub fn broadcast_rank(input: &Shape, rank: usize) -> Shape {
    let mut dims = input.0.clone();
    let missing = rank.saturating_sub(dims.len());
    let at = dims.len().min(1);
    dims.splice(at..at, std::iter::repeat_n(Some(1), missing));
    Shape(dims)
}

impl KerasLayer for Merge {
    fn read(class: &str, _config: &mut Config<'_>) -> Self {
        Self {
            operation: match class {
                "Subtract" => MergeOperation::Subtract,
                "Multiply" => MergeOperation::Multiply,
                "Average" => MergeOperation::Average,
                "Maximum" => MergeOperation::Maximum,
                "Minimum" => MergeOperation::Minimum,
                _ => MergeOperation::Add,
            },
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let count_fits = match self.operation {
            MergeOperation::Subtract => inputs.len() == 2,
            _ => !inputs.is_empty(),
        };
        if !count_fits {
            return Err(Mismatch::new("the inputs to merge", inputs));
        }
        let rank = inputs.iter().map(|spec| spec.shape.rank()).max();
        let mut merged: Vec<Option<usize>> = vec![Some(1); rank.unwrap_or(0)];
        for input in inputs {
            for (dim, other) in merged
                .iter_mut()
                .zip(broadcast_rank(&input.shape, rank.unwrap_or(0)).0)
            {
                *dim = match (*dim, other) {
                    (Some(1), other) => other,
                    (dim, Some(1)) => dim,
                    (Some(a), Some(b)) if a == b => Some(a),
                    (Some(a), None) | (None, Some(a)) => Some(a),
                    (None, None) => None,
                    _ => return Err(Mismatch::new("shapes that broadcast", inputs)),
                };
            }
        }
        // The batch size stays open even if one input fixes it.
        if let (Some(first), true) = (
            merged.first_mut(),
            inputs
                .iter()
                .any(|spec| spec.shape.0.first() == Some(&None)),
        ) {
            *first = None;
        }
        let all_int = inputs.iter().all(|spec| spec.kind == Kind::Int);
        Ok(vec![Spec {
            shape: Shape(merged),
            kind: if all_int && self.operation != MergeOperation::Average {
                Kind::Int
            } else {
                Kind::Float
            },
        }])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Combine
    }
}

/// `Concatenate` along one axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Concatenate {
    /// The Keras axis, the batch axis counted.
    pub axis: i64,
}

impl KerasLayer for Concatenate {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            axis: config.integer("axis", -1),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let Some((first, others)) = inputs.split_first() else {
            return Err(Mismatch::new("at least one input", inputs));
        };
        let mismatch = || Mismatch::new("shapes that differ on one axis alone", inputs);
        let axis = first.shape.axis(self.axis).ok_or_else(mismatch)?;
        let mut shape = first.shape.0.clone();
        for other in others {
            if other.shape.rank() != shape.len() {
                return Err(mismatch());
            }
            for (position, (dim, size)) in shape.iter_mut().zip(&other.shape.0).enumerate() {
                *dim = match (*dim, *size) {
                    (Some(a), Some(b)) if position == axis => a.checked_add(b),
                    _ if position == axis => None,
                    (Some(a), Some(b)) if a != b => return Err(mismatch()),
                    (None, _) | (_, None) if position == 0 => None,
                    (a, b) => a.or(b),
                };
            }
        }
        let kind = if inputs.iter().all(|spec| spec.kind == first.kind) {
            first.kind
        } else {
            Kind::Float
        };
        Ok(vec![Spec {
            shape: Shape(shape),
            kind,
        }])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Join(self.axis)
    }
}
