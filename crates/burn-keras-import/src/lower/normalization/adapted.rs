//! The preprocessing layer `Normalization`.

use keras_ir::Problem;
use keras_ir::layer::normalization::Normalization;

use crate::lower::{LayerCall, LayerView, Lower};
use crate::plan::{Function, Module, Operation};

impl Lower for Normalization {
    fn module(&self, layer: &LayerView<'_>) -> Option<Module> {
        let input = layer.calls.first()?.first()?;
        let (axes, sizes) = self.kept(input)?;
        self.constants.is_none().then(|| Module::Normalization {
            features: sizes.iter().product(),
            axes,
            invert: self.invert,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        let input = call.float_input();
        let spec = call.spec(input).clone();
        let (axes, sizes) = self.kept(&spec).unwrap_or_default();
        let value = match self.constants(&spec) {
            Some([mean, variance]) => {
                let mut shape = vec![1; spec.shape.rank()];
                for (axis, size) in axes.into_iter().zip(sizes) {
                    shape[axis] = size;
                }
                let normalize = Function::Normalize {
                    mean,
                    variance,
                    shape,
                    invert: self.invert,
                };
                call.map(normalize, input)
            }
            None => {
                let module = Operation::Module(call.module()?);
                call.step(module, vec![input], spec)
            }
        };
        call.output(value);
        Ok(())
    }
}
