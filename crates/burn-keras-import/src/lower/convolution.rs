//! Convolutions: Burn's modules, channels first, with the padding settled where it is known.

use keras_ir::Problem;
use keras_ir::activation::Activation;
use keras_ir::layer::KerasLayer;
use keras_ir::layer::config::DataFormat;
use keras_ir::layer::convolution::{
    Border, Conv, ConvTranspose, DepthwiseConv, Padding, SeparableConv, Window,
};
use keras_ir::shape::Spec;

use super::pooling::channels_first;
use super::{LayerCall, LayerView, Lower};
use crate::plan::{Function, Module, Operation, ValueId};

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

    /// `Conv1D/2D/3D` of `tf.keras` takes several batch axes, which become one for the module.
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let mut value = call.float_input();
        let mut folded = Vec::new();
        while call.rank(value) > self.window.dimensions() + 2 {
            folded.push(value);
            value = call.fold_steps(value);
        }
        let mut value = convolve(
            call,
            self,
            &self.window,
            value,
            self.use_bias,
            self.activation,
        )?;
        while let Some(like) = folded.pop() {
            value = call.unfold_steps(value, like);
        }
        call.output(value);
        Ok(())
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
        let input = call.float_input();
        let value = convolve(
            call,
            self,
            &self.window,
            input,
            self.use_bias,
            self.activation,
        )?;
        call.output(value);
        Ok(())
    }
}

impl Lower for SeparableConv {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let kernel = layer.weight("depthwise_kernel");
        let input = kernel.get(self.window.dimensions()).copied()?;
        Some(Module::SeparableConv {
            channels: [input, self.filters],
            kernel: self.window.size.clone(),
            depth_multiplier: self.depth_multiplier,
            strides: self.window.strides.clone(),
            dilation: self.window.dilation.clone(),
            padding: module_padding(&self.window, layer.calls),
            bias: self.use_bias,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let value = convolve(
            call,
            self,
            &self.window,
            input,
            self.use_bias,
            self.activation,
        )?;
        call.output(value);
        Ok(())
    }
}

impl Lower for ConvTranspose {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let axes = 0..self.window.dimensions();
        let input = layer.weight("kernel").last().copied()?;
        Some(Module::ConvTranspose {
            channels: [input, self.filters],
            kernel: self.window.size.clone(),
            strides: self.window.strides.clone(),
            dilation: self.window.dilation.clone(),
            padding: axes.clone().map(|axis| cut(self, axis).both).collect(),
            padding_out: axes.map(|axis| cut(self, axis).added).collect(),
            bias: self.use_bias,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let format = self.window.data_format;
        let output = output(call, self, input)?;
        check_bias(call, &self.window, self.use_bias, &output)?;
        let value = call.channels_first(input, format);
        let output = channels_first(output, format);
        let odd = (0..self.window.dimensions()).map(|axis| cut(self, axis).odd);
        let odd: Vec<(usize, usize)> = [(0, 0), (0, 0)].into_iter().chain(odd).collect();
        let mut whole = output.clone();
        for (size, (before, behind)) in whole.shape.0.iter_mut().zip(&odd) {
            *size = size.and_then(|size| size.checked_add(before + behind));
        }
        let module = Operation::Module(call.module()?);
        let mut value = call.step(module, vec![value], whole);
        if odd.iter().any(|pair| *pair != (0, 0)) {
            value = call.function(Function::Crop(odd), value, output);
        }
        let value = finish(call, &self.window, value, self.activation);
        call.output(value);
        Ok(())
    }
}

/// What a transposed convolution's padding comes to along an axis.
#[derive(Default)]
struct Cut {
    /// What Burn's module cuts off on both sides.
    both: usize,
    /// What it adds behind.
    added: usize,
    /// What is left to cut off in front or behind.
    odd: (usize, usize),
}

fn cut(layer: &ConvTranspose, axis: usize) -> Cut {
    match layer.borders(axis) {
        Border::Crop(before, after) => {
            let both = before.min(after);
            Cut {
                both,
                odd: (before - both, after - both),
                ..Cut::default()
            }
        }
        Border::Extend(added) => Cut {
            added,
            ..Cut::default()
        },
    }
}

/// The padding that is the module's own: known, and the same on both sides of each of three axes,
/// as Burn takes it.
fn own_padding(window: &Window, calls: &[Vec<Spec>]) -> Option<Vec<(usize, usize)>> {
    let fits = |pairs: &Vec<(usize, usize)>| {
        pairs.len() < 3 || pairs.iter().all(|(before, after)| before == after)
    };
    known_padding(window, calls).filter(fits)
}

/// The padding, if it is the same in all calls and known.
fn known_padding(window: &Window, calls: &[Vec<Spec>]) -> Option<Vec<(usize, usize)>> {
    (0..window.dimensions())
        .map(|axis| {
            let extent = window.extent(axis);
            let stride = window.strides[axis];
            match window.padding {
                Padding::Valid => Some((0, 0)),
                Padding::Causal => Some((extent - 1, 0)),
                Padding::TheanoSame => {
                    let before = Padding::theano_border(extent);
                    Some((before, extent - 1 - before))
                }
                Padding::TheanoFull => Some((extent - 1, extent - 1)),
                // With stride 1 the size does not matter.
                Padding::Same if stride == 1 => Some(split(extent - 1)),
                Padding::Same => {
                    let mut paddings = calls.iter().map(|inputs| {
                        let (input, _) = window.split_batch(inputs).ok()?;
                        let first = window.data_format.first_spatial_axis();
                        let size = input.shape.dim(first + axis)?;
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
    own_padding(window, calls).unwrap_or_else(|| vec![(0, 0); window.dimensions()])
}

/// The layer's output for `input`.
fn output(
    call: &LayerCall<'_, '_>,
    layer: &dyn KerasLayer,
    input: ValueId,
) -> Result<Spec, Problem> {
    match layer.outputs(&[call.spec(input).clone()]) {
        Ok(mut outputs) => Ok(outputs.remove(0)),
        Err(m) => Err(call.unsupported("inputs", &m.expected, &m.found)),
    }
}

/// Refuses an output to whose last axis Keras 3 adds the bias of a channels-first convolution.
///
/// On TensorFlow, `ops.add` of Keras 3.15 takes what can be squeezed to a vector for a bias of the
/// last axis if that is as long, whatever axis it was made for. Other backends add it rightly.
fn check_bias(
    call: &LayerCall<'_, '_>,
    window: &Window,
    use_bias: bool,
    output: &Spec,
) -> Result<(), Problem> {
    let channels_first = window.data_format == DataFormat::ChannelsFirst;
    let (channels, last) = (output.shape.dim(1), output.shape.last());
    let mistaken = channels.is_some_and(|channels| channels > 1) && channels == last;
    if !(call.generation().is_keras3() && channels_first && use_bias && mistaken) {
        return Ok(());
    }
    let expected = "a last axis that is not as long as there are channels";
    let problem = call.unsupported("data_format", expected, &output.shape.to_string());
    Err(problem.help(
        "Keras 3 on TensorFlow adds the bias along that axis instead of the channels; save the \
         model with data_format=\"channels_last\"",
    ))
}

/// The layer's module on `input`, with padding before and the activation after it.
fn convolve(
    call: &mut LayerCall<'_, '_>,
    layer: &dyn KerasLayer,
    window: &Window,
    input: ValueId,
    use_bias: bool,
    activation: Activation,
) -> Result<ValueId, Problem> {
    let output = output(call, layer, input)?;
    check_bias(call, window, use_bias, &output)?;
    let format = window.data_format;
    let mut value = call.channels_first(input, format);
    let calls = call.calls();
    if own_padding(window, &calls).is_none() {
        // The size is known at run time alone or differs between calls, or the module cannot.
        let mut padded = call.spec(value).clone();
        for size in &mut padded.shape.0[2..] {
            *size = None;
        }
        let pad = match (window.padding, known_padding(window, &calls)) {
            (Padding::TheanoSame | Padding::TheanoFull, Some(pairs)) => {
                Function::Pad([(0, 0), (0, 0)].into_iter().chain(pairs).collect())
            }
            _ => Function::PadSame {
                kernel: window.size.clone(),
                strides: window.strides.clone(),
                dilation: window.dilation.clone(),
            },
        };
        value = call.function(pad, value, padded);
    }
    let module = Operation::Module(call.module()?);
    let value = call.step(module, vec![value], channels_first(output, format));
    Ok(finish(call, window, value, activation))
}

/// The activation, and the channels where they belong. An activation along the last axis means
/// Keras's last axis.
fn finish(
    call: &mut LayerCall<'_, '_>,
    window: &Window,
    value: ValueId,
    activation: Activation,
) -> ValueId {
    let format = window.data_format;
    if activation.is_elementwise() {
        let value = call.activate(value, activation);
        call.restore_channels(value, format)
    } else {
        let value = call.restore_channels(value, format);
        call.activate(value, activation)
    }
}
