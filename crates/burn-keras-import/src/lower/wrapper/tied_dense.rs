//! A dense layer whose kernel is the transposed table of an embedding.

use keras_ir::Problem;
use keras_ir::layer::wrapper::TiedDense;

use crate::lower::{Bound, LayerCall, LowerWrapper};
use crate::plan::Operation;

impl LowerWrapper for TiedDense {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<Vec<Bound>, Problem> {
        let mask = call.mask();
        let input = call.float_input();
        let mut spec = call.spec(input).clone();
        if let Some(last) = spec.shape.0.last_mut() {
            *last = Some(self.units);
        }
        let table = call.part_module(0)?;
        let mut value = call.step(Operation::Project(table), vec![input], spec);
        if self.use_bias {
            let scores = Bound { value, mask: None };
            let biased = call.part(1, vec![scores], Vec::new(), 1)?;
            if let Some(biased) = biased.first() {
                value = biased.value;
            }
        }
        let value = call.activate(value, self.activation);
        Ok(vec![Bound { value, mask }])
    }
}
