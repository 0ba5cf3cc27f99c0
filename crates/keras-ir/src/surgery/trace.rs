//! What each call computes with, as far as masks go: the check that a cut loses none.
//!
//! Values and masks are expressions, equal ones with the same number. A graph that was cut computes
//! what the whole does exactly if all of its calls are calls of the whole, with new inputs in the
//! place of what was cut off.

use std::collections::{BTreeSet, HashMap};

use crate::graph::{Call, Graph, LayerId, LayerKind, Model, ModelId, TensorId};
use crate::layer::{MaskRule, Wrapper};
use crate::problem::{Problem, ProblemKind};
use crate::shape::Spec;

use super::place::input_specs;

/// A tensor: what it is, and the mask that it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Traced {
    pub value: usize,
    pub mask: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Expression {
    Input(usize),
    Call {
        layer: LayerId,
        inputs: Vec<usize>,
        named: Vec<(String, Vec<Option<usize>>)>,
        literals: String,
        /// The masks that come with the inputs, if the layer looks at them.
        masks: Vec<Option<usize>>,
    },
    Output(usize, usize),
    /// A mask that is passed by name.
    Named(usize),
    /// The mask that a layer makes of its inputs and their masks.
    Made {
        layer: LayerId,
        index: usize,
        inputs: Vec<usize>,
        masks: Vec<Option<usize>>,
    },
}

/// The tensors of a model by the calls that lead there.
pub(super) type Tracks = HashMap<(Vec<usize>, TensorId), Traced>;

/// How many axes the mask of a tensor has, if it has one.
type Rank = Option<usize>;

/// The masks of the outputs of a nested model, and whether a layer in it looks at one.
type Masked = (Vec<Rank>, bool);

#[derive(Default)]
pub(super) struct Trace {
    numbers: HashMap<Expression, usize>,
    /// Of masks.
    ranks: HashMap<usize, usize>,
    nested: HashMap<(ModelId, Vec<Rank>), Masked>,
}

impl Trace {
    fn number(&mut self, expression: Expression) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(expression).or_insert(next)
    }

    /// How many axes a mask has.
    pub fn rank(&self, mask: usize) -> Rank {
        self.ranks.get(&mask).copied()
    }

    fn all_ranks(&self, masks: &[Option<usize>]) -> Vec<Rank> {
        let masks = masks.iter();
        masks.map(|mask| mask.and_then(|m| self.rank(m))).collect()
    }

    /// Traces the outermost model, and the models that the calls at `paths` lead into.
    pub fn whole(&mut self, graph: &Graph, paths: &BTreeSet<Vec<usize>>) -> Tracks {
        let inputs = 0..graph.root().inputs.len();
        let inputs: Vec<Traced> = inputs
            .map(|position| Traced {
                value: self.number(Expression::Input(position)),
                mask: None,
            })
            .collect();
        let mut tracks = Tracks::new();
        self.model(
            graph,
            graph.root,
            paths,
            &mut Vec::new(),
            &inputs,
            &mut tracks,
        );
        tracks
    }

    fn model(
        &mut self,
        graph: &Graph,
        id: ModelId,
        paths: &BTreeSet<Vec<usize>>,
        path: &mut Vec<usize>,
        inputs: &[Traced],
        tracks: &mut Tracks,
    ) -> Vec<Traced> {
        let model = graph.model(id);
        let cleared = graph.cleared_masks(id);
        let mut bound: HashMap<TensorId, Traced> = HashMap::new();
        bound.extend(model.inputs.iter().copied().zip(inputs.iter().copied()));
        for (position, call) in model.calls.iter().enumerate() {
            let Some(seen) = Seen::of(model, call, &bound, cleared.at_calls.get(position)) else {
                continue;
            };
            path.push(position);
            let outputs = match graph.layer(call.layer).kind {
                LayerKind::Model(inner) if paths.contains(path) => {
                    let masks = seen.masks_used(self);
                    let inputs = seen.inputs.iter().enumerate();
                    let inputs: Vec<Traced> = inputs
                        .map(|(index, input)| Traced {
                            mask: masks.get(index).copied().flatten(),
                            ..*input
                        })
                        .collect();
                    self.model(graph, inner, paths, path, &inputs, tracks)
                }
                _ => {
                    let expression = self.call(graph, call, &seen);
                    let value = self.number(expression);
                    self.outputs(graph, id, call, &seen, value)
                }
            };
            path.pop();
            bound.extend(call.outputs.iter().copied().zip(outputs));
        }
        let gone = |tensor: &TensorId| cleared.at_end.contains(tensor);
        let outputs = model.outputs.iter().filter_map(|tensor| {
            let traced = bound.get(tensor)?;
            Some(Traced {
                mask: traced.mask.filter(|_| !gone(tensor)),
                ..*traced
            })
        });
        let outputs = outputs.collect();
        tracks.extend(
            bound
                .into_iter()
                .map(|(tensor, traced)| ((path.clone(), tensor), traced)),
        );
        outputs
    }

    /// Checks that each call of the outermost model, with inputs that are `inputs` of the whole,
    /// is one of the whole. Gives what its tensors are.
    ///
    /// # Errors
    ///
    /// The first call whose masks are others.
    pub fn check(
        &mut self,
        graph: &Graph,
        inputs: &[Traced],
    ) -> Result<HashMap<TensorId, Traced>, Problem> {
        let model = graph.root();
        let cleared = graph.cleared_masks(graph.root);
        let mut bound: HashMap<TensorId, Traced> = HashMap::new();
        bound.extend(model.inputs.iter().copied().zip(inputs.iter().copied()));
        for (position, call) in model.calls.iter().enumerate() {
            let Some(seen) = Seen::of(model, call, &bound, cleared.at_calls.get(position)) else {
                continue;
            };
            let expression = self.call(graph, call, &seen);
            let Some(value) = self.numbers.get(&expression).copied() else {
                let layer = graph.layer(call.layer);
                return Err(Problem::new(ProblemKind::Mask)
                    .at(&layer.path, &layer.class)
                    .expected("the masks that come with its inputs in the whole model")
                    .found("none, or others: an input carries no mask")
                    .help(
                        "take the masks of new inputs as inputs too, `layer:mask` beside `layer`; \
                         or cut in front of the layer that makes the mask, or behind the last one \
                         that looks at it",
                    ));
            };
            let outputs = self.outputs(graph, graph.root, call, &seen, value);
            bound.extend(call.outputs.iter().copied().zip(outputs));
        }
        Ok(bound)
    }

    fn call(&mut self, graph: &Graph, call: &Call, seen: &Seen) -> Expression {
        let mut masks = seen.masks_used(self);
        let looks = match &graph.layer(call.layer).kind {
            LayerKind::Layer(kind) => kind.layer().looks_at_masks(),
            LayerKind::Wrapper(wrapper, _) => looks_at_masks(wrapper),
            LayerKind::Model(inner) => {
                let masked = self.all_ranks(&masks);
                self.nested(graph, *inner, &masked).1
            }
            LayerKind::Operation(_) | LayerKind::Input | LayerKind::Unknown => false,
        };
        if !looks {
            masks.clear();
        }
        let literals = call.literals.iter();
        let literals: Vec<String> = literals
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        Expression::Call {
            layer: call.layer,
            inputs: seen.values(),
            named: seen.named.clone(),
            literals: literals.join(","),
            masks,
        }
    }

    fn outputs(
        &mut self,
        graph: &Graph,
        model: ModelId,
        call: &Call,
        seen: &Seen,
        value: usize,
    ) -> Vec<Traced> {
        let specs = input_specs(graph.model(model), call);
        let masks = seen.masks_used(self);
        let masked = self.all_ranks(&masks);
        let mut made = self.made(graph, call.layer, &specs, &masked);
        made.resize(call.outputs.len(), Mask::None);
        let outputs = made.into_iter().enumerate().map(|(index, mask)| Traced {
            value: self.number(Expression::Output(value, index)),
            mask: match mask {
                Mask::None => None,
                Mask::First => masks.first().copied().flatten(),
                Mask::Made(rank) => {
                    let mask = self.number(Expression::Made {
                        layer: call.layer,
                        index,
                        inputs: seen.values(),
                        masks: masks.clone(),
                    });
                    self.ranks.insert(mask, rank);
                    Some(mask)
                }
            },
        });
        outputs.collect()
    }

    /// The masks of a layer's outputs, for inputs of which some have masks.
    fn made(&mut self, graph: &Graph, id: LayerId, specs: &[Spec], masked: &[Rank]) -> Vec<Mask> {
        let first = matches!(masked.first(), Some(Some(_)));
        let pass = if first { Mask::First } else { Mask::None };
        let any = masked.iter().copied().flatten().max();
        let rank = |input: usize| specs.get(input).map_or(0, |spec| spec.shape.rank());
        match &graph.layer(id).kind {
            LayerKind::Layer(kind) => vec![match kind.layer().mask_rule() {
                MaskRule::Pass => pass,
                MaskRule::Stop => Mask::None,
                MaskRule::NotZero => Mask::Made(rank(0)),
                MaskRule::NotValue(_) => Mask::Made(rank(0).saturating_sub(1)),
                MaskRule::Second => Mask::Made(rank(1)),
                // Keras 3 combines masks where every input has one.
                MaskRule::Combine if graph.generation.is_keras3() && masked.contains(&None) => {
                    Mask::None
                }
                MaskRule::Combine | MaskRule::Join(_) => any.into(),
            }],
            LayerKind::Operation(operation) if operation.is_nothing(specs) => vec![pass],
            LayerKind::Wrapper(wrapper, parts) => vec![match wrapper {
                Wrapper::TiedDense(_) => pass,
                Wrapper::Bidirectional(options) if options.return_sequences => pass,
                Wrapper::Rnn(rnn) if rnn.options.return_sequences => pass,
                Wrapper::Bidirectional(_) | Wrapper::Rnn(_) => Mask::None,
                // Keras 3 hands on what came; before, what the layer inside makes of each step, or
                // else whole steps.
                Wrapper::TimeDistributed(_) if graph.generation.is_keras3() => pass,
                Wrapper::TimeDistributed(_) => {
                    let specs: Vec<Spec> = specs.iter().map(without_steps).collect();
                    let inside = masked.first().copied().flatten();
                    let inside = inside.filter(|rank| *rank > STEPS).map(|rank| rank - 1);
                    let part = parts.first().copied();
                    let made = part.map(|part| self.made(graph, part, &specs, &[inside]));
                    match made.unwrap_or_default().first() {
                        Some(Mask::Made(rank)) => Mask::Made(rank + 1),
                        Some(Mask::First) => inside.map(|rank| rank + 1).into(),
                        _ => any.map(|_| STEPS).into(),
                    }
                }
            }],
            LayerKind::Model(inner) => {
                let outputs = self.nested(graph, *inner, masked).0;
                outputs.into_iter().map(Mask::from).collect()
            }
            LayerKind::Operation(_) | LayerKind::Input | LayerKind::Unknown => Vec::new(),
        }
    }

    /// What a nested model does with masks, for inputs of which some have them.
    fn nested(&mut self, graph: &Graph, id: ModelId, inputs: &[Rank]) -> Masked {
        let key = (id, inputs.to_vec());
        if let Some(found) = self.nested.get(&key) {
            return found.clone();
        }
        let model = graph.model(id);
        let cleared = graph.cleared_masks(id);
        let mut bound: HashMap<TensorId, Rank> = HashMap::new();
        bound.extend(model.inputs.iter().copied().zip(inputs.iter().copied()));
        let mut looks = false;
        for (position, call) in model.calls.iter().enumerate() {
            let gone = cleared.at_calls.get(position);
            let of_input = |tensor: &TensorId| {
                let is_gone = gone.is_some_and(|gone| gone.contains(tensor));
                let rank = bound.get(tensor).copied().flatten();
                rank.filter(|_| !is_gone)
            };
            let masked: Vec<Rank> = match call.argument("mask") {
                Some(masks) => ranks(model, masks),
                None => call.inputs.iter().map(of_input).collect(),
            };
            if masked.iter().any(Option::is_some) {
                looks |= match &graph.layer(call.layer).kind {
                    LayerKind::Layer(kind) => kind.layer().looks_at_masks(),
                    LayerKind::Wrapper(wrapper, _) => looks_at_masks(wrapper),
                    LayerKind::Model(inner) => self.nested(graph, *inner, &masked).1,
                    _ => false,
                };
            }
            let specs = input_specs(model, call);
            let mut made = self.made(graph, call.layer, &specs, &masked);
            made.resize(call.outputs.len(), Mask::None);
            let made = made.into_iter().map(|mask| match mask {
                Mask::None => None,
                Mask::First => masked.first().copied().flatten(),
                Mask::Made(rank) => Some(rank),
            });
            bound.extend(call.outputs.iter().copied().zip(made));
        }
        let outputs = model.outputs.iter().map(|tensor| {
            let rank = bound.get(tensor).copied().flatten();
            rank.filter(|_| !cleared.at_end.contains(tensor))
        });
        let found = (outputs.collect(), looks);
        self.nested.insert(key, found.clone());
        found
    }
}

/// Whether what a wrapper gives may depend on masks.
fn looks_at_masks(wrapper: &Wrapper) -> bool {
    !matches!(wrapper, Wrapper::TiedDense(_))
}

/// The mask of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mask {
    None,
    /// That of the first input.
    First,
    /// Another one, of this many axes.
    Made(usize),
}

impl From<Rank> for Mask {
    fn from(rank: Rank) -> Self {
        rank.map_or(Self::None, Self::Made)
    }
}

/// How many axes a mask of whole steps has: batch and time.
const STEPS: usize = 2;

/// A tensor as the layer in a `TimeDistributed` gets it.
fn without_steps(spec: &Spec) -> Spec {
    let mut dims = spec.shape.0.clone();
    if dims.len() > 1 {
        dims.remove(1);
    }
    spec.with_shape(dims)
}

/// The axes of masks that are passed by name.
fn ranks(model: &Model, masks: &[Option<TensorId>]) -> Vec<Rank> {
    let rank = |TensorId(mask): TensorId| model.tensors[mask].spec.shape.rank();
    masks.iter().map(|mask| mask.map(rank)).collect()
}

/// What a call sees.
struct Seen {
    inputs: Vec<Traced>,
    named: Vec<(String, Vec<Option<usize>>)>,
    /// Of the masks that are passed by name.
    ranks: Vec<Rank>,
}

impl Seen {
    /// `None` behind a tensor that nothing makes.
    fn of(
        model: &Model,
        call: &Call,
        bound: &HashMap<TensorId, Traced>,
        gone: Option<&std::collections::HashSet<TensorId>>,
    ) -> Option<Self> {
        let inputs = call.inputs.iter().map(|tensor| {
            let traced = bound.get(tensor)?;
            let is_gone = gone.is_some_and(|gone| gone.contains(tensor));
            Some(Traced {
                mask: traced.mask.filter(|_| !is_gone),
                ..*traced
            })
        });
        let named = call.named.iter().map(|(name, tensors)| {
            let tensors = tensors.iter().map(|tensor| match tensor {
                Some(tensor) => Some(Some(bound.get(tensor)?.value)),
                None => Some(None),
            });
            Some((name.clone(), tensors.collect::<Option<Vec<_>>>()?))
        });
        Some(Self {
            inputs: inputs.collect::<Option<_>>()?,
            named: named.collect::<Option<_>>()?,
            ranks: ranks(model, call.argument("mask").unwrap_or_default()),
        })
    }

    fn values(&self) -> Vec<usize> {
        self.inputs.iter().map(|input| input.value).collect()
    }

    /// The masks that are passed by name, or else those of the inputs.
    fn masks_used(&self, trace: &mut Trace) -> Vec<Option<usize>> {
        let explicit = self.named.iter().find(|(name, _)| name == "mask");
        match explicit {
            Some((_, masks)) => {
                let masks = masks.iter().zip(&self.ranks);
                let masks = masks.map(|(value, rank)| {
                    let mask = trace.number(Expression::Named((*value)?));
                    trace.ranks.insert(mask, (*rank)?);
                    Some(mask)
                });
                masks.collect()
            }
            None => self.inputs.iter().map(|input| input.mask).collect(),
        }
    }
}
