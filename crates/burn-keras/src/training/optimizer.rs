//! The optimizer that a model was compiled with.

use std::path::Path;

use burn::tensor::Device;
use burn_keras_import::{Plan, record};
use burn_keras_nn::LoadError;
use burn_keras_nn::optim::{
    AdadeltaConfig, AdafactorConfig, AdagradConfig, AdamConfig, AdamaxConfig, Ema, FtrlConfig,
    KerasOptimizer, KerasOptimizerConfig, LambConfig, LearningRate, LionConfig, MuonConfig,
    NadamConfig, OptimizerConfig, RmsPropConfig, SgdConfig, Variable,
};
use burn_keras_nn::record::RecordBytes;
use keras_ir::{Graph, Report};
use serde_json::{Map, Value};

use super::config;
use crate::{Error, LoadOptions, Model};

impl Model {
    /// Loads a saved Keras model and its optimizer: training goes on where Keras stopped, or begins
    /// if the model was compiled and never trained.
    ///
    /// ```no_run
    /// use burn::optim::GradientsParams;
    /// use burn::tensor::{Device, Tensor};
    /// use burn_keras::{LoadOptions, Model};
    ///
    /// # fn batches() -> Vec<(Tensor<2>, Tensor<2>)> { Vec::new() }
    /// let device = Device::flex().autodiff();
    /// let options = LoadOptions::default();
    /// let (mut model, mut optimizer) = Model::load_for_training("net.keras", &options, &device)?;
    /// for (x, y) in batches() {
    ///     let loss = optimizer.scale_loss(model.loss(vec![x.into()], y)?);
    ///     let gradients = GradientsParams::from_grads(loss.backward(), &model);
    ///     model = optimizer.step(model, gradients);
    /// }
    /// model.save_record_file("net.bpk")?;
    /// # Ok::<(), burn_keras::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`load_with`](Self::load_with) and [`optimizer`](Self::optimizer); state that does not
    /// fit the model.
    pub fn load_for_training(
        path: impl AsRef<Path>,
        options: &LoadOptions,
        device: &Device,
    ) -> Result<(Self, KerasOptimizer), Error> {
        let graph = keras_ir::read(path.as_ref(), options.read.clone())?;
        let model = Self::of_graph(&graph, path.as_ref(), options, device)?;
        let optimizer = model.optimizer_of(&graph)?;
        Ok((model, optimizer))
    }

    /// The optimizer of this model with the state that `graph` holds, of which the model was made.
    ///
    /// # Errors
    ///
    /// As [`optimizer`](Self::optimizer); state that does not fit the model.
    pub fn optimizer_of(&self, graph: &Graph) -> Result<KerasOptimizer, Error> {
        let state = graph.optimizer.as_ref().map_err(|problems| Report {
            file: graph.file.clone(),
            problems: problems.clone(),
        })?;
        let plan: &Plan = self.plan();
        let record = match state {
            Some(state) => record::optimizer(plan, graph, state)?,
            None => None,
        };
        match record {
            Some(record) => self.optimizer_from_bytes(record.into_bytes()?),
            None => self.optimizer(),
        }
    }

    /// What the optimizer is that the model was compiled with.
    ///
    /// # Errors
    ///
    /// A model that was not compiled, or whose optimizer is not understood: the plan's notes say
    /// why.
    pub fn optimizer_config(&self) -> Result<KerasOptimizerConfig, Error> {
        let config = self.training()?.optimizer.as_ref();
        config::value(config.ok_or_else(|| self.not_compiled("optimizer"))?)
    }

    /// The optimizer that the model was compiled with, before its first step.
    ///
    /// # Errors
    ///
    /// As [`optimizer_config`](Self::optimizer_config).
    pub fn optimizer(&self) -> Result<KerasOptimizer, Error> {
        let optimizer = self.optimizer_config()?.init(self);
        Ok(optimizer.map_err(LoadError::from)?)
    }

    /// The optimizer with the state of a record: one that the importer wrote, or one that was saved
    /// after training. The model must be on an autodiff device.
    ///
    /// # Errors
    ///
    /// As [`optimizer_config`](Self::optimizer_config); a record that does not hold the state of
    /// every parameter that is trained, or of others.
    pub fn optimizer_from_file(&self, path: impl AsRef<Path>) -> Result<KerasOptimizer, Error> {
        Ok(self.optimizer_config()?.resume_file(self, path)?)
    }

    /// [`optimizer_from_file`](Self::optimizer_from_file), from memory.
    ///
    /// # Errors
    ///
    /// As [`optimizer_from_file`](Self::optimizer_from_file).
    pub fn optimizer_from_bytes(
        &self,
        bytes: impl Into<RecordBytes>,
    ) -> Result<KerasOptimizer, Error> {
        Ok(self.optimizer_config()?.resume_bytes(self, bytes)?)
    }
}

/// The fields of a configuration as its `new` leaves them.
pub(super) fn defaults(ty: &str) -> Result<Map<String, Value>, Error> {
    match ty {
        "AdadeltaConfig" => config::fields(&AdadeltaConfig::new()),
        "AdafactorConfig" => config::fields(&AdafactorConfig::new()),
        "AdagradConfig" => config::fields(&AdagradConfig::new()),
        "AdamConfig" => config::fields(&AdamConfig::new()),
        "AdamaxConfig" => config::fields(&AdamaxConfig::new()),
        "FtrlConfig" => config::fields(&FtrlConfig::new()),
        "LambConfig" => config::fields(&LambConfig::new()),
        "LionConfig" => config::fields(&LionConfig::new()),
        "MuonConfig" => config::fields(&MuonConfig::new()),
        "NadamConfig" => config::fields(&NadamConfig::new()),
        "RmsPropConfig" => config::fields(&RmsPropConfig::new()),
        "SgdConfig" => config::fields(&SgdConfig::new()),
        "Ema" => config::fields(&Ema::new()),
        "Variable" => config::fields(&Variable::new()),
        "KerasOptimizerConfig" => {
            let rule = OptimizerConfig::Sgd(SgdConfig::new());
            let rate = LearningRate::Constant(0.0);
            config::fields(&KerasOptimizerConfig::new(rule, rate))
        }
        ty => Err(Error::Data(format!("{ty} is no configuration"))),
    }
}
