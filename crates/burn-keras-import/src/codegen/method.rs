//! One `forward`: arguments, a `let` for each step, the result.

mod line;
mod result;

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};

use super::names::Variables;
use super::step::tensor_type;
use super::tokens::ident;
use super::types::Types;
use crate::passes::structure::{Segment, kind_of, modules_of, segmented};
use crate::plan::{Body, Field, FieldKind, ModelPlan, ModuleRef, Operation, State, Step, ValueId};

/// What a line of a method calls.
enum Callee<'g> {
    Step(&'g Step),
    /// A segment, by position.
    Segment(usize, &'g Segment),
    /// Another method of the same model, by the position of its body.
    Body(usize),
}

/// A line of a method: what goes in and what comes out.
struct Line<'g> {
    callee: Callee<'g>,
    inputs: Vec<ValueId>,
    outputs: Vec<ValueId>,
}

/// What a method gives back.
enum Results {
    /// One tensor, or a tuple of several.
    Tensors(Vec<ValueId>),
    /// The struct of outputs of a body, by position.
    Struct(usize, Vec<ValueId>),
}

/// A method in the making.
pub(super) struct Method<'g> {
    types: &'g Types<'g>,
    model: &'g ModelPlan,
    body: &'g Body,
    lines: Vec<Line<'g>>,
    arguments: Vec<ValueId>,
    /// Modules that are handed over by reference.
    borrows: Vec<ModuleRef>,
    results: Results,
    /// What goes in and comes out behind arguments and results.
    states: &'g [State],
    /// The segment that the method is of.
    segment: Option<&'g Segment>,
}

impl<'g> Method<'g> {
    /// The method of a body; its segments are called where there are any.
    pub fn of_body(types: &'g Types<'g>, model: &'g ModelPlan, index: usize) -> Self {
        let body = &model.bodies[index];
        let segments = types.segments(model);
        let lines = match segmented(model) {
            // The segments are of another body, which gives all that this one gives.
            Some(other) if other != index && !segments.is_empty() => vec![Line {
                callee: Callee::Body(other),
                inputs: body.arguments(),
                outputs: body.results(),
            }],
            _ => lines(body, segments),
        };
        let mut results = body.results();
        results.truncate(results.len() - body.states.len());
        let results = match results.as_slice() {
            [one] => Results::Tensors(vec![*one]),
            several => Results::Struct(index, several.to_vec()),
        };
        let mut arguments = body.arguments();
        arguments.truncate(arguments.len() - body.states.len());
        Self {
            types,
            model,
            body,
            lines,
            arguments,
            borrows: (0..model.borrows.len()).map(ModuleRef::Borrowed).collect(),
            results,
            states: &body.states,
            segment: None,
        }
    }

    /// The method of a segment.
    pub fn of_segment(types: &'g Types<'g>, model: &'g ModelPlan, segment: &'g Segment) -> Self {
        let body = &model.bodies[segmented(model).unwrap_or_default()];
        Self {
            types,
            model,
            body,
            lines: body.steps[segment.steps.clone()].iter().map(line).collect(),
            arguments: segment.live_in.clone(),
            borrows: segment.borrows.clone(),
            results: Results::Tensors(segment.live_out.clone()),
            states: &[],
            segment: Some(segment),
        }
    }

    /// The whole method.
    pub fn print(&self, docs: &TokenStream) -> TokenStream {
        let name = match self.segment {
            None => ident(&self.body.name),
            Some(_) => ident("forward"),
        };
        let mut variables = Variables::default();
        let used = self.used();
        let last_uses = self.last_uses();

        let mut arguments = Vec::new();
        let mut bound: Vec<ValueId> = Vec::new();
        for id in &self.arguments {
            let value = self.body.value(*id);
            let ty = tensor_type(&value.spec);
            let is_used = !bound.contains(id) && used.contains(id);
            let variable = if is_used {
                bound.push(*id);
                ident(&variables.bind(*id, &value.name))
            } else {
                ident(&variables.reserve(&format!("_{}", value.name)))
            };
            arguments.push(quote!(#variable: #ty));
        }
        let mut statements = Vec::new();
        if !self.states.is_empty() {
            let state = ident(&variables.reserve("state"));
            let ty = ident(self.types.state_type(self.model));
            arguments.push(quote!(#state: #ty));
            let pattern = self.state_pattern(self.model, self.states, |state| {
                let base = &self.body.value(state.input).name;
                used.contains(&state.input)
                    .then(|| variables.bind(state.input, base))
            });
            statements.push(quote!(let #pattern = #state;));
        }
        let mut modules = Vec::new();
        for module in &self.borrows {
            let (base, ty) = self.borrowed(*module);
            let is_used = self
                .lines
                .iter()
                .any(|line| self.uses(line).contains(module));
            let base = if is_used { base } else { format!("_{base}") };
            let variable = ident(&variables.reserve(&base));
            modules.push((*module, variable.clone()));
            arguments.push(quote!(#variable: &#ty));
        }

        let mut tail = None;
        for (index, line) in self.lines.iter().enumerate() {
            let last = &last_uses[index];
            let inputs: Vec<TokenStream> = line
                .inputs
                .iter()
                .enumerate()
                .map(|(position, id)| {
                    let variable = ident(variables.get(*id));
                    let is_last = last.contains(id) && !line.inputs[position + 1..].contains(id);
                    if is_last {
                        quote!(#variable)
                    } else {
                        quote!(#variable.clone())
                    }
                })
                .collect();
            let expression = self.expression(line, &inputs, &modules);
            for id in last {
                variables.kill(*id);
            }
            if index + 1 == self.lines.len() && self.is_tail(line) {
                tail = Some(expression);
            } else {
                let pattern = self.pattern(line, &used, &mut variables);
                statements.push(quote!(let #pattern = #expression;));
            }
        }
        let tail = tail.unwrap_or_else(|| self.tail(&variables));
        let mut result = self.result_type();
        if !self.states.is_empty() {
            let ty = ident(self.types.state_type(self.model));
            result = quote!((#result, #ty));
        }
        let allow_arguments =
            (arguments.len() > 6).then(|| quote!(#[allow(clippy::too_many_arguments)]));
        let allow_type = matches!(&self.results, Results::Tensors(values) if values.len() > 8)
            .then(|| quote!(#[allow(clippy::type_complexity)]));
        let visibility = self.segment.is_none().then(|| quote!(pub));
        quote! {
            #docs
            #allow_arguments
            #allow_type
            #visibility fn #name(&self, #(#arguments),*) -> #result {
                #(#statements)*
                #tail
            }
        }
    }

    /// For each line, the values that nobody needs behind it.
    fn last_uses(&self) -> Vec<Vec<ValueId>> {
        let mut needed = vec![false; self.body.values.len()];
        for id in self.given_back() {
            needed[id.0] = true;
        }
        let mut last_uses = vec![Vec::new(); self.lines.len()];
        for (line, last) in self.lines.iter().zip(&mut last_uses).rev() {
            for id in &line.inputs {
                if !std::mem::replace(&mut needed[id.0], true) {
                    last.push(*id);
                }
            }
        }
        last_uses
    }

    fn result_values(&self) -> &[ValueId] {
        match &self.results {
            Results::Tensors(values) | Results::Struct(_, values) => values,
        }
    }

    /// The results, and behind them the states.
    fn given_back(&self) -> Vec<ValueId> {
        let states = self.states.iter().map(|state| &state.output);
        self.result_values().iter().chain(states).copied().collect()
    }

    /// The struct of the states of `model`, taken apart; `bind` gives each state that somebody
    /// needs a variable.
    fn state_pattern(
        &self,
        model: &ModelPlan,
        states: &[State],
        mut bind: impl FnMut(&State) -> Option<String>,
    ) -> TokenStream {
        let ty = ident(self.types.state_type(model));
        let mut patterns = Vec::new();
        let mut has_rest = false;
        for state in states {
            match bind(state) {
                Some(variable) => patterns.push(named(&state.name, &ident(&variable))),
                None => has_rest = true,
            }
        }
        if has_rest {
            patterns.push(quote!(..));
        }
        quote!(#ty { #(#patterns),* })
    }

    /// The nested body that a line calls.
    fn callee(&self, line: &Line<'g>) -> Option<(&'g ModelPlan, &'g Body)> {
        match line.callee {
            Callee::Step(Step {
                operation: Operation::Model { module, body },
                ..
            }) => {
                let inner = self.inner(*module)?;
                Some((inner, inner.bodies.get(*body)?))
            }
            _ => None,
        }
    }

    /// The values that somebody needs.
    fn used(&self) -> HashSet<ValueId> {
        let inputs = self.lines.iter().flat_map(|line| &line.inputs).copied();
        inputs.chain(self.given_back()).collect()
    }

    /// The modules that a line uses.
    fn uses(&self, line: &Line<'g>) -> Vec<ModuleRef> {
        match line.callee {
            Callee::Step(step) => modules_of(self.types.plan, self.model, step),
            Callee::Segment(_, segment) => segment.borrows.clone(),
            Callee::Body(_) => self.borrows.clone(),
        }
    }

    /// Name and type of a module that is handed over.
    fn borrowed(&self, module: ModuleRef) -> (String, Ident) {
        let name = match module {
            ModuleRef::Own(field) => self.model.fields.get(field).map(|field| &field.name),
            ModuleRef::Borrowed(borrow) => {
                self.model.borrows.get(borrow).map(|borrow| &borrow.name)
            }
        };
        let ty = kind_of(self.model, module).map_or("Missing", |kind| self.types.of(kind));
        (name.cloned().unwrap_or_default(), ident(ty))
    }

    /// Whether the line gives just what the method gives.
    fn is_tail(&self, line: &Line<'g>) -> bool {
        let several_in_struct = match line.callee {
            Callee::Segment(..) => false,
            Callee::Step(_) => line.outputs.len() > 1,
            Callee::Body(_) => true,
        };
        match &self.results {
            _ if !self.states.is_empty() => false,
            Results::Tensors(values) => values.as_slice() == line.outputs && !several_in_struct,
            Results::Struct(..) => false,
        }
    }

    fn inner(&self, module: ModuleRef) -> Option<&'g ModelPlan> {
        match kind_of(self.model, module) {
            Some(FieldKind::Model(index)) => self.types.plan.models.get(*index),
            _ => None,
        }
    }
}

/// `name: value` in a struct or its pattern, or `name` where both are the same.
fn named(name: &str, value: &impl ToTokens) -> TokenStream {
    let (name, value) = (ident(name), value.to_token_stream());
    if name == value.to_string() {
        quote!(#name)
    } else {
        quote!(#name: #value)
    }
}

/// The steps of a body, those of segments as calls of them.
fn lines<'g>(body: &'g Body, segments: &'g [Segment]) -> Vec<Line<'g>> {
    let mut lines = Vec::new();
    let mut at = 0;
    for (index, segment) in segments.iter().enumerate() {
        lines.extend(body.steps[at..segment.steps.start].iter().map(line));
        lines.push(Line {
            callee: Callee::Segment(index, segment),
            inputs: segment.live_in.clone(),
            outputs: segment.live_out.clone(),
        });
        at = segment.steps.end;
    }
    lines.extend(body.steps[at..].iter().map(line));
    lines
}

fn line(step: &Step) -> Line<'_> {
    Line {
        callee: Callee::Step(step),
        inputs: step.inputs.clone(),
        outputs: step.outputs.clone(),
    }
}

/// The fields of a model that none of its segments owns.
pub(super) fn own_fields<'g>(model: &'g ModelPlan, segments: &[Segment]) -> Vec<&'g Field> {
    let in_segment = |index: &usize| segments.iter().any(|part| part.fields.contains(index));
    let fields = model.fields.iter().enumerate();
    fields
        .filter(|(index, _)| !in_segment(index))
        .map(|(_, field)| field)
        .collect()
}
