//! Crossentropies and what is like them.

use alloc::vec::Vec;
use burn::tensor::{DType, Device, Tensor, TensorData, activation};

use super::operations::{EPSILON, clip, clip_probability};
use super::{ShapeError, Shaped, Target, Values};
use crate::Generation;
use crate::activation::softplus;
use burn::tensor::Int;

pub(super) fn kl_divergence<const D: usize>(target: Tensor<D>, output: Tensor<D>) -> Tensor<D> {
    let target = clip(target, EPSILON, 1.0);
    let output = clip(output, EPSILON, 1.0);
    target.clone() * (target / output).log()
}

/// Labels 0 and 1 moved towards 0.5.
pub(super) fn smooth_binary<const D: usize>(target: Tensor<D>, smoothing: f64) -> Tensor<D> {
    if smoothing == 0.0 {
        return target;
    }
    target
        .mul_scalar(1.0 - smoothing)
        .add_scalar(0.5 * smoothing)
}

/// One-hot labels moved towards the mean of `classes`.
pub(super) fn smooth_categorical<const D: usize>(
    target: Tensor<D>,
    smoothing: f64,
    classes: usize,
) -> Tensor<D> {
    if smoothing == 0.0 {
        return target;
    }
    target
        .mul_scalar(1.0 - smoothing)
        .add_scalar(smoothing / classes as f64)
}

pub(super) fn binary_crossentropy<const D: usize>(
    target: Tensor<D>,
    output: Tensor<D>,
    from_logits: bool,
    generation: Generation,
) -> Tensor<D> {
    let other = target.clone().neg().add_scalar(1.0);
    if from_logits {
        return target * softplus(output.clone().neg()) + other * softplus(output);
    }
    // tf_keras's backend adds it once more to what is clipped already
    let epsilon = match generation {
        Generation::Keras3 => 0.0,
        Generation::TfKeras => EPSILON,
    };
    let output = clip_probability(output);
    let log = |x: Tensor<D>| x.add_scalar(epsilon).log();
    (target * log(output.clone()) + other * log(output.neg().add_scalar(1.0))).neg()
}

/// `(1 - p)^gamma` times the crossentropy, `p` being the probability of the right class.
pub(super) fn binary_focal<const D: usize>(
    target: Tensor<D>,
    output: Tensor<D>,
    alpha: Option<f64>,
    gamma: f64,
    from_logits: bool,
    generation: Generation,
) -> Tensor<D> {
    let other = target.clone().neg().add_scalar(1.0);
    let p = if from_logits {
        activation::sigmoid(output.clone())
    } else {
        output.clone()
    };
    let right = target.clone() * p.clone() + other.clone() * p.neg().add_scalar(1.0);
    let focus = right.neg().add_scalar(1.0).powf_scalar(gamma);
    let loss = focus * binary_crossentropy(target.clone(), output, from_logits, generation);
    match alpha {
        Some(alpha) => loss * (target.mul_scalar(alpha) + other.mul_scalar(1.0 - alpha)),
        None => loss,
    }
}

/// The crossentropy at each place; its sum over `axis` is the loss.
///
/// TensorFlow's gradient by logits is `softmax - target`, also where the target does not add up
/// to 1. What is added for that is 0.
pub(super) fn categorical_crossentropy<const D: usize>(
    target: Tensor<D>,
    output: Tensor<D>,
    axis: usize,
    from_logits: bool,
) -> Tensor<D> {
    if !from_logits {
        let output = output.clone() / output.sum_dim(axis);
        return (target * clip_probability(output).log()).neg();
    }
    let log = activation::log_softmax(output.clone(), axis);
    let norm = (output - log.clone()).mean_dim(axis);
    let gap = target.clone().sum_dim(axis).neg().add_scalar(1.0);
    let nothing = (norm.clone() - norm.detach()) * gap;
    let classes = target.dims()[axis] as f64;
    (target * log).neg() + nothing.div_scalar(classes)
}

/// The focal crossentropy at each place; `alpha` is one number, or one for each class.
pub(super) fn categorical_focal<const D: usize>(
    target: Tensor<D>,
    output: Tensor<D>,
    axis: usize,
    alpha: &[f64],
    gamma: f64,
    from_logits: bool,
) -> Result<Tensor<D>, ShapeError> {
    let output = if from_logits {
        activation::softmax(output, axis)
    } else {
        output
    };
    let output = clip_probability(output.clone() / output.sum_dim(axis));
    let crossentropy = (target * output.clone().log()).neg();
    let loss = output.neg().add_scalar(1.0).powf_scalar(gamma) * crossentropy;
    if let [alpha] = alpha {
        return Ok(loss.mul_scalar(*alpha));
    }
    let classes = loss.dims()[D - 1];
    if alpha.len() != classes {
        return Err(ShapeError::Classes {
            classes,
            found: alpha.len(),
        });
    }
    let mut shape = [1; D];
    shape[D - 1] = classes;
    Ok(loss.clone() * constant(alpha, &loss.device(), loss.dtype()).reshape(shape))
}

fn constant(values: &[f64], device: &Device, dtype: DType) -> Tensor<1> {
    let values: Vec<f64> = values.to_vec();
    let shape = [values.len()];
    Tensor::from_data(TensorData::new(values, shape), (device, dtype))
}

/// Class ids with the rank of the output and 1 in place of its classes.
pub(crate) fn class_ids<const D: usize>(
    output: &Tensor<D>,
    target: &Target,
) -> Result<Tensor<D, Int>, ShapeError> {
    let mut expected = output.dims();
    expected[D - 1] = 1;
    let shape = target.shape();
    if shape != expected && shape != &expected[..D - 1] {
        return Err(ShapeError::Target {
            output: output.dims().to_vec(),
            target: shape.to_vec(),
        });
    }
    let Shaped { flat, .. } = target.int(output);
    Ok(flat.reshape(expected))
}

/// A label that is no class gives NaN, as TensorFlow does on a GPU; on a CPU it fails.
pub(super) fn sparse_categorical_crossentropy<const D: usize>(
    output: Tensor<D>,
    target: &Target,
    from_logits: bool,
    ignore_class: Option<i64>,
) -> Result<Values, ShapeError> {
    let ids = class_ids(&output, target)?;
    let classes = i64::try_from(output.dims()[D - 1]).unwrap_or(i64::MAX);
    let ignored = ignore_class.map(|class| ids.clone().equal_scalar(class));
    let ids = match &ignored {
        Some(ignored) => ids.mask_fill(ignored.clone(), 0),
        None => ids,
    };
    let below = ids.clone().lower_scalar(0);
    let wrong = below.bool_or(ids.clone().greater_equal_scalar(classes));
    let ids = ids.mask_fill(wrong.clone(), 0);

    let logits = if from_logits {
        output
    } else {
        clip_probability(output).log()
    };
    let log = activation::log_softmax(logits, D - 1).gather(D - 1, ids);
    let values = log.neg().mask_fill(wrong, f64::NAN);
    Ok(match ignored {
        Some(ignored) => Values {
            keep: Some(ignored.clone().bool_not().flatten(0, D - 1)),
            ..Values::reduced(values.mask_fill(ignored, 0.0), 0, &[D - 1])
        },
        None => Values::reduced(values, 0, &[D - 1]),
    })
}

/// `(1 - p^q) / q` for the probability `p` of the right class.
pub(super) fn generalized<const D: usize>(
    output: Tensor<D>,
    target: &Target,
    q: f64,
) -> Result<Values, ShapeError> {
    let dims = output.dims();
    // Keras would broadcast [batch, 1] against [batch, classes] to something else
    if target.shape() != &dims[..D - 1] {
        return Err(ShapeError::Target {
            output: dims.to_vec(),
            target: target.shape().to_vec(),
        });
    }
    let ids = class_ids(&output, target)?;
    let classes = i64::try_from(dims[D - 1]).unwrap_or(i64::MAX);
    let mut shape = [1; D];
    shape[D - 1] = dims[D - 1];
    let all = Tensor::<1, Int>::arange(0..classes, &output.device()).reshape::<D, _>(shape);
    let right = ids.expand(dims).equal(all.expand(dims)).float();
    let p = (output * right).sum_dim(D - 1);
    let values = p.powf_scalar(q).neg().add_scalar(1.0).div_scalar(q);
    Ok(Values::reduced(values, 0, &[D - 1]))
}
