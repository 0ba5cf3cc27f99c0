//! Literals and identifiers.

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::quote;

use crate::names;
use crate::plan::Literal as Argument;

/// An identifier; one that is none is made one.
pub(super) fn ident(name: &str) -> Ident {
    let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match syn::parse_str::<Ident>(name) {
        Ok(ident) if is_word => ident,
        _ => Ident::new(&names::value_name(name), Span::call_site()),
    }
}

/// A floating-point literal that is exactly `value`.
pub(super) fn float(value: f64) -> TokenStream {
    if value.is_nan() {
        return quote!(f64::NAN);
    }
    let absolute = if value.is_infinite() {
        quote!(f64::INFINITY)
    } else {
        let text = format!("{:?}", value.abs());
        text.parse().unwrap_or_default()
    };
    match (value.is_sign_negative(), value.is_infinite()) {
        (true, true) => quote!(f64::NEG_INFINITY),
        (true, false) => quote!(-#absolute),
        (false, _) => absolute,
    }
}

/// An integer literal.
pub(super) fn integer(value: i64) -> TokenStream {
    let absolute = Literal::u64_unsuffixed(value.unsigned_abs());
    if value < 0 {
        quote!(-#absolute)
    } else {
        quote!(#absolute)
    }
}

/// A size or an axis.
pub(super) fn size(value: usize) -> Literal {
    Literal::usize_unsuffixed(value)
}

/// An argument.
pub(super) fn literal(argument: &Argument) -> TokenStream {
    let all = |items: &[Argument]| -> Vec<TokenStream> { items.iter().map(literal).collect() };
    match argument {
        Argument::Size(value) => {
            let value = size(*value);
            quote!(#value)
        }
        Argument::Integer(value) => integer(*value),
        Argument::Float(value) => float(*value),
        Argument::Bool(value) => quote!(#value),
        Argument::Text(value) => quote!(#value),
        Argument::Option(None) => quote!(None),
        Argument::Option(Some(value)) => {
            let value = literal(value);
            quote!(Some(#value))
        }
        Argument::Array(items) => {
            let items = all(items);
            quote!([#(#items),*])
        }
        Argument::Slice(items) => {
            let items = all(items);
            quote!(&[#(#items),*])
        }
        Argument::Vec(items) => {
            let items = all(items);
            quote!(vec![#(#items),*])
        }
        Argument::Tuple(items) => {
            let items = all(items);
            quote!((#(#items),*))
        }
        Argument::Variant(ty, variant, fields) => {
            let (ty, variant) = (ident(ty), ident(variant));
            if fields.is_empty() {
                return quote!(#ty::#variant);
            }
            let fields = named(fields);
            quote!(#ty::#variant { #(#fields),* })
        }
        Argument::Struct(ty, fields) => {
            let (ty, fields) = (ident(ty), named(fields));
            quote!(#ty { #(#fields),* })
        }
        Argument::TupleVariant(ty, variant, items) => {
            let (ty, variant, items) = (ident(ty), ident(variant), all(items));
            quote!(#ty::#variant(#(#items),*))
        }
        Argument::String(text) => quote!(String::from(#text)),
        Argument::Map(entries) => {
            let entries = entries.iter().map(|(name, value)| {
                let value = literal(value);
                quote!((String::from(#name), #value))
            });
            quote!(BTreeMap::from([#(#entries),*]))
        }
        Argument::Config(ty, arguments, options) => {
            let ty = ident(ty);
            let arguments = arguments.iter().map(|(_, value)| literal(value));
            let options = options.iter().map(|(name, value)| {
                let (setter, value) = (ident(&format!("with_{name}")), literal(value));
                quote!(.#setter(#value))
            });
            quote!(#ty::new(#(#arguments),*) #(#options)*)
        }
    }
}

fn named(fields: &[(&str, Argument)]) -> Vec<TokenStream> {
    let fields = fields.iter().map(|(name, value)| {
        let (name, value) = (ident(name), literal(value));
        quote!(#name: #value)
    });
    fields.collect()
}

/// Shows all literals.
pub(super) fn literals(tokens: TokenStream, see: &mut impl FnMut(&str)) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => literals_of_group(group.stream(), see),
            TokenTree::Literal(literal) => see(&literal.to_string()),
            _ => {}
        }
    }
}

fn literals_of_group(tokens: TokenStream, see: &mut dyn FnMut(&str)) {
    literals(tokens, &mut |text: &str| see(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_exact() {
        for (value, expected) in [
            (0.001, "0.001"),
            (1e-7, "1e-7"),
            (-0.2, "- 0.2"),
            (6.0, "6.0"),
            (1e300, "1e300"),
            (-0.0, "- 0.0"),
            (f64::INFINITY, "f64 :: INFINITY"),
            (f64::NEG_INFINITY, "f64 :: NEG_INFINITY"),
            (f64::NAN, "f64 :: NAN"),
        ] {
            assert_eq!(float(value).to_string(), expected);
        }
        assert_eq!(integer(i64::MIN).to_string(), "- 9223372036854775808");
    }

    #[test]
    fn identifiers_are_identifiers() {
        assert_eq!(ident("dense_1").to_string(), "dense_1");
        assert_eq!(ident("a b; fn").to_string(), "a_b_fn");
        assert_eq!(ident("fn").to_string(), "fn_");
        assert_eq!(ident("größe").to_string(), "gr_e");
        assert_eq!(ident("").to_string(), "layer");
    }
}
