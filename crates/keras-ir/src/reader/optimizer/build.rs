//! The variables that an optimizer gets with its first step, where a file has none of them yet.

use super::assign;
use super::layout::{Layout, Place};
use super::variable::{self, Variable};
use super::{is_plain_sgd, state::unreadable};
use crate::container::{Dtype, StoredTensor};
use crate::graph::Graph;
use crate::graph::optimizer::{Number, Optimizer, Slot, SlotName};
use crate::problem::{Problem, ProblemKind};
use crate::training::optimizer::{Class, Implementation, LossScale};
use crate::training::schedule::LearningRate;
use crate::writer::Changes;

/// The group of legacy files.
const LISTED: &str = "optimizer_weights";

/// An optimizer with the variables of its first step, all of them zero.
#[derive(Clone, Debug)]
pub struct BuiltOptimizer {
    /// The state, each tensor with the path that it gets.
    pub state: Optimizer,
    /// What the file needs for it.
    pub changes: Changes,
}

/// The optimizer of a model that was compiled and never trained, as Keras builds it with the first
/// step: the new variables behind those that are there, in Keras's order and under Keras's names.
///
/// # Errors
///
/// A model without an optimizer, or one whose file is not known to be extended like that: those of
/// Keras 1 and 2, those that scale the loss, and files that hold no state of such an optimizer.
pub fn build_optimizer(graph: &Graph) -> Result<BuiltOptimizer, Vec<Problem>> {
    let state = match graph.optimizer.as_ref().map_err(Clone::clone)? {
        Some(state) => state.clone(),
        None => unsaved(graph)?,
    };
    build(graph, state).map_err(|problem| vec![problem])
}

fn refused(found: &str) -> Problem {
    Problem::new(ProblemKind::Optimizer)
        .key("optimizer")
        .expected("an original with the slots of its optimizer, or one whose slots can be added")
        .found(found)
        .help("train one step in Keras and save, and export like that file")
}

/// The state that a legacy optimizer of tf.keras has in HDF5 before its slots: of a model that was never
/// trained, nothing is saved.
fn unsaved(graph: &Graph) -> Result<Optimizer, Vec<Problem>> {
    let fail = |found: &str| vec![refused(found)];
    let options = graph
        .optimizer_config()?
        .ok_or_else(|| fail("a model without an optimizer"))?;
    let weights = graph.layers.iter().flat_map(|layer| &layer.weights);
    let mut paths = weights.map(|weight| weight.tensor.path().trim_start_matches('/'));
    let is_whole = paths.any(|path| path.starts_with("model_weights/"));
    if options.implementation != Implementation::TfLegacy || !is_whole {
        return Err(fail("a file without any variables of the optimizer"));
    }
    let config = graph.training_config.as_ref();
    let config = config.map(|config| config["optimizer_config"]["config"].clone());
    let config = config.unwrap_or_default();
    let scope = config["name"].as_str().unwrap_or(options.class.as_str());
    let mut numbers = vec![(Number::Iterations, "iter:0", Dtype::I64)];
    if options.class == Class::Nadam {
        numbers.push((Number::UProduct, "momentum_cache:0", Dtype::F32));
    }
    let numbers = numbers.into_iter().map(|(number, name, dtype)| {
        let path = format!("{LISTED}/{scope}/{name}");
        let zero = zeros(&path, Vec::new(), dtype).map_err(|problem| vec![problem])?;
        Ok((number, zero))
    });
    Ok(Optimizer {
        iterations: Some(0),
        learning_rate: match options.learning_rate {
            LearningRate::Constant(rate) => Some(rate),
            LearningRate::Schedule(_) => None,
        },
        loss_scale: None,
        u_product: None,
        numbers: numbers.collect::<Result<_, Vec<Problem>>>()?,
        copies: Vec::new(),
        slots: Vec::new(),
        config,
        options,
    })
}

fn build(graph: &Graph, state: Optimizer) -> Result<BuiltOptimizer, Problem> {
    let options = &state.options;
    if options.implementation < Implementation::TfLegacy {
        return Err(refused("an optimizer of Keras 1 or 2 without slots"));
    }
    if matches!(options.loss_scale, Some(LossScale::Dynamic { .. })) {
        return Err(refused("a LossScaleOptimizer without slots"));
    }
    let Some((_, first)) = state.numbers.first() else {
        return Err(refused("a file without any variables of the optimizer"));
    };
    let mut names = Names {
        listed: first.path().contains(LISTED),
        of: options.class,
        implementation: options.implementation,
        scope: first.path().trim_start_matches('/').split('/').nth(1),
        list: Vec::new(),
    };
    let mut changes = Changes::default();
    for (_, number) in &state.numbers {
        let path = number.path().trim_start_matches('/');
        let name = path.strip_prefix(LISTED).unwrap_or(path);
        names.list.push(name.trim_start_matches('/').to_owned());
        changes.tensors.insert(path.to_owned(), number.clone());
    }
    let mut slots = Vec::new();
    for place in Layout::of(options)?.places(graph, &variable::in_order(graph)?) {
        let (shape, dtype) = match place {
            Place::Slot(of, slot) => {
                let weight = of.tensor(graph);
                (slot.shape(weight.shape()), weight.dtype())
            }
            Place::Dummy => (Vec::new(), Dtype::I32),
        };
        let path = names.next(graph, place);
        let tensor = zeros(&path, shape, dtype)?;
        changes.tensors.insert(path, tensor.clone());
        if let Place::Slot(of, name) = place {
            slots.push(Slot {
                weight: of.weight,
                name,
                tensor,
            });
        }
    }
    if is_plain_sgd(options) {
        slots.retain(|slot| slot.name != SlotName::Momentum);
    }
    let mut built = Optimizer {
        slots,
        ..state.clone()
    };
    let has_product = options.implementation == Implementation::Keras3;
    if options.class == Class::Nadam && has_product && state.u_product.is_none() {
        let path = names.add("variable".to_owned());
        let tensor = zeros(&path, Vec::new(), Dtype::F32)?;
        changes.tensors.insert(path, tensor.clone());
        built.numbers.push((Number::UProduct, tensor));
    }
    if names.listed {
        let list = (LISTED.to_owned(), "weight_names".to_owned());
        changes.lists.insert(list, names.list);
    }
    Ok(BuiltOptimizer {
        state: built,
        changes,
    })
}

pub(super) fn zeros(path: &str, shape: Vec<usize>, dtype: Dtype) -> Result<StoredTensor, Problem> {
    if path.split('/').any(str::is_empty) {
        let found = format!("{path:?}, where a name is empty");
        return Err(refused(&found));
    }
    let count = shape.iter().product::<usize>();
    let zeros = move || Ok(vec![0; count * dtype.size()]);
    StoredTensor::deferred(path, shape, dtype, zeros).map_err(|error| unreadable(&error))
}

/// Gives each variable of a list its name.
pub(super) struct Names<'a> {
    /// Whether the file lists names; otherwise they are numbers.
    pub listed: bool,
    pub of: Class,
    pub implementation: Implementation,
    /// What the optimizer is called.
    pub scope: Option<&'a str>,
    pub list: Vec<String>,
}

impl Names<'_> {
    /// The path of the next dataset.
    pub fn next(&mut self, graph: &Graph, place: Place) -> String {
        let name = match place {
            Place::Slot(of, slot) => self.name(graph, of, slot),
            Place::Dummy => "variable".to_owned(),
        };
        self.add(name)
    }

    pub fn add(&mut self, name: String) -> String {
        if !self.listed {
            let path = format!("optimizer/vars/{}", self.list.len());
            self.list.push(String::new());
            return path;
        }
        let name = match (self.implementation, self.scope) {
            (Implementation::TfLegacy | Implementation::Keras3, Some(scope)) => {
                format!("{scope}/{name}")
            }
            _ => name,
        };
        // Keras 3 counts equal names too.
        let mut unique = name.clone();
        let mut count = 0;
        while self.list.contains(&unique) {
            count += 1;
            unique = format!("{name}_{count}");
        }
        let path = format!("{LISTED}/{unique}");
        self.list.push(unique);
        path
    }

    fn name(&self, graph: &Graph, of: Variable, slot: SlotName) -> String {
        let variable = of.name(graph);
        if self.implementation == Implementation::Keras3 {
            return format!("{}_{}", variable.replace('/', "_"), slot.as_str());
        }
        if self.implementation == Implementation::TfLegacy {
            // `Adam/dense/kernel/m:0`
            let variable = variable.trim_end_matches(":0");
            return format!("{variable}/{}:0", assign::name_in_legacy(self.of, slot));
        }
        // tf.keras has its own names of some slots: `Adam/m/dense/kernel:0`.
        let slot = match (self.of, slot) {
            (Class::RmsProp, slot) => slot.as_str(),
            (_, SlotName::Momentum) => "m",
            (_, SlotName::Velocity) => "v",
            (_, SlotName::VelocityHat) => "vhat",
            (_, SlotName::Norm) => "u",
            (_, slot) => slot.as_str(),
        };
        format!("{}/{slot}/{variable}", self.of.as_str())
    }
}
