//! Nodes of TensorFlow graphs: `TensorFlowOpLayer` of TensorFlow 2.0 to 2.3.

use serde_json::{Map, Value};

use super::arguments::plain;
use super::tensorflow::{Alias, strided_slice, translate};
use super::{Argument, Call, Family, Read};
use crate::json;

/// The operations of TensorFlow, Keras's class, and the names of the inputs; behind a bar those of
/// the attributes.
const NODES: &[Alias] = &[
    ("Add|AddV2", "Add", "x1 x2"),
    ("AddN", "AddN", "*x"),
    ("Sub", "Subtract", "x1 x2"),
    ("Mul", "Multiply", "x1 x2"),
    ("RealDiv|Div", "TrueDivide", "x1 x2"),
    ("DivNoNan", "DivideNoNan", "x1 x2"),
    ("FloorDiv", "FloorDivide", "x1 x2"),
    ("FloorMod", "Mod", "x1 x2"),
    ("Pow", "Power", "x1 x2"),
    ("Maximum", "Maximum", "x1 x2"),
    ("Minimum", "Minimum", "x1 x2"),
    ("SquaredDifference", "SquaredDifference", "x1 x2"),
    ("Atan2", "Arctan2", "x1 x2"),
    ("BiasAdd", "BiasAdd", "x1 x2 | data_format"),
    ("Equal", "Equal", "x1 x2 | incompatible_shape_error"),
    ("NotEqual", "NotEqual", "x1 x2 | incompatible_shape_error"),
    ("Greater", "Greater", "x1 x2"),
    ("GreaterEqual", "GreaterEqual", "x1 x2"),
    ("Less", "Less", "x1 x2"),
    ("LessEqual", "LessEqual", "x1 x2"),
    ("LogicalAnd", "LogicalAnd", "x1 x2"),
    ("LogicalOr", "LogicalOr", "x1 x2"),
    ("LogicalNot", "LogicalNot", "x"),
    ("IsNan", "Isnan", "x"),
    ("IsInf", "Isinf", "x"),
    ("IsFinite", "Isfinite", "x"),
    ("SelectV2", "Where", "condition x1 x2"),
    ("ClipByValue", "Clip", "x x_min x_max"),
    ("Cast", "Cast", "x | DstT:dtype Truncate:ignored"),
    ("Identity", "Copy", "x"),
    ("StopGradient", "StopGradient", "x"),
    ("Abs", "Absolute", "x"),
    ("Neg", "Negative", "x"),
    ("Sign", "Sign", "x"),
    ("Square", "Square", "x"),
    ("Round", "Round", "x"),
    ("Floor", "Floor", "x"),
    ("Ceil", "Ceil", "x"),
    ("Sqrt", "Sqrt", "x"),
    ("Rsqrt", "Rsqrt", "x"),
    ("Reciprocal|Inv", "Reciprocal", "x"),
    ("Exp", "Exp", "x"),
    ("Expm1", "Expm1", "x"),
    ("Log", "Log", "x"),
    ("Log1p", "Log1p", "x"),
    ("Sin", "Sin", "x"),
    ("Cos", "Cos", "x"),
    ("Tan", "Tan", "x"),
    ("Asin", "Arcsin", "x"),
    ("Acos", "Arccos", "x"),
    ("Atan", "Arctan", "x"),
    ("Sinh", "Sinh", "x"),
    ("Cosh", "Cosh", "x"),
    ("Tanh", "Tanh", "x"),
    ("Erf", "Erf", "x"),
    ("Erfc", "Erfc", "x"),
    ("Sigmoid", "Sigmoid", "x"),
    ("Softplus", "Softplus", "x"),
    ("Softsign", "Softsign", "x"),
    ("Relu", "Relu", "x"),
    ("Relu6", "Relu6", "x"),
    ("LeakyRelu", "LeakyRelu", "x | alpha:negative_slope=0.2"),
    ("Elu", "Elu", "x"),
    ("Selu", "Selu", "x"),
    ("Softmax", "Softmax", "x"),
    ("LogSoftmax", "LogSoftmax", "x"),
    ("Sum", "Sum", "x axis | keep_dims:keepdims"),
    ("Mean", "Mean", "x axis | keep_dims:keepdims"),
    ("Max", "Max", "x axis | keep_dims:keepdims"),
    ("Min", "Min", "x axis | keep_dims:keepdims"),
    ("Prod", "Prod", "x axis | keep_dims:keepdims"),
    ("Any", "Any", "x axis | keep_dims:keepdims"),
    ("All", "All", "x axis | keep_dims:keepdims"),
    ("ArgMax", "Argmax", "x axis | output_type:dtype"),
    ("ArgMin", "Argmin", "x axis | output_type:dtype"),
    ("Cumsum", "Cumsum", "x axis | exclusive reverse"),
    ("Cumprod", "Cumprod", "x axis | exclusive reverse"),
    ("Reshape", "Reshape", "x newshape"),
    ("Transpose", "Transpose", "x axes"),
    ("ExpandDims", "ExpandDims", "x axis"),
    ("Squeeze", "Squeeze", "x | squeeze_dims:axis"),
    ("ConcatV2", "Concatenate", "*xs axis"),
    ("Pack", "Stack", "*x | axis N:ignored"),
    ("Unpack", "Unstack", "x | axis num"),
    ("Split", "Split", "axis x | num_split:indices_or_sections"),
    (
        "SplitV",
        "Split",
        "x indices_or_sections axis | num_split:ignored",
    ),
    ("Tile", "Tile", "x repeats"),
    ("Roll", "Roll", "x shift axis"),
    ("ReverseV2", "Flip", "x axis"),
    ("BroadcastTo", "BroadcastTo", "x shape"),
    ("Pad", "Pad", "x pad_width"),
    ("PadV2", "Pad", "x pad_width constant_values"),
    ("MirrorPad", "Pad", "x pad_width | mode"),
    ("Shape", "Shape", "x | out_type:dtype"),
    ("Size", "Size", "x | out_type:dtype"),
    ("DepthToSpace", "DepthToSpace", "x | block_size data_format"),
    ("SpaceToDepth", "SpaceToDepth", "x | block_size data_format"),
    ("Slice", "Slice", "x start_indices shape"),
    ("GatherV2", "Take", "x indices axis | batch_dims"),
    (
        "OneHot",
        "OneHot",
        "x num_classes on_value off_value | axis",
    ),
    ("ZerosLike", "ZerosLike", "x"),
    ("OnesLike", "OnesLike", "x"),
    ("MatMul", "Matmul", "x1 x2 | transpose_a transpose_b"),
    (
        "BatchMatMul|BatchMatMulV2",
        "Matmul",
        "x1 x2 | adj_x:adjoint_a adj_y:adjoint_b",
    ),
    (
        "Einsum",
        "Einsum",
        "*operands | equation:subscripts N:ignored",
    ),
    ("TopKV2", "TopK", "x k | sorted"),
];

/// Every operation of TensorFlow that can be read, with the class that it is in Keras.
pub fn operations() -> impl Iterator<Item = (&'static str, &'static str)> {
    let sliced = std::iter::once(("StridedSlice", "GetItem"));
    let nodes = NODES.iter();
    let nodes = nodes.flat_map(|(names, class, _)| names.split('|').map(|name| (name, *class)));
    nodes.chain(sliced)
}

/// Reads the node of a config and what is constant of its inputs; `None` for an operation that is
/// not known.
pub(super) fn read(config: &Map<String, Value>, call: &Call) -> Option<Read> {
    let node = node(config.get("node_def")?)?;
    let operation = node.get("op")?.as_str()?;
    let mut inputs = flattened(call);
    // Ascending, so that each place counts those before it.
    let constants = config.get("constants").and_then(Value::as_object);
    let mut constants: Vec<(usize, &Value)> = { constants.into_iter().flatten() }
        .map(|(index, value)| Some((index.parse().ok()?, value)))
        .collect::<Option<_>>()?;
    constants.sort_by_key(|(index, _)| *index);
    for (index, value) in constants {
        if index > inputs.len() {
            return None;
        }
        inputs.insert(index, Argument::Literal(plain(value.clone())));
    }
    let attributes = node.get("attr").and_then(Value::as_object);
    let attributes = attributes.into_iter().flatten();
    let attributes = attributes.filter_map(|(name, value)| Some((name.clone(), attribute(value)?)));
    let attributes: Vec<(String, Value)> = attributes
        .filter(|(name, _)| !name.starts_with('_'))
        .collect();
    if operation == "StridedSlice" {
        let named = { attributes.into_iter() }
            .filter(|(_, value)| !value.is_string())
            .map(|(name, value)| (name, Argument::Literal(value)));
        let call = Call {
            positional: inputs,
            named: named.collect(),
        };
        return Some(strided_slice(&call, "x"));
    }
    let (_, class, parameters) = NODES
        .iter()
        .find(|(names, ..)| names.split('|').any(|name| name == operation))?;
    let (of_inputs, of_attributes) = parameters.split_once('|').unwrap_or((parameters, ""));
    let mut named: Vec<(String, Argument)> = Vec::new();
    let names: Vec<&str> = of_inputs.split_whitespace().collect();
    let mut inputs = inputs.into_iter();
    for (at, name) in names.iter().enumerate() {
        if let Some(several) = name.strip_prefix('*') {
            let count = inputs.len().saturating_sub(names.len() - at - 1);
            let items = inputs.by_ref().take(count).collect();
            named.push((several.to_owned(), Argument::List(items)));
        } else if let Some(input) = inputs.next() {
            named.push(((*name).to_owned(), input));
        }
    }
    named.extend(inputs.map(|input| ("argument".to_owned(), input)));
    for (name, value) in attributes {
        let is_named = of_attributes
            .split_whitespace()
            .any(|word| word.split([':', '=']).next() == Some(name.as_str()));
        // The other attributes of types and counts repeat what the tensors are.
        let is_type =
            name.starts_with('T') || matches!(name.as_str(), "N" | "Index" | "SrcT" | "num");
        if is_named || !is_type {
            named.push((name, Argument::Literal(value)));
        }
    }
    let call = Call {
        positional: Vec::new(),
        named,
    };
    translate(Family::TensorFlowNode, class, of_attributes, &call)
}

/// A node, as an object or as its text.
fn node(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => json::parse(text).ok(),
        other => Some(other.clone()),
    }
}

/// The tensors of a call that has one argument, a list of them.
fn flattened(call: &Call) -> Vec<Argument> {
    let arguments = call.positional.iter().cloned();
    arguments.flat_map(Argument::into_list).collect()
}

/// The value of an attribute as protobuf writes it in JSON.
fn attribute(value: &Value) -> Option<Value> {
    let (kind, value) = value.as_object()?.iter().next()?;
    let integer = |value: &Value| match value {
        Value::String(text) => text.parse::<i64>().ok().map(Value::from),
        other => Some(other.clone()),
    };
    match kind.as_str() {
        "i" => integer(value),
        "s" => String::from_utf8(from_base64(value.as_str()?)?)
            .ok()
            .map(Value::String),
        "type" => Some(dtype(value.as_str()?).into()),
        "list" => {
            let (kind, items) = value.as_object()?.iter().next()?;
            let items = items.as_array()?.iter();
            let items: Option<Vec<Value>> = match kind.as_str() {
                "i" => items.map(integer).collect(),
                _ => items.map(|item| Some(item.clone())).collect(),
            };
            items.map(Value::Array)
        }
        _ => Some(value.clone()),
    }
}

/// The bytes that `text` stands for.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in text.trim_end_matches('=').bytes() {
        let value = DIGITS.iter().position(|known| *known == digit)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// Keras's name of a type.
fn dtype(name: &str) -> String {
    match name {
        "DT_FLOAT" => "float32".into(),
        "DT_DOUBLE" => "float64".into(),
        "DT_HALF" => "float16".into(),
        other => other.trim_start_matches("DT_").to_lowercase(),
    }
}
