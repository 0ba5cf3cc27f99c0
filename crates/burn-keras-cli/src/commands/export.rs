//! `burn-keras export`.

use std::path::Path;

use burn_keras_import::export::Stage;
use keras_ir::ReadOptions;
use keras_ir::writer::write_model;

use crate::Status;
use crate::arguments;
use crate::error::CliError;
use crate::output::{Output, Progress, message};

/// Writes a record into a copy of the Keras file that it was imported from; without one, the model or a
/// part of it.
pub fn export(arguments: &arguments::Export, output: &mut Output) -> Result<Status, CliError> {
    match &arguments.record {
        Some(record) => export_record(record, arguments, output),
        None => export_model(arguments, output),
    }
}

fn export_model(arguments: &arguments::Export, output: &mut Output) -> Result<Status, CliError> {
    let options = ReadOptions {
        untie: arguments.untie,
        architecture: arguments.architecture.clone(),
        ..arguments.part.read_options()
    };
    let graph = keras_ir::read(&arguments.like, options)?;
    let notes = write_model(&graph, &arguments.output)?;
    for note in graph.notes.iter().chain(&notes) {
        message(format_args!("Note: {note}"));
    }
    output.line(format_args!("{}", arguments.output.display()))?;
    Ok(Status::Done)
}

fn export_record(
    record: &Path,
    arguments: &arguments::Export,
    output: &mut Output,
) -> Result<Status, CliError> {
    let mut export = burn_keras_import::Export::new(record)
        .like(&arguments.like)
        .output(&arguments.output)
        .untie(arguments.untie);
    if let Some(architecture) = &arguments.architecture {
        export = export.architecture(architecture);
    }
    if let Some(optimizer) = &arguments.optimizer {
        export = export.optimizer(optimizer);
    }
    let progress = Progress::new();
    let file = export.run_with(|stage| progress.show(describe(stage)))?;
    drop(progress);
    output.line(format_args!("{}", file.display()))?;
    Ok(Status::Done)
}

fn describe(stage: Stage) -> &'static str {
    match stage {
        Stage::Read => "reading the original",
        Stage::Place => "finding the place of each parameter",
        Stage::Write => "writing the copy",
        _ => "exporting",
    }
}
