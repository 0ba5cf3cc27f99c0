//! Layers that call other layers: their parts.
//!
//! The parts are layers of the graph like all others, with weights of their own; a wrapper has
//! none.

mod bidirectional;
mod rnn;
#[cfg(test)]
mod tests;
mod tied_dense;
mod time_distributed;

use serde_json::{Map, Value};

use super::Mismatch;
use super::config::Config;
use crate::problem::Problem;
use crate::shape::Spec;
use crate::version::Writer;

pub use bidirectional::{Bidirectional, BidirectionalMerge};
pub use rnn::Rnn;
pub use tied_dense::TiedDense;
pub use time_distributed::TimeDistributed;

macro_rules! registry {
    ($($wrapper:ident: $class:literal;)*) => {
        /// Every wrapper class that can be read.
        pub const CLASSES: &[&str] = &[$($class),*];

        /// A wrapper of the classes that are known, with its options.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub enum Wrapper {
            $($wrapper($wrapper),)*
            TiedDense(TiedDense),
        }

        impl Wrapper {
            /// Reads the wrapper `class` and the configs of its parts; `None` for an unknown class.
            /// The problems come beside it, without the layer's name.
            pub fn read(
                class: &str,
                config: &Map<String, Value>,
                writer: impl Into<Writer>,
            ) -> Option<(Self, Vec<Part>, Vec<Problem>)> {
                let mut config = Config::new(config, writer);
                let (wrapper, parts) = match class {
                    $($class => {
                        let (wrapper, parts) = $wrapper::read(&mut config);
                        (Self::$wrapper(wrapper), parts)
                    })*
                    _ => return None,
                };
                Some((wrapper, parts, config.finish()))
            }

            /// The wrapper behind the variant.
            pub fn wrapper(&self) -> &dyn KerasWrapper {
                match self {
                    $(Self::$wrapper(wrapper) => wrapper,)*
                    Self::TiedDense(wrapper) => wrapper,
                }
            }
        }
    };
}

registry! {
    TimeDistributed: "TimeDistributed";
    Bidirectional: "Bidirectional";
    Rnn: "RNN";
}

/// The config of a part.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What tells the part from the others (`forward`); empty where there is one.
    pub role: String,
    /// The part as an entry of a list of layers: `class_name` and `config`.
    pub entry: Value,
}

/// A Keras wrapper class with its options.
pub trait KerasWrapper: std::fmt::Debug {
    /// The outputs for these inputs, in Keras's flattened order. `part` gives the outputs of a
    /// part, by its position, for inputs of its own.
    ///
    /// # Errors
    ///
    /// When the wrapper or one of its parts cannot take the inputs.
    fn outputs(&self, inputs: &[Spec], part: &mut PartOutputs<'_>) -> Result<Vec<Spec>, Failure>;

    /// The parameters of Keras's `call` whose tensors are the inputs, if others may follow them by
    /// position.
    fn input_parameters(&self) -> &'static [&'static str] {
        &[]
    }

    /// The paths of the parts' objects from that of the wrapper, in Keras 3.
    fn part_paths(&self) -> Vec<String>;

    /// Names of call arguments (besides the inputs) that the wrapper understands as tensors.
    fn tensor_arguments(&self) -> &'static [&'static str] {
        &[]
    }
}

/// The outputs of a part, by its position, for these inputs.
pub type PartOutputs<'a> = dyn FnMut(usize, &[Spec]) -> Result<Vec<Spec>, Failure> + 'a;

/// Why a wrapper gives no outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The wrapper cannot take its inputs.
    Mismatch(Mismatch),
    /// A part cannot take its inputs, which is reported there.
    Part,
}

impl From<Mismatch> for Failure {
    fn from(mismatch: Mismatch) -> Self {
        Self::Mismatch(mismatch)
    }
}

/// The part whose config stands under `key`.
fn part(config: &mut Config<'_>, key: &'static str, role: &str) -> Part {
    let entry = config.value(key).cloned().unwrap_or_default();
    if !entry.is_object() {
        config.unsupported(key, "the config of a layer");
    }
    Part {
        role: role.to_owned(),
        entry,
    }
}
