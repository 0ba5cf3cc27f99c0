//! Fields: their types, and how they are made.

use keras_ir::Activation;
use proc_macro2::TokenStream;
use quote::quote;

use super::tokens::{float, ident, size, sizes};
use crate::plan::Module;

/// The type of a module.
pub(super) fn type_name(module: &Module) -> &'static str {
    match module {
        Module::Linear { .. } => "Linear",
        Module::Conv { kernel, .. } if kernel.len() == 1 => "Conv1d",
        Module::Conv { .. } => "Conv2d",
        Module::BatchNorm { .. } => "BatchNorm",
        Module::BatchNormalization { .. } => "BatchNormalization",
        Module::Embedding { .. } => "Embedding",
        Module::Lstm { .. } => "Lstm",
        Module::Dropout { .. } => "Dropout",
        Module::NoiseDropout { .. } => "NoiseDropout",
        Module::SpatialDropout { .. } => "SpatialDropout",
        Module::AlphaDropout { .. } => "AlphaDropout",
        Module::GaussianDropout { .. } => "GaussianDropout",
        Module::GaussianNoise { .. } => "GaussianNoise",
    }
}

/// Whether the module is made at a place in the tree, because its batch statistics get their ids
/// there.
pub(super) fn needs_scope(module: &Module) -> bool {
    matches!(
        module,
        Module::BatchNorm { .. } | Module::BatchNormalization { .. }
    )
}

/// Whether the module is made on a device.
pub(super) fn needs_device(module: &Module) -> bool {
    !matches!(
        module,
        Module::Dropout { .. } | Module::GaussianNoise { .. }
    )
}

/// The expression that makes the module that stands in the field `name`.
pub(super) fn init(module: &Module, name: &str) -> TokenStream {
    match module {
        Module::Linear {
            input,
            output,
            bias,
        } => {
            let (input, output) = (size(*input), size(*output));
            let bias = without("with_bias", *bias);
            quote!(LinearConfig::new(#input, #output) #bias .init(device))
        }
        Module::Conv { kernel, .. } if kernel.len() == 1 => conv1d(module),
        Module::Conv { .. } => conv2d(module),
        Module::BatchNorm {
            features,
            epsilon,
            momentum,
        } => {
            let (features, epsilon, momentum) =
                (size(*features), float(*epsilon), float(*momentum));
            quote!(batch_norm(#features, #epsilon, #momentum, &scope.enter(#name), device))
        }
        Module::BatchNormalization {
            features,
            epsilon,
            momentum,
            center,
            scale,
        } => {
            let (features, epsilon, momentum) =
                (size(*features), float(*epsilon), float(*momentum));
            let center = without("with_center", *center);
            let scale = without("with_scale", *scale);
            quote! {
                BatchNormalizationConfig::new(#features)
                    .with_epsilon(#epsilon)
                    .with_momentum(#momentum)
                    #center #scale
                    .init(&scope.enter(#name), device)
            }
        }
        Module::Embedding { count, size: row } => {
            let (count, row) = (size(*count), size(*row));
            quote!(EmbeddingConfig::new(#count, #row).init(device))
        }
        Module::Lstm { .. } => lstm(module),
        Module::Dropout { rate } => {
            let rate = float(*rate);
            quote!(DropoutConfig::new(#rate).init())
        }
        Module::NoiseDropout { rate, noise_shape } => {
            let (rate, shape) = (float(*rate), noise_dims(noise_shape));
            quote!(NoiseDropoutConfig::new(#rate).with_noise_shape(#shape).init(device))
        }
        Module::SpatialDropout { rate, channel_axis } => {
            let rate = float(*rate);
            let axis = size(*channel_axis);
            let axis = (*channel_axis != 1).then(|| quote!(.with_channel_axis(#axis)));
            quote!(SpatialDropoutConfig::new(#rate) #axis .init(device))
        }
        Module::AlphaDropout { rate, noise_shape } => {
            let rate = float(*rate);
            let shape = noise_shape.as_deref().map(|shape| {
                let shape = noise_dims(shape);
                quote!(.with_noise_shape(#shape))
            });
            quote!(AlphaDropoutConfig::new(#rate) #shape .init(device))
        }
        Module::GaussianDropout { rate } => {
            let rate = float(*rate);
            quote!(GaussianDropoutConfig::new(#rate).init(device))
        }
        Module::GaussianNoise { stddev } => {
            let stddev = float(*stddev);
            quote!(GaussianNoiseConfig::new(#stddev).init())
        }
    }
}

/// `.method(false)` where the default, true, does not hold.
fn without(method: &str, value: bool) -> Option<TokenStream> {
    let method = ident(method);
    (!value).then(|| quote!(.#method(false)))
}

fn noise_dims(dims: &[Option<usize>]) -> TokenStream {
    let dims = dims.iter().map(|dim| match dim {
        None => quote!(None),
        Some(dim) => {
            let dim = size(*dim);
            quote!(Some(#dim))
        }
    });
    quote!(vec![#(#dims),*])
}

fn conv1d(module: &Module) -> TokenStream {
    let Module::Conv {
        channels: [input, output],
        kernel,
        strides,
        dilation,
        padding,
        groups,
        bias,
        ..
    } = module
    else {
        return TokenStream::new();
    };
    let first = |sizes: &[usize]| sizes.first().copied().unwrap_or(1);
    let (input, output, kernel) = (size(*input), size(*output), size(first(kernel)));
    let option = |method: &str, value: usize| {
        let method = ident(method);
        let number = size(value);
        (value != 1).then(|| quote!(.#method(#number)))
    };
    let stride = option("with_stride", first(strides));
    let dilation = option("with_dilation", first(dilation));
    let groups = option("with_groups", *groups);
    let padding = padding
        .first()
        .filter(|pair| **pair != (0, 0))
        .map(|(left, right)| {
            let (left, right) = (size(*left), size(*right));
            quote!(.with_padding(PaddingConfig1d::Explicit(#left, #right)))
        });
    let bias = without("with_bias", *bias);
    quote! {
        Conv1dConfig::new(#input, #output, #kernel)
            #stride #dilation #groups #padding #bias
            .init(device)
    }
}

fn conv2d(module: &Module) -> TokenStream {
    let Module::Conv {
        channels,
        kernel,
        strides,
        dilation,
        padding,
        groups,
        bias,
        ..
    } = module
    else {
        return TokenStream::new();
    };
    let option = |method: &str, values: &[usize]| {
        let method = ident(method);
        let list = sizes(values);
        values
            .iter()
            .any(|value| *value != 1)
            .then(|| quote!(.#method(#list)))
    };
    let stride = option("with_stride", strides);
    let dilation = option("with_dilation", dilation);
    let groups = (*groups != 1).then(|| {
        let groups = size(*groups);
        quote!(.with_groups(#groups))
    });
    let padding = match padding.as_slice() {
        [(top, bottom), (left, right)] if [top, bottom, left, right] != [&0; 4] => {
            let [top, left] = [top, left].map(|pad| size(*pad));
            let [bottom, right] = [bottom, right].map(|pad| size(*pad));
            Some(quote!(.with_padding(PaddingConfig2d::Explicit(#top, #left, #bottom, #right))))
        }
        _ => None,
    };
    let bias = without("with_bias", *bias);
    let (channels, kernel) = (sizes(channels), sizes(kernel));
    quote! {
        Conv2dConfig::new(#channels, #kernel)
            #stride #dilation #groups #padding #bias
            .init(device)
    }
}

fn lstm(module: &Module) -> TokenStream {
    let Module::Lstm {
        input,
        units,
        bias,
        activation,
        recurrent_activation,
        go_backwards,
        zero_output_for_mask,
    } = module
    else {
        return TokenStream::new();
    };
    let (input, units) = (size(*input), size(*units));
    let bias = without("with_bias", *bias);
    let option = |method: &str, value: Activation, default: Activation| {
        let method = ident(method);
        let value_tokens = activation_value(value);
        (value != default).then(|| quote!(.#method(#value_tokens)))
    };
    let activation = option("with_activation", *activation, Activation::Tanh);
    let recurrent = option(
        "with_recurrent_activation",
        *recurrent_activation,
        Activation::Sigmoid,
    );
    let backwards = go_backwards.then(|| quote!(.with_go_backwards(true)));
    let zeros = zero_output_for_mask.then(|| quote!(.with_zero_output_for_mask(true)));
    quote! {
        LstmConfig::new(#input, #units)
            #bias #activation #recurrent #backwards #zeros
            .init(device)
    }
}

/// The name of an activation's function, and its arguments behind the tensor, with the names that
/// they have in `burn_keras_nn::Activation`.
pub(super) fn activation_parts(
    activation: Activation,
) -> (&'static str, &'static str, Vec<(&'static str, TokenStream)>) {
    let one = |name, value| vec![(name, float(value))];
    let (function, variant, arguments) = match activation {
        Activation::Linear => ("linear", "Linear", vec![]),
        Activation::Relu => ("relu", "Relu", vec![]),
        Activation::Relu6 => ("relu6", "Relu6", vec![]),
        Activation::ReluWith {
            negative_slope,
            max_value,
            threshold,
        } => {
            let max_value = match max_value {
                None => quote!(None),
                Some(value) => {
                    let value = float(value);
                    quote!(Some(#value))
                }
            };
            let arguments = vec![
                ("negative_slope", float(negative_slope)),
                ("max_value", max_value),
                ("threshold", float(threshold)),
            ];
            ("relu_with", "ReluWith", arguments)
        }
        Activation::LeakyRelu { negative_slope } => (
            "leaky_relu",
            "LeakyRelu",
            one("negative_slope", negative_slope),
        ),
        Activation::Elu { alpha } => ("elu", "Elu", one("alpha", alpha)),
        Activation::Selu => ("selu", "Selu", vec![]),
        Activation::Celu { alpha } => ("celu", "Celu", one("alpha", alpha)),
        Activation::Gelu => ("gelu", "Gelu", vec![]),
        Activation::GeluApproximate => ("gelu_approximate", "GeluApproximate", vec![]),
        Activation::Sigmoid => ("sigmoid", "Sigmoid", vec![]),
        Activation::HardSigmoid { alpha, beta } => {
            let arguments = vec![("alpha", float(alpha)), ("beta", float(beta))];
            ("hard_sigmoid", "HardSigmoid", arguments)
        }
        Activation::HardSwish => ("hard_swish", "HardSwish", vec![]),
        Activation::Silu => ("silu", "Silu", vec![]),
        Activation::Mish => ("mish", "Mish", vec![]),
        Activation::Tanh => ("tanh", "Tanh", vec![]),
        Activation::Exponential => ("exponential", "Exponential", vec![]),
        Activation::Softplus => ("softplus", "Softplus", vec![]),
        Activation::Softsign => ("softsign", "Softsign", vec![]),
        Activation::LogSigmoid => ("log_sigmoid", "LogSigmoid", vec![]),
        Activation::HardTanh => ("hard_tanh", "HardTanh", vec![]),
        Activation::HardShrink { threshold } => {
            ("hard_shrink", "HardShrink", one("threshold", threshold))
        }
        Activation::SoftShrink { threshold } => {
            ("soft_shrink", "SoftShrink", one("threshold", threshold))
        }
        Activation::TanhShrink => ("tanh_shrink", "TanhShrink", vec![]),
        Activation::Squareplus { b } => ("squareplus", "Squareplus", one("b", b)),
        Activation::SparsePlus => ("sparse_plus", "SparsePlus", vec![]),
        Activation::SparseSigmoid => ("sparse_sigmoid", "SparseSigmoid", vec![]),
        Activation::Threshold {
            threshold,
            default_value,
        } => {
            let arguments = vec![
                ("threshold", float(threshold)),
                ("default_value", float(default_value)),
            ];
            ("threshold", "Threshold", arguments)
        }
        Activation::Softmax | Activation::SoftmaxAlong(_) => ("softmax", "Softmax", vec![]),
        Activation::LogSoftmax => ("log_softmax", "LogSoftmax", vec![]),
        Activation::Sparsemax => ("sparsemax", "Sparsemax", vec![]),
        Activation::Glu => ("glu", "Glu", vec![]),
    };
    (function, variant, arguments)
}

/// A value of `burn_keras_nn::Activation`.
fn activation_value(activation: Activation) -> TokenStream {
    let (_, variant, arguments) = activation_parts(activation);
    let variant = ident(variant);
    if arguments.is_empty() {
        return quote!(Activation::#variant);
    }
    let fields = arguments.iter().map(|(name, value)| {
        let name = ident(name);
        quote!(#name: #value)
    });
    quote!(Activation::#variant { #(#fields),* })
}
