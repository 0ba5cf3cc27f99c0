//! A record on its way into an optimizer: whose state it is, and whether it fits.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};
use burn::{optim::StateSource, store::burn_pack::Scalar, tensor::Bytes};

use super::{CLASS, ITERATIONS, LEARNING_RATE, LOSS_SCALE, LOSS_SCALE_STEPS, RANK};
use crate::optim::{
    adafactor,
    config::Parameter,
    keras::{AVERAGE, BASE, DynamicScale, KerasOptimizer},
    record::split,
    rule::{Fields, Slots},
    schedule::LearningRate,
};

/// A tensor of a record: name, type, shape, id and bytes.
pub(super) type Parts = (
    String,
    burn::tensor::DType,
    burn::tensor::Shape,
    Option<u64>,
    Bytes,
);

/// What a record says beside the state of parameters.
pub(super) struct Globals {
    pub(super) iterations: u64,
    pub(super) rate: Option<f64>,
    pub(super) scale: DynamicScale,
}

/// A record on its way into an optimizer.
pub(super) struct Loading<'a> {
    pub(super) optimizer: &'a KerasOptimizer,
    pub(super) parameters: BTreeMap<u64, Parameter>,
    /// In Burn.
    pub(super) shapes: BTreeMap<u64, Vec<usize>>,
    pub(super) fields: Fields,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) problems: Vec<String>,
}

impl Loading<'_> {
    /// Gives the state of an instance in another namespace the ids of this one: ids that are not in
    /// the module, and whose paths are.
    pub(super) fn adopt(&mut self, scalars: &mut BTreeMap<String, Scalar>, tensors: &mut [Parts]) {
        let of_path: BTreeMap<&str, u64> = self
            .parameters
            .iter()
            .map(|(id, parameter)| (parameter.path.as_str(), *id))
            .collect();
        let ids: BTreeMap<u64, u64> = self
            .metadata
            .iter()
            .filter_map(|(key, path)| {
                let id = key.parse().ok()?;
                let own = of_path.get(path.as_str())?;
                (!self.parameters.contains_key(&id)).then_some((id, *own))
            })
            .collect();
        if ids.is_empty() {
            return;
        }
        let renamed = |name: &str| {
            let (id, field) = split(name)?;
            Some(format!("{}.{field}", ids.get(&id)?))
        };
        let all = core::mem::take(scalars).into_iter();
        *scalars = all
            .map(|(name, value)| (renamed(&name).unwrap_or(name), value))
            .collect();
        for (name, .., id, _) in tensors {
            if let Some(new) = renamed(name) {
                *name = new;
                *id = id.and_then(|id| ids.get(&id).copied());
            }
        }
        let all = core::mem::take(&mut self.metadata).into_iter();
        self.metadata = all
            .map(|(key, path)| {
                let own = key.parse().ok().and_then(|id: u64| ids.get(&id));
                (own.map_or(key, |own| own.to_string()), path)
            })
            .collect();
    }

    fn name(&self, id: u64) -> String {
        match (self.metadata.get(&id.to_string()), self.parameters.get(&id)) {
            (Some(path), _) => path.clone(),
            (None, Some(parameter)) => parameter.path.clone(),
            (None, None) => format!("the parameter with id {id}"),
        }
    }

    /// Checks what each field belongs to. The fields of each parameter.
    pub(super) fn check(
        &mut self,
        scalars: &BTreeMap<String, Scalar>,
        tensors: &[Parts],
    ) -> BTreeMap<u64, BTreeSet<String>> {
        if let Some(class) = self.metadata.get(CLASS) {
            let own = self.optimizer.config.rule.class();
            if class != own && (class.as_str(), own) != ("AdamW", "Adam") {
                let problem = format!("the state of {class}, the optimizer is {own}");
                self.problems.push(problem);
            }
        }
        for (key, path) in &self.metadata {
            if let Some(parameter) = key
                .parse()
                .ok()
                .and_then(|id: u64| self.parameters.get(&id))
                && parameter.path != *path
            {
                let at = &parameter.path;
                let problem = format!("{path}: the module has {at} under the same id");
                self.problems.push(problem);
            }
        }
        let mut present: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        for (key, value) in scalars {
            let Some((id, field)) = split(key) else {
                continue; // globals
            };
            let rank = self.parameters.get(&id).map(|parameter| parameter.rank);
            if field == RANK {
                if rank.is_some_and(|rank| *value != Scalar::from(rank)) {
                    let path = self.name(id);
                    let problem = format!("{path}: state of rank {value:?}, parameter of {rank:?}");
                    self.problems.push(problem);
                }
            } else if self.fields.time != Some(field) && !self.fields.scalars.contains(&field) {
                let path = self.name(id);
                self.problems.push(format!("{path}: no place for {field}"));
            }
            present.entry(id).or_default();
        }
        for (name, dtype, shape, id, _) in tensors {
            let Some((id, field)) = split(name).filter(|(of, _)| *id == Some(*of)) else {
                let problem = format!("{name}: belongs to no parameter");
                self.problems.push(problem);
                continue;
            };
            present.entry(id).or_default().insert(field.to_string());
            let (Some(parameter), Some(expected)) =
                (self.parameters.get(&id), self.shapes.get(&id))
            else {
                continue; // named below
            };
            let slots = self.fields.slots.iter().chain(BASE.slots);
            let Some(slot) = slots.into_iter().find(|slot| slot.field == field) else {
                let problem = format!("{}: no place for {field}", parameter.path);
                self.problems.push(problem);
                continue;
            };
            let expected = match slot.slot {
                slot @ ("r" | "c") => adafactor::shape_of(slot, &parameter.layout),
                _ => expected.clone(),
            };
            let found = shape.to_vec();
            if found != expected {
                let path = &parameter.path;
                let problem = format!("{path}: {field} {found:?}, it should be {expected:?}");
                self.problems.push(problem);
            }
            if !dtype.is_float() {
                let problem = format!("{}: {field} holds {dtype:?}", parameter.path);
                self.problems.push(problem);
            }
        }
        for (id, found) in &present {
            match self.parameters.get(id) {
                Some(parameter) => {
                    let problems = self.compare(parameter, found);
                    self.problems.extend(problems);
                }
                None => {
                    let path = self.name(*id);
                    self.problems.push(format!("{path}: not in the module"));
                }
            }
        }
        present
    }

    /// The slots of a parameter against those that its configuration keeps.
    fn compare(&self, parameter: &Parameter, found: &BTreeSet<String>) -> Vec<String> {
        let optimizer = self.optimizer;
        let wanted = optimizer.config.rule.slots(&optimizer.turn(parameter));
        let kept = |slot: &str| match slot {
            AVERAGE => optimizer.config.ema.is_some(),
            _ => optimizer.config.gradient_accumulation_steps.is_some(),
        };
        // an average alone is that of a parameter that had no gradient yet
        let used = self
            .fields
            .slots
            .iter()
            .any(|slot| found.contains(slot.field));
        let path = &parameter.path;
        let of_rule = self.fields.slots.iter().filter_map(|slot| {
            let (field, there) = (slot.field, found.contains(slot.field));
            match wanted.contains(&slot.slot) {
                true if used && !there => Some(format!("{path}: {field} is missing")),
                false if there => Some(format!("{path}: no place for {field}")),
                _ => None,
            }
        });
        let of_base = BASE.slots.iter().filter_map(|slot| {
            let field = slot.field;
            (found.contains(field) && !kept(slot.slot))
                .then(|| format!("{path}: no place for {field}"))
        });
        of_rule.chain(of_base).collect()
    }

    pub(super) fn unflatten(
        &mut self,
        fields: Fields,
        present: &BTreeMap<u64, BTreeSet<String>>,
        source: &mut StateSource,
    ) -> BTreeMap<u64, Slots> {
        let mut all = BTreeMap::new();
        for (id, found) in present {
            if !fields.slots.iter().any(|slot| found.contains(slot.field)) {
                continue;
            }
            match Slots::unflatten(fields, &id.to_string(), source) {
                Some(slots) => {
                    all.insert(*id, slots);
                }
                None if self.problems.is_empty() => {
                    let path = self.name(*id);
                    let time = fields.time.unwrap_or_default();
                    self.problems.push(format!("{path}: {time} is missing"));
                }
                None => {}
            }
        }
        all
    }

    pub(super) fn globals(
        &mut self,
        scalars: &BTreeMap<String, Scalar>,
        slots: &BTreeMap<u64, Slots>,
    ) -> Globals {
        let optimizer = self.optimizer;
        let config = &optimizer.config;
        let mut count = |name: &str| -> Option<u64> {
            let value = scalars.get(name)?;
            let number = (*value).try_into().ok();
            if number.is_none() {
                self.problems.push(format!("{name}: {value:?} is no count"));
            }
            number
        };
        let iterations = count(ITERATIONS);
        let scale_steps = count(LOSS_SCALE_STEPS);
        let mut number = |name: &str| -> Option<f64> {
            let value = scalars.get(name)?;
            let number = f64::try_from(*value).ok().filter(|x| x.is_finite());
            if number.is_none() {
                self.problems
                    .push(format!("{name}: {value:?} is no number"));
            }
            number
        };
        let rate = number(LEARNING_RATE);
        let scale = number(LOSS_SCALE);

        if rate.is_some() && matches!(config.learning_rate, LearningRate::Schedule(_)) {
            let problem = format!("{LEARNING_RATE}: the optimizer has a schedule");
            self.problems.push(problem);
        }
        if scale.is_some() && !optimizer.is_dynamic() {
            let problem = format!("{LOSS_SCALE}: the optimizer has no dynamic scale");
            self.problems.push(problem);
        }
        let per_update = config.gradient_accumulation_steps.unwrap_or(1);
        let times = || slots.values().map(|slots| slots.time as u64);
        let iterations = match (iterations, times().max()) {
            (Some(iterations), Some(time))
                if self.fields.time.is_some() && time > iterations / per_update =>
            {
                let problem = format!("{ITERATIONS}: {iterations}, but a parameter counts {time}");
                self.problems.push(problem);
                iterations
            }
            (Some(iterations), _) => iterations,
            // a record of Burn's `ModuleOptimizer`
            (None, Some(time)) if self.fields.time.is_some() => {
                if times().any(|other| other != time) {
                    let problem = format!("{ITERATIONS} is missing, and parameters disagree");
                    self.problems.push(problem);
                }
                time * per_update
            }
            (None, _) => {
                let scheduled = matches!(config.learning_rate, LearningRate::Schedule(_));
                if !slots.is_empty() && (scheduled || config.decay > 0.0 || config.ema.is_some()) {
                    self.problems.push(format!("{ITERATIONS} is missing"));
                }
                0
            }
        };
        let own = optimizer.scale;
        Globals {
            iterations,
            rate,
            scale: DynamicScale {
                scale: scale.map_or(own.scale, |scale| scale as f32),
                steps: scale_steps.unwrap_or(own.steps),
            },
        }
    }

    /// An average cannot start in the middle.
    pub(super) fn check_averages(
        &mut self,
        iterations: u64,
        slots: &BTreeMap<u64, Slots>,
        base: &BTreeMap<u64, Slots>,
    ) {
        if self.optimizer.config.ema.is_none() || iterations == 0 {
            return;
        }
        let has = |id| base.get(id).is_some_and(|slots| slots.has(AVERAGE));
        for id in slots.keys().filter(|id| !has(id)) {
            let path = self.name(*id);
            self.problems.push(format!("{path}: {AVERAGE} is missing"));
        }
    }
}
