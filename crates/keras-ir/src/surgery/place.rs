//! Places: tensors of a model by the names of their layers.
//!
//! `layer`, `layer:node` or `layer:node:tensor`, with `/` into nested models: `encoder/dense_1`. The
//! node may be left out where the layer is called once, and so may that of a nested model; the
//! tensor is the first if it is not said. With `:mask` behind it, the mask that the tensor carries. Of the layers whose names fit, the one with the longest
//! name is taken first, so names that hold `/` or `:` themselves are found.

use crate::graph::{Call, Graph, Layer, LayerId, LayerKind, Model, ModelId, TensorId};
use crate::problem::{Problem, ProblemKind};
use crate::shape::Spec;

/// A tensor of a graph, at any depth.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The calls of nested models that lead to it, from the outside in: positions in
    /// [`Model::calls`].
    pub calls: Vec<usize>,
    /// The tensor in the innermost model.
    pub end: End,
    /// Whether this is the mask that the tensor carries.
    pub is_mask: bool,
}

/// A tensor of one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The input at this position.
    Input(usize),
    /// An output of the call at a position in [`Model::calls`].
    Output {
        /// The call.
        call: usize,
        /// Which of its outputs.
        index: usize,
    },
}

const GRAMMAR: &str = "write layer, layer:node or layer:node:tensor, with / into nested models and :mask \
                       for the mask; `burn-keras summary --expand-nested` lists the layers";

impl Graph {
    /// The tensor that `text` names.
    ///
    /// ```no_run
    /// let graph = keras_ir::read("siamese.h5", keras_ir::ReadOptions::default())?;
    /// let place = graph.place("encoder:1/dense_1").map_err(|problem| problem.in_file("siamese.h5"))?;
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When no tensor has the name, or several.
    pub fn place(&self, text: &str) -> Result<Place, Problem> {
        let mut found = self.place_in(self.root, text, text)?;
        found.calls.reverse();
        Ok(found)
    }

    /// The tensor `text` of `model`, part of the place `whole`; the calls from the inside out.
    fn place_in(&self, model: ModelId, text: &str, whole: &str) -> Result<Place, Problem> {
        let of_model = self.model(model);
        let mut fitting: Vec<(LayerId, Rest<'_>)> = layers(of_model)
            .filter_map(|id| {
                let rest = text.strip_prefix(self.layer(id).name.as_str())?;
                Some((id, Rest::read(rest)?))
            })
            .collect();
        fitting.sort_by_key(|(id, _)| std::cmp::Reverse(self.layer(*id).name.len()));
        let mut first = None;
        for (layer, rest) in fitting {
            match self.place_at(model, layer, rest, whole) {
                Ok(place) => return Ok(place),
                Err(problem) => {
                    first.get_or_insert(problem);
                }
            }
        }
        Err(first.unwrap_or_else(|| {
            Problem::new(ProblemKind::Place)
                .key(whole)
                .expected(format!("a layer of {}", of_model.name))
                .found(text)
                .help(GRAMMAR)
        }))
    }

    fn place_at(
        &self,
        model: ModelId,
        id: LayerId,
        rest: Rest<'_>,
        whole: &str,
    ) -> Result<Place, Problem> {
        let of_model = self.model(model);
        let layer = self.layer(id);
        let problem = || {
            Problem::new(ProblemKind::Place)
                .at(&layer.path, &layer.class)
                .key(whole)
        };
        if let Some(position) = of_model.input_layers.iter().position(|input| *input == id) {
            let is_tensor = rest.inside.is_none()
                && rest.node.unwrap_or(0) == 0
                && rest.tensor.unwrap_or(0) == 0;
            return if is_tensor {
                Ok(Place {
                    calls: Vec::new(),
                    end: End::Input(position),
                    is_mask: rest.is_mask,
                })
            } else {
                Err(problem()
                    .expected("the only tensor of an input")
                    .found(whole))
            };
        }
        let call = call(of_model, layer, id, rest.node)
            .map_err(|(expected, found)| problem().expected(expected).found(found).help(GRAMMAR))?;
        match (rest.inside, &layer.kind) {
            (Some(inside), LayerKind::Model(inner)) => {
                let mut place = self.place_in(*inner, inside, whole)?;
                place.calls.push(call);
                Ok(place)
            }
            (Some(_), _) => Err(problem()
                .expected("a nested model before the /")
                .found(&layer.class)),
            (None, _) => {
                let index = rest.tensor.unwrap_or(0);
                let count = self.count_outputs(of_model, &of_model.calls[call], index);
                if index < count {
                    let end = End::Output { call, index };
                    return Ok(Place {
                        calls: Vec::new(),
                        end,
                        is_mask: rest.is_mask,
                    });
                }
                Err(problem()
                    .expected(format!("one of its {count} outputs, counted from 0"))
                    .found(index.to_string()))
            }
        }
    }

    /// How many outputs a call has: `Call::outputs` has those that something looks at.
    fn count_outputs(&self, model: &Model, call: &Call, wanted: usize) -> usize {
        if wanted < call.outputs.len() {
            return call.outputs.len();
        }
        let outputs = self.outputs_of(call.layer, &input_specs(model, call));
        outputs.map_or(call.outputs.len(), |outputs| outputs.len())
    }

    /// The place in words, `encoder:1/dense_1:0:0`, `embedding:0:0:mask`.
    pub fn place_name(&self, place: &Place) -> String {
        let mut text = String::new();
        let mut model = self.root();
        for position in &place.calls {
            let Some(call) = model.calls.get(*position) else {
                break;
            };
            text.push_str(&format!("{}:{}/", self.layer(call.layer).name, call.node));
            if let LayerKind::Model(inner) = self.layer(call.layer).kind {
                model = self.model(inner);
            }
        }
        match place.end {
            End::Input(position) => {
                if let Some(layer) = model.input_layers.get(position) {
                    text.push_str(&self.layer(*layer).name);
                }
            }
            End::Output { call, index } => {
                if let Some(call) = model.calls.get(call) {
                    let name = &self.layer(call.layer).name;
                    text.push_str(&format!("{name}:{}:{index}", call.node));
                }
            }
        }
        if place.is_mask {
            text.push_str(MASK);
        }
        text
    }
}

/// What follows the tensor of a mask.
const MASK: &str = ":mask";

/// The specs of everything that counts as an input of a call: initial states too.
pub(super) fn input_specs(model: &Model, call: &Call) -> Vec<Spec> {
    let states = call.argument("initial_state").unwrap_or_default();
    let inputs = call.inputs.iter().chain(states.iter().flatten());
    let spec = |TensorId(tensor): &TensorId| model.tensors[*tensor].spec.clone();
    inputs.map(spec).collect()
}

/// A model's layers; that of a Sequential's input is not among its `layers`.
pub(super) fn layers(model: &Model) -> impl Iterator<Item = LayerId> + '_ {
    let hidden = model.input_layers.iter();
    let hidden = hidden.filter(|input| !model.layers.contains(input));
    hidden.chain(&model.layers).copied()
}

/// The call `node` of a layer, or its only one; else what is expected and what there is.
fn call(
    model: &Model,
    layer: &Layer,
    id: LayerId,
    node: Option<usize>,
) -> Result<usize, (String, String)> {
    let calls = model.calls.iter().enumerate();
    let mut calls: Vec<(usize, usize)> = calls
        .filter(|(_, call)| call.layer == id)
        .map(|(position, call)| (call.node, position))
        .collect();
    calls.sort_unstable();
    let names: Vec<String> = calls
        .iter()
        .map(|(node, _)| format!("{}:{node}", layer.name))
        .collect();
    match (node, calls.as_slice()) {
        (None, [(_, position)]) => Ok(*position),
        (None, []) => Err(("a call of the layer".into(), "none".into())),
        (None, _) => Err((
            format!("one of its calls: {}", names.join(", ")),
            format!("{}, which is called {} times", layer.name, calls.len()),
        )),
        (Some(node), _) => {
            let called = calls.iter().find(|(of_call, _)| *of_call == node);
            called.map(|(_, position)| *position).ok_or_else(|| {
                (
                    format!("one of its calls: {}", names.join(", ")),
                    format!("call {node}"),
                )
            })
        }
    }
}

/// What follows a layer's name.
struct Rest<'a> {
    node: Option<usize>,
    tensor: Option<usize>,
    is_mask: bool,
    inside: Option<&'a str>,
}

impl<'a> Rest<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (numbers, inside) = match text.split_once('/') {
            Some((numbers, inside)) => (numbers, Some(inside)),
            None => (text, None),
        };
        let of_mask = numbers.strip_suffix(MASK).filter(|_| inside.is_none());
        let is_mask = of_mask.is_some();
        let numbers = of_mask.unwrap_or(numbers);
        let mut numbers = numbers.split(':');
        if !numbers.next()?.is_empty() {
            return None;
        }
        let mut number = || match numbers.next() {
            None => Some(None),
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                Some(Some(digits.parse().ok()?))
            }
            Some(_) => None,
        };
        let (node, tensor) = (number()?, number()?);
        let ends = numbers.next().is_none() && (inside.is_none() || tensor.is_none());
        ends.then_some(Self {
            node,
            tensor,
            is_mask,
            inside,
        })
    }
}
