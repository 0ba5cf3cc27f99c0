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

use crate::container::StoredTensor;
use crate::graph::{FirstInputs, Graph, LayerId, LayerKind, Weight};
use crate::layer::{self, WeightSpec};
use crate::problem::{Problem, ProblemKind};
use crate::shape::Shape;

pub(super) use checkpoint::{SavedObjects, read_objects};
pub(super) use groups::read_groups;
pub(super) use tree::read_tree;

/// A place where a weight belongs.
#[derive(Clone)]
struct Target {
    layer: LayerId,
    spec: WeightSpec,
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
fn specs(kind: &layer::LayerKind, id: LayerId, first_inputs: &FirstInputs) -> Vec<WeightSpec> {
    let inputs = first_inputs.get(&id);
    let specs = inputs.and_then(|inputs| kind.layer().weights(inputs).ok());
    specs.unwrap_or_default()
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
    });
}

fn unreadable(error: &dyn std::error::Error) -> Problem {
    Problem::new(ProblemKind::Container).found(error.to_string())
}
