//! Masks as values, by the rules of the layers, and those that cross a cut.

use keras_ir::Problem;
use keras_ir::layer::{GetMask, MaskRule, SetMask};
use keras_ir::shape::{Kind, Shape, Spec};

use super::{LayerCall, Lower, merging};
use crate::plan::{Function, Operation, ValueId};

impl Lower for GetMask {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let mask = call.mask().filter(|mask| call.rank(*mask) == self.rank);
        let Some(mask) = mask else {
            let expected = format!("an input with a mask of {} axes", self.rank);
            return Err(call.unsupported("mask", &expected, "none, or another"));
        };
        call.output(mask);
        Ok(())
    }
}

impl Lower for SetMask {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let tensor = call.input();
        call.output(tensor);
        Ok(())
    }
}

/// The mask of a call's first output.
pub(crate) fn output_mask(
    call: &mut LayerCall<'_, '_>,
    rule: MaskRule,
) -> Result<Option<ValueId>, Problem> {
    match rule {
        MaskRule::Stop => Ok(None),
        MaskRule::Pass => Ok(call.mask().map(|mask| call.cast(mask, Kind::Bool))),
        MaskRule::NotZero => {
            let ids = call.input();
            let spec = call.spec(ids).with_kind(Kind::Bool);
            Ok(Some(call.function(Function::NotEqual(0.0), ids, spec)))
        }
        MaskRule::NotValue(value) => Ok(Some(not_value(call, value))),
        MaskRule::Combine => Ok(combine(call)),
        MaskRule::Join(axis) => join(call, axis),
        MaskRule::Second => Ok(call.inputs().get(1).copied()),
    }
}

/// The mask that `Masking` makes of its input.
pub(crate) fn not_value(call: &mut LayerCall<'_, '_>, value: f64) -> ValueId {
    let input = call.float_input();
    let dims = &call.spec(input).shape.0;
    let shape = Shape(dims[..dims.len() - 1].to_vec());
    let spec = Spec {
        shape,
        kind: Kind::Bool,
    };
    call.function(Function::Masking(value), input, spec)
}

fn fold(call: &mut LayerCall<'_, '_>, function: &Function, masks: &[ValueId]) -> Option<ValueId> {
    let (first, others) = masks.split_first()?;
    Some(others.iter().fold(*first, |merged, mask| {
        merging::binary(call, function, merged, *mask)
    }))
}

/// Keras 3: either mask, if every input has one; before: both masks, of those that there are.
fn combine(call: &mut LayerCall<'_, '_>) -> Option<ValueId> {
    let masks = call.input_masks();
    let present: Vec<ValueId> = masks.iter().flatten().copied().collect();
    if call.generation().is_keras3() {
        if present.len() < masks.len() {
            return None;
        }
        fold(call, &Function::Or, &present)
    } else {
        fold(call, &Function::And, &present)
    }
}

/// Keras joins masks as wide as the inputs along the layer's axis, then reduces the last axis:
/// Keras 3 by `any`, with inputs without a mask as all kept, before by `all`.
fn join(call: &mut LayerCall<'_, '_>, axis: i64) -> Result<Option<ValueId>, Problem> {
    let masks = call.input_masks();
    if masks.iter().all(Option::is_none) {
        return Ok(None);
    }
    let inputs = call.inputs();
    let spec = call.spec(inputs[0]);
    let rank = spec.shape.rank();
    let axis = spec.shape.axis(axis).unwrap_or(rank - 1);
    let keras3 = call.generation().is_keras3();
    let mask_ranks: Vec<usize> = masks
        .iter()
        .flatten()
        .map(|mask| call.rank(*mask))
        .collect();
    let all_masked = masks.iter().all(Option::is_some);
    if mask_ranks.iter().any(|of_mask| *of_mask + 1 != rank)
        || (!keras3 && axis + 1 != rank && !all_masked)
    {
        return Err(call.unsupported(
            "axis",
            "a concatenation whose masks Keras can join",
            &format!("masked inputs of {rank} axes, joined along axis {axis}"),
        ));
    }
    if axis + 1 == rank {
        // Along the features: a step is kept where any (before Keras 3: every) input keeps it.
        return Ok(if !keras3 {
            let present: Vec<ValueId> = masks.iter().flatten().copied().collect();
            fold(call, &Function::And, &present)
        } else if all_masked {
            let present: Vec<ValueId> = masks.iter().flatten().copied().collect();
            fold(call, &Function::Or, &present)
        } else {
            Some(ones(call, inputs[0]))
        });
    }
    let mut joined = Vec::with_capacity(masks.len());
    for (mask, input) in masks.iter().zip(&inputs) {
        joined.push(match mask {
            Some(mask) => *mask,
            None => ones(call, *input),
        });
    }
    let mut spec = call.spec(joined[0]).clone();
    spec.shape.0[axis] = joined
        .iter()
        .map(|mask| call.spec(*mask).shape.dim(axis))
        .try_fold(0_usize, |sum, size| sum.checked_add(size?));
    let operation = Operation::Function(Function::Concatenate(axis));
    Ok(Some(call.step(operation, joined, spec)))
}

/// A mask that keeps every step of `value`.
fn ones(call: &mut LayerCall<'_, '_>, value: ValueId) -> ValueId {
    let dims = &call.spec(value).shape.0;
    let rank = dims.len() - 1;
    let spec = Spec {
        shape: Shape(dims[..rank].to_vec()),
        kind: Kind::Bool,
    };
    call.function(Function::OnesMask(rank), value, spec)
}
