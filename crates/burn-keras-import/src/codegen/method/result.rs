//! What a method gives back.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Method, Results, named};
use crate::codegen::names::Variables;
use crate::codegen::step::tensor_type;
use crate::codegen::tokens::ident;
use crate::codegen::types::{OutputField, output_fields};

impl Method<'_> {
    pub(super) fn result_type(&self) -> TokenStream {
        match &self.results {
            Results::Tensors(values) => {
                let types: Vec<TokenStream> = values
                    .iter()
                    .map(|id| tensor_type(&self.body.value(*id).spec))
                    .collect();
                match types.as_slice() {
                    [one] => one.clone(),
                    types => quote!((#(#types),*)),
                }
            }
            Results::Struct(body, _) => {
                let ty = ident(self.types.output_type(self.model, *body));
                quote!(#ty)
            }
        }
    }

    /// The results by name.
    pub(super) fn tail(&self, variables: &Variables) -> TokenStream {
        let values = self.given_back();
        let moved: Vec<TokenStream> = values
            .iter()
            .enumerate()
            .map(|(position, id)| {
                let variable = ident(variables.get(*id));
                if values[position + 1..].contains(id) {
                    quote!(#variable.clone())
                } else {
                    quote!(#variable)
                }
            })
            .collect();
        let (moved, states) = moved.split_at(moved.len() - self.states.len());
        let results = match &self.results {
            Results::Tensors(_) => match moved {
                [one] => one.clone(),
                moved => quote!((#(#moved),*)),
            },
            Results::Struct(body, _) => {
                let ty = ident(self.types.output_type(self.model, *body));
                let fields = output_fields(self.body);
                let fields = fields.iter().zip(moved);
                let fields = fields.map(|(OutputField { name, .. }, value)| named(name, value));
                quote!(#ty { #(#fields),* })
            }
        };
        if states.is_empty() {
            return results;
        }
        let ty = ident(self.types.state_type(self.model));
        let fields = self.states.iter().zip(states);
        let fields = fields.map(|(state, value)| named(&state.name, value));
        quote!((#results, #ty { #(#fields),* }))
    }
}
