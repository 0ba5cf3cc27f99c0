//! Tensors on the host.

use alloc::vec;
use alloc::vec::Vec;
use burn::tensor::{Bool, Tensor};

use crate::Generation;
use crate::loss::pair::{match_ranks, resolve};
use crate::loss::reduction::align;
use crate::loss::{ShapeError, Shaped, Target, Values, Weights};

/// Numbers in row-major order, and their shape.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Host {
    pub values: Vec<f32>,
    pub shape: Vec<usize>,
}

impl Host {
    pub fn read(tensor: Shaped) -> Self {
        Self {
            values: tensor.flat.into_data().iter::<f32>().collect(),
            shape: tensor.shape,
        }
    }

    pub fn output<const D: usize>(output: Tensor<D>) -> Self {
        Self::read(Shaped::new(output))
    }

    pub fn target<const D: usize>(target: &Target, output: &Tensor<D>) -> Self {
        Self::read(target.float(output))
    }

    /// Repeated to `shape`, if NumPy would.
    pub fn broadcast(&self, shape: &[usize]) -> Result<Vec<f32>, ShapeError> {
        let fail = || ShapeError::Weights {
            values: shape.to_vec(),
            weights: self.shape.clone(),
        };
        let pad = shape.len().checked_sub(self.shape.len()).ok_or_else(fail)?;
        let mut strides = vec![0; shape.len()];
        let mut stride = 1;
        for (axis, size) in self.shape.iter().enumerate().rev() {
            if *size == shape[pad + axis] {
                strides[pad + axis] = stride;
            } else if *size != 1 {
                return Err(fail());
            }
            stride *= size;
        }
        let count = shape.iter().product::<usize>();
        let at = |mut index: usize| {
            let mut place = 0;
            for (size, stride) in shape.iter().zip(&strides).rev() {
                place += index % size * stride;
                index /= size;
            }
            place
        };
        Ok((0..count).map(|index| self.values[at(index)]).collect())
    }

    /// The sum or mean over all axes from the `axis`-th on.
    pub fn reduce_from(self, axis: usize, mean: bool) -> Self {
        if axis >= self.shape.len() {
            return self;
        }
        let (shape, rest) = self.shape.split_at(axis);
        let size = rest.iter().product::<usize>();
        let scale = if mean { size as f64 } else { 1.0 };
        let values = self.values.chunks(size.max(1)).map(|values| {
            let sum: f64 = values.iter().copied().map(f64::from).sum();
            (sum / scale) as f32
        });
        Self {
            values: values.collect(),
            shape: shape.to_vec(),
        }
    }

    /// The places of the largest values along `axis`, the first of equal ones.
    pub fn argmax(&self, axis: isize) -> Result<Self, ShapeError> {
        let axis = resolve(axis, &self.shape)?;
        let size = self.shape[axis];
        let inner: usize = self.shape[axis + 1..].iter().product();
        let outer: usize = self.shape[..axis].iter().product();
        let mut values = Vec::with_capacity(outer * inner);
        for start in 0..outer {
            for offset in 0..inner {
                let at = |place: usize| self.values[(start * size + place) * inner + offset];
                let best = (1..size).fold(
                    0,
                    |best, place| {
                        if at(place) > at(best) { place } else { best }
                    },
                );
                values.push(best as f32);
            }
        }
        let mut shape = self.shape.clone();
        shape.remove(axis);
        Ok(Self { values, shape })
    }

    /// Output and target with the same shape, as Keras squeezes and expands them.
    pub fn pair<const D: usize>(
        output: Tensor<D>,
        target: &Target,
        generation: Generation,
    ) -> Result<[Self; 2], ShapeError> {
        let mut target = Self::target(target, &output);
        let mut output = Self::output(output);
        let fail = ShapeError::Target {
            output: output.shape.clone(),
            target: target.shape.clone(),
        };
        if generation == Generation::TfKeras && target.shape.len() == 1 && D == 2 {
            target.shape.push(1);
        }
        match_ranks(&mut output.shape, &mut target.shape);
        if output.shape == target.shape {
            Ok([output, target])
        } else {
            Err(fail)
        }
    }
}

/// Sample weights beside `output`, and the mask where it counts.
pub(super) fn weights_of<const D: usize>(
    weights: &Weights,
    output: &Tensor<D>,
    with_mask: bool,
    generation: Generation,
) -> Result<Option<Shaped>, ShapeError> {
    let flat = output.clone().flatten(0, D - 1);
    let sample_weight = weights.sample_weight(&flat);
    if !with_mask {
        return Ok(sample_weight);
    }
    join(weights.mask(&flat, None)?, sample_weight, generation)
}

/// The product of mask and weights.
fn join(
    mask: Option<Shaped>,
    weights: Option<Shaped>,
    generation: Generation,
) -> Result<Option<Shaped>, ShapeError> {
    match (mask, weights) {
        (Some(mut mask), Some(mut weights)) => {
            align(&mut mask.shape, &mut weights.shape, generation);
            mask.times(weights).map(Some)
        }
        (mask, weights) => Ok(mask.or(weights)),
    }
}

/// The values of samples on the host, and their weights, the mask of the values being one.
///
/// Keras 3 forgets that mask where there are no weights (`reduce_to_samplewise_values`).
pub(super) fn read_values(
    values: Values,
    weights: Option<Shaped>,
    generation: Generation,
) -> Result<(Host, Option<Host>), ShapeError> {
    let keep = values
        .keep
        .filter(|_| weights.is_some() || generation == Generation::TfKeras);
    let dtype = values.flat.dtype();
    let keep = keep.map(|keep: Tensor<1, Bool>| Shaped {
        flat: keep.float().cast(dtype),
        shape: values.shape.clone(),
    });
    let weights = join(keep, weights, generation)?;
    let values = Shaped {
        flat: values.flat,
        shape: values.shape,
    };
    Ok((Host::read(values), weights.map(Host::read)))
}
