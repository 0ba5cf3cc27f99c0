//! Connectionist temporal classification.

use burn::tensor::{Int, Tensor, activation, module};

use super::{ShapeError, Target, Values};

/// Keras's blank, and what labels are padded with.
const BLANK: usize = 0;

pub(super) fn ctc<const D: usize>(
    output: Tensor<D>,
    target: &Target,
) -> Result<Values, ShapeError> {
    let dims = output.dims();
    if D != 3 {
        return Err(ShapeError::Rank {
            expected: 3,
            shape: dims.to_vec(),
        });
    }
    let [batch, steps, classes] = [dims[0], dims[1], dims[D - 1]];
    let [rows, length] = *target.shape() else {
        return Err(ShapeError::Rank {
            expected: 2,
            shape: target.shape().to_vec(),
        });
    };
    if rows != batch {
        return Err(ShapeError::Target {
            output: dims.to_vec(),
            target: target.shape().to_vec(),
        });
    }
    let labels = target.int(&output).flat.reshape([batch, length]);
    let lengths = labels.clone().not_equal_scalar(BLANK as i64).int();
    let lengths = lengths.sum_dim(1).reshape([batch]);
    let steps = Tensor::<1, Int>::full([batch], steps as i64, &output.device());
    let log = activation::log_softmax(output.reshape([batch, dims[1], classes]), 2);
    Ok(Values {
        flat: module::ctc_loss(log.swap_dims(0, 1), labels, steps, lengths, BLANK),
        shape: [batch].to_vec(),
        keep: None,
    })
}
