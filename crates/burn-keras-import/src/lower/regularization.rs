//! Dropout and noise: modules that act in training and pass everything through otherwise.

use keras_ir::Problem;
use keras_ir::layer::regularization::{Dropout, GaussianNoise, Noise, SpatialDropout};

use super::{LayerCall, LayerView, Lower};
use crate::plan::{Module, Operation};

impl Lower for Dropout {
    fn module(&self, _layer: &LayerView<'_>) -> Option<Module> {
        let rate = acts(self.rate)?;
        Some(match (self.noise, &self.noise_shape) {
            (Noise::Bernoulli, None) => Module::Dropout { rate },
            (Noise::Bernoulli, Some(noise_shape)) => Module::NoiseDropout {
                rate,
                noise_shape: noise_shape.clone(),
            },
            (Noise::Alpha, noise_shape) => Module::AlphaDropout {
                rate,
                noise_shape: noise_shape.clone(),
            },
            (Noise::Gaussian, _) => Module::GaussianDropout { rate },
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        noise(call)
    }
}

impl Lower for SpatialDropout {
    fn module(&self, _layer: &LayerView<'_>) -> Option<Module> {
        Some(Module::SpatialDropout {
            rate: acts(self.rate)?,
            channel_axis: self.channel_axis,
        })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        noise(call)
    }
}

impl Lower for GaussianNoise {
    fn module(&self, _layer: &LayerView<'_>) -> Option<Module> {
        let stddev = self.stddev;
        (stddev > 0.0).then_some(Module::GaussianNoise { stddev })
    }

    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        noise(call)
    }
}

/// A rate at which something is dropped; at 0 Keras does nothing either.
fn acts(rate: f64) -> Option<f64> {
    (rate > 0.0).then_some(rate)
}

fn noise(call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
    let mut value = call.float_input();
    if call.module_config().is_some() {
        let spec = call.spec(value).clone();
        let module = Operation::Module(call.module()?);
        value = call.step(module, vec![value], spec);
    }
    call.output(value);
    Ok(())
}
