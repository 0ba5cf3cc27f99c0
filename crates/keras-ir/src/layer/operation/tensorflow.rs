//! Which function of TensorFlow is which operation, and what its arguments are called.

use serde_json::Value;

use super::{Argument, Call, Family, Operation, Read, find};
use crate::problem::{Problem, ProblemKind};

/// TensorFlow's names of a function, Keras's class, and the function's parameters in order:
/// `name`, or `name:keras_name`, either with `=default` where Keras's differs.
pub(super) type Alias = (&'static str, &'static str, &'static str);

/// The functions, by TensorFlow's canonical names without `tf.`, as tf.keras writes them.
const FUNCTIONS: &[Alias] = &[
    (
        "__operators__.add|math.add|compat.v1.add",
        "Add",
        "x:x1 y:x2",
    ),
    ("math.add_n|compat.v1.accumulate_n", "AddN", "inputs:x"),
    ("math.subtract|compat.v1.subtract", "Subtract", "x:x1 y:x2"),
    ("math.multiply|compat.v1.multiply", "Multiply", "x:x1 y:x2"),
    ("math.truediv|math.divide", "TrueDivide", "x:x1 y:x2"),
    ("math.divide_no_nan", "DivideNoNan", "x:x1 y:x2"),
    (
        "math.floordiv|compat.v1.floor_div",
        "FloorDivide",
        "x:x1 y:x2",
    ),
    ("math.floormod|math.mod", "Mod", "x:x1 y:x2"),
    ("math.pow", "Power", "x:x1 y:x2"),
    ("math.maximum", "Maximum", "x:x1 y:x2"),
    ("math.minimum", "Minimum", "x:x1 y:x2"),
    ("math.squared_difference", "SquaredDifference", "x:x1 y:x2"),
    ("math.atan2", "Arctan2", "y:x1 x:x2"),
    ("nn.bias_add", "BiasAdd", "value:x1 bias:x2 data_format"),
    ("math.equal|__operators__.eq", "Equal", "x:x1 y:x2"),
    ("math.not_equal|__operators__.ne", "NotEqual", "x:x1 y:x2"),
    ("math.greater", "Greater", "x:x1 y:x2"),
    ("math.greater_equal", "GreaterEqual", "x:x1 y:x2"),
    ("math.less", "Less", "x:x1 y:x2"),
    ("math.less_equal", "LessEqual", "x:x1 y:x2"),
    ("math.logical_and", "LogicalAnd", "x:x1 y:x2"),
    ("math.logical_or", "LogicalOr", "x:x1 y:x2"),
    ("math.logical_xor", "LogicalXor", "x:x1 y:x2"),
    ("math.logical_not", "LogicalNot", "x"),
    ("math.is_nan", "Isnan", "x"),
    ("math.is_inf", "Isinf", "x"),
    ("math.is_finite", "Isfinite", "x"),
    ("where", "Where", "condition x:x1 y:x2"),
    (
        "clip_by_value",
        "Clip",
        "t:x clip_value_min:x_min clip_value_max:x_max",
    ),
    ("cast", "Cast", "x dtype"),
    ("compat.v1.to_float", "Cast", "x dtype=\"float32\""),
    ("identity|compat.v1.identity", "Copy", "input:x"),
    ("stop_gradient", "StopGradient", "input:x"),
    (
        "convert_to_tensor|compat.v1.convert_to_tensor",
        "ConvertToTensor",
        "value:x dtype",
    ),
    ("math.abs", "Absolute", "x"),
    ("math.negative", "Negative", "x"),
    ("math.sign", "Sign", "x"),
    ("math.square", "Square", "x"),
    ("math.round", "Round", "x"),
    ("math.floor", "Floor", "x"),
    ("math.ceil", "Ceil", "x"),
    ("math.sqrt", "Sqrt", "x"),
    ("math.rsqrt", "Rsqrt", "x"),
    ("math.reciprocal", "Reciprocal", "x"),
    ("math.exp", "Exp", "x"),
    ("math.expm1", "Expm1", "x"),
    ("math.log", "Log", "x"),
    ("math.log1p", "Log1p", "x"),
    ("math.sin", "Sin", "x"),
    ("math.cos", "Cos", "x"),
    ("math.tan", "Tan", "x"),
    ("math.asin", "Arcsin", "x"),
    ("math.acos", "Arccos", "x"),
    ("math.atan", "Arctan", "x"),
    ("math.sinh", "Sinh", "x"),
    ("math.cosh", "Cosh", "x"),
    ("math.tanh|nn.tanh", "Tanh", "x"),
    ("math.asinh", "Arcsinh", "x"),
    ("math.acosh", "Arccosh", "x"),
    ("math.atanh", "Arctanh", "x"),
    ("math.erf", "Erf", "x"),
    ("math.erfc", "Erfc", "x"),
    ("math.sigmoid|nn.sigmoid", "Sigmoid", "x"),
    ("math.log_sigmoid", "LogSigmoid", "x"),
    ("math.softplus|nn.softplus", "Softplus", "features:x"),
    ("nn.softsign", "Softsign", "features:x"),
    ("nn.relu", "Relu", "features:x"),
    ("nn.relu6", "Relu6", "features:x"),
    (
        "nn.leaky_relu",
        "LeakyRelu",
        "features:x alpha:negative_slope=0.2",
    ),
    ("nn.elu", "Elu", "features:x"),
    ("nn.selu", "Selu", "features:x"),
    ("nn.gelu", "Gelu", "features:x approximate=false"),
    ("nn.silu", "Silu", "features:x beta"),
    (
        "nn.softmax|compat.v1.nn.softmax",
        "Softmax",
        "logits:x axis dim:axis",
    ),
    (
        "nn.log_softmax|compat.v1.nn.log_softmax",
        "LogSoftmax",
        "logits:x axis dim:axis",
    ),
    (
        "math.l2_normalize|compat.v1.math.l2_normalize|nn.l2_normalize",
        "L2Normalize",
        "x axis epsilon dim:axis",
    ),
    (
        "keras.activations.hard_sigmoid|keras.backend.hard_sigmoid",
        "HardSigmoid",
        "x",
    ),
    ("keras.activations.mish", "Mish", "x"),
    (
        "nn.batch_normalization|compat.v1.nn.batch_normalization",
        "BatchNorm",
        "x mean variance offset scale variance_epsilon:epsilon",
    ),
    ("math.reduce_sum|compat.v1.reduce_sum", "Sum", REDUCED),
    ("math.reduce_mean|compat.v1.reduce_mean", "Mean", REDUCED),
    ("math.reduce_max|compat.v1.reduce_max", "Max", REDUCED),
    ("math.reduce_min|compat.v1.reduce_min", "Min", REDUCED),
    ("math.reduce_prod|compat.v1.reduce_prod", "Prod", REDUCED),
    ("math.reduce_any|compat.v1.reduce_any", "Any", REDUCED),
    ("math.reduce_all|compat.v1.reduce_all", "All", REDUCED),
    (
        "math.reduce_logsumexp|compat.v1.reduce_logsumexp",
        "Logsumexp",
        REDUCED,
    ),
    ("math.reduce_std", "Std", REDUCED),
    ("math.reduce_variance", "Var", REDUCED),
    ("math.reduce_euclidean_norm", "Norm", REDUCED),
    (
        "norm|compat.v1.norm|linalg.norm",
        "Norm",
        "tensor:x ord axis keepdims keep_dims:keepdims",
    ),
    (
        "math.count_nonzero|compat.v1.count_nonzero",
        "CountNonzero",
        "input:x axis keepdims dtype input_tensor:x",
    ),
    (
        "nn.moments|compat.v1.nn.moments",
        "Moments",
        "x axes shift keepdims keep_dims:keepdims",
    ),
    (
        "math.argmax|compat.v1.argmax",
        "Argmax",
        "input:x axis=0 output_type:dtype",
    ),
    (
        "math.argmin|compat.v1.argmin",
        "Argmin",
        "input:x axis=0 output_type:dtype",
    ),
    ("math.cumsum", "Cumsum", "x axis=0 exclusive reverse"),
    ("math.cumprod", "Cumprod", "x axis=0 exclusive reverse"),
    (
        "reshape|compat.v1.reshape",
        "Reshape",
        "tensor:x shape:newshape",
    ),
    ("keras.backend.batch_flatten", "BatchFlatten", "x"),
    (
        "transpose|compat.v1.transpose",
        "Transpose",
        "a:x perm:axes conjugate",
    ),
    (
        "linalg.matrix_transpose",
        "Swapaxes",
        "a:x axis1=-2 axis2=-1 conjugate",
    ),
    (
        "expand_dims|compat.v1.expand_dims",
        "ExpandDims",
        "input:x axis dim:axis",
    ),
    (
        "squeeze|compat.v1.squeeze",
        "Squeeze",
        "input:x axis squeeze_dims:axis",
    ),
    ("concat|compat.v1.concat", "Concatenate", "values:xs axis"),
    ("stack", "Stack", "values:x axis"),
    ("unstack", "Unstack", "value:x num axis"),
    (
        "split",
        "Split",
        "value:x num_or_size_splits:indices_or_sections axis=0 num:ignored",
    ),
    ("tile", "Tile", "input:x multiples:repeats"),
    ("repeat", "Repeat", "input:x repeats axis"),
    ("roll", "Roll", "input:x shift axis"),
    ("reverse|compat.v1.reverse", "Flip", "tensor:x axis"),
    ("image.flip_left_right", "Flip", "image:x axis=-2"),
    ("image.flip_up_down", "Flip", "image:x axis=-3"),
    ("broadcast_to", "BroadcastTo", "input:x shape"),
    (
        "pad|compat.v1.pad",
        "Pad",
        "tensor:x paddings:pad_width mode constant_values",
    ),
    (
        "linalg.diag_part",
        "Diagonal",
        "input:x axis1=-2 axis2=-1 k:offset",
    ),
    ("linalg.trace", "Trace", "x axis1=-2 axis2=-1"),
    ("shape|compat.v1.shape", "Shape", "input:x out_type:dtype"),
    ("size|compat.v1.size", "Size", "input:x out_type:dtype"),
    (
        "nn.depth_to_space|compat.v1.depth_to_space",
        "DepthToSpace",
        "input:x block_size data_format",
    ),
    (
        "nn.space_to_depth|compat.v1.space_to_depth",
        "SpaceToDepth",
        "input:x block_size data_format",
    ),
    (
        "__operators__.getitem",
        "GetItem",
        "tensor:x slice_spec:key",
    ),
    ("slice", "Slice", "input_:x begin:start_indices size:shape"),
    (
        "gather|compat.v1.gather",
        "Take",
        "params:x indices axis batch_dims validate_indices:ignored",
    ),
    (
        "one_hot",
        "OneHot",
        "indices:x depth:num_classes on_value off_value axis dtype",
    ),
    (
        "zeros_like|compat.v1.zeros_like",
        "ZerosLike",
        "input:x dtype tensor:x optimize:ignored",
    ),
    (
        "ones_like|compat.v1.ones_like",
        "OnesLike",
        "input:x dtype tensor:x optimize:ignored",
    ),
    ("zeros", "Zeros", "shape dtype"),
    ("ones", "Ones", "shape dtype"),
    ("fill", "Fill", "dims:shape value"),
    (
        "linalg.matmul",
        "Matmul",
        "a:x1 b:x2 transpose_a transpose_b adjoint_a adjoint_b a_is_sparse b_is_sparse grad_a grad_b",
    ),
    (
        "linalg.matvec",
        "MatrixVector",
        "a:x1 b:x2 a_is_sparse b_is_sparse:ignored",
    ),
    ("tensordot", "Tensordot", "a:x1 b:x2 axes"),
    ("sort", "Sort", "values:x axis direction"),
    ("argsort", "Argsort", "values:x axis direction stable"),
    ("math.top_k|nn.top_k", "TopK", "input:x k sorted index_type"),
    (
        "searchsorted",
        "SearchSorted",
        "sorted_sequence values side out_type",
    ),
    (
        "nn.max_pool2d",
        "MaxPool",
        "input:inputs ksize:pool_size strides padding data_format",
    ),
    (
        "nn.avg_pool2d",
        "AveragePool",
        "input:inputs ksize:pool_size strides padding data_format",
    ),
    (
        "image.resize",
        "Resize",
        "images size method:interpolation preserve_aspect_ratio antialias",
    ),
    ("image.rgb_to_grayscale", "RGBToGrayscale", "images"),
];

/// The parameters of TensorFlow's reductions, the older names included.
const REDUCED: &str = "input_tensor:x axis keepdims reduction_indices:axis keep_dims:keepdims";

/// Every function of TensorFlow that can be read, with the class that it is in Keras.
pub fn functions() -> impl Iterator<Item = (&'static str, &'static str)> {
    let sliced = std::iter::once(("strided_slice", "GetItem"));
    let functions = FUNCTIONS.iter();
    let functions =
        functions.flat_map(|(names, class, _)| names.split('|').map(|name| (name, *class)));
    functions.chain(sliced)
}

/// Reads a call of the function `symbol`; `None` for one that is not known.
pub(super) fn read(symbol: &str, call: &Call) -> Option<Read> {
    if matches!(symbol, "strided_slice" | "compat.v1.strided_slice") {
        return Some(strided_slice(call, "input_"));
    }
    let (_, class, parameters) = FUNCTIONS
        .iter()
        .find(|(names, _, _)| names.split('|').any(|name| name == symbol))?;
    translate(Family::TensorFlow, class, parameters, call)
}

/// Reads `call`, whose arguments have the names `parameters`, as the operation `class`.
pub(super) fn translate(
    family: Family,
    class: &str,
    parameters: &'static str,
    call: &Call,
) -> Option<Read> {
    let row = find(class)?;
    let parameters: Vec<(&str, &str, Option<Value>)> =
        parameters.split_whitespace().map(parameter).collect();
    let mut named: Vec<(String, Argument)> = Vec::new();
    let positional = call.positional.iter().zip(&parameters);
    let by_position = positional.map(|(argument, (_, keras, _))| (*keras, argument));
    let by_name = call.named.iter().map(|(name, argument)| {
        let known = parameters
            .iter()
            .find(|(tensorflow, ..)| tensorflow == name);
        (known.map_or(name.as_str(), |(_, keras, _)| keras), argument)
    });
    for (name, argument) in by_position.chain(by_name) {
        if !argument.is_null() && name != "ignored" {
            named.push((name.to_owned(), argument.clone()));
        }
    }
    for (_, keras, default) in &parameters {
        if let Some(default) = default
            && !named.iter().any(|(name, _)| name == keras)
        {
            named.push(((*keras).to_owned(), Argument::Literal(default.clone())));
        }
    }
    let rest = call.positional.get(parameters.len()..).unwrap_or_default();
    let call = Call {
        positional: Vec::new(),
        named: named.into_iter().chain(surplus(rest)).collect(),
    };
    Some(Operation::of_row(row, family, Vec::new(), &call))
}

/// Arguments that no parameter takes; nobody reads them, so they are problems.
fn surplus(rest: &[Argument]) -> impl Iterator<Item = (String, Argument)> {
    { rest.iter() }.map(|argument| ("argument".to_owned(), argument.clone()))
}

/// `name`, `name:keras_name`, each with or without `=default`.
fn parameter(word: &'static str) -> (&'static str, &'static str, Option<Value>) {
    let (names, default) = match word.split_once('=') {
        Some((names, default)) => (names, serde_json::from_str(default).ok()),
        None => (word, None),
    };
    let (tensorflow, keras) = names.split_once(':').unwrap_or((names, names));
    (tensorflow, keras, default)
}

/// `strided_slice(input, begin, end, strides, …_mask)`: bits of the masks say what an item is.
pub(super) fn strided_slice(call: &Call, input: &str) -> Read {
    let problem = |key: &str, found: String| {
        vec![
            Problem::new(ProblemKind::UnsupportedOption)
                .key(key)
                .expected("lists of integers")
                .found(found),
        ]
    };
    let names = [input, "begin", "end", "strides"];
    let find = |name: &str| {
        let at = names.iter().position(|known| *known == name);
        let positional = at.and_then(|at| call.positional.get(at));
        let named = || {
            call.named
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
        };
        positional.or_else(named)
    };
    let integers = |name: &str| -> Result<Option<Vec<i64>>, Vec<Problem>> {
        match find(name) {
            None | Some(Argument::Literal(Value::Null)) => Ok(None),
            Some(Argument::Literal(Value::Array(items))) => {
                let items: Option<Vec<i64>> = items.iter().map(Value::as_i64).collect();
                items
                    .map(Some)
                    .ok_or_else(|| problem(name, "others".into()))
            }
            Some(other) => Err(problem(name, other.brief())),
        }
    };
    let mask = |name: &str| match find(name) {
        Some(Argument::Literal(value)) => value.as_u64().unwrap_or(0),
        _ => 0,
    };
    let begin = integers("begin")?.unwrap_or_default();
    let end = integers("end")?.unwrap_or_default();
    let strides = integers("strides")?.unwrap_or_else(|| vec![1; begin.len()]);
    if begin.len() != end.len() || begin.len() != strides.len() || begin.len() > 32 {
        return Err(problem("begin", "lists of other lengths".into()));
    }
    let literal = |value: i64| Argument::Literal(value.into());
    let bounded = |masks: u64, bit: u64, value: i64| match masks & bit {
        0 => literal(value),
        _ => Argument::Literal(Value::Null),
    };
    let items = (0..begin.len()).map(|at| {
        let bit = 1_u64 << at;
        if mask("ellipsis_mask") & bit != 0 {
            Argument::Ellipsis
        } else if mask("new_axis_mask") & bit != 0 {
            Argument::Literal(Value::Null)
        } else if mask("shrink_axis_mask") & bit != 0 {
            literal(begin[at])
        } else {
            Argument::Slice(Box::new([
                bounded(mask("begin_mask"), bit, begin[at]),
                bounded(mask("end_mask"), bit, end[at]),
                literal(strides[at]),
            ]))
        }
    });
    let known = [
        "begin_mask",
        "end_mask",
        "ellipsis_mask",
        "new_axis_mask",
        "shrink_axis_mask",
    ];
    let mut named = vec![("key".to_owned(), Argument::List(items.collect()))];
    for (name, argument) in &call.named {
        if !names.contains(&name.as_str()) && !known.contains(&name.as_str()) {
            named.push((name.clone(), argument.clone()));
        }
    }
    let row = find_row()?;
    let call = Call {
        positional: find(input).cloned().into_iter().collect(),
        named,
    };
    Operation::of_row(row, Family::TensorFlow, Vec::new(), &call)
}

fn find_row() -> Result<&'static super::Row, Vec<Problem>> {
    find("GetItem").ok_or_else(Vec::new)
}
