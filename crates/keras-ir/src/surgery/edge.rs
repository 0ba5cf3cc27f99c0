//! The edges of a cut: tensors, or the masks that they carry, which become inputs and outputs.

use std::collections::{HashMap, HashSet};

use crate::graph::{Graph, Tensor, TensorId};
use crate::problem::{Problem, ProblemKind};

use super::cut::{add_input, uses};
use super::mask::{get_mask, mask_spec, set_mask};
use super::place::Place;
use super::settle::each_use;
use super::trace::{Trace, Traced};

/// A tensor at which a model is cut, or the mask that it carries.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    pub tensor: TensorId,
    traced: Traced,
    /// Of a mask, which one it is and how many axes it has.
    pub mask: Option<(usize, usize)>,
}

impl Edge {
    /// What calls see of a new input: its mask too, if that is one of the inputs.
    pub fn seen(&self, starts: &[Self]) -> Traced {
        if let Some((mask, _)) = self.mask {
            return Traced {
                value: mask,
                mask: None,
            };
        }
        let mut masks = starts.iter().filter(|start| start.tensor == self.tensor);
        Traced {
            mask: masks.find_map(|start| start.mask).map(|(mask, _)| mask),
            ..self.traced
        }
    }
}

/// The edges at these places, which `find` knows.
///
/// # Errors
///
/// A place that leads nowhere, or to a mask that there is not.
pub(super) fn edges(
    graph: &Graph,
    places: &[Place],
    find: &dyn Fn(&Place) -> Option<(TensorId, Traced)>,
    trace: &Trace,
) -> Result<Vec<Edge>, Problem> {
    let edge = |place: &Place| {
        let refuse = |expected: &str, found: &str| {
            let problem = Problem::new(ProblemKind::Place).key(graph.place_name(place));
            Err(problem.expected(expected).found(found))
        };
        let Some((tensor, traced)) = find(place) else {
            return refuse("a tensor of the model", "none");
        };
        let mask = traced.mask.filter(|_| place.is_mask);
        let mask = mask.and_then(|mask| Some((mask, trace.rank(mask)?)));
        if place.is_mask && mask.is_none() {
            return refuse("a tensor that carries a mask", "one without");
        }
        Ok(Edge {
            tensor,
            traced,
            mask,
        })
    };
    places.iter().map(edge).collect()
}

/// Each new input comes once, and masks with the tensors that carry them.
pub(super) fn check_inputs(
    graph: &Graph,
    places: &[Place],
    starts: &[Edge],
) -> Result<(), Problem> {
    let mut distinct = HashSet::new();
    for (place, start) in places.iter().zip(starts) {
        if !distinct.insert((start.tensor, place.is_mask)) {
            return Err(Problem::new(ProblemKind::Place)
                .expected("each new input once")
                .found(format!("{} twice", graph.place_name(place))));
        }
    }
    let mut masks = places.iter().zip(starts).filter(|(place, _)| place.is_mask);
    match masks.find(|(_, start)| !distinct.contains(&(start.tensor, false))) {
        None => Ok(()),
        Some((place, _)) => Err(Problem::new(ProblemKind::Place)
            .expected("a mask beside the tensor that carries it")
            .found(format!("{} alone", graph.place_name(place)))),
    }
}

/// Makes the tensors `starts`, or their masks, the inputs of the outermost model.
pub(super) fn start_from(graph: &mut Graph, starts: &[Edge]) -> Result<(), Problem> {
    let root = graph.root;
    let (mut inputs, mut input_layers) = (Vec::new(), Vec::new());
    let mut replaced: HashMap<TensorId, TensorId> = HashMap::new();
    for Edge {
        tensor: start,
        mask,
        ..
    } in starts
    {
        let model = graph.model(root);
        if let Some(position) = model.inputs.iter().position(|input| input == start) {
            inputs.push(*start);
            input_layers.push(model.input_layers[position]);
            continue;
        }
        let Tensor {
            layer, index, spec, ..
        } = model.tensors[start.0].clone();
        let of_layer = graph.layer(layer);
        if spec.shape.rank() == 0 {
            return Err(Problem::new(ProblemKind::Shape)
                .at(&of_layer.path, &of_layer.class)
                .expected("a tensor with a batch axis, as inputs are")
                .found(spec.shape.to_string()));
        }
        let mut name = match index {
            0 => of_layer.name.clone(),
            index => format!("{}_{index}", of_layer.name),
        };
        let mut spec = spec;
        if let Some((_, rank)) = mask {
            name.push_str("_mask");
            spec = mask_spec(&spec, *rank);
        }
        let layer = add_input(graph, &name, &spec);
        let tensors = &mut graph.models[root.0].tensors;
        tensors.push(Tensor {
            layer,
            node: 0,
            index: 0,
            spec,
        });
        let tensor = TensorId(tensors.len() - 1);
        if mask.is_none() {
            replaced.insert(*start, tensor);
        }
        inputs.push(tensor);
        input_layers.push(layer);
    }
    let model = &mut graph.models[root.0];
    each_use(model, &mut |tensor| {
        if let Some(new) = replaced.get(tensor) {
            *tensor = *new;
        }
    });
    model.inputs = inputs;
    model.input_layers = input_layers;
    Ok(())
}

/// Puts the masks that came as inputs on the inputs that carry them.
pub(super) fn carry_masks(graph: &mut Graph, starts: &[Edge]) {
    let inputs = graph.root().inputs.clone();
    let uses = uses(graph.root());
    for (mask, start) in inputs.iter().zip(starts) {
        let carrier = starts
            .iter()
            .position(|other| other.tensor == start.tensor && other.mask.is_none());
        if let (Some(_), Some(carrier)) = (start.mask, carrier) {
            let carrier = inputs[carrier];
            if uses.contains_key(&carrier) {
                set_mask(graph, carrier, *mask);
            }
        }
    }
}

/// Makes the masks that are asked for outputs.
pub(super) fn take_masks(
    graph: &mut Graph,
    ends: &[Edge],
    computed: &HashMap<TensorId, Traced>,
) -> Result<(), Problem> {
    let root = graph.root;
    for (position, end) in ends.iter().enumerate() {
        let Some((mask, rank)) = end.mask else {
            continue;
        };
        let tensor = graph.root().outputs[position];
        let of_tensor = &graph.root().tensors[tensor.0];
        // What carries the mask of an input is new since then.
        let is_new = !computed.contains_key(&tensor);
        let found = computed.get(&tensor).and_then(|traced| traced.mask);
        if !is_new && found != Some(mask) {
            let layer = graph.layer(of_tensor.layer);
            return Err(Problem::new(ProblemKind::Mask)
                .at(&layer.path, &layer.class)
                .expected("the mask that it carries in the whole model")
                .found("none, or another"));
        }
        let taken = get_mask(graph, tensor, rank);
        graph.models[root.0].outputs[position] = taken;
    }
    Ok(())
}
