//! The classes of Keras 1 and their keys, in the words of Keras 2.

use serde_json::{Map, Value, json};

use super::{Origin, merge};
use crate::json;
use crate::problem::{Problem, ProblemKind};

/// Names of keys: in Keras 1, in Keras 2.
type Keys = &'static [(&'static str, &'static str)];

const SAME: Keys = &[];
const DENSE: Keys = &[("output_dim", "units"), ("bias", "use_bias")];
const CONVOLUTION: Keys = &[
    ("nb_filter", "filters"),
    ("filter_length", "kernel_size"),
    ("border_mode", "padding"),
    ("dim_ordering", "data_format"),
    ("subsample", "strides"),
    ("subsample_length", "strides"),
    ("atrous_rate", "dilation_rate"),
    ("bias", "use_bias"),
];
const POOLING: Keys = &[
    ("pool_length", "pool_size"),
    ("stride", "strides"),
    ("border_mode", "padding"),
    ("dim_ordering", "data_format"),
];
const RESIZING: Keys = &[("length", "size"), ("dim_ordering", "data_format")];
const RECURRENT: Keys = &[
    ("output_dim", "units"),
    ("inner_activation", "recurrent_activation"),
    ("dropout_W", "dropout"),
    ("dropout_U", "recurrent_dropout"),
    ("consume_less", "implementation"),
];
const NOISE: Keys = &[
    ("p", "rate"),
    ("sigma", "stddev"),
    ("dim_ordering", "data_format"),
];

/// Every class of Keras 1 that has an equal in Keras 2 or is read as it is, and its keys.
///
/// What is not here is a custom layer, whatever later Keras has under its name.
const CLASSES: &[(&[&str], &str, Keys)] = &[
    (&["Dense"], "Dense", DENSE),
    (&["TimeDistributedDense"], "Dense", DENSE),
    (&["Convolution1D", "Conv1D"], "Conv1D", CONVOLUTION),
    (&["Convolution2D", "Conv2D"], "Conv2D", CONVOLUTION),
    (&["Convolution3D", "Conv3D"], "Conv3D", CONVOLUTION),
    (
        &["AtrousConvolution1D", "AtrousConv1D"],
        "Conv1D",
        CONVOLUTION,
    ),
    (
        &["AtrousConvolution2D", "AtrousConv2D"],
        "Conv2D",
        CONVOLUTION,
    ),
    (
        &["Deconvolution2D", "Deconv2D"],
        "Conv2DTranspose",
        CONVOLUTION,
    ),
    (
        &["SeparableConvolution2D", "SeparableConv2D"],
        "SeparableConv2D",
        CONVOLUTION,
    ),
    (&["LocallyConnected1D"], "LocallyConnected1D", CONVOLUTION),
    (&["LocallyConnected2D"], "LocallyConnected2D", CONVOLUTION),
    (&["MaxPooling1D"], "MaxPooling1D", POOLING),
    (&["MaxPooling2D"], "MaxPooling2D", POOLING),
    (&["MaxPooling3D"], "MaxPooling3D", POOLING),
    (&["AveragePooling1D"], "AveragePooling1D", POOLING),
    (&["AveragePooling2D"], "AveragePooling2D", POOLING),
    (&["AveragePooling3D"], "AveragePooling3D", POOLING),
    (&["GlobalMaxPooling1D"], "GlobalMaxPooling1D", POOLING),
    (&["GlobalMaxPooling2D"], "GlobalMaxPooling2D", POOLING),
    (&["GlobalMaxPooling3D"], "GlobalMaxPooling3D", POOLING),
    (
        &["GlobalAveragePooling1D"],
        "GlobalAveragePooling1D",
        POOLING,
    ),
    (
        &["GlobalAveragePooling2D"],
        "GlobalAveragePooling2D",
        POOLING,
    ),
    (
        &["GlobalAveragePooling3D"],
        "GlobalAveragePooling3D",
        POOLING,
    ),
    (&["UpSampling1D"], "UpSampling1D", RESIZING),
    (&["UpSampling2D"], "UpSampling2D", RESIZING),
    (&["UpSampling3D"], "UpSampling3D", RESIZING),
    (&["ZeroPadding1D"], "ZeroPadding1D", RESIZING),
    (&["ZeroPadding2D"], "ZeroPadding2D", RESIZING),
    (&["ZeroPadding3D"], "ZeroPadding3D", RESIZING),
    (&["Cropping1D"], "Cropping1D", RESIZING),
    (&["Cropping2D"], "Cropping2D", RESIZING),
    (&["Cropping3D"], "Cropping3D", RESIZING),
    (&["SimpleRNN"], "SimpleRNN", RECURRENT),
    (&["GRU"], "GRU", RECURRENT),
    (&["LSTM"], "LSTM", RECURRENT),
    (&["Dropout"], "Dropout", NOISE),
    (&["SpatialDropout1D"], "SpatialDropout1D", NOISE),
    (&["SpatialDropout2D"], "SpatialDropout2D", NOISE),
    (&["SpatialDropout3D"], "SpatialDropout3D", NOISE),
    (&["GaussianDropout"], "GaussianDropout", NOISE),
    (&["GaussianNoise"], "GaussianNoise", NOISE),
    (&["InputLayer"], "InputLayer", &[("input_dtype", "dtype")]),
    (&["Embedding"], "Embedding", SAME),
    (&["Masking"], "Masking", SAME),
    (&["Activation"], "Activation", SAME),
    (&["ActivityRegularization"], "ActivityRegularization", SAME),
    (&["Flatten"], "Flatten", SAME),
    (&["Reshape"], "Reshape", SAME),
    (&["Permute"], "Permute", SAME),
    (&["RepeatVector"], "RepeatVector", SAME),
    (&["Lambda"], "Lambda", SAME),
    (&["BatchNormalization"], "BatchNormalization", SAME),
    (&["LeakyReLU"], "LeakyReLU", SAME),
    (&["PReLU"], "PReLU", SAME),
    (&["ELU"], "ELU", SAME),
    (&["ThresholdedReLU"], "ThresholdedReLU", SAME),
    (&["ParametricSoftplus"], "keras1:ParametricSoftplus", SAME),
    (&["SReLU"], "keras1:SReLU", SAME),
    (&["MaxoutDense"], "keras1:MaxoutDense", SAME),
    (&["Highway"], "keras1:Highway", SAME),
    (&["TimeDistributed"], "TimeDistributed", SAME),
    (&["Bidirectional"], "Bidirectional", SAME),
];

/// A layer in the words of Keras 2: its class and its config.
///
/// # Errors
///
/// What has no equal there, without the layer's name.
pub(super) fn layer(
    class: &str,
    config: &Map<String, Value>,
    origin: &Origin,
) -> Result<(&'static str, Map<String, Value>), Problem> {
    if class == "Merge" {
        return merge::layer(config, origin);
    }
    let mut classes = CLASSES.iter();
    let Some((_, new, keys)) = classes.find(|(names, _, _)| names.contains(&class)) else {
        return Err(Problem::new(ProblemKind::UnknownLayer)
            .key("class_name")
            .expected("a layer class of Keras 1")
            .found(class)
            .help("either a custom layer, or one of Keras 1's that burn-keras does not read"));
    };
    let mut renamed = Map::new();
    for (key, value) in config {
        // Initializers act when a model is made.
        if key == "init" || key.ends_with("_init") {
            continue;
        }
        let new = keys.iter().find(|(old, _)| old == key);
        let key = new.map_or(key.as_str(), |(_, new)| new);
        renamed.insert(key.to_owned(), value.clone());
    }
    join_sizes(&mut renamed);
    values(&mut renamed, origin);
    let mut new = *new;
    match new {
        "BatchNormalization" => new = normalization(&mut renamed, origin)?,
        "Conv2DTranspose" => transposed(&mut renamed)?,
        "ZeroPadding1D" | "ZeroPadding2D" => sides(&mut renamed),
        "keras1:SReLU" => {
            renamed.insert("theano".into(), origin.theano.into());
        }
        "Embedding" => {
            // Rows of the table that are dropped in training.
            renamed.remove("dropout");
        }
        _ => {}
    }
    if tells_no_format(new, config) {
        renamed.insert("data_format".into(), origin.data_format()?.into());
    } else if new.starts_with("SpatialDropout") && !renamed.contains_key("data_format") {
        // What is dropped together, in training alone: told as little, and not worth a refusal.
        let format = origin.data_format().unwrap_or("channels_last");
        renamed.insert("data_format".into(), format.into());
    }
    if renamed.get("padding") == Some(&json!("same")) && origin.theano {
        theano_padding(new, &mut renamed)?;
    }
    Ok((new, renamed))
}

/// The sizes of a kernel, one key per axis.
fn join_sizes(config: &mut Map<String, Value>) {
    for keys in [
        &["nb_row", "nb_col"][..],
        &["kernel_dim1", "kernel_dim2", "kernel_dim3"],
    ] {
        let sizes = keys.iter().filter_map(|key| config.remove(*key));
        let sizes: Vec<Value> = sizes.collect();
        if !sizes.is_empty() {
            config.insert("kernel_size".into(), sizes.into());
        }
    }
}

/// The values that have other names.
fn values(config: &mut Map<String, Value>, origin: &Origin) {
    for (key, old, new) in [
        ("data_format", json!("tf"), json!("channels_last")),
        ("data_format", json!("th"), json!("channels_first")),
        ("implementation", json!("cpu"), json!(0)),
        ("implementation", json!("mem"), json!(1)),
        ("implementation", json!("gpu"), json!(2)),
    ] {
        if config.get(key) == Some(&old) {
            config.insert(key.into(), new);
        }
    }
    // TensorFlow has no such padding, and refuses it.
    if config.get("padding") == Some(&json!("full")) && origin.theano {
        config.insert("padding".into(), "theano_full".into());
    }
}

/// The class of a `BatchNormalization`: `mode` 0 is what Keras 2 has, from 1.0.6 on, and on Theano
/// from 1.0.8 on.
fn normalization(
    config: &mut Map<String, Value>,
    origin: &Origin,
) -> Result<&'static str, Problem> {
    let mode = config.remove("mode").unwrap_or(json!(0));
    let is_early = origin.version < [1, 0, 6] || (origin.theano && origin.version < [1, 0, 8]);
    let statistics = match mode.as_u64() {
        Some(0) if !is_early => return Ok("BatchNormalization"),
        Some(0) if origin.version < [1, 0, 7] => "deviation",
        Some(0) => "variance",
        // In 1.0.0 `epsilon` stands below the line once, in 1.0.5 twice.
        Some(1) if origin.version >= [1, 0, 5] => "sample",
        Some(2) if !is_early => "batch",
        Some(1 | 2) => {
            return Err(Problem::new(ProblemKind::UnsupportedOption)
                .key("mode")
                .expected("0, in a file of Keras 1.0")
                .found(json::brief(&mode))
                .help("its formula changed several times before Keras 1.0.8"));
        }
        _ => {
            return Err(Problem::new(ProblemKind::UnsupportedOption)
                .key("mode")
                .expected("0, 1 or 2")
                .found(json::brief(&mode)));
        }
    };
    config.insert("statistics".into(), statistics.into());
    Ok("keras1:BatchNormalization")
}

/// The output's shape says which of the sizes it is that its input could come from.
fn transposed(config: &mut Map<String, Value>) -> Result<(), Problem> {
    let shape = config.remove("output_shape").unwrap_or_default();
    let first = match config.get("data_format") {
        Some(format) if *format == json!("channels_first") => 2,
        _ => 1,
    };
    let size = |value: &Value| value.as_u64().filter(|size| (1..1 << 32).contains(size));
    let of_axis = |key: &str, axis: usize| config.get(key).and_then(|list| size(&list[axis]));
    let is_same = config.get("padding") == Some(&json!("same"));
    let more = (0..2).map(|axis| {
        let output = size(&shape[first + axis])?;
        let kernel = of_axis("kernel_size", axis)?;
        let stride = of_axis("strides", axis)?;
        let (input, least) = if is_same {
            (output.div_ceil(stride), kernel % 2)
        } else {
            (output.checked_sub(kernel)? / stride + 1, kernel)
        };
        output.checked_sub((input - 1) * stride + least)
    });
    match more.collect::<Option<Vec<u64>>>() {
        Some(more) => {
            config.insert("output_padding".into(), more.into());
            Ok(())
        }
        None => Err(Problem::new(ProblemKind::UnsupportedOption)
            .key("output_shape")
            .expected("a shape that fits kernel and strides")
            .found(json::brief(&shape))),
    }
}

/// Zeros per side: by name, or as four numbers in a row.
fn sides(config: &mut Map<String, Value>) {
    let Some(padding) = config.get("padding") else {
        return;
    };
    let side = |key: &str| padding.get(key).cloned().unwrap_or(json!(0));
    let pairs = match padding {
        Value::Object(sides)
            if sides
                .keys()
                .any(|key| key == "top_pad" || key == "bottom_pad") =>
        {
            json!([
                [side("top_pad"), side("bottom_pad")],
                [side("left_pad"), side("right_pad")]
            ])
        }
        Value::Object(_) => json!([side("left_pad"), side("right_pad")]),
        Value::Array(four) if four.len() == 4 => json!([four[..2], four[2..]]),
        _ => return,
    };
    config.insert("padding".into(), pairs);
}

/// Whether a config leaves `dim_ordering` out, although its class looks at it.
pub(super) fn tells_no_format(class: &str, config: &Map<String, Value>) -> bool {
    let classes = ["UpSampling", "ZeroPadding", "Cropping"];
    let is_one = classes.iter().any(|start| class.starts_with(start));
    is_one && !class.ends_with("1D") && !config.contains_key("dim_ordering")
}

/// Theano's `same` puts other borders than TensorFlow's in some cases.
fn theano_padding(class: &str, config: &mut Map<String, Value>) -> Result<(), Problem> {
    let pools = class.contains("Pooling");
    let sizes = |key: &str| -> Vec<u64> {
        match config.get(key) {
            Some(Value::Array(sizes)) => sizes.iter().filter_map(Value::as_u64).collect(),
            Some(one) => one.as_u64().into_iter().collect(),
            None => Vec::new(),
        }
    };
    // In the middle of windows of an odd size that move by one step, they agree; in pooling up to
    // a size of 3.
    let size = sizes(if pools { "pool_size" } else { "kernel_size" });
    let odd = size
        .iter()
        .all(|size| size % 2 == 1 && (*size <= 3 || !pools));
    let one_step = sizes("strides").iter().all(|stride| *stride == 1);
    if class == "Conv3D" && !odd && one_step {
        // `_old_theano_conv3d`, which Keras 1.2.2 takes with a Theano before 0.9.
        return Err(Problem::new(ProblemKind::UnsupportedOption)
            .key("border_mode")
            .expected("\"valid\", or windows of odd sizes")
            .found("\"same\", which Theano 0.8 and 0.9 compute with other borders"));
    }
    if !odd || !one_step {
        config.insert("padding".into(), "theano_same".into());
    }
    Ok(())
}
