//! What a training step calls: what the model was compiled with, the loss of a batch, the
//! optimizer.

use proc_macro2::TokenStream;
use quote::quote;

use super::docs;
use super::model::doc;
use super::names::Variables;
use super::step::tensor_type;
use super::tokens::{ident, literal};
use super::types::{Types, output_fields};
use crate::plan::{Body, ModelPlan, Training, ValueId};
use keras_ir::shape::Kind;

/// The methods of the outermost model.
pub(super) fn methods(types: &Types<'_>, model: &ModelPlan) -> TokenStream {
    let Some(training) = &types.plan.training else {
        return TokenStream::new();
    };
    let loss = loss(types, model, training);
    let optimizer = optimizer(types, training);
    quote!(#loss #optimizer)
}

fn loss(types: &Types<'_>, model: &ModelPlan, training: &Training) -> Option<TokenStream> {
    let compiled = literal(training.compiled.as_ref()?);
    let body = model.bodies.get(training.body)?;
    let mut variables = Variables::default();
    for name in [
        "outputs",
        "penalties",
        "predictions",
        "regularizers",
        "targets",
    ] {
        variables.reserve(name);
    }
    let inputs: Vec<(proc_macro2::Ident, TokenStream)> = body
        .inputs
        .iter()
        .map(|id| {
            let value = body.value(*id);
            let name = ident(&variables.reserve(&value.name));
            (name, tensor_type(&value.spec))
        })
        .collect();
    let parameters: Vec<TokenStream> = inputs.iter().map(|(name, ty)| quote!(#name: #ty)).collect();
    let arguments: Vec<_> = inputs.iter().map(|(name, _)| name).collect();
    let allow = (parameters.len() > 5).then(|| quote!(#[allow(clippy::too_many_arguments)]));
    let method = ident(&body.name);
    let call = quote!(self.#method(#(#arguments),*));
    let Predictions {
        pattern,
        outputs,
        penalty,
    } = predictions(types, model, training.body, body, &mut variables);
    let of_weights = (!training.regularizers.is_empty()).then(|| {
        let regularizers = training.regularizers.iter().map(|(path, regularizer)| {
            let regularizer = literal(regularizer);
            quote!((#path, #regularizer))
        });
        let generation = literal(&training.generation);
        quote! {
            let regularizers = [#(#regularizers),*];
            let penalties = regularizer::penalties(self, &regularizers, #generation)?;
        }
    });
    let with_weights = of_weights
        .is_some()
        .then(|| quote!(.with_penalties(penalties)));
    let with_activities = penalty.map(|penalty| quote!(.with_penalties([#penalty])));
    let about_predictions = doc(&[
        "What a training step needs of a batch, from the inputs of [`forward`](Self::forward): \
         the outputs, and the penalties that come to the loss. On an autodiff device this is the \
         forward pass of training."
            .into(),
    ]);
    let named: Vec<String> = body
        .outputs
        .iter()
        .take(count(body))
        .map(|output| docs::code(&output.keras_name))
        .collect();
    let about_loss = doc(&[
        "What Keras's `fit` minimises for a batch: [`compiled`](Self::compiled) of \
         [`predictions`](Self::predictions)."
            .into(),
        String::new(),
        format!(
            "Targets are of {}, or of those of them that have a loss.",
            docs::list(&named)
        ),
    ]);
    Some(quote! {
        /// The losses and metrics that the model was compiled with.
        pub fn compiled() -> Compiled {
            #compiled
        }

        #about_predictions
        #allow
        pub fn predictions(&self, #(#parameters),*) -> Result<Predictions, ShapeError> {
            let #pattern = #call;
            let outputs = [#(#outputs),*];
            #of_weights
            Ok(Predictions::new(outputs) #with_weights #with_activities)
        }

        #about_loss
        #allow
        pub fn loss(
            &self,
            #(#parameters,)*
            targets: impl Into<Targets>,
        ) -> Result<Tensor<1>, ShapeError> {
            let predictions = self.predictions(#(#arguments),*)?;
            Self::compiled().loss(&predictions, &targets.into())
        }
    })
}

/// How many outputs Keras's model has.
fn count(body: &Body) -> usize {
    body.training
        .as_ref()
        .map_or(body.outputs.len(), |training| training.count)
}

struct Predictions {
    /// What the results of the body are bound to.
    pattern: TokenStream,
    /// A `Prediction` for each output of Keras's model.
    outputs: Vec<TokenStream>,
    /// The penalty of activities.
    penalty: Option<TokenStream>,
}

fn predictions(
    types: &Types<'_>,
    model: &ModelPlan,
    index: usize,
    body: &Body,
    variables: &mut Variables,
) -> Predictions {
    let fields = output_fields(body);
    let bound: Vec<_> = fields
        .iter()
        .map(|field| ident(&variables.reserve(&field.name)))
        .collect();
    let pattern = match bound.as_slice() {
        [one] => quote!(#one),
        _ => {
            let ty = ident(types.output_type(model, index));
            let fields = fields.iter().zip(&bound).map(|(field, variable)| {
                let name = ident(&field.name);
                if name == *variable {
                    quote!(#name)
                } else {
                    quote!(#name: #variable)
                }
            });
            quote!(#ty { #(#fields),* })
        }
    };
    // Losses are of numbers.
    let number = |at: usize, id: ValueId| {
        let variable = &bound[at];
        match body.value(id).spec.kind {
            Kind::Float => quote!(#variable),
            Kind::Int | Kind::Bool => quote!(#variable.float()),
        }
    };
    let mut masks = fields.iter().enumerate().filter(|(_, field)| field.is_mask);
    let training = body.training.clone().unwrap_or_default();
    let outputs = body.outputs.iter().take(count(body)).enumerate();
    let outputs = outputs.map(|(at, output)| {
        let value = number(at, output.value);
        let logits = training.logits.get(at).copied().flatten();
        let logits = logits.and_then(|at| Some((at, body.outputs.get(at)?.value)));
        let logits = logits.map(|(at, id)| {
            let logits = number(at, id);
            quote!(.with_logits(#logits))
        });
        let mask = output.mask.and_then(|_| masks.next()).map(|(at, _)| {
            let mask = &bound[at];
            quote!(.with_mask(#mask))
        });
        quote!(Prediction::new(#value) #logits #mask)
    });
    Predictions {
        outputs: outputs.collect(),
        penalty: training.penalty.map(|at| {
            let penalty = &bound[at];
            quote!(#penalty)
        }),
        pattern,
    }
}

fn optimizer(types: &Types<'_>, training: &Training) -> Option<TokenStream> {
    let config = literal(training.optimizer.as_ref()?);
    let file = format!("`{}.optimizer.bpk`", types.plan.name);
    let about_file = doc(&[
        format!(
            "The optimizer with the state of the record at `path`, {file} as it was imported: \
             training goes on where Keras stopped."
        ),
        String::new(),
        "A record that does not hold the state of every parameter that is trained, or of others, \
         is refused. For a second instance, \
         [`resume_file`](KerasOptimizerConfig::resume_file) of \
         [`optimizer_config`](Self::optimizer_config) takes the model."
            .into(),
    ]);
    Some(quote! {
        /// The optimizer that the model was compiled with.
        pub fn optimizer_config() -> KerasOptimizerConfig {
            #config
        }

        /// The optimizer that the model was compiled with, before its first step.
        pub fn optimizer(device: &Device) -> Result<KerasOptimizer, OptimizerError> {
            Self::optimizer_config().init(&Self::new(device))
        }

        #about_file
        pub fn optimizer_from_file(
            path: impl AsRef<Path>,
            device: &Device,
        ) -> Result<KerasOptimizer, LoadError> {
            let model = Self::new(&device.clone().autodiff());
            Self::optimizer_config().resume_file(&model, path)
        }
    })
}
