//! `burn-keras`: trained Keras models as Burn models, from the command line.
//!
//! Arguments, progress and rendering; what is done is done by `burn-keras-import` and, for `run`
//! and `verify`, by `burn-keras`. The library holds the command; the program is one call of
//! [`main`].

mod arguments;
mod commands;
#[cfg(feature = "runtime")]
mod compare;
mod edits;
mod error;
#[cfg(feature = "runtime")]
mod npz;
mod output;
#[cfg(feature = "runtime")]
mod runtime;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use error::CliError;
use output::Output;

/// How a command ended that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// Done, and equal where something was compared.
    Done,
    /// Something was compared and differs.
    #[cfg_attr(
        not(feature = "runtime"),
        expect(dead_code, reason = "nothing compares")
    )]
    Differs,
}

/// The `burn-keras` command: 0 done and equal, 1 differs, 2 bad arguments or bad input.
pub fn main() -> ExitCode {
    match execute(Arguments::parse().command) {
        Ok(Status::Done) => ExitCode::SUCCESS,
        Ok(Status::Differs) => ExitCode::from(1),
        Err(error) => {
            // Nobody may be listening, which is no reason to panic.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

fn execute(command: Command) -> Result<Status, CliError> {
    let output = &mut Output::stdout();
    match command {
        Command::Import(arguments) => commands::import(&arguments, output),
        Command::Summary(arguments) => commands::summary(&arguments, output),
        Command::Plot(arguments) => commands::plot(&arguments, output),
        Command::Inspect(arguments) => commands::inspect(&arguments, output),
        Command::Optimizer(command) => commands::optimizer(&command, output),
        Command::Export(arguments) => commands::export(&arguments, output),
        Command::Run(arguments) => commands::run(&arguments, output),
        Command::Verify(arguments) => commands::verify(&arguments, output),
    }
}
