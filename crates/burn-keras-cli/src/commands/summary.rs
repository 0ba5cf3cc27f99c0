//! `burn-keras summary`.

use crate::Status;
use crate::arguments::Summary;
use crate::error::CliError;
use crate::output::Output;

/// Prints the table of layers of a model.
pub fn summary(arguments: &Summary, output: &mut Output) -> Result<Status, CliError> {
    let graph = keras_ir::read(&arguments.model.path, arguments.model.read_options())?;
    let mut summary = keras_ir::summary::Summary::with_nested(&graph, arguments.expand_nested);
    if let Some(length) = arguments.line_length {
        summary.line_length = length.into();
    }
    if arguments.json {
        output.line(format_args!("{:#}", summary.to_json()))?;
    } else {
        output.line(format_args!("{}", summary.to_string().trim_end()))?;
    }
    Ok(Status::Done)
}
