//! `burn-keras inspect`.

use crate::Status;
use crate::arguments::Inspect;
use crate::error::CliError;
use crate::output::Output;

/// Prints what a file is and holds.
pub fn inspect(arguments: &Inspect, output: &mut Output) -> Result<Status, CliError> {
    let mut inspection = keras_ir::inspect(&arguments.model.path, arguments.model.read_options())?;
    // What a file says can be read, and have no meaning in Burn yet.
    if let Some(graph) = &inspection.graph
        && let Err(report) = burn_keras_import::lower::lower(graph, "model")
    {
        inspection.problems.extend(report.problems);
    }
    if arguments.json {
        output.line(format_args!("{:#}", inspection.to_json()))?;
    } else {
        output.line(format_args!("{}", inspection.to_string().trim_end()))?;
    }
    Ok(Status::Done)
}
