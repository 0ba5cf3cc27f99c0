//! What layers say of their outputs and weights, in the cases where Keras is surprising.

#![allow(clippy::unwrap_used)]

use keras_ir::Generation::{self, Keras3, TfKeras};
use keras_ir::layer::LayerKind;
use keras_ir::shape::{Kind, Shape, Spec};
use serde_json::{Value, json};

type Dims = Vec<Option<usize>>;

fn layer(class: &str, config: Value, generation: Generation) -> LayerKind {
    let (layer, problems) =
        LayerKind::read(class, config.as_object().unwrap(), generation).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    layer
}

fn spec(shape: &[usize]) -> Spec {
    let mut dims = vec![None];
    dims.extend(shape.iter().copied().map(Some));
    Spec::float(dims)
}

fn output(layer: &LayerKind, inputs: &[Spec]) -> Option<Shape> {
    let outputs = layer.layer().outputs(inputs).ok()?;
    outputs.into_iter().next().map(|spec| spec.shape)
}

/// Names and shapes of the weights.
fn weights(layer: &LayerKind, input: &[usize]) -> Vec<(&'static str, Dims)> {
    let weights = layer.layer().weights(&[spec(input)]).unwrap();
    weights.into_iter().map(|w| (w.name, w.shape)).collect()
}

fn known(shape: &[usize]) -> Dims {
    shape.iter().copied().map(Some).collect()
}

// Keras 3 sorts the axes as they are written, negative ones first; tf.keras keeps their order.
#[test]
fn weights_of_layer_normalization_follow_the_axes() {
    for (generation, axes, shape) in [
        (Keras3, json!([2, 1]), known(&[4, 3])),
        (TfKeras, json!([2, 1]), known(&[3, 4])),
        (Keras3, json!([1, -1]), known(&[3, 4])),
        (TfKeras, json!(-1), known(&[3])),
    ] {
        let norm = layer("LayerNormalization", json!({"axis": axes}), generation);
        let expected = [("gamma", shape.clone()), ("beta", shape)];
        assert_eq!(weights(&norm, &[4, 3]), expected, "{generation:?}");
    }
    let rms = json!({"rms_scaling": true, "scale": false});
    let rms = layer("LayerNormalization", rms, Keras3);
    assert_eq!(weights(&rms, &[4, 3]), [("gamma", known(&[3]))]);
    let batch = layer("LayerNormalization", json!({"axis": [0, 1]}), Keras3);
    assert_eq!(output(&batch, &[spec(&[4, 3])]), None);
}

#[test]
fn the_scale_of_rms_normalization_must_fit_the_last_axes() {
    let norm = layer("RMSNormalization", json!({"axis": 1}), Keras3);
    assert!(output(&norm, &[spec(&[3, 3])]).is_some());
    assert!(output(&norm, &[spec(&[4, 3])]).is_none());
}

#[test]
fn groups_are_of_one_size() {
    for (groups, channels, fits) in [(2, 6, true), (4, 6, false), (-1, 5, true), (8, 4, false)] {
        let norm = layer("GroupNormalization", json!({"groups": groups}), Keras3);
        let fits_here = output(&norm, &[spec(&[5, channels])]).is_some();
        assert_eq!(fits_here, fits, "{channels} channels in {groups} groups");
    }
}

// With several axes tf.keras's weights have all axes of the input.
#[test]
fn weights_of_batch_normalization_have_the_axes_of_tf_keras() {
    for (config, shape) in [
        (json!({"axis": [3]}), known(&[4])),
        (json!({"axis": [3, 1]}), known(&[1, 2, 1, 4])),
    ] {
        let norm = layer("BatchNormalization", config, TfKeras);
        let names = ["gamma", "beta", "moving_mean", "moving_variance"];
        let expected = names.map(|name| (name, shape.clone()));
        assert_eq!(weights(&norm, &[2, 3, 4]), expected);
    }
    let renorm = layer("BatchNormalization", json!({"renorm": true}), Keras3);
    let names: Vec<_> = weights(&renorm, &[3]).into_iter().map(|w| w.0).collect();
    let expected = ["moving_stddev", "renorm_mean", "renorm_stddev"];
    assert_eq!(names[4..], expected);
}

// Keras writes `shape[axis - 1] = 1`: -1 names the last axis but one.
#[test]
fn slopes_are_shared_along_axes() {
    for (axes, shape) in [
        (json!(null), known(&[2, 3, 4])),
        (json!([1, 3]), known(&[1, 3, 1])),
        (json!(2), known(&[2, 1, 4])),
        (json!([-1]), known(&[2, 1, 4])),
    ] {
        let prelu = layer("PReLU", json!({"shared_axes": axes}), Keras3);
        assert_eq!(weights(&prelu, &[2, 3, 4]), [("alpha", shape)]);
    }
    let prelu = layer("PReLU", json!({"shared_axes": [5]}), Keras3);
    assert_eq!(output(&prelu, &[spec(&[2, 3])]), None);
}

#[test]
fn products_have_the_other_axes_of_both() {
    for (axes, a, b, expected) in [
        (json!(1), vec![3], vec![3], Some(vec![None, Some(1)])),
        (
            json!([1, 2]),
            vec![3],
            vec![4, 3],
            Some(vec![None, Some(4)]),
        ),
        (
            json!([-2, -1]),
            vec![3, 2],
            vec![1, 2, 3],
            Some(vec![None, Some(2), Some(1), Some(2)]),
        ),
        (json!(1), vec![3], vec![4], None),
        (json!(0), vec![3], vec![3], None),
        (json!(3), vec![3], vec![3], None),
    ] {
        let dot = layer("Dot", json!({"axes": axes}), Keras3);
        assert_eq!(output(&dot, &[spec(&a), spec(&b)]), expected.map(Shape));
    }
}

#[test]
fn kinds_are_promoted_as_keras_does() {
    let of = |kinds: [Kind; 2], class: &str| {
        let inputs = kinds.map(|kind| spec(&[2]).with_kind(kind));
        layer(class, json!({}), Keras3)
            .layer()
            .outputs(&inputs)
            .unwrap()[0]
            .kind
    };
    assert_eq!(of([Kind::Int, Kind::Int], "Add"), Kind::Int);
    assert_eq!(of([Kind::Int, Kind::Int], "Average"), Kind::Float);
    assert_eq!(of([Kind::Int, Kind::Float], "Multiply"), Kind::Float);
    assert_eq!(of([Kind::Bool, Kind::Int], "Concatenate"), Kind::Int);
    assert_eq!(of([Kind::Bool, Kind::Bool], "Concatenate"), Kind::Bool);
}
