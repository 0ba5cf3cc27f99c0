//! Keras's summary: one row per layer, in Keras's order.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use crate::graph::{Call, Graph, LayerId, LayerKind, Model, TensorId};
use crate::shape::{Shape, Spec};

/// The rows of a model's summary.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The model's name.
    pub name: String,
    /// The input names in the model's order.
    pub inputs: Vec<String>,
    /// The output names in the model's order.
    pub outputs: Vec<String>,
    /// The layers in Keras's order.
    pub layers: Vec<Row>,
    /// Parameters of all layers, shared ones once.
    pub params: usize,
    /// Those that are trained.
    pub trainable_params: usize,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    /// Width that lines are cut to in the text form.
    pub line_length: usize,
}

/// One layer of a summary.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The layer's name.
    pub name: String,
    /// Its Keras class.
    pub class: String,
    /// Models around it, for rows of nested models.
    pub depth: usize,
    /// Per call, the shapes of its outputs.
    pub outputs: Vec<Vec<Shape>>,
    /// Parameters.
    pub params: usize,
    /// Those that are trained.
    pub trainable_params: usize,
    /// Per call, the tensors that go in: layer, call, output.
    pub connected_to: Vec<(String, usize, usize)>,
}

impl Summary {
    /// The summary of `graph`, nested models as one row each.
    pub fn new(graph: &Graph) -> Self {
        Self::with_nested(graph, false)
    }

    /// The summary of `graph`; with `expand_nested` the layers of nested models follow their row.
    pub fn with_nested(graph: &Graph, expand_nested: bool) -> Self {
        let root = graph.root();
        let variables = graph.variables();
        let count = |trainable: bool| {
            let counted = variables.iter().filter(|v| v.trainable || !trainable);
            counted
                .map(|v| {
                    graph.layer(v.weight.layer).weights[v.weight.index]
                        .tensor
                        .len()
                })
                .sum()
        };
        let mut layers = Vec::new();
        rows(graph, root, 0, root.trainable, expand_nested, &mut layers);
        Self {
            name: root.name.clone(),
            inputs: graph.input_names(root),
            outputs: graph.output_names(root),
            layers,
            params: count(false),
            trainable_params: count(true),
            notes: graph.notes.clone(),
            line_length: 100,
        }
    }

    /// The machine-readable form.
    pub fn to_json(&self) -> Value {
        let shape = |shape: &Shape| json!(shape.0);
        let rows: Vec<Value> = self
            .layers
            .iter()
            .map(|row| {
                let outputs: Vec<Value> = row
                    .outputs
                    .iter()
                    .map(|outputs| match outputs.as_slice() {
                        [one] => shape(one),
                        several => several.iter().map(shape).collect(),
                    })
                    .collect();
                json!({
                    "name": row.name,
                    "class": row.class,
                    "output_shapes": outputs,
                    "params": row.params,
                    "trainable_params": row.trainable_params,
                    "connected_to": row.connected_to,
                })
            })
            .collect();
        json!({
            "name": self.name,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "layers": rows,
            "params": self.params,
            "trainable_params": self.trainable_params,
        })
    }
}

fn rows(
    graph: &Graph,
    model: &Model,
    depth: usize,
    trainable: bool,
    expand_nested: bool,
    rows_so_far: &mut Vec<Row>,
) {
    let mut calls: BTreeMap<LayerId, Vec<&Call>> = BTreeMap::new();
    for call in &model.calls {
        calls.entry(call.layer).or_default().push(call);
    }
    for of_layer in calls.values_mut() {
        of_layer.sort_by_key(|call| call.node);
    }
    for id in &model.layers {
        let layer = graph.layer(*id);
        let calls = calls.get(id).map(Vec::as_slice).unwrap_or_default();
        let trainable = trainable && layer.trainable;
        let (params, trainable_params) = count(graph, *id, trainable, &mut Vec::new());
        rows_so_far.push(Row {
            name: layer.name.clone(),
            class: layer.class.clone(),
            depth,
            outputs: match calls {
                [] => input(model, *id).into_iter().collect(),
                calls => calls
                    .iter()
                    .map(|call| outputs(graph, model, call))
                    .collect(),
            },
            params,
            trainable_params,
            connected_to: calls
                .iter()
                .flat_map(|call| call.needs())
                .map(|tensor| connection(graph, model, tensor))
                .collect(),
        });
        if let (LayerKind::Model(inner), true) = (&layer.kind, expand_nested) {
            let inner = graph.model(*inner);
            let trainable = trainable && inner.trainable;
            rows(graph, inner, depth + 1, trainable, true, rows_so_far);
        }
    }
}

/// The shape of an input: it is in no call.
fn input(model: &Model, id: LayerId) -> Option<Vec<Shape>> {
    let position = model.input_layers.iter().position(|layer| *layer == id)?;
    let tensor = model.inputs.get(position)?;
    Some(vec![model.tensors[tensor.0].spec.shape.clone()])
}

/// All outputs of a call, those that nothing looks at included.
pub(crate) fn outputs(graph: &Graph, model: &Model, call: &Call) -> Vec<Shape> {
    let specs = |tensors: &[TensorId]| -> Vec<Spec> {
        let tensors = tensors.iter();
        tensors
            .map(|tensor| model.tensors[tensor.0].spec.clone())
            .collect()
    };
    let all = match &graph.layer(call.layer).kind {
        LayerKind::Layer(kind) => kind.layer().outputs(&specs(&call.inputs)).ok(),
        LayerKind::Operation(operation) => operation.outputs(&specs(&call.inputs)).ok(),
        // Wrapped states that nothing looks at are left out.
        _ => None,
    };
    let all = all.unwrap_or_else(|| specs(&call.outputs));
    all.into_iter().map(|spec| spec.shape).collect()
}

fn connection(graph: &Graph, model: &Model, tensor: TensorId) -> (String, usize, usize) {
    let tensor = &model.tensors[tensor.0];
    let layer = graph.layer(tensor.layer).name.clone();
    (layer, tensor.node, tensor.index)
}

/// Parameters of a layer, those of a nested model's layers included: all, and trained.
fn count(graph: &Graph, id: LayerId, trainable: bool, seen: &mut Vec<LayerId>) -> (usize, usize) {
    if seen.contains(&id) {
        return (0, 0);
    }
    seen.push(id);
    let layer = graph.layer(id);
    let mut sum = |layers: &[LayerId], trainable: bool| {
        layers.iter().fold((0, 0), |(all, trained), id| {
            let trainable = trainable && graph.layer(*id).trainable;
            let (a, t) = count(graph, *id, trainable, seen);
            (all + a, trained + t)
        })
    };
    match &layer.kind {
        LayerKind::Model(inner) => {
            let inner = graph.model(*inner);
            sum(&inner.layers, trainable && inner.trainable)
        }
        LayerKind::Wrapper(_, parts) => sum(parts, trainable),
        _ => layer.weights.iter().fold((0, 0), |(all, trained), weight| {
            let elements = weight.tensor.len();
            let counted = if trainable && weight.trainable {
                elements
            } else {
                0
            };
            (all + elements, trained + counted)
        }),
    }
}

/// A number with commas between thousands.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connected = self.layers.iter().any(|row| row.connected_to.len() > 1)
            || self.inputs.len() > 1
            || self.outputs.len() > 1;
        let width = self.line_length.max(40);
        let stops = if connected {
            [width * 32 / 100, width * 58 / 100, width * 70 / 100]
        } else {
            [width * 45 / 100, width * 82 / 100, width]
        };
        let line = |f: &mut fmt::Formatter<'_>, cells: [&str; 4]| {
            let mut text = String::new();
            for (cell, end) in cells.iter().zip([stops[0], stops[1], stops[2], usize::MAX]) {
                text.push_str(cell);
                let length = text.chars().count();
                if end == usize::MAX {
                    break;
                }
                // Long cells push the next ones: names are never cut.
                let missing = end.saturating_sub(length).max(2);
                text.push_str(&" ".repeat(missing));
            }
            writeln!(f, "{}", text.trim_end())
        };
        writeln!(f, "Model: {:?}", self.name)?;
        writeln!(f, "{}", "─".repeat(width))?;
        let last = if connected { "Connected to" } else { "" };
        line(f, ["Layer (type)", "Output Shape", "Param #", last])?;
        writeln!(f, "{}", "═".repeat(width))?;
        for row in &self.layers {
            let indent = "  ".repeat(row.depth);
            let name = format!("{indent}{} ({})", row.name, row.class);
            let mut shapes: Vec<String> = Vec::new();
            for outputs in &row.outputs {
                let call: Vec<String> = outputs.iter().map(Shape::to_string).collect();
                let call = call.join(", ");
                if shapes.last() != Some(&call) {
                    shapes.push(call);
                }
            }
            let connections: Vec<String> = if connected {
                row.connected_to
                    .iter()
                    .map(|(layer, node, tensor)| format!("{layer}[{node}][{tensor}]"))
                    .collect()
            } else {
                Vec::new()
            };
            let params = grouped(row.params);
            for index in 0..shapes.len().max(connections.len()).max(1) {
                let cell = |list: &[String]| list.get(index).cloned().unwrap_or_default();
                let first = index == 0;
                line(
                    f,
                    [
                        if first { &name } else { "" },
                        &cell(&shapes),
                        if first { &params } else { "" },
                        &cell(&connections),
                    ],
                )?;
            }
        }
        writeln!(f, "{}", "═".repeat(width))?;
        writeln!(f, "Total params: {}", grouped(self.params))?;
        writeln!(f, "Trainable params: {}", grouped(self.trainable_params))?;
        writeln!(
            f,
            "Non-trainable params: {}",
            grouped(self.params - self.trainable_params)
        )?;
        for note in &self.notes {
            writeln!(f, "Note: {note}")?;
        }
        Ok(())
    }
}
