//! The optimizer's state.
//!
//! Keras writes a list. Its order is replayed here, once, into `(weight, slot) → tensor`; count
//! and shapes are checked, and nothing downstream knows positions.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::container::{Container, StoredTensor};
use crate::graph::{Graph, WeightRef};
use crate::json;
use crate::optimizer::{Optimizer, Slot, SlotName};
use crate::problem::{Problem, ProblemKind};
use crate::version::Generation;

use super::Weights;
use super::weights::SavedObjects;

/// Reads the optimizer's variables into `graph`; nothing if the file has none.
pub(super) fn read_optimizer(graph: &mut Graph, saved: Weights<'_>) {
    graph.optimizer = match read(graph, saved) {
        Ok(Found::State(optimizer)) => Ok(Some(*optimizer)),
        Ok(Found::Nothing) => Ok(None),
        Ok(Found::Unknown(class)) => {
            graph.notes.push(format!(
                "the state of the optimizer {class} is left out: burn-keras reads that of Adam and \
                 SGD, without moving averages, gradient accumulation and loss scaling"
            ));
            Ok(None)
        }
        Err(problems) => Err(problems),
    };
}

/// The optimizer's variables, under the names that the file has for them.
pub(super) fn stored(saved: Weights<'_>) -> Result<Vec<(String, StoredTensor)>, Problem> {
    Ok(match State::read(saved)? {
        None => Vec::new(),
        Some(State::Listed(Variables { names, tensors })) => {
            names.into_iter().zip(tensors).collect()
        }
        Some(State::Placed(Placed { scalars, slots })) => {
            let slots = slots.into_iter();
            let slots = slots.map(|slot| (format!("{}/{}", slot.weight, slot.name), slot.tensor));
            scalars.into_iter().chain(slots).collect()
        }
    })
}

/// What a file has of an optimizer.
enum Found {
    State(Box<Optimizer>),
    Nothing,
    /// State of an optimizer that is not known.
    Unknown(String),
}

/// The saved state of an optimizer.
enum State {
    /// A list.
    Listed(Variables),
    /// Slots that name their weights.
    Placed(Placed),
}

impl State {
    /// Reads the state; `None` if the file has none.
    fn read(saved: Weights<'_>) -> Result<Option<Self>, Problem> {
        let listed = match saved {
            Weights::Groups(file, _) => Variables::of_list(file)?,
            Weights::Tree(file) => Variables::of_tree(file)?,
            Weights::Objects(saved) => return Self::of_objects(saved),
        };
        Ok((!listed.names.is_empty()).then_some(Self::Listed(listed)))
    }

    /// The object `optimizer` of a SavedModel.
    fn of_objects(saved: &SavedObjects) -> Result<Option<Self>, Problem> {
        let objects = saved.checkpoint.objects();
        // `tf.train.Checkpoint` may have it beside the model.
        let mut owners = [saved.model, 0].into_iter();
        let optimizer = owners.find_map(|owner| objects.child(owner, "optimizer"));
        let Some(optimizer) = optimizer else {
            return Ok(None);
        };
        let scalar = |name: &str| match objects.child(optimizer, name) {
            Some(node) if objects.variable(node).is_some() => {
                let tensor = saved.tensor(node)?;
                Ok(Some((name.to_owned(), tensor)))
            }
            // The learning rate may be a schedule.
            _ => Ok(None),
        };
        if let Some(list) = objects.child(optimizer, "_variables") {
            let nodes = objects.members(list);
            let mut listed = Variables {
                names: Vec::with_capacity(nodes.len()),
                tensors: Vec::with_capacity(nodes.len()),
            };
            for node in nodes {
                let name = objects.variable(node).map(|variable| &variable.full_name);
                listed.names.push(name.cloned().unwrap_or_default());
                listed.tensors.push(saved.tensor(node)?);
            }
            // Not in the list, but where it stands in those of Keras 3.
            if let Some((name, tensor)) = scalar("_learning_rate")?
                && !listed.names.is_empty()
            {
                listed.names.insert(1, name);
                listed.tensors.insert(1, tensor);
            }
            return Ok(Some(Self::Listed(listed)));
        }
        let mut placed = Placed::default();
        for name in ["iter", "learning_rate"] {
            placed.scalars.extend(scalar(name)?);
        }
        for slot in objects
            .get(optimizer)
            .map_or(&[][..], |object| &object.slots)
        {
            let weight = objects.variable(slot.of).map(|variable| &variable.key);
            placed.slots.push(PlacedSlot {
                weight: weight.cloned().unwrap_or_default(),
                name: slot.name.clone(),
                tensor: saved.tensor(slot.variable)?,
            });
        }
        Ok(Some(Self::Placed(placed)))
    }
}

/// Slots of which each names its weight.
#[derive(Default)]
struct Placed {
    scalars: Vec<(String, StoredTensor)>,
    slots: Vec<PlacedSlot>,
}

struct PlacedSlot {
    /// The path of the weight's tensor.
    weight: String,
    /// What the optimizer calls the slot.
    name: String,
    tensor: StoredTensor,
}

/// The variables of an optimizer, as the file lists them.
struct Variables {
    names: Vec<String>,
    tensors: Vec<StoredTensor>,
}

impl Variables {
    /// The group `optimizer_weights` of a legacy file.
    fn of_list(file: &dyn Container) -> Result<Self, Problem> {
        const GROUP: &str = "optimizer_weights";
        if !file.has_group(GROUP) {
            return Ok(Self {
                names: Vec::new(),
                tensors: Vec::new(),
            });
        }
        let names = file
            .string_list_attribute(GROUP, "weight_names")
            .map_err(|error| unreadable(&error))?
            .unwrap_or_default();
        let tensors = names
            .iter()
            .map(|name| file.tensor(&format!("{GROUP}/{name}")))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unreadable(&error))?;
        Ok(Self { names, tensors })
    }

    /// The optimizer's object in Keras 3's tree: numbers for names.
    fn of_tree(file: &dyn Container) -> Result<Self, Problem> {
        const GROUP: &str = "optimizer/vars";
        let count = if file.has_group(GROUP) {
            let children = file.children(GROUP).map_err(|error| unreadable(&error))?;
            children.datasets.len()
        } else {
            0
        };
        let tensors = (0..count)
            .map(|index| file.tensor(&format!("{GROUP}/{index}")))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unreadable(&error))?;
        let names = tensors.iter().enumerate().map(|(index, tensor)| {
            let is_scalar = tensor.shape().is_empty();
            match index {
                0 => "iteration".to_owned(),
                1 if is_scalar && tensor.dtype().is_float() => "learning_rate".to_owned(),
                index => index.to_string(),
            }
        });
        Ok(Self {
            names: names.collect(),
            tensors,
        })
    }
}

fn read(graph: &Graph, saved: Weights<'_>) -> Result<Found, Vec<Problem>> {
    let fail = |problem: Problem| vec![problem];
    let Some(state) = State::read(saved).map_err(fail)? else {
        return Ok(Found::Nothing);
    };
    if graph.training_config.is_none() && !matches!(saved, Weights::Groups(..)) {
        // Weights alone: the config of the optimizer is in another file, if anywhere.
        return Ok(Found::Unknown("without a training config".into()));
    }

    let object = graph
        .training_config
        .as_ref()
        .map(|config| &config["optimizer_config"]);
    let class = object.and_then(|object| object["class_name"].as_str());
    let Some((object, class)) = object.zip(class) else {
        return Err(fail(
            Problem::new(ProblemKind::Optimizer)
                .key("training_config: optimizer_config")
                .expected("the optimizer that the state belongs to")
                .found("no such key"),
        ));
    };
    // tf.keras 2.11 and later register the new optimizers as `Custom>Adam`.
    let class = class.rsplit('>').next().unwrap_or(class);
    let config = &object["config"];

    let (writer, scalars, slots) = match &state {
        State::Listed(Variables { names, tensors }) => {
            let (scalars, rest) = leading_scalars(names, tensors);
            let writer = ListedBy::of(graph.generation, names);
            (writer, scalars, Slots::Listed(rest))
        }
        State::Placed(placed) => {
            let scalars = placed.scalars.iter();
            let scalars = scalars.map(|(name, tensor)| (name.as_str(), tensor));
            let slots = Slots::Placed(&placed.slots);
            (ListedBy::TfLegacy, scalars.collect(), slots)
        }
    };
    let mut optimizer = Optimizer {
        class: class.to_owned(),
        config: config.clone(),
        iterations: 0,
        learning_rate: ["learning_rate", "lr"]
            .iter()
            .find_map(|key| json::number(&config[*key])),
        slots: Vec::new(),
    };
    for (name, tensor) in scalars {
        let value = tensor
            .read_f64()
            .map_err(|error| fail(unreadable(&error)))?
            .first()
            .copied()
            .unwrap_or_default();
        if name.contains("learning_rate") {
            optimizer.learning_rate = Some(value);
        } else {
            #[expect(clippy::cast_possible_truncation, reason = "a count of steps")]
            let iterations = value as i64;
            optimizer.iterations = iterations;
        }
    }

    let Some(layout) = layout(class, config, writer) else {
        return Ok(Found::Unknown(class.to_owned()));
    };
    optimizer.slots = match slots {
        // An optimizer that was built and never used has no slots.
        Slots::Listed(rest) if rest.is_empty() => Vec::new(),
        Slots::Placed([]) => Vec::new(),
        Slots::Placed(slots) => assign_placed(graph, &layout, slots)?,
        Slots::Listed(rest) => {
            let variables = variable_order(graph).map_err(fail)?;
            assign(graph, &layout, &variables, rest)?
        }
    };
    if class == "SGD" && json::number(&config["momentum"]).unwrap_or(0.0) == 0.0 {
        // tf.keras keeps a slot even so; it decides nothing, and Keras 3 has none.
        optimizer.slots.clear();
    }
    Ok(Found::State(Box::new(optimizer)))
}

fn unreadable(error: &dyn std::error::Error) -> Problem {
    Problem::new(ProblemKind::Optimizer)
        .key("optimizer_weights")
        .found(error.to_string())
}

/// What has slots of its own: a trained weight, or a part of one that the file stores in parts.
#[derive(Clone, Copy, Debug)]
struct Variable {
    weight: WeightRef,
    part: usize,
}

impl Variable {
    /// The tensor of the file.
    fn tensor(self, graph: &Graph) -> &StoredTensor {
        let tensor = &graph.layer(self.weight.layer).weights[self.weight.index].tensor;
        &tensor.sources()[self.part]
    }

    /// What the file calls it: `/model_weights/<layer>/<variable>`, where the layer's name may hold
    /// slashes itself.
    fn name(self, graph: &Graph) -> &str {
        let path = self.tensor(graph).path();
        let variable = path.trim_start_matches('/').splitn(3, '/').nth(2);
        variable.unwrap_or(path)
    }
}

/// The trained variables in Keras's order, by depth.
fn variables(graph: &Graph) -> Vec<Variable> {
    let weights = graph.trainable_variables().into_iter();
    let variables = weights.flat_map(|weight| {
        let tensor = &graph.layer(weight.layer).weights[weight.index].tensor;
        let parts = 0..tensor.sources().len();
        parts.map(move |part| Variable { weight, part })
    });
    variables.collect()
}

/// The trained variables in the order in which the writer lists their slots: Keras 1 and Keras 2.0.0 to
/// 2.0.5 sorted them by name.
fn variable_order(graph: &Graph) -> Result<Vec<Variable>, Problem> {
    let mut order = variables(graph);
    let version = graph.keras_version.as_deref().unwrap_or_default();
    let patch = version.strip_prefix("2.0.").map(str::parse::<u32>);
    let is_keras1 = graph.generation == Generation::Keras1;
    let is_early = graph.generation == Generation::Keras2 && matches!(patch, Some(Ok(0..=5)));
    if is_keras1 || is_early {
        order.sort_by_key(|variable| variable.name(graph));
    }
    if is_keras1 {
        // Theano's counter of variables sorts those without a name.
        let nameless = order
            .iter()
            .find(|variable| variable.name(graph).starts_with("param_"));
        if let Some(variable) = nameless {
            return Err(Problem::new(ProblemKind::Optimizer)
                .key(variable.tensor(graph).path())
                .expected("weights with names, which order the slots")
                .found("a weight without one")
                .help("import with --no-optimizer to leave the optimizer's state out"));
        }
    }
    Ok(order)
}

/// Which code wrote the list.
#[derive(Clone, Copy, PartialEq)]
enum ListedBy {
    /// Keras 2, and `tf.keras` until 1.13.
    Keras2,
    /// `tf.keras.optimizers` before 2.11, `optimizers.legacy` after.
    TfLegacy,
    /// `tf.keras.optimizers` from 2.11 on.
    TfNew,
    Keras3,
}

impl ListedBy {
    fn of(generation: Generation, names: &[String]) -> Self {
        match generation {
            Generation::Keras1 | Generation::Keras2 => Self::Keras2,
            Generation::Keras3 => Self::Keras3,
            Generation::TfKeras => {
                // `iteration:0` is new, `Adam/iter:0` legacy, also as `training/Adam/iter:0`. Until
                // TensorFlow 1.13 they were those of Keras 2: `Adam/iterations:0`.
                let first = names.first().map_or("", String::as_str);
                if first.starts_with("iteration") {
                    Self::TfNew
                } else if first.contains("/iterations") {
                    Self::Keras2
                } else {
                    Self::TfLegacy
                }
            }
        }
    }
}

type Named<'a> = (&'a str, &'a StoredTensor);

/// The scalars in front (iterations, learning rate), and the slots behind them.
fn leading_scalars<'a>(
    names: &'a [String],
    tensors: &'a [StoredTensor],
) -> (Vec<Named<'a>>, Vec<Named<'a>>) {
    let all: Vec<Named<'_>> = names.iter().map(String::as_str).zip(tensors).collect();
    let is_scalar = |(name, tensor): &Named<'_>| {
        tensor.shape().is_empty()
            && ["iter", "learning_rate", "Variable", "param_"]
                .iter()
                .any(|part| name.contains(part))
    };
    let count = all.iter().take_while(|named| is_scalar(named)).count();
    let (scalars, rest) = all.split_at(count);
    (scalars.to_vec(), rest.to_vec())
}

/// How the slots of all weights follow each other.
enum Layout {
    /// All slots of the first weight, then all of the second, then blocks of one slot each.
    PerWeight(Vec<SlotName>, Vec<SlotName>),
    /// One slot of all weights, then the next.
    Blocks(Vec<SlotName>),
    /// Keras 2's Adam: blocks, then a block that holds nothing unless `amsgrad` is on.
    BlocksWithEmpty(Vec<SlotName>),
}

impl Layout {
    /// The slots in the order in which a list has them; `variables` is that of the writer.
    fn places(&self, variables: &[Variable]) -> Vec<(Variable, SlotName)> {
        match self {
            Self::PerWeight(each, blocks) => {
                let each = variables
                    .iter()
                    .flat_map(|variable| each.iter().map(|slot| (*variable, *slot)));
                each.chain(in_blocks(variables, blocks)).collect()
            }
            Self::Blocks(blocks) | Self::BlocksWithEmpty(blocks) => {
                in_blocks(variables, blocks).collect()
            }
        }
    }
}

fn layout(class: &str, config: &Value, writer: ListedBy) -> Option<Layout> {
    use SlotName::{Momentum, Velocity, VelocityHat};
    let on = |key: &str| config[key].as_bool().unwrap_or(false);
    if on("use_ema") || !config["gradient_accumulation_steps"].is_null() {
        return None;
    }
    match (class, writer) {
        ("Adam", ListedBy::TfNew | ListedBy::Keras3) => {
            let hats = if on("amsgrad") {
                vec![VelocityHat]
            } else {
                Vec::new()
            };
            Some(Layout::PerWeight(vec![Momentum, Velocity], hats))
        }
        ("Adam", _) if on("amsgrad") => Some(Layout::Blocks(vec![Momentum, Velocity, VelocityHat])),
        ("Adam", ListedBy::Keras2) => Some(Layout::BlocksWithEmpty(vec![Momentum, Velocity])),
        ("Adam", _) => Some(Layout::Blocks(vec![Momentum, Velocity])),
        // The new optimizer of tf.keras and that of Keras 2 keep the slot without momentum too.
        ("SGD", ListedBy::TfNew | ListedBy::Keras2) => Some(Layout::Blocks(vec![Momentum])),
        ("SGD", _) => {
            let momentum = json::number(&config["momentum"]).unwrap_or(0.0);
            let slots = if momentum == 0.0 {
                Vec::new()
            } else {
                vec![Momentum]
            };
            Some(Layout::Blocks(slots))
        }
        _ => None,
    }
}

/// The slots of a state, behind its scalars.
enum Slots<'a> {
    Listed(Vec<Named<'a>>),
    Placed(&'a [PlacedSlot]),
}

/// Gives each slot to its weight; `variables` is in the order in which the writer lists them.
fn assign(
    graph: &Graph,
    layout: &Layout,
    variables: &[Variable],
    mut rest: Vec<Named<'_>>,
) -> Result<Vec<Slot>, Vec<Problem>> {
    let count = variables.len();
    let places = layout.places(variables);
    if matches!(layout, Layout::BlocksWithEmpty(_)) {
        let empty = rest.len().saturating_sub(places.len());
        if empty == count && rest[places.len()..].iter().all(|(_, t)| t.shape() == [1]) {
            rest.truncate(places.len());
        }
    }
    if rest.len() != places.len() {
        return Err(vec![
            Problem::new(ProblemKind::Optimizer)
                .key("optimizer_weights: weight_names")
                .expected(format!(
                    "{} slots for {count} trained weights",
                    places.len()
                ))
                .found(format!("{} slots", rest.len()))
                .help("import with --no-optimizer to leave the optimizer's state out"),
        ]);
    }
    let found = places.into_iter().zip(rest);
    check_slots(
        graph,
        found.map(|((variable, name), (dataset, tensor))| {
            let key = format!("optimizer_weights/{dataset}");
            (variable, name, key, tensor)
        }),
    )
}

/// Takes the slots in the order of their layout, each from the weight that it names.
fn assign_placed(
    graph: &Graph,
    layout: &Layout,
    slots: &[PlacedSlot],
) -> Result<Vec<Slot>, Vec<Problem>> {
    let mut known: HashMap<(&str, SlotName), &StoredTensor> = HashMap::new();
    let mut problems = Vec::new();
    let problem = || {
        let help = "import with --no-optimizer to leave the optimizer's state out";
        Problem::new(ProblemKind::Optimizer).help(help)
    };
    for slot in slots {
        let name = match slot.name.as_str() {
            "m" | "momentum" => SlotName::Momentum,
            "v" => SlotName::Velocity,
            "vhat" => SlotName::VelocityHat,
            other => {
                problems.push(
                    problem()
                        .key(slot.tensor.path())
                        .expected("a slot m, v, vhat or momentum")
                        .found(other),
                );
                continue;
            }
        };
        known.insert((&slot.weight, name), &slot.tensor);
    }
    let mut found = Vec::new();
    for (variable, name) in layout.places(&variables(graph)) {
        let layer = graph.layer(variable.weight.layer);
        let owner = &layer.weights[variable.weight.index];
        match known.remove(&(variable.tensor(graph).path(), name)) {
            Some(tensor) => found.push((variable, name, tensor.path().to_owned(), tensor)),
            None => problems.push(
                problem()
                    .at(&layer.path, &layer.class)
                    .key(owner.tensor.path())
                    .expected(format!("{} of {}", name.as_str(), owner.name))
                    .found("no such slot"),
            ),
        }
    }
    let mut left: Vec<&str> = known.values().map(|tensor| tensor.path()).collect();
    left.sort_unstable();
    problems.extend(left.into_iter().map(|path| {
        let problem = problem().key(path);
        problem
            .expected("slots of weights that are trained")
            .found("a slot of another")
    }));
    if problems.is_empty() {
        check_slots(graph, found.into_iter())
    } else {
        Err(problems)
    }
}

/// Slots whose shapes are those of their weights; each comes with what the file calls it.
fn check_slots<'a>(
    graph: &Graph,
    found: impl Iterator<Item = (Variable, SlotName, String, &'a StoredTensor)>,
) -> Result<Vec<Slot>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut parts: BTreeMap<(WeightRef, SlotName), Vec<(usize, StoredTensor)>> = BTreeMap::new();
    let mut order = Vec::new();
    for (variable, name, key, tensor) in found {
        let stored = variable.tensor(graph);
        if stored.shape() == tensor.shape() {
            let of = (variable.weight, name);
            let slot = parts.entry(of).or_insert_with(|| {
                order.push(of);
                Vec::new()
            });
            slot.push((variable.part, tensor.clone()));
        } else {
            let layer = graph.layer(variable.weight.layer);
            problems.push(
                Problem::new(ProblemKind::Optimizer)
                    .at(&layer.path, &layer.class)
                    .key(key)
                    .expected(format!(
                        "{} of {} in shape {:?}",
                        name.as_str(),
                        layer.weights[variable.weight.index].name,
                        stored.shape()
                    ))
                    .found(format!("shape {:?}", tensor.shape()))
                    .help("import with --no-optimizer to leave the optimizer's state out"),
            );
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let slots = order.into_iter().map(|(weight, name)| {
        let mut parts = parts.remove(&(weight, name)).unwrap_or_default();
        parts.sort_by_key(|(part, _)| *part);
        let parts = parts.into_iter().map(|(_, tensor)| tensor).collect();
        // As the weight is made of what the file stores.
        let owner = &graph.layer(weight.layer).weights[weight.index].tensor;
        let tensor = owner.arrange_alike(parts);
        let tensor = tensor.map_err(|error| vec![unreadable(&error)])?;
        Ok(Slot {
            weight,
            name,
            tensor,
        })
    });
    slots.collect()
}

fn in_blocks<'a>(
    variables: &'a [Variable],
    blocks: &'a [SlotName],
) -> impl Iterator<Item = (Variable, SlotName)> + 'a {
    blocks
        .iter()
        .flat_map(move |slot| variables.iter().map(move |variable| (*variable, *slot)))
}
