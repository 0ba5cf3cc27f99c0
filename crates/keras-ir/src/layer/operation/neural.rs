//! Operations of networks that work along axes or over windows.

use super::{Arguments, Family, Operator, Row, row};
use crate::layer::Mismatch;
use crate::layer::config::DataFormat;
use crate::layer::resizing::Interpolation;
use crate::shape::Spec;

/// A function along one axis or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Along {
    /// Exponentials, divided by their sum.
    Softmax,
    /// Its logarithm.
    LogSoftmax,
    /// The closest point of the simplex.
    Sparsemax,
    /// One half times the sigmoid of the other.
    Glu,
}

/// What a normalization takes off, and what it divides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Statistics {
    /// The mean is taken off; the variance is divided by.
    MeanAndVariance,
    /// Nothing; the variance.
    Variance,
    /// Nothing; the mean of the squares.
    MeanSquare,
}

/// A window that slides over an image.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sliding {
    /// Its size, one number for all axes or one for each.
    pub size: Vec<usize>,
    /// How far it goes.
    pub strides: Vec<usize>,
    /// Whether the image is padded as TensorFlow's `SAME`.
    pub same: bool,
    /// Where the channels are.
    pub data_format: DataFormat,
}

impl Sliding {
    /// As many numbers as there are spatial axes.
    pub fn expanded(&self, rank: usize) -> Option<(Vec<usize>, Vec<usize>)> {
        let count = rank
            .checked_sub(2)
            .filter(|count| (1..=3).contains(count))?;
        let expand = |sizes: &[usize]| match sizes {
            [one] => Some(vec![*one; count]),
            sizes => (sizes.len() == count).then(|| sizes.to_vec()),
        };
        Some((expand(&self.size)?, expand(&self.strides)?))
    }

    /// What the window leaves of an input.
    pub(super) fn output(&self, input: &Spec) -> Result<Spec, Mismatch> {
        let inputs = std::slice::from_ref(input);
        let fail = || Mismatch::new("an image as large as the window", inputs);
        let (size, strides) = self.expanded(input.shape.rank()).ok_or_else(fail)?;
        let mut shape = input.shape.0.clone();
        let first = self.data_format.first_spatial_axis();
        for (axis, (size, stride)) in size.into_iter().zip(strides).enumerate() {
            let dim = &mut shape[first + axis];
            *dim = match *dim {
                None => None,
                Some(dim) if self.same => Some(dim.div_ceil(stride)),
                Some(dim) => Some(dim.checked_sub(size).ok_or_else(fail)? / stride + 1),
            };
        }
        Ok(Spec::float(shape))
    }
}

fn along(a: &mut Arguments, which: Along) -> Operator {
    a.operand("x");
    let axes = a.optional_integers("axis").unwrap_or_else(|| vec![-1]);
    if axes.len() != 1 && which != Along::Softmax {
        a.unsupported("axis", "one axis", &format!("{axes:?}"));
    }
    Operator::Along { which, axes }
}

fn sizes(a: &mut Arguments, name: &str) -> Vec<usize> {
    let sizes = a.integers(name);
    let positive = sizes
        .iter()
        .map(|size| usize::try_from(*size).ok().filter(|size| *size > 0));
    positive.collect::<Option<Vec<usize>>>().unwrap_or_else(|| {
        a.unsupported(name, "positive sizes", &format!("{sizes:?}"));
        vec![1]
    })
}

fn data_format(a: &mut Arguments) -> DataFormat {
    let names = [
        "channels_last",
        "channels_first",
        "NHWC",
        "NWC",
        "NDHWC",
        "NCHW",
        "NCW",
        "NCDHW",
    ];
    match a.choice("data_format", &names) {
        1 | 5.. => DataFormat::ChannelsFirst,
        _ => DataFormat::ChannelsLast,
    }
}

/// TensorFlow may write sizes of the batch and the channels too, which are 1.
fn spatial(a: &Arguments, sizes: Vec<usize>) -> Vec<usize> {
    match sizes.as_slice() {
        [1, height, width, 1] if a.family() != Family::Keras => vec![*height, *width],
        _ => sizes,
    }
}

fn pool(a: &mut Arguments, average: bool) -> Operator {
    a.operand("inputs");
    let size = sizes(a, "pool_size");
    let size = spatial(a, size);
    let strides = match a.optional_integers("strides") {
        None => size.clone(),
        Some(strides) => {
            let strides = strides
                .into_iter()
                .map(|size| usize::try_from(size).unwrap_or(0));
            let strides = strides.collect();
            spatial(a, strides)
        }
    };
    if strides.contains(&0) {
        a.unsupported("strides", "positive sizes", "others");
    }
    let same = a.choice("padding", &["valid", "same"]) == 1;
    Operator::Pool {
        average,
        window: Sliding {
            size,
            strides,
            same,
            data_format: data_format(a),
        },
    }
}

fn normalization(a: &mut Arguments, statistics: Statistics, names: [&str; 2]) -> Operator {
    let [scale, offset] = names.map(|name| a.optional_operand(name));
    Operator::Normalization {
        axes: a.optional_integers("axis").unwrap_or_else(|| vec![-1]),
        epsilon: a.number("epsilon", 1e-7),
        statistics,
        scale,
        // Keras 3.15 adds no offset where it scales by the variance alone.
        offset: offset && statistics == Statistics::MeanAndVariance,
    }
}

fn resize(a: &mut Arguments) -> Operator {
    a.operand("images");
    for option in [
        "crop_to_aspect_ratio",
        "pad_to_aspect_ratio",
        "preserve_aspect_ratio",
    ] {
        if a.bool(option, false) {
            a.unsupported(option, "false", "true");
        }
    }
    a.take("fill_mode");
    a.take("fill_value");
    let known = [
        ("bilinear", Interpolation::Bilinear),
        ("nearest", Interpolation::Nearest),
        ("bicubic", Interpolation::Bicubic),
        ("lanczos3", Interpolation::Lanczos3),
        ("lanczos5", Interpolation::Lanczos5),
        ("area", Interpolation::Area),
        ("gaussian", Interpolation::Gaussian),
        ("mitchellcubic", Interpolation::MitchellCubic),
    ];
    let interpolation = known[a.choice("interpolation", &known.map(|(name, _)| name))].1;
    let size = sizes(a, "size");
    if size.len() != 2 {
        a.unsupported("size", "height and width", &format!("{size:?}"));
    }
    Operator::Resize {
        size,
        interpolation,
        antialias: a.bool("antialias", false),
        data_format: data_format(a),
    }
}

pub(super) const ROWS: &[Row] = &[
    row("Softmax", &["x"], |a| along(a, Along::Softmax)),
    row("LogSoftmax", &["x"], |a| along(a, Along::LogSoftmax)),
    row("Sparsemax", &["x"], |a| along(a, Along::Sparsemax)),
    row("Glu", &["x"], |a| along(a, Along::Glu)),
    row("Normalize", &["x"], |a| {
        a.operand("x");
        // Keras 3.15, `ops.nn._normalize`.
        Operator::Normalize {
            axes: a.optional_integers("axis"),
            order: a.number("order", 2.0),
            least: a.number("epsilon", 1e-7),
        }
    }),
    row("L2Normalize", &["x"], |a| {
        a.operand("x");
        // TensorFlow's epsilon bounds the square of the length.
        Operator::Normalize {
            axes: a.optional_integers("axis"),
            order: 2.0,
            least: a.number("epsilon", 1e-12).sqrt(),
        }
    })
    .of_tensorflow(),
    row("MaxPool", &["inputs"], |a| pool(a, false)),
    row("AveragePool", &["inputs"], |a| pool(a, true)),
    row(
        "BatchNorm",
        &["x", "mean", "variance", "offset", "scale"],
        |a| {
            for name in ["x", "mean", "variance"] {
                a.operand(name);
            }
            let offset = a.optional_operand("offset");
            let scale = a.optional_operand("scale");
            Operator::BatchNorm {
                axis: a.integer("axis", -1),
                epsilon: a.number("epsilon", 1e-3),
                offset,
                scale,
            }
        },
    ),
    row("LayerNorm", &["x", "gamma", "beta"], |a| {
        a.operand("x");
        let statistics = match a.bool("rms_scaling", false) {
            false => Statistics::MeanAndVariance,
            true => Statistics::Variance,
        };
        normalization(a, statistics, ["gamma", "beta"])
    }),
    row("RMSNorm", &["x", "scale"], |a| {
        a.operand("x");
        normalization(a, Statistics::MeanSquare, ["scale", "offset"])
    }),
    row(
        "DotProductAttention",
        &["query", "key", "value", "bias", "mask", "scale"],
        |a| {
            for name in ["query", "key", "value"] {
                a.operand(name);
            }
            let bias = a.optional_operand("bias");
            let mask = a.optional_operand("mask");
            a.bool("flash_attention", false);
            Operator::Attention {
                scale: a.optional_number("scale"),
                causal: a.bool("is_causal", false),
                bias,
                mask,
            }
        },
    ),
    row("Resize", &["images"], resize),
    row("RGBToGrayscale", &["images"], |a| {
        a.operand("images");
        Operator::Grayscale(data_format(a))
    }),
];
