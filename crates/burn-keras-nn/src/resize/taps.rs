//! Which pixels an interpolation looks at, and their weights: the kernels of TensorFlow 2.21,
//! computed in single precision as there, since a rounding decides which pixels are meant.

use alloc::vec;
use alloc::vec::Vec;
use core::f64::consts::PI;

use super::Interpolation;

/// One of the pixels that each new pixel is made of.
pub struct Tap {
    /// Its position, for each new pixel.
    pub pixels: Vec<i32>,
    /// Its weight.
    pub weights: Vec<f32>,
}

/// The pixels of which one new pixel is made: the first one, and the weights from there on.
struct Span {
    first: usize,
    weights: Vec<f32>,
}

/// The taps that make `output` pixels of `input` ones.
pub fn taps(
    input: usize,
    output: usize,
    interpolation: Interpolation,
    antialias: bool,
) -> Vec<Tap> {
    let spans: Vec<Span> = (0..output)
        .map(|at| span(at, input, output, interpolation, antialias))
        .collect();
    let count = spans.iter().map(|span| span.weights.len()).max();
    (0..count.unwrap_or(0))
        .map(|tap| {
            let of = |span: &Span| match span.weights.get(tap) {
                Some(weight) => (index(span.first + tap), *weight),
                // A pixel that is taken anyway: nothing must come in with a weight of zero.
                None => (index(span.first), 0.0),
            };
            let (pixels, weights) = spans.iter().map(of).unzip();
            Tap { pixels, weights }
        })
        .collect()
}

fn index(position: usize) -> i32 {
    i32::try_from(position).unwrap_or(i32::MAX)
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn span(
    at: usize,
    input: usize,
    output: usize,
    interpolation: Interpolation,
    antialias: bool,
) -> Span {
    let last = input.saturating_sub(1);
    let scale = input as f32 / output as f32;
    let centre = (at as f32 + 0.5) * scale;
    let kernel = match interpolation {
        Interpolation::Nearest => {
            return Span {
                first: (centre as usize).min(last),
                weights: vec![1.0],
            };
        }
        Interpolation::Area => return area(at as f32 * scale, (at + 1) as f32 * scale, last),
        Interpolation::BilinearGrid => return bilinear(at as f32 * scale, last),
        Interpolation::Bilinear if !antialias => return bilinear(centre - 0.5, last),
        Interpolation::Bicubic if !antialias => return bicubic(centre - 0.5, last),
        Interpolation::Bilinear => Kernel::Triangle,
        Interpolation::Bicubic => Kernel::KeysCubic,
        Interpolation::Lanczos3 => Kernel::Lanczos(3.0),
        Interpolation::Lanczos5 => Kernel::Lanczos(5.0),
        Interpolation::Gaussian => Kernel::Gaussian,
        Interpolation::MitchellCubic => Kernel::MitchellCubic,
    };
    // `scale_and_translate_op.cc`: it goes from the inverse scale.
    let inverse = 1.0 / (output as f32 / input as f32);
    let sample = (at as f32 + 0.5) * inverse;
    let stretch = if antialias { inverse.max(1.0) } else { 1.0 };
    let reach = kernel.radius() * stretch;
    let first = libm::ceilf(sample - reach - 0.5).max(0.0) as usize;
    let end = libm::floorf(sample + reach - 0.5).max(0.0) as usize;
    let weight = |pixel: usize| {
        let distance = (pixel as f32 + 0.5 - sample) / stretch;
        kernel.weight(f64::from(distance.abs())) as f32
    };
    let first = first.min(last);
    Span {
        first,
        weights: normalised((first..=end.min(last)).map(weight).collect()),
    }
}

/// Weights with the sum 1, unless they have none.
fn normalised(weights: Vec<f32>) -> Vec<f32> {
    let sum: f32 = weights.iter().sum();
    if sum.abs() < 1000.0 * f32::MIN_POSITIVE {
        return weights;
    }
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Between the two pixels around `position`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn bilinear(position: f32, last: usize) -> Span {
    let floor = libm::floorf(position);
    let first = floor.max(0.0) as usize;
    let second = (libm::ceilf(position).max(0.0) as usize).min(last);
    let part = position - floor;
    Span {
        first,
        weights: if second > first {
            vec![1.0 - part, part]
        } else {
            vec![1.0]
        },
    }
}

/// The four pixels around `position`; the way between two pixels has 1024 steps, and what is beyond
/// the border does not count.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]
fn bicubic(position: f32, last: usize) -> Span {
    let floor = libm::floorf(position);
    let step = f64::from(libm::rintf((position - floor) * 1024.0) / 1024.0);
    let distances = [1.0 + step, step, 1.0 - step, 2.0 - step];
    let inside = |(i, distance): (usize, f64)| {
        let pixel = floor as i64 + i as i64 - 1;
        let pixel = usize::try_from(pixel).ok().filter(|pixel| *pixel <= last)?;
        Some((pixel, Kernel::KeysCubic.weight(distance) as f32))
    };
    let (pixels, weights): (Vec<usize>, Vec<f32>) =
        distances.into_iter().enumerate().filter_map(inside).unzip();
    Span {
        first: pixels.first().copied().unwrap_or(0),
        weights: normalised(weights),
    }
}

/// What lies between `from` and `to`, each pixel with the part of it that does.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]
fn area(from: f32, to: f32, last: usize) -> Span {
    let first = (from as usize).min(last);
    let end = (libm::ceilf(to) as usize).clamp(first + 1, last + 1);
    let part = |pixel: usize| {
        let pixel = pixel as f32;
        (pixel + 1.0).min(to) - pixel.max(from)
    };
    Span {
        first,
        weights: normalised((first..end).map(part).collect()),
    }
}

/// A kernel of `tf.image.resize`, by the distance from its middle.
#[derive(Clone, Copy)]
enum Kernel {
    Triangle,
    KeysCubic,
    MitchellCubic,
    Gaussian,
    Lanczos(f32),
}

impl Kernel {
    fn radius(self) -> f32 {
        match self {
            Self::Triangle => 1.0,
            Self::KeysCubic | Self::MitchellCubic => 2.0,
            Self::Gaussian => 1.5,
            Self::Lanczos(radius) => radius,
        }
    }

    fn weight(self, x: f64) -> f64 {
        if x > f64::from(self.radius()) {
            return 0.0;
        }
        match self {
            Self::Triangle => 1.0 - x,
            Self::KeysCubic if x >= 1.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::KeysCubic => (1.5 * x - 2.5) * x * x + 1.0,
            Self::MitchellCubic if x >= 1.0 => {
                ((-7.0 / 18.0 * x + 2.0) * x - 10.0 / 3.0) * x + 16.0 / 9.0
            }
            Self::MitchellCubic => (7.0 / 6.0 * x - 2.0) * x * x + 8.0 / 9.0,
            // A standard deviation of a third of the radius; nothing at the radius itself.
            Self::Gaussian if x >= 1.5 => 0.0,
            Self::Gaussian => libm::exp(-2.0 * x * x),
            Self::Lanczos(_) if x <= 1e-3 => 1.0,
            Self::Lanczos(radius) => {
                let radius = f64::from(radius);
                radius * libm::sin(PI * x) * libm::sin(PI * x / radius) / (PI * PI * x * x)
            }
        }
    }
}
