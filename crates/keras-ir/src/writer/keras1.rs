//! Graphs of Keras 1 as models of Keras 2, whose words they are read in: what is left are options that
//! Keras 2 does not know, its own defaults where they are others, and layers that it does not have.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::graph::{Graph, LayerId, LayerKind, ModelClass, keras_order};
use crate::json;
use crate::layer::LayerKind as Class;
use crate::problem::{Problem, ProblemKind, Report};
use crate::reader::read_layer;
use crate::version::{Generation, Writer};

/// The last of Keras 2.
const VERSION: &str = "2.3.1";

/// The graph as one of Keras 2, if it is of Keras 1.
///
/// # Errors
///
/// Every layer that computes what no layer of Keras 2 does.
pub(super) fn modern(graph: &Graph) -> Result<Cow<'_, Graph>, Report> {
    if graph.generation != Generation::Keras1 {
        return Ok(Cow::Borrowed(graph));
    }
    let mut modern = graph.clone();
    modern.generation = Generation::Keras2;
    modern.keras_version = Some(VERSION.to_owned());
    let mut problems = Vec::new();
    for layer in &mut modern.layers {
        if let Err(problem) = set_options(&layer.class, &mut layer.config) {
            problems.push(problem.at(&layer.path, &layer.class));
        }
        if let LayerKind::Layer(Class::PRelu(of_layer)) = &layer.kind {
            // Its weights tell in Keras 1.
            let axes = json!(of_layer.shared_axes);
            layer.config.insert("shared_axes".into(), axes);
        }
    }
    let called = graph.callees_first().into_iter();
    let mut called: Vec<LayerId> = called
        .flat_map(|model| graph.model(model).layers.clone())
        .collect();
    called.sort_unstable();
    called.dedup();
    problems.extend({ called.into_iter() }.filter_map(|id| difference(graph, &modern, id)));
    if !problems.is_empty() {
        return Err(Report {
            file: graph.file.clone(),
            problems,
        });
    }
    for model in &mut modern.models {
        // Keras 1 has a Sequential that begins with a `Merge` in the order of its branches.
        if model.class == ModelClass::Functional {
            model.layers = keras_order(model);
        }
    }
    Ok(Cow::Owned(modern))
}

/// What Keras 2 would make of a layer, if that is something else.
fn difference(graph: &Graph, modern: &Graph, id: LayerId) -> Option<Problem> {
    let layer = graph.layer(id);
    if !matches!(layer.kind, LayerKind::Layer(_) | LayerKind::Wrapper(..)) {
        return None;
    }
    let problem = || Problem::new(ProblemKind::Writing).at(&layer.path, &layer.class);
    let entry = json!({"class_name": layer.class, "config": modern.layer(id).config});
    let writer = Writer::of_version(Some(VERSION));
    match read_layer(&entry, writer) {
        Ok(new) if is_same(graph, id, &new.layers, new.layer) => None,
        Ok(_) => Some(
            problem()
                .expected("a layer that computes in Keras 2 what it does in Keras 1")
                .found(format!("{} with options of Keras 1 alone", layer.class)),
        ),
        Err(problems) => {
            let problem = problem().expected("a layer that Keras 2 has");
            let option = problems.into_iter().find_map(|problem| problem.key);
            // What the reader calls the borders and the statistics that Keras 1 alone has.
            Some(match option.as_deref() {
                Some("padding") => problem
                    .key("border_mode")
                    .found("windows with the borders that Theano puts"),
                Some("statistics") => problem.key("mode").found("a formula of Keras 1 alone"),
                _ => problem.found(format!("{}, which Keras 1 alone has", layer.class)),
            })
        }
    }
}

/// Whether a layer is what was read of its new config, its parts included.
fn is_same(graph: &Graph, id: LayerId, new: &[crate::graph::Layer], as_new: LayerId) -> bool {
    match (&graph.layer(id).kind, &new[as_new.0].kind) {
        (LayerKind::Layer(old), LayerKind::Layer(new)) => in_keras2(old) == *new,
        (LayerKind::Wrapper(old, of_old), LayerKind::Wrapper(as_read, of_new)) => {
            let mut parts = of_old.iter().zip(of_new);
            old == as_read
                && of_old.len() == of_new.len()
                && parts.all(|(old, as_new)| is_same(graph, *old, new, *as_new))
        }
        // The layers of a model inside of a wrapper are those of a model of the graph.
        (LayerKind::Model(_), LayerKind::Model(_)) => true,
        _ => false,
    }
}

/// What Keras 2 takes more shapes for, and computes the same.
fn in_keras2(kind: &Class) -> Class {
    let mut kind = kind.clone();
    match &mut kind {
        Class::Merge(merge) => merge.broadcasts = true,
        Class::Dot(dot) => dot.of_matrices = false,
        _ => {}
    }
    kind
}

/// Gives a config of `class` the options of Keras 2, and so the layer that it wraps.
fn set_options(class: &str, config: &mut Map<String, Value>) -> Result<(), Problem> {
    if config.contains_key("layers") {
        return Ok(()); // a model, whose layers are among the others
    }
    for (key, value) in std::mem::take(config) {
        if is_left_out(class, &key) {
            continue;
        }
        let value = match key.ends_with("_regularizer") || key.ends_with("_constraint") {
            true => object(&key, value)?,
            false => value,
        };
        config.insert(key_in_keras2(class, key), value);
    }
    if class == "GRU" {
        // `true` by default in tf.keras.
        config.insert("reset_after".into(), false.into());
    }
    if let Some(entry) = config.get_mut("layer") {
        let class = entry["class_name"].as_str().unwrap_or_default().to_owned();
        if let Some(wrapped) = entry.get_mut("config").and_then(Value::as_object_mut) {
            set_options(&class, wrapped)?;
        }
    }
    Ok(())
}

/// Options that say what the input layer says too, and what the reader notes for its own use.
fn is_left_out(class: &str, key: &str) -> bool {
    match key {
        "input_dim" | "input_length" => class != "Embedding",
        "input_dtype" => true,
        "theano" => class == "Dot",
        "data_format" => class == "SpatialDropout1D",
        _ => false,
    }
}

/// The options of single weights are called after other names.
fn key_in_keras2(class: &str, key: String) -> String {
    let Some((weight, what @ ("regularizer" | "constraint"))) = key.split_once('_') else {
        return key;
    };
    let weight = match weight {
        "W" if class == "Embedding" => "embeddings",
        "W" => "kernel",
        "U" => "recurrent",
        "b" => "bias",
        _ => return key,
    };
    format!("{weight}_{what}")
}

/// A regularizer or constraint, whose options stand beside its name in Keras 1.
fn object(key: &str, value: Value) -> Result<Value, Problem> {
    let Value::Object(mut options) = value else {
        return Ok(value);
    };
    if options.contains_key("class_name") {
        return Ok(options.into());
    }
    let name = options.remove("name").unwrap_or_default();
    let class = match name.as_str() {
        Some("WeightRegularizer" | "ActivityRegularizer" | "L1L2Regularizer") => "L1L2",
        Some("MaxNorm") => "MaxNorm",
        Some("NonNeg") => "NonNeg",
        Some("UnitNorm") => "UnitNorm",
        _ => {
            return Err(Problem::new(ProblemKind::Writing)
                .key(key)
                .expected("a regularizer or constraint that Keras 2 has")
                .found(json::brief(&name)));
        }
    };
    if let Some(most) = options.remove("m") {
        options.insert("max_value".into(), most);
    }
    Ok(json!({"class_name": class, "config": options}))
}
