//! Keras's regularizers: penalties of weights and of activities.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use burn_keras_nn::regularizer::Regularizer;
//!
//! let kernel = Tensor::<2>::from_floats([[1.0, -2.0]], &Device::flex());
//! let penalty = Regularizer::L1L2 { l1: 0.1, l2: 0.01 }.penalty(kernel)?; // [1]
//! # let penalty: f32 = penalty.into_scalar();
//! # assert!((penalty - 0.35).abs() < 1e-6);
//! # Ok::<(), burn_keras_nn::loss::ShapeError>(())
//! ```

use alloc::{string::String, vec::Vec};
use burn::module::{Module, ModuleVisitor, Param};
use burn::serde::{Deserialize, Serialize};
use burn::tensor::Tensor;

use crate::Generation;
use crate::loss::ShapeError;
use crate::loss::operations::normalize;

/// What Keras calls its regularizers: name and the regularizer with Keras's defaults.
///
/// `"l1_l2"` by name alone is 0 in Keras 3, and 0.01 for both in tf_keras.
pub const NAMES: &[(&str, Regularizer)] = &[
    ("L1", Regularizer::L1 { l1: 0.01 }),
    ("l1", Regularizer::L1 { l1: 0.01 }),
    ("L2", Regularizer::L2 { l2: 0.01 }),
    ("l2", Regularizer::L2 { l2: 0.01 }),
    ("L1L2", Regularizer::L1L2 { l1: 0.0, l2: 0.0 }),
    (
        "OrthogonalRegularizer",
        Regularizer::Orthogonal {
            factor: 0.01,
            mode: Orthogonal::Rows,
        },
    ),
    (
        "orthogonal_regularizer",
        Regularizer::Orthogonal {
            factor: 0.01,
            mode: Orthogonal::Rows,
        },
    ),
];

/// A regularizer of Keras.
///
/// Kernels are in Keras's layout for [`Self::Orthogonal`], `[inputs, outputs]`, which is that of
/// Burn's `Linear` too; to the others the layout is all one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub enum Regularizer {
    /// `l1 * sum(|x|)`.
    L1 {
        /// Default: 0.01.
        l1: f64,
    },
    /// `l2 * sum(x^2)`.
    L2 {
        /// Default: 0.01.
        l2: f64,
    },
    /// `l1 * sum(|x|) + l2 * sum(x^2)`.
    L1L2 {
        /// Default: 0.
        l1: f64,
        /// Default: 0.
        l2: f64,
    },
    /// `factor` times the mean cosine, without its sign, of all pairs of rows or columns.
    Orthogonal {
        /// Default: 0.01.
        factor: f64,
        /// Default: rows.
        mode: Orthogonal,
    },
}

/// What [`Regularizer::Orthogonal`] compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
pub enum Orthogonal {
    /// `"rows"`.
    #[default]
    Rows,
    /// `"columns"`.
    Columns,
}

impl Regularizer {
    /// The penalty of a weight, `[1]`. Keras 3 adds those of trainable weights to the loss, tf_keras
    /// those of all.
    ///
    /// # Errors
    ///
    /// If an orthogonal regularizer gets a tensor that is no matrix.
    pub fn penalty<const D: usize>(&self, x: Tensor<D>) -> Result<Tensor<1>, ShapeError> {
        self.penalty_of(x, Generation::Keras3)
    }

    /// [`penalty`](Self::penalty) as `generation` computes it: they differ in the cosine of rows
    /// that are nearly 0.
    ///
    /// # Errors
    ///
    /// If an orthogonal regularizer gets a tensor that is no matrix.
    pub fn penalty_of<const D: usize>(
        &self,
        x: Tensor<D>,
        generation: Generation,
    ) -> Result<Tensor<1>, ShapeError> {
        let l1 = |x: Tensor<D>, l1: f64| x.abs().sum().mul_scalar(l1);
        let l2 = |x: Tensor<D>, l2: f64| (x.clone() * x).sum().mul_scalar(l2);
        match *self {
            Self::L1 { l1: factor } => Ok(l1(x, factor)),
            Self::L2 { l2: factor } => Ok(l2(x, factor)),
            Self::L1L2 { l1: a, l2: b } => Ok(l1(x.clone(), a) + l2(x, b)),
            Self::Orthogonal { factor, mode } => orthogonal(x, factor, mode, generation),
        }
    }

    /// The penalty of an activity `[batch, ...]`, divided by the batch, `[1]`: both generations
    /// do so. For an orthogonal regularizer the output is the matrix.
    ///
    /// # Errors
    ///
    /// If an orthogonal regularizer gets a tensor that is no matrix.
    pub fn activity_penalty<const D: usize>(
        &self,
        x: Tensor<D>,
        generation: Generation,
    ) -> Result<Tensor<1>, ShapeError> {
        let batch = x.dims()[0].max(1) as f64;
        Ok(self.penalty_of(x, generation)?.div_scalar(batch))
    }
}

/// The penalties of the parameters of `module` at these paths, each `[1]`.
///
/// # Errors
///
/// A path where the module has no parameter; an orthogonal regularizer of what is no matrix.
///
/// ```
/// use burn::module::Module;
/// use burn::tensor::Tensor;
/// use burn_keras_nn::Generation;
/// use burn_keras_nn::loss::ShapeError;
/// use burn_keras_nn::regularizer::{Regularizer, penalties};
///
/// fn of_kernel<M: Module>(module: &M) -> Result<Vec<Tensor<1>>, ShapeError> {
///     let regularizers = [("dense.weight", Regularizer::L2 { l2: 0.01 })];
///     penalties(module, &regularizers, Generation::Keras3)
/// }
/// ```
pub fn penalties<M: Module>(
    module: &M,
    regularizers: &[(&str, Regularizer)],
    generation: Generation,
) -> Result<Vec<Tensor<1>>, ShapeError> {
    let mut visitor = Penalties {
        path: Vec::new(),
        regularizers,
        generation,
        found: regularizers.iter().map(|_| None).collect(),
    };
    module.visit(&mut visitor);
    let found = visitor.found.into_iter().zip(regularizers);
    found
        .map(|(penalty, (path, _))| {
            penalty.unwrap_or_else(|| {
                let path = (*path).into();
                Err(ShapeError::Parameter { path })
            })
        })
        .collect()
}

struct Penalties<'a> {
    path: Vec<String>,
    regularizers: &'a [(&'a str, Regularizer)],
    generation: Generation,
    found: Vec<Option<Result<Tensor<1>, ShapeError>>>,
}

impl ModuleVisitor for Penalties<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        for ((of, regularizer), found) in self.regularizers.iter().zip(&mut self.found) {
            if *of == path {
                *found = Some(regularizer.penalty_of(param.val(), self.generation));
            }
        }
    }
}

/// The penalty `l1 sum(|x|) + l2 sum(x^2)` of what a layer gives, `[batch, ...]`, divided by the
/// batch: `[1]`.
pub fn activity_penalty<const D: usize>(x: Tensor<D>, l1: f64, l2: f64) -> Tensor<1> {
    let batch = x.dims()[0].max(1) as f64;
    let absolute = (l1 != 0.0).then(|| x.clone().abs().sum().mul_scalar(l1));
    let squares = (l2 != 0.0).then(|| x.clone().square().sum().mul_scalar(l2));
    let penalty = match (absolute, squares) {
        (Some(a), Some(b)) => a + b,
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => Tensor::zeros([1], (&x.device(), x.dtype())),
    };
    penalty.div_scalar(batch)
}

fn orthogonal<const D: usize>(
    x: Tensor<D>,
    factor: f64,
    mode: Orthogonal,
    generation: Generation,
) -> Result<Tensor<1>, ShapeError> {
    let dims = x.dims();
    let (2, &[rows, columns]) = (D, &dims[..]) else {
        return Err(ShapeError::Rank {
            expected: 2,
            shape: dims.to_vec(),
        });
    };
    let x = x.reshape([rows, columns]);
    let (x, size) = match mode {
        Orthogonal::Rows => (x, rows),
        Orthogonal::Columns => (x.transpose(), columns),
    };
    let x = normalize(x, 1, generation);
    let cosines = x.clone().matmul(x.transpose());
    let others = Tensor::<2>::eye(size, &cosines.device())
        .neg()
        .add_scalar(1.0);
    let pairs = size as f64 * (size as f64 - 1.0) / 2.0;
    let sum = (cosines * others).abs().sum();
    Ok(sum.mul_scalar(factor * 0.5 / pairs))
}

#[cfg(test)]
mod tests;
