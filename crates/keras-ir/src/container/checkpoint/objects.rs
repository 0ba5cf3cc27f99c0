//! The graph of the objects that own the tensors of a checkpoint.

use std::collections::BTreeMap;

use prost::Message;

use super::proto::{ObjectGraph, SerializedTensor};

/// The objects of a checkpoint, by number. The outermost is number 0.
///
/// What an object has, it has under the name of the attribute in Python; members of a list are
/// called `0`, `1`, …. An object may be had by several, and may have itself.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    nodes: Vec<Object>,
}

/// An object of a checkpoint.
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// The objects that it has.
    pub children: BTreeMap<String, usize>,
    /// Its value, if it is a variable.
    pub variable: Option<Variable>,
    /// The state that it keeps for variables, if it is an optimizer.
    pub slots: Vec<Slot>,
}

/// The value of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The key of the tensor.
    pub key: String,
    /// TensorFlow's name of the variable (`dense/kernel`); empty where there is none.
    pub full_name: String,
}

/// One tensor of an optimizer's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The variable that it belongs to.
    pub of: usize,
    /// What the optimizer calls it (`m`).
    pub name: String,
    /// The variable that holds it.
    pub variable: usize,
}

impl Objects {
    /// Reads a `TrackableObjectGraph`; the error says what is wrong.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let graph = ObjectGraph::decode(bytes).map_err(|error| error.to_string())?;
        let count = graph.nodes.len();
        let node = |number: i32| {
            let node = usize::try_from(number).ok().filter(|node| *node < count);
            node.ok_or_else(|| format!("there is no object {number}"))
        };
        let nodes = graph.nodes.into_iter().map(|object| {
            let children = object.children.into_iter();
            let children = children.map(|child| Ok((child.name, node(child.node)?)));
            let slots = object.slots.into_iter().map(|slot| {
                Ok::<_, String>(Slot {
                    of: node(slot.original)?,
                    name: slot.name,
                    variable: node(slot.slot)?,
                })
            });
            Ok(Object {
                children: children.collect::<Result<_, String>>()?,
                variable: object.attributes.into_iter().find_map(variable),
                slots: slots.collect::<Result<_, _>>()?,
            })
        });
        let nodes = nodes.collect::<Result<_, String>>()?;
        Ok(Self { nodes })
    }

    /// The object `node`, if there is one.
    pub fn get(&self, node: usize) -> Option<&Object> {
        self.nodes.get(node)
    }

    /// What `node` has under `name`.
    pub fn child(&self, node: usize, name: &str) -> Option<usize> {
        self.get(node)?.children.get(name).copied()
    }

    /// The members of the list `node`.
    pub fn members(&self, node: usize) -> Vec<usize> {
        let members = (0..).map_while(|index: usize| self.child(node, &index.to_string()));
        members.collect()
    }

    /// The value of the variable `node`; `None` if it is no variable.
    pub fn variable(&self, node: usize) -> Option<&Variable> {
        self.get(node)?.variable.as_ref()
    }
}

fn variable(attribute: SerializedTensor) -> Option<Variable> {
    (attribute.name == "VARIABLE_VALUE").then_some(Variable {
        key: attribute.checkpoint_key,
        full_name: attribute.full_name,
    })
}
