//! Operations on masks that Keras 3 leaves in a config as nodes of their own.
//!
//! When a mask is computed for symbolic tensors, Keras 3 records `keras.ops` calls: `NotEqual` and
//! `Any` for `Embedding` and `Masking`, `ExpandDims`, `LogicalOr`, `ZerosLike`, `OnesLike`,
//! `Concatenate` and `Any` for merge layers, `ConvertToTensor` for attention (Keras 3.15,
//! `compute_mask` of those layers).

use serde_json::Value;

use super::config::Config;
use super::merging::{Concatenate, Merge, MergeOperation};
use super::{KerasLayer, MaskRule, Mismatch, single};
use crate::json;
use crate::shape::{Kind, Spec};

/// One operation node of a mask.
#[derive(Clone, Debug, PartialEq)]
pub enum MaskOperation {
    /// `x != value`
    NotEqual(f64),
    /// Whether any element along an axis is true.
    Any {
        /// The Keras axis.
        axis: i64,
        /// Whether the axis stays with size 1.
        keepdims: bool,
    },
    /// A new axis of size 1.
    ExpandDims {
        /// Its Keras position in the result.
        axis: i64,
    },
    /// `a | b`
    Or,
    /// `a & b`
    And,
    /// All false, in the input's shape.
    ZerosLike,
    /// All true, in the input's shape.
    OnesLike,
    /// Joined along a Keras axis.
    Concatenate {
        /// The axis.
        axis: i64,
    },
    /// Cast to booleans.
    Cast,
}

impl KerasLayer for MaskOperation {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        let literals = config.value("literals").and_then(Value::as_array);
        let literal = literals.and_then(|literals| literals.first());
        // The other operand of `NotEqual` may be a number alone; every other operation takes none.
        let operand = match class {
            "op:NotEqual" => match literal.and_then(json::number) {
                Some(value) => value,
                None => {
                    config.unsupported("literals", "a number to compare with");
                    0.0
                }
            },
            _ => {
                if literal.is_some() {
                    config.unsupported("literals", "no constant operand");
                }
                0.0
            }
        };
        if matches!(
            class,
            "op:ZerosLike" | "op:OnesLike" | "op:Cast" | "op:ConvertToTensor"
        ) {
            config.choice("dtype", &["bool"]);
        }
        match class {
            "op:NotEqual" => Self::NotEqual(operand),
            "op:Any" => {
                let axes = config.integers("axis").unwrap_or_default();
                if axes.len() != 1 {
                    config.unsupported("axis", "one axis");
                }
                Self::Any {
                    axis: axes.first().copied().unwrap_or(-1),
                    keepdims: config.bool("keepdims", false),
                }
            }
            "op:ExpandDims" => Self::ExpandDims {
                axis: config.integer("axis", -1),
            },
            "op:LogicalOr" => Self::Or,
            "op:LogicalAnd" => Self::And,
            "op:ZerosLike" => Self::ZerosLike,
            "op:OnesLike" => Self::OnesLike,
            "op:Concatenate" => Self::Concatenate {
                axis: config.integer("axis", 0),
            },
            _ => Self::Cast,
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let output = match self {
            Self::NotEqual(_) | Self::ZerosLike | Self::OnesLike | Self::Cast => {
                single(inputs)?.clone()
            }
            Self::Any { axis, keepdims } => {
                let mut input = single(inputs)?.clone();
                let axis = input
                    .shape
                    .axis(*axis)
                    .ok_or_else(|| Mismatch::new(format!("a tensor with axis {axis}"), inputs))?;
                if *keepdims {
                    input.shape.0[axis] = Some(1);
                } else {
                    input.shape.0.remove(axis);
                }
                input
            }
            Self::ExpandDims { axis } => {
                let mut input = single(inputs)?.clone();
                let rank = input.shape.rank() + 1;
                let axis = crate::shape::normalize_axis(*axis, rank)
                    .ok_or_else(|| Mismatch::new(format!("a place for axis {axis}"), inputs))?;
                input.shape.0.insert(axis, Some(1));
                input
            }
            Self::Or | Self::And => {
                let merge = Merge {
                    broadcasts: true,
                    operation: MergeOperation::Add,
                };
                match inputs {
                    [a, b] if a.shape.rank() == b.shape.rank() => merge.outputs(inputs)?.remove(0),
                    _ => return Err(Mismatch::new("two masks of the same rank", inputs)),
                }
            }
            Self::Concatenate { axis } => Concatenate { axis: *axis }.outputs(inputs)?.remove(0),
        };
        Ok(vec![output.with_kind(Kind::Bool)])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}
