//! How a model is called, and for what: each way has a body of its own.

use keras_ir::shape::{Kind, Spec};

/// How a model is called: what decides the types of its `forward`. Rank and kind of each input,
/// and the rank of its mask if it has one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Signature {
    /// Rank and kind of each input, and the rank of its mask, if it has one.
    pub(super) inputs: Vec<(usize, Kind, Option<usize>)>,
    pub(super) purpose: Purpose,
}

/// What a body is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// A call by itself.
    #[default]
    Forward,
    /// A call in which stateful layers go on where another call stopped.
    WithState,
    /// A training step: penalties of activities come out too, and where `logits` says so what a
    /// last `softmax` or `sigmoid` is of.
    Training {
        /// Whether somebody looks at logits.
        logits: bool,
    },
}

impl Signature {
    /// Inputs like `specs`, without masks.
    pub fn unmasked(specs: &[Spec]) -> Self {
        let inputs = specs.iter();
        Self {
            inputs: inputs
                .map(|spec| (spec.shape.rank(), spec.kind, None))
                .collect(),
            purpose: Purpose::Forward,
        }
    }

    /// The same inputs for something else.
    pub fn with_purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// The name of such methods, which differ in their inputs.
    pub fn base_name(&self) -> &'static str {
        match self.purpose {
            Purpose::Forward => "forward",
            Purpose::WithState => "forward_with_state",
            Purpose::Training { .. } => "forward_training",
        }
    }

    /// What the method is called that is the `number`th of a model, counted from 1.
    pub fn method_name(&self, number: usize) -> String {
        let name = self.base_name();
        match number {
            1 => name.to_owned(),
            number => format!("{name}_{number}"),
        }
    }
}
