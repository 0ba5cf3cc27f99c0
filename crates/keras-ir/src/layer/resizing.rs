//! Layers that give the spatial axes other sizes.

use super::config::{Config, DataFormat};
use super::convolution::dimensions;
use super::{KerasLayer, MaskRule, Mismatch, single_of_rank};
use crate::shape::Spec;
use crate::version::Generation;

/// How values between pixels are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Between the two nearest ones along each axis, pixels being squares.
    Bilinear,
    /// The same, pixels being points of a grid that begins at the first one: standalone Keras 2.
    BilinearGrid,
    /// Cubic, `a = −0.5`.
    Bicubic,
    /// Lanczos, over 3 pixels on either side.
    Lanczos3,
    /// Lanczos, over 5 pixels on either side.
    Lanczos5,
    /// The mean of the area.
    Area,
    /// Gaussian, over 1.5 pixels on either side.
    Gaussian,
    /// Cubic of Mitchell and Netravali.
    MitchellCubic,
}

impl Interpolation {
    fn read(config: &mut Config<'_>) -> Self {
        let names = [
            "nearest",
            "bilinear",
            "bicubic",
            "lanczos3",
            "lanczos5",
            "area",
            "gaussian",
            "mitchellcubic",
        ];
        match config.choice("interpolation", &names) {
            0 => Self::Nearest,
            // TensorFlow 1's `resize_bilinear`, which Keras 2.2.3 to 2.3.1 call.
            1 if config.generation() == Generation::Keras2 => Self::BilinearGrid,
            1 => Self::Bilinear,
            2 => Self::Bicubic,
            3 => Self::Lanczos3,
            4 => Self::Lanczos5,
            5 => Self::Area,
            6 => Self::Gaussian,
            _ => Self::MitchellCubic,
        }
    }
}

/// `UpSampling1D/2D/3D`: every spatial axis becomes so many times as long.
#[derive(Clone, Debug, PartialEq)]
pub struct UpSampling {
    /// The factor per spatial axis.
    pub size: Vec<usize>,
    /// Where the channels are.
    pub data_format: DataFormat,
    /// How values between pixels are found; always the nearest pixel in one and three dimensions.
    pub interpolation: Interpolation,
}

impl KerasLayer for UpSampling {
    fn read(class: &str, config: &mut Config<'_>) -> Self {
        let dimensions = dimensions(class);
        Self {
            size: config.sizes("size", dimensions, &vec![2; dimensions]),
            data_format: config.data_format(),
            interpolation: match dimensions {
                2 => Interpolation::read(config),
                _ => Interpolation::Nearest,
            },
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let input = single_of_rank(inputs, self.size.len() + 2)?;
        let mut shape = input.shape.0.clone();
        let first = self.data_format.first_spatial_axis();
        for (dim, factor) in shape[first..].iter_mut().zip(&self.size) {
            if let Some(known) = dim {
                let size = known.checked_mul(*factor);
                *known =
                    size.ok_or_else(|| Mismatch::new("an input that is not too large", inputs))?;
            }
        }
        Ok(vec![match self.interpolation {
            Interpolation::Nearest => input.with_shape(shape),
            _ => Spec::float(shape),
        }])
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }
}
