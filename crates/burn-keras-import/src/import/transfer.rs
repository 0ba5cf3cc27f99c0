//! The record of an optimizer's state that was made for another model.

use std::path::{Path, PathBuf};

use keras_ir::optimizer::Optimizer;
use keras_ir::transfer::Transfer;
use keras_ir::{Problem, ProblemKind, ReadOptions};

use super::publish::Staging;
use super::{Import, ImportError, write};
use crate::{lower, record};

/// The transfer of an optimizer's state from one Keras model to another, as a record.
///
/// ```no_run
/// use burn_keras_import::OptimizerTransfer;
///
/// let transfer = OptimizerTransfer::new("trained.keras", "padded.keras");
/// print!("{}", transfer.run("padded.optimizer.bpk")?);
/// # Ok::<(), burn_keras_import::ImportError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OptimizerTransfer {
    from: PathBuf,
    to: Import,
    partial: bool,
}

impl OptimizerTransfer {
    /// The transfer of the state in the file `from` to the model in the file `to`.
    pub fn new(from: impl Into<PathBuf>, to: impl Into<PathBuf>) -> Self {
        Self {
            from: from.into(),
            to: Import::new(to),
            partial: false,
        }
    }

    /// The name that the other model was, or will be, [imported](Import::name) under.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.to = self.to.name(name);
        self
    }

    /// Whether weights without a counterpart start anew, and state without a place is left out.
    /// Default: false.
    #[must_use]
    pub fn partial(mut self, partial: bool) -> Self {
        self.partial = partial;
        self
    }

    /// Writes the record `file`, and gives the mapping of the weights.
    ///
    /// # Errors
    ///
    /// A model that cannot be read or imported, weights that cannot be matched
    /// ([`Optimizer::transfer`]), or a file that cannot be written. What was there is left as it
    /// was then.
    pub fn run(&self, file: impl AsRef<Path>) -> Result<Transfer, ImportError> {
        let file = file.as_ref();
        let name = self.to.module_name()?;
        let from = keras_ir::read(&self.from, ReadOptions::default())?;
        let to = keras_ir::read(&self.to.input, self.to.read.clone())?;
        let transfer = Optimizer::transfer(&from, &to, self.partial)?;
        let plan = lower::lower(&to, &name)?;
        let record = record::optimizer(&plan, &to, &transfer.optimizer)?;
        let record = record.ok_or_else(|| {
            let nothing = Problem::new(ProblemKind::Optimizer)
                .expected("the state of an optimizer")
                .found("an optimizer that has made no step");
            nothing.in_file(&from.file)
        })?;
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut staging = Staging::new(folder)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        write(record, &staging.stage(&name), &from.file)?;
        staging.publish()?;
        Ok(transfer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;
    use crate::record::layout;

    fn fixture(name: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/transfer");
        folder.join(name)
    }

    #[test]
    fn the_record_is_that_of_the_other_model() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("padded.optimizer.bpk");
        let transfer = OptimizerTransfer::new(fixture("from_k3.h5"), fixture("to_k3.h5"));
        let mapping = transfer.clone().name("padded").run(&file).unwrap();
        assert_eq!(mapping.entries.len(), 10);
        let to = keras_ir::read(fixture("to_k3.h5"), ReadOptions::default()).unwrap();
        let plan = lower::lower(&to, "padded").unwrap();
        let expected = layout::of_optimizer(&plan, &to, &mapping.optimizer);
        let written = layout::of_optimizer_bytes(&fs::read(&file).unwrap()).unwrap();
        assert_eq!(written, expected);
        assert_eq!(expected.entries[0].path, "conv1d_2.weight");

        // Once more over what is there, in the same bytes.
        let before = fs::read(&file).unwrap();
        transfer.name("padded").run(&file).unwrap();
        assert!(fs::read(&file).unwrap() == before);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_transferred_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out.optimizer.bpk");
        for (from, to) in [("from_k3.h5", "none.h5"), ("to_k3.h5", "from_k3.h5")] {
            let transfer = OptimizerTransfer::new(fixture(from), fixture(to));
            assert!(transfer.run(&file).is_err(), "{from} {to}");
        }
        let transfer = OptimizerTransfer::new(fixture("from_k3.h5"), fixture("to_k3.h5"));
        assert!(transfer.name("No module").run(&file).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
