//! The cells: what a recurrent layer computes at one step.

use crate::activation::Activation;
use crate::layer::WeightSpec;
use crate::layer::config::Config;
use crate::version::Generation;

/// Which formula a cell has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// `h = activation(x W + h U + b)`.
    SimpleRnn,
    /// Gates in Keras's order z, r, h.
    Gru {
        /// Whether the reset gate acts behind the multiplication of the state; there are two
        /// biases then.
        reset_after: bool,
    },
    /// Gates in Keras's order i, f, c, o.
    Lstm,
}

impl CellKind {
    /// How many blocks of `units` columns the kernels have.
    pub fn gates(self) -> usize {
        match self {
            Self::SimpleRnn => 1,
            Self::Gru { .. } => 3,
            Self::Lstm => 4,
        }
    }
}

/// How the weights of a cell are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightLayout {
    /// As the plain layers multiply by them.
    Keras,
    /// As the cuDNN library takes them: each gate's kernels transposed, two flat biases.
    CuDnn,
}

/// A cell with its options.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The formula.
    pub kind: CellKind,
    /// Size of the state.
    pub units: usize,
    /// Of the candidate and of the output.
    pub activation: Activation,
    /// Of the gates; a simple cell has none.
    pub recurrent_activation: Activation,
    /// Whether there is a bias.
    pub use_bias: bool,
    /// How the weights are stored.
    pub layout: WeightLayout,
    /// Shares of inputs and of states dropped in training.
    pub dropout: (f64, f64),
}

impl Cell {
    /// Reads the options of the layer `class` (`LSTM`) or of the cell `class` (`LSTMCell`).
    pub(crate) fn read(class: &str, config: &mut Config<'_>) -> Self {
        if let Some(class) = class.strip_prefix("CuDNN") {
            return Self::read_cudnn(class, config);
        }
        let kind = match class {
            "SimpleRNN" | "SimpleRNNCell" => CellKind::SimpleRnn,
            // Keras 2 did not know the key before 2.1.
            "GRU" | "GRUCell" | "UnifiedGRU" => CellKind::Gru {
                reset_after: config.bool("reset_after", false),
            },
            _ => CellKind::Lstm,
        };
        let gate = match config.generation() {
            Generation::Keras1 | Generation::Keras2 => "hard_sigmoid",
            Generation::TfKeras | Generation::Keras3 => "sigmoid",
        };
        let gate = Activation::by_name(gate, config.generation()).unwrap_or(Activation::Sigmoid);
        Self {
            units: config.size("units"),
            activation: step_activation(config, "activation", Activation::Tanh),
            recurrent_activation: match kind {
                CellKind::SimpleRnn => Activation::Linear,
                _ => step_activation(config, "recurrent_activation", gate),
            },
            use_bias: config.bool("use_bias", true),
            layout: WeightLayout::Keras,
            dropout: (
                config.number("dropout", 0.0),
                config.number("recurrent_dropout", 0.0),
            ),
            kind,
        }
    }

    /// cuDNN knows one formula for each class.
    fn read_cudnn(class: &str, config: &mut Config<'_>) -> Self {
        Self {
            kind: match class {
                "GRU" => CellKind::Gru { reset_after: true },
                _ => CellKind::Lstm,
            },
            units: config.size("units"),
            activation: Activation::Tanh,
            recurrent_activation: Activation::Sigmoid,
            use_bias: true,
            layout: WeightLayout::CuDnn,
            dropout: (0.0, 0.0),
        }
    }

    /// How many states there are, each of [`units`](Self::units).
    pub fn states(&self) -> usize {
        match self.kind {
            CellKind::SimpleRnn | CellKind::Gru { .. } => 1,
            CellKind::Lstm => 2,
        }
    }

    /// The weights for inputs of `features`, in Keras's order.
    pub fn weights(&self, features: Option<usize>) -> Vec<WeightSpec> {
        let times = |count: usize| self.units.checked_mul(count);
        let gates = self.kind.gates();
        let mut weights = vec![
            WeightSpec::trained("kernel", vec![features, times(gates)]),
            WeightSpec::trained("recurrent_kernel", vec![times(1), times(gates)]),
        ];
        if self.use_bias {
            let shape = match (self.layout, self.kind) {
                (WeightLayout::CuDnn, _) => vec![times(2 * gates)],
                (_, CellKind::Gru { reset_after: true }) => vec![Some(2), times(gates)],
                _ => vec![times(gates)],
            };
            weights.push(WeightSpec::trained("bias", shape));
        }
        let weights = weights.into_iter();
        weights.map(|weight| weight.inside("cell")).collect()
    }
}

/// An activation of tensors `(batch, units)`.
pub(in crate::layer) fn step_activation(
    config: &mut Config<'_>,
    key: &'static str,
    default: Activation,
) -> Activation {
    match config.activation_or(key, default) {
        Activation::SoftmaxAlong(1) => Activation::Softmax,
        Activation::SoftmaxAlong(_) | Activation::Glu => {
            config.unsupported(key, "an activation that keeps units and rows apart");
            default
        }
        activation => activation,
    }
}
