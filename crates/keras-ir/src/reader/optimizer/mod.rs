//! The optimizer's state.
//!
//! Keras writes a list. Its order is replayed here, once, into `(weight, slot) → tensor`; count
//! and shapes are checked, and nothing downstream knows positions.
//!
//! ```text
//! state      what the file has: a list, or slots that name their weights
//! scalars    steps, learning rate, loss scale, Nadam's product
//! variable   the trained variables in the writer's order
//! layout     where the slots of which class stand in a list
//! assign     each slot to its weight, checked
//! build      the slots of an optimizer that has made no step
//! list       the way back: the list that Keras reads
//! ```

mod assign;
mod build;
mod layout;
mod list;
mod scalars;
mod state;
mod variable;

use crate::container::StoredTensor;
use crate::graph::Graph;
use crate::graph::optimizer::{Optimizer, SlotName};
use crate::problem::{Problem, ProblemKind};
use crate::training::optimizer::{Class, Implementation, LossScale, OptimizerConfig, Rule};
use crate::training::schedule::LearningRate;

use super::Weights;
pub use build::{BuiltOptimizer, build_optimizer};
pub(crate) use list::{ListedState, list_state};
use scalars::Scalars;
use state::{State, Variables};

/// The ways out where state does not fit.
const FRESH: &str = "import with --fresh-optimizer to start the optimizer anew";
const LEAVE: &str = "with --no-optimizer to leave it out";

/// Reads the optimizer's variables into `graph`; nothing if the file has none.
pub(super) fn read_optimizer(graph: &mut Graph, saved: Weights<'_>) {
    let mut notes = Vec::new();
    let read = read(graph, saved, &mut notes);
    graph.optimizer = read.map_err(|mut problems| {
        for problem in &mut problems {
            let help = || format!("{FRESH}; {LEAVE}");
            problem.help.get_or_insert_with(help);
        }
        problems
    });
    graph.notes.extend(notes);
}

/// The optimizer's variables, under the names that the file has for them.
pub(super) fn stored(saved: Weights<'_>) -> Result<Vec<(String, StoredTensor)>, Problem> {
    Ok(State::read(saved)?.map_or(Vec::new(), State::into_named))
}

fn read(
    graph: &Graph,
    saved: Weights<'_>,
    notes: &mut Vec<String>,
) -> Result<Option<Optimizer>, Vec<Problem>> {
    let fail = |problem: Problem| vec![problem];
    let state = State::read(saved).map_err(fail)?;
    let Some(State {
        scalars,
        variables,
        copies,
    }) = state
    else {
        return not_saved(graph, saved).map_or(Ok(None), |problem| Err(fail(problem)));
    };
    if graph.training_config.is_none() && !matches!(saved, Weights::Groups(..)) {
        // Weights alone: the config of the optimizer is in another file, if anywhere.
        notes.push(
            "the state of the optimizer is left out: which one it is of is in a training config, \
             and the file is without a training config"
                .to_owned(),
        );
        return Ok(None);
    }
    let options = match graph.optimizer_config() {
        Ok(Some(options)) => options,
        Ok(None) => {
            return Err(fail(
                Problem::new(ProblemKind::Optimizer)
                    .key("training_config: optimizer_config")
                    .expected("the optimizer that the state belongs to")
                    .found("no such key"),
            ));
        }
        // An optimizer of the user's own: the model is as good without it.
        Err(problems) => {
            notes.extend(problems.iter().map(|problem| {
                format!(
                    "the state of the optimizer is left out: {}",
                    problem.in_one_line()
                )
            }));
            return Ok(None);
        }
    };
    let config = graph.training_config.as_ref();
    let config = config.map(|config| config["optimizer_config"]["config"].clone());

    let mut numbers = Scalars::default();
    numbers.take_named(&scalars).map_err(fail)?;
    let mut slots = match variables {
        Variables::Listed(list) => {
            let mut list = list.into();
            numbers.take_listed(&options, &mut list).map_err(fail)?;
            if list.is_empty() && numbers.is_unused() {
                Vec::new()
            } else {
                assign::listed(graph, &options, list)?
            }
        }
        Variables::Placed(slots) if slots.is_empty() && numbers.is_unused() => Vec::new(),
        Variables::Placed(slots) => assign::placed(graph, &options, &slots)?,
    };
    if is_plain_sgd(&options) {
        // tf.keras keeps a slot even so; it decides nothing, and Keras 3 has none.
        slots.retain(|slot| slot.name != SlotName::Momentum);
    }
    complete(graph, &options, &mut numbers, notes).map_err(fail)?;
    Ok(Some(Optimizer {
        iterations: numbers.iterations,
        learning_rate: numbers.learning_rate.or(match options.learning_rate {
            LearningRate::Constant(rate) => Some(rate),
            LearningRate::Schedule(_) => None,
        }),
        loss_scale: numbers.loss_scale(),
        u_product: numbers.u_product,
        numbers: numbers.tensors,
        copies,
        config: config.unwrap_or_default(),
        options,
        slots,
    }))
}

/// A `.keras` with a legacy optimizer of tf.keras: it never holds state, nor how many steps there
/// were. Plain SGD has no state, and asks for no count.
fn not_saved(graph: &Graph, saved: Weights<'_>) -> Option<Problem> {
    let Weights::Tree(_) = saved else {
        return None;
    };
    let options = graph.optimizer_config().ok().flatten()?;
    let is_legacy = options.implementation == Implementation::TfLegacy;
    let is_plain = is_plain_sgd(&options) && !options.counts_steps();
    (is_legacy && !is_plain).then(|| {
        Problem::new(ProblemKind::Optimizer)
            .key("optimizer/vars")
            .expected(format!("the state of {}", options.class.as_str()))
            .found("nothing: tf.keras does not save that of its legacy optimizers in .keras files")
            .help(format!("save the model as .h5, or {FRESH}"))
    })
}

fn is_plain_sgd(options: &OptimizerConfig) -> bool {
    matches!(options.rule, Rule::Sgd { momentum: 0.0, .. })
}

/// Rebuilds what the file lacks and follows from the rest, and says so.
fn complete(
    graph: &Graph,
    options: &OptimizerConfig,
    numbers: &mut Scalars,
    notes: &mut Vec<String>,
) -> Result<(), Problem> {
    let class = options.class.as_str();
    let Some(steps) = numbers.iterations else {
        if options.counts_steps() {
            return Err(Problem::new(ProblemKind::Optimizer)
                .key("iterations")
                .expected("how many steps were made, which the learning rate depends on")
                .found(format!("nothing: this Keras does not save it for {class}"))
                .help(FRESH));
        }
        notes.push(format!(
            "how many steps {class} made is not in the file; they count from 0, and no step \
             depends on it"
        ));
        return Ok(());
    };
    if options.class == Class::Nadam && numbers.u_product.is_none() && steps > 0 {
        // In a graph, tf.keras multiplies its product once for each variable, where it means once
        // for all; Keras 1 and 2 do what they mean.
        let config = graph.training_config.as_ref();
        let is_eager = config.is_some_and(|config| config["run_eagerly"] == true);
        let factors = match options.implementation {
            Implementation::TfNew if !is_eager => variable::by_depth(graph).len(),
            _ => 1,
        };
        let product = scalars::u_product(&options.rule, steps, factors).ok_or_else(|| {
            Problem::new(ProblemKind::Optimizer)
                .key("iterations")
                .expected("a number of steps after which Nadam's product can be computed again")
                .found(steps.to_string())
                .help(FRESH)
        })?;
        numbers.u_product = Some(product);
        let how = match factors {
            1 => "each multiplies it once".to_owned(),
            factors => format!(
                "each multiplies it once for each of {factors} weights, as tf.keras does unless it \
                 runs eagerly"
            ),
        };
        notes.push(format!(
            "Nadam's product of momenta is not in the file; it is computed again for {steps} \
             steps: {how}"
        ));
    }
    let dynamic = match options.loss_scale {
        Some(LossScale::Dynamic { initial_scale, .. }) => Some(initial_scale),
        _ => None,
    };
    if let Some(scale) = dynamic
        && numbers.loss_scale().is_none()
        && steps > 0
    {
        notes.push(format!(
            "the loss scale is not in the file; it starts at {scale} again, as it does in Keras"
        ));
    }
    Ok(())
}
