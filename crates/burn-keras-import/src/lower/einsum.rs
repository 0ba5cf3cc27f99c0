//! `EinsumDense`.

use keras_ir::Problem;
use keras_ir::layer::KerasLayer;
use keras_ir::layer::einsum::{EinsumDense, added_shape};
use keras_ir::shape::Spec;

use super::pooling::outputs;
use super::{LayerCall, LayerView, Lower};
use crate::plan::{Module, Operation};

impl Lower for EinsumDense {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let bias = self.bias_axes.as_ref().map(|_| {
            let bias = layer.weight("bias");
            let output = layer.calls.first().map(|inputs| self.outputs(inputs));
            match (output, layer.generation.is_keras3()) {
                (Some(Ok(output)), true) => added_shape(bias, &output[0].shape.0),
                _ => bias.to_vec(),
            }
        });
        Some(Module::EinsumDense {
            equation: self.equation.clone(),
            kernel: layer.weight("kernel").to_vec(),
            bias,
            bias_rank: layer.weight("bias").len(),
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let spec = outputs(self, call)?;
        check_bias(call, &spec)?;
        let module = Operation::Module(call.module()?);
        let output = call.step(module, vec![input], spec);
        let output = call.activate(output, self.activation);
        call.output(output);
        Ok(())
    }
}

/// The call is like the layer's first one in what Keras 3 makes of the bias.
fn check_bias(call: &LayerCall<'_, '_>, output: &Spec) -> Result<(), Problem> {
    let Some(Module::EinsumDense {
        bias: Some(bias), ..
    }) = call.module_config()
    else {
        return Ok(());
    };
    if !call.generation().is_keras3() || added_shape(bias, &output.shape.0) == *bias {
        return Ok(());
    }
    let found = format!(
        "a bias of shape {bias:?} for an output of shape {}",
        output.shape
    );
    Err(call.unsupported("bias_axes", "calls whose bias Keras 3 adds alike", &found))
}
