#![allow(clippy::panic)]
use serde_json::{Map, Value, json};

use super::*;
use crate::activation::Activation;
use crate::layer::LayerKind;
use crate::problem::{Problem, ProblemKind};
use crate::version::{Generation, Writer};

fn read(class: &str, config: &Value, writer: impl Into<Writer>) -> (Recurrent, Vec<Problem>) {
    let empty = Map::new();
    let config = config.as_object().unwrap_or(&empty);
    match LayerKind::read(class, config, writer) {
        Some((LayerKind::Recurrent(layer), problems)) => (layer, problems),
        other => panic!("{class} was read as {other:?}"),
    }
}

fn sequence() -> Spec {
    Spec::float(vec![None, Some(7), Some(4)])
}

fn shapes(layer: &Recurrent) -> Vec<String> {
    let weights = layer.weights(&[sequence()]).unwrap_or_default();
    let weights = weights.into_iter();
    weights
        .map(|weight| format!("{} {}", weight.name, crate::shape::Shape(weight.shape)))
        .collect()
}

#[test]
fn missing_keys_mean_what_the_writer_meant() {
    let hard = Activation::HardSigmoid {
        alpha: 0.2,
        beta: 0.5,
    };
    for (generation, gate) in [
        (Generation::Keras2, hard),
        (Generation::TfKeras, Activation::Sigmoid),
        (Generation::Keras3, Activation::Sigmoid),
    ] {
        let (gru, problems) = read("GRU", &json!({"units": 3}), generation);
        assert_eq!(problems, []);
        assert_eq!(gru.cell.kind, CellKind::Gru { reset_after: false });
        assert_eq!(gru.cell.activation, Activation::Tanh);
        assert_eq!(gru.cell.recurrent_activation, gate);
        assert!(gru.cell.use_bias);
        assert_eq!(gru.notes(), Vec::<&str>::new());
    }
}

#[test]
fn tensorflow_1_had_the_loop_of_keras_2() {
    for (version, masked) in [
        ("2.1.6-tf", MaskedOutput::State),
        ("2.2.4-tf", MaskedOutput::Previous),
    ] {
        let writer = Writer::of_version(Some(version));
        let (layer, _) = read("LSTM", &json!({"units": 3}), writer);
        assert_eq!(layer.options.masked_output, masked);
    }
}

#[test]
fn masked_outputs_follow_writer_and_options() {
    let options = |zero: bool, unroll: bool, backwards: bool| {
        json!({
            "units": 3,
            "return_sequences": true,
            "zero_output_for_mask": zero,
            "unroll": unroll,
            "go_backwards": backwards
        })
    };
    for (config, generation, expected) in [
        (
            options(false, true, true),
            Generation::Keras3,
            MaskedOutput::Previous,
        ),
        (
            options(true, true, false),
            Generation::TfKeras,
            MaskedOutput::Zero,
        ),
        (
            options(true, false, true),
            Generation::Keras3,
            MaskedOutput::Zero,
        ),
        (
            options(true, true, true),
            Generation::Keras3,
            MaskedOutput::ZeroUnturned,
        ),
        (
            options(false, false, false),
            Generation::Keras2,
            MaskedOutput::State,
        ),
        (
            options(false, true, false),
            Generation::Keras2,
            MaskedOutput::Previous,
        ),
    ] {
        let (layer, _) = read("LSTM", &config, generation);
        assert_eq!(layer.options.masked_output, expected, "{config}");
    }
}

#[test]
fn weights_follow_class_and_options() {
    let of = |class, config: Value| shapes(&read(class, &config, Generation::TfKeras).0);
    assert_eq!(
        of("SimpleRNN", json!({"units": 3})),
        ["kernel (4, 3)", "recurrent_kernel (3, 3)", "bias (3,)"]
    );
    assert_eq!(
        of("LSTM", json!({"units": 3, "use_bias": false})),
        ["kernel (4, 12)", "recurrent_kernel (3, 12)"]
    );
    assert_eq!(
        of("UnifiedGRU", json!({"units": 3, "reset_after": true}))[2],
        "bias (2, 9)"
    );
    assert_eq!(of("GRU", json!({"units": 3}))[2], "bias (9,)");
    assert_eq!(of("CuDNNGRU", json!({"units": 3}))[2], "bias (18,)");
    assert_eq!(of("CuDNNLSTM", json!({"units": 3}))[2], "bias (24,)");
}

#[test]
fn outputs_follow_the_options() {
    let outputs = |config: Value, inputs: &[Spec]| {
        let (layer, problems) = read("LSTM", &config, Generation::TfKeras);
        assert_eq!(problems, []);
        let outputs = layer.outputs(inputs).unwrap_or_default().into_iter();
        let outputs = outputs.map(|spec| spec.shape.to_string());
        outputs.collect::<Vec<_>>()
    };
    let state = Spec::float(vec![None, Some(3)]);
    let with_states = [sequence(), state.clone(), state.clone()];
    assert_eq!(outputs(json!({"units": 3}), &with_states), ["(None, 3)"]);
    assert_eq!(
        outputs(
            json!({"units": 3, "return_sequences": true, "return_state": true}),
            &[sequence()]
        ),
        ["(None, 7, 3)", "(None, 3)", "(None, 3)"]
    );
    assert_eq!(
        outputs(
            json!({"units": 3, "time_major": true, "return_state": true}),
            &[sequence()]
        ),
        ["(7, 3)"; 3]
    );
    // Too few states, and too wide ones.
    let wide = Spec::float(vec![None, Some(4)]);
    for states in [vec![state], vec![wide.clone(), wide]] {
        let inputs = [vec![sequence()], states].concat();
        assert_eq!(outputs(json!({"units": 3}), &inputs), Vec::<String>::new());
    }
}

#[test]
fn what_cannot_be_computed_is_refused() {
    let axis = |axis: i64| json!({"class_name": "Softmax", "config": {"axis": axis}});
    for (config, kind) in [
        (json!({"units": 0}), ProblemKind::Config),
        (
            json!({"units": 3, "activation": "glu"}),
            ProblemKind::UnsupportedOption,
        ),
        (
            json!({"units": 3, "recurrent_activation": axis(0)}),
            ProblemKind::UnsupportedOption,
        ),
        (
            json!({"units": 3, "num_constants": 1}),
            ProblemKind::UnsupportedOption,
        ),
    ] {
        let (_, problems) = read("LSTM", &config, Generation::Keras3);
        let kinds: Vec<ProblemKind> = problems.iter().map(|problem| problem.kind).collect();
        assert_eq!(kinds, [kind], "{config}");
    }
    let both_turned = json!({"units": 3, "time_major": true, "go_backwards": true});
    let (_, problems) = read("CuDNNLSTM", &both_turned, Generation::TfKeras);
    assert_eq!(problems.len(), 1);
    let (layer, problems) = read(
        "LSTM",
        &json!({"units": 3, "activation": axis(1)}),
        Generation::Keras3,
    );
    assert_eq!(problems, []);
    assert_eq!(layer.cell.activation, Activation::Softmax);
}
