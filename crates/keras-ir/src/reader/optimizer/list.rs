//! The way back: an optimizer's state as the list that Keras reads.

use std::collections::HashMap;

use super::build::{Names, zeros};
use super::is_plain_sgd;
use super::layout::{Layout, Place};
use super::state::unreadable;
use super::variable;
use crate::container::{Dtype, StoredTensor};
use crate::graph::optimizer::{Number, Optimizer, SlotName};
use crate::graph::{Graph, WeightRef};
use crate::problem::{Problem, ProblemKind};
use crate::training::optimizer::{Class, Implementation, LossScale};
use crate::training::schedule::LearningRate;

/// The group of a `LossScaleOptimizer`'s inner optimizer in Keras 3's tree.
const INNER: &str = "optimizer/inner_optimizer/vars";

/// The variables of an optimizer, for a file.
pub(crate) struct ListedState {
    /// Each under the path of its dataset.
    pub tensors: Vec<StoredTensor>,
    /// What `weight_names` of a legacy file lists; empty for Keras 3's tree.
    pub names: Vec<String>,
}

/// The state of the graph's optimizer in Keras's order of variables: for a legacy file, whose weights
/// have the paths that the graph's have, or for Keras 3's tree.
pub(crate) fn list_state(
    graph: &Graph,
    state: &Optimizer,
    legacy: bool,
) -> Result<ListedState, Problem> {
    let options = &state.options;
    let scope = state.config["name"].as_str();
    let mut list = List {
        names: Names {
            listed: legacy,
            of: options.class,
            implementation: options.implementation,
            scope: Some(scope.unwrap_or(options.class.as_str())),
            list: Vec::new(),
        },
        tensors: Vec::new(),
    };
    let is_unbuilt = state.slots.is_empty()
        && !is_plain_sgd(options)
        && state.iterations.is_none_or(|steps| steps == 0);
    let own = list.numbers(state, is_unbuilt)?;
    if !is_unbuilt {
        list.slots(graph, state)?;
        if options.class == Class::Nadam && options.implementation == Implementation::Keras3 {
            list.number(state, Number::UProduct, "variable")?;
        }
    }
    let List { names, mut tensors } = list;
    if !legacy && own > 0 {
        // Keras saves the optimizer inside by itself too.
        let inner: Vec<StoredTensor> = tensors.iter().skip(own).cloned().collect();
        let inner = inner.into_iter().enumerate();
        tensors.extend(inner.map(|(index, tensor)| tensor.moved(format!("{INNER}/{index}"))));
    }
    Ok(ListedState {
        tensors,
        names: if legacy { names.list } else { Vec::new() },
    })
}

struct List<'a> {
    names: Names<'a>,
    tensors: Vec<StoredTensor>,
}

impl List<'_> {
    /// The numbers in front of the slots, as the reader takes them out; says how many of them are a
    /// `LossScaleOptimizer`'s own.
    fn numbers(&mut self, state: &Optimizer, is_unbuilt: bool) -> Result<usize, Problem> {
        let options = &state.options;
        match options.implementation {
            Implementation::Keras3 => {
                let mut own = 0;
                if matches!(options.loss_scale, Some(LossScale::Dynamic { .. })) {
                    // Its own count and rate are never used.
                    self.scalar("iteration", Dtype::I64, 0.0)?;
                    self.scalar("learning_rate", Dtype::F32, 0.0)?;
                    if !is_unbuilt {
                        self.number(state, Number::LossScaleSteps, "step_counter")?;
                        self.number(state, Number::LossScale, "dynamic_scale")?;
                    }
                    own = self.tensors.len();
                }
                self.number(state, Number::Iterations, "iteration")?;
                if matches!(options.learning_rate, LearningRate::Constant(_)) {
                    self.number(state, Number::LearningRate, "learning_rate")?;
                }
                return Ok(own);
            }
            Implementation::TfNew => self.number(state, Number::Iterations, "iteration:0")?,
            Implementation::TfLegacy => {
                self.number(state, Number::Iterations, "iter:0")?;
                if options.class == Class::Nadam {
                    self.number(state, Number::UProduct, "momentum_cache:0")?;
                }
            }
            Implementation::Keras1 | Implementation::Keras2 => {
                // Which of them there are depends on class and version.
                for (number, name) in [
                    (Number::Iterations, "iterations:0"),
                    (Number::UProduct, "m_schedule:0"),
                ] {
                    if state.numbers.iter().any(|(which, _)| *which == number) {
                        let class = options.class.as_str();
                        self.number(state, number, &format!("{class}/{name}"))?;
                    }
                }
            }
        }
        Ok(0)
    }

    /// The tensor of a number, or a new one where the file had none.
    fn number(&mut self, state: &Optimizer, number: Number, name: &str) -> Result<(), Problem> {
        let stored = state.numbers.iter().find(|(which, _)| *which == number);
        if let Some((_, tensor)) = stored {
            let path = self.names.add(name.to_owned());
            self.tensors.push(tensor.moved(path));
            return Ok(());
        }
        let scale = state.loss_scale;
        #[expect(clippy::cast_precision_loss, reason = "counts of steps")]
        let (dtype, value) = match number {
            Number::Iterations => (Dtype::I64, state.iterations.map(|steps| steps as f64)),
            Number::LearningRate => (Dtype::F32, state.learning_rate),
            Number::LossScale => (Dtype::F32, scale.map(|scale| scale.scale)),
            Number::LossScaleSteps => (Dtype::I32, scale.map(|scale| scale.steps as f64)),
            Number::UProduct => (Dtype::F32, state.u_product),
        };
        let value = value.ok_or_else(|| incomplete().key(name).found("no such number"))?;
        self.scalar(name, dtype, value)
    }

    fn scalar(&mut self, name: &str, dtype: Dtype, value: f64) -> Result<(), Problem> {
        let path = self.names.add(name.to_owned());
        let tensor = StoredTensor::from_parts(path, [], dtype, dtype.from_f64(&[value]));
        self.tensors
            .push(tensor.map_err(|error| unreadable(&error))?);
        Ok(())
    }

    fn slots(&mut self, graph: &Graph, state: &Optimizer) -> Result<(), Problem> {
        let options = &state.options;
        let slots = state.slots.iter();
        let slots: HashMap<(WeightRef, SlotName), &StoredTensor> = slots
            .map(|slot| ((slot.weight, slot.name), &slot.tensor))
            .collect();
        for place in Layout::of(options)?.places(graph, &variable::in_order(graph)?) {
            let path = self.names.next(graph, place);
            let tensor = match place {
                Place::Dummy => zeros(&path, Vec::new(), Dtype::I32)?,
                Place::Slot(of, name) => match slots.get(&(of.weight, name)) {
                    Some(tensor) => tensor.moved(path),
                    // tf.keras keeps a slot that decides nothing.
                    None if name == SlotName::Momentum && is_plain_sgd(options) => {
                        let weight = of.tensor(graph);
                        zeros(&path, weight.shape().to_vec(), weight.dtype())?
                    }
                    None => {
                        let layer = graph.layer(of.weight.layer);
                        return Err(incomplete()
                            .at(&layer.path, &layer.class)
                            .key(of.weight(graph).name)
                            .found(format!("no {}", name.as_str())));
                    }
                },
            };
            self.tensors.push(tensor);
        }
        Ok(())
    }
}

fn incomplete() -> Problem {
    Problem::new(ProblemKind::Optimizer).expected("the whole state of the optimizer")
}
