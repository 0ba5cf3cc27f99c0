//! The state of an optimizer for another model.
//!
//! ```text
//! places     what comes before and behind each layer with weights
//! matching   which layer of one model is which of the other
//! ```
//!
//! Layers are matched by path, and by their place in the graph where the names differ, never by
//! their position in a list. What several layers could be is refused.

mod matching;
mod places;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::container::{Dtype, StoredTensor};
use crate::graph::{Graph, LayerId, WeightRef};
use crate::optimizer::{Optimizer, Slot, SlotName};
use crate::problem::{Problem, ProblemKind, Report};
use crate::training::optimizer::{Class, Rule};

use matching::{Match, Matching};

/// The state of an optimizer, moved to another model.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// The optimizer with the slots of the other model's weights, in its order of variables.
    pub optimizer: Optimizer,
    /// What became of the state of every trained weight: those of the other model in its order of
    /// variables, then those that found no place.
    pub entries: Vec<Entry>,
}

/// What became of the state of a trained weight. `Display` gives a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It belongs to a weight of the other model.
    Moved {
        /// The weight's path in the model that was trained.
        from: String,
        /// Its path in the other.
        to: String,
        /// How the layers were matched.
        by: By,
    },
    /// A weight of the other model has none: it starts anew.
    Anew {
        /// The weight's path.
        to: String,
        /// Why.
        reason: String,
    },
    /// The other model has no place for it.
    LeftOut {
        /// The weight's path.
        from: String,
        /// Why.
        reason: String,
    },
}

/// How two layers were matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// They have the same path.
    Name,
    /// They stand at the same place of their graphs.
    Place,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "by name",
            Self::Place => "by place",
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved { from, to, by } => write!(f, "{from} -> {to} ({by})"),
            Self::Anew { to, reason } => write!(f, "nothing -> {to} (starts anew: {reason})"),
            Self::LeftOut { from, reason } => {
                write!(f, "{from} -> nothing (left out: {reason})")
            }
        }
    }
}

impl fmt::Display for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries
            .iter()
            .try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl Optimizer {
    /// The state of `from`'s optimizer for the model `to`, which may have other names, other layers
    /// without weights, and layers in another order.
    ///
    /// With `partial`, weights of `to` that have no counterpart start anew, with what Keras gives
    /// to a new variable, and state that has no place is left out.
    ///
    /// ```no_run
    /// use keras_ir::optimizer::Optimizer;
    /// use keras_ir::{ReadOptions, read};
    ///
    /// let trained = read("trained.keras", ReadOptions::default())?;
    /// let padded = read("padded.keras", ReadOptions::default())?;
    /// let transfer = Optimizer::transfer(&trained, &padded, false)?;
    /// print!("{transfer}"); // conv1d/kernel -> conv1d_2/kernel (by place)
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// # Errors
    ///
    /// No state in `from`, or none that fits; layers of `to` that several layers of `from` could be;
    /// without `partial`, weights that have no counterpart.
    pub fn transfer(from: &Graph, to: &Graph, partial: bool) -> Result<Transfer, Report> {
        let state = match &from.optimizer {
            Ok(Some(state)) => state,
            Ok(None) => {
                let nothing = Problem::new(ProblemKind::Optimizer)
                    .expected("the state of an optimizer")
                    .found("none that can be read");
                return Err(nothing.in_file(&from.file));
            }
            Err(problems) => {
                return Err(Report {
                    file: from.file.clone(),
                    problems: problems.clone(),
                });
            }
        };
        if state.slots.is_empty() {
            return Ok(Transfer {
                optimizer: state.clone(),
                entries: Vec::new(),
            });
        }
        let transfer = Mover::new(from, to, state, partial).transfer();
        transfer.map_err(|problems| Report {
            file: format!("{} -> {}", from.file, to.file),
            problems,
        })
    }
}

/// The way of a state from one graph to another.
struct Mover<'a> {
    from: &'a Graph,
    to: &'a Graph,
    state: &'a Optimizer,
    partial: bool,
    matching: Matching<'a>,
    trained: BTreeSet<WeightRef>,
    /// The weights of `from` whose state has a place.
    moved: BTreeSet<WeightRef>,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

impl<'a> Mover<'a> {
    fn new(from: &'a Graph, to: &'a Graph, state: &'a Optimizer, partial: bool) -> Self {
        Self {
            from,
            to,
            state,
            partial,
            matching: Matching::of(from, to),
            trained: from.trainable_variables().into_iter().collect(),
            moved: BTreeSet::new(),
            entries: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn transfer(mut self) -> Result<Transfer, Vec<Problem>> {
        let mut slots: BTreeMap<WeightRef, Vec<&Slot>> = BTreeMap::new();
        for slot in &self.state.slots {
            slots.entry(slot.weight).or_default().push(slot);
        }
        let fresh = Fresh::of(self.from, self.state);
        let mut found = Vec::new();
        let mut unclear = BTreeSet::new();
        for weight in self.to.trainable_variables() {
            match self.origin(weight) {
                Ok(origin) => {
                    self.moved.insert(origin.weight);
                    self.entries.push(Entry::Moved {
                        from: path(self.from, origin.weight),
                        to: path(self.to, weight),
                        by: origin.by,
                    });
                    let slots = slots.get(&origin.weight).into_iter().flatten();
                    found.extend(slots.map(|slot| Slot {
                        weight,
                        ..(*slot).clone()
                    }));
                }
                Err(NoOrigin::Unclear) => {
                    if unclear.insert(weight.layer) {
                        self.refuse_unclear(weight.layer);
                    }
                }
                Err(NoOrigin::None(reason)) => {
                    if self.partial {
                        match fresh.slots(self.to, weight) {
                            Ok(slots) => found.extend(slots),
                            Err(problem) => self.problems.push(problem),
                        }
                    } else {
                        let help = "with --partial such weights start anew";
                        self.refuse(self.to, weight, &reason, help);
                    }
                    let to = path(self.to, weight);
                    self.entries.push(Entry::Anew { to, reason });
                }
            }
        }
        self.leave_out(&unclear);
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        Ok(Transfer {
            optimizer: Optimizer {
                slots: found,
                ..self.state.clone()
            },
            entries: self.entries,
        })
    }

    /// Where the state of a weight of `to` comes from.
    fn origin(&self, weight: WeightRef) -> Result<Origin, NoOrigin> {
        let nothing = |reason: String| Err(NoOrigin::None(reason));
        match self.matching.origin(weight.layer) {
            Some(Match::Same(home)) => {
                let origin = WeightRef {
                    layer: home.layer,
                    ..weight
                };
                if !self.trained.contains(&origin) {
                    let path = path(self.from, origin);
                    return nothing(format!("{path} was frozen and has no state"));
                }
                let same = self.from.layer(home.layer).path == self.to.layer(weight.layer).path;
                Ok(Origin {
                    weight: origin,
                    by: if same { By::Name } else { By::Place },
                })
            }
            Some(Match::Reshaped(home)) => nothing(format!(
                "{} has weights of the shapes {}, this layer of {}",
                self.from.layer(home.layer).path,
                shapes(self.from, home.layer),
                shapes(self.to, weight.layer),
            )),
            None => {
                let candidates = self.matching.candidates(weight.layer);
                if candidates.is_empty() {
                    nothing("no such layer stands there".to_owned())
                } else {
                    Err(NoOrigin::Unclear)
                }
            }
        }
    }

    /// The state that no weight of `to` has taken.
    fn leave_out(&mut self, unclear: &BTreeSet<LayerId>) {
        let mut homes: BTreeMap<LayerId, LayerId> = BTreeMap::new();
        let mut wanted = BTreeSet::new();
        for weight in self.to.variables() {
            let layer = weight.weight.layer;
            match self.matching.origin(layer) {
                Some(Match::Same(home) | Match::Reshaped(home)) => {
                    homes.insert(home.layer, layer);
                }
                None if unclear.contains(&layer) => {
                    let candidates = self.matching.candidates(layer).iter();
                    let mut candidates = candidates.map(|home| home.layer);
                    // Layers of one kind have the same candidates.
                    if candidates.next().is_some_and(|first| wanted.insert(first)) {
                        wanted.extend(candidates);
                    }
                }
                None => {}
            }
        }
        for weight in self.from.trainable_variables() {
            // What is wanted by several is reported there.
            if self.moved.contains(&weight) || wanted.contains(&weight.layer) {
                continue;
            }
            let reason = match homes.get(&weight.layer) {
                Some(layer) if shapes(self.from, weight.layer) == shapes(self.to, *layer) => {
                    format!("{} is frozen", self.to.layer(*layer).path)
                }
                Some(layer) => {
                    format!("{} has weights of other shapes", self.to.layer(*layer).path)
                }
                None => "no such layer stands there".to_owned(),
            };
            if !self.partial {
                let help = "with --partial such state is left out";
                self.refuse(self.from, weight, &reason, help);
            }
            let from = path(self.from, weight);
            self.entries.push(Entry::LeftOut { from, reason });
        }
    }

    fn refuse(&mut self, graph: &Graph, weight: WeightRef, reason: &str, help: &str) {
        let other = if std::ptr::eq(graph, self.to) {
            self.from
        } else {
            self.to
        };
        let problem = problem(graph, weight.layer)
            .key(path(graph, weight))
            .expected(format!("a counterpart in {}", other.file))
            .found(reason)
            .help(help);
        self.problems.push(problem);
    }

    fn refuse_unclear(&mut self, layer: LayerId) {
        const SHOWN: usize = 8;
        let candidates = self.matching.candidates(layer);
        let names = candidates.iter().take(SHOWN);
        let names = names.map(|home| self.from.layer(home.layer).path.as_str());
        let mut names: Vec<&str> = names.collect();
        if candidates.len() > SHOWN {
            names.push("…");
        }
        let problem = problem(self.to, layer)
            .expected(format!("one layer of {} at its place", self.from.file))
            .found(match names.as_slice() {
                [one] => format!("nothing that tells whether it is {one}"),
                several => format!("nothing that tells which it is of {}", several.join(", ")),
            })
            .help("give these layers names of your own, the same in both models");
        self.problems.push(problem);
    }
}

struct Origin {
    weight: WeightRef,
    by: By,
}

enum NoOrigin {
    /// Nothing stands there, or nothing with state.
    None(String),
    /// Any of several may.
    Unclear,
}

/// What a variable has that an optimizer meets for the first time.
struct Fresh<'a> {
    state: &'a Optimizer,
    /// The kinds of slots of weights by their rank, where it matters; `None` where weights differ.
    names: BTreeMap<Option<usize>, Option<Vec<SlotName>>>,
}

impl<'a> Fresh<'a> {
    fn of(graph: &Graph, state: &'a Optimizer) -> Self {
        let mut of_weight: BTreeMap<WeightRef, Vec<SlotName>> = BTreeMap::new();
        for slot in &state.slots {
            of_weight.entry(slot.weight).or_default().push(slot.name);
        }
        let mut names: BTreeMap<_, Option<Vec<SlotName>>> = BTreeMap::new();
        for (at, found) in of_weight {
            let shape = weight(graph, at).map_or(&[][..], |weight| weight.tensor.shape());
            let known = names.entry(rank(state, shape));
            let known = known.or_insert_with(|| Some(found.clone()));
            if known.as_ref() != Some(&found) {
                *known = None;
            }
        }
        Self { state, names }
    }

    fn slots(&self, graph: &Graph, at: WeightRef) -> Result<Vec<Slot>, Problem> {
        let refused = |found: String| {
            problem(graph, at.layer)
                .key(path(graph, at))
                .expected("slots that are known for a new variable")
                .found(found)
        };
        let class = self.state.options.class.as_str();
        let shape = weight(graph, at).map_or(&[][..], |weight| weight.tensor.shape());
        let Some(Some(names)) = self.names.get(&rank(self.state, shape)) else {
            return Err(refused(format!(
                "{class}, whose slots differ from weight to weight"
            )));
        };
        let slots = names.iter().map(|name| {
            let value = self.first(*name);
            let value = value.ok_or_else(|| refused(format!("{} of {class}", name.as_str())))?;
            let shape = name.shape(shape);
            let bytes = value.to_le_bytes().repeat(shape.iter().product());
            let path = format!("{}/{}", path(graph, at), name.as_str());
            let tensor = StoredTensor::from_parts(path, shape, Dtype::F32, bytes);
            Ok(Slot {
                weight: at,
                name: *name,
                tensor: tensor.map_err(|error| refused(error.to_string()))?,
            })
        });
        slots.collect()
    }

    /// Keras's initial value of a slot (`Optimizer.build` of each class, Keras 3.15 and tf_keras
    /// 2.21).
    fn first(&self, name: SlotName) -> Option<f32> {
        match (name, &self.state.options.rule) {
            (
                SlotName::Accumulator,
                Rule::Adagrad {
                    initial_accumulator_value: value,
                    ..
                }
                | Rule::Ftrl {
                    initial_accumulator_value: value,
                    ..
                },
            ) => {
                #[expect(clippy::cast_possible_truncation, reason = "Keras's slots are float32")]
                let value = *value as f32;
                Some(value)
            }
            // It follows the weight from the first step on.
            (SlotName::Average, _) => None,
            _ => Some(0.0),
        }
    }
}

/// The rank of a weight, if its slots depend on it.
fn rank(state: &Optimizer, shape: &[usize]) -> Option<usize> {
    matches!(state.options.class, Class::Adafactor | Class::Muon).then_some(shape.len())
}

fn weight(graph: &Graph, at: WeightRef) -> Option<&crate::graph::Weight> {
    graph.layers.get(at.layer.0)?.weights.get(at.index)
}

/// The path of a weight: that of its layer, and its name.
fn path(graph: &Graph, at: WeightRef) -> String {
    let name = weight(graph, at).map_or("?", |weight| weight.name);
    format!("{}/{name}", graph.layer(at.layer).path)
}

fn shapes(graph: &Graph, layer: LayerId) -> String {
    let weights = graph.layer(layer).weights.iter();
    let shapes = weights.map(|weight| format!("{:?}", weight.tensor.shape()));
    shapes.collect::<Vec<_>>().join(" ")
}

fn problem(graph: &Graph, layer: LayerId) -> Problem {
    let layer = graph.layer(layer);
    Problem::new(ProblemKind::Optimizer).at(&layer.path, &layer.class)
}
