//! Fine-tunes an imported Keras model: its layers are frozen, and a new head learns another task,
//! with Burn's training dashboard.
//!
//! ```sh
//! cargo run --release --manifest-path examples/fine-tune/Cargo.toml
//! ```
//!
//! The data are made up: two recordings of 32 steps and 4 channels, and whether the first is the
//! louder one.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use burn::data::dataloader::{DataLoader, DataLoaderBuilder, batcher::Batcher};
use burn::data::dataset::InMemDataset;
use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{
    ClassificationOutput, InferenceStep, Learner, SupervisedTraining, TrainOutput, TrainStep,
};
use burn_keras_nn::optim::AdamConfig;
use burn_keras_nn::record;

mod branches_k3 {
    include!(concat!(env!("OUT_DIR"), "/model/branches_k3.rs"));
}
use branches_k3::BranchesK3;

const STEPS: usize = 32;
const CHANNELS: usize = 4;
/// What the Keras model gives.
const FEATURES: usize = 3;

/// The Keras model, and a head for another task.
#[derive(Module, Debug)]
struct Classifier {
    body: BranchesK3,
    head: Linear,
}

impl Classifier {
    fn new(device: &Device) -> Result<Self, Box<dyn Error>> {
        let weights = concat!(env!("OUT_DIR"), "/model/branches_k3.bpk");
        Ok(Self {
            // frozen as with Keras's `trainable = False`: batch statistics stay too
            body: BranchesK3::from_file(weights, device)?.freeze(),
            head: LinearConfig::new(FEATURES, 2).init(device),
        })
    }

    fn forward(&self, batch: Batch) -> ClassificationOutput {
        let features = self.body.forward(batch.left, batch.right);
        let output = self.head.forward(features);
        let loss = CrossEntropyLossConfig::new()
            .init(&output.device())
            .forward(output.clone(), batch.targets.clone());
        ClassificationOutput::new(loss, output, batch.targets)
    }
}

impl TrainStep for Classifier {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> TrainOutput<ClassificationOutput> {
        let item = self.forward(batch);
        TrainOutput::new(self, item.loss.backward(), item)
    }
}

impl InferenceStep for Classifier {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> ClassificationOutput {
        self.forward(batch)
    }
}

/// Two recordings, and whether the first is the louder one.
#[derive(Clone, Debug)]
struct Sample {
    left: Vec<f32>,
    right: Vec<f32>,
    label: i32,
}

#[derive(Clone, Debug)]
struct Batch {
    left: Tensor<3>,
    right: Tensor<3>,
    targets: Tensor<1, Int>,
}

struct Recordings;

impl Batcher<Sample, Batch> for Recordings {
    fn batch(&self, samples: Vec<Sample>, device: &Device) -> Batch {
        let count = samples.len();
        let side = |of: fn(&Sample) -> &Vec<f32>| {
            let values: Vec<f32> = samples.iter().flat_map(of).copied().collect();
            Tensor::from_data(TensorData::new(values, [count, STEPS, CHANNELS]), device)
        };
        let labels: Vec<i32> = samples.iter().map(|sample| sample.label).collect();
        Batch {
            left: side(|sample| &sample.left),
            right: side(|sample| &sample.right),
            targets: Tensor::from_data(TensorData::new(labels, [count]), device),
        }
    }
}

/// Made-up recordings.
fn samples(count: usize, device: &Device) -> Result<Vec<Sample>, Box<dyn Error>> {
    let size = STEPS * CHANNELS;
    let noise = Tensor::<2>::random([2 * count, size], Distribution::Normal(0.0, 1.0), device);
    let noise = noise.into_data().try_into_vec_as::<f32>()?;
    let sides = noise.chunks(size).collect::<Vec<_>>();
    let pairs = sides.chunks(2).enumerate();
    let samples = pairs.map(|(index, pair)| {
        let label = (index % 2) as i32;
        let louder = |side: &[f32], by: f32| side.iter().map(|x| x * by).collect();
        let (left, right) = if label == 1 { (2.0, 0.5) } else { (0.5, 2.0) };
        Sample {
            left: louder(pair[0], left),
            right: louder(pair[1], right),
            label,
        }
    });
    Ok(samples.collect())
}

fn loader(count: usize, device: &Device) -> Result<Arc<dyn DataLoader<Batch>>, Box<dyn Error>> {
    let plain = device.clone().without_autodiff();
    Ok(DataLoaderBuilder::new(Recordings)
        .batch_size(16)
        .shuffle(7)
        .set_device(device.clone())
        .build(InMemDataset::new(samples(count, &plain)?)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::flex().autodiff();
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "fine-tuned".into()));
    std::fs::create_dir_all(&folder)?;

    // Keras's Adam, where Burn takes an optimizer
    let optimizer = AdamConfig::new().init();
    let learner = Learner::new(Classifier::new(&device)?, optimizer, 1e-2);
    let valid = device.clone().without_autodiff();
    let training = SupervisedTraining::new(&folder, loader(512, &device)?, loader(128, &valid)?)
        .metrics((LossMetric::new(), AccuracyMetric::new()))
        .num_epochs(5)
        .summary();
    let result = training.launch(learner);

    let weights = folder.join("classifier.bpk");
    record::save_file(&result.model, &weights)?;
    println!("{}", weights.display());
    Ok(())
}
