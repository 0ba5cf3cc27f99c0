//! The optimizer as a value of `burn-keras-nn`.

use keras_ir::Problem;
use keras_ir::graph::Graph;

use crate::plan::{Literal, Plan};

/// A `burn_keras_nn::optim::KerasOptimizerConfig`.
pub(super) fn optimizer(_graph: &Graph, _plan: &Plan) -> Result<Option<Literal>, Vec<Problem>> {
    Ok(None)
}
