//! Layers that give the spatial axes other sizes.

use serde_json::Value;

use super::config::{Config, DataFormat};
use super::convolution::dimensions;
use super::{KerasLayer, MaskRule, Mismatch, single_of_rank};
use crate::shape::{Kind, Spec};
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
    /// Reads `interpolation`; `default` where it is missing.
    fn read(config: &mut Config<'_>, default: Self) -> Self {
        if config.value("interpolation").is_none() {
            return default;
        }
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
                2 => Interpolation::read(config, Interpolation::Nearest),
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

/// What [`Resizing`] does where an image has another aspect ratio than its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aspect {
    /// The image is stretched.
    Stretch,
    /// As much as fits of the middle is taken.
    Crop,
    /// Zeros are put around it.
    Pad,
}

/// `Resizing` of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Resizing {
    /// Height and width of the result.
    pub size: [usize; 2],
    /// How values between pixels are found.
    pub interpolation: Interpolation,
    /// Whether more pixels are looked at when the image becomes smaller.
    pub antialias: bool,
    /// What happens to images of another aspect ratio.
    pub aspect: Aspect,
    /// Where the channels are.
    pub data_format: DataFormat,
}

impl Resizing {
    /// Steps that are cut off (`Aspect::Crop`) or put around (`Aspect::Pad`) an image of `height`
    /// and `width`, before and after each axis.
    ///
    /// Keras computes in single precision and truncates. Padding is as much on either side, so that
    /// an odd step is left out.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )]
    pub fn borders(&self, height: usize, width: usize) -> [(usize, usize); 2] {
        let [target_height, target_width] = self.size;
        let fitting = |other: usize, target: usize, by: usize| {
            (other.saturating_mul(target) as f32 / by as f32) as usize
        };
        let sizes = [
            (height, fitting(width, target_height, target_width)),
            (width, fitting(height, target_width, target_height)),
        ];
        sizes.map(|(size, fitting)| match self.aspect {
            Aspect::Stretch => (0, 0),
            Aspect::Crop => {
                let cut = size - fitting.min(size).max(1);
                (cut / 2, cut - cut / 2)
            }
            Aspect::Pad => {
                let side = fitting.saturating_sub(size) / 2;
                (side, side)
            }
        })
    }
}

/// The input's shape with another height and width.
fn resized(
    inputs: &[Spec],
    data_format: DataFormat,
    size: [usize; 2],
) -> Result<Vec<Spec>, Mismatch> {
    let input = single_of_rank(inputs, 4)?;
    if input.kind != Kind::Float {
        return Err(Mismatch::new("an image of floats", inputs));
    }
    let mut shape = input.shape.0.clone();
    let first = data_format.first_spatial_axis();
    shape[first..first + 2].copy_from_slice(&size.map(Some));
    Ok(vec![Spec::float(shape)])
}

impl KerasLayer for Resizing {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        let crop = config.bool("crop_to_aspect_ratio", false);
        let pad = config.bool("pad_to_aspect_ratio", false);
        config.choice("fill_mode", &["constant"]);
        if config.number("fill_value", 0.0) != 0.0 && pad {
            config.unsupported("fill_value", "0");
        }
        Self {
            size: [config.size("height"), config.size("width")],
            interpolation: Interpolation::read(config, Interpolation::Bilinear),
            antialias: config.bool("antialias", false),
            aspect: match (crop, pad) {
                (true, _) => Aspect::Crop,
                (false, true) => Aspect::Pad,
                (false, false) => Aspect::Stretch,
            },
            data_format: config.data_format(),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        resized(inputs, self.data_format, self.size)
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }

    // Keras 3 calls its preprocessing layers with `training=True` unless told otherwise.
    fn understands(&self, argument: &str, _value: &Value) -> bool {
        argument == "training"
    }
}

/// `CenterCrop`: the middle of an image; of an image that is too small, the middle of its aspect
/// ratio, resized.
#[derive(Clone, Debug, PartialEq)]
pub struct CenterCrop {
    /// Height and width of the result.
    pub size: [usize; 2],
    /// Where the channels are.
    pub data_format: DataFormat,
}

impl KerasLayer for CenterCrop {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            size: [config.size("height"), config.size("width")],
            data_format: config.data_format(),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        resized(inputs, self.data_format, self.size)
    }

    fn mask_rule(&self) -> MaskRule {
        MaskRule::Stop
    }

    // Keras 3 calls its preprocessing layers with `training=True` unless told otherwise.
    fn understands(&self, argument: &str, _value: &Value) -> bool {
        argument == "training"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ops.image.resize` of Keras 3.15.1 on TensorFlow.
    #[test]
    fn borders_are_those_of_keras() {
        let layer = |aspect| Resizing {
            size: [4, 6],
            interpolation: Interpolation::Bilinear,
            antialias: false,
            aspect,
            data_format: DataFormat::ChannelsLast,
        };
        let crop = layer(Aspect::Crop);
        assert_eq!(crop.borders(9, 7), [(2, 3), (0, 0)]);
        assert_eq!(crop.borders(5, 12), [(0, 0), (2, 3)]);
        assert_eq!(crop.borders(4, 6), [(0, 0), (0, 0)]);
        let pad = layer(Aspect::Pad);
        assert_eq!(pad.borders(9, 7), [(0, 0), (3, 3)]);
        assert_eq!(pad.borders(5, 12), [(1, 1), (0, 0)]);
    }
}
