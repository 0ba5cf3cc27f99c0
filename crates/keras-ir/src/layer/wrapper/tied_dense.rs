//! A dense layer whose kernel is the transposed table of an embedding.

use super::{Failure, KerasWrapper, PartOutputs};
use crate::activation::Activation;
use crate::layer::{Mismatch, single};
use crate::shape::{Kind, Shape, Spec};

/// `activation(x · tableᵀ + bias)`: the output layer of a language model that shares its table with
/// the embedding at its input. No class of Keras's own: surgery makes it, and files have it as
/// [`tied`](crate::layer::tied) says.
///
/// Its first part is the embedding, which is a layer of its own elsewhere; the second, if there is
/// a bias, is a [`Bias`](crate::layer::core::Bias).
#[derive(Clone, Debug, PartialEq)]
pub struct TiedDense {
    /// Rows of the table.
    pub units: usize,
    /// Whether there is a bias.
    pub use_bias: bool,
    /// Applied to the result.
    pub activation: Activation,
}

impl KerasWrapper for TiedDense {
    fn outputs(&self, inputs: &[Spec], part: &mut PartOutputs<'_>) -> Result<Vec<Spec>, Failure> {
        let input = single(inputs)?;
        let Some((features, dims)) = input
            .shape
            .0
            .split_last()
            .filter(|(_, dims)| !dims.is_empty())
        else {
            return Err(Mismatch::new("an input of at least 2 axes", inputs).into());
        };
        // A row of the table for each step is what fits.
        let ids = Spec {
            shape: Shape(dims.to_vec()),
            kind: Kind::Int,
        };
        let rows = part(0, &[ids])?;
        let size = rows.first().and_then(|rows| rows.shape.last());
        if features.is_none() || size != *features {
            let expected = size.map_or("a table".into(), |size| format!("{size} features"));
            return Err(Mismatch::new(expected, inputs).into());
        }
        let mut dims = dims.to_vec();
        dims.push(Some(self.units));
        let output = Spec::float(dims);
        if self.use_bias {
            part(1, std::slice::from_ref(&output))?;
        }
        Ok(vec![output])
    }

    fn part_paths(&self) -> Vec<String> {
        vec!["table".to_owned(), "bias".to_owned()]
    }
}
