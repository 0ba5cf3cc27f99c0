//! `EinsumDense`.

use keras_ir::Problem;
use keras_ir::layer::einsum::EinsumDense;

use super::pooling::outputs;
use super::{LayerCall, LayerView, Lower};
use crate::plan::{Module, Operation};

impl Lower for EinsumDense {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let bias = self.bias_axes.as_ref();
        Some(Module::EinsumDense {
            equation: self.equation.clone(),
            kernel: layer.weight("kernel").to_vec(),
            bias: bias.map(|_| layer.weight("bias").to_vec()),
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let spec = outputs(self, call)?;
        let module = Operation::Module(call.module()?);
        let output = call.step(module, vec![input], spec);
        let output = call.activate(output, self.activation);
        call.output(output);
        Ok(())
    }
}
