//! What Keras wrote of its objects: a name and a config for each, as JSON.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use prost::Message;
use serde_json::Value;

use super::proto::{KerasMetadata, SavedObjectGraph};
use crate::container::ByteView;
use crate::container::checkpoint::Objects;
use crate::json;
use crate::problem::{Problem, ProblemKind};

const FILE: &str = "keras_metadata.pb";

/// The objects of Keras.
#[derive(Debug)]
pub(super) enum Metadata {
    /// In a file of their own, from TensorFlow 2.5 on.
    File(KerasMetadata),
    /// In the graph of objects of `saved_model.pb`.
    Graph(SavedObjectGraph),
}

impl Metadata {
    /// Reads the metadata in `folder`; they are in `objects` if there is no file of them.
    pub fn read(folder: &Path, objects: Option<SavedObjectGraph>) -> Result<Self, Problem> {
        let path = folder.join(FILE);
        if path.is_file() {
            message(&path).map(Self::File)
        } else {
            Ok(Self::Graph(objects.unwrap_or_default()))
        }
    }

    /// What is written of the outermost object, and what kind of object that is.
    pub fn root(&self) -> Option<(&str, &str)> {
        let (identifier, text) = match self {
            Self::File(file) => {
                let root = file.nodes.iter().find(|node| node.path == "root")?;
                (&root.identifier, &root.metadata)
            }
            Self::Graph(graph) => {
                let root = graph.nodes.first()?.user_object.as_ref()?;
                (&root.identifier, &root.metadata)
            }
        };
        // TensorFlow 2.5 and later leave it empty here, and so does `tf.saved_model.save`.
        (identifier.starts_with("_tf_keras_") && !text.is_empty()).then_some((identifier, text))
    }

    /// The names of layers by their objects in a checkpoint.
    pub fn names(&self, objects: &Objects) -> HashMap<usize, String> {
        let named = |node: usize, text: &str| {
            let name = json::parse(text).ok()?["name"].as_str()?.to_owned();
            Some((node, name))
        };
        match self {
            Self::File(file) => {
                let nodes = file.nodes.iter().filter_map(|node| {
                    let mut steps = node.path.split('.').skip(1);
                    let object = steps.try_fold(0, |node, step| objects.child(node, step))?;
                    named(object, &node.metadata)
                });
                nodes.collect()
            }
            Self::Graph(graph) => {
                // Both graphs are walked side by side, because their numbers need not agree.
                let mut names = HashMap::new();
                let mut seen = HashSet::from([0]);
                let mut open = vec![(0, 0)];
                while let Some((saved, object)) = open.pop() {
                    let Some(node) = graph.nodes.get(saved) else {
                        continue;
                    };
                    if let Some(user_object) = &node.user_object {
                        names.extend(named(object, &user_object.metadata));
                    }
                    for child in &node.children {
                        let saved = usize::try_from(child.node).ok();
                        let pair = saved.zip(objects.child(object, &child.name));
                        open.extend(pair.filter(|(saved, _)| seen.insert(*saved)));
                    }
                }
                names
            }
        }
    }
}

/// Reads a file that holds one message.
pub(super) fn message<M: Message + Default>(path: &Path) -> Result<M, Problem> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let problem = |found: String| {
        Problem::new(ProblemKind::Container)
            .key(name.as_ref())
            .found(found)
    };
    let bytes =
        ByteView::map(path).map_err(|error| problem(format!("it cannot be read: {error}")))?;
    M::decode(&bytes[..]).map_err(|error| problem(format!("it is malformed: {error}")))
}

/// The JSON of an object.
pub(super) fn parse(text: &str) -> Result<Value, Problem> {
    json::parse(text).map_err(|error| {
        Problem::new(ProblemKind::Config)
            .key("metadata of the model")
            .expected("JSON")
            .found(error.to_string())
    })
}
