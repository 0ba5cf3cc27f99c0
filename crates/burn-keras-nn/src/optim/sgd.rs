//! SGD as Keras computes it.

use burn::{
    optim::{LearningRate, ModuleOptimizer, Optimizer, RecordState, StateSink, StateSource},
    tensor::{Device, Tensor},
};

use super::{Slot, momentum};

/// Configuration of [`Sgd`], with Keras 3's defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SgdConfig {
    /// The share of the last change that goes on. Default: 0.
    pub momentum: f64,
    /// Whether to look one step ahead. Default: false.
    pub nesterov: bool,
}

impl SgdConfig {
    /// Keras 3's defaults: no momentum.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`momentum`](Self::momentum).
    pub fn with_momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets [`nesterov`](Self::nesterov).
    pub fn with_nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    /// The rule alone, for one parameter group of a
    /// [`ModuleOptimizer`](ModuleOptimizer::with_group).
    pub fn build(&self) -> Sgd {
        Sgd {
            config: self.clone(),
        }
    }

    /// An optimizer for a whole module.
    pub fn init(&self) -> ModuleOptimizer {
        ModuleOptimizer::from(self.build())
    }
}

/// Keras's `SGD`: `p -= lr g`, or with momentum
///
/// ```text
/// m = momentum m - lr g
/// p += m                          or, with nesterov,
/// p += momentum m - lr g
/// ```
///
/// The learning rate is inside of `m`; in Burn's velocity it is not.
#[derive(Clone, Debug)]
pub struct Sgd {
    config: SgdConfig,
}

/// State of [`Sgd`] for one parameter: `momentum.velocity` in the record, Keras's `m`.
#[derive(Clone, Debug)]
pub struct SgdState<const D: usize> {
    velocity: Slot<D>,
}

impl<const D: usize> RecordState for SgdState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        self.velocity.save(&momentum(prefix), "velocity", out);
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, _device: &Device) -> Option<Self> {
        let velocity = Slot::load(&momentum(prefix), "velocity", source)?;
        Some(Self { velocity })
    }
}

impl Optimizer for Sgd {
    type State<const D: usize> = SgdState<D>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let SgdConfig { momentum, nesterov } = self.config;
        let change = grad.mul_scalar(lr);
        if momentum == 0.0 {
            return (tensor - change, None);
        }
        let m = match state {
            Some(state) => {
                state.velocity.into_tensor(&change).mul_scalar(momentum) - change.clone()
            }
            None => change.clone().neg(),
        };
        let tensor = if nesterov {
            tensor + (m.clone().mul_scalar(momentum) - change)
        } else {
            tensor + m.clone()
        };
        let velocity = Slot::Ready(m);
        (tensor, Some(SgdState { velocity }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        SgdState {
            velocity: state.velocity.to_device(device),
        }
    }
}
