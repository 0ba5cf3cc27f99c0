//! Fields: their types, and how they are made.

use proc_macro2::TokenStream;
use quote::quote;

use super::tokens::{ident, literal};
use crate::plan::{Construction, Maker, Module};

/// The type of a module.
pub(super) fn type_name(module: &Module) -> &'static str {
    module.construction().ty
}

/// Whether the module is made at a place in the tree, because its batch statistics get their ids
/// there.
pub(super) fn needs_scope(module: &Module) -> bool {
    let maker = module.construction().maker;
    matches!(maker, Maker::Scoped(_) | Maker::Function(_))
}

/// Whether the module is made on a device.
pub(super) fn needs_device(module: &Module) -> bool {
    !matches!(module.construction().maker, Maker::Plain(_))
}

/// The expression that makes the module that stands in the field `name`.
pub(super) fn init(module: &Module, name: &str) -> TokenStream {
    let Construction {
        maker,
        arguments,
        options,
        ..
    } = module.construction();
    let arguments = arguments.iter().map(literal);
    let options = options.iter().map(|(method, value)| {
        let (method, value) = (ident(method), literal(value));
        quote!(.#method(#value))
    });
    match maker {
        Maker::Function(function) => {
            let function = ident(function);
            quote!(#function(#(#arguments,)* &scope.enter(#name), device))
        }
        Maker::Config(config) => {
            let config = ident(config);
            quote!(#config::new(#(#arguments),*) #(#options)* .init(device))
        }
        Maker::Plain(config) => {
            let config = ident(config);
            quote!(#config::new(#(#arguments),*) #(#options)* .init())
        }
        Maker::Scoped(config) => {
            let config = ident(config);
            quote! {
                #config::new(#(#arguments),*) #(#options)*
                    .init(&scope.enter(#name), device)
            }
        }
    }
}
