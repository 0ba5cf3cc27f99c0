//! Where the layers with weights stand: what comes before each and what behind it, with all layers
//! without weights and the borders of nested models taken away.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::graph::{Call, Graph, Layer, LayerId, LayerKind, Model, ModelId, TensorId};
use crate::layer;
use crate::layer::merging::MergeOperation;
use crate::layer::operation::Operator;
use crate::layer::operation::elementwise::Binary;

/// More sources than this say nothing of a tensor's place, and nothing is kept of them.
const MANY: usize = 256;

/// The layers of a graph that have weights, between the inputs and the outputs of the outermost
/// model.
pub(super) struct Places {
    /// Inputs, outputs, then layers in Keras's order.
    pub nodes: Vec<Node>,
    /// What comes before each node, by node.
    pub before: Vec<BTreeMap<usize, Rank>>,
    /// What comes behind each node, ascending.
    pub after: Vec<Vec<usize>>,
}

/// The place of a source among all sources of a tensor, by the order of arguments. Sources that
/// are added, multiplied and the like have the same: exchanging them changes nothing.
pub(super) type Rank = usize;

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// An input of the outermost model.
    Input(usize),
    /// One of its outputs.
    Output(usize),
    /// A layer with weights, however often it is called.
    Layer(Home),
}

/// Where a layer is at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    pub layer: LayerId,
    /// Which part of what kind of wrapper it is.
    pub part: Option<(std::mem::Discriminant<layer::Wrapper>, usize)>,
    /// Whether a person has chosen the names on its path.
    pub named: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Source {
    /// An input of the model around.
    Input(usize),
    Layer(LayerId),
}

/// The layers with weights and the inputs that a tensor is made of, each once.
type Sources = Vec<(Source, Rank)>;

impl Places {
    pub fn of(graph: &Graph) -> Self {
        let root = graph.root();
        let inputs = (0..root.inputs.len()).map(Node::Input);
        let outputs = (0..root.outputs.len()).map(Node::Output);
        let layers = homes(graph).into_iter().map(Node::Layer);
        let nodes: Vec<Node> = inputs.chain(outputs).chain(layers).collect();
        let position: HashMap<Source, usize> = nodes
            .iter()
            .enumerate()
            .filter_map(|(at, node)| match node {
                Node::Input(input) => Some((Source::Input(*input), at)),
                Node::Layer(home) => Some((Source::Layer(home.layer), at)),
                Node::Output(_) => None,
            })
            .collect();
        let flow = Flow::of(graph);
        let before: Vec<BTreeMap<usize, Rank>> = nodes
            .iter()
            .map(|node| {
                let sources = match node {
                    Node::Input(_) => None,
                    Node::Output(output) => flow.outputs.get(*output),
                    Node::Layer(home) => flow.layers.get(&home.layer),
                };
                let sources = sources.into_iter().flatten();
                let known = sources.filter_map(|(source, rank)| {
                    let at = position.get(source)?;
                    Some((*at, *rank))
                });
                known.collect()
            })
            .collect();
        let mut after = vec![Vec::new(); nodes.len()];
        for (node, sources) in before.iter().enumerate() {
            for source in sources.keys() {
                after[*source].push(node);
            }
        }
        Self {
            nodes,
            before,
            after,
        }
    }
}

/// The layers with weights, in Keras's order.
fn homes(graph: &Graph) -> Vec<Home> {
    let mut homes = Vec::new();
    let mut seen = HashSet::new();
    let root = graph.root().layers.iter();
    let mut stack: Vec<Home> = root.rev().map(|layer| Home::new(*layer)).collect();
    while let Some(home) = stack.pop() {
        if !seen.insert(home.layer) {
            continue;
        }
        let layer = graph.layer(home.layer);
        let named = home.named && !is_automatic(layer);
        match &layer.kind {
            LayerKind::Model(inner) => {
                let layers = graph.model(*inner).layers.iter().rev();
                stack.extend(layers.map(|layer| Home {
                    named,
                    ..Home::new(*layer)
                }));
            }
            LayerKind::Wrapper(wrapper, parts) => {
                let parts = parts.iter().enumerate().rev();
                let wrapper = std::mem::discriminant(wrapper);
                stack.extend(parts.map(|(index, part)| Home {
                    layer: *part,
                    part: Some((wrapper, index)),
                    named,
                }));
            }
            _ if layer.weights.is_empty() => {}
            // A part is called after its wrapper.
            _ => homes.push(Home {
                named: if home.part.is_some() {
                    home.named
                } else {
                    named
                },
                ..home
            }),
        }
    }
    homes
}

impl Home {
    fn new(layer: LayerId) -> Self {
        Self {
            layer,
            part: None,
            named: true,
        }
    }
}

/// Whether Keras has made a layer's name of its class: `conv1d_3`, `batch_normalization`, and
/// `model`, `functional_1` for a model.
fn is_automatic(layer: &Layer) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let stem = match layer.name.rsplit_once('_') {
        Some((stem, number)) if is_number(number) => stem,
        _ => &layer.name,
    };
    let stem = stem.replace('_', "").to_lowercase();
    match &layer.kind {
        LayerKind::Model(_) => ["model", "functional", "sequential"].contains(&stem.as_str()),
        // Versions of Keras have names of their own for one class: `UnifiedLSTM`, `lstm`.
        _ => layer.class.to_lowercase().contains(&stem),
    }
}

/// How tensors flow through a graph.
struct Flow {
    /// What every layer with weights is called with, all its calls together.
    layers: HashMap<LayerId, Sources>,
    /// What the outputs of the outermost model are made of.
    outputs: Vec<Sources>,
}

impl Flow {
    fn of(graph: &Graph) -> Self {
        // The models inside have lower ids than those around them: each is looked at once, from
        // the inside out for what it makes of its inputs, and back for what these are.
        let mut inside: Vec<Inside> = Vec::with_capacity(graph.models.len());
        for model in &graph.models {
            let tensors = Inside::of(graph, model, &inside);
            inside.push(tensors);
        }
        let mut arrivals: Vec<Vec<Sources>> = graph
            .models
            .iter()
            .map(|model| vec![Sources::new(); model.inputs.len()])
            .collect();
        let root = graph.root();
        let inputs = (0..root.inputs.len()).map(|input| vec![(Source::Input(input), 0)]);
        let inputs: Vec<Sources> = inputs.collect();
        let outputs = inside.get(graph.root.0).map_or_else(Vec::new, |root| {
            let outputs = root.outputs.iter();
            outputs.map(|output| resolve(output, &inputs)).collect()
        });
        if let Some(root) = arrivals.get_mut(graph.root.0) {
            *root = inputs;
        }
        let mut layers: HashMap<LayerId, Sources> = HashMap::new();
        for id in (0..graph.models.len()).rev() {
            let inputs = std::mem::take(&mut arrivals[id]);
            for call in &graph.models[id].calls {
                let argument = |tensor: &TensorId| {
                    let sources = inside[id].tensors.get(tensor.0);
                    resolve(sources.map_or(&[], Vec::as_slice), &inputs)
                };
                for leaf in graph.leaves(call.layer) {
                    if let LayerKind::Model(ModelId(inner)) = graph.layer(leaf).kind {
                        let arguments = call.inputs.iter().map(argument);
                        for (known, argument) in arrivals[inner].iter_mut().zip(arguments) {
                            *known = join([(0, known.as_slice()), (0, &argument)]);
                        }
                    } else if !graph.layer(leaf).weights.is_empty() {
                        let arguments: Vec<Sources> = call.needs().map(|t| argument(&t)).collect();
                        let arguments = arguments.iter().map(Vec::as_slice).enumerate();
                        let arguments = join(arguments);
                        let known = layers.entry(leaf).or_default();
                        *known = join([(0, known.as_slice()), (0, &arguments)]);
                    }
                }
            }
        }
        Self { layers, outputs }
    }
}

/// What the tensors of a model are made of, from its own inputs on.
struct Inside {
    tensors: Vec<Sources>,
    outputs: Vec<Sources>,
}

impl Inside {
    /// `others` are the models inside of this one.
    fn of(graph: &Graph, model: &Model, others: &[Self]) -> Self {
        let mut tensors = vec![Sources::new(); model.tensors.len()];
        for (input, tensor) in model.inputs.iter().enumerate() {
            if let Some(sources) = tensors.get_mut(tensor.0) {
                *sources = vec![(Source::Input(input), 0)];
            }
        }
        for call in &model.calls {
            let made = call_outputs(graph, call, &tensors, others);
            for (index, tensor) in call.outputs.iter().enumerate() {
                if let Some(sources) = tensors.get_mut(tensor.0) {
                    let of_output = made.get(index).or(made.last());
                    *sources = of_output.cloned().unwrap_or_default();
                }
            }
        }
        let outputs = model.outputs.iter();
        let outputs = outputs.map(|tensor| tensors.get(tensor.0).cloned().unwrap_or_default());
        Self {
            outputs: outputs.collect(),
            tensors,
        }
    }
}

/// What the outputs of a call are made of; where there is one entry, all are.
fn call_outputs(
    graph: &Graph,
    call: &Call,
    tensors: &[Sources],
    models: &[Inside],
) -> Vec<Sources> {
    let sources = |tensor: &TensorId| tensors.get(tensor.0).cloned().unwrap_or_default();
    let leaves = graph.leaves(call.layer);
    let [leaf] = leaves.as_slice() else {
        // The parts of a wrapper, side by side.
        let parts: Vec<Sources> = leaves
            .iter()
            .map(|leaf| vec![(Source::Layer(*leaf), 0)])
            .collect();
        return vec![join(parts.iter().map(Vec::as_slice).enumerate())];
    };
    let layer = graph.layer(*leaf);
    if let LayerKind::Model(inner) = layer.kind {
        let arguments: Vec<Sources> = call.inputs.iter().map(sources).collect();
        let outputs = models.get(inner.0).map_or(&[][..], |inner| &inner.outputs);
        let outputs = outputs.iter().map(|output| resolve(output, &arguments));
        outputs.collect()
    } else if layer.weights.is_empty() {
        let arguments: Vec<Sources> = call.needs().map(|tensor| sources(&tensor)).collect();
        let arguments = arguments.iter().map(Vec::as_slice).enumerate();
        let ordered = !is_commutative(layer);
        vec![join(arguments.map(|(at, sources)| {
            (if ordered { at } else { 0 }, sources)
        }))]
    } else {
        vec![vec![(Source::Layer(*leaf), 0)]]
    }
}

/// Whether exchanging the inputs changes nothing.
fn is_commutative(layer: &Layer) -> bool {
    match &layer.kind {
        LayerKind::Layer(layer::LayerKind::Merge(merge)) => {
            merge.operation != MergeOperation::Subtract
        }
        LayerKind::Operation(operation) => matches!(
            operation.operator,
            Operator::AddN
                | Operator::Binary(
                    Binary::Add | Binary::Multiply | Binary::Maximum | Binary::Minimum
                )
        ),
        _ => false,
    }
}

/// `sources` with those of `inputs` in the place of the inputs.
fn resolve(sources: &[(Source, Rank)], inputs: &[Sources]) -> Sources {
    let resolved: Vec<(Rank, Sources)> = sources
        .iter()
        .map(|(source, rank)| match source {
            Source::Input(input) => (*rank, inputs.get(*input).cloned().unwrap_or_default()),
            Source::Layer(_) => (*rank, vec![(*source, 0)]),
        })
        .collect();
    join(resolved.iter().map(|(rank, list)| (*rank, list.as_slice())))
}

/// Several lists as one, in the order of their ranks; what stands in several counts where it comes
/// first.
fn join<'a>(lists: impl IntoIterator<Item = (Rank, &'a [(Source, Rank)])>) -> Sources {
    let lists = lists.into_iter();
    let entries = lists.flat_map(|(outer, list)| {
        let list = list.iter();
        list.map(move |(source, inner)| ((outer, *inner), *source))
    });
    let mut entries: Vec<((Rank, Rank), Source)> = entries.collect();
    entries.sort_unstable();
    let mut seen = HashSet::new();
    entries.retain(|(_, source)| seen.insert(*source));
    if entries.len() > MANY {
        return Sources::new();
    }
    let mut joined = Sources::with_capacity(entries.len());
    let mut last = None;
    let mut rank = 0;
    for (place, source) in entries {
        if last.is_some_and(|last| last != place) {
            rank += 1;
        }
        last = Some(place);
        joined.push((source, rank));
    }
    joined
}
