//! Back to Keras: the architecture of a graph as `model.to_json()` writes it.

mod nodes;
mod operations;

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::graph::{Call, Graph, Layer, LayerId, LayerKind, Model, ModelClass, ModelId};
use crate::layer::{LayerKind as Class, PACKAGE};
use crate::problem::{Problem, ProblemKind, Report};
use crate::surgery::with_tables;
use crate::version::Generation;
use crate::writer::keras1::modern;

impl Graph {
    /// The architecture in the words of the Keras that the graph is of: what `model.to_json()` gives,
    /// and [`read`](crate::read) reads.
    ///
    /// ```no_run
    /// let graph = keras_ir::read("resnet50.h5", keras_ir::ReadOptions::default())?;
    /// let features = graph.extract(&["conv4_block6_out"])?;
    /// println!("{}", features.to_config()?);
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// Numbers that JSON does not have stand as the strings `NaN`, `Infinity` and `-Infinity`.
    ///
    /// JSON has no word for a layer that two models share: Keras reads it as two. The marks that its
    /// files have are written, and this crate's reader follows them.
    ///
    /// Masks that cross a cut and tied layers are of classes that Keras has from
    /// `docs/burn_keras_layers.py`. A tied layer takes the table of its embedding as an input there, so a
    /// Sequential with one becomes a functional model.
    ///
    /// # Errors
    ///
    /// Layers of Keras 1 that Keras 2 does not have; the others are written in the words of Keras 2. A tied
    /// layer whose embedding stands in another model.
    pub fn to_config(&self) -> Result<Value, Report> {
        let graph = modern(self)?;
        let graph = &*with_tables(&graph)?;
        let mut homes: HashMap<LayerId, usize> = HashMap::new();
        for model in graph.callees_first() {
            for layer in &graph.model(model).layers {
                *homes.entry(*layer).or_default() += 1;
            }
        }
        let shared = homes.into_iter().filter(|(_, count)| *count > 1);
        let mut writer = Writer {
            graph,
            shared: shared.map(|(layer, _)| (layer, 0)).collect(),
            problems: Vec::new(),
        };
        let mut config = writer.model(graph.root);
        if !writer.problems.is_empty() {
            return Err(Report {
                file: graph.file.clone(),
                problems: writer.problems,
            });
        }
        if let (Some(version), false) = (&graph.keras_version, graph.generation.is_keras3()) {
            config["keras_version"] = version.as_str().into();
            config["backend"] = "tensorflow".into();
        }
        Ok(config)
    }
}

/// Whether Keras has the class of a layer from `docs/burn_keras_layers.py`.
fn is_own(layer: &Layer) -> bool {
    matches!(
        &layer.kind,
        LayerKind::Layer(
            Class::GetMask(_) | Class::SetMask(_) | Class::TableRows(_) | Class::DenseOnTable(_)
        )
    )
}

/// The module of those classes.
const MODULE: &str = "burn_keras_layers";

struct Writer<'a> {
    graph: &'a Graph,
    /// Layers that stand in several models, and how often each has been written: they are marked.
    shared: HashMap<LayerId, usize>,
    problems: Vec<Problem>,
}

impl Writer<'_> {
    fn is_keras3(&self) -> bool {
        self.graph.generation.is_keras3()
    }

    fn model(&mut self, id: ModelId) -> Value {
        let model = self.graph.model(id);
        let (class, config) = match model.class {
            ModelClass::Sequential => ("Sequential", self.sequential(model)),
            ModelClass::Functional if self.graph.generation == Generation::Keras2 => {
                ("Model", self.functional(model))
            }
            ModelClass::Functional => ("Functional", self.functional(model)),
        };
        let mut entry = json!({"class_name": class, "config": config});
        if self.is_keras3() {
            let module = match model.class {
                ModelClass::Sequential => "keras",
                ModelClass::Functional => "keras.src.models.functional",
            };
            entry["module"] = module.into();
            entry["registered_name"] = match model.class {
                ModelClass::Sequential => Value::Null,
                ModelClass::Functional => "Functional".into(),
            };
        }
        entry
    }

    fn sequential(&mut self, model: &Model) -> Value {
        let input = model.input_layers.first().filter(|_| !model.deferred);
        let layers = input.into_iter().chain(&model.layers);
        let layers: Vec<Value> = layers.map(|id| self.layer(model, *id)).collect();
        json!({"name": model.name, "trainable": model.trainable, "layers": layers})
    }

    fn functional(&mut self, model: &Model) -> Value {
        let mut layers = Vec::with_capacity(model.layers.len());
        for id in &model.layers {
            let mut entry = self.layer(model, *id);
            entry["name"] = self.graph.layer(*id).name.as_str().into();
            let mut calls: Vec<&Call> = model.calls.iter().filter(|c| c.layer == *id).collect();
            calls.sort_by_key(|call| call.node);
            let nodes = calls.into_iter().map(|call| self.node(model, call));
            entry["inbound_nodes"] = nodes.collect();
            layers.push(entry);
        }
        let inputs = model.inputs.iter().map(|t| self.reference(model, *t));
        let inputs = self.ends(inputs.collect());
        let outputs = model.outputs.iter().map(|t| self.output(model, *t));
        let outputs = if model.output_keys.is_empty() {
            self.ends(outputs.collect())
        } else {
            let keys = model.output_keys.iter().cloned();
            Value::Object(keys.zip(outputs).collect())
        };
        json!({
            "name": model.name,
            "trainable": model.trainable,
            "layers": layers,
            "input_layers": inputs,
            "output_layers": outputs,
        })
    }

    /// The list of inputs or outputs. In Keras 3, a model with a list of one output gives a list, which
    /// the next layer of a Sequential does not take: one stands for itself.
    fn ends(&self, ends: Vec<Value>) -> Value {
        match <[Value; 1]>::try_from(ends) {
            Ok([one]) if self.is_keras3() => one,
            Ok(one) => one.to_vec().into(),
            Err(ends) => ends.into(),
        }
    }

    /// The entry of a layer, without its calls.
    fn layer(&mut self, model: &Model, id: LayerId) -> Value {
        let layer = self.graph.layer(id);
        let mut entry = match &layer.kind {
            LayerKind::Model(inner) => self.model(*inner),
            LayerKind::Input => json!({
                "class_name": "InputLayer",
                "config": self.input(model, id, layer),
            }),
            LayerKind::Layer(_) if is_own(layer) && !self.is_keras3() => json!({
                "class_name": format!("{PACKAGE}{}", layer.class),
                "config": layer.config,
            }),
            LayerKind::Layer(_) | LayerKind::Wrapper(..) => {
                // Legacy files of Keras 3 have the name of Python's class, which is not the public one.
                let class = match layer.class.as_str() {
                    "GroupedQueryAttention" => "GroupQueryAttention",
                    class => class,
                };
                json!({"class_name": class, "config": self.config(id)})
            }
            LayerKind::Operation(_) => json!({
                "class_name": layer.class,
                "config": layer.config,
            }),
            LayerKind::Unknown => {
                self.problems.push(
                    Problem::new(ProblemKind::Writing)
                        .at(&layer.path, &layer.class)
                        .expected("a class of Keras")
                        .found(&layer.class),
                );
                Value::Null
            }
        };
        if let Some(written) = self.shared.get_mut(&id) {
            // Keras 3 marks one of the copies, and could not tell their calls apart if it read them as
            // one layer.
            let is_marked = !self.graph.generation.is_keras3() || *written == 1;
            *written += 1;
            if is_marked && entry.is_object() {
                entry["shared_object_id"] = id.0.into();
            }
        }
        // Keras 3 leaves the module out of HDF5, and does not find the class of an operation then: with
        // it, operations are loaded from there too (Keras 3.15, all but those with `...` among their
        // arguments).
        if self.is_keras3() && !matches!(layer.kind, LayerKind::Model(_)) && entry.is_object() {
            (entry["module"], entry["registered_name"]) = match &layer.kind {
                LayerKind::Operation(operation) => (
                    operation.written.module.as_deref().into(),
                    layer.class.as_str().into(),
                ),
                _ if layer.class == "CustomScaleLayer" => (
                    "keras.src.applications.inception_resnet_v2".into(),
                    layer.class.as_str().into(),
                ),
                _ if is_own(layer) => (MODULE.into(), format!("{PACKAGE}{}", layer.class).into()),
                _ => ("keras.layers".into(), Value::Null),
            };
        }
        entry
    }

    /// The config of a layer with the names and flags that it has now, and those of its parts.
    fn config(&mut self, id: LayerId) -> Value {
        let layer = self.graph.layer(id);
        let mut config = layer.config.clone();
        if let LayerKind::Wrapper(_, parts) = &layer.kind {
            // `layer`, or the two directions; cells have no flags of their own.
            for (key, part) in ["layer", "backward_layer"].iter().zip(parts) {
                let of_part = self.graph.layer(*part);
                let inner = match &of_part.kind {
                    LayerKind::Model(inner) => Some(self.model(*inner)["config"].take()),
                    _ => None,
                };
                if let Some(entry) = config.get_mut(*key).filter(|entry| entry.is_object()) {
                    match inner {
                        Some(inner) => entry["config"] = inner,
                        None => entry["config"]["trainable"] = of_part.trainable.into(),
                    }
                }
            }
        }
        Value::Object(config)
    }

    fn input(&self, model: &Model, id: LayerId, layer: &Layer) -> Value {
        let mut config = layer.config.clone();
        config.insert("name".into(), layer.name.as_str().into());
        let position = model.input_layers.iter().position(|input| *input == id);
        let spec = position.and_then(|position| model.inputs.get(position));
        let spec = spec.map(|tensor| &model.tensors[tensor.0].spec);
        let key = if self.is_keras3() {
            "batch_shape"
        } else {
            "batch_input_shape"
        };
        if let Some(spec) = spec {
            config.remove("batch_shape");
            config.insert(key.into(), json!(spec.shape.0));
        }
        Value::Object(config)
    }
}
