//! Learning rates that change from step to step.

use alloc::vec::Vec;
use burn::config::Config;

/// A learning rate: a number, or a schedule.
#[derive(Config, Debug, PartialEq)]
pub enum LearningRate {
    /// The same in every step.
    Constant(f64),
    /// By the number of steps taken.
    Schedule(Schedule),
}

impl LearningRate {
    /// The rate after `iterations` steps, as Keras rounds it.
    pub fn at(&self, iterations: u64) -> f32 {
        match self {
            Self::Constant(rate) => *rate as f32,
            Self::Schedule(schedule) => schedule.at(iterations),
        }
    }
}

impl From<f64> for LearningRate {
    fn from(rate: f64) -> Self {
        Self::Constant(rate)
    }
}

impl From<Schedule> for LearningRate {
    fn from(schedule: Schedule) -> Self {
        Self::Schedule(schedule)
    }
}

/// The schedules of `keras.optimizers.schedules`, with the names of their options, computed in
/// float32 as Keras does. `s` is the number of steps taken.
///
/// ```
/// use burn_keras_nn::optim::Schedule;
///
/// let schedule = Schedule::ExponentialDecay {
///     initial_learning_rate: 0.1,
///     decay_steps: 100.0,
///     decay_rate: 0.5,
///     staircase: false,
/// };
/// assert_eq!(schedule.at(0), 0.1);
/// assert_eq!(schedule.at(200), 0.025);
/// ```
#[derive(Config, Debug, PartialEq)]
pub enum Schedule {
    /// `initial_learning_rate decay_rate^(s / decay_steps)`
    ExponentialDecay {
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// After how many steps the rate is multiplied by `decay_rate`.
        decay_steps: f64,
        /// The factor.
        decay_rate: f64,
        /// Whether the exponent is rounded down.
        staircase: bool,
    },
    /// `values[i]`, where `i` is the number of boundaries below `s`.
    PiecewiseConstantDecay {
        /// The last steps of all values but the last; rounded towards zero.
        boundaries: Vec<f64>,
        /// One value more.
        values: Vec<f64>,
    },
    /// From `initial_learning_rate` to `end_learning_rate` as `(1 - s / decay_steps)^power`.
    PolynomialDecay {
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// How long the rate falls.
        decay_steps: f64,
        /// Where it ends.
        end_learning_rate: f64,
        /// 1 for a line.
        power: f64,
        /// Whether to start again, each time with the next multiple of `decay_steps`.
        cycle: bool,
    },
    /// `initial_learning_rate / (1 + decay_rate s / decay_steps)`
    InverseTimeDecay {
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// The unit of steps.
        decay_steps: f64,
        /// The weight of a unit.
        decay_rate: f64,
        /// Whether units are rounded down.
        staircase: bool,
    },
    /// Half a cosine wave, after a line from `initial_learning_rate` to `warmup_target` if there is
    /// one.
    CosineDecay {
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// How long the rate falls.
        decay_steps: f64,
        /// Where it ends, as a share of where it starts to fall.
        alpha: f64,
        /// Where the warmup ends; `None` for no warmup.
        warmup_target: Option<f64>,
        /// How long the warmup is.
        warmup_steps: f64,
    },
    /// Half cosine waves, one after the other.
    CosineDecayRestarts {
        /// The rate of the first step.
        initial_learning_rate: f64,
        /// How long the first wave is.
        first_decay_steps: f64,
        /// How much longer the next one is.
        t_mul: f64,
        /// How much higher the next one starts.
        m_mul: f64,
        /// Where each one ends, as a share of the first rate.
        alpha: f64,
    },
}

impl Schedule {
    /// The rate after `iterations` steps.
    pub fn at(&self, iterations: u64) -> f32 {
        let step = iterations as f32;
        match self {
            Self::ExponentialDecay {
                initial_learning_rate,
                decay_steps,
                decay_rate,
                staircase,
            } => {
                let units = floored(step / *decay_steps as f32, *staircase);
                *initial_learning_rate as f32 * libm::powf(*decay_rate as f32, units)
            }
            Self::PiecewiseConstantDecay { boundaries, values } => {
                let below = |boundary: &f64| iterations as i64 > (*boundary as f32) as i64;
                let at = boundaries.iter().filter(|at| below(at)).count();
                values.get(at).map_or(0.0, |value| *value as f32)
            }
            Self::PolynomialDecay {
                initial_learning_rate,
                decay_steps,
                end_learning_rate,
                power,
                cycle,
            } => {
                let end = *end_learning_rate as f32;
                let steps = *decay_steps as f32;
                let share = if *cycle {
                    let cycles = libm::ceilf(step / steps);
                    step / (steps * if step == 0.0 { 1.0 } else { cycles })
                } else {
                    step.min(steps) / steps
                };
                let left = libm::powf(1.0 - share, *power as f32);
                (*initial_learning_rate as f32 - end) * left + end
            }
            Self::InverseTimeDecay {
                initial_learning_rate,
                decay_steps,
                decay_rate,
                staircase,
            } => {
                let units = floored(step / *decay_steps as f32, *staircase);
                *initial_learning_rate as f32 / (1.0 + *decay_rate as f32 * units)
            }
            Self::CosineDecay {
                initial_learning_rate,
                decay_steps,
                alpha,
                warmup_target,
                warmup_steps,
            } => {
                let initial = *initial_learning_rate as f32;
                let steps = *decay_steps as f32;
                let (from, step) = match warmup_target {
                    None => (initial, step.min(steps)),
                    Some(target) => {
                        let (target, warmup) = (*target as f32, *warmup_steps as f32);
                        let step = step.min(steps + warmup);
                        if step < warmup {
                            return (target - initial) * (step / warmup) + initial;
                        }
                        (target, step - warmup)
                    }
                };
                from * ((1.0 - alpha) as f32 * cosine(step / steps) + *alpha as f32)
            }
            Self::CosineDecayRestarts {
                initial_learning_rate,
                first_decay_steps,
                t_mul,
                m_mul,
                alpha,
            } => {
                let (t_mul, alpha) = (*t_mul as f32, *alpha as f32);
                let waves = step / *first_decay_steps as f32;
                let (wave, share) = if t_mul == 1.0 {
                    let wave = libm::floorf(waves);
                    (wave, waves - wave)
                } else {
                    let lengths = 1.0 - waves * (1.0 - t_mul);
                    let wave = libm::floorf(libm::logf(lengths) / libm::logf(t_mul));
                    let length = libm::powf(t_mul, wave);
                    let before = (1.0 - length) / (1.0 - t_mul);
                    (wave, (waves - before) / length)
                };
                let height = libm::powf(*m_mul as f32, wave);
                *initial_learning_rate as f32 * ((1.0 - alpha) * (height * cosine(share)) + alpha)
            }
        }
    }

    /// What is wrong with the options, in Keras's words: steps that are not positive, boundaries
    /// that do not fit the values.
    pub(super) fn problem(&self) -> Option<&'static str> {
        match self {
            Self::PiecewiseConstantDecay { boundaries, values } => (boundaries.is_empty()
                || boundaries.len() + 1 != values.len())
            .then_some("there must be boundaries, one fewer than values"),
            Self::ExponentialDecay { decay_steps, .. }
            | Self::PolynomialDecay { decay_steps, .. }
            | Self::InverseTimeDecay { decay_steps, .. }
            | Self::CosineDecay { decay_steps, .. }
            | Self::CosineDecayRestarts {
                first_decay_steps: decay_steps,
                ..
            } => (decay_steps.is_nan() || *decay_steps <= 0.0)
                .then_some("decay_steps must be above 0"),
        }
    }
}

fn floored(units: f32, staircase: bool) -> f32 {
    if staircase {
        libm::floorf(units)
    } else {
        units
    }
}

/// From 1 to 0 over half a wave.
fn cosine(share: f32) -> f32 {
    0.5 * (1.0 + libm::cosf(core::f32::consts::PI * share))
}
