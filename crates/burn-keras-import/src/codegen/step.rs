//! One step as an expression.

use keras_ir::Activation;
use keras_ir::shape::{Kind, Spec};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::module::activation_parts;
use super::tokens::{float, ident, integer, size, sizes};
use crate::plan::{Function, PoolWindow};

/// The type of a tensor.
pub(super) fn tensor_type(spec: &Spec) -> TokenStream {
    let rank = size(spec.shape.rank());
    match spec.kind {
        Kind::Float => quote!(Tensor<#rank>),
        Kind::Int => quote!(Tensor<#rank, Int>),
        Kind::Bool => quote!(Tensor<#rank, Bool>),
    }
}

/// Whether Rust does not know the rank of the result from the inputs, or a reader would not.
pub(super) fn needs_type(function: &Function, input: Option<&Spec>, output: &Spec) -> bool {
    let rank_changes = input.is_none_or(|input| input.shape.rank() != output.shape.rank());
    let is_generic = matches!(
        function,
        Function::GlobalMaxPool(_)
            | Function::GlobalAveragePool(_)
            | Function::GlobalAveragePoolMasked { .. }
            | Function::OnesMask(_)
            | Function::Any { .. }
            | Function::ExpandDims(_)
            | Function::Masking(_)
    );
    rank_changes || is_generic
}

/// The call of `function` with `inputs`, which are of `specs`.
pub(super) fn function(
    function: &Function,
    inputs: &[TokenStream],
    specs: &[&Spec],
) -> TokenStream {
    let none = TokenStream::new();
    let first = inputs.first().unwrap_or(&none);
    let kind = specs.first().map_or(Kind::Float, |spec| spec.kind);
    let path = |module: &str, name: &str, rest: &[TokenStream]| {
        let (module, name) = (ident(module), ident(name));
        let arguments = inputs.iter().chain(rest);
        quote!(#module::#name(#(#arguments),*))
    };
    let axis = |axis: usize| {
        let axis = size(axis);
        quote!(#axis)
    };
    match function {
        Function::Activation(Activation::Linear) => first.clone(),
        Function::Activation(activation) => {
            let (name, _, arguments) = activation_parts(*activation);
            let arguments: Vec<TokenStream> =
                arguments.into_iter().map(|(_, value)| value).collect();
            let is_elementwise = activation.is_elementwise();
            let last = specs
                .first()
                .map_or(0, |spec| spec.shape.rank())
                .saturating_sub(1);
            let last = (!is_elementwise).then(|| axis(last));
            let arguments: Vec<TokenStream> = arguments.into_iter().chain(last).collect();
            path("activation", name, &arguments)
        }
        Function::Softmax(at) => path("activation", "softmax", &[axis(*at)]),
        Function::LogSoftmax(at) => path("activation", "log_softmax", &[axis(*at)]),
        Function::Sparsemax(at) => path("activation", "sparsemax", &[axis(*at)]),
        Function::Glu(at) => path("activation", "glu", &[axis(*at)]),
        Function::SoftmaxAxes(axes) => path("activation", "softmax_axes", &[sizes(axes)]),
        Function::SoftmaxMasked { axes, zero_masked } => path(
            "activation",
            "softmax_masked",
            &[sizes(axes), quote!(#zero_masked)],
        ),
        Function::ToFloat => quote!(#first.float()),
        Function::ToInt => quote!(#first.int()),
        Function::ToBool => not_equal(kind, first, 0.0),
        Function::Permute(axes) => {
            let axes = sizes(axes);
            quote!(#first.permute(#axes))
        }
        Function::Reshape(shape) => {
            let shape = shape.iter().map(|dim| integer(*dim));
            quote!(#first.reshape([#(#shape),*]))
        }
        Function::ExpandDims(axes) => match axes.as_slice() {
            [one] => {
                let one = size(*one);
                quote!(#first.unsqueeze_dim(#one))
            }
            axes => {
                let axes = sizes(axes);
                quote!(#first.unsqueeze_dims(&#axes))
            }
        },
        Function::RepeatVector(count) => {
            let count = size(*count);
            quote!(#first.unsqueeze_dim::<3>(1).repeat_dim(1, #count))
        }
        Function::Concatenate(axis) => {
            let axis = size(*axis);
            quote!(Tensor::cat(vec![#(#inputs),*], #axis))
        }
        Function::Pad(padding) => {
            let pairs = padding.iter().map(|(before, after)| {
                let (before, after) = (size(*before), size(*after));
                quote!((#before, #after))
            });
            path("padding", "pad", &[quote!([#(#pairs),*])])
        }
        Function::PadSame {
            kernel,
            strides,
            dilation,
        } => path(
            "padding",
            dimensional("pad_same", kernel),
            &[sizes(kernel), sizes(strides), sizes(dilation)],
        ),
        Function::MaxPool(window) => path(
            "pool",
            dimensional("max_pool", &window.size),
            &pooling(window),
        ),
        Function::AveragePool(window) => path(
            "pool",
            dimensional("average_pool", &window.size),
            &pooling(window),
        ),
        Function::GlobalMaxPool(axes) => path("pool", "global_max_pool", &[sizes(&axes.axes)]),
        Function::GlobalAveragePool(axes) => {
            path("pool", "global_average_pool", &[sizes(&axes.axes)])
        }
        Function::GlobalAveragePoolMasked { axes } => {
            let steps = axes.axes.first().copied().unwrap_or(1);
            path("pool", "global_average_pool_masked", &[axis(steps)])
        }
        Function::Add => path("merge", "add", &[]),
        Function::Subtract => path("merge", "subtract", &[]),
        Function::Multiply => path("merge", "multiply", &[]),
        Function::Maximum => path("merge", "maximum", &[]),
        Function::Minimum => path("merge", "minimum", &[]),
        Function::Average => {
            let (first, others) = (inputs.first(), inputs.get(1..).unwrap_or_default());
            quote!(merge::average(#first, vec![#(#others),*]))
        }
        Function::NotEqual(value) => not_equal(kind, first, *value),
        Function::Masking(value) => path("mask", "masking", &[float(*value)]),
        Function::ApplyMask => path("mask", "apply_mask", &[]),
        Function::Select => path("mask", "select", &[]),
        Function::Fill(value) => path("mask", "fill", &[float(*value)]),
        Function::OnesMask(_) => path("mask", "ones_mask", &[]),
        Function::ZerosMask => path("mask", "zeros_mask", &[]),
        Function::And => path("mask", "and", &[]),
        Function::Or => path("mask", "or", &[]),
        Function::Any { axis: at, .. } => path("mask", "any", &[axis(*at)]),
    }
}

fn not_equal(kind: Kind, x: &TokenStream, value: f64) -> TokenStream {
    // As Rust casts: towards zero, within the bounds.
    #[allow(clippy::cast_possible_truncation)]
    let whole = integer(value as i64);
    match kind {
        Kind::Float => {
            let value = float(value);
            quote!(mask::not_equal(#x, #value))
        }
        Kind::Int => quote!(mask::not_equal_int(#x, #whole)),
        Kind::Bool => quote!(mask::not_equal_int(#x.int(), #whole)),
    }
}

fn dimensional(name: &str, axes: &[usize]) -> &'static str {
    match (name, axes.len()) {
        ("pad_same", 1) => "pad_same1d",
        ("pad_same", _) => "pad_same2d",
        ("max_pool", 1) => "max_pool1d",
        ("max_pool", _) => "max_pool2d",
        (_, 1) => "average_pool1d",
        (..) => "average_pool2d",
    }
}

fn pooling(window: &PoolWindow) -> [TokenStream; 3] {
    let padding: Ident = ident(if window.same { "Same" } else { "Valid" });
    [
        sizes(&window.size),
        sizes(&window.strides),
        quote!(Padding::#padding),
    ]
}
