//! `LayerNormalization` and `RMSNormalization`.

use keras_ir::Problem;
use keras_ir::layer::normalization::{LayerNormalization, RmsNormalization};
use keras_ir::shape::Spec;

use super::forward;
use crate::lower::{LayerCall, LayerView, Lower};
use crate::plan::Module;

impl Lower for LayerNormalization {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let (input, axes) = first(layer, |input| self.positions(input))?;
        let (epsilon, center, scale) = (self.epsilon, self.center, self.scale);
        let sizes: Option<Vec<usize>> = axes.iter().map(|axis| input.shape.dim(*axis)).collect();
        // Without weights the sizes may be open, and nobody needs them.
        let features = sizes.map_or(0, |sizes| sizes.iter().product());
        let of_last = |call: &Vec<Spec>| {
            let input = call.first()?;
            let last = input.shape.rank().checked_sub(1)?;
            (self.positions(input)? == [last]).then_some(())
        };
        let all_of_last = layer.calls.iter().all(|call| of_last(call).is_some());
        Some(if scale && !self.rms_scaling && all_of_last {
            Module::LayerNorm {
                features,
                epsilon,
                center,
            }
        } else {
            Module::LayerNormalization {
                features,
                axes,
                epsilon,
                center,
                scale,
                rms_scaling: self.rms_scaling,
            }
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        normalize(call, |input| self.positions(input))
    }
}

impl Lower for RmsNormalization {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let (_, axes) = first(layer, |input| self.positions(input))?;
        Some(Module::RmsNormalization {
            shape: layer.weight("scale").to_vec(),
            axes,
            epsilon: self.epsilon,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        normalize(call, |input| self.positions(input))
    }
}

/// The input of a layer's first call, and the axes that are normalised there.
fn first<'a>(
    layer: &LayerView<'a>,
    positions: impl Fn(&Spec) -> Option<Vec<usize>>,
) -> Option<(&'a Spec, Vec<usize>)> {
    let input = layer.calls.first()?.first()?;
    Some((input, positions(input)?))
}

fn normalize(
    call: &mut LayerCall<'_, '_>,
    positions: impl Fn(&Spec) -> Option<Vec<usize>>,
) -> Result<(), Problem> {
    let input = call.float_input();
    let in_place = match call.module_config() {
        Some(Module::LayerNormalization { axes, .. } | Module::RmsNormalization { axes, .. }) => {
            positions(call.spec(input)).as_ref() == Some(axes)
        }
        // Burn's takes the last axis, whichever it is.
        _ => true,
    };
    if !in_place {
        let found = format!("an input of {} axes", call.rank(input));
        let expected = "calls with inputs of one rank, or the last axis alone";
        return Err(call.unsupported("axis", expected, &found));
    }
    let value = forward(call, input)?;
    call.output(value);
    Ok(())
}
