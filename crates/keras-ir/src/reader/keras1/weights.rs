//! The weights of Keras 1: what a file holds of a layer, and how it becomes what Keras 2 holds.

use serde_json::{Map, Value, json};

use crate::container::{Arrangement, ContainerError, StoredTensor};
use crate::graph::Weight;
use crate::layer::LayerKind;
use crate::layer::WeightSpec;
use crate::layer::config::DataFormat;
use crate::layer::convolution::Window;
use crate::layer::rnn::CellKind;

use super::version_numbers;

/// Gates in the order of files, each with its position in Keras 2: `LSTM` lists i, c, f, o.
const LSTM: &[(usize, [&str; 3])] = &[
    (0, ["W_i", "U_i", "b_i"]),
    (2, ["W_c", "U_c", "b_c"]),
    (1, ["W_f", "U_f", "b_f"]),
    (3, ["W_o", "U_o", "b_o"]),
];
const GRU: &[(usize, [&str; 3])] = &[
    (0, ["W_z", "U_z", "b_z"]),
    (1, ["W_r", "U_r", "b_r"]),
    (2, ["W_h", "U_h", "b_h"]),
];

/// The gates that a layer stores apart; none for those that are stored as in Keras 2
/// (`consume_less="gpu"`).
fn gates(kind: &LayerKind, config: &Map<String, Value>) -> &'static [(usize, [&'static str; 3])] {
    let fused = config.get("implementation") == Some(&json!(2));
    match kind {
        LayerKind::Recurrent(layer) if !fused => match layer.cell.kind {
            CellKind::Lstm => LSTM,
            CellKind::Gru { .. } => GRU,
            CellKind::SimpleRnn => &[],
        },
        _ => &[],
    }
}

/// The window of a convolution, with the weights that are its kernels.
fn kernels(kind: &LayerKind) -> Option<(&Window, &'static [&'static str])> {
    match kind {
        LayerKind::Conv(layer) => Some((&layer.window, &["kernel"])),
        LayerKind::ConvTranspose(layer) => Some((&layer.window, &["kernel"])),
        LayerKind::SeparableConv(layer) => {
            Some((&layer.window, &["depthwise_kernel", "pointwise_kernel"]))
        }
        _ => None,
    }
}

/// What a file of Keras 1 in `version` holds of a layer that has the weights `specs` in Keras 2, in
/// the order of the file.
pub(in crate::reader) fn saved_specs(
    kind: &LayerKind,
    config: &Map<String, Value>,
    version: Option<&str>,
    mut specs: Vec<WeightSpec>,
) -> Vec<WeightSpec> {
    if matches!(kind, LayerKind::Highway(_)) && version_numbers(version) < [1, 2, 0] {
        specs.sort_by_key(|spec| spec.name.ends_with("_carry"));
    }
    let gates = gates(kind, config);
    if !gates.is_empty() {
        let divide = |size: &Option<usize>| size.map(|size| size / gates.len());
        return gates
            .iter()
            .flat_map(|(_, names)| names.iter().zip(&specs))
            .map(|(name, spec)| {
                let mut shape = spec.shape.clone();
                if let Some(last) = shape.last_mut() {
                    *last = divide(last);
                }
                WeightSpec::trained(name, shape)
            })
            .collect();
    }
    if matches!(
        kind,
        LayerKind::PRelu(_) | LayerKind::ParametricSoftplus(_) | LayerKind::SRelu(_)
    ) {
        // Which axes are shared, the shapes tell alone.
        let open = |spec: WeightSpec| WeightSpec {
            shape: vec![None; spec.shape.len()],
            ..spec
        };
        return specs.into_iter().map(open).collect();
    }
    let Some((_, names)) = kernels(kind) else {
        return specs;
    };
    let specs = specs.into_iter().map(|spec| {
        // In which order the axes are, shapes decide for some of them.
        let axes = if names.contains(&spec.name) {
            vec![None; spec.shape.len().max(4)]
        } else {
            spec.shape
        };
        WeightSpec {
            shape: axes,
            ..spec
        }
    });
    specs.collect()
}

/// The axes that share weights, in a layer that has some for each element.
fn shared_axes(kind: &mut LayerKind) -> Option<&mut Vec<i64>> {
    match kind {
        LayerKind::PRelu(layer) => Some(&mut layer.shared_axes),
        LayerKind::ParametricSoftplus(layer) => Some(&mut layer.like.shared_axes),
        LayerKind::SRelu(layer) => Some(&mut layer.like.shared_axes),
        _ => None,
    }
}

/// Finds out from its weights which axes a layer shares, which its config leaves out: those of
/// size 1.
pub(in crate::reader) fn tell_shared_axes(kind: &mut LayerKind, weights: &[Weight]) {
    let Some(axes) = shared_axes(kind) else {
        return;
    };
    let shape = weights
        .first()
        .map_or(&[][..], |weight| weight.tensor.shape());
    *axes = (1..)
        .zip(shape)
        .filter_map(|(axis, size)| (*size == 1).then_some(axis))
        .collect();
}

/// The weights as Keras 2 has them, of those that [`saved_specs`] lists.
///
/// # Errors
///
/// The weight whose shape does not fit, and why.
pub(in crate::reader) fn convert(
    kind: &LayerKind,
    config: &Map<String, Value>,
    specs: &[WeightSpec],
    mut weights: Vec<Weight>,
    theano: bool,
) -> Result<Vec<Weight>, ContainerError> {
    let gates = gates(kind, config);
    if !gates.is_empty() {
        return join_gates(gates, specs, &weights);
    }
    weights.sort_by_key(|weight| specs.iter().position(|spec| spec.name == weight.name));
    let Some((window, names)) = kernels(kind) else {
        return Ok(weights);
    };
    let weights = weights.into_iter().map(|weight| {
        if !names.contains(&weight.name) {
            return Ok(weight);
        }
        let shape = specs.iter().find(|spec| spec.name == weight.name);
        let shape = shape.map_or(&[][..], |spec| &spec.shape);
        let mut arrangement = kernel(kind, window, weight.tensor.shape(), shape);
        if theano {
            arrangement.reversed = (0..window.dimensions()).collect();
        }
        let tensor = StoredTensor::arranged(vec![weight.tensor], arrangement)?;
        Ok(Weight { tensor, ..weight })
    });
    weights.collect()
}

fn join_gates(
    gates: &[(usize, [&'static str; 3])],
    specs: &[WeightSpec],
    weights: &[Weight],
) -> Result<Vec<Weight>, ContainerError> {
    let mut joined = Vec::with_capacity(specs.len());
    for (index, spec) in specs.iter().enumerate() {
        let mut parts: Vec<(usize, StoredTensor)> = Vec::with_capacity(gates.len());
        for (position, names) in gates {
            let mut weights = weights.iter();
            let weight = weights.find(|weight| Some(&weight.name) == names.get(index));
            parts.extend(weight.map(|weight| (*position, weight.tensor.clone())));
        }
        parts.sort_by_key(|(position, _)| *position);
        let parts = parts.into_iter().map(|(_, tensor)| tensor).collect();
        joined.push(Weight {
            name: spec.name,
            trainable: spec.trainable,
            tensor: StoredTensor::arranged(parts, Arrangement::default())?,
            copies: Vec::new(),
        });
    }
    Ok(joined)
}

/// From the layout of a kernel to `(rows, columns, channels, filters)`, the filters before the
/// channels in a transposed convolution.
///
/// Channels-first kernels are `(filters, channels, rows, columns)`, those of one dimension have a
/// second spatial axis of size 1, and before 1.1 they were channels-first.
fn kernel(
    kind: &LayerKind,
    window: &Window,
    found: &[usize],
    wanted: &[Option<usize>],
) -> Arrangement {
    let rank = found.len();
    let is_flat = window.dimensions() == 1;
    let filters_first = if is_flat {
        // (filters, channels, steps, 1), not (steps, 1, channels, filters).
        let sizes = [wanted.first(), wanted.last()].map(|size| size.copied().flatten());
        !(found.first().copied() == sizes[0]
            && found[1..2] == [1]
            && found.last().copied() == sizes[1])
    } else {
        window.data_format == DataFormat::ChannelsFirst
    };
    let mut permutation: Vec<usize> = if filters_first {
        (2..rank).chain([1, 0]).collect()
    } else {
        (0..rank).collect()
    };
    if matches!(kind, LayerKind::ConvTranspose(_)) && rank >= 2 {
        permutation.swap(rank - 2, rank - 1);
    }
    Arrangement {
        permutation,
        reversed: Vec::new(),
        dropped: if is_flat { vec![1] } else { Vec::new() },
    }
}
