//! Where slots stand in a list: Keras's order of variables, by implementation and class.

use regex_lite::Regex;

use super::variable::Variable;
use crate::graph::Graph;
use crate::graph::optimizer::SlotName;
use crate::problem::{Problem, ProblemKind};
use crate::training::optimizer::{Implementation, OptimizerConfig, Rule};

/// The order of an optimizer's slots.
pub(super) struct Layout {
    /// One slot of all weights, then the next, in front.
    base: Vec<SlotName>,
    /// All slots of the first weight, then all of the second.
    each: Vec<SlotName>,
    /// One slot of all weights, then the next.
    blocks: Vec<SlotName>,
    /// Which weights Muon leaves to Adam.
    by_adam: Option<ByAdam>,
    /// Keras 3's Adafactor has a number for the averages that a vector has none of.
    dummies: bool,
}

/// What stands at one place of a list.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Slot(Variable, SlotName),
    /// A number that says nothing.
    Dummy,
}

impl Layout {
    pub(super) fn of(config: &OptimizerConfig) -> Result<Self, Problem> {
        use SlotName::*;
        let implementation = config.implementation;
        let together = implementation >= Implementation::TfNew;
        let mut base = Vec::new();
        if config.ema.is_some() {
            base.push(Average);
        }
        if config.gradient_accumulation_steps.is_some() {
            base.push(GradientAccumulator);
        }
        let mut by_adam = None;
        let (mut each, mut blocks) = match &config.rule {
            Rule::Sgd { momentum, .. } => {
                // Legacy and Keras 3 alone have none without momentum.
                let none = *momentum == 0.0
                    && matches!(
                        implementation,
                        Implementation::TfLegacy | Implementation::Keras3
                    );
                (vec![], if none { vec![] } else { vec![Momentum] })
            }
            Rule::RmsProp {
                momentum, centered, ..
            } => {
                let momentum = (*momentum > 0.0).then_some(Momentum);
                let average = centered.then_some(AverageGradient);
                let all = [Some(Velocity), momentum, average];
                (vec![], all.into_iter().flatten().collect())
            }
            Rule::Adam { amsgrad, .. } => {
                let hats = if *amsgrad { vec![VelocityHat] } else { vec![] };
                (vec![Momentum, Velocity], hats)
            }
            Rule::Adamax { .. } => (vec![Momentum, Norm], vec![]),
            Rule::Nadam { .. } | Rule::Lamb { .. } => (vec![Momentum, Velocity], vec![]),
            Rule::Adagrad { .. } => (vec![], vec![Accumulator]),
            Rule::Adadelta { .. } => (vec![AccumulatedGrad, AccumulatedDeltaVar], vec![]),
            Rule::Ftrl { .. } => (vec![Accumulator, Linear], vec![]),
            Rule::Lion { .. } => (vec![], vec![Momentum]),
            Rule::Adafactor { .. } => (vec![R, C, Velocity], vec![]),
            Rule::Muon {
                exclude_layers,
                exclude_embeddings,
                ..
            } => {
                by_adam = Some(ByAdam::new(exclude_layers, *exclude_embeddings)?);
                (vec![Momentum, Velocity], vec![])
            }
        };
        if !together && !matches!(config.rule, Rule::Ftrl { .. }) {
            each.append(&mut blocks);
            std::mem::swap(&mut each, &mut blocks);
        }
        Ok(Self {
            base,
            each,
            blocks,
            by_adam,
            dummies: implementation == Implementation::Keras3,
        })
    }

    /// The places of a list; `variables` is in the order of the writer.
    pub(super) fn places(&self, graph: &Graph, variables: &[Variable]) -> Vec<Place> {
        let mut places = Vec::new();
        let blocks = |places: &mut Vec<Place>, blocks: &[SlotName]| {
            for slot in blocks {
                places.extend(variables.iter().map(|of| Place::Slot(*of, *slot)));
            }
        };
        blocks(&mut places, &self.base);
        for variable in variables {
            let places_of = self.each.iter();
            places.extend(places_of.filter_map(|slot| self.place(graph, *variable, *slot)));
        }
        blocks(&mut places, &self.blocks);
        places
    }

    fn place(&self, graph: &Graph, variable: Variable, slot: SlotName) -> Option<Place> {
        let rank = variable.tensor(graph).shape().len();
        let exists = match slot {
            SlotName::R | SlotName::C => rank >= 2,
            SlotName::Velocity => {
                let by_adam = self.by_adam.as_ref();
                by_adam.is_none_or(|choice| choice.takes(graph, variable, rank))
            }
            _ => true,
        };
        if exists {
            Some(Place::Slot(variable, slot))
        } else {
            let is_dummy = self.dummies && matches!(slot, SlotName::R | SlotName::C);
            is_dummy.then_some(Place::Dummy)
        }
    }
}

/// Muon's choice of the weights that it leaves to Adam: all but matrices, embeddings, and those that
/// `exclude_layers` names.
struct ByAdam {
    patterns: Vec<Regex>,
    embeddings: bool,
}

impl ByAdam {
    fn new(patterns: &[String], embeddings: bool) -> Result<Self, Problem> {
        let patterns = patterns.iter().map(|pattern| {
            Regex::new(pattern).map_err(|error| {
                Problem::new(ProblemKind::UnsupportedOption)
                    .key("optimizer_config: exclude_layers")
                    .expected("regular expressions without look-around and references")
                    .found(format!("{pattern:?}: {error}"))
            })
        });
        Ok(Self {
            patterns: patterns.collect::<Result<_, _>>()?,
            embeddings,
        })
    }

    fn takes(&self, graph: &Graph, variable: Variable, rank: usize) -> bool {
        let path = graph.variable_path(variable.weight);
        rank != 2
            || (self.embeddings && path.to_lowercase().contains("embedding"))
            || self.patterns.iter().any(|pattern| pattern.is_match(&path))
    }
}
