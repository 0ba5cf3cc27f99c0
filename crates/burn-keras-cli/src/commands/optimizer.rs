//! `burn-keras optimizer`.

use burn_keras_import::OptimizerTransfer;
use burn_keras_import::record::state::State;

use crate::Status;
use crate::arguments::{OptimizerCommand, Show, Transfer};
use crate::error::CliError;
use crate::output::{Output, message};

/// Shows the state of an optimizer, or moves it to another model.
pub fn optimizer(command: &OptimizerCommand, output: &mut Output) -> Result<Status, CliError> {
    match command {
        OptimizerCommand::Show(arguments) => show(arguments, output),
        OptimizerCommand::Transfer(arguments) => transfer(arguments, output),
    }
}

fn show(arguments: &Show, output: &mut Output) -> Result<Status, CliError> {
    let state = State::open(&arguments.model.path, arguments.model.read_options())?;
    if arguments.json {
        output.line(format_args!("{:#}", state.to_json()))?;
    } else {
        output.line(format_args!("{}", state.to_string().trim_end()))?;
    }
    Ok(Status::Done)
}

fn transfer(arguments: &Transfer, output: &mut Output) -> Result<Status, CliError> {
    let mut transfer =
        OptimizerTransfer::new(&arguments.from, &arguments.to).partial(arguments.partial);
    if let Some(name) = &arguments.name {
        transfer = transfer.name(name);
    }
    let mapping = transfer.run(&arguments.output)?;
    for entry in &mapping.entries {
        output.line(format_args!("{entry}"))?;
    }
    message(format_args!("{}", arguments.output.display()));
    Ok(Status::Done)
}
