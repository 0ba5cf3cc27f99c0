//! What comes out of the layers in a training step besides the outputs.

use keras_ir::graph::{Graph, LayerId};
use keras_ir::shape::{Kind, Shape, Spec};
use keras_ir::training::Setting;
use keras_ir::{Activation, Problem, ProblemKind};

use super::super::body::{Builder, LayerCall};
use crate::names::Names;
use crate::plan::{Function, Operation, Output, TrainingOutputs, ValueId};

/// A penalty: one number.
fn penalty_spec() -> Spec {
    Spec {
        shape: Shape(vec![Some(1)]),
        kind: Kind::Float,
    }
}

/// Adds the penalties of what the call of a layer gives, if the layer has one.
pub(in super::super) fn penalize(call: &mut LayerCall<'_, '_>) -> Result<(), Problem> {
    let Some(object) = call.activity_regularizer()? else {
        return Ok(());
    };
    let number = |name| match object.option(name) {
        Some(Setting::Number(number)) => *number,
        _ => 0.0,
    };
    let (l1, l2) = (number("l1"), number("l2"));
    for output in call.output_values() {
        let function = Function::ActivityPenalty { l1, l2 };
        let penalty = call.function(function, output, penalty_spec());
        call.add_penalty(penalty);
    }
    Ok(())
}

/// What is wrong with the penalty of a layer, if it is one that cannot be computed.
pub(super) fn unsupported_penalty(graph: &Graph, layer: LayerId) -> Option<Problem> {
    match graph.activity_regularizer(layer) {
        Ok(Some(object)) if !["L1", "L2", "L1L2"].contains(&object.class) => {
            let layer = graph.layer(layer);
            let problem = Problem::new(ProblemKind::Training)
                .at(&layer.path, &layer.class)
                .key("activity_regularizer")
                .expected("L1, L2 or L1L2")
                .found(object.class);
            Some(problem)
        }
        Ok(_) => None,
        Err(problem) => Some(problem),
    }
}

/// Adds to the outputs of a body what a training step needs: logits, if somebody looks at them, and
/// the sum of all penalties.
pub(in super::super) fn add_outputs(builder: &mut Builder, logits: bool) {
    let mut names = Names::fields();
    let outputs = builder.outputs();
    for output in &outputs {
        names.unique(&output.name);
    }
    let mut training = TrainingOutputs {
        count: outputs.len(),
        ..TrainingOutputs::default()
    };
    let mut more = Vec::new();
    for output in &outputs {
        let of = if logits {
            logits_of(builder, output.value)
        } else {
            None
        };
        training.logits.push(of.map(|value| {
            more.push(Output {
                keras_name: output.keras_name.clone(),
                name: names.unique(&format!("{}_logits", output.name)),
                value,
                mask: None,
            });
            outputs.len() + more.len() - 1
        }));
    }
    if let Some(value) = sum_of_penalties(builder) {
        training.penalty = Some(outputs.len() + more.len());
        more.push(Output {
            keras_name: "penalty".into(),
            name: names.unique("penalty"),
            value,
            mask: None,
        });
    }
    builder.add_training(more, training);
}

fn sum_of_penalties(builder: &mut Builder) -> Option<ValueId> {
    let penalties = builder.penalties();
    let (first, others) = penalties.split_first()?;
    let sum = others.iter().fold(*first, |sum, penalty| {
        let add = Operation::Function(Function::Add);
        builder.step("penalty", add, vec![sum, *penalty], penalty_spec())
    });
    Some(sum)
}

/// What `value` is the `softmax` or `sigmoid` of, if a layer gives it right from there: Keras marks
/// such tensors, and what another layer makes of them has the mark no more.
fn logits_of(builder: &mut Builder, value: ValueId) -> Option<ValueId> {
    if let Some(logits) = builder.logits_inside(value) {
        return Some(logits);
    }
    let step = builder.maker(value)?;
    let input = *step.inputs.first()?;
    match &step.operation {
        Operation::Function(Function::Softmax(_) | Function::Activation(Activation::Sigmoid)) => {
            Some(input)
        }
        // Of the same layer: channels that move back behind the activation.
        Operation::Function(Function::Permute(axes)) => {
            let (axes, layer) = (axes.clone(), step.layer.clone());
            if builder.maker(input)?.layer != layer {
                return None;
            }
            let logits = logits_of(builder, input)?;
            let spec = builder.spec(value).clone();
            let permute = Operation::Function(Function::Permute(axes));
            Some(builder.step(&layer, permute, vec![logits], spec))
        }
        _ => None,
    }
}
