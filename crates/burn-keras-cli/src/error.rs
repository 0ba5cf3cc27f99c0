//! Everything that ends a command with status 2.

use std::io;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The model cannot be read.
    #[error(transparent)]
    Model(#[from] keras_ir::Report),
    /// The model cannot be imported.
    #[error(transparent)]
    Import(#[from] burn_keras_import::ImportError),
    /// The optimizer's state cannot be shown.
    #[error(transparent)]
    State(#[from] burn_keras_import::record::state::StateError),
    /// The records cannot be exported.
    #[error(transparent)]
    Export(#[from] burn_keras_import::ExportError),
    /// The model cannot be written.
    #[error(transparent)]
    Write(#[from] keras_ir::writer::WriteError),
    /// The results cannot be written.
    #[error("cannot write to standard output: {0}")]
    Stdout(io::Error),
    /// The command needs the run-time model.
    #[cfg(not(feature = "runtime"))]
    #[error(
        "this burn-keras was built without the run-time model; `run` and `verify` need it:\n  \
         cargo install burn-keras-cli --features run"
    )]
    NoRuntime,
    /// The device is not built in.
    #[cfg(feature = "runtime")]
    #[error(
        "this burn-keras was built without {0}; to have it:\n  \
         cargo install burn-keras-cli --features {0}"
    )]
    NoDevice(crate::arguments::DeviceName),
    /// An `.npz` file cannot be read or written.
    #[cfg(feature = "runtime")]
    #[error(transparent)]
    Npz(#[from] crate::npz::NpzError),
    /// The arrays do not fit the model.
    #[cfg(feature = "runtime")]
    #[error("{file}: {reason}")]
    Case {
        /// The `.npz` file.
        file: String,
        /// What does not fit.
        reason: String,
    },
    /// There is no such device on this machine.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    #[error("no device for {0} on this machine")]
    NoAdapter(crate::arguments::DeviceName),
    /// The model cannot be loaded or computed.
    #[cfg(feature = "runtime")]
    #[error(transparent)]
    Runtime(#[from] burn_keras::Error),
}
