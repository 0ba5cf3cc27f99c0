//! Layers that only Keras 1 had.

use keras_ir::Problem;
use keras_ir::layer::KerasLayer;
use keras_ir::layer::keras1::{
    EarlyBatchNormalization, EarlyStatistics, Highway, MaxoutDense, MergeCosine,
    ParametricSoftplus, SRelu,
};
use keras_ir::shape::Kind;

use super::body::{axis_to_one, invert};
use super::normalization::forward;
use super::pooling::outputs;
use super::{LayerCall, LayerView, Lower, merging};
use crate::plan::{Function, Module, Operation};

impl Lower for MaxoutDense {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        Some(Module::MaxoutDense {
            input: layer.weight("W").get(1).copied()?,
            output: self.units,
            pieces: self.pieces,
            bias: self.use_bias,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        apply(self, call)
    }
}

impl Lower for Highway {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        Some(Module::Highway {
            features: layer.weight("W").first().copied()?,
            bias: self.use_bias,
            activation: self.activation,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        apply(self, call)
    }
}

/// The layer's module on its input.
fn apply(layer: &dyn KerasLayer, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
    let input = call.float_input();
    let spec = outputs(layer, call)?;
    let module = Operation::Module(call.module()?);
    let output = call.step(module, vec![input], spec);
    call.output(output);
    Ok(())
}

impl Lower for ParametricSoftplus {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        Some(Module::ParametricSoftplus {
            shape: layer.weight("alphas").to_vec(),
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        apply(self, call)
    }
}

impl Lower for SRelu {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        Some(Module::SRelu {
            shape: layer.weight("t_left").to_vec(),
            cuts_left: self.cuts_left,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        apply(self, call)
    }
}

impl Lower for EarlyBatchNormalization {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        Some(Module::EarlyBatchNormalization {
            features: layer.weight("gamma").first().copied()?,
            statistics: self.statistics,
            epsilon: self.epsilon,
            momentum: self.momentum,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        if self.statistics == EarlyStatistics::Sample {
            return apply(self, call);
        }
        let input = call.float_input();
        let spec = call.spec(input).clone();
        let axis = self.position(&[spec]).unwrap_or(1);
        let axes = axis_to_one(call.rank(input), axis);
        let value = call.permute(input, axes.clone());
        let value = forward(call, value)?;
        let value = call.permute(value, invert(&axes));
        call.output(value);
        Ok(())
    }
}

impl Lower for MergeCosine {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let spec = merging::outputs(self, call)?;
        let inputs = call.inputs().into_iter();
        let inputs = inputs.map(|input| call.cast(input, Kind::Float)).collect();
        let cosine = Operation::Function(Function::Cosine);
        let output = call.step(cosine, inputs, spec);
        call.output(output);
        Ok(())
    }
}
