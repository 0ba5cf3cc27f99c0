//! The generated source of every sample and fixture, as the build script writes it.

use std::error::Error;
use std::vec::IntoIter;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Bytes, Device};
use burn_keras::Value;
use burn_keras_nn::record;
use burn_keras_nn::training::Targets;

/// A generated model: its Keras file, and an adapter that runs it from a record.
pub struct Source {
    /// The Keras file.
    pub path: &'static str,
    /// The name that it was generated under.
    pub name: &'static str,
    /// From a weights record and inputs to outputs.
    pub run: Run,
    /// For a model with states: from a record, a batch size and the inputs of several calls to the
    /// outputs of each, the first call from zeros and each other one from what the one before left.
    pub run_on: Option<RunOn>,
}

/// What [`Source::run`] is.
pub type Run = fn(Bytes, IntoIter<Value>, &Device) -> Result<Vec<Value>, Box<dyn Error>>;

/// What [`Source::run_on`] is.
pub type RunOn =
    fn(Bytes, usize, Vec<IntoIter<Value>>, &Device) -> Result<Vec<Vec<Value>>, Box<dyn Error>>;

/// A generated model that goes on with the training of a Keras model.
pub struct Trained {
    /// The Keras file.
    pub path: &'static str,
    /// The name that it was generated under.
    pub name: &'static str,
    /// From a weights record, an optimizer record and batches to both records after as many steps.
    pub train: Train,
}

/// What [`Trained::train`] is.
pub type Train = fn(
    Bytes,
    Bytes,
    Vec<(IntoIter<Value>, Targets)>,
    &Device,
) -> Result<(Bytes, Bytes), Box<dyn Error>>;

include!(concat!(env!("OUT_DIR"), "/sources.rs"));
include!(concat!(env!("OUT_DIR"), "/trained.rs"));

fn next<T: TryFrom<Value>>(inputs: &mut IntoIter<Value>) -> Result<T, Box<dyn Error>> {
    let value = inputs.next().ok_or("too few inputs")?;
    T::try_from(value).map_err(|_| "an input of another rank or kind".into())
}
