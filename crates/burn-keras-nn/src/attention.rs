//! Keras's attention layers.
//!
//! Masks keep where they are true. [`mask::causal`](crate::mask::causal) and
//! [`mask::window`](crate::mask::window) make those that depend on positions alone.

mod axes;
mod dense;
mod multi_head;

use burn::tensor::{Bool, Tensor, activation};

use crate::activation::softmax_masked;
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
    /// Nothing is attended to: masked weights are zeros, as in Keras 3's `Softmax`.
    Zero,
}

/// Softmax of `scores` along the last axis where `mask` keeps; the mask is broadcast along axes of
/// size 1.
fn masked_softmax<const D: usize>(
    scores: Tensor<D>,
    mask: Tensor<D, Bool>,
    rows: MaskedRows,
) -> Tensor<D> {
    match rows {
        MaskedRows::Uniform => {
            let masked = mask.bool_not().expand(scores.dims());
            activation::softmax(scores.mask_fill(masked, -1e9), D - 1)
        }
        MaskedRows::Lowered => softmax_masked(scores, mask, [D - 1], false),
        MaskedRows::Zero => softmax_masked(scores, mask, [D - 1], true),
    }
}

#[cfg(test)]
mod tests;
