//! Records of a whole optimizer: those of Burn's `ModuleOptimizer`, and what is global beside them.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};
use burn::{
    module::{Module, ModuleVisitor, Param},
    optim::{StateSink, StateSource},
    store::burn_pack::{Reader, Scalar, Tensor as PackTensor, Writer},
    tensor::{Bytes, Tensor, TensorData},
};

use super::{AVERAGE, BASE, DynamicScale, KerasOptimizer, Shapes};
use crate::{
    ids::duplicate_ids,
    optim::{
        adafactor,
        config::{KerasOptimizerConfig, LossScale, Parameter},
        record::{failed, split},
        rule::{Fields, Slots},
        schedule::LearningRate,
    },
    record::{LoadError, RecordBytes, SaveError, read},
};

const RANK: &str = "__rank";
/// Calls of `step`.
const ITERATIONS: &str = "keras.iterations";
/// The rate, if it is a number.
const LEARNING_RATE: &str = "keras.learning_rate";
/// The dynamic scale, and the steps since it changed.
const LOSS_SCALE: &str = "keras.loss_scale";
const LOSS_SCALE_STEPS: &str = "keras.loss_scale_steps";
/// Metadata: the class of the optimizer that the state belongs to.
const CLASS: &str = "keras.optimizer.class";

impl KerasOptimizer {
    /// The record of the optimizer's state: what Burn's `ModuleOptimizer` writes, and under
    /// `keras.` the steps, the learning rate unless a schedule gives it, the dynamic loss scale,
    /// averages and sums of gradients. Tensors stand in the order of their parameters' paths, so
    /// equal state gives equal bytes.
    pub fn save_bytes(&self) -> Result<Bytes, SaveError> {
        self.writer()
            .into_bytes()
            .map_err(|error| failed(error, "an optimizer record in memory"))
    }

    /// Writes [`save_bytes`](Self::save_bytes) to a file, which replaces an existing one once it is
    /// complete.
    #[cfg(feature = "std")]
    pub fn save_file(&self, path: impl AsRef<std::path::Path>) -> Result<(), SaveError> {
        let path = path.as_ref();
        let writer = self.writer().auto_extension(false).overwrite(true);
        let result = writer.write_to_file(path);
        result.map_err(|error| failed(error, &path.display().to_string()))
    }

    /// Takes the state that a record in memory holds for the parameters of `module`. See
    /// [`load_file`](Self::load_file).
    pub fn load_bytes<M: Module>(
        &mut self,
        module: &M,
        bytes: impl Into<RecordBytes>,
    ) -> Result<Vec<String>, LoadError> {
        const FROM: &str = "the optimizer record in memory";
        let reader = read(Reader::from_bytes(bytes.into().0), FROM)?;
        self.load(module, reader, FROM)
    }

    /// Takes the state that a file holds for the parameters of `module`, and gives the paths of
    /// those trained parameters that it has no state for: they start anew.
    ///
    /// Records of Burn's `ModuleOptimizer` with a rule of this crate are read too.
    ///
    /// # Errors
    ///
    /// All together, and the optimizer stays as it was: two parameters with one id; state for an
    /// id that the module lacks, or whose parameter has another path; a slot of another shape; a
    /// slot that is missing, or that this configuration does not keep; numbers that do not fit it.
    ///
    /// ```no_run
    /// use burn::module::Module;
    /// use burn_keras_nn::{LoadError, optim::KerasOptimizer};
    ///
    /// # fn resume<M: Module>(optimizer: &mut KerasOptimizer, module: &M) -> Result<(), LoadError> {
    /// let fresh = optimizer.load_file(module, "net.optimizer.bpk")?;
    /// assert!(fresh.is_empty(), "no state for {fresh:?}");
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "std")]
    pub fn load_file<M: Module>(
        &mut self,
        module: &M,
        path: impl AsRef<std::path::Path>,
    ) -> Result<Vec<String>, LoadError> {
        let path = path.as_ref();
        let from = path.display().to_string();
        crate::record::probe(path)?;
        let reader = read(Reader::from_file_exact(path), &from)?;
        self.load(module, reader, &from)
    }

    fn writer(&self) -> Writer {
        let fields = self.config.rule.fields();
        let mut parameters: Vec<_> = self.parameters.iter().collect();
        parameters.sort_by(|a, b| a.1.path.cmp(&b.1.path));
        let mut tensors = Vec::new();
        let mut scalars = Vec::new();
        let mut metadata = self.metadata.clone();
        for (id, parameter) in parameters {
            let prefix = &id.to_string();
            let mut sink = StateSink::default();
            for (slots, fields) in [(&self.slots, fields), (&self.base, BASE)] {
                if let Some(slots) = slots.get(id).filter(|slots| !slots.is_empty()) {
                    slots.flatten(fields, prefix, &mut sink);
                }
            }
            if sink.tensors.is_empty() && sink.scalars.is_empty() {
                continue;
            }
            for (name, data) in sink.tensors {
                let (bytes, shape, dtype) = data.into_parts();
                tensors.push(PackTensor::new(name, dtype, shape, Some(*id), bytes));
            }
            scalars.extend(sink.scalars);
            scalars.push((format!("{prefix}.{RANK}"), Scalar::from(parameter.rank)));
            metadata.insert(prefix.clone(), parameter.path.clone());
        }
        scalars.push((ITERATIONS.into(), Scalar::from(self.iterations)));
        if let LearningRate::Constant(rate) = self.config.learning_rate {
            scalars.push((LEARNING_RATE.into(), Scalar::from(rate)));
        }
        if self.is_dynamic() {
            let DynamicScale { scale, steps } = self.scale;
            scalars.push((LOSS_SCALE.into(), Scalar::from(f64::from(scale))));
            scalars.push((LOSS_SCALE_STEPS.into(), Scalar::from(steps)));
        }
        let mut writer = Writer::new(tensors);
        for (name, value) in scalars {
            writer = writer.with_scalar(&name, value);
        }
        for (name, value) in metadata {
            writer = writer.with_metadata(&name, &value);
        }
        writer
    }

    fn is_dynamic(&self) -> bool {
        matches!(self.config.loss_scale, Some(LossScale::Dynamic { .. }))
    }

    fn load<M: Module>(
        &mut self,
        module: &M,
        reader: Reader,
        from: &str,
    ) -> Result<Vec<String>, LoadError> {
        let paths = duplicate_ids(module);
        if !paths.is_empty() {
            return Err(LoadError::DuplicateIds { paths });
        }
        let mut shapes = Shapes::default();
        module.visit(&mut shapes);
        let mut loading = Loading {
            optimizer: self,
            parameters: BTreeMap::new(),
            shapes: BTreeMap::new(),
            fields: self.config.rule.fields(),
            metadata: reader.metadata().clone(),
            problems: Vec::new(),
        };
        for (id, (path, shape)) in shapes.found {
            let parameter = self.config.parameter(&self.patterns, path, &shape);
            loading.parameters.insert(id, parameter);
            loading.shapes.insert(id, shape);
        }
        let mut scalars = reader.scalars().clone();
        let tensors = reader
            .into_tensors()
            .and_then(|tensors| tensors.into_iter().map(PackTensor::into_parts).collect());
        let mut tensors: Vec<_> = tensors.map_err(|error| LoadError::Unreadable {
            from: from.into(),
            reason: error.to_string(),
        })?;
        loading.adopt(&mut scalars, &mut tensors);

        let present = loading.check(&scalars, &tensors);
        let mut source = StateSource::new(scalars.clone());
        for (name, dtype, shape, _, bytes) in tensors {
            source.insert_tensor(name, TensorData::from_bytes(bytes, shape, dtype));
        }
        let slots = loading.unflatten(loading.fields, &present, &mut source);
        let base = loading.unflatten(BASE, &present, &mut source);
        let globals = loading.globals(&scalars, &slots);
        loading.check_averages(globals.iterations, &slots, &base);
        let Loading {
            parameters,
            metadata,
            problems,
            ..
        } = loading;
        if !problems.is_empty() {
            return Err(LoadError::OptimizerState {
                from: from.into(),
                problems,
            });
        }

        let mut fresh = Fresh {
            slots: &slots,
            ids: Vec::new(),
        };
        module.visit(&mut fresh);
        let fresh = fresh.ids.iter();
        let fresh = fresh.filter_map(|id| {
            let parameter = parameters.get(id)?;
            let wanted = self.config.rule.slots(&self.turn(parameter));
            (!wanted.is_empty()).then(|| parameter.path.clone())
        });
        let fresh = fresh.collect();
        self.iterations = globals.iterations;
        self.scale = globals.scale;
        if let Some(rate) = globals.rate {
            self.config.learning_rate = LearningRate::Constant(rate);
        }
        self.parameters = parameters;
        self.slots = slots;
        self.base = base;
        self.metadata = metadata
            .into_iter()
            .filter(|(key, _)| key.starts_with("keras."))
            .collect();
        Ok(fresh)
    }
}

impl KerasOptimizerConfig {
    /// The optimizer for `module` with the state of a record in memory. See
    /// [`resume_file`](Self::resume_file).
    pub fn resume_bytes<M: Module>(
        &self,
        module: &M,
        bytes: impl Into<RecordBytes>,
    ) -> Result<KerasOptimizer, LoadError> {
        let mut optimizer = self.init(module)?;
        let fresh = optimizer.load_bytes(module, bytes)?;
        all_resumed(optimizer, fresh, "the optimizer record in memory")
    }

    /// The optimizer for `module` with the state of a file, whatever namespace the ids of either
    /// are in: training goes on where it stopped.
    ///
    /// # Errors
    ///
    /// Those of [`init`](Self::init) and [`load_file`](KerasOptimizer::load_file), and a parameter
    /// that is trained and has no state in the file; the module must be on an autodiff device for
    /// that. See [`load_file`](KerasOptimizer::load_file) for state of a part of the module.
    #[cfg(feature = "std")]
    pub fn resume_file<M: Module>(
        &self,
        module: &M,
        path: impl AsRef<std::path::Path>,
    ) -> Result<KerasOptimizer, LoadError> {
        let path = path.as_ref();
        let mut optimizer = self.init(module)?;
        let fresh = optimizer.load_file(module, path)?;
        all_resumed(optimizer, fresh, &path.display().to_string())
    }
}

fn all_resumed(
    optimizer: KerasOptimizer,
    fresh: Vec<String>,
    from: &str,
) -> Result<KerasOptimizer, LoadError> {
    // Before the first step there is no state.
    if fresh.is_empty() || optimizer.iterations == 0 {
        return Ok(optimizer);
    }
    Err(LoadError::OptimizerState {
        from: from.into(),
        problems: fresh
            .into_iter()
            .map(|path| format!("{path}: no state"))
            .collect(),
    })
}

/// A tensor of a record: name, type, shape, id and bytes.
type Parts = (
    String,
    burn::tensor::DType,
    burn::tensor::Shape,
    Option<u64>,
    Bytes,
);

/// What a record says beside the state of parameters.
struct Globals {
    iterations: u64,
    rate: Option<f64>,
    scale: DynamicScale,
}

/// A record on its way into an optimizer.
struct Loading<'a> {
    optimizer: &'a KerasOptimizer,
    parameters: BTreeMap<u64, Parameter>,
    /// In Burn.
    shapes: BTreeMap<u64, Vec<usize>>,
    fields: Fields,
    metadata: BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Loading<'_> {
    /// Gives the state of an instance in another namespace the ids of this one: ids that are not in
    /// the module, and whose paths are.
    fn adopt(&mut self, scalars: &mut BTreeMap<String, Scalar>, tensors: &mut [Parts]) {
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
    fn check(
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

    fn unflatten(
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

    fn globals(
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
    fn check_averages(
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

/// The parameters that are trained and have no state.
struct Fresh<'a> {
    slots: &'a BTreeMap<u64, Slots>,
    ids: Vec<u64>,
}

impl ModuleVisitor for Fresh<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let id = param.id.val();
        if !self.slots.contains_key(&id) && param.val().is_require_grad() {
            self.ids.push(id);
        }
    }
}
