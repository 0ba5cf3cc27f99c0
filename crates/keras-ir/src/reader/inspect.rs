//! What a file holds, as far as it can be told: no problem stops it but a file of no known kind.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use serde_json::Value;

use super::{ReadOptions, Saved, Weights, optimizer, read_shared, weights};
use crate::graph::{Graph, LayerKind, ModelClass, TensorId};
use crate::inspection::{InspectedModel, InspectedOptimizer, InspectedTensor, Inspection};
use crate::layer::shown;
use crate::problem::{Problem, Report};
use crate::training::optimizer::Class;
use crate::version::Generation;

/// Says what the file at `path` is and holds: everything that [`read`](super::read) reads, and files of
/// weights or of an architecture alone.
///
/// What stops [`read`](super::read) is listed in [`Inspection::problems`], beside what can be told all
/// the same.
///
/// ```no_run
/// let inspection = keras_ir::inspect("model.keras", keras_ir::ReadOptions::default())?;
/// println!("{inspection}");
/// # Ok::<(), keras_ir::Report>(())
/// ```
///
/// # Errors
///
/// When the file cannot be opened, or is of no kind that Keras writes.
pub fn inspect(path: impl AsRef<Path>, options: ReadOptions) -> Result<Inspection, Report> {
    let Saved {
        name,
        form,
        architecture,
        weights: file,
    } = Saved::open(path.as_ref(), &options)?;
    let mut problems = Vec::new();
    let file = file.map_err(|problem| problems.push(problem)).ok();
    let saved = file.as_ref().map(|file| file.weights());
    let mut inspection = Inspection {
        file: name.clone(),
        kind: form,
        generation: None,
        keras_version: None,
        backend: saved.and_then(Weights::backend),
        model: None,
        layers: BTreeMap::new(),
        weights: Vec::new(),
        optimizer: None,
        training_config: None,
        custom_objects: Vec::new(),
        functions: None,
        notes: Vec::new(),
        problems: Vec::new(),
        graph: None,
    };
    let mut of_layers = HashMap::new();
    match architecture {
        Ok(architecture) => {
            let version = architecture.keras_version.clone();
            let config = architecture.config.clone();
            inspection.generation = Some(Generation::of_version(version.as_deref()));
            inspection.keras_version = version;
            inspection.training_config = architecture.training_config.clone();
            inspection.functions = architecture.functions.clone();
            let mut custom = BTreeSet::new();
            custom_objects(&config, &mut custom);
            let training = inspection.training_config.as_ref();
            custom_objects(training.unwrap_or(&Value::Null), &mut custom);
            let mut draft = architecture.draft(&name, saved);
            if let Some(saved) = saved {
                draft.add_weights(saved);
            }
            problems.splice(0..0, draft.problems);
            if let Some(mut graph) = draft.graph {
                if let (Some(saved), true) = (saved, problems.is_empty()) {
                    read_shared(&mut graph, saved, options.untie);
                    match options.apply(graph.clone()) {
                        Ok(changed) => graph = changed,
                        Err(report) => problems.extend(report.problems),
                    }
                }
                of_layers = names(&graph);
                let class = config["class_name"].as_str().unwrap_or_default();
                inspection.model = Some(model(&graph, class, problems.is_empty()));
                inspection.layers = classes(&graph, &mut custom);
                inspection.notes.clone_from(&graph.notes);
                inspection.optimizer = state(&graph);
                if let Err(of_optimizer) = &graph.optimizer {
                    problems.extend(of_optimizer.iter().cloned());
                }
                inspection.graph = problems.is_empty().then_some(graph);
            }
            inspection.custom_objects = custom.into_iter().collect();
        }
        Err(problem) => problems.insert(0, problem),
    }
    if let Some(saved) = saved {
        match weights::stored(saved) {
            Ok(tensors) => {
                let tensors = tensors.into_iter().map(|tensor| InspectedTensor {
                    name: of_layers.get(tensor.path()).cloned(),
                    tensor,
                });
                inspection.weights = tensors.collect();
            }
            Err(problem) => add(&mut problems, problem),
        }
        match optimizer::stored(saved) {
            Ok(variables) if variables.is_empty() => {}
            Ok(variables) => {
                let variables = variables.into_iter().map(|(name, tensor)| InspectedTensor {
                    name: of_layers.remove(tensor.path()).or(Some(name)),
                    tensor,
                });
                let optimizer = inspection.optimizer.get_or_insert(InspectedOptimizer {
                    class: None,
                    config: None,
                    iterations: None,
                    variables: Vec::new(),
                });
                optimizer.variables = variables.collect();
            }
            Err(problem) => add(&mut problems, problem),
        }
    }
    inspection.problems = problems;
    Ok(inspection)
}

/// Adds a problem that may have been met before, in reading the model.
fn add(problems: &mut Vec<Problem>, problem: Problem) {
    if !problems.contains(&problem) {
        problems.push(problem);
    }
}

/// The outermost model; without `is_complete`, shapes may be unknown.
fn model(graph: &Graph, class: &str, is_complete: bool) -> InspectedModel {
    let root = graph.root();
    let ends = |names: Vec<String>, tensors: &[TensorId]| {
        let specs = tensors.iter().map(|id| {
            let tensor = &root.tensors[id.0];
            let is_known = tensor.spec.shape.rank() > 0;
            (is_complete || is_known).then(|| tensor.spec.clone())
        });
        names.into_iter().zip(specs).collect()
    };
    let class = match (class, root.class) {
        ("", ModelClass::Functional) => "Functional",
        ("", ModelClass::Sequential) => "Sequential",
        (class, _) => class,
    };
    InspectedModel {
        name: root.name.clone(),
        class: class.to_owned(),
        inputs: ends(graph.input_names(root), &root.inputs),
        outputs: ends(graph.output_names(root), &root.outputs),
    }
}

/// How many layers there are of each class; those of unknown classes are custom objects.
fn classes(graph: &Graph, custom: &mut BTreeSet<String>) -> BTreeMap<String, usize> {
    let mut classes = BTreeMap::new();
    for layer in &graph.layers {
        *classes.entry(layer.class.clone()).or_default() += 1;
        let is_custom = matches!(layer.kind, LayerKind::Unknown)
            && !layer.is_operation()
            && !crate::layer::classes().any(|class| shown(class) == layer.class)
            && !custom.iter().any(|name| name.ends_with(&layer.class));
        if is_custom {
            custom.insert(layer.class.clone());
        }
    }
    classes
}

/// The weights and the optimizer's slots by their paths in the file.
fn names(graph: &Graph) -> HashMap<String, String> {
    let mut names: HashMap<String, String> = HashMap::new();
    for layer in &graph.layers {
        for weight in &layer.weights {
            let name = format!("{}/{}", layer.path, weight.name);
            for tensor in weight.tensor.sources() {
                let path = tensor.path().to_owned();
                names.entry(path).or_insert_with(|| name.clone());
            }
        }
    }
    if let Ok(Some(optimizer)) = &graph.optimizer {
        for slot in &optimizer.slots {
            let layer = graph.layer(slot.weight.layer);
            let weight = layer.weights[slot.weight.index].name;
            let name = format!("{}/{weight}/{}", layer.path, slot.name.as_str());
            for tensor in slot.tensor.sources() {
                names.insert(tensor.path().to_owned(), name.clone());
            }
        }
    }
    names
}

/// The optimizer that the training config names.
fn state(graph: &Graph) -> Option<InspectedOptimizer> {
    let object = &graph.training_config.as_ref()?["optimizer_config"];
    let class = object["class_name"].as_str()?;
    let read = graph.optimizer.as_ref().ok().and_then(Option::as_ref);
    Some(InspectedOptimizer {
        class: Some(class.to_owned()),
        config: object.get("config").cloned(),
        iterations: read.and_then(|optimizer| optimizer.iterations),
        variables: Vec::new(),
    })
}

/// Finds the objects of a config that were registered under names of their own: `Package>Name`, or from a
/// module that is none of Keras's.
fn custom_objects(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(members) => {
            for member in members {
                custom_objects(member, found);
            }
        }
        Value::Object(entries) => {
            let text = |key: &str| entries.get(key).and_then(Value::as_str);
            let class = text("class_name");
            let registered = text("registered_name").filter(|name| !name.is_empty());
            let is_packaged = |name: &&str| name.contains('>');
            let own = |module: &str| {
                let first = module.split('.').next().unwrap_or(module);
                matches!(first, "keras" | "tf_keras" | "tensorflow" | "builtins" | "")
            };
            let packaged = registered.or(class).filter(is_packaged);
            let foreign = text("module").is_some_and(|module| !own(module));
            // Keras 3 and tf.keras 2.11 register optimizers of their own under `Custom`.
            let is_keras = |name: &str| {
                name.strip_prefix("Custom>").is_some_and(|name| {
                    let mut classes = Class::ALL.iter();
                    classes.any(|class| class.as_str() == name)
                })
            };
            match (packaged, class) {
                (Some(name), _) if !is_keras(name) => {
                    found.insert(name.to_owned());
                }
                (None, Some(class)) if foreign => {
                    found.insert(registered.unwrap_or(class).to_owned());
                }
                _ => {}
            }
            for value in entries.values() {
                custom_objects(value, found);
            }
        }
        _ => {}
    }
}
