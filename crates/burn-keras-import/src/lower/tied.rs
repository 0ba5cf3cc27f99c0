//! Tied layers as files have them: reading makes them one with their embeddings, and what is left was put
//! together by hand.

use keras_ir::Problem;
use keras_ir::layer::tied::{DenseOnTable, TableRows};

use super::{LayerCall, Lower};

impl Lower for TableRows {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        Err(outside_of_a_file(call))
    }
}

impl Lower for DenseOnTable {
    fn call(&self, call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
        Err(outside_of_a_file(call))
    }
}

fn outside_of_a_file(call: &LayerCall<'_, '_>) -> Problem {
    let expected = "a tied layer of a file, of `tie` or of `Builder::tied_dense`";
    call.unsupported("class_name", expected, "one with its table as an input")
}
