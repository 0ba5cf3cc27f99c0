//! Normalization of each sample over some of its axes.

use super::no_axes;
use crate::layer::config::Config;
use crate::layer::{KerasLayer, MaskRule, Mismatch, WeightSpec, single};
use crate::shape::{Kind, Spec};

/// The axes as the layer keeps them: Keras 3 sorts them as they are written, negative ones first;
/// tf.keras keeps their order. They order the weights' axes, nothing else.
fn read_axes(config: &mut Config<'_>) -> Vec<i64> {
    let mut axes = config.integers("axis").unwrap_or_else(|| vec![-1]);
    if config.generation().is_keras3() {
        axes.sort_unstable();
    }
    axes
}

/// The sizes of `axes`, in their order.
fn sizes(input: &Spec, axes: &[i64]) -> Vec<Option<usize>> {
    axes.iter()
        .map(|axis| input.shape.axis(*axis).and_then(|at| input.shape.dim(at)))
        .collect()
}

/// The positions of `axes`, ascending.
fn positions(inputs: &[Spec], axes: &[i64]) -> Result<Vec<usize>, Mismatch> {
    single(inputs)?
        .shape
        .axes(axes)
        .filter(|positions| positions.first().is_some_and(|first| *first > 0))
        .ok_or_else(|| no_axes(axes, inputs))
}

/// `LayerNormalization`: mean 0 and variance 1 over some axes, then `gamma` and `beta`.
///
/// The weights have the normalised axes' sizes in the order of [`axes`](Self::axes). Keras reshapes
/// them to the input's own order of axes without transposing, and so must whoever uses them.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNormalization {
    /// Keras axes, in the order of the weights' axes.
    pub axes: Vec<i64>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether there is a `beta`.
    pub center: bool,
    /// Whether there is a `gamma`.
    pub scale: bool,
    /// Keras 3's `rms_scaling`: the mean is not taken off, though the variance is about it.
    pub rms_scaling: bool,
}

impl LayerNormalization {
    /// The positions of the normalised axes, ascending.
    pub fn positions(&self, input: &Spec) -> Option<Vec<usize>> {
        positions(std::slice::from_ref(input), &self.axes).ok()
    }
}

impl KerasLayer for LayerNormalization {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        let rms_scaling = config.bool("rms_scaling", false);
        Self {
            axes: read_axes(config),
            epsilon: config.number("epsilon", 1e-3),
            center: config.bool("center", true) && !rms_scaling,
            scale: config.bool("scale", true) || rms_scaling,
            rms_scaling,
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        positions(inputs, &self.axes)?;
        Ok(vec![single(inputs)?.with_kind(Kind::Float)])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let shape = sizes(single(inputs)?, &self.axes);
        let mut weights = Vec::with_capacity(2);
        if self.scale {
            weights.push(WeightSpec::trained("gamma", shape.clone()));
        }
        if self.center {
            weights.push(WeightSpec::trained("beta", shape));
        }
        Ok(weights)
    }
}

/// `RMSNormalization`: mean square 1 over some axes, then `scale`.
///
/// `scale` has the normalised axes' sizes, but Keras multiplies it onto the input's *last* axes,
/// whichever were normalised (Keras 3.15, `_rms_normalization`).
#[derive(Clone, Debug, PartialEq)]
pub struct RmsNormalization {
    /// Keras axes, in the order of the weight's axes.
    pub axes: Vec<i64>,
    /// Added to the mean square.
    pub epsilon: f64,
}

impl RmsNormalization {
    /// The positions of the normalised axes, ascending.
    pub fn positions(&self, input: &Spec) -> Option<Vec<usize>> {
        positions(std::slice::from_ref(input), &self.axes).ok()
    }
}

impl KerasLayer for RmsNormalization {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        Self {
            axes: read_axes(config),
            epsilon: config.number("epsilon", 1e-6),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        positions(inputs, &self.axes)?;
        let input = single(inputs)?;
        let scale = sizes(input, &self.axes);
        let last = &input.shape.0[input.shape.rank() - scale.len()..];
        let fits = scale.iter().zip(last).all(|(scale, last)| scale == last);
        if !fits {
            return Err(Mismatch::new(
                format!("last axes of the sizes that the axes {:?} have", self.axes),
                inputs,
            ));
        }
        Ok(vec![input.with_kind(Kind::Float)])
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let shape = sizes(single(inputs)?, &self.axes);
        Ok(vec![WeightSpec::trained("scale", shape)])
    }

    fn mask_rule(&self) -> MaskRule {
        // It does not say that it supports masks.
        MaskRule::Stop
    }
}
