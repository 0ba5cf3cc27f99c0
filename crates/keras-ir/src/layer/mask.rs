//! What layers do with masks.

/// What a layer does with the masks of its inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaskRule {
    /// The first input's mask goes on to the first output.
    Pass,
    /// No mask goes on (the layer may still use the one it gets).
    Stop,
    /// A new mask: where the ids are not zero.
    NotZero,
    /// A new mask: where any feature differs from `mask_value`.
    NotValue(f64),
    /// Merge layers: the masks of the inputs are combined.
    Combine,
    /// `Concatenate`: the masks are joined along this Keras axis.
    Join(i64),
}
