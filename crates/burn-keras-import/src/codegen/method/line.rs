//! One line: what it calls, and what the results are bound to.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{Callee, Line, Method, named};
use crate::codegen::names::Variables;
use crate::codegen::step::{self, needs_type, tensor_type};
use crate::codegen::tokens::{ident, literal};
use crate::codegen::types::output_fields;
use crate::passes::structure::kind_of;
use crate::plan::{Argument, FieldKind, Function, Module, ModuleRef, Operation, ValueId};

impl<'g> Method<'g> {
    /// Where a module is, and a reference to it.
    fn module(&self, module: ModuleRef, handed: &[(ModuleRef, Ident)]) -> [TokenStream; 2] {
        if let Some((_, variable)) = handed.iter().find(|(other, _)| *other == module) {
            return [quote!(#variable), quote!(#variable)];
        }
        let (name, _) = self.borrowed(module);
        let name = ident(&name);
        [quote!(self.#name), quote!(&self.#name)]
    }

    pub(super) fn expression(
        &self,
        line: &Line<'g>,
        inputs: &[TokenStream],
        handed: &[(ModuleRef, Ident)],
    ) -> TokenStream {
        let step = match line.callee {
            Callee::Step(step) => step,
            Callee::Segment(index, segment) => {
                let part = ident(self.types.part(self.model, index).0);
                let modules = segment.borrows.iter().map(|module| {
                    let [_, reference] = self.module(*module, handed);
                    reference
                });
                return quote!(self.#part.forward(#(#inputs,)* #(#modules),*));
            }
            Callee::Body(index) => {
                let Some(body) = self.model.bodies.get(index) else {
                    return TokenStream::new();
                };
                let method = ident(&body.name);
                let modules = handed.iter().map(|(_, variable)| variable);
                return quote!(self.#method(#(#inputs,)* #(#modules),*));
            }
        };
        match &step.operation {
            Operation::Function(function) => match line.inputs.first() {
                Some(first) => step::function(function, inputs, &self.body.value(*first).spec),
                None => TokenStream::new(),
            },
            Operation::Module(module) => {
                let [module, _] = self.module(*module, handed);
                quote!(#module.forward(#(#inputs),*))
            }
            Operation::Lookup(module) => {
                let [module, _] = self.module(*module, handed);
                quote!(embedding::embedding(#module.weight.val(), #(#inputs),*))
            }
            Operation::Project(module) => {
                let [module, _] = self.module(*module, handed);
                quote!(embedding::project(#module.weight.val(), #(#inputs),*))
            }
            Operation::Apply {
                module,
                arguments,
                results,
            } => {
                let [module, _] = self.module(*module, handed);
                let mut inputs = inputs.iter();
                let arguments = arguments.iter().map(|argument| match argument {
                    Argument::Tensor => {
                        let tensor = inputs.next();
                        quote!(#tensor)
                    }
                    Argument::Optional(true) => {
                        let tensor = inputs.next();
                        quote!(Some(#tensor))
                    }
                    Argument::Optional(false) | Argument::Several(0) => quote!(None),
                    Argument::Several(count) => {
                        let tensors = inputs.by_ref().take(*count);
                        quote!(Some([#(#tensors),*]))
                    }
                    Argument::Literal(value) => literal(value),
                });
                let call = quote!(#module.forward(#(#arguments),*));
                match results.as_slice() {
                    [one] => {
                        let field = ident(one);
                        quote!(#call.#field)
                    }
                    _ => call,
                }
            }
            Operation::Model { module, .. } => {
                let modules = self.uses(line);
                let references = modules.iter().skip(1).map(|module| {
                    let [_, reference] = self.module(*module, handed);
                    reference
                });
                let [module, _] = self.module(*module, handed);
                let Some((inner, body)) = self.callee(line) else {
                    return quote!(#module.forward(#(#inputs,)* #(#references),*));
                };
                let method = ident(&body.name);
                let (inputs, states) =
                    inputs.split_at(inputs.len().saturating_sub(body.states.len()));
                let state = (!states.is_empty()).then(|| {
                    let ty = ident(self.types.state_type(inner));
                    let fields = body.states.iter().zip(states);
                    let fields = fields.map(|(state, value)| named(&state.name, value));
                    quote!(#ty { #(#fields),* },)
                });
                quote!(#module.#method(#(#inputs,)* #state #(#references),*))
            }
        }
    }

    /// What the results of a line are bound to.
    pub(super) fn pattern(
        &self,
        line: &Line<'g>,
        used: &HashSet<ValueId>,
        variables: &mut Variables,
    ) -> TokenStream {
        let states = self.callee(line).map_or(0, |(_, body)| body.states.len());
        let (outputs, states) = line.outputs.split_at(line.outputs.len() - states);
        // The field of a struct of results for each output, if the line gives one.
        let fields: Option<(String, Vec<String>)> = match line.callee {
            Callee::Segment(..) => None,
            Callee::Body(index) => self.model.bodies.get(index).map(|of_body| {
                let is_extra = |at: usize| {
                    let training = of_body.training.as_ref();
                    training.is_some_and(|training| {
                        (training.count..of_body.outputs.len()).contains(&at)
                    })
                };
                let fields = output_fields(of_body).into_iter().enumerate();
                let fields = fields.filter(|(at, _)| !is_extra(*at));
                let fields = fields.map(|(_, field)| field.name).collect();
                (self.types.output_type(self.model, index).to_owned(), fields)
            }),
            Callee::Step(step) => match &step.operation {
                Operation::Model { module, body } if outputs.len() != 1 => {
                    let inner = self.inner(*module);
                    let of_body = inner.and_then(|inner| Some((inner, inner.bodies.get(*body)?)));
                    of_body.map(|(inner, of_body)| {
                        let fields = output_fields(of_body);
                        let fields = fields.into_iter().map(|field| field.name).collect();
                        (self.types.output_type(inner, *body).to_owned(), fields)
                    })
                }
                Operation::Apply {
                    module, results, ..
                } if results.len() > 1 => {
                    let ty = match kind_of(self.model, *module) {
                        Some(FieldKind::Module(module)) => module.construction().output,
                        _ => None,
                    };
                    let fields = results.iter().map(|field| (*field).to_owned());
                    ty.map(|ty| (ty.to_owned(), fields.collect()))
                }
                _ => None,
            },
        };
        let mut bind = |id: ValueId| {
            let base = &self.body.value(id).name;
            used.contains(&id).then(|| ident(&variables.bind(id, base)))
        };
        let pattern = if let Some((ty, fields)) = fields {
            let ty = ident(&ty);
            // Modules give parts that no plan looks at.
            let is_model = matches!(line.callee, Callee::Step(step)
                if matches!(step.operation, Operation::Model { .. }));
            let mut has_rest = !is_model;
            let mut patterns = Vec::new();
            for (field, id) in fields.iter().zip(outputs) {
                match bind(*id) {
                    Some(variable) => patterns.push(named(field, &variable)),
                    None => has_rest = true,
                }
            }
            if has_rest {
                patterns.push(quote!(..));
            }
            quote!(#ty { #(#patterns),* })
        } else {
            let names: Vec<TokenStream> = outputs
                .iter()
                .map(|id| match bind(*id) {
                    Some(variable) => quote!(#variable),
                    None => quote!(_),
                })
                .collect();
            match names.as_slice() {
                [one] if states.is_empty() => {
                    let ty = self.annotation(line).map(|ty| quote!(: #ty));
                    quote!(#one #ty)
                }
                [one] => one.clone(),
                names => quote!((#(#names),*)),
            }
        };
        match self.callee(line) {
            Some((inner, body)) if !states.is_empty() => {
                let mut after = states.iter();
                let state = self.state_pattern(inner, &body.states, |_| {
                    let id = after.next()?;
                    bind(*id).map(|variable| variable.to_string())
                });
                quote!((#pattern, #state))
            }
            _ => pattern,
        }
    }

    /// The type that the `let` of a line says.
    fn annotation(&self, line: &Line<'g>) -> Option<TokenStream> {
        let Callee::Step(step) = line.callee else {
            return None;
        };
        let output = &self.body.value(*line.outputs.first()?).spec;
        let input = line.inputs.first().map(|id| &self.body.value(*id).spec);
        let needs_type = match &step.operation {
            // The mask comes first; what it is applied to decides.
            Operation::Function(Function::Select | Function::Fill(_)) => false,
            Operation::Function(function) => needs_type(function, input, output),
            Operation::Lookup(_) => true,
            // Its rank follows from the equation, which Rust does not read.
            Operation::Module(module) => matches!(
                kind_of(self.model, *module),
                Some(FieldKind::Module(Module::EinsumDense { .. }))
            ),
            _ => false,
        };
        needs_type.then(|| tensor_type(output))
    }
}
