//! A model: its struct, how it is made and loaded, its methods, its segments and outputs.

use keras_ir::graph::LayerId;
use proc_macro2::TokenStream;
use quote::quote;

use super::docs;
use super::item::Item;
use super::method::{Method, own_fields};
use super::module;
use super::step::tensor_type;
use super::tokens::{ident, literal};
use super::training;
use super::types::{Needs, Types, gives_the_same, output_fields};
use crate::passes::structure::Segment;
use crate::plan::{Body, Field, FieldKind, ModelPlan, ValueId};

/// The width of comments.
const WIDTH: usize = 90;

/// How the root is made and loaded.
pub(super) struct Root {
    /// Whether the record is part of the program.
    pub embed: bool,
}

/// All items of a model. `root` is given for the outermost.
pub(super) fn items(types: &Types<'_>, model: &ModelPlan, root: Option<&Root>) -> Vec<Item> {
    let segments = types.segments(model);
    let mut items = vec![struct_item(types, model, segments, root.is_some())];
    items.push(implementation(types, model, segments, root));
    for (index, body) in model.bodies.iter().enumerate() {
        let mut before = model.bodies[..index].iter();
        let is_there = before.any(|other| gives_the_same(other, body));
        if body.results().len() - body.states.len() != 1 && !is_there {
            items.push(output_item(types, model, index, body));
        }
        if !body.states.is_empty() {
            items.extend(state_items(types, model, body));
        }
    }
    for (index, segment) in segments.iter().enumerate() {
        items.extend(segment_items(types, model, index, segment));
    }
    items
}

/// The doc comment of these paragraphs.
pub(super) fn doc(paragraphs: &[String]) -> TokenStream {
    let lines = paragraphs.iter().flat_map(|text| docs::wrap(text, WIDTH));
    let lines = lines.map(|line| {
        let line = if line.is_empty() {
            line
        } else {
            format!(" {line}")
        };
        quote!(#[doc = #line])
    });
    quote!(#(#lines)*)
}

/// What a model is, for its documentation.
fn model_doc(model: &ModelPlan, is_root: bool) -> String {
    let name = docs::code(&model.keras_name);
    if is_root {
        format!("The Keras model {name}.")
    } else {
        format!("The model {name}, which other models use as a layer.")
    }
}

fn struct_item(types: &Types<'_>, model: &ModelPlan, segments: &[Segment], is_root: bool) -> Item {
    let name = ident(&model.type_name);
    let about = model_doc(model, is_root);
    let own = own_fields(model, segments);
    if segments.is_empty() && !own.is_empty() {
        let docs = doc(&[about]);
        let fields = fields(types, &own, true);
        return Item::code(quote! {
            #docs
            #[derive(Module, Debug)]
            pub struct #name { #fields }
        });
    }
    // A macro: prettyplease does not format what is inside.
    let mut text = format!(
        "burn_keras_nn::segments! {{\n    /// {about}\n    pub struct {name} {{\n        ["
    );
    for index in 0..segments.len() {
        let (field, ty) = types.part(model, index);
        text.push_str(&format!("\n            {field}: {ty},"));
    }
    text.push_str(if segments.is_empty() {
        "]\n"
    } else {
        "\n        ]\n"
    });
    for field in own {
        let about = field_doc(types, field);
        let (name, ty) = (ident(&field.name), types.of(&field.kind));
        text.push_str(&format!("        /// {about}\n        pub {name}: {ty},\n"));
    }
    text.push_str("    }\n}\n");
    Item::text(text)
}

/// Name and class of a layer, and what its parameters look like.
fn field_doc(types: &Types<'_>, field: &Field) -> String {
    let parameters = parameters(types, field.layer).join(", ");
    let parameters = if parameters.is_empty() {
        String::new()
    } else {
        format!(": {parameters}")
    };
    let frozen = if field.frozen { ", not trained" } else { "" };
    let class = docs::word(&field.class);
    format!(
        "{} ({class}){parameters}{frozen}",
        docs::code(&field.keras_name)
    )
}

fn parameters(types: &Types<'_>, layer: LayerId) -> Vec<String> {
    let parameters = types.plan.parameters.iter();
    let parameters = parameters.filter(|parameter| parameter.weight.layer == layer);
    let mut found: Vec<String> = Vec::new();
    for parameter in parameters {
        // A layer of a model that stands in several places comes several times.
        let text = format!(
            "{} {}",
            parameter.param.name,
            docs::code(format!("{:?}", parameter.shape))
        );
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

fn fields(types: &Types<'_>, fields: &[&Field], public: bool) -> TokenStream {
    let visibility = public.then(|| quote!(pub));
    let fields = fields.iter().map(|field| {
        let about = doc(&[field_doc(types, field)]);
        let (name, ty) = (ident(&field.name), ident(types.of(&field.kind)));
        quote!(#about #visibility #name: #ty)
    });
    quote!(#(#fields),*)
}

/// The expression that makes a field.
fn init_field(types: &Types<'_>, field: &Field) -> TokenStream {
    let name = ident(&field.name);
    let value = match &field.kind {
        FieldKind::Module(module) => module::init(module, &field.name),
        FieldKind::Model(_) => {
            let ty = ident(types.of(&field.kind));
            let scope_name = &field.name;
            let arguments = init_arguments(
                types.needs_of(&field.kind),
                &quote!(&scope.enter(#scope_name)),
            );
            quote!(#ty::init(#arguments))
        }
    };
    let freeze = field.frozen.then(|| match &field.kind {
        FieldKind::Module(module) if module.has_dropout() => quote!(.no_grad()),
        _ => quote!(.freeze()),
    });
    quote!(#name: #value #freeze)
}

fn init_arguments(needs: Needs, scope: &TokenStream) -> TokenStream {
    match (needs.scope, needs.device) {
        (true, true) => quote!(#scope, device),
        (true, false) => scope.clone(),
        (false, true) => quote!(device),
        (false, false) => TokenStream::new(),
    }
}

fn init_parameters(needs: Needs) -> TokenStream {
    match (needs.scope, needs.device) {
        (true, true) => quote!(scope: &Scope, device: &Device),
        (true, false) => quote!(scope: &Scope),
        (false, true) => quote!(device: &Device),
        (false, false) => TokenStream::new(),
    }
}

fn needs_of_fields(types: &Types<'_>, fields: &[&Field]) -> Needs {
    let mut needs = Needs::default();
    for field in fields {
        let of_field = types.needs_of(&field.kind);
        needs.scope |= of_field.scope;
        needs.device |= of_field.device;
    }
    needs
}

fn segment_fields<'m>(model: &'m ModelPlan, segment: &Segment) -> Vec<&'m Field> {
    let fields = segment.fields.iter();
    fields
        .filter_map(|field| model.fields.get(*field))
        .collect()
}

fn implementation(
    types: &Types<'_>,
    model: &ModelPlan,
    segments: &[Segment],
    root: Option<&Root>,
) -> Item {
    let name = ident(&model.type_name);
    let needs = types.needs(model);
    let parts = segments.iter().enumerate().map(|(index, segment)| {
        let (field, ty) = types.part(model, index);
        let (field, ty) = (ident(field), ident(ty));
        let needs = needs_of_fields(types, &segment_fields(model, segment));
        let arguments = init_arguments(needs, &quote!(scope));
        quote!(#field: Box::new(#ty::init(#arguments)))
    });
    let own = own_fields(model, segments);
    let own = own.iter().map(|field| init_field(types, field));
    let inits: Vec<TokenStream> = parts.chain(own).collect();
    let parameters = init_parameters(needs);
    let constructors = root.map(|root| constructors(types, needs, root));
    let methods = model.bodies.iter().enumerate().map(|(index, body)| {
        let docs = doc(&method_doc(types, model, body));
        Method::of_body(types, model, index).print(&docs)
    });
    let training = root.map(|_| training::methods(types, model));
    // A program need not use all that we offer.
    let is_offer = root.is_some() || !types.is_called(model);
    let allow = is_offer.then(|| quote!(#[allow(dead_code)]));
    let numbers = inits.iter().chain(&training);
    let allow_constants = allow_constants(numbers);
    Item::code(quote! {
        #allow
        #allow_constants
        impl #name {
            #constructors

            fn init(#parameters) -> Self {
                Self { #(#inits),* }
            }

            #(#methods)*

            #training
        }
    })
}

/// Clippy takes numbers that are close to π and the like for mistakes.
fn allow_constants<'t>(code: impl IntoIterator<Item = &'t TokenStream>) -> Option<TokenStream> {
    use std::f64::consts;
    let known = [
        consts::E,
        consts::FRAC_1_PI,
        consts::FRAC_1_SQRT_2,
        consts::FRAC_2_PI,
        consts::FRAC_2_SQRT_PI,
        consts::FRAC_PI_2,
        consts::FRAC_PI_3,
        consts::FRAC_PI_4,
        consts::FRAC_PI_6,
        consts::FRAC_PI_8,
        consts::LN_2,
        consts::LN_10,
        consts::LOG10_2,
        consts::LOG10_E,
        consts::LOG2_10,
        consts::LOG2_E,
        consts::PI,
        consts::SQRT_2,
        consts::TAU,
        1.618_033_988_749_895,
        0.577_215_664_901_532_9,
    ];
    let is_close = |value: f64| known.iter().any(|known| (value / known - 1.0).abs() < 1e-3);
    let mut found = false;
    for tokens in code {
        super::tokens::literals(tokens.clone(), &mut |text| {
            found |= text.contains('.') && text.parse().is_ok_and(is_close);
        });
    }
    found.then(|| quote!(#[allow(clippy::approx_constant)]))
}

fn constructors(types: &Types<'_>, needs: Needs, root: &Root) -> TokenStream {
    let arguments = init_arguments(needs, &quote!(&Scope::new(namespace)));
    let device = if needs.device {
        ident("device")
    } else {
        quote::format_ident!("_device")
    };
    let file = format!("`{}.bpk`", types.plan.name);
    let from_file = doc(&[
        format!("The model with the weights of the record at `path`, {file} as it was imported."),
        String::new(),
        "A record that belongs to another model, or lacks something, is refused.".into(),
    ]);
    let embedded = root.embed.then(|| {
        let name = format!("{}.bpk", types.plan.name);
        quote! {
            /// The model with the weights that are part of the program.
            pub fn from_embedded(device: &Device) -> Result<Self, LoadError> {
                #[repr(C, align(256))]
                struct Aligned<T: ?Sized>(T);
                static RECORD: &Aligned<[u8]> = &Aligned(*include_bytes!(#name));
                record::load_static(Self::new(device), &RECORD.0, SOURCE)
            }
        }
    });
    quote! {
        /// The model with weights drawn at random.
        pub fn new(device: &Device) -> Self {
            Self::with_namespace(NAMESPACE, device)
        }

        /// [`new`](Self::new) for a second instance, to be trained beside a first one: the ids of
        /// parameters are made from `namespace`, and an optimizer keeps them apart.
        pub fn with_namespace(namespace: &str, #device: &Device) -> Self {
            stable_ids(Self::init(#arguments), namespace)
        }

        #from_file
        pub fn from_file(path: impl AsRef<Path>, device: &Device) -> Result<Self, LoadError> {
            Self::from_file_with_namespace(path, NAMESPACE, device)
        }

        /// [`from_file`](Self::from_file) for a second instance: see
        /// [`with_namespace`](Self::with_namespace).
        pub fn from_file_with_namespace(
            path: impl AsRef<Path>,
            namespace: &str,
            device: &Device,
        ) -> Result<Self, LoadError> {
            let model = Self::with_namespace(namespace, device);
            let model = record::load_file(model, path, SOURCE)?;
            Ok(stable_ids(model, namespace))
        }

        /// [`from_file`](Self::from_file), from memory.
        pub fn from_bytes(
            bytes: impl Into<RecordBytes>,
            device: &Device,
        ) -> Result<Self, LoadError> {
            let model = record::load_bytes(Self::new(device), bytes, SOURCE)?;
            Ok(stable_ids(model, NAMESPACE))
        }

        #embedded
    }
}

/// Keras's names and shapes of what goes in and out.
fn method_doc(types: &Types<'_>, model: &ModelPlan, body: &Body) -> Vec<String> {
    let tensor = |name: &str, id: ValueId| {
        format!("{} {}", docs::code(name), docs::spec(&body.value(id).spec))
    };
    let inputs = body.inputs.iter().zip(&body.input_names);
    let inputs: Vec<String> = inputs.map(|(id, name)| tensor(name, *id)).collect();
    let outputs = body.outputs.iter();
    let outputs: Vec<String> = outputs
        .map(|output| tensor(&output.keras_name, output.value))
        .collect();
    let mut lines = vec![format!(
        "From {} to {}.",
        docs::list(&inputs),
        docs::list(&outputs)
    )];
    if body.input_masks.iter().any(Option::is_some) {
        lines.push(String::new());
        lines.push("A mask is true where it keeps.".into());
    }
    if !body.states.is_empty() {
        lines.push(String::new());
        lines.push(format!(
            "Stateful layers go on from `state`, which another call gave, or \
             [`{0}::zeros`] for a first one.",
            ident(types.state_type(model))
        ));
    }
    lines
}

fn output_item(types: &Types<'_>, model: &ModelPlan, index: usize, body: &Body) -> Item {
    let name = ident(types.output_type(model, index));
    let about = doc(&[format!(
        "What [`{}::{}`] gives.",
        ident(&model.type_name),
        ident(&body.name)
    )]);
    let fields = output_fields(body).into_iter().map(|field| {
        let spec = &body.value(field.value).spec;
        let ty = tensor_type(spec);
        let mask = if field.is_mask { "The mask of " } else { "" };
        let keras_name = docs::code(field.keras_name);
        let about = doc(&[format!("{mask}{keras_name} {}", docs::spec(spec))]);
        let name = ident(&field.name);
        quote!(#about pub #name: #ty)
    });
    Item::code(quote! {
        #about
        #[derive(Clone, Debug)]
        #[allow(dead_code)]
        pub struct #name { #(#fields),* }
    })
}

/// The struct of states, and how the first ones are made.
fn state_items(types: &Types<'_>, model: &ModelPlan, body: &Body) -> [Item; 2] {
    let name = ident(types.state_type(model));
    let about = doc(&[format!(
        "The states that stateful layers carry from one [`{}::{}`] to the next.",
        ident(&model.type_name),
        ident(&body.name)
    )]);
    let fields = body.states.iter().map(|state| {
        let spec = &body.value(state.input).spec;
        let about = doc(&[format!(
            "{} {}",
            docs::code(&state.keras_name),
            docs::spec(spec)
        )]);
        let (name, ty) = (ident(&state.name), tensor_type(spec));
        quote!(#about pub #name: #ty)
    });
    let zeros = body.states.iter().map(|state| {
        let name = ident(&state.name);
        let sizes = body.value(state.input).spec.shape.0.iter().skip(1);
        let sizes = sizes.map(|size| literal(&size.unwrap_or(1).into()));
        quote!(#name: Tensor::zeros([batch #(, #sizes)*], device))
    });
    [
        Item::code(quote! {
            #about
            #[derive(Clone, Debug)]
            #[allow(dead_code)]
            pub struct #name { #(#fields),* }
        }),
        Item::code(quote! {
            #[allow(dead_code)]
            impl #name {
                /// Zeros for a first call with `batch` samples.
                pub fn zeros(batch: usize, device: &Device) -> Self {
                    Self { #(#zeros),* }
                }
            }
        }),
    ]
}

fn segment_items(
    types: &Types<'_>,
    model: &ModelPlan,
    index: usize,
    segment: &Segment,
) -> [Item; 2] {
    let (_, ty) = types.part(model, index);
    let name = ident(ty);
    let own = segment_fields(model, segment);
    let needs = needs_of_fields(types, &own);
    let parameters = init_parameters(needs);
    let about = doc(&[format!(
        "Part {} of [`{}`], a struct of its own because one of them all would compile slowly.",
        index + 1,
        ident(&model.type_name)
    )]);
    let fields = fields(types, &own, false);
    let inits: Vec<TokenStream> = own.iter().map(|field| init_field(types, field)).collect();
    let allow_constants = allow_constants(&inits);
    let method = Method::of_segment(types, model, segment).print(&TokenStream::new());
    [
        Item::code(quote! {
            #about
            #[derive(Module, Debug)]
            struct #name { #fields }
        }),
        Item::code(quote! {
            #allow_constants
            impl #name {
                fn init(#parameters) -> Self {
                    Self { #(#inits),* }
                }

                #method
            }
        }),
    ]
}
