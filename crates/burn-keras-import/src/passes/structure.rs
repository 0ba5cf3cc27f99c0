//! Where large models are cut.
//!
//! A struct of hundreds of modules compiles slowly, and its `forward` overflows small stacks. Such
//! a model is cut along its steps into segments: where few values are needed behind the cut, and
//! where the names of layers change.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

use crate::plan::{Body, FieldKind, ModelPlan, ModuleRef, Operation, Plan, Step, ValueId};

/// Models with more fields than this are cut.
const LARGE: usize = 64;
/// The most fields of a segment.
const SEGMENT: usize = 50;
/// The most steps of a segment.
const STEPS: usize = 400;
/// What a segment costs, as much as this many names in common.
const COST_OF_SEGMENT: u64 = 15;
/// What a value that is needed behind a cut costs.
const COST_OF_VALUE: u64 = 10;
/// What it costs to cut between two steps of one layer.
const COST_OF_LAYER: u64 = 20;

/// A part of a model: modules of its own, and the steps that call them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The fields of the model that it owns: those that it alone uses.
    pub fields: Vec<usize>,
    /// The modules that it uses and does not own: they are handed to it by reference.
    pub borrows: Vec<ModuleRef>,
    /// The steps, of the [`segmented`] body.
    pub steps: Range<usize>,
    /// The values that it needs.
    pub live_in: Vec<ValueId>,
    /// The values that it makes and others need.
    pub live_out: Vec<ValueId>,
}

/// The body that is cut: the only one, or that for a training step, of whose outputs some are
/// those of the other.
pub(crate) fn segmented(model: &ModelPlan) -> Option<usize> {
    match model.bodies.as_slice() {
        [_] => Some(0),
        [_, body] if body.training.is_some() => Some(1),
        _ => None,
    }
}

/// The segments of `model`, if it is large. Fields and steps of no segment stay with the model.
pub fn segments(plan: &Plan, model: &ModelPlan) -> Option<Vec<Segment>> {
    let body = model.bodies.get(segmented(model)?)?;
    if model.fields.len() <= LARGE {
        return None;
    }
    let uses = Uses::of(plan, model, body);
    let cuts = cuts(&uses.costs(body), model.fields.len(), &uses.modules);
    let ranges = cuts.windows(2).map(|pair| pair[0]..pair[1]);
    let segments = ranges.map(|steps| uses.segment(body, steps));
    let segments: Vec<Segment> = segments
        .filter(|segment| !segment.fields.is_empty())
        .collect();
    (!segments.is_empty()).then_some(segments)
}

/// The modules that a step calls, and hands on to the nested model that it calls.
pub(crate) fn modules_of(plan: &Plan, model: &ModelPlan, step: &Step) -> Vec<ModuleRef> {
    let callee = match &step.operation {
        Operation::Function(_) => return Vec::new(),
        Operation::Module(module)
        | Operation::Lookup(module)
        | Operation::Project(module)
        | Operation::Apply { module, .. }
        | Operation::Model { module, .. } => *module,
    };
    let mut modules = vec![callee];
    if let Some(FieldKind::Model(inner)) = kind_of(model, callee)
        && let Some(inner) = plan.models.get(*inner)
    {
        let borrows = inner.borrows.iter();
        modules.extend(borrows.filter_map(|borrow| {
            let is_it = |layer| layer == borrow.layer;
            let own = model.fields.iter().position(|field| is_it(field.layer));
            let borrowed = || model.borrows.iter().position(|other| is_it(other.layer));
            own.map(ModuleRef::Own)
                .or_else(|| borrowed().map(ModuleRef::Borrowed))
        }));
    }
    modules
}

/// What a module of a model is.
pub(crate) fn kind_of(model: &ModelPlan, module: ModuleRef) -> Option<&FieldKind> {
    match module {
        ModuleRef::Own(field) => model.fields.get(field).map(|field| &field.kind),
        ModuleRef::Borrowed(borrow) => model.borrows.get(borrow).map(|borrow| &borrow.kind),
    }
}

/// The places to cut, the first and the last step included.
fn cuts(costs: &[u64], fields: usize, uses: &[Vec<ModuleRef>]) -> Vec<usize> {
    let count = costs.len();
    // How many fields are used for the first time before each step.
    let mut seen = vec![false; fields];
    let mut before = vec![0_usize; count + 1];
    for (step, modules) in uses.iter().enumerate() {
        let mut new = 0;
        for module in modules {
            if let ModuleRef::Own(field) = module
                && let Some(seen) = seen.get_mut(*field)
                && !std::mem::replace(seen, true)
            {
                new += 1;
            }
        }
        before[step + 1] = before[step] + new;
    }
    // The cheapest way to each place, and the cut before it.
    let mut best: Vec<(u64, usize)> = vec![(0, 0); count + 1];
    for end in 1..=count {
        let mut cheapest = (u64::MAX, end - 1);
        for start in (end.saturating_sub(STEPS)..end).rev() {
            let fits = before[end] - before[start] <= SEGMENT;
            if !fits && start + 1 < end {
                break;
            }
            cheapest = cheapest.min((best[start].0.saturating_add(COST_OF_SEGMENT), start));
        }
        let cost = if end == count { 0 } else { costs[end] };
        best[end] = (cheapest.0.saturating_add(cost), cheapest.1);
    }
    let mut cuts = vec![count];
    let mut at = count;
    while at > 0 {
        at = best[at].1;
        cuts.push(at);
    }
    cuts.reverse();
    cuts
}

/// Who makes and needs what, in a body.
struct Uses {
    /// The modules of each step.
    modules: Vec<Vec<ModuleRef>>,
    /// The first and the last step that uses each module.
    spans: HashMap<ModuleRef, (usize, usize)>,
    /// The step that makes each value; none for inputs.
    made: Vec<Option<usize>>,
    /// The last step that needs each value; the number of steps if it is a result.
    needed: Vec<usize>,
}

impl Uses {
    fn of(plan: &Plan, model: &ModelPlan, body: &Body) -> Self {
        let steps = body.steps.iter();
        let modules: Vec<_> = steps.map(|step| modules_of(plan, model, step)).collect();
        let mut spans = HashMap::new();
        let mut made = vec![None; body.values.len()];
        let mut needed = vec![0; body.values.len()];
        for (index, step) in body.steps.iter().enumerate() {
            for module in &modules[index] {
                spans.entry(*module).or_insert((index, index)).1 = index;
            }
            for input in &step.inputs {
                needed[input.0] = index;
            }
            for output in &step.outputs {
                made[output.0] = Some(index);
            }
        }
        for result in body.results() {
            needed[result.0] = body.steps.len();
        }
        Self {
            modules,
            spans,
            made,
            needed,
        }
    }

    /// What a cut before each step costs.
    fn costs(&self, body: &Body) -> Vec<u64> {
        let count = body.steps.len();
        let mut begins = vec![0_u64; count + 2];
        let mut ends = vec![0_u64; count + 2];
        for (made, needed) in self.made.iter().zip(&self.needed) {
            if let Some(made) = made
                && needed > made
            {
                begins[made + 1] += 1;
                ends[needed + 1] += 1;
            }
        }
        let mut alive = 0;
        let mut costs = Vec::with_capacity(count);
        for (index, step) in body.steps.iter().enumerate() {
            alive = alive + begins[index] - ends[index];
            let names = match index.checked_sub(1) {
                None => 0,
                Some(before) => in_common(&body.steps[before].layer, &step.layer),
            };
            costs.push(COST_OF_VALUE * alive + names);
        }
        costs
    }

    fn segment(&self, body: &Body, steps: Range<usize>) -> Segment {
        let mut fields = BTreeSet::new();
        let mut borrows = Vec::new();
        for module in self.modules[steps.clone()].iter().flatten() {
            let is_inside =
                |(first, last): &(usize, usize)| steps.contains(first) && steps.contains(last);
            match module {
                ModuleRef::Own(field) if self.spans.get(module).is_some_and(is_inside) => {
                    fields.insert(*field);
                }
                _ if !borrows.contains(module) => borrows.push(*module),
                _ => {}
            }
        }
        let mut live_in = Vec::new();
        let mut live_out = BTreeSet::new();
        let mut seen = HashSet::new();
        for step in &body.steps[steps.clone()] {
            for input in &step.inputs {
                let is_made_here = self.made[input.0].is_some_and(|made| steps.contains(&made));
                if !is_made_here && seen.insert(*input) {
                    live_in.push(*input);
                }
            }
            let outputs = step.outputs.iter().copied();
            live_out.extend(outputs.filter(|output| self.needed[output.0] >= steps.end));
        }
        Segment {
            fields: fields.into_iter().collect(),
            borrows,
            live_in,
            live_out: live_out.into_iter().collect(),
            steps,
        }
    }
}

/// How much the names of two layers have in common.
fn in_common(a: &str, b: &str) -> u64 {
    if a == b {
        return COST_OF_LAYER;
    }
    let parts = |name: &str| -> Vec<String> {
        let parts = name.split(['_', '/', '.', '-']);
        parts.map(str::to_owned).collect()
    };
    let (a, b) = (parts(a), parts(b));
    let common = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    2 * u64::try_from(common.min(4)).unwrap_or(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Field, Module, Output, Value};
    use keras_ir::graph::{LayerId, ModelId};
    use keras_ir::shape::Spec;

    /// A chain of layers with these names.
    fn chain(names: &[String]) -> Plan {
        let mut body = Body {
            inputs: vec![ValueId(0)],
            ..Body::default()
        };
        let value = |name: &str| Value {
            name: name.to_owned(),
            spec: Spec::float(vec![None, Some(2)]),
        };
        body.values.push(value("x"));
        let mut fields = Vec::new();
        for (index, name) in names.iter().enumerate() {
            body.values.push(value(name));
            body.steps.push(Step {
                operation: Operation::Module(ModuleRef::Own(index)),
                inputs: vec![ValueId(index)],
                outputs: vec![ValueId(index + 1)],
                layer: name.clone(),
            });
            fields.push(Field {
                layer: LayerId(index),
                name: name.clone(),
                keras_name: name.clone(),
                class: "Dense".into(),
                kind: FieldKind::Module(Module::GaussianNoise { stddev: 1.0 }),
                frozen: false,
            });
        }
        body.outputs.push(Output {
            keras_name: "y".into(),
            name: "y".into(),
            value: ValueId(names.len()),
            mask: None,
        });
        let model = ModelPlan {
            id: ModelId(0),
            keras_name: "net".into(),
            type_name: "Net".into(),
            fields,
            borrows: Vec::new(),
            bodies: vec![body],
        };
        Plan {
            name: "net".into(),
            source: "net.h5".into(),
            keras_version: String::new(),
            models: vec![model],
            parameters: Vec::new(),
            training: None,
            notes: Vec::new(),
        }
    }

    fn names(count: usize, name: impl Fn(usize) -> String) -> Vec<String> {
        (0..count).map(name).collect()
    }

    fn cut(plan: &Plan) -> Vec<Segment> {
        segments(plan, plan.root()).unwrap_or_default()
    }

    fn ranges(segments: &[Segment]) -> Vec<Range<usize>> {
        segments
            .iter()
            .map(|segment| segment.steps.clone())
            .collect()
    }

    #[test]
    fn small_models_stay_whole() {
        assert!(cut(&chain(&names(64, |i| format!("dense_{i}")))).is_empty());
        let mut plan = chain(&names(65, |i| format!("dense_{i}")));
        assert_eq!(cut(&plan).len(), 2);
        let body = plan.models[0].bodies[0].clone();
        plan.models[0].bodies.push(body);
        assert!(cut(&plan).is_empty(), "two ways to be called");
    }

    #[test]
    fn every_step_is_in_one_segment() {
        for count in [65, 100, 300, 1000] {
            let segments = cut(&chain(&names(count, |i| format!("dense_{i}"))));
            let mut at = 0;
            for segment in &segments {
                assert_eq!(segment.steps.start, at);
                at = segment.steps.end;
                assert!(segment.fields.len() <= SEGMENT);
                assert_eq!(segment.fields, segment.steps.clone().collect::<Vec<_>>());
                assert_eq!(segment.live_in, [ValueId(segment.steps.start)]);
                assert_eq!(segment.live_out, [ValueId(at)]);
                assert!(segment.borrows.is_empty());
            }
            assert_eq!(at, count);
            assert_eq!(segments.len(), count.div_ceil(SEGMENT));
        }
    }

    #[test]
    fn cuts_follow_names() {
        let plan = chain(&names(120, |i| format!("block{}_conv_{}", i / 40, i % 40)));
        assert_eq!(ranges(&cut(&plan)), [0..40, 40..80, 80..120]);
    }

    #[test]
    fn cuts_are_where_few_values_live() {
        // Every value of 20 .. 60 is needed by step 60 too.
        let mut plan = chain(&names(80, |i| format!("dense_{i}")));
        let join = &mut plan.models[0].bodies[0].steps[60];
        join.inputs = (20..=60).map(ValueId).collect();
        let segments = cut(&plan);
        assert!(segments.len() > 1);
        for segment in segments {
            assert!(
                !(22..=60).contains(&segment.steps.end),
                "{:?}",
                segment.steps
            );
            assert_eq!(segment.live_in.len(), 1);
        }
    }

    #[test]
    fn shared_layers_stay_with_the_model() {
        let mut plan = chain(&names(100, |i| format!("dense_{i}")));
        plan.models[0].bodies[0].steps[99].operation = Operation::Module(ModuleRef::Own(0));
        let segments = cut(&plan);
        let owned: Vec<usize> = segments.iter().flat_map(|s| s.fields.clone()).collect();
        assert_eq!(owned, (1..99).collect::<Vec<_>>());
        assert_eq!(segments[0].borrows, [ModuleRef::Own(0)]);
        assert_eq!(segments[segments.len() - 1].borrows, [ModuleRef::Own(0)]);
    }
}
