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

/// What is dropped, of a layer with options besides `units`.
fn dropped(class: &str, options: Value, writer: impl Into<Writer>) -> Option<CellDropout> {
    let mut config = match class {
        "LSTM" => json!({"units": 3, "recurrent_activation": "sigmoid"}),
        "GRU" => json!({"units": 3, "recurrent_activation": "sigmoid", "reset_after": true}),
        _ => json!({"units": 3}),
    };
    for (key, value) in options.as_object().unwrap_or(&Map::new()) {
        config[key] = value.clone();
    }
    let (layer, problems) = read(class, &config, writer);
    assert_eq!(problems, []);
    layer.cell.dropout
}

#[test]
fn masks_follow_writer_and_implementation() {
    use DropoutMasks::{PerGate, Shared, SharedWithState};
    let of = |version| Writer::of_version(Some(version));
    let inputs = |implementation: u64| json!({"dropout": 0.2, "implementation": implementation});
    let both = |implementation: u64| {
        json!({
            "dropout": 0.2,
            "recurrent_dropout": 0.1,
            "implementation": implementation
        })
    };
    for (class, options, version, expected) in [
        // Keras 3 does not save `implementation`, and has mode 1 where states are dropped.
        ("LSTM", json!({"dropout": 0.2}), "3.15.1", Shared),
        ("GRU", json!({"recurrent_dropout": 0.2}), "3.15.1", PerGate),
        (
            "SimpleRNN",
            json!({"recurrent_dropout": 0.2}),
            "3.15.1",
            Shared,
        ),
        ("LSTM", inputs(2), "2.15.0", Shared),
        ("LSTM", both(2), "2.15.0", PerGate),
        // The layer that could run on cuDNN drops its inputs once.
        ("LSTM", inputs(1), "2.15.0", Shared),
        ("GRU", inputs(1), "2.15.0", Shared),
        ("LSTM", both(1), "2.15.0", PerGate),
        // TensorFlow 1 and 2.0
        ("LSTM", inputs(1), "2.2.4-tf", PerGate),
        ("LSTM", both(2), "2.2.4-tf", Shared),
        ("GRU", both(2), "2.2.4-tf", SharedWithState),
        ("GRU", inputs(2), "2.3.1", Shared),
        ("GRU", both(2), "2.3.1", SharedWithState),
        ("GRU", both(2), "2.0.5", Shared),
        ("GRU", both(0), "2.0.5", PerGate),
        ("LSTM", both(2), "1.2.2", Shared),
        ("LSTM", both(0), "1.2.2", PerGate),
    ] {
        let found = dropped(class, options.clone(), of(version)).map(|dropout| dropout.masks);
        assert_eq!(found, Some(expected), "{class} {options} {version}");
    }
    // Unless cuDNN could not run it.
    for (class, option) in [
        ("LSTM", json!({"unroll": true})),
        ("LSTM", json!({"activation": "relu"})),
        ("LSTM", json!({"recurrent_activation": "hard_sigmoid"})),
        ("LSTM", json!({"use_bias": false})),
        ("GRU", json!({"reset_after": false})),
        // A cell in an `RNN`.
        ("LSTM", json!({"fused": false})),
    ] {
        let mut options = inputs(1);
        for (key, value) in option.as_object().unwrap_or(&Map::new()) {
            options[key] = value.clone();
        }
        let found = dropped(class, options, Generation::TfKeras).map(|dropout| dropout.masks);
        assert_eq!(found, Some(PerGate), "{class} {option}");
    }
}

#[test]
fn nothing_and_everything_drop_nothing() {
    let rates = |inputs: f64, state: f64| json!({"dropout": inputs, "recurrent_dropout": state});
    for (inputs, state) in [(0.0, 0.0), (1.0, 0.0), (-1.0, 2.0)] {
        for class in ["LSTM", "GRU"] {
            let found = dropped(class, rates(inputs, state), Generation::Keras3);
            assert_eq!(found, None, "{inputs} {state}");
        }
    }
    // Mode 1 all the same.
    let half = CellDropout {
        inputs: 0.5,
        state: 0.0,
        masks: DropoutMasks::PerGate,
    };
    assert_eq!(
        dropped("LSTM", rates(0.5, 1.0), Generation::Keras3),
        Some(half)
    );
    assert_eq!(
        dropped("SimpleRNN", rates(1.0, 0.0), Generation::Keras2),
        None
    );
    let all = json!({"units": 3, "dropout": 1.0});
    let (_, problems) = read("SimpleRNN", &all, Generation::Keras3);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(dropped("CuDNNLSTM", json!({}), Generation::TfKeras), None);
}
