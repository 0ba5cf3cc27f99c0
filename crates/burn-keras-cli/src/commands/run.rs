//! `burn-keras run`.

use crate::Status;
use crate::arguments;
use crate::error::CliError;
use crate::npz::{self, Npz};
use crate::output::{Output, Progress};
use crate::runtime::Runtime;

use super::case;

/// Computes a model's outputs and writes them to a file.
pub fn run(arguments: &arguments::Run, output: &mut Output) -> Result<Status, CliError> {
    let progress = Progress::new();
    progress.show("loading the model");
    let model = Runtime::load(&arguments.model, arguments.device)?;
    let mut npz = Npz::open(&arguments.inputs)?;
    let inputs = case::arrays(&mut npz, "input", &model.input_names())?;
    progress.show("computing");
    let outputs = model.predict(&inputs)?;
    let arrays: Vec<_> = outputs
        .into_iter()
        .enumerate()
        .map(|(at, output)| (format!("output_{at}"), output.shape, output.values))
        .collect();
    npz::write(&arguments.output, &arrays)?;
    drop(progress);
    for ((name, shape, _), layer) in arrays.iter().zip(model.output_names()) {
        output.line(format_args!("{name} {layer} {shape:?}"))?;
    }
    Ok(Status::Done)
}
