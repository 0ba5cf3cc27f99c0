//! What a file is and holds, whether it can be read as a model or not.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use crate::container::StoredTensor;
use crate::graph::Graph;
use crate::problem::Problem;
use crate::shape::Spec;
use crate::version::Generation;

/// What [`inspect`](crate::inspect) has found in a file.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The file, or the files.
    pub file: String,
    /// What it is, in words: `.keras archive`.
    pub kind: String,
    /// Which generation of Keras wrote it, where it holds an architecture.
    pub generation: Option<Generation>,
    /// The version that wrote it, as the file says.
    pub keras_version: Option<String>,
    /// The backend of Keras, as the file says.
    pub backend: Option<String>,
    /// The outermost model, where its layers can be told.
    pub model: Option<InspectedModel>,
    /// How many layers there are of each class, those of nested models and of wrappers included,
    /// shared ones once.
    pub layers: BTreeMap<String, usize>,
    /// All weights in the file.
    pub weights: Vec<InspectedTensor>,
    /// The optimizer, where the file names one or holds its state.
    pub optimizer: Option<InspectedOptimizer>,
    /// Keras's training config, as it is in the file.
    pub training_config: Option<Value>,
    /// Classes and functions that are none of Keras's own, by their registered names.
    pub custom_objects: Vec<String>,
    /// The functions of a SavedModel that users are meant to call.
    pub functions: Option<String>,
    /// What a reader of the file should know.
    pub notes: Vec<String>,
    /// Everything that stops reading the model.
    pub problems: Vec<Problem>,
    /// The model, where nothing stops reading it.
    pub graph: Option<Graph>,
}

/// The outermost model of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct InspectedModel {
    /// Keras's name.
    pub name: String,
    /// Keras's class: `Functional`, `Sequential`.
    pub class: String,
    /// Name and type of each input.
    pub inputs: Vec<(String, Option<Spec>)>,
    /// Name and type of each output; `None` behind a layer that is not known.
    pub outputs: Vec<(String, Option<Spec>)>,
}

/// A tensor in a file.
#[derive(Clone, Debug)]
pub struct InspectedTensor {
    /// What it is in the model, `encoder/dense/kernel`, or what the optimizer calls it; `None` if no
    /// layer takes it or the layers cannot be told.
    pub name: Option<String>,
    /// The tensor, with its path in the file.
    pub tensor: StoredTensor,
}

/// An optimizer in a file.
#[derive(Clone, Debug)]
pub struct InspectedOptimizer {
    /// Keras's class, where a training config names it.
    pub class: Option<String>,
    /// Keras's config of it.
    pub config: Option<Value>,
    /// How many steps were made, where its state is read.
    pub iterations: Option<u64>,
    /// Its variables, in the file's order.
    pub variables: Vec<InspectedTensor>,
}

impl InspectedTensor {
    /// The length of its elements in bytes.
    pub fn bytes(&self) -> usize {
        self.tensor.len() * self.tensor.dtype().size()
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "path": self.tensor.path(),
            "shape": self.tensor.shape(),
            "dtype": self.tensor.dtype().name(),
            "bytes": self.bytes(),
        })
    }
}

impl Inspection {
    /// The machine-readable form.
    pub fn to_json(&self) -> Value {
        let ends = |ends: &[(String, Option<Spec>)]| -> Vec<Value> {
            let ends = ends.iter();
            ends.map(|(name, spec)| {
                let shape = spec.as_ref().map(|spec| &spec.shape.0);
                let dtype = spec.as_ref().map(|spec| spec.kind.to_string());
                json!({"name": name, "shape": shape, "dtype": dtype})
            })
            .collect()
        };
        let tensors = |tensors: &[InspectedTensor]| -> Vec<Value> {
            tensors.iter().map(InspectedTensor::to_json).collect()
        };
        let model = self.model.as_ref().map(|model| {
            json!({
                "name": model.name,
                "class": model.class,
                "inputs": ends(&model.inputs),
                "outputs": ends(&model.outputs),
            })
        });
        let optimizer = self.optimizer.as_ref().map(|optimizer| {
            json!({
                "class": optimizer.class,
                "config": optimizer.config,
                "iterations": optimizer.iterations,
                "variables": tensors(&optimizer.variables),
            })
        });
        let problems: Vec<Value> = self.problems.iter().map(Problem::to_json).collect();
        json!({
            "file": self.file,
            "kind": self.kind,
            "generation": self.generation.map(|generation| generation.to_string()),
            "keras_version": self.keras_version,
            "backend": self.backend,
            "model": model,
            "layers": self.layers,
            "weights": tensors(&self.weights),
            "optimizer": optimizer,
            "training_config": self.training_config,
            "custom_objects": self.custom_objects,
            "functions": self.functions,
            "notes": self.notes,
            "problems": problems,
        })
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.file, self.kind)?;
        let mut row = |title: &str, text: &str| writeln!(f, "  {title:<14}{text}");
        let version = self.keras_version.as_deref().unwrap_or("(no version)");
        if let Some(generation) = self.generation {
            let backend = self.backend.as_ref().map(|name| format!(", {name}"));
            let backend = backend.unwrap_or_default();
            row(
                "written by",
                &format!("{generation}, version {version}{backend}"),
            )?;
        }
        if let Some(model) = &self.model {
            row("model", &format!("{} {:?}", model.class, model.name))?;
            for (title, ends) in [("input", &model.inputs), ("output", &model.outputs)] {
                for (name, spec) in ends {
                    match spec {
                        Some(spec) => row(title, &format!("{name} {} {}", spec.shape, spec.kind))?,
                        None => row(title, &format!("{name} (unknown)"))?,
                    }
                }
            }
        }
        if let Some(optimizer) = &self.optimizer {
            let class = optimizer.class.as_deref().unwrap_or("(not named)");
            let steps = optimizer.iterations.map(|steps| match steps {
                1 => ", 1 step".to_owned(),
                steps => format!(", {steps} steps"),
            });
            row(
                "optimizer",
                &format!("{class}{}", steps.unwrap_or_default()),
            )?;
        }
        if let Some(training) = &self.training_config {
            for key in ["loss", "metrics", "weighted_metrics", "loss_weights"] {
                if !crate::json::says_nothing(&training[key]) {
                    row(key, &training[key].to_string())?;
                }
            }
        }
        for object in &self.custom_objects {
            row("custom object", object)?;
        }
        if let Some(functions) = &self.functions {
            row("functions", functions)?;
        }
        if !self.layers.is_empty() {
            writeln!(f, "\nLayers")?;
            let width = self
                .layers
                .keys()
                .map(String::len)
                .max()
                .unwrap_or_default();
            for (class, count) in &self.layers {
                writeln!(f, "  {class:<width$}  {count}")?;
            }
        }
        table(f, "Weights", &self.weights)?;
        if let Some(optimizer) = &self.optimizer {
            table(f, "Variables of the optimizer", &optimizer.variables)?;
        }
        for note in &self.notes {
            writeln!(f, "\nNote: {note}")?;
        }
        for (index, problem) in self.problems.iter().enumerate() {
            let text = problem.to_string().replace('\n', "\n   ");
            writeln!(f, "\n{:>3}. {text}", index + 1)?;
        }
        match self.problems.len() {
            0 => writeln!(f, "\nNothing stops an import."),
            1 => writeln!(f, "\nOne problem stops an import."),
            count => writeln!(f, "\n{count} problems stop an import."),
        }
    }
}

/// Tensors, a line each: what it is, shape, type, bytes, where it is.
fn table(f: &mut fmt::Formatter<'_>, title: &str, tensors: &[InspectedTensor]) -> fmt::Result {
    if tensors.is_empty() {
        return Ok(());
    }
    let bytes: usize = tensors.iter().map(InspectedTensor::bytes).sum();
    writeln!(f, "\n{title}: {} tensors, {bytes} bytes", tensors.len())?;
    let rows = tensors.iter().map(|tensor| {
        [
            tensor.name.clone().unwrap_or_else(|| "-".into()),
            format!("{:?}", tensor.tensor.shape()),
            tensor.tensor.dtype().name().to_owned(),
            tensor.bytes().to_string(),
            tensor.tensor.path().trim_matches('/').to_owned(),
        ]
    });
    let rows: Vec<[String; 5]> = rows.collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let [a, b, c, d] = [0, 1, 2, 3].map(width);
    for [name, shape, dtype, bytes, path] in &rows {
        writeln!(
            f,
            "  {name:<a$}  {shape:<b$}  {dtype:<c$}  {bytes:>d$}  {path}"
        )?;
    }
    Ok(())
}
