//! One step over a module.

use alloc::{string::String, vec::Vec};
use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId},
    optim::GradientsParams,
    tensor::Tensor,
};

use super::{ACCUMULATOR, AVERAGE, KerasOptimizer};
use crate::optim::{
    adam::decayed,
    config::{Clipping, LossScale},
    rule::Slots,
};

pub(super) fn step<M: Module>(
    optimizer: &mut KerasOptimizer,
    module: M,
    mut gradients: GradientsParams,
) -> M {
    if gradients.is_empty() {
        return module; // no step in Keras either
    }
    let dynamic = match optimizer.config.loss_scale {
        Some(LossScale::Dynamic {
            dynamic_growth_steps,
            counts_skipped,
            ..
        }) => Some((dynamic_growth_steps, counts_skipped)),
        _ => None,
    };
    if let Some((_, counts_skipped)) = dynamic
        && !all_finite(&module, &mut gradients)
    {
        optimizer.scale.scale *= 0.5;
        optimizer.scale.steps = 0;
        if counts_skipped {
            optimizer.scale.scale = optimizer.scale.scale.max(1.0);
            optimizer.iterations += 1;
        }
        return module;
    }
    if optimizer.config.loss_scale.is_some() {
        let scale = optimizer.loss_scale() as f32;
        each(&module, &mut gradients, &mut Unscale(scale));
    }
    let updates = accumulate(optimizer, &module, &mut gradients);
    if updates {
        for clipping in optimizer.config.clipping.clone() {
            clip(&clipping, &module, &mut gradients);
        }
    }
    let module = module.map(&mut Update {
        path: Vec::new(),
        averages: averages(optimizer),
        optimizer: &mut *optimizer,
        gradients,
        updates,
    });
    optimizer.iterations += 1;
    if let Some((growth, _)) = dynamic {
        let scale = &mut optimizer.scale;
        scale.steps += 1;
        if scale.steps >= growth {
            scale.scale *= 2.0;
            scale.steps = 0;
        }
    }
    module
}

pub(super) fn finalize<M: Module>(optimizer: &KerasOptimizer, module: M) -> M {
    if optimizer.config.ema.is_none() {
        return module;
    }
    module.map(&mut Finalize(optimizer))
}

/// A change of each gradient of a module.
trait Change {
    fn change<const D: usize>(&mut self, id: ParamId, gradient: Tensor<D>) -> Tensor<D>;
}

fn each<M: Module, C: Change>(module: &M, gradients: &mut GradientsParams, change: &mut C) {
    struct Each<'a, C> {
        gradients: &'a mut GradientsParams,
        change: &'a mut C,
    }

    impl<C: Change> ModuleVisitor for Each<'_, C> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.gradients.remove::<D>(param.id) {
                let gradient = self.change.change(param.id, gradient);
                self.gradients.register(param.id, gradient);
            }
        }
    }

    module.visit(&mut Each { gradients, change });
}

fn all_finite<M: Module>(module: &M, gradients: &mut GradientsParams) -> bool {
    /// The sum of `0 g`, which is 0 if all are finite, else NaN.
    struct Zeros(Option<Tensor<1>>);

    impl Change for Zeros {
        fn change<const D: usize>(&mut self, _id: ParamId, gradient: Tensor<D>) -> Tensor<D> {
            let zero = gradient.clone().mul_scalar(0.0).sum();
            self.0 = Some(match self.0.take() {
                Some(zeros) => zeros.clone() + zero.to_device(&zeros.device()).cast(zeros.dtype()),
                None => zero,
            });
            gradient
        }
    }

    let mut zeros = Zeros(None);
    each(module, gradients, &mut zeros);
    zeros
        .0
        .is_none_or(|zeros| zeros.into_scalar::<f32>() == 0.0)
}

struct Unscale(f32);

impl Change for Unscale {
    fn change<const D: usize>(&mut self, _id: ParamId, gradient: Tensor<D>) -> Tensor<D> {
        gradient.div_scalar(self.0)
    }
}

/// Adds gradients up until there are enough of them, and then gives their means. Whether the rule
/// is applied in this step.
fn accumulate<M: Module>(
    optimizer: &mut KerasOptimizer,
    module: &M,
    gradients: &mut GradientsParams,
) -> bool {
    struct Accumulate<'a> {
        optimizer: &'a mut KerasOptimizer,
        /// The number of steps, in the last one.
        over: Option<u64>,
    }

    impl Change for Accumulate<'_> {
        fn change<const D: usize>(&mut self, id: ParamId, gradient: Tensor<D>) -> Tensor<D> {
            let slots = self.optimizer.base.entry(id.val()).or_default();
            let sum = slots.take_or(ACCUMULATOR, 0.0, &gradient);
            let sum = gradient + sum;
            match self.over {
                Some(steps) => sum.div_scalar(steps as f32),
                None => {
                    slots.keep(ACCUMULATOR, sum.clone());
                    sum
                }
            }
        }
    }

    let Some(steps) = optimizer.config.gradient_accumulation_steps else {
        return true;
    };
    let last = (optimizer.iterations + 1).is_multiple_of(steps);
    let over = last.then_some(steps);
    let mut accumulate = Accumulate { optimizer, over };
    each(module, gradients, &mut accumulate);
    if last {
        // those of parameters without a gradient in this step too
        for slots in optimizer.base.values_mut() {
            slots.remove(ACCUMULATOR);
        }
    }
    last
}

fn clip<M: Module>(clipping: &Clipping, module: &M, gradients: &mut GradientsParams) {
    /// `g limit / max(|g|, limit)`
    struct ByNorm(f64);

    impl Change for ByNorm {
        fn change<const D: usize>(&mut self, _id: ParamId, gradient: Tensor<D>) -> Tensor<D> {
            let norm = gradient.clone().square().sum().sqrt();
            gradient.mul_scalar(self.0) / norm.clamp_min(self.0).reshape([1; D])
        }
    }

    struct ByValue(f64);

    impl Change for ByValue {
        fn change<const D: usize>(&mut self, _id: ParamId, gradient: Tensor<D>) -> Tensor<D> {
            gradient.clamp(-self.0, self.0)
        }
    }

    /// The sum of all squares.
    struct Squares(Option<Tensor<1>>);

    impl Change for Squares {
        fn change<const D: usize>(&mut self, _id: ParamId, gradient: Tensor<D>) -> Tensor<D> {
            let squares = gradient.clone().square().sum();
            self.0 = Some(match self.0.take() {
                Some(sum) => sum.clone() + squares.to_device(&sum.device()).cast(sum.dtype()),
                None => squares,
            });
            gradient
        }
    }

    struct ByFactor(Tensor<1>);

    impl Change for ByFactor {
        fn change<const D: usize>(&mut self, _id: ParamId, gradient: Tensor<D>) -> Tensor<D> {
            let factor = self.0.clone().to_device(&gradient.device());
            let factor = factor.cast(gradient.dtype()).reshape([1; D]);
            gradient * factor
        }
    }

    match clipping {
        Clipping::Norm(limit) => each(module, gradients, &mut ByNorm(*limit)),
        Clipping::Value(limit) => each(module, gradients, &mut ByValue(*limit)),
        Clipping::GlobalNorm(limit) => {
            let mut squares = Squares(None);
            each(module, gradients, &mut squares);
            if let Some(squares) = squares.0 {
                let norm = squares.sqrt();
                let limit = *limit as f32;
                // a norm that is not finite makes all gradients NaN, as in Keras
                let factor = norm
                    .clone()
                    .recip()
                    .clamp_max(1.0 / limit)
                    .mul_scalar(limit)
                    + (norm.clone() - norm);
                each(module, gradients, &mut ByFactor(factor));
            }
        }
    }
}

/// What a step does with the averages.
#[derive(Clone, Copy)]
struct Averages {
    /// The share of the past.
    momentum: f32,
    /// Whether averages that are not there yet start with the parameter before the step.
    from_initial: bool,
    /// Whether the average replaces the parameter.
    overwrite: bool,
}

fn averages(optimizer: &KerasOptimizer) -> Option<Averages> {
    let ema = optimizer.config.ema.as_ref()?;
    let updates = optimizer.updates();
    let overwrite = |frequency| (updates + 1).is_multiple_of(frequency);
    let start = updates == 0 && !ema.from_initial;
    Some(Averages {
        momentum: if start { 0.0 } else { ema.momentum as f32 },
        from_initial: ema.from_initial,
        overwrite: ema.overwrite_frequency.is_some_and(overwrite),
    })
}

struct Update<'a> {
    path: Vec<String>,
    optimizer: &'a mut KerasOptimizer,
    gradients: GradientsParams,
    /// Whether the rule is applied.
    updates: bool,
    averages: Option<Averages>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(String::from(name));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let id = param.id;
        let gradient = self.gradients.remove::<D>(id);
        // averages are of all that is trained
        let averages = self
            .averages
            .filter(|_| gradient.is_some() || trained(&param));
        if gradient.is_none() && averages.is_none() {
            return param;
        }
        let optimizer = &mut *self.optimizer;
        if !optimizer.parameters.contains_key(&id.val()) {
            let shape = param.lazy_shape().to_vec();
            let parameter =
                optimizer
                    .config
                    .parameter(&optimizer.patterns, self.path.join("."), &shape);
            optimizer.parameters.insert(id.val(), parameter);
        }
        let parameter = &optimizer.parameters[&id.val()];
        let step = optimizer.turn(parameter);
        let has_gradient = gradient.is_some();

        replace(param, gradient.as_ref().map(Tensor::device), |before| {
            let mut value = before.clone();
            if let Some(gradient) = gradient.filter(|_| self.updates) {
                if let Some(decay) = parameter.weight_decay {
                    value = decayed(value, decay, step.rate);
                }
                let slots = optimizer.slots.entry(id.val()).or_default();
                let rule = &optimizer.config.rule;
                value = if parameter.lazy {
                    lazily(value, gradient, slots, |value, gradient, slots| {
                        rule.update(&step, value, gradient, slots)
                    })
                } else {
                    rule.update(&step, value, gradient, slots)
                };
                slots.time = step.time;
            }
            if let Some(averages) = averages {
                let slots = optimizer.base.entry(id.val()).or_default();
                let old = slots.take_shaped(AVERAGE, value.dims(), &value);
                let start = if averages.from_initial {
                    before
                } else {
                    value.clone()
                };
                let average = old.unwrap_or(start).mul_scalar(averages.momentum)
                    + value.clone().mul_scalar(1.0 - averages.momentum);
                slots.keep(AVERAGE, average.clone());
                if averages.overwrite {
                    value = average;
                }
            }
            match &parameter.constraint {
                Some(constraint) if has_gradient => constraint.apply(value, &parameter.layout),
                _ => value,
            }
        })
    }
}

/// The step that `update` makes, of the rows that have a gradient alone.
fn lazily<const D: usize>(
    value: Tensor<D>,
    gradient: Tensor<D>,
    slots: &mut Slots,
    update: impl FnOnce(Tensor<D>, Tensor<D>, &mut Slots) -> Tensor<D>,
) -> Tensor<D> {
    let shape = value.dims();
    let rows = gradient.clone().abs().reshape([shape[0] as isize, -1]);
    let met = rows.sum_dim(1).greater_elem(0.0);
    let met = met
        .expand([shape[0], shape[1..].iter().product()])
        .reshape(shape);
    let before = slots.clone();
    let new = update(value.clone(), gradient, slots);
    slots.keep_rows(&before, &met, &new);
    value.mask_where(met, new)
}

struct Finalize<'a>(&'a KerasOptimizer);

impl ModuleMapper for Finalize<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(mut slots) = self.0.base.get(&param.id.val()).cloned() else {
            return param;
        };
        replace(param, None, |value| {
            let average = slots.take_shaped(AVERAGE, value.dims(), &value);
            average.unwrap_or(value)
        })
    }
}

fn trained<const D: usize>(param: &Param<Tensor<D>>) -> bool {
    param.val().is_require_grad()
}

/// The parameter with a new value, which is computed without gradients. All else stays, as with
/// Burn's optimizers.
fn replace<const D: usize>(
    param: Param<Tensor<D>>,
    device: Option<burn::tensor::Device>,
    change: impl FnOnce(Tensor<D>) -> Tensor<D>,
) -> Param<Tensor<D>> {
    let (id, old, mapper) = param.consume();
    let require_grad = old.is_require_grad();
    let checkpointing = old.gradient_checkpointing_strategy();
    let old = match device {
        Some(device) if device != old.device() => old.to_device(&device),
        _ => old,
    };
    let mut value = Tensor::from_inner(change(old.inner()));
    if let Some(strategy) = checkpointing {
        value = value.with_gradient_checkpointing_strategy(strategy);
    }
    if require_grad {
        value = value.require_grad();
    }
    Param::from_mapped_value(id, value, mapper)
}
