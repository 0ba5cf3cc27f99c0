//! Convolutions: Burn's modules, channels first, with the padding settled where it is known.

use keras_ir::Problem;
use keras_ir::activation::Activation;
use keras_ir::layer::KerasLayer;
use keras_ir::layer::convolution::{Conv, DepthwiseConv, Padding, Window};
use keras_ir::shape::Spec;

use super::{LayerCall, LayerView, Lower};
use crate::plan::{Function, Module, Operation};

impl Lower for Conv {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let kernel = layer.weight("kernel");
        let input = kernel
            .get(self.window.dimensions())?
            .checked_mul(self.groups)?;
        Some(Module::Conv {
            channels: [input, self.filters],
            kernel: self.window.size.clone(),
            strides: self.window.strides.clone(),
            dilation: self.window.dilation.clone(),
            padding: module_padding(&self.window, layer.calls),
            groups: self.groups,
            bias: self.use_bias,
            depthwise: false,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        convolve(call, self, &self.window, self.activation)
    }
}

impl Lower for DepthwiseConv {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let kernel = layer.weight("depthwise_kernel");
        let input = kernel.get(self.window.dimensions()).copied()?;
        Some(Module::Conv {
            channels: [input, input.checked_mul(self.depth_multiplier)?],
            kernel: self.window.size.clone(),
            strides: self.window.strides.clone(),
            dilation: self.window.dilation.clone(),
            padding: module_padding(&self.window, layer.calls),
            groups: input,
            bias: self.use_bias,
            depthwise: true,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        convolve(call, self, &self.window, self.activation)
    }
}

/// The padding that is the same in all calls and known, so that it can be the module's own.
fn known_padding(window: &Window, calls: &[Vec<Spec>]) -> Option<Vec<(usize, usize)>> {
    let first = window.data_format.first_spatial_axis();
    (0..window.dimensions())
        .map(|axis| {
            let extent = window.extent(axis);
            let stride = window.strides[axis];
            match window.padding {
                Padding::Valid => Some((0, 0)),
                Padding::Causal => Some((extent - 1, 0)),
                // With stride 1 the size does not matter.
                Padding::Same if stride == 1 => Some(split(extent - 1)),
                Padding::Same => {
                    let mut paddings = calls.iter().map(|inputs| {
                        let size = inputs.first()?.shape.dim(first + axis)?;
                        let steps = size.div_ceil(stride).saturating_sub(1);
                        let covered = steps.saturating_mul(stride).saturating_add(extent);
                        Some(split(covered.saturating_sub(size)))
                    });
                    let one = paddings.next()??;
                    paddings.all(|other| other == Some(one)).then_some(one)
                }
            }
        })
        .collect()
}

/// The odd element goes to the end.
fn split(total: usize) -> (usize, usize) {
    (total / 2, total - total / 2)
}

fn module_padding(window: &Window, calls: &[Vec<Spec>]) -> Vec<(usize, usize)> {
    known_padding(window, calls).unwrap_or_else(|| vec![(0, 0); window.dimensions()])
}

fn convolve(
    call: &mut LayerCall<'_, '_>,
    layer: &dyn KerasLayer,
    window: &Window,
    activation: Activation,
) -> Result<(), Problem> {
    let input = call.float_input();
    let spec = call.spec(input).clone();
    let output = layer.outputs(std::slice::from_ref(&spec));
    let output = output.map_err(|m| call.unsupported("inputs", &m.expected, &m.found))?;
    let format = window.data_format;
    let mut value = call.channels_first(input, format);
    if window.padding == Padding::Same && !pads_itself(call, window) {
        // The size is known at run time alone, or differs between calls.
        let mut padded = call.spec(value).clone();
        for size in &mut padded.shape.0[2..] {
            *size = None;
        }
        let pad = Function::PadSame {
            kernel: window.size.clone(),
            strides: window.strides.clone(),
            dilation: window.dilation.clone(),
        };
        value = call.function(pad, value, padded);
    }
    let mut channels_first = output[0].shape.0.clone();
    let rank = channels_first.len();
    let channels = channels_first.remove(format.channel_axis(rank));
    channels_first.insert(1, channels);
    let module = Operation::Module(call.module()?);
    let value = call.step(module, vec![value], Spec::float(channels_first));
    // An activation along the last axis means Keras's last axis.
    let value = if activation.is_elementwise() {
        let value = call.activate(value, activation);
        call.restore_channels(value, format)
    } else {
        let value = call.restore_channels(value, format);
        call.activate(value, activation)
    };
    call.output(value);
    Ok(())
}

/// Whether the module's own padding is that of `SAME`.
fn pads_itself(call: &LayerCall<'_, '_>, window: &Window) -> bool {
    known_padding(window, &call.calls()).is_some()
}
