//! The configuration of a whole optimizer.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use burn::{
    config::Config,
    module::{ParamGroup, ParamId},
    optim::ModuleOptimizer,
    tensor::Tensor,
};

use super::{
    AdadeltaConfig, AdafactorConfig, AdagradConfig, AdamConfig, AdamaxConfig, Constraint,
    FtrlConfig, LambConfig, Layout, LearningRate, LionConfig, MuonConfig, NadamConfig,
    RmsPropConfig, SgdConfig,
    rule::{Fields, PerTensor, Rule, Slots, Step},
};

/// One of Keras's update rules. `AdamW` is `Adam` with
/// [`weight_decay`](KerasOptimizerConfig::weight_decay).
#[derive(Config, Debug, PartialEq)]
pub enum OptimizerConfig {
    /// `Adadelta`
    Adadelta(AdadeltaConfig),
    /// `Adafactor`
    Adafactor(AdafactorConfig),
    /// `Adagrad`
    Adagrad(AdagradConfig),
    /// `Adam` and `AdamW`
    Adam(AdamConfig),
    /// `Adamax`
    Adamax(AdamaxConfig),
    /// `Ftrl`
    Ftrl(FtrlConfig),
    /// `Lamb`
    Lamb(LambConfig),
    /// `Lion`
    Lion(LionConfig),
    /// `Muon`
    Muon(MuonConfig),
    /// `Nadam`
    Nadam(NadamConfig),
    /// `RMSprop`
    RmsProp(RmsPropConfig),
    /// `SGD`
    Sgd(SgdConfig),
}

/// `$body` with `$rule` as the rule's own configuration, of type `$Rule`.
macro_rules! with_rule {
    ($config:expr, $rule:ident => $body:expr) => {
        match $config {
            OptimizerConfig::Adadelta($rule) => $body,
            OptimizerConfig::Adafactor($rule) => $body,
            OptimizerConfig::Adagrad($rule) => $body,
            OptimizerConfig::Adam($rule) => $body,
            OptimizerConfig::Adamax($rule) => $body,
            OptimizerConfig::Ftrl($rule) => $body,
            OptimizerConfig::Lamb($rule) => $body,
            OptimizerConfig::Lion($rule) => $body,
            OptimizerConfig::Muon($rule) => $body,
            OptimizerConfig::Nadam($rule) => $body,
            OptimizerConfig::RmsProp($rule) => $body,
            OptimizerConfig::Sgd($rule) => $body,
        }
    };
}

fn fields_of<R: Rule>(_rule: &R) -> Fields {
    Fields::of::<R>()
}

impl OptimizerConfig {
    /// Where the state lies in a record: the fields of each parameter, after its id.
    pub fn fields(&self) -> Fields {
        with_rule!(self, rule => fields_of(rule))
    }

    /// The rule alone, as one of Burn's optimizers for a whole module. See
    /// [`PerTensor`].
    pub fn init(&self) -> ModuleOptimizer {
        with_rule!(self, rule => ModuleOptimizer::from(PerTensor(rule.clone())))
    }

    /// Keras's name of the class.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Adadelta(_) => "Adadelta",
            Self::Adafactor(_) => "Adafactor",
            Self::Adagrad(_) => "Adagrad",
            Self::Adam(_) => "Adam",
            Self::Adamax(_) => "Adamax",
            Self::Ftrl(_) => "Ftrl",
            Self::Lamb(_) => "Lamb",
            Self::Lion(_) => "Lion",
            Self::Muon(_) => "Muon",
            Self::Nadam(_) => "Nadam",
            Self::RmsProp(_) => "RMSprop",
            Self::Sgd(_) => "SGD",
        }
    }

    pub(super) fn slots(&self, step: &Step<'_>) -> Vec<&'static str> {
        with_rule!(self, rule => rule.slots(step))
    }

    pub(super) fn update<const D: usize>(
        &self,
        step: &Step<'_>,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        slots: &mut Slots,
    ) -> Tensor<D> {
        with_rule!(self, rule => rule.update(step, parameter, gradient, slots))
    }
}

macro_rules! from_rules {
    ($($variant:ident($config:ident)),* $(,)?) => {$(
        impl From<$config> for OptimizerConfig {
            fn from(config: $config) -> Self {
                Self::$variant(config)
            }
        }
    )*};
}

from_rules!(
    Adadelta(AdadeltaConfig),
    Adafactor(AdafactorConfig),
    Adagrad(AdagradConfig),
    Adam(AdamConfig),
    Adamax(AdamaxConfig),
    Ftrl(FtrlConfig),
    Lamb(LambConfig),
    Lion(LionConfig),
    Muon(MuonConfig),
    Nadam(NadamConfig),
    RmsProp(RmsPropConfig),
    Sgd(SgdConfig),
);

/// How gradients are kept small.
#[derive(Config, Debug, PartialEq)]
pub enum Clipping {
    /// `clipnorm`: each gradient's norm is at most this.
    Norm(f64),
    /// `clipvalue`: no element is further from 0 than this.
    Value(f64),
    /// `global_clipnorm`: the norm of all gradients together is at most this.
    GlobalNorm(f64),
}

/// An average of each parameter over the steps: `use_ema`.
#[derive(Config, Debug, PartialEq)]
pub struct Ema {
    /// The share of the past.
    #[config(default = 0.99)]
    pub momentum: f64,
    /// After how many steps, again and again, the averages replace the parameters. Default: only
    /// [`finalize`](super::KerasOptimizer::finalize) does it.
    pub overwrite_frequency: Option<u64>,
    /// Whether averages start with the parameters before the first step, as in tf.keras, and not
    /// with those after it, as in Keras 3.
    #[config(default = false)]
    pub from_initial: bool,
}

/// How the loss is kept in the range of float16.
#[derive(Config, Debug, PartialEq)]
pub enum LossScale {
    /// `loss_scale_factor`
    Fixed(f64),
    /// `LossScaleOptimizer`: a gradient that is not finite halves the scale, and the step is not
    /// made; after `dynamic_growth_steps` steps that are made the scale doubles.
    Dynamic {
        /// The first scale: 32768 in Keras.
        initial_scale: f64,
        /// 2000 in Keras.
        dynamic_growth_steps: u64,
        /// Whether steps that are not made count as iterations all the same, and the scale does not
        /// fall below 1, as in tf.keras.
        counts_skipped: bool,
    },
}

/// What Keras knows of a parameter, beyond its path in Burn.
///
/// Without it, Keras's path is Burn's with `/` between the names, and the layout is Burn's.
#[derive(Config, Debug, PartialEq)]
pub struct Variable {
    /// `sequential/conv1/kernel`: what regular expressions are searched in.
    pub path: Option<String>,
    /// Keras's shape, and Keras's axes in the order of Burn's: see [`Layout`].
    pub layout: Option<(Vec<usize>, Vec<usize>)>,
    /// What the parameter must be after each step.
    pub constraint: Option<Constraint>,
    /// Whether weight decay leaves it out: `exclude_from_weight_decay(var_list=[..])`.
    #[config(default = false)]
    pub exclude_from_weight_decay: bool,
    /// Whether a step leaves the rows that have no gradient as they are, their slots too: so do
    /// some of `tf.keras.optimizers.legacy` with the rows of a table that no lookup has met.
    ///
    /// A row that was met and has a gradient of zeros is taken for one that was not.
    #[config(default = false)]
    pub lazy: bool,
}

/// Configuration of a [`KerasOptimizer`](super::KerasOptimizer): a rule, and what Keras's base
/// class does around it.
///
/// ```
/// use burn_keras_nn::optim::{AdamConfig, Clipping, KerasOptimizerConfig};
///
/// // keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0)
/// let config = KerasOptimizerConfig::new(AdamConfig::new().into(), 1e-3.into())
///     .with_weight_decay(Some(0.01))
///     .with_clipping(vec![Clipping::GlobalNorm(1.0)]);
/// ```
#[derive(Config, Debug, PartialEq)]
pub struct KerasOptimizerConfig {
    /// The update rule.
    pub rule: OptimizerConfig,
    /// The learning rate.
    pub learning_rate: LearningRate,
    /// The rate after `s` steps is divided by `1 + decay s`: `decay` of
    /// `tf.keras.optimizers.legacy`, Keras 1 and 2.
    #[config(default = 0.0)]
    pub decay: f64,
    /// The share of each parameter, times the learning rate, that is taken away before the step.
    pub weight_decay: Option<f64>,
    /// Regular expressions: parameters where one is found in Keras's path, with `:0` behind as in
    /// TensorFlow, have no weight decay. With Muon, it is the last part of the path.
    #[config(default = "Vec::new()")]
    pub exclude_from_weight_decay: Vec<String>,
    /// What happens to gradients, in this order. Keras 3 has one at most,
    /// `tf.keras.optimizers.legacy` value, norm and global norm; what is `clipnorm` in Keras 1 and
    /// 2 is a global norm, before the value.
    #[config(default = "Vec::new()")]
    pub clipping: Vec<Clipping>,
    /// Averages of the parameters.
    pub ema: Option<Ema>,
    /// Parameters change in each of that many steps, with the mean of the gradients; at least 2.
    pub gradient_accumulation_steps: Option<u64>,
    /// How the loss is scaled.
    pub loss_scale: Option<LossScale>,
    /// What Keras knows of parameters, by their path in Burn.
    #[config(default = "BTreeMap::new()")]
    pub variables: BTreeMap<String, Variable>,
}

/// Why an optimizer cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptimizerError {
    /// An option has a value that Keras refuses too.
    #[error("{option}: {problem}")]
    Option {
        /// The option.
        option: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A regular expression cannot be compiled: Rust's lack look-around and references.
    #[error("the regular expression {pattern:?} cannot be used: {reason}")]
    Pattern {
        /// The expression.
        pattern: String,
        /// What is wrong.
        reason: String,
    },
    /// A variable is not in the module, or does not fit its parameter.
    #[error("{path}: {problem}")]
    Variable {
        /// The path in Burn.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// Parameters of the module carry the same id, so that only the first would be trained.
    #[error(
        "parameters share an id, so that only the first would be trained: {}",
        .paths.iter().map(|(a, b)| format!("{a} and {b}")).collect::<Vec<_>>().join(", ")
    )]
    DuplicateIds {
        /// Pairs of paths.
        paths: Vec<(String, String)>,
    },
}

/// The regular expressions of a configuration.
#[derive(Clone, Debug)]
pub(super) struct Patterns {
    decay: ParamGroup,
    adam: ParamGroup,
}

/// What is decided once for a parameter.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) path: String,
    /// In Burn.
    pub(super) rank: usize,
    pub(super) layout: Layout,
    pub(super) by_adam: bool,
    pub(super) weight_decay: Option<f64>,
    pub(super) constraint: Option<Constraint>,
    pub(super) lazy: bool,
}

impl KerasOptimizerConfig {
    pub(super) fn patterns(&self) -> Result<Patterns, OptimizerError> {
        let adam: &[String] = match &self.rule {
            OptimizerConfig::Muon(muon) => &muon.exclude_layers,
            _ => &[],
        };
        Ok(Patterns {
            decay: search(&self.exclude_from_weight_decay)?,
            adam: search(adam)?,
        })
    }

    /// What holds for the parameter at `path`, of the shape `shape` in Burn.
    pub(super) fn parameter(
        &self,
        patterns: &Patterns,
        path: String,
        shape: &[usize],
    ) -> Parameter {
        let variable = self.variables.get(&path).cloned();
        let variable = variable.unwrap_or_else(Variable::new);
        let keras = variable.path.unwrap_or_else(|| path.replace('.', "/"));
        let layout = variable
            .layout
            .and_then(|(shape, axes)| Layout::new(shape, axes))
            .unwrap_or_else(|| Layout::same(shape));
        let found = |group: &ParamGroup, text: &str| group.matches(&ParamId::from(0), Some(text));
        let (by_adam, weight_decay, name) = match &self.rule {
            OptimizerConfig::Muon(muon) => {
                let embedding =
                    muon.exclude_embeddings && keras.to_lowercase().contains("embedding");
                let by_adam = layout.rank() != 2 || embedding || found(&patterns.adam, &keras);
                let decay = if by_adam {
                    muon.adam_weight_decay
                } else {
                    self.weight_decay
                };
                let name = keras.rsplit('/').next().unwrap_or(&keras).to_string();
                (by_adam, decay, name)
            }
            _ => (false, self.weight_decay, format!("{keras}:0")),
        };
        let excluded = variable.exclude_from_weight_decay || found(&patterns.decay, &name);
        Parameter {
            path,
            rank: shape.len(),
            layout,
            by_adam,
            weight_decay: weight_decay.filter(|_| !excluded),
            constraint: variable.constraint,
            lazy: variable.lazy,
        }
    }

    /// The first option that Keras would refuse.
    pub(super) fn check(&self) -> Result<(), OptimizerError> {
        let refuse = |option, problem: &str| {
            let problem = problem.to_string();
            Err(OptimizerError::Option { option, problem })
        };
        if let LearningRate::Schedule(schedule) = &self.learning_rate
            && let Some(problem) = schedule.problem()
        {
            return refuse("learning_rate", problem);
        }
        if self
            .gradient_accumulation_steps
            .is_some_and(|steps| steps < 2)
        {
            return refuse("gradient_accumulation_steps", "must be at least 2");
        }
        if let Some(ema) = &self.ema {
            if !(0.0..=1.0).contains(&ema.momentum) {
                return refuse("ema_momentum", "must be from 0 to 1");
            }
            if ema.overwrite_frequency == Some(0) {
                return refuse("ema_overwrite_frequency", "must be at least 1");
            }
        }
        for clipping in &self.clipping {
            let (Clipping::Norm(limit) | Clipping::Value(limit) | Clipping::GlobalNorm(limit)) =
                clipping;
            if limit.is_nan() || *limit <= 0.0 {
                return refuse("clipping", "must be above 0");
            }
        }
        match &self.rule {
            OptimizerConfig::Lion(lion) if !(lion.beta_1 > 0.0 && lion.beta_1 <= 1.0) => {
                refuse("beta_1", "must be above 0, and at most 1")
            }
            OptimizerConfig::Ftrl(ftrl) if ftrl.learning_rate_power > 0.0 => {
                refuse("learning_rate_power", "must not be above 0")
            }
            _ => Ok(()),
        }
    }

    /// Whether the variable `path` fits the parameter, which has the shape `shape`.
    pub(super) fn check_variable(&self, path: &str, shape: &[usize]) -> Result<(), OptimizerError> {
        let Some(variable) = self.variables.get(path) else {
            return Ok(());
        };
        let refuse = |problem: String| {
            let path = path.to_string();
            Err(OptimizerError::Variable { path, problem })
        };
        let mut rank = shape.len();
        if let Some((keras, axes)) = &variable.layout {
            let elements = |shape: &[usize]| shape.iter().product::<usize>();
            if Layout::new(keras.clone(), axes.clone()).is_none()
                || elements(keras) != elements(shape)
            {
                return refuse(format!(
                    "Keras's shape {keras:?} with the axes {axes:?} is not {shape:?}"
                ));
            }
            rank = keras.len();
        }
        let axes = variable.constraint.iter().flat_map(Constraint::axes);
        for axis in axes {
            if *axis < -(rank as isize) || *axis >= rank as isize {
                return refuse(format!("the constraint's axis {axis} is not one of {rank}"));
            }
        }
        Ok(())
    }
}

/// A group of the texts where one of the patterns is found.
fn search(patterns: &[String]) -> Result<ParamGroup, OptimizerError> {
    let mut group = ParamGroup::from_ids(Vec::new());
    for pattern in patterns {
        let found = ParamGroup::from_regex(pattern).map_err(|error| OptimizerError::Pattern {
            pattern: pattern.clone(),
            reason: format!("{error:?}"),
        })?;
        group = group.fuse(&found);
    }
    Ok(group)
}
