//! A Keras model at run time.

mod module;
mod options;
mod predict;

use std::path::Path;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use burn_keras_import::{Plan, lower, names, record};
use burn_keras_nn::record::RecordBytes;
use burn_keras_nn::{Scope, stable_ids};
use keras_ir::Graph;
use keras_ir::shape::Spec;

use crate::layer::Submodel;
use crate::program::Program;
use crate::{Error, build};

pub use options::LoadOptions;

/// What a model takes or gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Keras's name: that of the input layer, of the layer that makes the output, or the key of a
    /// dict of outputs.
    pub name: String,
    /// Shape (batch axis first) and kind.
    pub spec: Spec,
}

/// The bodies of the outermost model: a call by itself, and one that goes on from states.
const FORWARD: usize = 0;
const WITH_STATE: usize = 1;

/// A Keras model that is interpreted: the plan behind generated source, run step by step.
///
/// It computes what generated source computes, to the bit, and is a Burn module with the same
/// parameter paths: the same records and optimizers fit both.
///
/// ```no_run
/// use burn::tensor::{Device, Tensor};
/// use burn_keras::Model;
///
/// let device = Device::flex();
/// let model = Model::load("siamese.h5", &device)?;
/// let left = Tensor::<2>::zeros([1, 12], &device);
/// let scores = model.predict([left.clone(), left])?;
/// println!("{}", scores[0]);
/// # Ok::<(), burn_keras::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    program: Arc<Program>,
    inputs: Arc<[Port]>,
    outputs: Arc<[Port]>,
    states: Arc<[Port]>,
    namespace: String,
    root: Submodel,
    /// Where a model without parameters runs.
    device: Device,
}

impl Model {
    /// Loads a saved Keras model, weights included.
    ///
    /// # Errors
    ///
    /// A report of everything in the file that cannot be imported, with all problems at once.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, Error> {
        Self::load_with(path, &LoadOptions::default(), device)
    }

    /// [`load`](Self::load) with options.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_with(
        path: impl AsRef<Path>,
        options: &LoadOptions,
        device: &Device,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let graph = keras_ir::read(path, options.read.clone())?;
        Self::of_graph(&graph, path, options, device)
    }

    /// The model of the graph that was read from `path`.
    pub(crate) fn of_graph(
        graph: &Graph,
        path: &Path,
        options: &LoadOptions,
        device: &Device,
    ) -> Result<Self, Error> {
        let name = options.name.clone().unwrap_or_else(|| {
            let stem = path.file_stem().unwrap_or_default();
            names::module_name(&stem.to_string_lossy())
        });
        let namespace = options.namespace.as_deref().unwrap_or(&name);
        Self::with_weights(graph, &name, namespace, device)
    }

    /// A model of a graph that was read before, and perhaps changed since, with its weights.
    ///
    /// ```no_run
    /// use burn::tensor::Device;
    /// use burn_keras::{Model, keras_ir};
    ///
    /// let graph = keras_ir::read("siamese.h5", keras_ir::ReadOptions::default())?;
    /// let model = Model::from_graph(&graph, "siamese", &Device::flex())?;
    /// # Ok::<(), burn_keras::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A report of everything that cannot be imported.
    pub fn from_graph(graph: &Graph, name: &str, device: &Device) -> Result<Self, Error> {
        Self::with_weights(graph, name, name, device)
    }

    fn with_weights(
        graph: &Graph,
        name: &str,
        namespace: &str,
        device: &Device,
    ) -> Result<Self, Error> {
        let plan = lower::lower(graph, name)?;
        let weights = record::weights(&plan, graph)?.into_bytes()?;
        let model = Self::from_plan(Arc::new(plan), namespace, device)?;
        model.load_record_bytes(weights)
    }

    /// The module of a plan, with fresh parameters: a record comes next.
    ///
    /// # Errors
    ///
    /// A plan whose references lead nowhere, or with tensors of more than 6 axes.
    pub fn from_plan(plan: Arc<Plan>, namespace: &str, device: &Device) -> Result<Self, Error> {
        let program = Program::new(Arc::clone(&plan))?;
        let root = build::model(&plan, plan.root_index(), &Scope::new(namespace), device)?;
        let body = &plan.root().bodies[0];
        let inputs = body.inputs.iter().zip(&body.input_names);
        let inputs = inputs.map(|(id, name)| Port {
            name: name.clone(),
            spec: body.value(*id).spec.clone(),
        });
        let outputs = body.outputs.iter().map(|output| Port {
            name: output.keras_name.clone(),
            spec: body.value(output.value).spec.clone(),
        });
        let with_state = plan.root().bodies.get(WITH_STATE);
        let states = with_state.into_iter().flat_map(|body| {
            body.states.iter().map(|state| Port {
                name: state.name.clone(),
                spec: body.value(state.input).spec.clone(),
            })
        });
        Ok(Self {
            program: Arc::new(program),
            inputs: inputs.collect(),
            outputs: outputs.collect(),
            states: states.collect(),
            namespace: namespace.to_owned(),
            root: stable_ids(root, namespace),
            device: device.clone(),
        })
    }

    /// Loads a weights record from a file: one that the importer wrote beside the source, or one
    /// that was saved after training.
    ///
    /// # Errors
    ///
    /// A record of another model, or one that does not fit in every path, shape and type.
    pub fn load_record_file(self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let digest = self.plan().digest();
        self.with_record(|root| burn_keras_nn::record::load_file(root, path, &digest))
    }

    /// Loads a weights record from memory; see [`load_record_file`](Self::load_record_file).
    ///
    /// # Errors
    ///
    /// As [`load_record_file`](Self::load_record_file).
    pub fn load_record_bytes(self, bytes: impl Into<RecordBytes>) -> Result<Self, Error> {
        let digest = self.plan().digest();
        self.with_record(|root| burn_keras_nn::record::load_bytes(root, bytes, &digest))
    }

    fn with_record(
        self,
        load: impl FnOnce(Submodel) -> Result<Submodel, burn_keras_nn::LoadError>,
    ) -> Result<Self, Error> {
        let root = load(self.root)?;
        // A record brings the ids of the namespace that it was written in.
        let root = stable_ids(root, &self.namespace);
        Ok(Self { root, ..self })
    }

    /// Writes the parameters to a record: the same parameters give the same bytes, which Burn's own
    /// `save_file` does not promise.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn save_record_file(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        Ok(burn_keras_nn::record::save_file(&self.root, path)?)
    }

    /// The plan that is run.
    pub fn plan(&self) -> &Plan {
        &self.program.plan
    }

    /// The modules.
    pub fn root(&self) -> &Submodel {
        &self.root
    }

    /// The namespace of the parameters' ids.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What the model takes, in Keras's order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What the model gives, in Keras's order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// The states that stateful layers carry from one call to the next.
    pub fn states(&self) -> &[Port] {
        &self.states
    }

    /// The names of the inputs, in Keras's order.
    pub fn input_names(&self) -> Vec<&str> {
        self.inputs.iter().map(|port| port.name.as_str()).collect()
    }

    /// The names of the outputs, in Keras's order.
    pub fn output_names(&self) -> Vec<&str> {
        self.outputs.iter().map(|port| port.name.as_str()).collect()
    }

    /// The device on which the model runs.
    pub fn device(&self) -> Device {
        let devices = self.root.devices();
        devices
            .into_iter()
            .next()
            .unwrap_or_else(|| self.device.clone())
    }
}
