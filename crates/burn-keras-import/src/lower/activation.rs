//! Activation layers.

use keras_ir::Problem;
use keras_ir::layer::activation::{ActivationLayer, MaskedLogits, PRelu, Softmax};
use keras_ir::shape::Kind;

use super::{LayerCall, LayerView, Lower};
use crate::plan::{Function, Module, Operation, ValueId};

impl Lower for ActivationLayer {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let output = call.activate(input, self.activation);
        call.output(output);
        Ok(())
    }
}

impl Lower for PRelu {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        Some(Module::PRelu {
            shape: layer.weight("alpha").to_vec(),
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let spec = call.spec(input).clone();
        let module = Operation::Module(call.module()?);
        let output = call.step(module, vec![input], spec);
        call.output(output);
        Ok(())
    }
}

impl Lower for Softmax {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let axes = self.positions(call.spec(input)).unwrap_or_default();
        let positional = call.inputs().get(1).copied();
        let output = match positional.or_else(|| call.mask()) {
            None => softmax(call, input, axes),
            Some(mask) => {
                let mask = align(call, mask, input)?;
                masked(call, self.masked, input, mask, axes)
            }
        };
        call.output(output);
        Ok(())
    }
}

/// Softmax of `input`, of which `mask` takes some out.
fn masked(
    call: &mut LayerCall<'_, '_>,
    rule: MaskedLogits,
    input: ValueId,
    mask: ValueId,
    axes: Vec<usize>,
) -> ValueId {
    let spec = call.spec(input).clone();
    if rule == MaskedLogits::Lowered {
        let numbers = call.cast(mask, Kind::Float);
        let operation = Operation::Function(Function::LowerMasked);
        let lowered = call.step(operation, vec![input, numbers], spec);
        return softmax(call, lowered, axes);
    }
    let keep = if call.spec(mask).kind == Kind::Bool {
        mask
    } else {
        let numbers = call.cast(mask, Kind::Float);
        let spec = call.spec(mask).with_kind(Kind::Bool);
        call.function(Function::Above(0.5), numbers, spec)
    };
    if rule == MaskedLogits::Replaced {
        let operation = Operation::Function(Function::Fill(-1e9));
        let replaced = call.step(operation, vec![keep, input], spec);
        return softmax(call, replaced, axes);
    }
    let operation = Operation::Function(Function::SoftmaxMasked(axes));
    call.step(operation, vec![input, keep], spec)
}

fn softmax(call: &mut LayerCall<'_, '_>, input: ValueId, axes: Vec<usize>) -> ValueId {
    let function = match axes.as_slice() {
        [axis] => Function::Softmax(*axis),
        _ => Function::SoftmaxAxes(axes),
    };
    call.map(function, input)
}

/// The mask with as many axes as `input`. Keras broadcasts it as NumPy does: the axes that it lacks
/// are the first, so that the mask of a sequence does not fit where its features are softmaxed.
fn align(call: &mut LayerCall<'_, '_>, mask: ValueId, input: ValueId) -> Result<ValueId, Problem> {
    let (of_mask, of_input) = (call.spec(mask).clone(), call.spec(input).shape.clone());
    let missing = of_input.rank().checked_sub(of_mask.shape.rank());
    let fits = missing.is_some_and(|missing| {
        let mut sizes = of_mask.shape.0.iter().zip(&of_input.0[missing..]);
        // Sizes that a model leaves open show at run time.
        sizes.all(|(mask, input)| match (mask, input) {
            (Some(mask), Some(input)) => *mask == 1 || mask == input,
            _ => true,
        })
    });
    match missing {
        Some(0) if fits => Ok(mask),
        Some(missing) if fits => {
            let mut shape = vec![Some(1); missing];
            shape.extend(&of_mask.shape.0);
            let axes = (0..missing).collect();
            let spec = of_mask.with_shape(shape);
            Ok(call.function(Function::ExpandDims(axes), mask, spec))
        }
        _ => {
            let expected = format!("a mask that broadcasts to {of_input}");
            Err(call.unsupported("mask", &expected, &of_mask.shape.to_string()))
        }
    }
}
