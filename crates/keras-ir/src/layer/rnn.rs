//! Recurrent layers.

use super::config::Config;
use super::{KerasLayer, MaskRule, Mismatch, WeightSpec};
use crate::activation::Activation;
use crate::shape::Spec;

/// `LSTM`, gates in Keras's order i, f, c, o.
#[derive(Clone, Debug, PartialEq)]
pub struct Lstm {
    /// Size of the state.
    pub units: usize,
    /// Of the candidate and the output.
    pub activation: Activation,
    /// Of the gates.
    pub recurrent_activation: Activation,
    /// Whether there is a bias.
    pub use_bias: bool,
    /// Whether every step is an output, or the last alone.
    pub return_sequences: bool,
    /// Whether the last states are outputs too.
    pub return_state: bool,
    /// Whether time runs backwards; outputs stay in the order in which they were computed.
    pub go_backwards: bool,
    /// Whether masked steps give zeros instead of the previous output.
    pub zero_output_for_mask: bool,
    /// Share of inputs and of states dropped in training.
    pub dropout: (f64, f64),
}

impl KerasLayer for Lstm {
    fn read(_class: &str, config: &mut Config<'_>) -> Self {
        for key in ["stateful", "time_major"] {
            if config.bool(key, false) {
                config.unsupported(key, "false");
            }
        }
        let activation = config.activation_or("activation", Activation::Tanh);
        let recurrent_activation =
            config.activation_or("recurrent_activation", Activation::Sigmoid);
        for (key, activation) in [
            ("activation", activation),
            ("recurrent_activation", recurrent_activation),
        ] {
            if matches!(activation, Activation::SoftmaxAlong(_) | Activation::Glu) {
                config.unsupported(key, "an activation of each step by itself");
            }
        }
        Self {
            units: config.size("units"),
            activation,
            recurrent_activation,
            use_bias: config.bool("use_bias", true),
            return_sequences: config.bool("return_sequences", false),
            return_state: config.bool("return_state", false),
            go_backwards: config.bool("go_backwards", false),
            zero_output_for_mask: config.bool("zero_output_for_mask", false),
            dropout: (
                config.number("dropout", 0.0),
                config.number("recurrent_dropout", 0.0),
            ),
        }
    }

    fn outputs(&self, inputs: &[Spec]) -> Result<Vec<Spec>, Mismatch> {
        let sequence = self.sequence(inputs)?;
        let (batch, steps) = (sequence.shape.0[0], sequence.shape.0[1]);
        let units = Some(self.units);
        let mut outputs = vec![Spec::float(if self.return_sequences {
            vec![batch, steps, units]
        } else {
            vec![batch, units]
        })];
        if self.return_state {
            outputs.extend(vec![Spec::float(vec![batch, units]); 2]);
        }
        Ok(outputs)
    }

    fn weights(&self, inputs: &[Spec]) -> Result<Vec<WeightSpec>, Mismatch> {
        let features = self.sequence(inputs)?.shape.last();
        let (units, gates) = (Some(self.units), self.units.checked_mul(4));
        let mut weights = vec![
            WeightSpec::trained("kernel", vec![features, gates]),
            WeightSpec::trained("recurrent_kernel", vec![units, gates]),
        ];
        if self.use_bias {
            weights.push(WeightSpec::trained("bias", vec![gates]));
        }
        Ok(weights)
    }

    fn mask_rule(&self) -> MaskRule {
        if self.return_sequences {
            MaskRule::Pass
        } else {
            MaskRule::Stop
        }
    }

    fn tensor_arguments(&self) -> &'static [&'static str] {
        &["mask", "initial_state"]
    }
}

impl Lstm {
    /// The sequence among the inputs, which may be followed by the two initial states.
    fn sequence<'a>(&self, inputs: &'a [Spec]) -> Result<&'a Spec, Mismatch> {
        let states_fit = |states: &[Spec]| {
            states.iter().all(|state| {
                state.shape.rank() == 2 && state.shape.last().is_none_or(|size| size == self.units)
            })
        };
        match inputs {
            [sequence] if sequence.shape.rank() == 3 => Ok(sequence),
            [sequence, states @ ..]
                if states.len() == 2 && sequence.shape.rank() == 3 && states_fit(states) =>
            {
                Ok(sequence)
            }
            _ => Err(Mismatch::new(
                format!(
                    "a sequence (batch, steps, features), alone or with two states (batch, {})",
                    self.units
                ),
                inputs,
            )),
        }
    }
}
