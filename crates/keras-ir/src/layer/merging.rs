//! Layers that merge several inputs.

use super::config::Config;
use super::normalization::least_square;
use super::{KerasLayer, MaskRule, Mismatch};
use crate::shape::{Kind, Shape, Spec};
use crate::version::Generation;

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
    /// Whether inputs may have other shapes than the first; not in Keras 1.
    pub broadcasts: bool,
}

/// The kind that inputs of several kinds have together: floats win over integers, and those over
/// booleans (Keras 3, `result_type`; tf.keras merges one kind alone).
pub fn common_kind(inputs: &[Spec]) -> Kind {
    let has = |kind| inputs.iter().any(|spec| spec.kind == kind);
    if has(Kind::Float) {
        Kind::Float
    } else if has(Kind::Int) {
        Kind::Int
    } else {
        Kind::Bool
    }
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
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        Self {
            broadcasts: config.generation() > Generation::Keras1,
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
        let alike = |spec: &Spec| spec.shape.accepts(&inputs[0].shape);
        if !self.broadcasts && !inputs.iter().all(alike) {
            return Err(Mismatch::new("inputs of one shape", inputs));
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
        let kind = match (common_kind(inputs), self.operation) {
            (Kind::Int, operation) if operation != MergeOperation::Average => Kind::Int,
            _ => Kind::Float,
        };
        Ok(vec![Spec {
            shape: Shape(merged),
            kind,
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
        Ok(vec![Spec {
            shape: Shape(shape),
            kind: common_kind(inputs),
        }])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Join(self.axis)
    }
}

/// `Dot`: the sum of products along one axis of each input, sample by sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    /// Keras's axes of the first and the second input, the batch axis counted.
    pub axes: [i64; 2],
    /// With `normalize`, both are scaled to length 1 along their axis first: the least square of a
    /// length that is divided by.
    pub normalize: Option<f64>,
    /// Whether both are vectors or both are matrices: on Keras 1 with TensorFlow, which makes
    /// something else of more axes than its own shapes say.
    pub of_matrices: bool,
}

impl Dot {
    /// The positions of the axes in inputs that fit.
    ///
    /// # Errors
    ///
    /// When the layer cannot take the inputs.
    pub fn positions(&self, inputs: &[Spec]) -> Result<[usize; 2], Mismatch> {
        let mismatch = || {
            let [a, b] = self.axes;
            Mismatch::new(
                format!("two inputs of at least 2 axes, with axes {a} and {b} of one size"),
                inputs,
            )
        };
        let [a, b] = inputs else {
            return Err(mismatch());
        };
        let (a, b) = (&a.shape, &b.shape);
        let counts_back = self.axes.iter().any(|axis| *axis < 0);
        let is_simple = match (a.rank(), b.rank()) {
            (2, 2) => true,
            (3, 3) => !counts_back,
            _ => false,
        };
        if self.of_matrices && !is_simple {
            let expected = "two vectors, or two matrices and axes counted from the first";
            return Err(Mismatch::new(expected, inputs));
        }
        match (a.axis(self.axes[0]), b.axis(self.axes[1])) {
            (Some(at), Some(bt)) if at > 0 && bt > 0 => match (a.dim(at), b.dim(bt)) {
                (Some(x), Some(y)) if x != y => Err(mismatch()),
                _ => Ok([at, bt]),
            },
            _ => Err(mismatch()),
        }
    }
}

impl KerasLayer for Dot {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        let axes = match config.integers("axes").as_deref() {
            Some([both]) => [*both, *both],
            Some([first, second]) => [*first, *second],
            _ => {
                config.unsupported("axes", "one axis for both inputs, or one for each");
                [-1, -1]
            }
        };
        // Keras 3.15, `numerical_utils.normalize`: the default epsilon.
        let least = least_square(config.generation(), 1e-7);
        let is_keras1 = config.generation() == Generation::Keras1;
        Self {
            of_matrices: is_keras1 && !config.bool("theano", false),
            axes,
            normalize: config.bool("normalize", false).then_some(least),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let [first, second] = self.positions(inputs)?;
        let mut shape = inputs[0].shape.0.clone();
        shape.remove(first);
        let others = inputs[1].shape.0.iter().enumerate();
        shape.extend(
            others
                .filter(|(axis, _)| *axis != 0 && *axis != second)
                .map(|(_, size)| *size),
        );
        if shape.len() == 1 {
            shape.push(Some(1));
        }
        Ok(vec![Spec {
            shape: Shape(shape),
            kind: match common_kind(inputs) {
                Kind::Int if self.normalize.is_none() => Kind::Int,
                _ => Kind::Float,
            },
        }])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}
