//! What each call computes with, as far as masks go: the check that a cut loses none.
//!
//! Values and masks are expressions, equal ones with the same number. A graph that was cut computes
//! what the whole does exactly if all of its calls are calls of the whole, with new inputs in the
//! place of what was cut off.

use std::collections::{BTreeSet, HashMap};

use crate::graph::{Call, Graph, LayerId, LayerKind, ModelId, TensorId};
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

/// Which outputs of a nested model have masks, and whether a layer in it looks at one.
type Masked = (Vec<bool>, bool);

#[derive(Default)]
pub(super) struct Trace {
    numbers: HashMap<Expression, usize>,
    nested: HashMap<(ModelId, Vec<bool>), Masked>,
}

impl Trace {
    fn number(&mut self, expression: Expression) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(expression).or_insert(next)
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
            let Some(seen) = Seen::of(call, &bound, cleared.at_calls.get(position)) else {
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
    /// is one of the whole.
    ///
    /// # Errors
    ///
    /// The first call whose masks are others.
    pub fn check(&mut self, graph: &Graph, inputs: &[Traced]) -> Result<(), Problem> {
        let model = graph.root();
        let cleared = graph.cleared_masks(graph.root);
        let mut bound: HashMap<TensorId, Traced> = HashMap::new();
        bound.extend(model.inputs.iter().copied().zip(inputs.iter().copied()));
        for (position, call) in model.calls.iter().enumerate() {
            let Some(seen) = Seen::of(call, &bound, cleared.at_calls.get(position)) else {
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
                        "cut in front of the layer that makes the mask, or behind the last one \
                         that looks at it",
                    ));
            };
            let outputs = self.outputs(graph, graph.root, call, &seen, value);
            bound.extend(call.outputs.iter().copied().zip(outputs));
        }
        Ok(())
    }

    fn call(&mut self, graph: &Graph, call: &Call, seen: &Seen) -> Expression {
        let mut masks = seen.masks_used(self);
        let looks = match &graph.layer(call.layer).kind {
            LayerKind::Layer(kind) => kind.layer().looks_at_masks(),
            LayerKind::Wrapper(wrapper, _) => looks_at_masks(wrapper),
            LayerKind::Model(inner) => {
                let masked: Vec<bool> = masks.iter().map(Option::is_some).collect();
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
        let masked: Vec<bool> = masks.iter().map(Option::is_some).collect();
        let mut made = self.made(graph, call.layer, &specs, &masked);
        made.resize(call.outputs.len(), Mask::None);
        let outputs = made.into_iter().enumerate().map(|(index, mask)| Traced {
            value: self.number(Expression::Output(value, index)),
            mask: match mask {
                Mask::None => None,
                Mask::First => masks.first().copied().flatten(),
                Mask::Made => Some(self.number(Expression::Made {
                    layer: call.layer,
                    index,
                    inputs: seen.values(),
                    masks: masks.clone(),
                })),
            },
        });
        outputs.collect()
    }

    /// The masks of a layer's outputs, for inputs of which some have masks.
    fn made(&mut self, graph: &Graph, id: LayerId, specs: &[Spec], masked: &[bool]) -> Vec<Mask> {
        let first = masked.first() == Some(&true);
        let pass = if first { Mask::First } else { Mask::None };
        let if_any = |any: bool| if any { Mask::Made } else { Mask::None };
        let any = masked.contains(&true);
        match &graph.layer(id).kind {
            LayerKind::Layer(kind) => vec![match kind.layer().mask_rule() {
                MaskRule::Pass => pass,
                MaskRule::Stop => Mask::None,
                MaskRule::NotZero | MaskRule::NotValue(_) => Mask::Made,
                // Keras 3 combines masks where every input has one.
                MaskRule::Combine if graph.generation.is_keras3() => {
                    if_any(any && !masked.contains(&false))
                }
                MaskRule::Combine | MaskRule::Join(_) => if_any(any),
            }],
            LayerKind::Operation(operation) if operation.is_nothing(specs) => vec![pass],
            LayerKind::Wrapper(Wrapper::TiedDense(_), _) => vec![pass],
            LayerKind::Wrapper(_, parts) => {
                // The layer inside may make a mask where none comes in.
                let makes = parts.iter().any(|part| {
                    let made = self.made(graph, *part, specs, &[false]);
                    made.contains(&Mask::Made)
                });
                vec![if_any(any || makes)]
            }
            LayerKind::Model(inner) => {
                let outputs = self.nested(graph, *inner, masked).0;
                outputs.into_iter().map(if_any).collect()
            }
            LayerKind::Operation(_) | LayerKind::Input | LayerKind::Unknown => Vec::new(),
        }
    }

    /// What a nested model does with masks, for inputs of which some have them.
    fn nested(&mut self, graph: &Graph, id: ModelId, inputs: &[bool]) -> Masked {
        let key = (id, inputs.to_vec());
        if let Some(found) = self.nested.get(&key) {
            return found.clone();
        }
        let model = graph.model(id);
        let cleared = graph.cleared_masks(id);
        let mut bound: HashMap<TensorId, bool> = HashMap::new();
        bound.extend(model.inputs.iter().copied().zip(inputs.iter().copied()));
        let mut looks = false;
        for (position, call) in model.calls.iter().enumerate() {
            let gone = cleared.at_calls.get(position);
            let has = |tensor: &TensorId| {
                let is_gone = gone.is_some_and(|gone| gone.contains(tensor));
                !is_gone && bound.get(tensor).copied().unwrap_or(false)
            };
            let masked: Vec<bool> = match call.argument("mask") {
                Some(masks) => masks.iter().map(Option::is_some).collect(),
                None => call.inputs.iter().map(has).collect(),
            };
            if masked.contains(&true) {
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
            let made = made.into_iter().map(|mask| mask != Mask::None);
            bound.extend(call.outputs.iter().copied().zip(made));
        }
        let outputs = model.outputs.iter().map(|tensor| {
            let is_gone = cleared.at_end.contains(tensor);
            !is_gone && bound.get(tensor).copied().unwrap_or(false)
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
    Made,
}

/// What a call sees.
struct Seen {
    inputs: Vec<Traced>,
    named: Vec<(String, Vec<Option<usize>>)>,
}

impl Seen {
    /// `None` behind a tensor that nothing makes.
    fn of(
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
        })
    }

    fn values(&self) -> Vec<usize> {
        self.inputs.iter().map(|input| input.value).collect()
    }

    /// The masks that are passed by name, or else those of the inputs.
    fn masks_used(&self, trace: &mut Trace) -> Vec<Option<usize>> {
        let explicit = self.named.iter().find(|(name, _)| name == "mask");
        match explicit {
            Some((_, masks)) => masks
                .iter()
                .map(|mask| mask.map(|value| trace.number(Expression::Named(value))))
                .collect(),
            None => self.inputs.iter().map(|input| input.mask).collect(),
        }
    }
}
