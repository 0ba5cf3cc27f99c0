//! Tensors of any rank.

use alloc::vec::Vec;
use burn::tensor::kind::Basic;
use burn::tensor::{Bool, Float, Int, Tensor};

use super::ShapeError;

/// A tensor of any rank: its values in row-major order, and its shape.
#[derive(Clone, Debug)]
pub struct Shaped<K: Basic = Float> {
    pub(crate) flat: Tensor<1, K>,
    pub(crate) shape: Vec<usize>,
}

impl<K: Basic> Shaped<K> {
    /// The shape of the tensor.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(crate) fn new<const D: usize>(tensor: Tensor<D, K>) -> Self {
        Self {
            shape: tensor.dims().to_vec(),
            flat: tensor.flatten(0, D - 1),
        }
    }

    /// The tensor again; `D` must be its rank.
    pub(crate) fn in_rank<const D: usize>(self) -> Tensor<D, K> {
        let shape: [usize; D] = core::array::from_fn(|axis| self.shape[axis]);
        self.flat.reshape(shape)
    }

    /// On the device of `like`, and with its autodiff context.
    pub(crate) fn beside<const D: usize>(&self, like: &Tensor<D>) -> Self {
        Self {
            flat: self.flat.clone().to_device(&like.device()),
            shape: self.shape.clone(),
        }
    }
}

impl<const D: usize, K: Basic> From<Tensor<D, K>> for Shaped<K> {
    fn from(tensor: Tensor<D, K>) -> Self {
        Self::new(tensor)
    }
}

/// The most groups of axes that a product can broadcast over.
const GROUPS: usize = 6;

impl Shaped {
    /// The product, with NumPy's broadcasting.
    pub(crate) fn times(self, other: Self) -> Result<Self, ShapeError> {
        if self.shape == other.shape {
            return Ok(Self {
                flat: self.flat * other.flat,
                shape: self.shape,
            });
        }
        let fail = || ShapeError::Weights {
            values: self.shape.clone(),
            weights: other.shape.clone(),
        };
        let rank = self.shape.len().max(other.shape.len());
        let size = |shape: &[usize], axis: usize| {
            (axis + shape.len())
                .checked_sub(rank)
                .map_or(1, |axis| shape[axis])
        };
        // Neighbouring axes that broadcast the same way are one.
        let mut groups: Vec<((bool, bool), [usize; 2])> = Vec::new();
        let mut shape = Vec::with_capacity(rank);
        for axis in 0..rank {
            let [a, b] = [size(&self.shape, axis), size(&other.shape, axis)];
            if a != b && a != 1 && b != 1 {
                return Err(fail());
            }
            shape.push(if a == 1 { b } else { a });
            let kind = (a == b, a == 1);
            match groups.last_mut() {
                Some((last, group)) if *last == kind => {
                    group[0] *= a;
                    group[1] *= b;
                }
                _ => groups.push((kind, [a, b])),
            }
        }
        if groups.len() > GROUPS {
            return Err(fail());
        }
        let side = |which: usize| -> [usize; GROUPS] {
            core::array::from_fn(|at| groups.get(at).map_or(1, |(_, group)| group[which]))
        };
        let product = self.flat.clone().reshape::<GROUPS, _>(side(0))
            * other.flat.clone().reshape::<GROUPS, _>(side(1));
        Ok(Self {
            flat: product.flatten(0, GROUPS - 1),
            shape,
        })
    }
}

/// What an output should have been: numbers, or class ids.
///
/// Made of a float, int or bool tensor of any rank.
#[derive(Clone, Debug)]
pub enum Target {
    /// Numbers.
    Float(Shaped),
    /// Integers.
    Int(Shaped<Int>),
}

impl Target {
    /// The shape of the target.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Float(target) => target.shape(),
            Self::Int(target) => target.shape(),
        }
    }

    /// As numbers of the type of `like`.
    pub(crate) fn float<const D: usize>(&self, like: &Tensor<D>) -> Shaped {
        let target = match self {
            Self::Float(target) => target.beside(like),
            Self::Int(target) => {
                let target = target.beside(like);
                Shaped {
                    flat: target.flat.float(),
                    shape: target.shape,
                }
            }
        };
        Shaped {
            flat: target.flat.cast(like.dtype()),
            shape: target.shape,
        }
    }

    /// As integers beside `like`, of the type that the device makes: Burn compares no others with
    /// them.
    pub(crate) fn int<const D: usize>(&self, like: &Tensor<D>) -> Shaped<Int> {
        let target = match self {
            Self::Float(target) => {
                let target = target.beside(like);
                Shaped {
                    flat: target.flat.int(),
                    shape: target.shape,
                }
            }
            Self::Int(target) => target.beside(like),
        };
        Shaped {
            flat: target.flat.cast(like.device().settings().int_dtype),
            shape: target.shape,
        }
    }
}

impl<const D: usize> From<Tensor<D>> for Target {
    fn from(tensor: Tensor<D>) -> Self {
        Self::Float(Shaped::new(tensor))
    }
}

impl<const D: usize> From<Tensor<D, Int>> for Target {
    fn from(tensor: Tensor<D, Int>) -> Self {
        Self::Int(Shaped::new(tensor))
    }
}

impl<const D: usize> From<Tensor<D, Bool>> for Target {
    fn from(tensor: Tensor<D, Bool>) -> Self {
        Self::Int(Shaped::new(tensor.int()))
    }
}

/// What a function says of each sample, in Keras's shape.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    pub flat: Tensor<1>,
    pub shape: Vec<usize>,
    /// The values that count: Keras's mask of the losses.
    pub keep: Option<Tensor<1, Bool>>,
}

impl Values {
    /// `values` has size 1 at `axes`, which Keras drops, and `pad` axes of size 1 in front.
    pub fn reduced<const D: usize>(values: Tensor<D>, pad: usize, axes: &[usize]) -> Self {
        let dims = values.dims();
        Self {
            flat: values.flatten(0, D - 1),
            shape: (pad..D)
                .filter(|axis| !axes.contains(axis))
                .map(|axis| dims[axis])
                .collect(),
            keep: None,
        }
    }
}
