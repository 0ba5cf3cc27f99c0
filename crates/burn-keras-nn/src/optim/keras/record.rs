//! Records of a whole optimizer: those of Burn's `ModuleOptimizer`, and what is global beside them.

mod loading;

use alloc::{
    collections::BTreeMap,
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

use super::{BASE, DynamicScale, KerasOptimizer, Shapes};
use crate::{
    ids::duplicate_ids,
    optim::{
        config::{KerasOptimizerConfig, LossScale},
        record::failed,
        rule::Slots,
        schedule::LearningRate,
    },
    record::{LoadError, RecordBytes, SaveError, read},
};
use loading::Loading;

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
