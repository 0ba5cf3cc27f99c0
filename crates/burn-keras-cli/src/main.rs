//! The `burn-keras` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    burn_keras_cli::main()
}
