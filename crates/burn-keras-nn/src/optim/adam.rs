//! Adam as Keras computes it.

use burn::{
    optim::{LearningRate, ModuleOptimizer, Optimizer, RecordState, StateSink, StateSource},
    store::burn_pack::Scalar,
    tensor::{Device, Tensor},
};

use super::{Slot, momentum};

/// Configuration of [`Adam`], with Keras 3's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct AdamConfig {
    /// Decay of the first moment. Default: 0.9.
    pub beta_1: f64,
    /// Decay of the second moment. Default: 0.999.
    pub beta_2: f64,
    /// Added to the root of the second moment. Default: 1e-7.
    pub epsilon: f64,
    /// Whether to divide by the largest second moment so far. Default: false.
    pub amsgrad: bool,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl AdamConfig {
    /// Keras 3's defaults.
    pub fn new() -> Self {
        Self {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
            amsgrad: false,
        }
    }

    /// Sets [`beta_1`](Self::beta_1).
    pub fn with_beta_1(mut self, beta_1: f64) -> Self {
        self.beta_1 = beta_1;
        self
    }

    /// Sets [`beta_2`](Self::beta_2).
    pub fn with_beta_2(mut self, beta_2: f64) -> Self {
        self.beta_2 = beta_2;
        self
    }

    /// Sets [`epsilon`](Self::epsilon).
    pub fn with_epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Sets [`amsgrad`](Self::amsgrad).
    pub fn with_amsgrad(mut self, amsgrad: bool) -> Self {
        self.amsgrad = amsgrad;
        self
    }

    /// The rule alone, for one parameter group of a
    /// [`ModuleOptimizer`](ModuleOptimizer::with_group).
    pub fn build(&self) -> Adam {
        Adam {
            config: self.clone(),
        }
    }

    /// An optimizer for a whole module.
    pub fn init(&self) -> ModuleOptimizer {
        ModuleOptimizer::from(self.build())
    }
}

/// Keras's `Adam`: with the gradient `g`, for the step `t = 1, 2, ...`
///
/// ```text
/// m += (g - m) (1 - beta_1)
/// v += (g^2 - v) (1 - beta_2)
/// p -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)
/// ```
///
/// Burn's own scales epsilon by the bias correction.
#[derive(Clone, Debug)]
pub struct Adam {
    config: AdamConfig,
}

/// State of [`Adam`] for one parameter, in the record as that of Burn's `Adam`:
/// `momentum.time`, `momentum.moment_1`, `momentum.moment_2` and, with `amsgrad`,
/// `momentum.max_moment_2`.
#[derive(Clone, Debug)]
pub struct AdamState<const D: usize> {
    /// Steps taken: Keras's `iterations`.
    pub time: usize,
    moment_1: Slot<D>,
    moment_2: Slot<D>,
    max_moment_2: Option<Slot<D>>,
}

impl<const D: usize> RecordState for AdamState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        let prefix = &momentum(prefix);
        out.push_scalar(prefix, "time", Scalar::from(self.time));
        self.moment_1.save(prefix, "moment_1", out);
        self.moment_2.save(prefix, "moment_2", out);
        if let Some(max_moment_2) = &self.max_moment_2 {
            max_moment_2.save(prefix, "max_moment_2", out);
        }
    }

    fn state_unflatten(prefix: &str, source: &mut StateSource, _device: &Device) -> Option<Self> {
        let prefix = &momentum(prefix);
        Some(Self {
            time: source.take_scalar(prefix, "time")?.try_into().ok()?,
            moment_1: Slot::load(prefix, "moment_1", source)?,
            moment_2: Slot::load(prefix, "moment_2", source)?,
            max_moment_2: Slot::load(prefix, "max_moment_2", source),
        })
    }
}

impl Optimizer for Adam {
    type State<const D: usize> = AdamState<D>;

    fn step<const D: usize>(
        &self,
        lr: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let AdamConfig {
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
        } = self.config;
        let (time, m, v, largest) = match state {
            Some(state) => (
                state.time + 1,
                state.moment_1.into_tensor(&grad),
                state.moment_2.into_tensor(&grad),
                state.max_moment_2.map(|slot| slot.into_tensor(&grad)),
            ),
            None => (1, grad.zeros_like(), grad.zeros_like(), None),
        };

        let m = m.clone() + (grad.clone() - m).mul_scalar(1.0 - beta_1);
        let v = v.clone() + (grad.clone() * grad - v).mul_scalar(1.0 - beta_2);
        let largest = amsgrad.then(|| match largest {
            Some(largest) => largest.max_pair(v.clone()),
            None => v.clone(),
        });
        let divisor = largest.clone().unwrap_or_else(|| v.clone());
        let delta = m.clone().mul_scalar(scale(lr, beta_1, beta_2, time))
            / divisor.sqrt().add_scalar(epsilon);
        let state = AdamState {
            time,
            moment_1: Slot::Ready(m),
            moment_2: Slot::Ready(v),
            max_moment_2: largest.map(Slot::Ready),
        };
        (tensor - delta, Some(state))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        AdamState {
            time: state.time,
            moment_1: state.moment_1.to_device(device),
            moment_2: state.moment_2.to_device(device),
            max_moment_2: state.max_moment_2.map(|slot| slot.to_device(device)),
        }
    }
}

/// `lr sqrt(1 - beta_2^t) / (1 - beta_1^t)`, in float32 as Keras computes it: at the first steps
/// `1 - 0.999` has an error of 5e-5 there.
fn scale(lr: f64, beta_1: f64, beta_2: f64, time: usize) -> f64 {
    let power = |beta: f64| libm::pow(f64::from(beta as f32), time as f64) as f32;
    let root = libm::sqrtf(1.0 - power(beta_2));
    f64::from(lr as f32 * root / (1.0 - power(beta_1)))
}
