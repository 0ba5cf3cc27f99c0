//! Calls by identity: `(layer, node, tensor)` names what the saved layer lists at that place,
//! whatever the order of the layers or of the calls.
//!
//! Keras's own loaders replay calls and re-queue those whose inputs do not exist yet, which
//! swapped the call sites of layers shared at several depths (Keras 2 to 2.2.4, tf.keras to 2.6).

use std::collections::HashMap;

use super::nodes::{Node, Reference};
use crate::problem::{Problem, ProblemKind};

/// What resolving needs to know of a layer.
pub(super) struct Resolvable<'a> {
    pub name: &'a str,
    pub class: &'a str,
    pub nodes: &'a [Node],
    /// Marked as standing in several models.
    pub is_shared: bool,
    pub is_input: bool,
    pub is_model: bool,
    /// A functional model of Keras 3 as a layer: references at the ends count from 1, those
    /// between layers from 0.
    pub is_keras3_functional: bool,
}

/// A tensor by position: the layer's in the list, its call, the call's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Site {
    pub layer: usize,
    pub node: usize,
    pub tensor: usize,
}

impl Site {
    /// A reference that leads nowhere; it was reported when it was resolved.
    pub const BROKEN: Self = Self {
        layer: usize::MAX,
        node: 0,
        tensor: 0,
    };
}

/// A call with everything found.
#[derive(Debug)]
pub(super) struct ResolvedCall {
    pub layer: usize,
    pub node: usize,
    pub inputs: Vec<Site>,
    pub named: Vec<(String, Vec<Option<Site>>)>,
    /// Everything that the call needs, in Keras's order.
    pub order: Vec<Site>,
}

/// The calls that the outputs need, each behind those that it needs itself.
pub(super) struct Resolved {
    pub calls: Vec<ResolvedCall>,
    pub inputs: Vec<Site>,
    pub outputs: Vec<Site>,
    /// Calls that no output needs: `(layer, node)`.
    pub unused: Vec<(usize, usize)>,
}

pub(super) fn resolve(
    layers: &[Resolvable<'_>],
    inputs: &[Reference],
    outputs: &[Reference],
    path: &str,
    problems: &mut Vec<Problem>,
) -> Resolved {
    let resolver = Resolver::new(layers, inputs, outputs, path);
    let mut resolved = Resolved {
        inputs: resolver.ends(inputs, "input_layers", problems),
        outputs: resolver.ends(outputs, "output_layers", problems),
        calls: Vec::new(),
        unused: Vec::new(),
    };
    resolver.sort(&mut resolved, problems);
    resolved
}

struct Resolver<'a> {
    layers: &'a [Resolvable<'a>],
    by_name: HashMap<&'a str, usize>,
    /// Per layer, what is subtracted from a node number: between layers, and at the ends.
    offsets: Vec<(usize, usize)>,
    path: &'a str,
}

impl<'a> Resolver<'a> {
    fn new(
        layers: &'a [Resolvable<'a>],
        inputs: &[Reference],
        outputs: &[Reference],
        path: &'a str,
    ) -> Self {
        let by_name: HashMap<&str, usize> = layers
            .iter()
            .enumerate()
            .map(|(index, layer)| (layer.name, index))
            .collect();
        // Models used as layers once owned a node 0 that linked their inputs to their outputs, so
        // their calls are numbered from 1 in most files. Every kept call is referenced, hence the
        // smallest number seen is the offset.
        let mut smallest: Vec<Option<usize>> = vec![None; layers.len()];
        let between = layers.iter().flat_map(|layer| layer.nodes);
        let references = between
            .flat_map(Node::references)
            .chain(inputs)
            .chain(outputs);
        for reference in references {
            if let Some(layer) = by_name.get(reference.layer.as_str()) {
                let seen = &mut smallest[*layer];
                *seen = Some(seen.map_or(reference.node, |seen| seen.min(reference.node)));
            }
        }
        let offsets = layers
            .iter()
            .zip(smallest)
            .map(|(layer, smallest)| {
                if layer.is_keras3_functional {
                    (0, 1)
                } else if layer.is_model {
                    let offset = smallest.unwrap_or(0).min(1);
                    (offset, offset)
                } else {
                    (0, 0)
                }
            })
            .collect();
        Self {
            layers,
            by_name,
            offsets,
            path,
        }
    }

    fn site(&self, reference: &Reference, at_end: bool) -> Result<Site, Problem> {
        let broken = || {
            Problem::new(ProblemKind::BrokenConnection).found(format!(
                "[{:?}, {}, {}]",
                reference.layer, reference.node, reference.tensor
            ))
        };
        let Some(layer) = self.by_name.get(reference.layer.as_str()).copied() else {
            return Err(broken().expected("the name of a layer of this model"));
        };
        let calls = if self.layers[layer].is_input {
            1
        } else {
            self.layers[layer].nodes.len()
        };
        let (between, end) = self.offsets[layer];
        let offset = if at_end { end } else { between };
        let node = match reference.node.checked_sub(offset) {
            Some(node) if node < calls => node,
            // Some writers of Keras 3 numbered the ends from 0 too.
            _ if at_end && reference.node < calls => reference.node,
            _ => {
                return Err(broken().expected(format!(
                    "one of the {calls} calls of {:?}, numbered from {offset}",
                    reference.layer
                )));
            }
        };
        Ok(Site {
            layer,
            node,
            tensor: reference.tensor,
        })
    }

    fn ends(&self, ends: &[Reference], key: &str, problems: &mut Vec<Problem>) -> Vec<Site> {
        let mut sites = Vec::with_capacity(ends.len());
        for end in ends {
            match self.site(end, true) {
                Ok(site) => sites.push(site),
                Err(problem) => problems.push(Problem {
                    layer: Some(self.path.trim_end_matches('/').to_owned())
                        .filter(|path| !path.is_empty()),
                    ..problem.key(key)
                }),
            }
        }
        sites
    }

    fn at(&self, layer: usize, mut problem: Problem) -> Problem {
        let layer = &self.layers[layer];
        if layer.is_shared {
            problem.help = Some(
                "tf.keras writes the calls that a shared layer has in one model over those that \
                 it has in the other, and cannot load such a file itself; save the model as .keras, \
                 or give the inputs that the layer is called on the same name in both models"
                    .into(),
            );
        }
        problem
            .at(format!("{}{}", self.path, layer.name), layer.class)
            .key("inbound_nodes")
    }

    /// Resolves every call, then sorts those that the outputs need.
    fn sort(&self, resolved: &mut Resolved, problems: &mut Vec<Problem>) {
        let mut calls: HashMap<(usize, usize), ResolvedCall> = HashMap::new();
        for (layer, of_layer) in self.layers.iter().enumerate() {
            for (node, call) in of_layer.nodes.iter().enumerate() {
                let mut site = |reference: &Reference| -> Site {
                    self.site(reference, false).unwrap_or_else(|problem| {
                        problems.push(self.at(layer, problem));
                        Site::BROKEN
                    })
                };
                let inputs = call.inputs.iter().map(&mut site).collect();
                let named = call.named.iter();
                let named = named
                    .map(|(name, references)| {
                        let references = references.iter();
                        let sites = references.map(|found| found.as_ref().map(&mut site));
                        (name.clone(), sites.collect())
                    })
                    .collect();
                // What leads nowhere is reported above.
                let order = call.references().into_iter();
                let order = order.filter_map(|reference| self.site(reference, false).ok());
                calls.insert(
                    (layer, node),
                    ResolvedCall {
                        layer,
                        node,
                        inputs,
                        named,
                        order: order.collect(),
                    },
                );
            }
        }

        #[derive(Clone, Copy, PartialEq)]
        enum State {
            Open,
            Done,
        }
        let mut states: HashMap<(usize, usize), State> = HashMap::new();
        let mut order = Vec::new();
        for output in resolved.outputs.clone() {
            // An explicit stack: graphs may be thousands of calls deep.
            let mut stack = vec![((output.layer, output.node), 0)];
            while let Some((key, next)) = stack.pop() {
                let Some(call) = calls.get(&key) else {
                    continue; // an input, or broken
                };
                if next == 0 {
                    match states.get(&key) {
                        Some(State::Done) => continue,
                        Some(State::Open) => {
                            let problem = Problem::new(ProblemKind::BrokenConnection)
                                .expected("calls that do not need their own result")
                                .found(format!("a circle through call {}", key.1));
                            problems.push(self.at(key.0, problem));
                            return;
                        }
                        None => {
                            states.insert(key, State::Open);
                        }
                    }
                }
                match call.order.get(next) {
                    Some(site) => {
                        let parent = (site.layer, site.node);
                        stack.push((key, next + 1));
                        if states.get(&parent) != Some(&State::Done) {
                            stack.push((parent, 0));
                        }
                    }
                    None => {
                        states.insert(key, State::Done);
                        order.push(key);
                    }
                }
            }
        }
        resolved.calls = order.iter().filter_map(|key| calls.remove(key)).collect();
        resolved.unused = calls.into_keys().collect();
        resolved.unused.sort_unstable();
    }
}
