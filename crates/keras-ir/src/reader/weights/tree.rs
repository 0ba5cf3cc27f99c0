//! Weights of Keras 3's layout: the variables of each object are `<path>/vars/<index>`, and the path is
//! that of the object in Keras's tree of objects.
//!
//! A layer's place in its model is named after its class and counted (`layers/dense_1`), whatever the layer
//! is called. `.keras` archives and `.weights.h5` files have this layout, those of tf.keras too.

use std::collections::{BTreeMap, BTreeSet};

use crate::container::{Container, StoredTensor};
use crate::graph::{FirstInputs, Graph, LayerId, LayerKind, ModelId};
use crate::layer::WeightSpec;
use crate::object_names::{numbered, snake_case};
use crate::problem::{Problem, ProblemKind};

use super::{Target, datasets, is_known, put, specs, unreadable};

/// Where tf.keras 2.12 to 2.14 lists the layers of a model.
const OLD_LIST: &str = "_layer_checkpoint_dependencies";

/// Fills in the weights of all layers from `file`.
pub(in crate::reader) fn read_tree(
    graph: &mut Graph,
    file: &dyn Container,
    first_inputs: &FirstInputs,
    problems: &mut Vec<Problem>,
) {
    let mut used = BTreeSet::new();
    let mut absent = Vec::new();
    let is_complete = problems.is_empty();
    for (id, path) in object_paths(graph, Some(file)) {
        let LayerKind::Layer(kind) = &graph.layer(id).kind else {
            continue;
        };
        let specs = specs(kind, id, first_inputs);
        if specs.is_empty() || !is_known(graph, id, first_inputs) {
            continue;
        }
        match find(file, &path, &specs) {
            Ok(tensors) => {
                for (spec, tensor) in specs.into_iter().zip(tensors) {
                    used.insert(tensor.path().trim_matches('/').to_owned());
                    put(graph, &Target { layer: id, spec }, tensor, problems);
                }
            }
            Err(problem) => absent.push((id, problem)),
        }
    }
    for (id, problem) in absent {
        // An object that stands in two places is saved in the first of them alone.
        match twin(graph, id) {
            Some(twin) => graph.layers[id.0].weights = graph.layer(twin).weights.clone(),
            None => {
                let layer = graph.layer(id);
                problems.push(problem.at(&layer.path, &layer.class));
            }
        }
    }
    if is_complete {
        left_over(file, &used, problems);
    }
}

/// The layers that may have weights, with the paths of their objects in `file`, or in a new one of
/// Keras 3; one that stands in several models has several.
pub(crate) fn object_paths(graph: &Graph, file: Option<&dyn Container>) -> Vec<(LayerId, String)> {
    let mut walk = Walk {
        graph,
        file,
        places: Vec::new(),
    };
    walk.model(graph.root, "");
    walk.places
}

/// A walk over the objects in the order in which Keras saves them.
struct Walk<'a> {
    graph: &'a Graph,
    /// What is read, if it is.
    file: Option<&'a dyn Container>,
    /// The layers that may have weights, with their paths.
    places: Vec<(LayerId, String)>,
}

impl Walk<'_> {
    /// The layers of a model whose path, with a slash behind, is `path`.
    fn model(&mut self, id: ModelId, path: &str) {
        let old = self.file.filter(|file| {
            !file.has_group(&format!("{path}layers"))
                && file.has_group(&format!("{path}{OLD_LIST}"))
        });
        let list = if old.is_some() { OLD_LIST } else { "layers" };
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for layer in &self.graph.model(id).layers {
            let Some(base) = self.name(*layer) else {
                continue;
            };
            let count = counts.entry(base.clone()).or_default();
            let name = match old {
                Some(file) => old_name(file, &format!("{path}{list}"), &base, *count),
                None => numbered(&base, *count),
            };
            *count += 1;
            self.layer(*layer, &format!("{path}{list}/{name}"));
        }
    }

    /// What the places of a layer's class are called; `None` for operations, which are no layers.
    fn name(&self, id: LayerId) -> Option<String> {
        let layer = self.graph.layer(id);
        (!layer.is_operation()).then(|| snake_case(&layer.class))
    }

    fn layer(&mut self, id: LayerId, path: &str) {
        match &self.graph.layer(id).kind {
            LayerKind::Input | LayerKind::Operation(_) | LayerKind::Unknown => {}
            LayerKind::Model(inner) => self.model(*inner, &format!("{path}/")),
            LayerKind::Wrapper(wrapper, parts) => {
                let paths = wrapper.wrapper().part_paths();
                for (part, of_part) in parts.iter().zip(paths) {
                    self.layer(*part, &format!("{path}/{of_part}"));
                }
            }
            LayerKind::Layer(_) => self.places.push((id, path.to_owned())),
        }
    }
}

/// tf.keras 2.12 and 2.13 count a layer with weights twice: the groups that are there tell.
fn old_name(file: &dyn Container, list: &str, base: &str, position: usize) -> String {
    let groups = file.children(list).map(|children| children.groups);
    let mut numbers: Vec<usize> = groups
        .unwrap_or_default()
        .iter()
        .filter_map(|group| match group.strip_prefix(base)? {
            "" => Some(0),
            number => number.strip_prefix('_')?.parse().ok(),
        })
        .collect();
    numbers.sort_unstable();
    numbered(base, numbers.get(position).copied().unwrap_or(position))
}

/// The tensors of a layer at `path`, in the order of `specs`.
fn find(
    file: &dyn Container,
    path: &str,
    specs: &[WeightSpec],
) -> Result<Vec<StoredTensor>, Problem> {
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    let mut tensors = Vec::with_capacity(specs.len());
    for spec in specs {
        let group = group(file, path, spec.part);
        let index = next.entry(group.clone()).or_default();
        let dataset = format!("{group}/vars/{index}");
        *index += 1;
        let tensor = file.tensor(&dataset).map_err(|error| {
            Problem::new(ProblemKind::MissingWeight)
                .key(dataset)
                .expected(format!("the layer's {}", spec.name))
                .found(error.to_string())
        })?;
        tensors.push(tensor);
    }
    Ok(tensors)
}

/// The group of the object `part` of a layer. Its name may be private (`_query_dense` before Keras
/// 3.0.5), and the cell of an `RNN` is the object itself.
fn group(file: &dyn Container, path: &str, part: &str) -> String {
    if part.is_empty() {
        return path.to_owned();
    }
    [format!("{path}/{part}"), format!("{path}/_{part}")]
        .into_iter()
        .find(|group| file.has_group(group))
        .unwrap_or_else(|| path.to_owned())
}

/// A layer of the same name, class and config that has its weights.
fn twin(graph: &Graph, id: LayerId) -> Option<LayerId> {
    let layer = graph.layer(id);
    let mut others = (0..graph.layers.len()).map(LayerId);
    others.find(|other| {
        let of_other = graph.layer(*other);
        *other != id
            && of_other.class == layer.class
            && graph.own_name(*other) == graph.own_name(id)
            && of_other.config == layer.config
            && !of_other.weights.is_empty()
    })
}

/// Reports the variables of layers that belong to no weight.
fn left_over(file: &dyn Container, used: &BTreeSet<String>, problems: &mut Vec<Problem>) {
    let paths = match datasets(file, "") {
        Ok(paths) => paths,
        Err(error) => {
            problems.push(unreadable(&error));
            return;
        }
    };
    let unused = paths.into_iter().filter(|path| !used.contains(path));
    problems.extend(unused.map(|path| {
        Problem::new(ProblemKind::LeftOverWeight)
            .expected("weights of layers that are in the config")
            .found(match file.tensor(&path) {
                Ok(tensor) => format!("a weight of shape {:?}", tensor.shape()),
                Err(error) => error.to_string(),
            })
            .key(path)
    }));
}
