//! `BatchNormalization`: Burn's wants the features on axis 1.

use keras_ir::layer::normalization::BatchNormalization;
use keras_ir::{Generation, Problem};

use super::{forward, forward_at};
use crate::lower::body::invert;
use crate::lower::{LayerCall, LayerView, Lower};
use crate::plan::{Function, Module, ValueId};

impl Lower for BatchNormalization {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let weight = layer.weight("moving_mean");
        let features = weight.iter().product();
        let (epsilon, momentum) = (self.epsilon, self.momentum);
        let (center, scale) = (self.center, self.scale);
        let unbiased = is_fused(self, layer);
        Some(match self.renorm {
            Some(renorm) => Module::BatchRenormalization {
                features,
                epsilon,
                momentum,
                center,
                scale,
                renorm,
            },
            None if center && scale && weight.len() == 1 && !unbiased => Module::BatchNorm {
                features,
                epsilon,
                momentum,
            },
            None => Module::BatchNormalization {
                features,
                epsilon,
                momentum,
                center,
                scale,
                unbiased,
            },
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let positions = self.positions(call.spec(input)).unwrap_or_default();
        let value = match positions.as_slice() {
            [axis] => forward_at(call, input, *axis)?,
            several => of_several(call, input, several)?,
        };
        call.output(value);
        Ok(())
    }
}

/// Whether TensorFlow's fused kernel trains the layer in tf.keras: images and volumes with their
/// channels on axis 1 or the last, without a mask. It gives the unbiased variance of a batch, where
/// all else, and Keras 3, takes the biased one.
fn is_fused(norm: &BatchNormalization, layer: &LayerView<'_>) -> bool {
    let mut inputs = layer.calls.iter().flatten();
    layer.generation == Generation::TfKeras
        && !layer.is("SyncBatchNormalization")
        && inputs.all(|input| {
            let rank = input.shape.rank();
            let positions = norm.positions(input).unwrap_or_default();
            matches!(rank, 4 | 5)
                && matches!(positions[..], [axis] if axis == 1 || axis == rank - 1)
        })
}

/// Several axes become one, behind the batch axis; the others become one behind it.
fn of_several(
    call: &mut LayerCall<'_, '_>,
    input: ValueId,
    positions: &[usize],
) -> Result<ValueId, Problem> {
    let others = (1..call.rank(input)).filter(|axis| !positions.contains(axis));
    let axes: Vec<usize> = std::iter::once(0)
        .chain(positions.iter().copied())
        .chain(others)
        .collect();
    let value = call.permute(input, axes.clone());
    let spec = call.spec(value).clone();
    let (features, others) = spec.shape.0[1..].split_at(positions.len());
    let merged = [features, others].map(|sizes| {
        let known: Option<Vec<usize>> = sizes.iter().copied().collect();
        known.and_then(|sizes| {
            sizes
                .iter()
                .try_fold(1_usize, |n, size| n.checked_mul(*size))
        })
    });
    let open = others.iter().filter(|size| size.is_none()).count();
    if merged[0].is_none() || open > 1 {
        let found = spec.shape.to_string();
        return Err(call.unsupported("axis", "axes of known sizes", &found));
    }
    let value = reshape(call, value, vec![spec.shape.0[0], merged[0], merged[1]]);
    let value = forward(call, value)?;
    let value = reshape(call, value, spec.shape.0);
    Ok(call.permute(value, invert(&axes)))
}

/// Reshapes to `shape`, of which the batch axis stays and one size at most is unknown.
fn reshape(call: &mut LayerCall<'_, '_>, value: ValueId, shape: Vec<Option<usize>>) -> ValueId {
    let size = |size: &Option<usize>| size.and_then(|size| i64::try_from(size).ok()).unwrap_or(-1);
    let sizes = std::iter::once(0)
        .chain(shape[1..].iter().map(size))
        .collect();
    let spec = call.spec(value).with_shape(shape);
    call.function(Function::Reshape(sizes), value, spec)
}
