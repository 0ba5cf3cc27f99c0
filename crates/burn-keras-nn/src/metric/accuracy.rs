//! How often an output is right.

use burn::tensor::{Int, Tensor};

use crate::Generation;
use crate::loss::pair::Pair;
use crate::loss::probability::class_ids;
use crate::loss::{ShapeError, Target, Values};

/// Whether output and target are equal, at each place.
pub(super) fn equal<const D: usize>(pair: Pair<D>) -> Result<Values, ShapeError> {
    let right = same_shape(&pair)?.output.clone().equal(pair.target.clone());
    Ok(Values::reduced(right.float(), pair.pad, &[]))
}

/// Whether the output is above `threshold` where the target is 1; tf_keras takes the mean over
/// the last axis.
pub(super) fn binary<const D: usize>(
    pair: Pair<D>,
    threshold: f64,
    generation: Generation,
) -> Result<Values, ShapeError> {
    same_shape(&pair)?;
    let dtype = pair.target.dtype();
    let found = pair.output.greater_scalar(threshold).float().cast(dtype);
    let right = found.equal(pair.target).float();
    Ok(match generation {
        Generation::Keras3 => Values::reduced(right, pair.pad, &[]),
        Generation::TfKeras => Values::reduced(right.mean_dim(D - 1), pair.pad, &[D - 1]),
    })
}

fn same_shape<const D: usize>(pair: &Pair<D>) -> Result<&Pair<D>, ShapeError> {
    if pair.output.dims() == pair.target.dims() {
        return Ok(pair);
    }
    Err(ShapeError::Target {
        output: pair.output.dims()[pair.pad..].to_vec(),
        target: pair.target.dims()[pair.pad..].to_vec(),
    })
}

/// The classes of a target that has a probability for each.
pub(super) fn classes<const D: usize>(
    output: &Tensor<D>,
    target: &Target,
) -> Result<Target, ShapeError> {
    let dims = output.dims();
    if target.shape() != dims {
        return Err(ShapeError::Target {
            output: dims.to_vec(),
            target: target.shape().to_vec(),
        });
    }
    let target = target.float(output).flat.reshape::<D, _>(dims);
    Ok(Target::from(target.argmax(D - 1)))
}

/// Whether the largest output is that of the target's class.
pub(super) fn sparse<const D: usize>(
    output: Tensor<D>,
    target: &Target,
) -> Result<Values, ShapeError> {
    let ids = class_ids(&output, target)?;
    let right = output.argmax(D - 1).equal(ids).float();
    Ok(Values::reduced(right, 0, &[D - 1]))
}

/// Whether fewer than `k` outputs are larger than that of the target's class. As in TensorFlow's
/// `in_top_k`, nothing is right where an output is not finite, or the target no class.
pub(super) fn top_k<const D: usize>(
    output: Tensor<D>,
    target: &Target,
    k: usize,
) -> Result<Values, ShapeError> {
    let ids = class_ids(&output, target)?;
    let dims = output.dims();
    let classes = i64::try_from(dims[D - 1]).unwrap_or(i64::MAX);
    let below = ids.clone().lower_scalar(0);
    let wrong = below.bool_or(ids.clone().greater_equal_scalar(classes));
    let finite = output.clone().is_finite().all_dim(D - 1);
    let own = output
        .clone()
        .gather(D - 1, ids.mask_fill(wrong.clone(), 0))
        .expand(dims);
    let larger = output.greater(own).int().sum_dim(D - 1);
    let limit = i64::try_from(k).unwrap_or(i64::MAX);
    let right = larger.lower_scalar(limit).bool_and(finite);
    let right = right.bool_and(wrong.bool_not()).float();
    Ok(Values::reduced(right, 0, &[D - 1]))
}

/// Whether the target's class is among the first `k` of the output's, which are ids.
pub(super) fn sorted_top_k<const D: usize>(
    output: Tensor<D>,
    target: &Target,
    k: usize,
) -> Result<Values, ShapeError> {
    let ids: Tensor<D, Int> = class_ids(&output, target)?;
    let count = k.min(output.dims()[D - 1]);
    let first = output.narrow(D - 1, 0, count);
    let dims = first.dims();
    let right = first.int().equal(ids.expand(dims)).any_dim(D - 1);
    Ok(Values::reduced(right.float(), 0, &[D - 1]))
}
