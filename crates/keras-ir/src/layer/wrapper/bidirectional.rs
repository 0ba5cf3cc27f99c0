//! `Bidirectional`: two recurrent layers over the same steps, one of them from the last to the
//! first.

use serde_json::{Value, json};

use super::{Failure, KerasWrapper, Part, PartOutputs, part};
use crate::layer::Mismatch;
use crate::layer::config::Config;
use crate::layer::rnn::{INPUT_PARAMETERS, TENSOR_ARGUMENTS};
use crate::shape::Spec;
use crate::version::Generation;

/// `Bidirectional`; its parts are the layer that runs forwards and the one that runs backwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bidirectional {
    /// How the outputs of the two become one; `None` leaves them apart.
    pub merge: Option<BidirectionalMerge>,
    /// Whether every step is an output, or the last alone.
    pub return_sequences: bool,
    /// Whether the last states are outputs too.
    pub return_state: bool,
    /// The axis of the steps.
    pub time_axis: usize,
}

/// How two outputs become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BidirectionalMerge {
    /// Features side by side.
    Concatenate,
    /// Sum.
    Sum,
    /// Product.
    Multiply,
    /// Mean.
    Average,
}

impl Bidirectional {
    pub(super) fn read(config: &mut Config<'_>) -> (Self, Vec<Part>) {
        let mut forward = part(config, "layer", "forward");
        let given = config.value("backward_layer").is_some();
        let mut backward = if given {
            part(config, "backward_layer", "backward")
        } else {
            turned(&forward, config.generation())
        };
        if config.generation() != Generation::Keras3 {
            // The config has the names of before they were told apart.
            prefix_name(&mut forward, "forward_");
            prefix_name(&mut backward, "backward_");
        }
        let option = |part: &Part, key: &str| part.entry["config"][key].as_bool() == Some(true);
        let agree = |key: &str| option(&forward, key) == option(&backward, key);
        let fits = ["return_sequences", "return_state", "time_major"]
            .into_iter()
            .all(agree)
            && !agree("go_backwards");
        if !fits {
            let key = if given { "backward_layer" } else { "layer" };
            config.unsupported(
                key,
                "a recurrent layer that goes the other way and has the same outputs",
            );
        }
        let wrapper = Self {
            merge: merge_mode(config),
            return_sequences: option(&forward, "return_sequences"),
            return_state: option(&forward, "return_state"),
            time_axis: usize::from(!option(&forward, "time_major")),
        };
        let writer = config.writer();
        if writer.generation > Generation::Keras2 && !writer.is_tf_keras_before((2, 2)) {
            // tf.keras and Keras 3 decide over the option of the layers inside. TensorFlow 1.13 turned it
            // on, and wrote it; those after it, which wrote the same version, leave it off unless asked.
            let forced =
                writer.is_tf_keras_before((2, 3)) && option(&forward, "zero_output_for_mask");
            let zero = wrapper.return_sequences || forced;
            for part in [&mut forward, &mut backward] {
                set(part, "zero_output_for_mask", zero.into());
            }
        }
        (wrapper, vec![forward, backward])
    }
}

fn merge_mode(config: &mut Config<'_>) -> Option<BidirectionalMerge> {
    use BidirectionalMerge::{Average, Concatenate, Multiply, Sum};
    if config.is_null("merge_mode") {
        return None;
    }
    let modes = [Concatenate, Sum, Multiply, Average];
    let names = ["concat", "sum", "mul", "ave"];
    modes.get(config.choice("merge_mode", &names)).copied()
}

fn set(part: &mut Part, key: &str, value: Value) {
    let config = part.entry.get_mut("config");
    if let Some(config) = config.and_then(Value::as_object_mut) {
        config.insert(key.to_owned(), value);
    }
}

fn prefix_name(part: &mut Part, prefix: &str) {
    if let Some(name) = part.entry["config"]["name"].as_str() {
        let name = format!("{prefix}{name}");
        set(part, "name", name.into());
    }
}

/// The layer that Keras makes of the forward one, if it is given no other.
fn turned(forward: &Part, generation: Generation) -> Part {
    let mut backward = Part {
        role: "backward".to_owned(),
        entry: forward.entry.clone(),
    };
    let backwards = forward.entry["config"]["go_backwards"] == json!(true);
    let goes_backwards = generation.is_keras3() || !backwards;
    set(&mut backward, "go_backwards", goes_backwards.into());
    backward
}

impl KerasWrapper for Bidirectional {
    fn outputs(&self, inputs: &[Spec], part: &mut PartOutputs<'_>) -> Result<Vec<Spec>, Failure> {
        let mismatch = || {
            let expected = "a sequence, alone or with the states of both layers";
            Failure::from(Mismatch::new(expected, inputs))
        };
        let Some((sequence, states)) = inputs.split_first() else {
            return Err(mismatch());
        };
        if !states.len().is_multiple_of(2) {
            return Err(mismatch());
        }
        let (forward, backward) = states.split_at(states.len() / 2);
        let with_sequence = |states: &[Spec]| [std::slice::from_ref(sequence), states].concat();
        let mut outputs = part(0, &with_sequence(forward))?;
        let mut turned = part(1, &with_sequence(backward))?;
        if outputs.is_empty() || turned.is_empty() {
            return Err(mismatch());
        }
        let (y, y_turned) = (outputs.remove(0), turned.remove(0));
        let states = outputs.into_iter().chain(turned);
        let mut merged = match self.merge {
            None => vec![y, y_turned],
            Some(BidirectionalMerge::Concatenate) => {
                let widths = y.shape.last().zip(y_turned.shape.last());
                let width = widths.and_then(|(a, b)| a.checked_add(b));
                let mut shape = y.shape.0;
                shape.pop();
                shape.push(width);
                vec![Spec::float(shape)]
            }
            Some(_) if y == y_turned => vec![y],
            Some(_) => {
                let expected = "two layers of the same size, whose outputs can be merged";
                return Err(Mismatch::new(expected, &[y, y_turned]).into());
            }
        };
        merged.extend(states);
        Ok(merged)
    }

    fn input_parameters(&self) -> &'static [&'static str] {
        INPUT_PARAMETERS
    }

    fn part_paths(&self) -> Vec<String> {
        ["forward_layer", "backward_layer"]
            .map(str::to_owned)
            .into()
    }

    fn tensor_arguments(&self) -> &'static [&'static str] {
        TENSOR_ARGUMENTS
    }
}
