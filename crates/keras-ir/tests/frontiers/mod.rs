//! Where a model can be cut in two.

use std::collections::{BTreeSet, HashMap};

use keras_ir::graph::{Graph, TensorId};
use keras_ir::surgery::{End, Place};

/// The sets of tensors that part a model in two: everything that the calls of one part make and the
/// others, or the outputs, need. At most `most` of them.
pub fn frontiers(graph: &Graph, most: usize) -> Vec<Vec<Place>> {
    let model = graph.root();
    let mut parts: BTreeSet<BTreeSet<usize>> = BTreeSet::new();
    let mut open = vec![BTreeSet::new()];
    let mut made: HashMap<TensorId, usize> = HashMap::new();
    for (position, call) in model.calls.iter().enumerate() {
        made.extend(call.outputs.iter().map(|tensor| (*tensor, position)));
    }
    while let Some(part) = open.pop() {
        for (position, call) in model.calls.iter().enumerate() {
            let ready = call
                .needs()
                .all(|t| made.get(&t).is_none_or(|maker| part.contains(maker)));
            if ready && !part.contains(&position) {
                let mut larger = part.clone();
                larger.insert(position);
                if larger.len() < model.calls.len()
                    && parts.len() < most
                    && parts.insert(larger.clone())
                {
                    open.push(larger);
                }
            }
        }
    }
    let place = |tensor: TensorId| match made.get(&tensor) {
        Some(call) => End::Output {
            call: *call,
            index: model.tensors[tensor.0].index,
        },
        None => End::Input(
            model
                .inputs
                .iter()
                .position(|input| *input == tensor)
                .unwrap(),
        ),
    };
    let frontier = |part: &BTreeSet<usize>| {
        let calls = model.calls.iter().enumerate();
        let others = calls.filter(|(position, _)| !part.contains(position));
        let needed = others
            .flat_map(|(_, call)| call.needs())
            .chain(model.outputs.iter().copied());
        let crossing = needed.filter(|t| made.get(t).is_none_or(|maker| part.contains(maker)));
        let ends: BTreeSet<End> = crossing.map(place).collect();
        let places = ends.into_iter().map(|end| Place {
            calls: Vec::new(),
            end,
            is_mask: false,
        });
        places.collect()
    };
    parts.iter().map(frontier).collect()
}
