//! Sums and means of values.

use burn::tensor::Tensor;

use super::host::{Host, weights_of};
use crate::Generation;
use crate::loss::pair::match_ranks;
use crate::loss::reduction::align;
use crate::loss::{ShapeError, Weights};

/// Keras's `Mean`: the weighted mean of all values.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use burn_keras_nn::loss::Weights;
/// use burn_keras_nn::metric::Mean;
///
/// let values = Tensor::<1>::from_floats([1.0, 3.0, 5.0], &Device::flex());
/// let mut mean = Mean::default();
/// mean.update(values, &Weights::new())?;
/// assert_eq!(mean.result(), 3.0);
/// # Ok::<(), burn_keras_nn::loss::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    /// The weighted sum of the values.
    pub total: f64,
    /// The sum of the weights.
    pub count: f64,
}

impl Mean {
    /// Adds values `[batch, ...]`, with weights of samples; a mask does not count.
    ///
    /// # Errors
    ///
    /// If the weights do not fit the values.
    pub fn update<const D: usize>(
        &mut self,
        values: Tensor<D>,
        weights: &Weights,
    ) -> Result<(), ShapeError> {
        let weights = weights_of(weights, &values, false, Generation::Keras3)?.map(Host::read);
        self.add(Host::output(values), weights, Generation::Keras3)
    }

    /// The mean; 0 if there is nothing.
    pub fn result(&self) -> f64 {
        if self.count == 0.0 {
            0.0
        } else {
            self.total / self.count
        }
    }

    pub(super) fn add(
        &mut self,
        values: Host,
        weights: Option<Host>,
        generation: Generation,
    ) -> Result<(), ShapeError> {
        let (total, count) = match generation {
            Generation::Keras3 => by_sample(values, weights, true)?,
            Generation::TfKeras => by_value(values, weights)?,
        };
        self.total += total;
        self.count += count;
        Ok(())
    }
}

/// Keras's `Sum`: the weighted sum of all values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    /// The sum so far.
    pub total: f64,
}

impl Sum {
    /// Adds values `[batch, ...]`, with weights of samples; a mask does not count.
    ///
    /// # Errors
    ///
    /// If the weights do not fit the values.
    pub fn update<const D: usize>(
        &mut self,
        values: Tensor<D>,
        weights: &Weights,
    ) -> Result<(), ShapeError> {
        let weights = weights_of(weights, &values, false, Generation::Keras3)?.map(Host::read);
        self.total += by_sample(Host::output(values), weights, false)?.0;
        Ok(())
    }

    /// The sum.
    pub fn result(&self) -> f64 {
        self.total
    }
}

fn sum(values: &[f32]) -> f64 {
    values.iter().copied().map(f64::from).sum()
}

/// Keras 3's `reduce_to_samplewise_values`: each sample is reduced first, then all are added.
/// Gives the sum of the values and that of the weights.
fn by_sample(
    mut values: Host,
    weights: Option<Host>,
    mean: bool,
) -> Result<(f64, f64), ShapeError> {
    let Some(mut weights) = weights else {
        let samples = values.shape.first().copied().unwrap_or(1);
        return Ok((sum(&values.reduce_from(1, mean).values), samples as f64));
    };
    match_ranks(&mut values.shape, &mut weights.shape);
    let rank = weights.shape.len();
    let mut values = values.reduce_from(rank, mean);
    let weights = Host {
        values: weights.broadcast(&values.shape)?,
        shape: values.shape.clone(),
    };
    for (value, weight) in values.values.iter_mut().zip(&weights.values) {
        *value *= weight;
    }
    let total = sum(&values.reduce_from(1, mean).values);
    Ok((total, sum(&weights.reduce_from(1, mean).values)))
}

/// tf_keras's `Reduce`: every value is one.
fn by_value(mut values: Host, weights: Option<Host>) -> Result<(f64, f64), ShapeError> {
    let Some(mut weights) = weights else {
        return Ok((sum(&values.values), values.values.len() as f64));
    };
    align(&mut values.shape, &mut weights.shape, Generation::TfKeras);
    let rank = weights.shape.len();
    let values = values.reduce_from(rank, true);
    let weights = weights.broadcast(&values.shape)?;
    let products = values.values.iter().zip(&weights);
    let total = products
        .map(|(value, weight)| f64::from(value * weight))
        .sum();
    Ok((total, sum(&weights)))
}
