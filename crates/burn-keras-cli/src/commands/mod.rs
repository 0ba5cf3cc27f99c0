//! One module per command.

#[cfg(feature = "runtime")]
mod case;
mod export;
mod import;
mod inspect;
mod optimizer;
mod plot;
#[cfg(feature = "runtime")]
mod run;
mod summary;
#[cfg(feature = "runtime")]
mod verify;

pub use export::export;
pub use import::import;
pub use inspect::inspect;
pub use optimizer::optimizer;
pub use plot::plot;
#[cfg(feature = "runtime")]
pub use run::run;
pub use summary::summary;
#[cfg(feature = "runtime")]
pub use verify::verify;

#[cfg(not(feature = "runtime"))]
mod without_runtime {
    use crate::Status;
    use crate::arguments::{Run, Verify};
    use crate::error::CliError;
    use crate::output::Output;

    /// Says how to get a `burn-keras` that can.
    pub fn run(_: &Run, _: &mut Output) -> Result<Status, CliError> {
        Err(CliError::NoRuntime)
    }

    /// Says how to get a `burn-keras` that can.
    pub fn verify(_: &Verify, _: &mut Output) -> Result<Status, CliError> {
        Err(CliError::NoRuntime)
    }
}

#[cfg(not(feature = "runtime"))]
pub use without_runtime::{run, verify};
