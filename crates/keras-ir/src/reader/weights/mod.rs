//! From saved weights to the layers that they belong to.
//!
//! ```text
//! groups   legacy HDF5: a list of datasets per layer of the outermost model, in Keras's order
//! tree     Keras 3: a path per object
//! objects  SavedModel: the graph of objects of a checkpoint
//! ```

mod checkpoint;
mod groups;
mod tree;

use crate::container::{Container, ContainerError, StoredTensor, walk};
use crate::graph::{FirstInputs, Graph, LayerId, LayerKind, Weight};
use crate::layer::{self, WeightSpec};
use crate::problem::{Problem, ProblemKind};
use crate::shape::Shape;
use crate::version::Generation;

use super::{Weights, keras1};

pub(super) use checkpoint::{SavedObjects, read_objects};
pub(crate) use groups::file_order;
pub(super) use groups::read_groups;
pub(crate) use tree::object_paths;
pub(super) use tree::read_tree;

/// All weights that are there, whatever takes them.
pub(super) fn stored(saved: Weights<'_>) -> Result<Vec<StoredTensor>, Problem> {
    let (file, group) = match saved {
        Weights::Groups(file, group) => (file, group),
        Weights::Tree(file) => (file, ""),
        Weights::Objects(saved) => {
            let variables = saved.all_variables().into_iter();
            return variables.map(|node| saved.tensor(node)).collect();
        }
    };
    let paths = datasets(file, group).map_err(|error| unreadable(&error))?;
    let tensors = paths.iter().map(|path| file.tensor(path));
    tensors
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(&error))
}

/// The paths of all datasets in `group`, without a slash in front; the state of the optimizer and of
/// metrics is no weight.
fn datasets(file: &dyn Container, group: &str) -> Result<Vec<String>, ContainerError> {
    let is_state = |path: &str| group.is_empty() && STATE.contains(&path);
    let groups = walk::groups(file, group, |path| !is_state(path))?;
    let paths = groups.iter().flat_map(|(group, children)| {
        let datasets = children.datasets.iter();
        datasets.map(move |name| walk::join(group, name))
    });
    Ok(paths.collect())
}

/// Groups at the root of a file of weights that hold none.
const STATE: [&str; 3] = ["optimizer", "optimizer_weights", "metrics"];

/// A place where a weight belongs.
#[derive(Clone)]
pub(crate) struct Target {
    pub layer: LayerId,
    pub spec: WeightSpec,
}

/// Whether the weights of a layer, and of all layers in a model, can be told.
fn is_known(graph: &Graph, id: LayerId, first_inputs: &FirstInputs) -> bool {
    match &graph.layer(id).kind {
        LayerKind::Input | LayerKind::Operation(_) => true,
        LayerKind::Unknown => false,
        LayerKind::Layer(_) => first_inputs.contains_key(&id),
        LayerKind::Wrapper(_, parts) => parts.iter().all(|id| is_known(graph, *id, first_inputs)),
        LayerKind::Model(inner) => {
            let layers = &graph.model(*inner).layers;
            layers.iter().all(|id| is_known(graph, *id, first_inputs))
        }
    }
}

/// What weights a layer should have.
pub(crate) fn specs(
    kind: &layer::LayerKind,
    id: LayerId,
    first_inputs: &FirstInputs,
) -> Vec<WeightSpec> {
    let inputs = first_inputs.get(&id);
    let specs = inputs.and_then(|inputs| kind.layer().weights(inputs).ok());
    specs.unwrap_or_default()
}

/// What weights the file holds of a layer.
fn saved_specs(
    graph: &Graph,
    kind: &layer::LayerKind,
    id: LayerId,
    inputs: &FirstInputs,
) -> Vec<WeightSpec> {
    let specs = specs(kind, id, inputs);
    if graph.generation == Generation::Keras1 {
        keras1::saved_specs(
            kind,
            &graph.layer(id).config,
            graph.keras_version.as_deref(),
            specs,
        )
    } else {
        specs
    }
}

/// Makes what Keras 2 has of the weights that were read from a file of Keras 1.
pub(super) fn modernise(
    graph: &mut Graph,
    first_inputs: &FirstInputs,
    origin: &keras1::Origin,
    problems: &mut Vec<Problem>,
) {
    if !problems.is_empty() {
        return; // some are missing
    }
    for index in 0..graph.layers.len() {
        let id = LayerId(index);
        let layer = &mut graph.layers[index];
        let LayerKind::Layer(kind) = &mut layer.kind else {
            continue;
        };
        keras1::tell_shared_axes(kind, &layer.weights);
        let specs = specs(kind, id, first_inputs);
        let weights = std::mem::take(&mut layer.weights);
        match keras1::convert(kind, &layer.config, &specs, weights, origin.theano) {
            Ok(weights) => {
                for (spec, weight) in specs.into_iter().zip(weights) {
                    put(graph, &Target { layer: id, spec }, weight.tensor, problems);
                }
            }
            Err(error) => {
                problems.push(unreadable(&error).at(&layer.path, &layer.class));
            }
        }
    }
}

/// Gives a tensor to its layer, if its shape fits.
fn put(graph: &mut Graph, target: &Target, tensor: StoredTensor, problems: &mut Vec<Problem>) {
    let layer = &mut graph.layers[target.layer.0];
    let expected = Shape(target.spec.shape.clone());
    let found = Shape(tensor.shape().iter().copied().map(Some).collect());
    if !expected.accepts(&found) {
        problems.push(
            Problem::new(ProblemKind::WeightShape)
                .at(&layer.path, &layer.class)
                .key(tensor.path())
                .expected(format!("{} of shape {expected}", target.spec.name))
                .found(format!("shape {found}")),
        );
        return;
    }
    layer.weights.push(Weight {
        name: target.spec.name,
        trainable: target.spec.trainable,
        tensor,
        copies: Vec::new(),
    });
}

fn unreadable(error: &dyn std::error::Error) -> Problem {
    Problem::new(ProblemKind::Container).found(error.to_string())
}
