//! The way back: a trained Burn model in a copy of the Keras file that it came from.
//!
//! ```text
//! original ──► graph ──► plan ──┐   record::convert, backwards
//! records ──────────────────────┴─► tensors of the file ──► keras_ir::writer
//! ```

mod optimizer;
mod record;
mod tensors;
mod weights;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use keras_ir::graph::Graph;
use keras_ir::writer::{BuiltOptimizer, Changes, Original, WriteError, build_optimizer};
use keras_ir::{Problem, ProblemKind, ReadOptions, Report};

use crate::import::publish::{OutputError, Staging};
use crate::plan::Plan;
use crate::{lower, names};

use record::Stored;
use tensors::Tensors;

/// The export of one record into a copy of the Keras file that it was imported from.
///
/// ```no_run
/// use burn_keras_import::Export;
///
/// let trained = Export::new("siamese.bpk").like("siamese.keras").output("trained.keras");
/// println!("{}", trained.run()?.display());
/// # Ok::<(), burn_keras_import::ExportError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Export {
    record: PathBuf,
    optimizer: Option<PathBuf>,
    like: PathBuf,
    output: PathBuf,
    read: ReadOptions,
}

/// Why nothing was exported. The original is as it was, and so is what stands in the output's place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The original or the records, with every problem.
    #[error(transparent)]
    Model(#[from] Report),
    /// A copy that cannot be made.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file or folder that cannot be written.
    #[error("{path}: {action}: {source}", path = .path.display())]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl From<OutputError> for ExportError {
    fn from(error: OutputError) -> Self {
        let OutputError {
            path,
            action,
            source,
        } = error;
        Self::Output {
            path,
            action,
            source,
        }
    }
}

/// What an export is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Reading the original.
    Read,
    /// Finding the place of each parameter.
    Place,
    /// Writing the copy.
    Write,
}

impl Export {
    /// The export of the weights in the file `record`, one that `burn-keras` or one that Burn wrote.
    pub fn new(record: impl Into<PathBuf>) -> Self {
        Self {
            record: record.into(),
            optimizer: None,
            like: PathBuf::new(),
            output: PathBuf::new(),
            read: ReadOptions::default(),
        }
    }

    /// The record of the optimizer's state, one that `burn-keras` or one that Burn wrote. Without one the
    /// state of the original stays.
    #[must_use]
    pub fn optimizer(mut self, record: impl Into<PathBuf>) -> Self {
        self.optimizer = Some(record.into());
        self
    }

    /// The Keras file that the record was imported from: a `.keras` archive, or HDF5 of a whole model or
    /// of weights. It is copied, and never written to.
    #[must_use]
    pub fn like(mut self, original: impl Into<PathBuf>) -> Self {
        self.like = original.into();
        self
    }

    /// The file to write; one that is there is replaced once the new one is complete. Its ending must be
    /// that of the original's kind, for Keras goes by it: `.keras`, `.weights.h5`, `.h5` or `.hdf5`; of a
    /// `.keras` archive the weights alone can be written too.
    #[must_use]
    pub fn output(mut self, file: impl Into<PathBuf>) -> Self {
        self.output = file.into();
        self
    }

    /// The file that has the architecture, where the original has the weights alone.
    #[must_use]
    pub fn architecture(mut self, file: impl Into<PathBuf>) -> Self {
        self.read.architecture = Some(file.into());
        self
    }

    /// Whether the import kept layers apart that look shared. Default: false.
    #[must_use]
    pub fn untie(mut self, untie: bool) -> Self {
        self.read.untie = untie;
        self
    }

    /// Exports, and gives the path of the copy.
    ///
    /// Everything of the original that the records do not hold stays as it is. Values take the type that
    /// the original has for them; those that have not changed stay bit for bit.
    ///
    /// # Errors
    ///
    /// A report of everything that does not fit: a record of another model; parameters that are missing,
    /// left over or of another shape; an original that cannot be read or copied. Or a file that cannot be
    /// written. Nothing has been written then.
    pub fn run(&self) -> Result<PathBuf, ExportError> {
        self.run_with(|_| ())
    }

    /// [`run`](Self::run), and says before each stage what comes.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_with(&self, mut progress: impl FnMut(Stage)) -> Result<PathBuf, ExportError> {
        progress(Stage::Read);
        let original = self.original()?;
        let graph = keras_ir::read(&self.like, self.read.clone())?;
        progress(Stage::Place);
        let changes = self.changes(&graph).map_err(|problems| Report {
            file: format!("{} like {}", self.record.display(), graph.file),
            problems,
        })?;
        progress(Stage::Write);
        self.write(&original, &changes)
    }

    /// The original, once the output's name fits.
    fn original(&self) -> Result<Original, Report> {
        let in_like = |problem: Problem| problem.in_file(self.like.display().to_string());
        let original = Original::open(&self.like).map_err(in_like)?;
        let of_output = |problem: Problem| problem.in_file(self.output.display().to_string());
        original.check_name(&self.output).map_err(of_output)?;
        for (input, what) in [
            (Some(&self.like), "the original"),
            (Some(&self.record), "the record"),
            (self.optimizer.as_ref(), "the optimizer's record"),
            (self.read.architecture.as_ref(), "the architecture"),
        ] {
            if input.is_some_and(|input| is_same(input, &self.output)) {
                return Err(of_output(
                    Problem::new(ProblemKind::Output)
                        .expected("another file than those that are read")
                        .found(what),
                ));
            }
        }
        Ok(original)
    }

    /// What the copy holds that the original does not, or every problem.
    fn changes(&self, graph: &Graph) -> Result<Changes, Vec<Problem>> {
        let fail = |problem| vec![problem];
        let mut record = Stored::open(&self.record).map_err(fail)?;
        let optimizer = self.optimizer.as_deref().map(Stored::open);
        let optimizer = optimizer.transpose().map_err(fail)?;
        // Burn's weights do not say whose they are, the optimizer's state does.
        let said = record.model();
        let said = said.or_else(|| optimizer.as_ref().and_then(Stored::model));
        let plan = self.plan(graph, said)?;
        record.check(&plan).map_err(fail)?;
        let mut problems = Vec::new();
        let mut tensors = Tensors::default();
        let mut built = Changes::default();
        weights::weights(&plan, graph, &mut record, &mut tensors, &mut problems);
        if let Some(mut record) = optimizer {
            record.check(&plan).map_err(fail)?;
            let BuiltOptimizer { state, changes } = state(graph, &record)?;
            let tensors = &mut tensors;
            optimizer::optimizer(&plan, graph, &state, &mut record, tensors, &mut problems);
            built = changes;
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        built.tensors.extend(tensors.0);
        Ok(built)
    }

    /// The plan behind the record: the model's name, which the record may say, is a part of it.
    fn plan(&self, graph: &Graph, said: Option<&str>) -> Result<Plan, Vec<Problem>> {
        let name = match said {
            Some(name) => names::module_name(name),
            None => {
                let stem = self.like.file_stem().unwrap_or_default();
                names::module_name(&stem.to_string_lossy())
            }
        };
        lower::lower(graph, &name).map_err(|report| report.problems)
    }

    fn write(&self, original: &Original, changes: &Changes) -> Result<PathBuf, ExportError> {
        let folder = match self.output.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let name = self.output.file_name().unwrap_or_default();
        let mut staging = Staging::new(folder)?;
        let staged = staging.stage(&name.to_string_lossy());
        let copied = original.copy(&staged, changes);
        copied.map_err(|error| error.at(&self.output))?;
        staging.publish()?;
        Ok(self.output.clone())
    }
}

/// The state that the original has, or would have after a first step.
fn state(graph: &Graph, record: &Stored) -> Result<BuiltOptimizer, Vec<Problem>> {
    match graph.optimizer.as_ref().map_err(Clone::clone)? {
        Some(state) if !state.slots.is_empty() || record.left_over().next().is_none() => {
            Ok(BuiltOptimizer {
                state: state.clone(),
                changes: Changes::default(),
            })
        }
        _ => build_optimizer(graph),
    }
}

/// Whether two paths lead to one file.
fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}
