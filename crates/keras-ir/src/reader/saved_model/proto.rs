//! The messages of a SavedModel, with the fields that are read (`saved_model.proto`,
//! `meta_graph.proto`, `saved_object_graph.proto`, Keras's `saved_metadata.proto`).

use std::collections::BTreeMap;

use prost::Message;

use crate::container::checkpoint::proto::{ObjectReference, TensorShape};

#[derive(Clone, PartialEq, Message)]
pub(super) struct SavedModel {
    #[prost(message, repeated, tag = "2")]
    pub meta_graphs: Vec<MetaGraph>,
}

/// `MetaGraphDef`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct MetaGraph {
    #[prost(btree_map = "string, message", tag = "5")]
    pub signatures: BTreeMap<String, Signature>,
    #[prost(message, optional, tag = "7")]
    pub objects: Option<SavedObjectGraph>,
}

/// `SignatureDef`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Signature {
    #[prost(btree_map = "string, message", tag = "1")]
    pub inputs: BTreeMap<String, TensorInfo>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub outputs: BTreeMap<String, TensorInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorInfo {
    #[prost(int32, tag = "2")]
    pub dtype: i32,
    #[prost(message, optional, tag = "3")]
    pub shape: Option<TensorShape>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SavedObjectGraph {
    #[prost(message, repeated, tag = "1")]
    pub nodes: Vec<SavedObject>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SavedObject {
    #[prost(message, repeated, tag = "1")]
    pub children: Vec<ObjectReference>,
    #[prost(message, optional, tag = "4")]
    pub user_object: Option<SavedUserObject>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SavedUserObject {
    #[prost(string, tag = "1")]
    pub identifier: String,
    /// JSON, before TensorFlow 2.5.
    #[prost(string, tag = "3")]
    pub metadata: String,
}

/// `SavedMetadata`, the content of `keras_metadata.pb`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct KerasMetadata {
    #[prost(message, repeated, tag = "1")]
    pub nodes: Vec<KerasObject>,
}

/// `SavedObject` of Keras.
#[derive(Clone, PartialEq, Message)]
pub(super) struct KerasObject {
    /// `root`, or attributes joined by dots from there.
    #[prost(string, tag = "3")]
    pub path: String,
    #[prost(string, tag = "4")]
    pub identifier: String,
    /// JSON.
    #[prost(string, tag = "5")]
    pub metadata: String,
}
