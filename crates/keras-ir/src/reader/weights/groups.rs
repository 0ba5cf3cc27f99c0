//! Weights of a legacy HDF5 file: one group per layer of the outermost model, each with a list of
//! datasets in Keras's order.

use std::collections::{HashMap, HashSet};

use crate::container::{Container, StoredTensor};
use crate::graph::{FirstInputs, Graph, LayerId, LayerKind, Weight};
use crate::problem::{Problem, ProblemKind};
use crate::shape::Shape;

use super::{Target, is_known, put, saved_specs, unreadable};

/// Fills in the weights of all layers from the group `group` of `file`.
pub(in crate::reader) fn read_groups(
    graph: &mut Graph,
    file: &dyn Container,
    group: &str,
    first_inputs: &FirstInputs,
    problems: &mut Vec<Problem>,
) {
    let listed = match file.string_list_attribute(group, "layer_names") {
        Ok(listed) => listed.unwrap_or_default(),
        Err(error) => {
            problems.push(unreadable(&error).key("layer_names"));
            return;
        }
    };
    let mut taken = HashSet::new();
    if !problems.is_empty() {
        // Behind a broken connection layers are missing from the model: they have weights all the
        // same. The path of a layer of the outermost model is its name.
        let outer = graph.layers.iter().filter(|layer| layer.path == layer.name);
        taken.extend(outer.map(|layer| layer.name.clone()));
    }
    let places = if group.is_empty() {
        by_order(graph, file, &listed, first_inputs)
    } else {
        HashMap::new()
    };
    for id in graph.root().layers.clone() {
        let layer = graph.layer(id);
        let name = places.get(&id).unwrap_or(&layer.name);
        taken.insert(name.clone());
        if !is_known(graph, id, first_inputs) {
            // What it should hold cannot be told: it is unknown, or behind a layer that is.
            continue;
        }
        let targets = file_order(graph, id, first_inputs);
        let path = format!("{group}/{name}");
        if targets.is_empty() && !file.has_group(&path) {
            continue;
        }
        let tensors = match read_group(file, &path) {
            Ok(tensors) => tensors,
            Err(problem) => {
                problems.push(problem.at(&layer.path, &layer.class));
                continue;
            }
        };
        place(graph, id, &targets, tensors, problems);
    }
    for name in listed.iter().filter(|name| !taken.contains(*name)) {
        left_over(file, &format!("{group}/{name}"), problems);
    }
    // Weights that were created on the model itself, in files of tf.keras and Keras 3.
    let of_model = format!("{group}/top_level_model_weights");
    if file.has_group(&of_model) {
        left_over(file, &of_model, problems);
    }
}

/// Where the layers of a model are in a file of weights alone that calls them otherwise: Keras loads
/// such files layer after layer, those without weights left out. Nothing if the names agree, or the
/// numbers do not.
fn by_order(
    graph: &Graph,
    file: &dyn Container,
    listed: &[String],
    first_inputs: &FirstInputs,
) -> HashMap<LayerId, String> {
    let layers = graph.root().layers.iter().copied();
    let weighted: Vec<LayerId> = layers
        .filter(|id| !file_order(graph, *id, first_inputs).is_empty())
        .collect();
    let agree = |id: &LayerId| listed.contains(&graph.layer(*id).name);
    let groups = listed.iter().filter(|name| {
        let names = file.string_list_attribute(&format!("/{name}"), "weight_names");
        names.is_ok_and(|names| names.is_some_and(|names| !names.is_empty()))
    });
    let groups: Vec<&String> = groups.collect();
    if weighted.iter().all(agree) || groups.len() != weighted.len() {
        return HashMap::new();
    }
    let pairs = weighted.into_iter().zip(groups);
    pairs.map(|(id, name)| (id, name.clone())).collect()
}

fn left_over(file: &dyn Container, path: &str, problems: &mut Vec<Problem>) {
    match read_group(file, path) {
        Ok(tensors) => problems.extend(tensors.iter().map(|(_, tensor)| {
            Problem::new(ProblemKind::LeftOverWeight)
                .key(tensor.path())
                .expected("weights of layers that are in the config")
                .found(format!("a weight of shape {:?}", tensor.shape()))
        })),
        Err(problem) => problems.push(problem.key(path)),
    }
}

/// The datasets of a group with the names that its list gives them.
fn read_group(file: &dyn Container, path: &str) -> Result<Vec<(String, StoredTensor)>, Problem> {
    if !file.has_group(path) {
        return Err(Problem::new(ProblemKind::MissingWeight)
            .key(path)
            .expected("a group with the layer's weights")
            .found("no such group"));
    }
    let names = file
        .string_list_attribute(path, "weight_names")
        .map_err(|error| unreadable(&error).key(format!("{path}: weight_names")))?
        .unwrap_or_default();
    names
        .into_iter()
        .map(|name| {
            let dataset = format!("{path}/{name}");
            match file.tensor(&dataset) {
                Ok(tensor) => Ok((name, tensor)),
                Err(error) => Err(Problem::new(ProblemKind::MissingWeight)
                    .key(&dataset)
                    .expected("a dataset with the weight")
                    .found(error.to_string())),
            }
        })
        .collect()
}

/// The weights of a layer in the order in which legacy files list them: those that are trained,
/// then the others, as the flags stood when the file was saved. In a frozen layer or model
/// nothing is trained, and the order is that of construction.
pub(crate) fn file_order(graph: &Graph, id: LayerId, first_inputs: &FirstInputs) -> Vec<Target> {
    let (mut trained, untrained) = split(graph, id, first_inputs);
    trained.extend(untrained);
    trained
}

fn split(graph: &Graph, id: LayerId, first_inputs: &FirstInputs) -> (Vec<Target>, Vec<Target>) {
    let layer = graph.layer(id);
    match &layer.kind {
        LayerKind::Input | LayerKind::Operation(_) | LayerKind::Unknown => (Vec::new(), Vec::new()),
        LayerKind::Layer(kind) => {
            let (trained, untrained): (Vec<_>, Vec<_>) = saved_specs(graph, kind, id, first_inputs)
                .into_iter()
                .map(|spec| Target { layer: id, spec })
                .partition(|target| target.spec.trainable);
            freeze(layer.trainable, trained, untrained)
        }
        LayerKind::Model(inner) => {
            // tf.keras asks the layers inside alone: one that was thawed in a frozen model counts.
            let trainable =
                !graph.generation.is_keras3() || (layer.trainable && graph.model(*inner).trainable);
            let layers = &graph.model(*inner).layers;
            split_all(graph, layers, trainable, first_inputs)
        }
        LayerKind::Wrapper(_, parts) => split_all(graph, parts, layer.trainable, first_inputs),
    }
}

fn split_all(
    graph: &Graph,
    layers: &[LayerId],
    trainable: bool,
    first_inputs: &FirstInputs,
) -> (Vec<Target>, Vec<Target>) {
    let mut trained = Vec::new();
    let mut untrained = Vec::new();
    for id in layers {
        let (t, n) = split(graph, *id, first_inputs);
        if trainable {
            trained.extend(t);
            untrained.extend(n);
        } else {
            // A frozen model or wrapper lists its layers one after the other.
            untrained.extend(t);
            untrained.extend(n);
        }
    }
    (trained, untrained)
}

fn freeze(
    trainable: bool,
    trained: Vec<Target>,
    untrained: Vec<Target>,
) -> (Vec<Target>, Vec<Target>) {
    if trainable {
        (trained, untrained)
    } else {
        (Vec::new(), [trained, untrained].concat())
    }
}

/// Puts the tensors of a group where they belong.
fn place(
    graph: &mut Graph,
    id: LayerId,
    targets: &[Target],
    tensors: Vec<(String, StoredTensor)>,
    problems: &mut Vec<Problem>,
) {
    let layer = graph.layer(id);
    if tensors.len() != targets.len() {
        report_counts(graph, id, targets, &tensors, problems);
        return;
    }
    // Names are labels, but where every one of them leads to one weight they are surer than
    // positions, which depend on flags.
    let by_name = match layer.kind {
        LayerKind::Model(_) | LayerKind::Wrapper(..) => match_names(graph, targets, &tensors),
        _ => None,
    };
    let order = by_name.unwrap_or_else(|| (0..targets.len()).collect());
    let mut placed: Vec<Option<StoredTensor>> = vec![None; targets.len()];
    for ((_, tensor), target) in tensors.into_iter().zip(order) {
        placed[target] = Some(tensor);
    }
    for (target, tensor) in targets.iter().zip(placed) {
        let Some(tensor) = tensor else { continue };
        put(graph, target, tensor, problems);
    }
    // Lists of frozen and composite layers are in another order than that of construction.
    for target in targets {
        let layer = &mut graph.layers[target.layer.0];
        let names: Vec<&str> = targets
            .iter()
            .filter(|other| other.layer == target.layer)
            .map(|other| other.spec.name)
            .collect();
        let position = |weight: &Weight| names.iter().position(|name| *name == weight.name);
        layer
            .weights
            .sort_by_key(|weight| (!weight.trainable, position(weight)));
    }
}

fn report_counts(
    graph: &Graph,
    id: LayerId,
    targets: &[Target],
    tensors: &[(String, StoredTensor)],
    problems: &mut Vec<Problem>,
) {
    let layer = graph.layer(id);
    let expected: Vec<String> = targets
        .iter()
        .map(|target| {
            let owner = graph.layer(target.layer);
            let shape = Shape(target.spec.shape.clone());
            format!("{}/{} {shape}", owner.name, target.spec.name)
        })
        .collect();
    let found: Vec<String> = tensors
        .iter()
        .map(|(name, tensor)| format!("{name} {:?}", tensor.shape()))
        .collect();
    let kind = if tensors.len() < targets.len() {
        ProblemKind::MissingWeight
    } else {
        ProblemKind::LeftOverWeight
    };
    let say = |list: Vec<String>| match list.len() {
        0 => "no weights".to_owned(),
        count => format!("{count} weights: {}", list.join(", ")),
    };
    problems.push(
        Problem::new(kind)
            .at(&layer.path, &layer.class)
            .key("weight_names")
            .expected(say(expected))
            .found(say(found)),
    );
}

/// For each tensor the target that its name means, if all names mean different targets.
///
/// Names end in `<layer>/<weight>` or `<layer>/<cell>/<weight>`, with `:0` behind in files of
/// TensorFlow; what stands before depends on version and scope. The weight of a layer that is made
/// of others has a `/` itself: `query/kernel`.
fn match_names(
    graph: &Graph,
    targets: &[Target],
    tensors: &[(String, StoredTensor)],
) -> Option<Vec<usize>> {
    let mut order = Vec::with_capacity(tensors.len());
    for (name, _) in tensors {
        let path = name.split(':').next()?;
        let in_scope = |scope: &str, layer: &str| {
            scope
                .strip_suffix(layer)
                .is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        let candidates = targets.iter().enumerate().filter(|(_, target)| {
            let layer = graph.own_name(target.layer);
            let scope = path.strip_suffix(target.spec.name);
            let scope = scope.and_then(|scope| scope.strip_suffix('/'));
            let of_cell = |scope: &str| match scope.rsplit_once('/') {
                Some((outer, _)) => in_scope(outer, layer),
                None => false,
            };
            scope.is_some_and(|scope| in_scope(scope, layer) || of_cell(scope))
        });
        // The longest name wins: `a/dense` before `dense`.
        let length = |target: &Target| graph.own_name(target.layer).len() + target.spec.name.len();
        let longest = candidates
            .map(|(index, target)| (length(target), index))
            .collect::<Vec<_>>();
        let most = longest.iter().map(|(length, _)| *length).max()?;
        let mut best = longest.iter().filter(|(length, _)| *length == most);
        let (_, index) = best.next()?;
        if best.next().is_some() || order.contains(index) {
            return None;
        }
        order.push(*index);
    }
    Some(order)
}
