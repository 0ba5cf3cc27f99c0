//! One step as an expression.

use keras_ir::shape::{Kind, Spec};
use proc_macro2::TokenStream;
use quote::quote;

use super::tokens::{ident, literal, size};
use crate::plan::{Expression, Function};

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
            | Function::Dot(_)
            | Function::ExpandDims(_)
            | Function::Masking(_)
            | Function::Reduce { .. }
            | Function::Squeeze(_)
            | Function::Take(_)
            | Function::Einsum(_)
    );
    rank_changes || is_generic
}

/// The call of `function` with `inputs`, the first of which is of `spec`.
pub(super) fn function(function: &Function, inputs: &[TokenStream], spec: &Spec) -> TokenStream {
    let first = inputs.first();
    match function.expression(spec) {
        Expression::Function(module, name, arguments) => {
            let (module, name) = (ident(module), ident(name));
            let arguments = arguments.iter().map(literal);
            let arguments = inputs.iter().cloned().chain(arguments);
            quote!(#module::#name(#(#arguments),*))
        }
        Expression::Variadic(module, name, arguments) => {
            let (module, name) = (ident(module), ident(name));
            let others = inputs.get(1..).unwrap_or_default();
            let arguments = arguments.iter().map(literal);
            quote!(#module::#name(#first, vec![#(#others),*] #(, #arguments)*))
        }
        Expression::Method(name, arguments) => {
            let name = ident(name);
            let others = inputs.iter().skip(1).cloned();
            let arguments = others.chain(arguments.iter().map(literal));
            quote!(#first.#name(#(#arguments),*))
        }
        Expression::Concatenate(axis) => {
            let axis = size(axis);
            quote!(Tensor::cat(vec![#(#inputs),*], #axis))
        }
        Expression::Itself => quote!(#first),
    }
}
