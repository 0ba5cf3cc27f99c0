//! Functional models: layers with their calls.

use std::collections::HashSet;

use serde_json::Value;

use super::build::{Builder, Draft, Entry};
use super::keras1::IN_ORDER;
use super::nodes::{read_ends, read_nodes, read_operation};
use crate::graph::{LayerId, LayerKind, ModelClass, ModelId};
use crate::json;
use crate::problem::{Problem, ProblemKind};
use crate::version::Generation;

impl Builder {
    pub(super) fn functional(
        &mut self,
        name: &str,
        config: &Value,
        layers: &[Value],
        path: &str,
    ) -> Option<ModelId> {
        let mut entries = Vec::with_capacity(layers.len());
        let mut inbound = Vec::with_capacity(layers.len());
        let mut names = HashSet::with_capacity(layers.len());
        for value in layers {
            let Some(entry) = self.entry(value, path) else {
                continue;
            };
            if !names.insert(entry.name.clone()) {
                self.problems.push(
                    Problem::new(ProblemKind::Config)
                        .at(format!("{path}{}", entry.name), &entry.class)
                        .key("name")
                        .expected("layer names that differ")
                        .found("the same name twice"),
                );
                continue;
            }
            entries.push(entry);
            inbound.push(&value["inbound_nodes"]);
        }
        let is_layer = |name: &str| names.contains(name);
        for (entry, inbound) in entries.iter_mut().zip(inbound) {
            let read = match self.is_operation(entry) {
                true => read_operation(inbound, &is_layer),
                false => read_nodes(inbound, &is_layer),
            };
            match read {
                Ok(nodes) => entry.nodes = nodes,
                Err(found) => self.problems.push(
                    Problem::new(ProblemKind::Config)
                        .at(format!("{path}{}", entry.name), &entry.class)
                        .key("inbound_nodes")
                        .expected("the calls of the layer")
                        .found(json::brief(&found)),
                ),
            }
        }
        let ids: Vec<LayerId> = entries
            .iter()
            .map(|entry| self.layer(entry, path))
            .collect();
        for (entry, id) in entries.iter_mut().zip(&ids) {
            self.bind_arguments(entry, *id);
            self.check_arguments(entry, *id, path);
        }

        let mut ends = |key: &str| {
            read_ends(&config[key]).unwrap_or_else(|found| {
                self.problems.push(
                    Problem::new(ProblemKind::Config)
                        .at(format!("{path}{name}"), "Functional")
                        .key(key)
                        .expected("references to tensors")
                        .found(json::brief(&found)),
                );
                (Vec::new(), Vec::new())
            })
        };
        let (inputs, _) = ends("input_layers");
        let (outputs, output_keys) = ends("output_layers");
        let draft = Draft {
            name,
            path,
            class: ModelClass::Functional,
            trainable: config["trainable"].as_bool().unwrap_or(true),
            entries,
            ids,
            output_keys,
            deferred: false,
            in_order: self.writer.generation == Generation::Keras1 && config[IN_ORDER] == true,
        };
        Some(self.connect(&draft, &inputs, &outputs))
    }

    /// The parameters of a layer's `call` that are inputs, if there are several, and the others
    /// that it takes as tensors.
    fn parameters(&self, id: LayerId) -> (&'static [&'static str], &'static [&'static str]) {
        match &self.layers[id.0].kind {
            LayerKind::Layer(kind) => {
                let layer = kind.layer();
                (layer.input_parameters(), layer.tensor_arguments())
            }
            LayerKind::Wrapper(wrapper, _) => {
                let wrapper = wrapper.wrapper();
                (wrapper.input_parameters(), wrapper.tensor_arguments())
            }
            LayerKind::Input
            | LayerKind::Model(_)
            | LayerKind::Operation(_)
            | LayerKind::Unknown => (&[], &[]),
        }
    }

    /// Puts the tensors of all calls where the layer's parameters say.
    fn bind_arguments(&self, entry: &mut Entry, id: LayerId) {
        let (inputs, arguments) = self.parameters(id);
        for node in entry.nodes.iter_mut().filter(|node| node.call.is_none()) {
            node.bind(inputs, arguments);
        }
    }

    /// Arguments of calls that would change a number and are not understood.
    fn check_arguments(&mut self, entry: &Entry, id: LayerId, path: &str) {
        let layer = match &self.layers[id.0].kind {
            // The operands of operation nodes are read with their options.
            LayerKind::Operation(_) | LayerKind::Unknown => return,
            LayerKind::Layer(kind) => Some(kind.layer()),
            LayerKind::Wrapper(..) | LayerKind::Input | LayerKind::Model(_) => None,
        };
        let (_, tensors) = self.parameters(id);
        let mut unsupported = Vec::new();
        for node in &entry.nodes {
            for (key, value) in &node.options {
                let understood = layer.is_some_and(|layer| layer.understands(key, value));
                if !understood && !json::says_nothing(value) && key != "name" {
                    unsupported.push((key.as_str(), json::brief(value)));
                }
            }
            for (key, _) in &node.named {
                if key != "mask" && !tensors.contains(&key.as_str()) {
                    unsupported.push((key, "a tensor".into()));
                }
            }
            if let Some(literal) = node.literals.first() {
                unsupported.push(("constant", json::brief(literal)));
            }
        }
        for (key, found) in unsupported {
            let mut problem = Problem::new(ProblemKind::UnsupportedOption)
                .at(format!("{path}{}", entry.name), &entry.class)
                .key(format!("inbound_nodes: {key}"))
                .expected("call arguments that burn-keras knows for this layer")
                .found(found);
            if key == "training" {
                problem.help = Some(
                    "called with training=True, the layer behaves as in training at inference \
                     too; save a model that calls it without"
                        .into(),
                );
            }
            self.problems.push(problem);
        }
    }
}
