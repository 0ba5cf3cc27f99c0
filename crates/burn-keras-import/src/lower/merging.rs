//! Layers that merge several inputs.

use keras_ir::Problem;
use keras_ir::layer::KerasLayer;
use keras_ir::layer::merging::{Concatenate, Dot, Merge, MergeOperation, broadcast_rank};
use keras_ir::shape::{Kind, Spec};

use super::{LayerCall, Lower};
use crate::plan::{Function, Operation, ValueId};

/// The output for the call's inputs.
pub(super) fn outputs(layer: &dyn KerasLayer, call: &LayerCall<'_, '_>) -> Result<Spec, Problem> {
    let inputs = call.inputs();
    let specs: Vec<Spec> = inputs
        .iter()
        .map(|input| call.spec(*input).clone())
        .collect();
    match layer.outputs(&specs) {
        Ok(mut outputs) => Ok(outputs.remove(0)),
        Err(m) => Err(call.unsupported("inputs", &m.expected, &m.found)),
    }
}

impl Lower for Merge {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let spec = outputs(self, call)?;
        let kind = spec.kind;
        let rank = spec.shape.rank();
        let masks = value_masks(call, rank);
        // Masks fill in floats.
        let computed = match kind {
            Kind::Int if masks.iter().all(Option::is_none) => Kind::Int,
            _ => Kind::Float,
        };
        let mut inputs = Vec::new();
        for input in call.inputs() {
            let input = call.cast(input, computed);
            let missing = rank - call.rank(input);
            inputs.push(if missing == 0 {
                input
            } else {
                let shape = broadcast_rank(&call.spec(input).shape, rank);
                let axes = (1..=missing).collect();
                let spec = call.spec(input).with_shape(shape.0);
                call.function(Function::ExpandDims(axes), input, spec)
            });
        }
        let spec = spec.with_kind(computed);
        let value = match self.operation {
            MergeOperation::Average if inputs.len() > 1 => {
                call.step(Operation::Function(Function::Average), inputs, spec)
            }
            MergeOperation::Add | MergeOperation::Average => fold(call, &Function::Add, &inputs),
            MergeOperation::Subtract => fold(call, &Function::Subtract, &inputs),
            MergeOperation::Multiply => multiply(call, &inputs, &masks),
            MergeOperation::Maximum => extremum(call, &Function::Maximum, &inputs, &masks),
            MergeOperation::Minimum => extremum(call, &Function::Minimum, &inputs, &masks),
        };
        let value = call.cast(value, kind);
        call.output(value);
        Ok(())
    }
}

/// The masks that change values: in Keras 3 alone, and of the inputs' rank less one.
fn value_masks(call: &LayerCall<'_, '_>, rank: usize) -> Vec<Option<ValueId>> {
    let keras3 = call.generation().is_keras3();
    let masks = call.input_masks().into_iter();
    masks
        .map(|mask| mask.filter(|mask| keras3 && call.rank(*mask) + 1 == rank))
        .collect()
}

/// `function` of two values, whose sizes of 1 are broadcast.
pub(super) fn binary(
    call: &mut LayerCall<'_, '_>,
    function: &Function,
    a: ValueId,
    b: ValueId,
) -> ValueId {
    let spec = broadcast(call, a, b);
    let operation = Operation::Function(function.clone());
    call.step(operation, vec![a, b], spec)
}

/// What `a` and `b` are together: sizes of 1 are broadcast.
fn broadcast(call: &LayerCall<'_, '_>, a: ValueId, b: ValueId) -> Spec {
    let sizes = call.spec(a).shape.0.iter().zip(&call.spec(b).shape.0);
    let shape = sizes.map(|(a, b)| if *a == Some(1) { *b } else { *a });
    call.spec(a).with_shape(shape.collect())
}

fn fold(call: &mut LayerCall<'_, '_>, function: &Function, inputs: &[ValueId]) -> ValueId {
    let others = inputs[1..].iter();
    others.fold(inputs[0], |merged, input| {
        binary(call, function, merged, *input)
    })
}

/// Keras 3's `Multiply` takes masked elements for 1, and for 0 where every input is masked.
fn multiply(
    call: &mut LayerCall<'_, '_>,
    inputs: &[ValueId],
    masks: &[Option<ValueId>],
) -> ValueId {
    let mut merged: Option<ValueId> = None;
    let mut merged_mask: Option<ValueId> = None;
    for (input, mask) in inputs.iter().zip(masks) {
        let mut value = *input;
        if let Some(mask) = mask {
            value = fill(call, *mask, value, 1.0);
            merged_mask = Some(match merged_mask {
                None => *mask,
                Some(other) => or(call, other, *mask),
            });
        }
        merged = Some(match merged {
            None => value,
            Some(other) => binary(call, &Function::Multiply, other, value),
        });
    }
    let merged = merged.unwrap_or(inputs[0]);
    match merged_mask {
        Some(mask) if masks.iter().all(Option::is_some) => fill(call, mask, merged, 0.0),
        _ => merged,
    }
}

/// Keras 3's `Maximum` and `Minimum` let a masked element take the other input's value; after an
/// input without a mask the merged value counts as unmasked (Keras 3.15,
/// `Merge._apply_merge_op_and_or_mask`).
fn extremum(
    call: &mut LayerCall<'_, '_>,
    function: &Function,
    inputs: &[ValueId],
    masks: &[Option<ValueId>],
) -> ValueId {
    let mut merged = inputs[0];
    let mut merged_mask = masks.first().copied().flatten();
    for (input, mask) in inputs.iter().zip(masks).skip(1) {
        let mut value = *input;
        if let Some(mask) = mask {
            value = select(call, *mask, value, merged);
        }
        if let Some(mask) = merged_mask {
            merged = select(call, mask, merged, value);
        }
        merged_mask = match (merged_mask, mask) {
            (Some(a), Some(b)) => Some(or(call, a, *b)),
            _ => None,
        };
        merged = binary(call, function, merged, value);
    }
    merged
}

fn or(call: &mut LayerCall<'_, '_>, a: ValueId, b: ValueId) -> ValueId {
    binary(call, &Function::Or, a, b)
}

fn fill(call: &mut LayerCall<'_, '_>, mask: ValueId, value: ValueId, with: f64) -> ValueId {
    let spec = call.spec(value).clone();
    let operation = Operation::Function(Function::Fill(with));
    call.step(operation, vec![mask, value], spec)
}

fn select(call: &mut LayerCall<'_, '_>, mask: ValueId, value: ValueId, other: ValueId) -> ValueId {
    let spec = broadcast(call, value, other);
    let operation = Operation::Function(Function::Select);
    call.step(operation, vec![mask, value, other], spec)
}

impl Lower for Concatenate {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let spec = outputs(self, call)?;
        let inputs: Vec<ValueId> = call
            .inputs()
            .into_iter()
            .map(|input| call.cast(input, spec.kind))
            .collect();
        let value = match inputs.as_slice() {
            [one] => *one,
            _ => {
                let axis = spec.shape.axis(self.axis).unwrap_or(0);
                call.step(
                    Operation::Function(Function::Concatenate(axis)),
                    inputs,
                    spec,
                )
            }
        };
        call.output(value);
        Ok(())
    }
}

impl Lower for Dot {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let spec = outputs(self, call)?;
        let specs: Vec<Spec> = call
            .inputs()
            .into_iter()
            .map(|input| call.spec(input).clone())
            .collect();
        let axes = match self.positions(&specs) {
            Ok(axes) => axes,
            Err(m) => return Err(call.unsupported("inputs", &m.expected, &m.found)),
        };
        let mut inputs = Vec::with_capacity(2);
        for (input, axis) in call.inputs().into_iter().zip(axes) {
            let mut value = call.cast(input, Kind::Float);
            if let Some(least_square) = self.normalize {
                let axes = vec![axis];
                value = call.map(Function::L2Normalize { axes, least_square }, value);
            }
            inputs.push(value);
        }
        let kind = spec.kind;
        let operation = Operation::Function(Function::Dot(axes));
        let value = call.step(operation, inputs, spec.with_kind(Kind::Float));
        let value = call.cast(value, kind);
        call.output(value);
        Ok(())
    }
}
