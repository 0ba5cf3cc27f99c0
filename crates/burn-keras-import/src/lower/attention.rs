//! Attention layers and `EinsumDense`.

use keras_ir::Problem;
use keras_ir::layer::attention::{Attention, MultiHeadAttention};
use keras_ir::layer::einsum::EinsumDense;

use super::{LayerCall, Lower};

impl Lower for EinsumDense {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        Err(call.unsupported("class_name", "a layer that is lowered", "EinsumDense"))
    }
}

impl Lower for Attention {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        Err(call.unsupported("class_name", "a layer that is lowered", "Attention"))
    }
}

impl Lower for MultiHeadAttention {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        Err(call.unsupported(
            "class_name",
            "a layer that is lowered",
            "MultiHeadAttention",
        ))
    }
}
