//! `burn-keras export`.

use burn_keras_import::export::Stage;

use crate::Status;
use crate::arguments;
use crate::error::CliError;
use crate::output::{Output, Progress};

/// Writes a record into a copy of the Keras file that it was imported from.
pub fn export(arguments: &arguments::Export, output: &mut Output) -> Result<Status, CliError> {
    let mut export = burn_keras_import::Export::new(&arguments.record)
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
