//! The messages of a checkpoint, with the fields that are read (`tensor_bundle.proto`,
//! `trackable_object_graph.proto`, `tensor_shape.proto`).

use prost::Message;

use crate::container::Dtype;

/// `BundleHeaderProto`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BundleHeader {
    #[prost(int32, tag = "1")]
    pub num_shards: i32,
    /// 0: little, 1: big.
    #[prost(int32, tag = "2")]
    pub endianness: i32,
}

/// `BundleEntryProto`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BundleEntry {
    #[prost(int32, tag = "1")]
    pub dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShape>,
    #[prost(int32, tag = "3")]
    pub shard: i32,
    #[prost(int64, tag = "4")]
    pub offset: i64,
    #[prost(int64, tag = "5")]
    pub size: i64,
    /// Masked.
    #[prost(fixed32, tag = "6")]
    pub crc32c: u32,
    #[prost(message, repeated, tag = "7")]
    pub slices: Vec<Slice>,
}

/// `TensorSliceProto`: that there is one says enough.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Slice {}

/// `TensorShapeProto`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorShape {
    #[prost(message, repeated, tag = "2")]
    pub dims: Vec<Dim>,
    #[prost(bool, tag = "3")]
    pub unknown_rank: bool,
}

/// `TensorShapeProto.Dim`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Dim {
    /// -1 where it is not known.
    #[prost(int64, tag = "1")]
    pub size: i64,
}

/// `TrackableObjectGraph`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ObjectGraph {
    #[prost(message, repeated, tag = "1")]
    pub nodes: Vec<Object>,
}

/// `TrackableObject`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Object {
    #[prost(message, repeated, tag = "1")]
    pub children: Vec<ObjectReference>,
    #[prost(message, repeated, tag = "2")]
    pub attributes: Vec<SerializedTensor>,
    #[prost(message, repeated, tag = "3")]
    pub slots: Vec<SlotReference>,
}

/// `ObjectReference`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ObjectReference {
    #[prost(int32, tag = "1")]
    pub node: i32,
    #[prost(string, tag = "2")]
    pub name: String,
}

/// `SerializedTensor`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SerializedTensor {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub full_name: String,
    #[prost(string, tag = "3")]
    pub checkpoint_key: String,
}

/// `SlotVariableReference`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SlotReference {
    #[prost(int32, tag = "1")]
    pub original: i32,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(int32, tag = "3")]
    pub slot: i32,
}

/// `DT_STRING`.
pub(super) const STRING: i32 = 7;

/// The type that a `DataType` stands for; `None` for those that no variable has.
pub(crate) fn dtype(number: i32) -> Option<Dtype> {
    Some(match number {
        1 => Dtype::F32,
        2 => Dtype::F64,
        3 => Dtype::I32,
        4 => Dtype::U8,
        5 => Dtype::I16,
        6 => Dtype::I8,
        9 => Dtype::I64,
        10 => Dtype::Bool,
        14 => Dtype::Bf16,
        17 => Dtype::U16,
        19 => Dtype::F16,
        22 => Dtype::U32,
        23 => Dtype::U64,
        _ => return None,
    })
}
