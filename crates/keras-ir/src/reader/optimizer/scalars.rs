//! The numbers of an optimizer's state: steps, learning rate, loss scale, Nadam's product.

use std::collections::VecDeque;

use super::state::{Named, unreadable};
use crate::container::StoredTensor;
use crate::graph::optimizer::{LossScaleState, Number};
use crate::problem::{Problem, ProblemKind};
use crate::training::optimizer::{Class, Implementation, LossScale, OptimizerConfig, Rule};
use crate::training::schedule::LearningRate;

/// The numbers of a state, as far as the file has them.
#[derive(Default)]
pub(super) struct Scalars {
    pub iterations: Option<u64>,
    pub learning_rate: Option<f64>,
    pub u_product: Option<f64>,
    /// Where the file has them.
    pub tensors: Vec<(Number, StoredTensor)>,
    scale: Option<f64>,
    scale_steps: Option<u64>,
}

impl Scalars {
    pub(super) fn loss_scale(&self) -> Option<LossScaleState> {
        let (scale, steps) = self.scale.zip(self.scale_steps)?;
        Some(LossScaleState { scale, steps })
    }

    /// Whether no step was made: then an optimizer may have no slots yet.
    pub(super) fn is_unused(&self) -> bool {
        self.iterations.is_none_or(|steps| steps == 0)
    }

    fn take(&mut self, which: Number, named: &Named) -> Result<(), Problem> {
        match which {
            Number::Iterations => self.iterations = Some(count(named)?),
            Number::LearningRate => self.learning_rate = Some(number(named)?),
            Number::LossScale => self.scale = Some(number(named)?),
            Number::LossScaleSteps => self.scale_steps = Some(count(named)?),
            Number::UProduct => self.u_product = Some(number(named)?),
        }
        self.tensors.push((which, named.1.clone()));
        Ok(())
    }

    /// Takes the numbers that an object has by name.
    pub(super) fn take_named(&mut self, scalars: &[Named]) -> Result<(), Problem> {
        for scalar in scalars {
            match scalar.0.as_str() {
                "iter" => self.take(Number::Iterations, scalar)?,
                "learning_rate" | "_learning_rate" => self.take(Number::LearningRate, scalar)?,
                "momentum_cache" | "_u_product" => self.take(Number::UProduct, scalar)?,
                "current_loss_scale" => self.take(Number::LossScale, scalar)?,
                "good_steps" => self.take(Number::LossScaleSteps, scalar)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes the numbers out of a list, in front of the slots and behind them.
    pub(super) fn take_listed(
        &mut self,
        config: &OptimizerConfig,
        list: &mut VecDeque<Named>,
    ) -> Result<(), Problem> {
        if config.implementation == Implementation::Keras3 {
            self.take_keras3(config, list)
        } else {
            self.take_by_name(list)
        }
    }

    fn take_keras3(
        &mut self,
        config: &OptimizerConfig,
        list: &mut VecDeque<Named>,
    ) -> Result<(), Problem> {
        if matches!(config.loss_scale, Some(LossScale::Dynamic { .. })) {
            // Its own count and rate are never used, the others come with the first step.
            let is_built = list.len() > 4;
            next(list, "iteration")?;
            next(list, "learning_rate")?;
            if is_built {
                self.take(Number::LossScaleSteps, &next(list, "step_counter")?)?;
                self.take(Number::LossScale, &next(list, "dynamic_scale")?)?;
            }
        }
        self.take(Number::Iterations, &next(list, "iteration")?)?;
        if matches!(config.learning_rate, LearningRate::Constant(_)) {
            let rate = next(list, "learning_rate")?;
            self.take(Number::LearningRate, &rate)?;
        }
        if config.class == Class::Nadam
            && let Some(product) = list.pop_back()
        {
            scalar(&product, "u_product")?;
            self.take(Number::UProduct, &product)?;
        }
        Ok(())
    }

    /// Takes the numbers in front of the slots, by their names: there are two at most.
    fn take_by_name(&mut self, list: &mut VecDeque<Named>) -> Result<(), Problem> {
        const NAMES: [&str; 6] = [
            "iter",
            "learning_rate",
            "momentum_cache",
            "m_schedule",
            // Keras 1 has no name of its own for the count.
            "Variable",
            "param_",
        ];
        for _ in 0..2 {
            let is_number = |(name, tensor): &Named| {
                tensor.shape().is_empty() && NAMES.iter().any(|part| name.contains(part))
            };
            let Some(scalar) = list.pop_front_if(|named| is_number(named)) else {
                break;
            };
            let name = &scalar.0;
            let which = if name.contains("learning_rate") {
                Number::LearningRate
            } else if name.contains("momentum_cache") || name.contains("m_schedule") {
                Number::UProduct
            } else {
                Number::Iterations
            };
            self.take(which, &scalar)?;
        }
        Ok(())
    }
}

fn next(list: &mut VecDeque<Named>, what: &str) -> Result<Named, Problem> {
    let Some(named) = list.pop_front() else {
        return Err(problem()
            .key("optimizer")
            .expected(what)
            .found("no more variables"));
    };
    scalar(&named, what)?;
    Ok(named)
}

fn problem() -> Problem {
    Problem::new(ProblemKind::Optimizer).help(super::FRESH)
}

fn scalar((_, tensor): &Named, what: &str) -> Result<(), Problem> {
    if tensor.shape().is_empty() {
        return Ok(());
    }
    Err(problem()
        .key(tensor.path())
        .expected(format!("{what}, a number"))
        .found(format!("shape {:?}", tensor.shape())))
}

fn number((_, tensor): &Named) -> Result<f64, Problem> {
    let values = tensor.read_f64().map_err(|error| unreadable(&error))?;
    let number = values.first().copied().filter(|number| number.is_finite());
    number.ok_or_else(|| {
        let found = values.first().map_or("nothing".to_owned(), f64::to_string);
        problem()
            .key(tensor.path())
            .expected("a number")
            .found(found)
    })
}

fn count(named: &Named) -> Result<u64, Problem> {
    let value = number(named)?;
    if value < 0.0 || value.fract() != 0.0 {
        return Err(problem()
            .key(named.1.path())
            .expected("a number of steps")
            .found(value.to_string()));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of steps, not negative"
    )]
    Ok(value as u64)
}

/// Nadam's product after `steps` steps, as Keras multiplies it in float32: `factors` times in each
/// step. `None` if that takes too long.
pub(super) fn u_product(rule: &Rule, steps: u64, factors: usize) -> Option<f64> {
    /// It is too small for float32 after some 900 steps with Keras's own options.
    const LONGEST: u64 = 1 << 24;
    let Rule::Nadam {
        beta_1,
        schedule_decay,
        ..
    } = rule
    else {
        return None;
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "float32 as in Keras"
    )]
    let factor = |step: u64| {
        let exponent = *schedule_decay as f32 * step as f32;
        let power = f64::from(0.96f32).powf(f64::from(exponent)) as f32;
        *beta_1 as f32 * (1.0 - 0.5 * power)
    };
    let mut product = 1.0f32;
    for step in 1..=steps {
        let factor = factor(step);
        for _ in 0..factors {
            product *= factor;
        }
        // Processors round the smallest numbers up again; TensorFlow takes them for 0.
        if product.abs() < f32::MIN_POSITIVE {
            return Some(0.0);
        }
        if step.saturating_mul(factors as u64) >= LONGEST {
            return None;
        }
    }
    Some(f64::from(product))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nadam(beta_1: f64) -> Rule {
        Rule::Nadam {
            beta_1,
            beta_2: 0.999,
            epsilon: 1e-7,
            schedule_decay: 1.0,
        }
    }

    #[test]
    fn the_product_of_momenta_follows_from_the_steps() {
        // tf_keras 2.21, three steps of nine variables: 3.2468e-9; Keras 3.15: 0.113982
        let near = |found: Option<f64>, expected: f64| {
            assert!(found.is_some_and(|found| (found / expected - 1.0).abs() < 1e-4));
        };
        near(u_product(&nadam(0.9), 3, 9), 3.2468e-9);
        near(u_product(&nadam(0.9), 3, 1), 0.113_982);
        assert_eq!(u_product(&nadam(0.9), 0, 1), Some(1.0));
        assert_eq!(u_product(&nadam(0.9), u64::MAX, 1), Some(0.0));
        assert_eq!(u_product(&nadam(1.0), u64::MAX, 1), None);
    }
}
