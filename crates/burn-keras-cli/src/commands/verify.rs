//! `burn-keras verify`.

use crate::Status;
use crate::arguments;
use crate::compare::{Comparison, Tolerance};
use crate::error::CliError;
use crate::npz::Npz;
use crate::output::{Output, Progress};
use crate::runtime::Runtime;

use super::case;

/// Compares a model's outputs with those that Keras computed.
pub fn verify(arguments: &arguments::Verify, output: &mut Output) -> Result<Status, CliError> {
    let progress = Progress::new();
    progress.show("loading the model");
    let model = Runtime::load(&arguments.model, arguments.device)?;
    let mut npz = Npz::open(&arguments.case)?;
    let inputs = case::arrays(&mut npz, "input", &model.input_names())?;
    let references = case::arrays(&mut npz, "output", &model.output_names())?;
    progress.show("computing");
    let outputs = model.predict(&inputs)?;
    drop(progress);
    let tolerance = Tolerance {
        relative: arguments.rtol,
        absolute: arguments.atol,
    };
    let mut status = Status::Done;
    let named = model.output_names().into_iter().enumerate();
    for ((at, name), (found, reference)) in named.zip(outputs.iter().zip(&references)) {
        let expected = reference.read_f64().map_err(|error| CliError::Case {
            file: arguments.case.display().to_string(),
            reason: error.to_string(),
        })?;
        let values: Vec<f64> = found.values.iter().copied().map(f64::from).collect();
        let comparison = Comparison::new(
            (&found.shape, &values),
            (reference.shape(), &expected),
            tolerance,
        );
        if !comparison.passes() {
            status = Status::Differs;
        }
        output.line(format_args!("output_{at} {name}: {comparison}"))?;
    }
    Ok(status)
}
