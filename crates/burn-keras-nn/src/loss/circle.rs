//! Circle loss: similarity of pairs within a batch.

use burn::tensor::{Bool, Tensor};

use super::operations::at_least;
use super::{ShapeError, Target, Values};
use crate::activation::softplus;

/// In place of minus infinity, whose gradients would be NaN.
const NEVER: f64 = -1e30;

pub(super) fn circle<const D: usize>(
    output: Tensor<D>,
    target: &Target,
    gamma: f64,
    margin: f64,
    remove_diagonal: bool,
) -> Result<Values, ShapeError> {
    let dims = output.dims();
    if D != 2 {
        return Err(ShapeError::Rank {
            expected: 2,
            shape: dims.to_vec(),
        });
    }
    let batch = dims[0];
    if target.shape() != [batch] && target.shape() != [batch, 1] {
        return Err(ShapeError::Target {
            output: dims.to_vec(),
            target: target.shape().to_vec(),
        });
    }
    let labels = target.int(&output).flat;
    let output = output.reshape([dims[0], dims[D - 1]]);

    let square = [batch, batch];
    let rows = labels.clone().reshape([batch, 1]).expand(square);
    let same = rows.equal(labels.reshape([1, batch]).expand(square));
    let different = same.clone().bool_not();
    let same = if remove_diagonal {
        // true where it is not the diagonal
        same.bool_and(Tensor::<2, Bool>::diag_mask(square, 0, &output.device()))
    } else {
        same
    };

    let distances = output.clone().matmul(output.transpose());
    let distances = at_least(distances.neg().add_scalar(1.0), 0.0);
    let near = at_least(distances.clone().add_scalar(margin), 0.0);
    let near = near * distances.clone().sub_scalar(margin).mul_scalar(gamma);
    let far = at_least(distances.clone().neg().add_scalar(1.0 + margin), 0.0);
    let far = far * distances.neg().add_scalar(1.0 - margin).mul_scalar(gamma);
    let values = softplus(log_sum_exp(near, same) + log_sum_exp(far, different));
    Ok(Values {
        keep: Some(values.clone().greater_scalar(0.0).flatten(0, 1)),
        ..Values::reduced(values, 0, &[1])
    })
}

/// Over the places of each row that are `of` it.
fn log_sum_exp(x: Tensor<2>, of: Tensor<2, Bool>) -> Tensor<2> {
    let x = x.mask_fill(of.bool_not(), NEVER);
    let top = x.clone().detach().max_dim(1);
    (x - top.clone()).exp().sum_dim(1).log() + top
}
