//! Files that do not say enough of their producer to be read exactly.

use crate::graph::{Graph, Layer, LayerKind};
use crate::layer::LayerKind as Class;
use crate::layer::resizing::Interpolation;
use crate::problem::{Problem, ProblemKind};
use crate::version::Generation;

use super::Weights;

/// Layers that mean something else, depending on what the file does not say or on a backend that is
/// not read.
pub(super) fn check(graph: &Graph, weights: Weights<'_>, problems: &mut Vec<Problem>) {
    let backend = weights.backend();
    let theano = graph.generation == Generation::Keras2 && backend.as_deref() == Some("theano");
    let version = graph.keras_version.as_deref().unwrap_or_default();
    let early = version.starts_with("2.2.") && version.contains("tf");
    let layers = graph.layers.iter();
    problems.extend(layers.filter_map(|layer| match &layer.kind {
        LayerKind::Layer(class) if theano && is_convolution(class) => Some(turned(layer)),
        LayerKind::Layer(Class::UpSampling(class))
            if early && class.interpolation == Interpolation::Bilinear =>
        {
            Some(two_grids(layer, version))
        }
        _ => None,
    }));
}

fn is_convolution(class: &Class) -> bool {
    matches!(
        class,
        Class::Conv(_)
            | Class::DepthwiseConv(_)
            | Class::SeparableConv(_)
            | Class::ConvTranspose(_)
    )
}

/// Theano's convolution goes through its kernel from the end, and Keras 2 saves it as it is.
fn turned(layer: &Layer) -> Problem {
    Problem::new(ProblemKind::UnsupportedOption)
        .at(&layer.path, &layer.class)
        .key("backend")
        .expected("kernels of TensorFlow")
        .found("kernels of Theano, which are the other way round")
        .help("load and save it once with Keras 2 on TensorFlow, which turns them")
}

/// TensorFlow 1.13 to 1.15 had a grid that begins at the first pixel, 2.0 and 2.1 one of pixels'
/// centres, and all of them write this version.
fn two_grids(layer: &Layer, version: &str) -> Problem {
    Problem::new(ProblemKind::UnsupportedOption)
        .at(&layer.path, &layer.class)
        .key("interpolation")
        .expected("\"nearest\", or a file of TensorFlow 2.2 or later")
        .found(format!(
            "\"bilinear\" of version {version}, which TensorFlow 1 and 2 write alike"
        ))
        .help(
            "load and save it with TensorFlow 2.2 or later; if its outputs are others than before, \
             it was made with TensorFlow 1",
        )
}
