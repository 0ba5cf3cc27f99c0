//! A graph, written as a Keras model.
//!
//! ```text
//! graph ──┬─► legacy    groups of weights by layer ──► .h5
//!         └─► objects   Keras 3's tree of objects  ──► .keras
//! ```

mod legacy;
mod objects;

use std::collections::HashSet;
use std::path::Path;

use super::error::WriteError;
use super::keras1::modern;
use super::replace;
use super::tree::Tree;
use crate::graph::{Graph, Layer, LayerId, LayerKind};
use crate::layer::Wrapper;
use crate::problem::{Problem, ProblemKind};
use crate::reader::{ListedState, list_state};
use crate::surgery::with_tables;

/// Writes the graph as a whole Keras model: a name that ends in `.keras` gives the archive of Keras 3,
/// `.h5` or `.hdf5` the HDF5 file of the graph's own generation, Keras 2 for Keras 1. What is at `path` is
/// replaced once the new file is complete. Gives notes of what the file does not hold.
///
/// ```no_run
/// let graph = keras_ir::read("resnet50.keras", keras_ir::ReadOptions::default())?;
/// let features = graph.extract(&["conv4_block6_out"])?;
/// for note in keras_ir::writer::write_model(&features, "features.keras".as_ref())? {
///     println!("{note}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Masks that cross a cut and tied layers are loaded with the classes of `docs/burn_keras_layers.py`.
///
/// Operations of Keras 3 are loaded from either kind of file; one with `...` among its arguments from an
/// archive alone (Keras 3.15, whose own `.h5` give it no operation at all).
///
/// Weights are read as they are written, one in memory at a time; a layer that stands in several models
/// is written in each, as Keras does. The optimizer's state is written where the graph has it. The same
/// graph gives the same bytes.
///
/// # Errors
///
/// What [`Graph::to_config`] refuses, a name that says another kind of file, weights that cannot be read,
/// or a file that cannot be written. What was at `path` is still there then.
pub fn write_model(graph: &Graph, path: &Path) -> Result<Vec<String>, WriteError> {
    let graph = modern(graph)?;
    let graph = &*with_tables(&graph)?;
    let form = Form::of(graph, path)?;
    let config = graph.to_config()?;
    let mut placed = Placed::new(graph);
    let mut notes = Vec::new();
    replace(path, |staged| match form {
        Form::Legacy => {
            legacy::place(graph, &mut placed)?;
            let state = placed.state(graph, true, &mut notes);
            legacy::describe(graph, &mut placed.tree, state, &config)?;
            placed.tree.write_new(staged)
        }
        Form::Archive => {
            objects::place(graph, &mut placed)?;
            let state = placed.state(graph, false, &mut notes);
            objects::write(graph, &mut placed.tree, state, config, staged)
        }
    })?;
    Ok(notes)
}

/// What kind of file is written.
enum Form {
    Legacy,
    Archive,
}

impl Form {
    /// Keras tells by a file's ending how to read it.
    fn of(graph: &Graph, path: &Path) -> Result<Self, WriteError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_hdf5 = [".h5", ".hdf5"].iter().any(|end| name.ends_with(end));
        if is_hdf5 && !name.ends_with(super::WEIGHTS_ENDING) {
            return Ok(Self::Legacy);
        }
        let expected = match graph.generation.is_keras3() {
            true if name.ends_with(".keras") => return Ok(Self::Archive),
            true => "a name that ends in .keras or .h5".to_owned(),
            false => format!(
                "a name that ends in .h5: the model is of {}",
                graph.generation
            ),
        };
        let problem = Problem::new(ProblemKind::Output)
            .expected(expected)
            .found(name);
        Err(WriteError::Model(
            problem.in_file(path.display().to_string()),
        ))
    }
}

/// The graph with its weights where the file has them.
struct Placed {
    graph: Graph,
    tree: Tree,
    paths: HashSet<String>,
}

impl Placed {
    fn new(graph: &Graph) -> Self {
        let mut graph = graph.clone();
        let weights = graph.layers.iter_mut().flat_map(|layer| &mut layer.weights);
        for weight in weights {
            weight.copies.clear();
        }
        Self {
            graph,
            tree: Tree::default(),
            paths: HashSet::new(),
        }
    }

    /// Puts the weight `name` of a layer at `path`; one that is somewhere already has a copy there.
    fn put(&mut self, layer: LayerId, name: &str, path: String) -> Result<(), WriteError> {
        let file = &self.graph.file;
        let of_layer = &mut self.graph.layers[layer.0];
        let weight = of_layer
            .weights
            .iter_mut()
            .find(|weight| weight.name == name);
        let is_new = self.paths.insert(path.clone());
        let Some(weight) = weight.filter(|_| is_new) else {
            let problem = Problem::new(if is_new {
                ProblemKind::MissingWeight
            } else {
                ProblemKind::Output
            });
            let problem = problem
                .at(&of_layer.path, &of_layer.class)
                .key(path)
                .expected(format!("the layer's {name}"))
                .found(if is_new {
                    "no such weight"
                } else {
                    "another weight in its place"
                });
            return Err(WriteError::Model(problem.in_file(file)));
        };
        let tensor = weight.tensor.moved(&path);
        self.tree.put(&path, tensor.clone())?;
        if weight.copies.is_empty() {
            // Where the optimizer finds it.
            weight.tensor = tensor.clone();
        }
        weight.copies.push(tensor);
        Ok(())
    }

    /// The optimizer's variables; nothing, with a note, if the graph does not have all of them.
    fn state(&self, graph: &Graph, legacy: bool, notes: &mut Vec<String>) -> Option<ListedState> {
        let mut leave_out = |problem: &Problem| {
            notes.push(format!(
                "the state of the optimizer is left out: {}",
                problem.in_one_line()
            ));
        };
        let state = match &graph.optimizer {
            Ok(state) => state.as_ref()?,
            Err(problems) => {
                problems.iter().for_each(leave_out);
                return None;
            }
        };
        match list_state(&self.graph, state, legacy) {
            Ok(list) => {
                let is_copied = |layer: &&Layer| layer.weights.iter().any(|of| of.copies.len() > 1);
                let shared = self.graph.layers.iter().filter(is_copied);
                let shared: Vec<&str> = shared.map(|layer| layer.path.as_str()).collect();
                if graph.generation.is_keras3() && !shared.is_empty() {
                    notes.push(format!(
                        "several models share {}: Keras 3 reads such a layer as one of each, and \
                         starts the optimizer anew",
                        shared.join(", ")
                    ));
                }
                if state.loss_scale.is_some() && !graph.generation.is_keras3() {
                    notes
                        .push("the loss scale is left out: such files have no place for it".into());
                }
                Some(list)
            }
            Err(problem) => {
                leave_out(&problem);
                None
            }
        }
    }
}

/// The layers that are cells of an `RNN`: each is the object itself that the layer of its class has
/// inside.
fn cells(graph: &Graph) -> HashSet<LayerId> {
    let layers = graph.layers.iter();
    let parts = layers.filter_map(|layer| match &layer.kind {
        LayerKind::Wrapper(Wrapper::Rnn(_), parts) => Some(parts),
        _ => None,
    });
    parts.flatten().copied().collect()
}
