//! `RNN` over built-in cells.
//!
//! A cell that runs over the steps is the layer of the same name. A stack of cells does at each
//! step what a chain of layers does at all steps, one layer after the other, since no cell looks
//! back at those behind it.

use serde_json::{Map, Value, json};

use super::{Failure, KerasWrapper, Part, PartOutputs, part};
use crate::layer::Mismatch;
use crate::layer::config::Config;
use crate::layer::rnn::{INPUT_PARAMETERS, MaskedOutput, RecurrentOptions, TENSOR_ARGUMENTS};
use crate::object_names::ObjectNames;
use crate::shape::Spec;

/// `RNN`, whose parts are the layers of its cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Rnn {
    /// How the cells run over the steps.
    pub options: RecurrentOptions,
    /// The number of states of each cell.
    pub states: Vec<usize>,
    /// Whether states are listed from the last cell to the first.
    pub reverse_state_order: bool,
    /// The paths of the cells' objects in Keras 3.
    pub paths: Vec<String>,
}

impl Rnn {
    pub(super) fn read(config: &mut Config<'_>) -> (Self, Vec<Part>) {
        let options = RecurrentOptions::read(config);
        let unroll = config.bool("unroll", false);
        let cell = part(config, "cell", "").entry;
        let mut cells = Vec::new();
        flatten(&cell, "cell", &mut cells);
        let last = cells.len().saturating_sub(1);
        let paths = cells.iter().map(|(_, path)| path.clone()).collect();
        let parts = cells.iter().enumerate().map(|(index, (cell, _))| {
            let class = match cell["class_name"].as_str().unwrap_or_default() {
                "SimpleRNNCell" => "SimpleRNN",
                "GRUCell" => "GRU",
                "LSTMCell" => "LSTM",
                // Found unknown when it is read.
                other => other,
            };
            let mut of_part = match cell["config"].as_object() {
                Some(config) => config.clone(),
                None => Map::new(),
            };
            let is_last = index == last;
            let zero = is_last && options.masked_output == MaskedOutput::Zero;
            for (key, value) in [
                ("return_sequences", !is_last || options.return_sequences),
                ("return_state", options.return_state),
                ("go_backwards", index == 0 && options.go_backwards),
                ("zero_output_for_mask", zero),
                ("unroll", unroll),
                ("time_major", options.time_major),
                ("stateful", options.stateful),
                // Not run as the layer of that name may be.
                ("fused", false),
            ] {
                of_part.insert(key.to_owned(), value.into());
            }
            Part {
                role: if last == 0 {
                    String::new()
                } else {
                    format!("cell_{index}")
                },
                entry: json!({"class_name": class, "config": of_part}),
            }
        });
        let parts: Vec<Part> = parts.collect();
        let states = parts
            .iter()
            .map(|part| match part.entry["class_name"].as_str() {
                Some("LSTM") => 2,
                _ => 1,
            });
        let wrapper = Self {
            options,
            states: states.collect(),
            reverse_state_order: cell["config"]["reverse_state_order"] == json!(true),
            paths,
        };
        if parts.is_empty() {
            config.unsupported("cell", "at least one cell");
        }
        (wrapper, parts)
    }

    /// The positions of the cells in the order in which their states are listed.
    pub fn state_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.states.len()).collect();
        if self.reverse_state_order {
            order.reverse();
        }
        order
    }

    /// `states` as those of each cell; `None` if they are too few or too many.
    pub fn split_states<'a, T>(&self, mut states: &'a [T]) -> Option<Vec<&'a [T]>> {
        let mut split = vec![&states[..0]; self.states.len()];
        if states.is_empty() {
            return Some(split);
        }
        for cell in self.state_order() {
            (split[cell], states) = states.split_at_checked(self.states[cell])?;
        }
        states.is_empty().then_some(split)
    }
}

/// The cells of a stack, and of the stacks in it, with their paths.
fn flatten(cell: &Value, path: &str, cells: &mut Vec<(Value, String)>) {
    match cell["config"]["cells"].as_array() {
        Some(inside) if cell["class_name"] == "StackedRNNCells" => {
            let mut names = ObjectNames::default();
            for cell in inside {
                let name = names.next(cell["class_name"].as_str().unwrap_or_default());
                flatten(cell, &format!("{path}/cells/{name}"), cells);
            }
        }
        _ => cells.push((cell.clone(), path.to_owned())),
    }
}

impl KerasWrapper for Rnn {
    fn outputs(&self, inputs: &[Spec], part: &mut PartOutputs<'_>) -> Result<Vec<Spec>, Failure> {
        let split = inputs
            .split_first()
            .and_then(|(sequence, states)| Some((sequence, self.split_states(states)?)));
        let Some((sequence, states)) = split else {
            let count: usize = self.states.iter().sum();
            let expected = format!("a sequence, alone or with {count} states");
            return Err(Mismatch::new(expected, inputs).into());
        };
        let mut sequence = sequence.clone();
        let mut last_states = vec![Vec::new(); states.len()];
        for (index, states) in states.into_iter().enumerate() {
            let mut outputs = part(index, &[&[sequence], states].concat())?.into_iter();
            sequence = outputs.next().ok_or(Failure::Part)?;
            last_states[index] = outputs.collect();
        }
        let mut outputs = vec![sequence];
        for cell in self.state_order() {
            outputs.append(&mut last_states[cell]);
        }
        Ok(outputs)
    }

    fn input_parameters(&self) -> &'static [&'static str] {
        INPUT_PARAMETERS
    }

    fn part_paths(&self) -> Vec<String> {
        self.paths.clone()
    }

    fn tensor_arguments(&self) -> &'static [&'static str] {
        TENSOR_ARGUMENTS
    }
}
