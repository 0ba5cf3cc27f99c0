//! What a loss measures.

use alloc::vec::Vec;
use burn::serde::{Deserialize, Serialize};
use burn::tensor::Tensor;

use super::pair::Pair;
use super::{
    ShapeError, Target, Values, circle, ctc, overlap, pointwise as point, probability as prob,
};
use crate::Generation;

/// What a loss measures, with the options of Keras's class of that name.
///
/// Axes count the batch; negative ones count from the end. [`NAMES`](super::NAMES) has what Keras
/// calls them, with the defaults of the options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "burn::serde")]
#[non_exhaustive]
pub enum LossFunction {
    /// `mean((output - target)^2)` over the last axis.
    MeanSquaredError,
    /// `mean(|output - target|)` over the last axis.
    MeanAbsoluteError,
    /// `100 mean(|target - output| / max(|target|, 1e-7))` over the last axis.
    MeanAbsolutePercentageError,
    /// `mean((ln(1 + target) - ln(1 + output))^2)` over the last axis, both at least 1e-7.
    MeanSquaredLogarithmicError,
    /// Minus the cosine of the angle between target and output.
    CosineSimilarity {
        /// The axis of the vectors. Default: -1.
        axis: isize,
    },
    /// Half the squared error up to `delta`, linear beyond it; the mean over the last axis.
    Huber {
        /// Where the line begins. Default: 1.
        delta: f64,
    },
    /// `mean(ln(cosh(output - target)))` over the last axis.
    LogCosh,
    /// `mean(max(1 - target * output, 0))` over the last axis.
    ///
    /// Targets are -1 and 1; if all of a batch are 0 or 1, 0 stands for -1.
    Hinge,
    /// `mean(max(1 - target * output, 0)^2)` over the last axis, targets as for [`Self::Hinge`].
    SquaredHinge,
    /// `max(1 + max((1 - target) * output) - sum(target * output), 0)` over the last axis.
    CategoricalHinge,
    /// `sum(target * ln(target / output))` over the last axis, both within 1e-7 ..= 1.
    KlDivergence,
    /// `mean(output - target * ln(output + 1e-7))` over the last axis.
    Poisson,
    /// The crossentropy of independent probabilities.
    BinaryCrossentropy {
        /// Whether outputs are logits. Default: false.
        from_logits: bool,
        /// How far labels move towards 0.5. Default: 0.
        label_smoothing: f64,
        /// The axis of the mean. Default: -1.
        axis: isize,
    },
    /// [`Self::BinaryCrossentropy`] times `(1 - p)^gamma`, `p` being the probability of the right
    /// class.
    BinaryFocalCrossentropy {
        /// Whether classes are weighted by `alpha`. Default: false.
        apply_class_balancing: bool,
        /// The weight of class 1; that of class 0 is `1 - alpha`. Default: 0.25.
        alpha: f64,
        /// How much easy samples are left out. Default: 2.
        gamma: f64,
        /// Whether outputs are logits. Default: false.
        from_logits: bool,
        /// How far labels move towards 0.5. Default: 0.
        label_smoothing: f64,
        /// The axis of the mean. Default: -1.
        axis: isize,
    },
    /// The crossentropy of a distribution over classes, the target being one too.
    CategoricalCrossentropy {
        /// Whether outputs are logits. Default: false.
        from_logits: bool,
        /// How far labels move towards their mean. Default: 0.
        label_smoothing: f64,
        /// The axis of the classes. Default: -1.
        axis: isize,
    },
    /// [`Self::CategoricalCrossentropy`] times `alpha (1 - p)^gamma`.
    CategoricalFocalCrossentropy {
        /// One weight, or one for each class. Default: 0.25.
        alpha: Vec<f64>,
        /// How much easy samples are left out. Default: 2.
        gamma: f64,
        /// Whether outputs are logits. Default: false.
        from_logits: bool,
        /// How far labels move towards their mean. Default: 0.
        label_smoothing: f64,
        /// The axis of the classes. Default: -1.
        axis: isize,
    },
    /// The crossentropy of a distribution over the last axis, the target being class ids.
    ///
    /// An id that is no class gives NaN.
    SparseCategoricalCrossentropy {
        /// Whether outputs are logits. Default: false.
        from_logits: bool,
        /// An id that does not count: its loss is 0, and masked. Default: none.
        ignore_class: Option<i64>,
    },
    /// Minus the logarithm of the probability of a sequence of labels, all alignments of it
    /// together: outputs are logits `[batch, steps, classes]`, targets ids `[batch, length]`, padded
    /// with 0, which is the blank too. Keras 3 only.
    ///
    /// Infinite where the steps are too few for the labels; TensorFlow gives a large number.
    Ctc,
    /// One minus twice the overlap, by the sum of both. Keras 3 only.
    Dice {
        /// The axes to sum over. Default: all, the batch too.
        axis: Option<Vec<isize>>,
    },
    /// [`Self::Dice`] with weights for what is missed and what is too much. Keras 3 only.
    Tversky {
        /// The weight of what is in the target only. Default: 0.5.
        alpha: f64,
        /// The weight of what is in the output only. Default: 0.5.
        beta: f64,
        /// The axes to sum over. Default: all, the batch too.
        axis: Option<Vec<isize>>,
    },
    /// The similarity of samples of one class against that of others: outputs `[batch, features]`
    /// of length 1, targets ids `[batch]`. Keras 3 only.
    ///
    /// Samples whose loss is 0, such as those alone in their class, are masked.
    Circle {
        /// Scale of the similarities. Default: 80.
        gamma: f64,
        /// How far apart the classes should be. Default: 0.4.
        margin: f64,
        /// Whether a sample is not compared with itself. Default: true.
        remove_diagonal: bool,
    },
    /// `(1 - p^q) / q` for the probability `p` of the right class; targets are ids without an axis
    /// of size 1. Keras 3 only.
    CategoricalGeneralizedCrossEntropy {
        /// Between 0 (crossentropy) and 1 (absolute error). Default: 0.5.
        q: f64,
    },
}

impl LossFunction {
    /// The function of logits that Keras's `fit` computes where a model ends in the activation
    /// that the function expects, and `self` is of its probabilities: `softmax` for categorical
    /// and sparse crossentropies, `sigmoid` for binary ones. None for other functions, and for
    /// those of logits.
    ///
    /// ```
    /// use burn_keras_nn::loss::LossFunction;
    ///
    /// let loss = LossFunction::SparseCategoricalCrossentropy {
    ///     from_logits: false,
    ///     ignore_class: None,
    /// };
    /// assert_eq!(
    ///     loss.of_logits(),
    ///     Some(LossFunction::SparseCategoricalCrossentropy {
    ///         from_logits: true,
    ///         ignore_class: None,
    ///     })
    /// );
    /// assert_eq!(LossFunction::MeanSquaredError.of_logits(), None);
    /// ```
    pub fn of_logits(&self) -> Option<Self> {
        let mut function = self.clone();
        match &mut function {
            Self::BinaryCrossentropy { from_logits, .. }
            | Self::BinaryFocalCrossentropy { from_logits, .. }
            | Self::CategoricalCrossentropy { from_logits, .. }
            | Self::CategoricalFocalCrossentropy { from_logits, .. }
            | Self::SparseCategoricalCrossentropy { from_logits, .. }
                if !*from_logits =>
            {
                *from_logits = true;
                Some(function)
            }
            _ => None,
        }
    }

    /// The crossentropy that Keras takes for the names `"crossentropy"` and `"ce"`, by the shapes
    /// of output and target.
    pub fn crossentropy_for(output: &[usize], target: &[usize]) -> Self {
        match Labels::of(output, target) {
            Labels::Binary => Self::BinaryCrossentropy {
                from_logits: false,
                label_smoothing: 0.0,
                axis: -1,
            },
            Labels::Sparse => Self::SparseCategoricalCrossentropy {
                from_logits: false,
                ignore_class: None,
            },
            Labels::Categorical => Self::CategoricalCrossentropy {
                from_logits: false,
                label_smoothing: 0.0,
                axis: -1,
            },
        }
    }

    pub(crate) fn evaluate<const D: usize>(
        &self,
        output: Tensor<D>,
        target: &Target,
        generation: Generation,
    ) -> Result<Values, ShapeError> {
        // Keras 3 gives the output the target's axis then, which `D` has no room for.
        let dims = output.dims();
        if D == 1 && target.shape() == [dims[0], 1] && generation == Generation::Keras3 {
            return self.evaluate(output.reshape([dims[0], 1]), target, generation);
        }
        let pair = |output| Pair::new(output, target, generation);
        match self {
            Self::MeanSquaredError => pair(output)?.mean(-1, point::squared),
            Self::MeanAbsoluteError => pair(output)?.mean(-1, point::absolute),
            Self::MeanAbsolutePercentageError => pair(output)?.mean(-1, point::percentage),
            Self::MeanSquaredLogarithmicError => pair(output)?.mean(-1, point::squared_logarithmic),
            Self::CosineSimilarity { axis } => {
                let cosine = point::cosine(pair(output)?, *axis, generation)?;
                Ok(Values {
                    flat: cosine.flat.neg(),
                    ..cosine
                })
            }
            Self::Huber { delta } => {
                pair(output)?.mean(-1, |target, output| point::huber(target, output, *delta))
            }
            Self::LogCosh => pair(output)?.mean(-1, point::log_cosh),
            Self::Hinge => pair(output)?.mean(-1, point::hinge),
            Self::SquaredHinge => pair(output)?.mean(-1, point::squared_hinge),
            Self::CategoricalHinge => point::categorical_hinge(pair(output)?),
            Self::KlDivergence => {
                pair(output)?.sum(-1, |target, output, _| prob::kl_divergence(target, output))
            }
            Self::Poisson => pair(output)?.mean(-1, point::poisson),
            Self::BinaryCrossentropy {
                from_logits,
                label_smoothing,
                axis,
            } => Pair::same(output, target, generation)?.mean(*axis, |target, output| {
                let target = prob::smooth_binary(target, *label_smoothing);
                prob::binary_crossentropy(target, output, *from_logits, generation)
            }),
            Self::BinaryFocalCrossentropy {
                apply_class_balancing,
                alpha,
                gamma,
                from_logits,
                label_smoothing,
                axis,
            } => Pair::same(output, target, generation)?.mean(*axis, |target, output| {
                let target = prob::smooth_binary(target, *label_smoothing);
                let alpha = apply_class_balancing.then_some(*alpha);
                prob::binary_focal(target, output, alpha, *gamma, *from_logits, generation)
            }),
            Self::CategoricalCrossentropy {
                from_logits,
                label_smoothing,
                axis,
            } => {
                let pair = Pair::same(output, target, generation)?;
                let dims = pair.target.dims();
                // Keras 3 counts the last axis, whatever `axis` is
                let classes = match generation {
                    Generation::Keras3 => dims[D - 1],
                    Generation::TfKeras => dims[pair.axis(*axis)?],
                };
                pair.sum(*axis, |target, output, axis| {
                    let target = prob::smooth_categorical(target, *label_smoothing, classes);
                    prob::categorical_crossentropy(target, output, axis, *from_logits)
                })
            }
            Self::CategoricalFocalCrossentropy {
                alpha,
                gamma,
                from_logits,
                label_smoothing,
                axis,
            } => {
                let pair = pair(output)?;
                let axis = pair.axis(*axis)?;
                let classes = pair.target.dims()[D - 1];
                let target = prob::smooth_categorical(pair.target, *label_smoothing, classes);
                let values = prob::categorical_focal(
                    target,
                    pair.output,
                    axis,
                    alpha,
                    *gamma,
                    *from_logits,
                )?;
                Ok(Values::reduced(values.sum_dim(axis), pair.pad, &[axis]))
            }
            Self::SparseCategoricalCrossentropy {
                from_logits,
                ignore_class,
            } => prob::sparse_categorical_crossentropy(output, target, *from_logits, *ignore_class),
            Self::Ctc => ctc::ctc(output, target),
            Self::Dice { axis } => overlap::dice(pair(output)?, axis.as_deref()),
            Self::Tversky { alpha, beta, axis } => {
                overlap::tversky(pair(output)?, *alpha, *beta, axis.as_deref())
            }
            Self::Circle {
                gamma,
                margin,
                remove_diagonal,
            } => circle::circle(output, target, *gamma, *margin, *remove_diagonal),
            Self::CategoricalGeneralizedCrossEntropy { q } => prob::generalized(output, target, *q),
        }
    }
}

/// What labels are, by Keras's `is_binary_or_sparse_categorical`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Labels {
    Binary,
    Sparse,
    Categorical,
}

impl Labels {
    pub fn of(output: &[usize], target: &[usize]) -> Self {
        let last = |shape: &[usize]| shape.last().copied();
        if last(output) == Some(1) {
            Self::Binary
        } else if target.len() < output.len() || last(target) == Some(1) {
            Self::Sparse
        } else {
            Self::Categorical
        }
    }
}
