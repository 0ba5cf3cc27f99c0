//! Masks that cross a cut: as tensors of their own, beside those that carry them.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::graph::{Call, Graph, Layer, LayerId, LayerKind, Tensor, TensorId};
use crate::layer::{GetMask, LayerKind as Class, SetMask};
use crate::problem::{Problem, ProblemKind};
use crate::shape::{Kind, Shape, Spec};

use super::settle::{each_use, makers};

/// What a mask of `rank` axes of a tensor is: it has the first axes of its tensor.
pub(super) fn mask_spec(tensor: &Spec, rank: usize) -> Spec {
    let dims = tensor.shape.0.iter().take(rank);
    Spec {
        shape: Shape(dims.copied().collect()),
        kind: Kind::Bool,
    }
}

/// Lets everything in the outermost model that takes `tensor` take it with the mask `mask`.
pub(super) fn set_mask(graph: &mut Graph, tensor: TensorId, mask: TensorId) {
    let spec = graph.root().tensors[tensor.0].spec.clone();
    let masked = call(
        graph,
        "masked",
        Class::SetMask(SetMask),
        &[tensor, mask],
        spec,
    );
    let root = graph.root;
    let model = &mut graph.models[root.0];
    let own = model.calls.pop();
    each_use(model, &mut |used| {
        if *used == tensor {
            *used = masked;
        }
    });
    // In front of those that take it.
    model.calls.splice(0..0, own);
}

/// The mask of `tensor`, of `rank` axes, in the outermost model.
pub(super) fn get_mask(graph: &mut Graph, tensor: TensorId, rank: usize) -> TensorId {
    let spec = mask_spec(&graph.root().tensors[tensor.0].spec, rank);
    let class = Class::GetMask(GetMask { rank });
    call(graph, "mask", class, &[tensor], spec)
}

/// Calls a new layer in the outermost model, named after the layer of its first input.
fn call(graph: &mut Graph, role: &str, class: Class, inputs: &[TensorId], spec: Spec) -> TensorId {
    let of_input = &graph.root().tensors[inputs[0].0];
    let name = format!("{}_{role}", graph.layer(of_input.layer).name);
    let mut config = Map::new();
    config.insert("name".into(), Value::from(name.as_str()));
    config.insert("trainable".into(), true.into());
    let class_name = match &class {
        Class::GetMask(mask) => {
            config.insert("rank".into(), mask.rank.into());
            "GetMask"
        }
        _ => "SetMask",
    };
    graph.layers.push(Layer {
        path: name.clone(),
        name,
        class: class_name.to_owned(),
        kind: LayerKind::Layer(class),
        trainable: true,
        config,
        shared_object_id: None,
        weights: Vec::new(),
    });
    let layer = LayerId(graph.layers.len() - 1);
    let root = graph.root;
    let model = &mut graph.models[root.0];
    model.tensors.push(Tensor {
        layer,
        node: 0,
        index: 0,
        spec,
    });
    let output = TensorId(model.tensors.len() - 1);
    model.calls.push(Call {
        layer,
        node: 0,
        inputs: inputs.to_vec(),
        named: Vec::new(),
        order: inputs.to_vec(),
        literals: Vec::new(),
        outputs: vec![output],
    });
    output
}

/// A mask that is taken off a tensor and put on again stays where it is: so halves make the whole.
pub(super) fn reunite(graph: &mut Graph) {
    let model = graph.root();
    let makers = makers(model);
    let is = |layer: LayerId, class: &str| graph.layer(layer).class == class;
    let mut replaced: HashMap<TensorId, TensorId> = HashMap::new();
    for call in model.calls.iter().filter(|call| is(call.layer, "SetMask")) {
        let ([tensor, mask], [output]) = (call.inputs.as_slice(), call.outputs.as_slice()) else {
            continue;
        };
        let taken = makers.get(mask).map(|position| &model.calls[*position]);
        let taken = taken.filter(|taken| is(taken.layer, "GetMask"));
        if taken.is_some_and(|taken| taken.inputs == [*tensor]) {
            replaced.insert(*output, *tensor);
        }
    }
    let root = graph.root;
    each_use(&mut graph.models[root.0], &mut |tensor| {
        if let Some(carrier) = replaced.get(tensor) {
            *tensor = *carrier;
        }
    });
}

/// Every mask that is an output is still there when it is asked for: `MultiHeadAttention` of Keras 3
/// takes masks off.
pub(super) fn check_masks(graph: &Graph) -> Result<(), Problem> {
    let model = graph.root();
    let cleared = graph.cleared_masks(graph.root);
    let gone = model.calls.iter().zip(&cleared.at_calls);
    let mut gone = gone.filter(|(call, gone)| {
        let layer = graph.layer(call.layer);
        layer.class == "GetMask" && call.inputs.iter().any(|tensor| gone.contains(tensor))
    });
    match gone.next() {
        None => Ok(()),
        Some((call, _)) => {
            let layer = graph.layer(call.layer);
            Err(Problem::new(ProblemKind::Mask)
                .at(&layer.path, &layer.class)
                .expected("a tensor with its mask")
                .found("one whose mask an attention layer has taken off"))
        }
    }
}
