//! The cells: what a recurrent layer computes at one step.

use serde_json::Value;

use crate::activation::Activation;
use crate::layer::WeightSpec;
use crate::layer::config::Config;
use crate::version::{Generation, Writer};

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

/// Which masks the gates of a cell have in training. A cell without gates has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropoutMasks {
    /// One for all gates.
    Shared,
    /// One for each gate.
    PerGate,
    /// One for all gates, and the state that a GRU mixes with its candidate is dropped, too.
    SharedWithState,
}

/// What a cell drops in training: masks are drawn once for a call, and are the same at every step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellDropout {
    /// Share of the input features, from 0 and below 1.
    pub inputs: f64,
    /// Share of the state features, from 0 and below 1.
    pub state: f64,
    /// Which masks the gates have.
    pub masks: DropoutMasks,
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
    /// What is dropped in training, if anything is.
    pub dropout: Option<CellDropout>,
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
        let mut cell = Self {
            units: config.size("units"),
            activation: step_activation(config, "activation", Activation::Tanh),
            recurrent_activation: match kind {
                CellKind::SimpleRnn => Activation::Linear,
                _ => step_activation(config, "recurrent_activation", gate),
            },
            use_bias: config.bool("use_bias", true),
            layout: WeightLayout::Keras,
            dropout: None,
            kind,
        };
        cell.dropout = cell.read_dropout(config);
        cell
    }

    fn read_dropout(&self, config: &mut Config<'_>) -> Option<CellDropout> {
        let mut rate = |key| config.number(key, 0.0).clamp(0.0, 1.0);
        let (mut inputs, mut state) = (rate("dropout"), rate("recurrent_dropout"));
        let masks = self.dropout_masks(state, config);
        for (key, rate) in [("dropout", &mut inputs), ("recurrent_dropout", &mut state)] {
            if *rate < 1.0 {
                continue;
            }
            // Cells with gates, and all cells of Keras 2, drop where `0 < rate < 1`.
            *rate = 0.0;
            if self.kind == CellKind::SimpleRnn && config.generation() > Generation::Keras2 {
                config.unsupported(key, "a number from 0 and below 1");
            }
        }
        let some = inputs > 0.0 || state > 0.0;
        some.then_some(CellDropout {
            inputs,
            state,
            masks,
        })
    }

    /// The masks of a cell that drops the share `state` of its state.
    fn dropout_masks(&self, state: f64, config: &mut Config<'_>) -> DropoutMasks {
        let writer = config.writer();
        let implementation = config.value("implementation").and_then(Value::as_u64);
        // 0 and 1 came to the same in Keras 1 and 2; tf.keras takes anything but 1 for 2, and
        // Keras 3 does not save it.
        let per_gate = match writer.generation {
            Generation::Keras1 | Generation::Keras2 => implementation != Some(2),
            Generation::TfKeras | Generation::Keras3 => implementation == Some(1),
        };
        let is_current = is_current(writer);
        match self.kind {
            CellKind::SimpleRnn => DropoutMasks::Shared,
            // There is no `implementation=2` with `recurrent_dropout` from TensorFlow 2.2 on.
            _ if is_current && state > 0.0 => DropoutMasks::PerGate,
            _ if per_gate && !(is_current && self.is_fused(config)) => DropoutMasks::PerGate,
            // `h_tm1 *= mask`, from the cells of Keras 2.1 on.
            CellKind::Gru { .. } if state > 0.0 && writer.version >= (2, 1) => {
                DropoutMasks::SharedWithState
            }
            _ => DropoutMasks::Shared,
        }
    }

    /// Whether tf.keras runs the layer, which drops no states, as cuDNN would: its inputs are then
    /// dropped once, whatever `implementation` says.
    fn is_fused(&self, config: &mut Config<'_>) -> bool {
        config.generation() == Generation::TfKeras
            && config.bool("fused", true)
            && !config.bool("unroll", false)
            && self.activation == Activation::Tanh
            && self.recurrent_activation == Activation::Sigmoid
            && self.use_bias
            && self.kind != CellKind::Gru { reset_after: false }
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
            dropout: None,
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

/// Whether `writer` has the cells of TensorFlow 2.2 and later. Those before had the defaults of
/// TensorFlow 1 in the same versions of tf.keras.
fn is_current(writer: Writer) -> bool {
    writer.generation > Generation::Keras2 && !writer.is_tf_keras_before((2, 3))
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
