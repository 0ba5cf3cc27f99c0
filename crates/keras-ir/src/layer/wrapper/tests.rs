#![allow(clippy::panic)]

use serde_json::{Map, Value, json};

use super::*;
use crate::layer::rnn::MaskedOutput;
use crate::version::{Generation, Writer};

fn read(
    class: &str,
    config: &Value,
    writer: impl Into<Writer>,
) -> (Wrapper, Vec<Part>, Vec<Problem>) {
    let empty = Map::new();
    let config = config.as_object().unwrap_or(&empty);
    match Wrapper::read(class, config, writer) {
        Some(read) => read,
        None => panic!("{class} is unknown"),
    }
}

fn layer(class: &str, options: Value) -> Value {
    let mut config = json!({"name": "inside", "units": 3});
    if let (Some(config), Value::Object(options)) = (config.as_object_mut(), options) {
        config.extend(options);
    }
    json!({"class_name": class, "config": config})
}

/// The option `key` of each part.
fn options(parts: &[Part], key: &str) -> Vec<Value> {
    let parts = parts.iter();
    parts
        .map(|part| part.entry["config"][key].clone())
        .collect()
}

#[test]
fn the_backward_layer_is_made_as_the_writer_made_it() {
    let config =
        json!({"layer": layer("LSTM", json!({"return_sequences": true})), "merge_mode": null});
    for (generation, names, zero) in [
        (
            Generation::Keras2,
            ["forward_inside", "backward_inside"],
            Value::Null,
        ),
        (
            Generation::TfKeras,
            ["forward_inside", "backward_inside"],
            json!(true),
        ),
        (Generation::Keras3, ["inside", "inside"], json!(true)),
    ] {
        let (wrapper, parts, problems) = read("Bidirectional", &config, generation);
        assert_eq!(problems, []);
        let Wrapper::Bidirectional(wrapper) = wrapper else {
            panic!("{wrapper:?}");
        };
        assert_eq!(wrapper.merge, None);
        assert_eq!(options(&parts, "name"), names);
        assert_eq!(options(&parts, "go_backwards"), [Value::Null, json!(true)]);
        assert_eq!(
            options(&parts, "zero_output_for_mask"),
            [zero.clone(), zero]
        );
    }
}

#[test]
fn outputs_under_a_mask_follow_the_version() {
    // TensorFlow 1.12; 1.13 to 2.1, of which 1.13 alone wrote the option; 2.2 and later.
    for (version, sequences, option, zero) in [
        ("2.1.6-tf", true, Value::Null, Value::Null),
        ("2.2.4-tf", false, json!(true), json!(true)),
        ("2.2.4-tf", false, Value::Null, json!(false)),
        ("2.2.4-tf", true, Value::Null, json!(true)),
        ("2.3.0-tf", false, json!(true), json!(false)),
    ] {
        let inside = json!({"return_sequences": sequences, "zero_output_for_mask": option});
        let config = json!({"layer": layer("LSTM", inside)});
        let writer = Writer::of_version(Some(version));
        let (_, parts, problems) = read("Bidirectional", &config, writer);
        assert_eq!(problems, []);
        let found = options(&parts, "zero_output_for_mask");
        assert_eq!(found, [zero.clone(), zero], "{version}");
    }
}

#[test]
fn layers_that_do_not_go_together_are_refused() {
    let forward = layer("GRU", json!({}));
    for config in [
        json!({}),
        json!({"layer": "GRU"}),
        json!({"layer": forward, "backward_layer": layer("GRU", json!({}))}),
        json!({
            "layer": forward,
            "backward_layer": layer("GRU", json!({"go_backwards": true, "return_state": true}))
        }),
        json!({"layer": forward, "merge_mode": "max"}),
        json!({"layer": forward, "num_constants": 1}),
    ] {
        let (_, _, problems) = read("Bidirectional", &config, Generation::TfKeras);
        assert!(!problems.is_empty(), "{config}");
    }
}

#[test]
fn cells_become_layers() {
    let stack = json!({"class_name": "StackedRNNCells", "config": {"cells": [
        layer("LSTMCell", json!({})),
        {"class_name": "StackedRNNCells", "config": {"cells": [layer("GRUCell", json!({}))]}},
        layer("LSTMCell", json!({"units": 2})),
    ]}});
    let config = json!({
        "cell": stack, "go_backwards": true, "zero_output_for_mask": true, "return_state": true,
    });
    let (wrapper, parts, problems) = read("RNN", &config, Generation::Keras3);
    assert_eq!(problems, []);
    let Wrapper::Rnn(rnn) = wrapper else {
        panic!("{wrapper:?}");
    };
    assert_eq!(rnn.options.masked_output, MaskedOutput::Zero);
    assert_eq!(rnn.states, [2, 1, 2]);
    let classes: Vec<&Value> = parts.iter().map(|part| &part.entry["class_name"]).collect();
    assert_eq!(classes, ["LSTM", "GRU", "LSTM"]);
    for (key, expected) in [
        ("return_sequences", [true, true, false]),
        ("return_state", [true, true, true]),
        ("go_backwards", [true, false, false]),
        ("zero_output_for_mask", [false, false, true]),
        ("fused", [false, false, false]),
    ] {
        assert_eq!(options(&parts, key), expected.map(Value::Bool), "{key}");
    }
    let states = [1, 2, 3, 4, 5];
    let split = rnn.split_states(&states);
    assert_eq!(split, Some(vec![&states[..2], &states[2..3], &states[3..]]));
    assert_eq!(rnn.split_states(&states[..4]), None);
    assert_eq!(rnn.split_states::<u8>(&[]), Some(vec![&[][..]; 3]));
    let reversed = Rnn {
        reverse_state_order: true,
        ..rnn
    };
    let split = reversed.split_states(&states);
    assert_eq!(split, Some(vec![&states[3..], &states[2..3], &states[..2]]));
}

#[test]
fn a_cell_of_its_own_class_is_left_for_others_to_refuse() {
    let config = json!({"cell": layer("PeepholeLSTMCell", json!({}))});
    let (_, parts, _) = read("RNN", &config, Generation::TfKeras);
    assert_eq!(parts[0].entry["class_name"], "PeepholeLSTMCell");
    for config in [
        json!({}),
        json!({"cell": {"class_name": "StackedRNNCells", "config": {"cells": []}}}),
    ] {
        let (_, _, problems) = read("RNN", &config, Generation::TfKeras);
        assert_eq!(problems.len(), 1, "{config}");
    }
}
