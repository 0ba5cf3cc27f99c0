//! Extract and split: other outputs, other inputs, and only what lies between.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value, json};

use crate::graph::{Graph, Layer, LayerId, LayerKind, Model, ModelClass, ModelId, TensorId};
use crate::problem::{Problem, ProblemKind, Report};
use crate::shape::{Kind, Spec};

use super::edge::{carry_masks, check_inputs, edges, start_from, take_masks};
use super::inline::{add_outputs, inline, model_at};
use super::mask::check_masks;
use super::names::unique_name;
use super::place::{End, Place, layers};
use super::settle::{makers, needs, settle};
use super::trace::{Trace, Traced};
use super::training::forget_losses;

impl Graph {
    /// The model whose outputs are the tensors `to`, at any depth, in this order. Only what they
    /// need stays, inputs included.
    ///
    /// A nested model that holds one of them is resolved where it is called: its layers stand in the
    /// outermost model then, and are shared with its other calls as before.
    ///
    /// ```no_run
    /// let graph = keras_ir::read("resnet50.h5", keras_ir::ReadOptions::default())?;
    /// let features = graph.extract(&["conv3_block4_out", "conv4_block6_out"])?;
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Places that no tensor has, or several.
    pub fn extract<T: AsRef<str>>(&self, to: &[T]) -> Result<Self, Report> {
        self.split::<&str, T>(&[], to)
    }

    /// The model from the tensors `from`, which become its inputs in this order, to the tensors
    /// `to`. An empty `from` stands for the inputs of this model, as far as they are needed; an empty
    /// `to` for its outputs.
    ///
    /// A new input is called after the layer whose output it takes the place of. It carries no mask,
    /// unless the mask is an input too: `embedding:mask` beside `embedding`, which is a tensor of
    /// truths and may stand in `to` as well. A cut that loses a mask that a layer looks at is refused.
    ///
    /// ```no_run
    /// let graph = keras_ir::read("resnet50.h5", keras_ir::ReadOptions::default())?;
    /// let head = graph.extract(&["conv4_block1_add"])?;
    /// let tail = graph.split(&["conv4_block1_add"], &[] as &[&str])?;
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Places that no tensor has, or several; outputs that need another input than `from`, with the
    /// way that is still connected; masks that would be lost.
    pub fn split<F: AsRef<str>, T: AsRef<str>>(
        &self,
        from: &[F],
        to: &[T],
    ) -> Result<Self, Report> {
        let mut problems = Vec::new();
        let mut find = |text: &str| {
            let place = self.place(text);
            place.map_err(|problem| problems.push(problem)).ok()
        };
        let from: Vec<Place> = from.iter().filter_map(|text| find(text.as_ref())).collect();
        let to: Vec<Place> = to.iter().filter_map(|text| find(text.as_ref())).collect();
        if !problems.is_empty() {
            return Err(Report {
                file: self.file.clone(),
                problems,
            });
        }
        self.cut(&from, &to)
    }

    /// [`split`](Self::split) at places that were found before.
    ///
    /// # Errors
    ///
    /// As [`split`](Self::split).
    pub fn cut(&self, from: &[Place], to: &[Place]) -> Result<Self, Report> {
        let refuse = |problem: Problem| self.refuse(problem);
        let mut whole = self.clone();
        let mut paths = BTreeSet::new();
        for place in from.iter().chain(to) {
            for length in 1..=place.calls.len() {
                paths.insert(place.calls[..length].to_vec());
            }
            let model = model_at(self, &place.calls);
            if let (Some(model), End::Output { call, index }) = (model, place.end) {
                add_outputs(&mut whole, model, call, index + 1);
            }
        }
        whole.infer_all()?;
        let inlined = inline(&whole, &paths).map_err(refuse)?;
        let mut graph = inlined.graph;
        graph.infer_all()?;

        let mut trace = Trace::default();
        let tracks = trace.whole(&whole, &paths);
        let find = |place: &Place| {
            let key = tensor_at(&whole, place)?;
            Some((*inlined.tensors.get(&key)?, *tracks.get(&key)?))
        };
        let starts = edges(self, from, &find, &trace).map_err(refuse)?;
        let ends = edges(self, to, &find, &trace).map_err(refuse)?;
        check_inputs(self, from, &starts).map_err(refuse)?;

        let root = graph.root;
        let model = &mut graph.models[root.0];
        let of_ends: Vec<TensorId> = ends.iter().map(|end| end.tensor).collect();
        let takes_masks = ends.iter().any(|end| end.mask.is_some());
        let same_outputs = to.is_empty() || (of_ends == model.outputs && !takes_masks);
        if !to.is_empty() {
            model.outputs = of_ends;
        }
        if !same_outputs {
            model.output_keys.clear();
        }
        model.class = ModelClass::Functional;
        let original: Vec<TensorId> = model.inputs.clone();
        if from.is_empty() {
            keep_needed_inputs(model);
        } else {
            model.deferred = false;
            start_from(&mut graph, &starts).map_err(refuse)?;
        }
        check_connected(&graph, &original).map_err(refuse)?;
        prune(&mut graph);
        let traced: Vec<Traced> = if from.is_empty() {
            // The inputs of the whole, which carry no masks.
            let inputs = self.root().inputs.iter().map(|input| {
                let key = (Vec::new(), *input);
                Some((*inlined.tensors.get(&key)?, *tracks.get(&key)?))
            });
            let inputs: HashMap<TensorId, Traced> = inputs.flatten().collect();
            let kept = graph.root().inputs.iter();
            kept.filter_map(|input| inputs.get(input).copied())
                .collect()
        } else {
            starts.iter().map(|start| start.seen(&starts)).collect()
        };
        let computed = trace.check(&graph, &traced).map_err(refuse)?;
        carry_masks(&mut graph, &starts);
        take_masks(&mut graph, &ends, &computed).map_err(refuse)?;
        note_idle_inputs(&mut graph);

        keep_frozen(&mut graph, self);
        name_layers(&mut graph, self);
        if !same_outputs {
            forget_losses(&mut graph);
        }
        let graph = settle(graph, self)?;
        check_masks(&graph).map_err(refuse)?;
        Ok(graph)
    }
}

/// The calls that lead to a place and the tensor of the innermost model.
fn tensor_at(graph: &Graph, place: &Place) -> Option<(Vec<usize>, TensorId)> {
    let model = graph.model(model_at(graph, &place.calls)?);
    let tensor = match place.end {
        End::Input(position) => model.inputs.get(position),
        End::Output { call, index } => model.calls.get(call)?.outputs.get(index),
    };
    Some((place.calls.clone(), *tensor?))
}

/// The tensors that the outputs of a model need, with the call that needs each, `None` for the
/// outputs themselves; the nearest to the outputs first.
pub(super) fn uses(model: &Model) -> HashMap<TensorId, Option<usize>> {
    let makers = makers(model);
    let mut uses: HashMap<TensorId, Option<usize>> = HashMap::new();
    let mut open: std::collections::VecDeque<TensorId> = model.outputs.iter().copied().collect();
    uses.extend(model.outputs.iter().map(|tensor| (*tensor, None)));
    while let Some(tensor) = open.pop_front() {
        let Some(position) = makers.get(&tensor).copied() else {
            continue;
        };
        for needed in needs(&model.calls[position]) {
            uses.entry(needed).or_insert_with(|| {
                open.push_back(needed);
                Some(position)
            });
        }
    }
    uses
}

pub(super) fn keep_needed_inputs(model: &mut Model) {
    let uses = uses(model);
    let inputs = model.inputs.iter().zip(&model.input_layers);
    let (inputs, layers): (Vec<TensorId>, Vec<LayerId>) = inputs
        .filter(|(tensor, _)| uses.contains_key(tensor))
        .map(|(tensor, layer)| (*tensor, *layer))
        .unzip();
    model.inputs = inputs;
    model.input_layers = layers;
}

/// A new input layer, not yet in a model.
pub(super) fn add_input(graph: &mut Graph, name: &str, spec: &Spec) -> LayerId {
    let dtype = match spec.kind {
        Kind::Float => "float32",
        Kind::Int => "int32",
        Kind::Bool => "bool",
    };
    let shape = if graph.generation.is_keras3() {
        "batch_shape"
    } else {
        "batch_input_shape"
    };
    let mut config = Map::new();
    config.insert(shape.into(), json!(spec.shape.0));
    config.insert("dtype".into(), dtype.into());
    config.insert("sparse".into(), false.into());
    config.insert("name".into(), name.into());
    graph.layers.push(Layer {
        name: name.to_owned(),
        path: name.to_owned(),
        class: "InputLayer".to_owned(),
        kind: LayerKind::Input,
        trainable: true,
        config,
        shared_object_id: None,
        weights: Vec::new(),
    });
    LayerId(graph.layers.len() - 1)
}

/// Whether the outputs need an input that is none any more: then the way from it is named.
fn check_connected(graph: &Graph, original: &[TensorId]) -> Result<(), Problem> {
    let model = graph.root();
    let uses = uses(model);
    let makers = makers(model);
    let gone = original.iter().find(|tensor| {
        uses.contains_key(*tensor)
            && !model.inputs.contains(tensor)
            && !makers.contains_key(*tensor)
    });
    let Some(gone) = gone else {
        return Ok(());
    };
    let input = graph.layer(model.tensors[gone.0].layer);
    let mut way = vec![input.name.clone()];
    let mut tensor = *gone;
    while let Some(Some(position)) = uses.get(&tensor) {
        let call = &model.calls[*position];
        way.push(graph.layer(call.layer).name.clone());
        let next = call.outputs.iter().find(|output| uses.contains_key(output));
        match next {
            Some(next) => tensor = *next,
            None => break,
        }
    }
    let names: Vec<String> = graph.input_names(model);
    Err(Problem::new(ProblemKind::Disconnected)
        .at(&input.path, &input.class)
        .expected(format!("outputs that need {} alone", names.join(", ")))
        .found(format!("{} is still connected", way.join(" → ")))
        .help(format!(
            "add a tensor of that way to the new inputs, or {} itself",
            input.name
        )))
}

/// Inputs that lead nowhere stay, since they were asked for, and are noted.
fn note_idle_inputs(graph: &mut Graph) {
    let model = graph.root();
    let uses = uses(model);
    let inputs = model.inputs.iter().zip(&model.input_layers);
    let idle: Vec<String> = inputs
        .filter(|(tensor, _)| !uses.contains_key(*tensor))
        .map(|(_, layer)| {
            format!(
                "{}: an input that no output needs",
                graph.layer(*layer).name
            )
        })
        .collect();
    graph.notes.extend(idle);
}

/// Leaves the calls of the outermost model out that no output needs.
fn prune(graph: &mut Graph) {
    let root = graph.root;
    let model = &mut graph.models[root.0];
    let uses = uses(model);
    model
        .calls
        .retain(|call| call.outputs.iter().any(|output| uses.contains_key(output)));
}

/// Layers that a model around them kept from being trained stay so outside of it.
fn keep_frozen(graph: &mut Graph, before: &Graph) {
    if before.generation.is_keras3() {
        // There each layer has the flag of its own variables.
        return;
    }
    let mut trained: HashSet<LayerId> = HashSet::new();
    let mut frozen: HashSet<LayerId> = HashSet::new();
    for variable in before.variables() {
        let layer = variable.weight.layer;
        if before.layer(layer).weights[variable.weight.index].trainable {
            let list = if variable.trainable {
                &mut trained
            } else {
                &mut frozen
            };
            list.insert(layer);
        }
    }
    let own: Vec<LayerId> = layers(graph.root())
        .chain(graph.root().calls.iter().map(|call| call.layer))
        .flat_map(|layer| graph.leaves(layer))
        .collect();
    for id in own {
        if frozen.contains(&id) && !trained.contains(&id) && graph.layer(id).trainable {
            let layer = &mut graph.layers[id.0];
            layer.trainable = false;
            layer.config.insert("trainable".into(), Value::Bool(false));
        }
    }
}

/// Gives the layers that came out of nested models, and new inputs, names that differ.
fn name_layers(graph: &mut Graph, before: &Graph) {
    let root = graph.root;
    let model = graph.model(root);
    let of_before: HashSet<LayerId> = layers(before.root()).collect();
    let mut called: Vec<LayerId> = Vec::new();
    for call in &model.calls {
        if !called.contains(&call.layer) {
            called.push(call.layer);
        }
    }
    let is_new = |id: &LayerId| !of_before.contains(id);
    let came: Vec<LayerId> = called.iter().copied().filter(is_new).collect();
    let new_inputs: Vec<LayerId> = model.input_layers.iter().copied().filter(is_new).collect();
    let stay = called
        .iter()
        .chain(&model.input_layers)
        .filter(|id| !is_new(id));
    let mut taken: HashSet<String> = stay.map(|id| graph.layer(*id).name.clone()).collect();
    for (id, alternative) in came
        .iter()
        .map(|id| (*id, graph.layer(*id).path.replace('/', "_")))
        .chain(
            new_inputs
                .iter()
                .map(|id| (*id, format!("{}_input", graph.layer(*id).name))),
        )
        .collect::<Vec<_>>()
    {
        let wanted = graph.layer(id).name.clone();
        let is_taken = |name: &str| taken.contains(name) || is_taken_elsewhere(graph, id, name);
        let name = if !is_taken(&wanted) {
            wanted.clone()
        } else {
            unique_name(&alternative, is_taken)
        };
        taken.insert(name.clone());
        if name != wanted {
            super::names::set_name(graph, id, &name);
        }
    }
}

/// Whether another layer has the name in a model besides the outermost that holds this one.
fn is_taken_elsewhere(graph: &Graph, id: LayerId, name: &str) -> bool {
    let models = (0..graph.models.len()).map(ModelId);
    let mut models = models.filter(|model| *model != graph.root);
    models.any(|model| {
        let of_model: Vec<LayerId> = layers(graph.model(model)).collect();
        of_model.contains(&id)
            && of_model
                .iter()
                .any(|other| *other != id && graph.layer(*other).name == name)
    })
}
