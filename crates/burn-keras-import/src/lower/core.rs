//! `Dense`, `Embedding`, `Masking`, and layers that change nothing at inference.

use keras_ir::Problem;
use keras_ir::layer::core::{Bias, Dense, Embedding, Identity, Masking};
use keras_ir::shape::{Kind, Spec};

use super::{LayerCall, LayerView, Lower, mask};
use crate::plan::{Function, Module, Operation};

impl Lower for Dense {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        Some(Module::Linear {
            input: layer.weight("kernel").first().copied()?,
            output: self.units,
            bias: self.use_bias,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let mut spec = call.spec(input).clone();
        if let Some(last) = spec.shape.0.last_mut() {
            *last = Some(self.units);
        }
        let module = Operation::Module(call.module()?);
        let output = call.step(module, vec![input], spec);
        let output = call.activate(output, self.activation);
        call.output(output);
        Ok(())
    }
}

impl Lower for Bias {
    fn module(&self, _layer: &LayerView<'_>) -> Option<Module> {
        Some(Module::Bias {
            features: self.units,
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

impl Lower for Embedding {
    fn module(&self, _layer: &LayerView<'_>) -> Option<Module> {
        Some(Module::Embedding {
            count: self.input_dim,
            size: self.output_dim,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        // Ids may come as floats: Keras casts them, towards zero.
        let input = call.input();
        let ids = call.cast(input, Kind::Int);
        let mut shape = call.spec(ids).shape.0.clone();
        shape.push(Some(self.output_dim));
        let lookup = Operation::Lookup(call.module()?);
        let output = call.step(lookup, vec![ids], Spec::float(shape));
        call.output(output);
        Ok(())
    }
}

impl Lower for Masking {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let keep = mask::not_value(call, self.mask_value);
        let spec = call.spec(input).clone();
        let apply = Operation::Function(Function::ApplyMask);
        let output = call.step(apply, vec![input, keep], spec);
        call.output(output);
        Ok(())
    }
}

impl Lower for Identity {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.input();
        call.output(input);
        Ok(())
    }
}
