//! One body of a model: calls in order, each layer's steps, masks beside the values.
//!
//! ```text
//! signature   how a model is called, and for what: each way has a body of its own
//! builder     a body in the making
//! call        one call of a layer: what its lowering reads
//! nested      one call of a model
//! steps       what a lowering adds
//! ```

mod builder;
mod call;
mod nested;
mod signature;
mod steps;

use std::collections::HashMap;

use keras_ir::graph::{ModelId, TensorId};
use keras_ir::shape::{Kind, Shape, Spec};

use super::{Lowering, training};
use crate::names;
use crate::plan::{Body, Output, ValueId};

pub(crate) use builder::Builder;
pub(crate) use call::LayerCall;
pub(crate) use signature::{Purpose, Signature};
pub(crate) use steps::{axis_to_one, invert};

/// A tensor of the graph in a body: its value, and its mask if it has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub value: ValueId,
    pub mask: Option<ValueId>,
}

/// Lowers the calls of `model` for inputs of `signature`.
pub(crate) fn lower_body(
    lowering: &mut Lowering<'_>,
    model: ModelId,
    signature: &Signature,
    specs: &[Spec],
) -> Body {
    let graph = lowering.graph;
    let of_graph = graph.model(model);
    let mut builder = Builder {
        purpose: signature.purpose,
        ..Builder::default()
    };
    let mut bound: HashMap<TensorId, Bound> = HashMap::new();
    let input_names = graph.input_names(of_graph);
    builder.body.input_names.clone_from(&input_names);
    let inputs = of_graph.inputs.iter().zip(&input_names);
    for ((tensor, name), spec) in inputs.clone().zip(specs) {
        let value = builder.value(name, spec.clone());
        builder.body.inputs.push(value);
        bound.insert(*tensor, Bound { value, mask: None });
    }
    for ((tensor, name), (_, _, mask)) in inputs.zip(&signature.inputs) {
        let mask = mask.map(|rank| {
            // A mask has the first axes of its tensor.
            let mut dims = builder.spec(bound[tensor].value).shape.0.clone();
            dims.resize(rank, None);
            let spec = Spec {
                shape: Shape(dims),
                kind: Kind::Bool,
            };
            builder.value(&format!("{name}_mask"), spec)
        });
        builder.body.input_masks.push(mask);
        if let Some(bound) = bound.get_mut(tensor) {
            bound.mask = mask;
        }
    }
    let cleared = graph.cleared_masks(model);
    for (call, gone) in of_graph.calls.iter().zip(&cleared.at_calls) {
        // A call behind one that failed has no inputs; the failure is reported already.
        let found = |tensor: &TensorId| bound.get(tensor).copied();
        let inputs: Option<Vec<Bound>> = call
            .inputs
            .iter()
            .map(|tensor| {
                let bound = found(tensor)?;
                let mask = bound.mask.filter(|_| !gone.contains(tensor));
                Some(Bound { mask, ..bound })
            })
            .collect();
        let named: Option<Vec<_>> = call
            .named
            .iter()
            .map(|(name, tensors)| {
                let tensors = tensors.iter();
                let found = tensors.map(|tensor| match tensor {
                    Some(tensor) => found(tensor).map(Some),
                    None => Some(None),
                });
                Some((name.clone(), found.collect::<Option<Vec<_>>>()?))
            })
            .collect();
        let (Some(inputs), Some(named)) = (inputs, named) else {
            continue;
        };
        let layer = graph.layer(call.layer);
        let mut layer_call = LayerCall {
            lowering: &mut *lowering,
            builder: &mut builder,
            model,
            id: call.layer,
            layer,
            literals: &call.literals,
            count: call.outputs.len(),
            known: call
                .outputs
                .iter()
                .map(|tensor| of_graph.tensors[tensor.0].spec.clone())
                .collect(),
            known_inputs: call
                .inputs
                .iter()
                .map(|tensor| of_graph.tensors[tensor.0].spec.clone())
                .collect(),
            inputs,
            named,
            parts: &[],
            outputs: Vec::new(),
            gives_output: call.outputs.iter().any(|id| of_graph.outputs.contains(id)),
        };
        match layer_call.lower() {
            Ok(outputs) => {
                for (tensor, output) in call.outputs.iter().zip(outputs) {
                    bound.insert(*tensor, output);
                }
            }
            Err(problem) => lowering
                .problems
                .push(problem.at(&layer.path, &layer.class)),
        }
    }
    let mut taken = names::Names::fields();
    let outputs = of_graph.outputs.iter().zip(graph.output_names(of_graph));
    let outputs = outputs.filter_map(|(tensor, keras_name)| {
        let Bound { value, mask } = bound.get(tensor).copied()?;
        Some(Output {
            name: taken.unique(&names::value_name(&keras_name)),
            keras_name,
            value,
            mask: mask.filter(|_| !cleared.at_end.contains(tensor)),
        })
    });
    builder.body.outputs = outputs.collect();
    if let Purpose::Training { logits } = signature.purpose {
        training::add_outputs(&mut builder, logits);
    }
    let mut taken = names::Names::fields();
    for state in &mut builder.body.states {
        state.name = taken.unique(&state.name);
    }
    builder.body
}
