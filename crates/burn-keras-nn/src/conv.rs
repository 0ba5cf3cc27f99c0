//! Convolutions that Burn lacks, channels-first: separable ones, and transposed ones in three
//! dimensions.

mod separable;
mod transpose;

pub use separable::{
    SeparableConv1d, SeparableConv1dConfig, SeparableConv2d, SeparableConv2dConfig,
    SeparableConvConfig,
};
pub use transpose::{ConvTranspose3d, ConvTranspose3dConfig};

#[cfg(test)]
mod tests;
