//! An optimizer for a whole module, with all that Keras's base class does.

mod record;
mod step;

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
};
use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::Tensor,
};

use super::{
    config::{KerasOptimizerConfig, LossScale, OptimizerError, Parameter, Patterns},
    rule::{Field, Fields, Slots, Step},
    schedule::LearningRate,
};
use crate::ids::duplicate_ids;

/// What the base class keeps of a parameter, beside the slots of the rule.
const BASE: Fields = Fields {
    slots: &[
        Field::optional(AVERAGE, "keras.average"),
        Field::optional(ACCUMULATOR, "keras.gradient_accumulator"),
    ],
    time: None,
    scalars: &[],
};
const AVERAGE: &str = "average";
const ACCUMULATOR: &str = "gradient_accumulator";

/// A Keras optimizer: an update rule, and around it what Keras's base class does in each step:
///
/// 1. gradients are divided by the loss scale; with a dynamic scale the step ends if one of them is
///    not finite
/// 2. with accumulation, they are added up, and steps 3 to 5 wait for the last one
/// 3. gradients are clipped
/// 4. weight decay: `p -= p weight_decay lr`
/// 5. the rule
/// 6. averages of the parameters move, and replace them where it is time to
/// 7. constraints
///
/// Parameters without a gradient stay as they are. Those of `trainable=False` have none, since the
/// module is made so that they ask for none.
///
/// State belongs to a parameter's [`ParamId`](burn::module::ParamId), as with Burn's optimizers.
///
/// # Sparse gradients
///
/// The gradient of a lookup is that of the whole table here. So it is in Keras on JAX and PyTorch,
/// and in tf.keras, where rows that occur twice are added up before the rule. Keras 3 on TensorFlow
/// squares each occurrence alone instead, and both add up rows only after clipping: there, the steps
/// of an `Embedding` agree if a batch looks each row up once, or with `SGD`, `Adamax` and `Lion`
/// without clipping. `tf.keras.optimizers.legacy.Ftrl` moves only the rows that were looked up.
///
/// ```
/// use burn::{module::Module, optim::GradientsParams};
/// use burn_keras_nn::optim::{KerasOptimizerConfig, OptimizerError, SgdConfig};
///
/// # fn train<M: Module>(mut module: M, gradients: fn(&M) -> GradientsParams)
/// # -> Result<M, OptimizerError> {
/// let rule = SgdConfig::new().with_momentum(0.9);
/// let config = KerasOptimizerConfig::new(rule.into(), 0.01.into());
/// let mut optimizer = config.init(&module)?;
/// for _ in 0..10 {
///     let gradients = gradients(&module);
///     module = optimizer.step(module, gradients);
/// }
/// assert_eq!(optimizer.iterations(), 10);
/// # Ok(module)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct KerasOptimizer {
    config: KerasOptimizerConfig,
    patterns: Patterns,
    parameters: BTreeMap<u64, Parameter>,
    slots: BTreeMap<u64, Slots>,
    /// Averages and accumulators.
    base: BTreeMap<u64, Slots>,
    iterations: u64,
    scale: DynamicScale,
    /// What a loaded record says of itself.
    metadata: BTreeMap<String, String>,
}

/// State of `LossScaleOptimizer`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct DynamicScale {
    scale: f32,
    /// Steps made since the scale changed.
    steps: u64,
}

impl KerasOptimizerConfig {
    /// The optimizer for `module`.
    ///
    /// # Errors
    ///
    /// Options that Keras refuses, regular expressions that cannot be compiled, variables that the
    /// module lacks or that do not fit it, and two parameters with one id.
    pub fn init<M: Module>(&self, module: &M) -> Result<KerasOptimizer, OptimizerError> {
        self.check()?;
        let patterns = self.patterns()?;
        let paths = duplicate_ids(module);
        if !paths.is_empty() {
            return Err(OptimizerError::DuplicateIds { paths });
        }
        let mut shapes = Shapes::default();
        module.visit(&mut shapes);
        let mut parameters = BTreeMap::new();
        for (id, (path, shape)) in shapes.found {
            self.check_variable(&path, &shape)?;
            parameters.insert(id, self.parameter(&patterns, path, &shape));
        }
        let known = |path: &String| parameters.values().any(|known| known.path == *path);
        if let Some(path) = self.variables.keys().find(|path| !known(path)) {
            return Err(OptimizerError::Variable {
                path: path.clone(),
                problem: "not in the module".to_string(),
            });
        }
        let scale = match &self.loss_scale {
            Some(LossScale::Dynamic { initial_scale, .. }) => *initial_scale as f32,
            _ => 1.0,
        };
        Ok(KerasOptimizer {
            config: self.clone(),
            patterns,
            parameters,
            slots: BTreeMap::new(),
            base: BTreeMap::new(),
            iterations: 0,
            scale: DynamicScale { scale, steps: 0 },
            metadata: BTreeMap::new(),
        })
    }
}

impl KerasOptimizer {
    /// The configuration, with the learning rate of now.
    pub fn config(&self) -> &KerasOptimizerConfig {
        &self.config
    }

    /// Steps made: Keras's `iterations`. With accumulation it counts every call of
    /// [`step`](Self::step), as Keras's variable does.
    pub fn iterations(&self) -> u64 {
        self.iterations
    }

    /// The learning rate of the next step.
    pub fn learning_rate(&self) -> f64 {
        f64::from(self.rate())
    }

    /// Changes the learning rate, also one that a schedule gave, which Keras refuses.
    ///
    /// ```
    /// # use burn_keras_nn::optim::KerasOptimizer;
    /// # fn change(optimizer: &mut KerasOptimizer) {
    /// optimizer.set_learning_rate(1e-4);
    /// # }
    /// ```
    pub fn set_learning_rate(&mut self, rate: impl Into<LearningRate>) {
        self.config.learning_rate = rate.into();
    }

    /// The factor of the loss before its gradients are computed.
    pub fn loss_scale(&self) -> f64 {
        match &self.config.loss_scale {
            None => 1.0,
            Some(LossScale::Fixed(factor)) => *factor,
            Some(LossScale::Dynamic { .. }) => f64::from(self.scale.scale),
        }
    }

    /// The loss times [`loss_scale`](Self::loss_scale), whose gradients [`step`](Self::step) wants.
    pub fn scale_loss<const D: usize>(&self, loss: Tensor<D>) -> Tensor<D> {
        match self.config.loss_scale {
            None => loss,
            Some(_) => loss.mul_scalar(self.loss_scale()),
        }
    }

    /// One step with the gradients of `module`.
    pub fn step<M: Module>(&mut self, module: M, gradients: GradientsParams) -> M {
        step::step(self, module, gradients)
    }

    /// The module with the averages of its parameters, as Keras's `fit` leaves it with `use_ema`;
    /// without averages, as it is.
    pub fn finalize<M: Module>(&self, module: M) -> M {
        step::finalize(self, module)
    }

    fn rate(&self) -> f32 {
        let rate = self.config.learning_rate.at(self.iterations);
        if self.config.decay > 0.0 {
            rate / (1.0 + self.config.decay as f32 * self.iterations as f32)
        } else {
            rate
        }
    }

    /// Times that the rule has been applied.
    fn updates(&self) -> u64 {
        self.iterations / self.config.gradient_accumulation_steps.unwrap_or(1)
    }

    /// What a parameter's rule knows of the next step.
    fn turn<'a>(&self, parameter: &'a Parameter) -> Step<'a> {
        Step {
            rate: self.rate(),
            time: self.updates() as usize + 1,
            layout: &parameter.layout,
            by_adam: parameter.by_adam,
        }
    }
}

/// Path and shape of every parameter of floats, by id.
#[derive(Default)]
struct Shapes {
    path: alloc::vec::Vec<String>,
    found: BTreeMap<u64, (String, alloc::vec::Vec<usize>)>,
}

impl ModuleVisitor for Shapes {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let at = (self.path.join("."), param.lazy_shape().to_vec());
        self.found.insert(param.id.val(), at);
    }
}
