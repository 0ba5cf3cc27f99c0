//! Keras's attention layers.
//!
//! Masks keep where they are true. [`mask::causal`](crate::mask::causal) and
//! [`mask::window`](crate::mask::window) make those that depend on positions alone.

mod axes;
mod dense;
mod multi_head;

use burn::tensor::{Bool, Tensor, activation};

pub use axes::{fold_axes, fold_mask, unfold_axes, unfold_scores};
pub use dense::{Attention, AttentionConfig, AttentionOutput, Score};
pub use multi_head::{MultiHeadAttention, MultiHeadAttentionConfig, MultiHeadAttentionOutput};

/// What the weights of a query become whose mask keeps no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskedRows {
    /// All keys count the same: masked scores are replaced by a large negative number, as in Keras
    /// 3 where neither dropout nor the scores are asked for.
    Uniform,
    /// As [`Uniform`](Self::Uniform) but for rounding: masked scores are lowered by a large number,
    /// as in `tf.keras` 2.
    Lowered,
    /// All keys count in full: `tf.keras` 2 over several axes, whose softmax subtracts a logarithm
    /// that is lost in rounding.
    Full,
    /// Nothing is attended to: masked weights are zeros, as in Keras 3's `Softmax`.
    Zero,
}

/// What is added to masked scores, or put in their place.
const LOW: f64 = -1e9;

/// Softmax of `scores` along the last axis where `mask` keeps; the mask is broadcast along axes of
/// size 1.
fn masked_softmax<const D: usize>(
    scores: Tensor<D>,
    mask: Tensor<D, Bool>,
    rows: MaskedRows,
) -> Tensor<D> {
    let masked = mask.bool_not().expand(scores.dims());
    let lowered = |scores: Tensor<D>, masked| {
        let low = scores.clone().add_scalar(LOW);
        scores.mask_where(masked, low)
    };
    match rows {
        MaskedRows::Uniform => activation::softmax(scores.mask_fill(masked, LOW), D - 1),
        MaskedRows::Lowered => activation::softmax(lowered(scores, masked), D - 1),
        MaskedRows::Full => {
            let scores = lowered(scores, masked);
            let largest = scores.clone().detach().max_dim(D - 1);
            let sum = (scores.clone() - largest.clone()).exp().sum_dim(D - 1);
            (scores - (largest + sum.log())).exp()
        }
        MaskedRows::Zero => {
            let scores = scores.mask_fill(masked.clone(), LOW);
            activation::softmax(scores, D - 1).mask_fill(masked, 0.0)
        }
    }
}

#[cfg(test)]
mod tests;
