//! Training that goes on where Keras stopped: the cases of `fixtures/resume`, and how a run in Burn
//! is held against them. `make_resume.py` describes the arrays.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::store::burn_pack::{Bytes, Reader, Scalar};
use burn::tensor::Device;
use burn_keras::{Model, Value};
use burn_keras_import::Plan;
use burn_keras_import::lower::lower;
use burn_keras_import::plan::Parameter;
use burn_keras_import::record::{Layout, layout, permute};
use burn_keras_nn::loss::Target;
use burn_keras_nn::optim::{KerasOptimizer, OptimizerConfig};
use burn_keras_nn::training::Targets;
use keras_ir::{Graph, ReadOptions, read};

use crate::arrays::{Array, Npz};
use crate::backend::Backend;

/// How many steps Keras made after it saved.
pub const STEPS: usize = 10;

/// Relative to the largest value of a tensor: what a run in Burn may be off.
const LIMIT: f64 = 1e-5;

/// Where float32 is further from float64 in Keras itself, so many times that may be off.
fn noise(backend: Backend) -> f64 {
    match backend {
        Backend::Flex | Backend::NdArray => 3.0,
        // Sums run in another order again there.
        Backend::Wgpu => 4.0,
    }
}

/// What a sum of gradients around 1 in float32 may be off, where the true sum is 0: the bias in
/// front of a BatchNormalization.
const ROUNDING: f64 = 5e-8;

/// A saved model, and what the same run in Keras did after that.
pub struct Case {
    /// The file's name.
    pub name: String,
    /// The saved model.
    pub path: PathBuf,
    /// The model as it was read.
    pub graph: Graph,
    /// Its plan.
    pub plan: Plan,
    steps: Npz,
    batches: Npz,
}

/// Where the cases are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/resume")
}

/// All saved models with state, in the order of their names.
///
/// Without those of which a file does not tell how they went on: whether tf.keras ran eagerly
/// (`.h5`), which decides its Nadam; and without masks in batch statistics, which are told.
pub fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let end = path.extension().and_then(|end| end.to_str());
            // Keras saves no state of legacy optimizers in archives.
            let is_legacy = path
                .file_stem()
                .is_some_and(|stem| stem.to_string_lossy().ends_with("_legacy"));
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            matches!(end, Some("h5" | "keras"))
                && !(is_legacy && end == Some("keras"))
                && name != "nadam_eager_k2.h5"
                && !name.starts_with("norms_masked")
        })
        .collect();
    files.sort();
    files
}

impl Case {
    /// Reads the model at `path` and the run that went on from there.
    pub fn read(path: &Path) -> Self {
        Self::read_as(path, "net")
    }

    /// [`read`](Self::read), with another name for the model.
    pub fn read_as(path: &Path, name: &str) -> Self {
        let graph = read(path, ReadOptions::default()).unwrap_or_else(|report| panic!("{report}"));
        let plan = lower(&graph, name).unwrap_or_else(|report| panic!("{report}"));
        Self {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            steps: Npz::open(&path.with_extension("steps.npz")),
            batches: Npz::open(&path.with_file_name("batches.npz")),
            path: path.to_owned(),
            graph,
            plan,
        }
    }

    /// An array of a batch: of the case's own, or of those that all cases share.
    fn batch(&self, name: &str) -> Option<&Array> {
        let has_own = self.steps.names().any(|name| name.starts_with("x0_"));
        if has_own { &self.steps } else { &self.batches }.get(name)
    }

    /// The inputs of a step.
    pub fn inputs(&self, step: usize, device: &Device) -> Vec<Value> {
        let names = self.graph.input_names(self.graph.root());
        let inputs = names.iter().map(|name| {
            let array = self.batch(&format!("x{step}_{name}"));
            array.unwrap_or_else(|| panic!("{}: no x{step}_{name}", self.name))
        });
        inputs.map(|array| array.value(device)).collect()
    }

    /// The targets of a step, with their weights.
    pub fn targets(&self, step: usize, device: &Device) -> Targets {
        let mut targets = Targets::new();
        for name in self.graph.output_names(self.graph.root()) {
            let Some(array) = self.batch(&format!("y{step}_{name}")) else {
                continue; // an output without a loss
            };
            let target = target(array.value(device));
            targets = match self.batch(&format!("w{step}_{name}")) {
                None => targets.with(target),
                Some(weights) => match weights.value(device) {
                    Value::Float(burn_keras::Ranked::R1(w)) => targets.with_weighted(target, w),
                    Value::Float(burn_keras::Ranked::R2(w)) => targets.with_weighted(target, w),
                    other => panic!("weights {other}"),
                },
            };
        }
        targets
    }

    /// The loss that Keras has in each step.
    pub fn losses(&self) -> Vec<f64> {
        self.steps.array("loss").values()
    }

    /// What else Keras reports in each step, by name.
    pub fn metrics(&self) -> BTreeMap<String, Vec<f64>> {
        let names = self.steps.names().filter_map(|name| {
            let metric = name.strip_prefix("metric/")?;
            Some((metric.to_owned(), self.steps.array(name).values()))
        });
        names.collect()
    }

    /// The model and its optimizer as Keras saved them.
    pub fn start(&self, device: &Device) -> (Model, KerasOptimizer) {
        let model = Model::from_graph(&self.graph, &self.plan.name, device).unwrap();
        let optimizer = model
            .optimizer_of(&self.graph)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        (model, optimizer)
    }

    /// Runs all steps, and says where losses and metrics are not Keras's.
    pub fn run(
        &self,
        mut model: Model,
        optimizer: &mut KerasOptimizer,
        failures: &mut Vec<String>,
    ) -> Model {
        let device = model.device();
        let compiled = model.compiled().unwrap_or_else(|error| {
            panic!("{}: {error}\n{}", self.name, self.plan.notes.join("\n"))
        });
        let (losses, expected) = (self.losses(), self.metrics());
        for step in 0..STEPS {
            let predictions = model.predictions(self.inputs(step, &device)).unwrap();
            let targets = self.targets(step, &device);
            let mut metrics = compiled.metrics();
            metrics.update(&predictions, &targets).unwrap();
            let found: BTreeMap<String, Vec<f64>> = metrics.results().into_iter().collect();
            let of_loss = ("loss", losses[step]);
            let of_metrics = expected.iter();
            let of_metrics = of_metrics.map(|(name, values)| (name.as_str(), values[step]));
            for (name, keras) in std::iter::once(of_loss).chain(of_metrics) {
                let value = found.get(name).map(|values| values[0]);
                let equal = value.is_some_and(|value| {
                    value == keras || (value - keras).abs() <= 2e-5 * keras.abs().max(1.0)
                });
                if !equal {
                    let name = format!("{} step {step} {name}", self.name);
                    failures.push(format!("{name}: {value:?}, Keras has {keras}"));
                }
            }
            let loss = compiled.loss(&predictions, &targets).unwrap();
            let loss = optimizer.scale_loss(loss);
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            model = optimizer.step(model, gradients);
        }
        model
    }

    /// Holds what Burn saves after some steps against what importing writes: paths, slots, shapes,
    /// types, ranks and ids of both records; and loads it on flex, whatever backend saved it.
    pub fn check_records(
        &self,
        model: &Model,
        optimizer: &KerasOptimizer,
        failures: &mut Vec<String>,
    ) {
        let mut hold = |kind: &str, found: Layout, expected: Layout| {
            let found = found.like(&expected).to_string();
            if found != expected.to_string() {
                let name = &self.name;
                failures.push(format!("{name} {kind}:\n{found}Imported:\n{expected}"));
            }
        };
        let weights = burn_keras_nn::record::to_bytes(&model.valid()).unwrap();
        let found = layout::of_weights_bytes(&weights).unwrap();
        hold("weights", found, layout::of_weights(&self.plan));
        let state = optimizer.save_bytes().unwrap();
        let imported = self.graph.optimizer.as_ref().unwrap().as_ref().unwrap();
        let mut expected = layout::of_optimizer(&self.plan, &self.graph, imported);
        let mut found = layout::of_optimizer_bytes(&state).unwrap();
        // Sums of gradients are there between two steps that apply them.
        for layout in [&mut expected, &mut found] {
            layout
                .entries
                .retain(|entry| entry.field.as_deref() != Some("keras.gradient_accumulator"));
        }
        hold("optimizer", found, expected);

        let flex = Device::flex().autodiff();
        let again = Model::from_graph(&self.graph, &self.plan.name, &flex).unwrap();
        let again = again.load_record_bytes(weights.to_vec()).unwrap();
        let optimizer = again.optimizer_from_bytes(state.to_vec()).unwrap();
        let same = burn_keras_nn::record::to_bytes(&again.valid()).unwrap();
        if tensors(&same) != tensors(&weights) {
            failures.push(format!("{}: other weights after loading", self.name));
        }
        if tensors(&optimizer.save_bytes().unwrap()) != tensors(&state) {
            failures.push(format!("{}: another state after loading", self.name));
        }
    }

    /// Says where parameters, batch statistics and slots are not those that Keras has after all
    /// steps.
    pub fn compare(
        &self,
        model: &Model,
        optimizer: &KerasOptimizer,
        backend: Backend,
        failures: &mut Vec<String>,
    ) {
        let times = noise(backend);
        let weights = tensors(&burn_keras_nn::record::to_bytes(&model.valid()).unwrap());
        for parameter in &self.plan.parameters {
            let Some((path, expected)) = self.expected("after", parameter, None) else {
                failures.push(format!("{}: no {}", self.name, parameter.keras_path));
                continue;
            };
            let found = &weights[&parameter.path];
            self.hold(&path, found, &expected, times, failures);
        }
        let record = optimizer.save_bytes().unwrap();
        let state = tensors(&record);
        let mut seen = 0;
        for parameter in self.plan.parameters.iter().filter(|p| p.trained) {
            let id = parameter.id(&self.plan.name);
            for (slot, field) in slots(optimizer) {
                let Some(found) = state.get(&format!("{id}.{field}")) else {
                    continue;
                };
                seen += usize::from(found.iter().any(|value| *value != 0.0));
                let expected = self.expected("after_state", parameter, Some(slot));
                match expected {
                    Some((path, expected)) => self.hold(&path, found, &expected, times, failures),
                    None => failures.push(format!(
                        "{}: no {} {slot} in Keras",
                        self.name, parameter.keras_path
                    )),
                }
            }
        }
        let names = self
            .steps
            .names()
            .filter(|name| name.starts_with("after_state/") && name.matches('/').count() > 2);
        // Adafactor of Keras 3 keeps scalars for what is no matrix.
        let expected = names.filter(|name| {
            let array = self.steps.array(name);
            !array.shape().is_empty() && array.values().iter().any(|value| *value != 0.0)
        });
        let expected = match &optimizer.config().rule {
            // tf.keras keeps a slot even so, which decides nothing.
            OptimizerConfig::Sgd(sgd) if sgd.momentum == 0.0 => 0,
            _ => expected.count(),
        };
        if expected != seen {
            failures.push(format!("{}: {seen} slots, Keras has {expected}", self.name));
        }
        self.scalars(&record, failures);
    }

    fn scalars(&self, record: &[u8], failures: &mut Vec<String>) {
        let reader = Reader::from_bytes(Bytes::from_bytes_vec(record.to_vec())).unwrap();
        for (name, key) in [
            ("iterations", "keras.iterations"),
            ("learning_rate", "keras.learning_rate"),
            ("dynamic_scale", "keras.loss_scale"),
            ("step_counter", "keras.loss_scale_steps"),
        ] {
            let Some(expected) = self.steps.get(&format!("after_state/{name}")) else {
                continue;
            };
            // tf.keras does not save its loss scale, which starts anew.
            if key.starts_with("keras.loss_scale") && !self.graph.generation.is_keras3() {
                continue;
            }
            let expected = expected.values()[0];
            let found = reader.scalars().get(key).map(|value| match value {
                Scalar::Float(value) => *value,
                Scalar::UInt(value) => *value as f64,
                Scalar::Int(value) => *value as f64,
                Scalar::Bool(_) => f64::NAN,
            });
            if !found.is_some_and(|found| (found - expected).abs() <= 1e-6 * expected.abs()) {
                failures.push(format!(
                    "{} {name}: {found:?}, Keras has {expected}",
                    self.name
                ));
            }
        }
    }

    /// An array of Keras in Burn's layout, and its name without what stands in front.
    fn expected(
        &self,
        kind: &str,
        parameter: &Parameter,
        slot: Option<&str>,
    ) -> Option<(String, Vec<f64>)> {
        let parts: Vec<&str> = parameter.keras_path.split('/').collect();
        // Models around a layer are not in the name, nor is what a wrapper wraps.
        let of_layer = (0..parts.len()).map(|from| parts[from..].join("/"));
        let last = parts[parts.len() - 1];
        let of_wrapper = parts.iter().map(|part| format!("{part}/{last}"));
        let names = of_layer.chain(of_wrapper).map(|name| match slot {
            None => name,
            Some(slot) => format!("{name}/{slot}"),
        });
        let (name, array) = names
            .filter_map(|name| Some((name.clone(), self.steps.get(&format!("{kind}/{name}"))?)))
            .next()?;
        let values = array.values();
        let moved = !matches!(slot, Some("r" | "c"));
        let axes = parameter.param.source.transform.permutation();
        let values = match axes.filter(|_| moved) {
            Some(axes) => permute(&values, &array.shape(), axes),
            None => values,
        };
        Some((name, values))
    }

    fn hold(
        &self,
        name: &str,
        found: &[f64],
        expected: &[f64],
        times: f64,
        failures: &mut Vec<String>,
    ) {
        let kind = ["noise", "noise_state"]
            .iter()
            .find_map(|kind| self.steps.get(&format!("{kind}/{name}")));
        let noise = kind.map_or(0.0, |noise| noise.values()[0]);
        let largest = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        let limit = (LIMIT * largest).max(times * noise).max(ROUNDING);
        let pairs = found.iter().zip(expected);
        let off = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if found.len() != expected.len() {
            let (a, b) = (found.len(), expected.len());
            failures.push(format!("{} {name}: {a} values, Keras has {b}", self.name));
        } else if off.is_nan() || off > limit {
            failures.push(format!(
                "{} {name}: off by {off:.1e} of {largest:.1e}, the limit is {limit:.1e}",
                self.name
            ));
        }
    }
}

/// The slots of an optimizer and their fields in its record.
fn slots(optimizer: &KerasOptimizer) -> Vec<(&'static str, &'static str)> {
    let fields = optimizer.config().rule.fields().slots.iter();
    let fields = fields.map(|field| (field.slot, field.field));
    let base = [
        ("average", "keras.average"),
        ("gradient_accumulator", "keras.gradient_accumulator"),
    ];
    fields.chain(base).collect()
}

/// The tensors of a record.
pub fn tensors(record: &[u8]) -> BTreeMap<String, Vec<f64>> {
    let reader = Reader::from_bytes(Bytes::from_bytes_vec(record.to_vec())).unwrap();
    let tensors = reader.into_tensors().unwrap().into_iter();
    tensors
        .map(|tensor| {
            let name = tensor.name.clone();
            let bytes = tensor.to_bytes().unwrap();
            let (floats, _) = bytes.as_chunks::<4>();
            let floats = floats
                .iter()
                .map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
            (name, floats.collect())
        })
        .collect()
}

fn target(value: Value) -> Target {
    use burn_keras::Ranked::{R1, R2, R3, R4};
    match value {
        Value::Float(R1(t)) => t.into(),
        Value::Float(R2(t)) => t.into(),
        Value::Float(R3(t)) => t.into(),
        Value::Float(R4(t)) => t.into(),
        Value::Int(R1(t)) => t.into(),
        Value::Int(R2(t)) => t.into(),
        other => panic!("a target {other}"),
    }
}
