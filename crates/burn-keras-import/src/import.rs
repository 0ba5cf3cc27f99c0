//! The import of one file: read, lowered, written.

pub(crate) mod publish;
#[cfg(test)]
mod tests;
mod transfer;

use std::io;
use std::path::{Path, PathBuf};

use keras_ir::graph::Graph;
use keras_ir::summary::Summary;
use keras_ir::{Problem, ProblemKind, ReadOptions, Report};

use crate::codegen::{self, CodegenOptions};
use crate::plan::Plan;
use crate::record::{self, Record, WriteError};
use crate::{lower, names};

use publish::{OutputError, Staging};

pub use transfer::OptimizerTransfer;

/// The import of one Keras model.
///
/// ```no_run
/// use burn_keras_import::Import;
///
/// let imported = Import::new("siamese.h5").out_dir("src/model").run()?;
/// println!("{}", imported.summary);
/// # Ok::<(), burn_keras_import::ImportError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Import {
    input: PathBuf,
    out_dir: PathBuf,
    name: Option<String>,
    read: ReadOptions,
    optimizer: OptimizerState,
    options: CodegenOptions,
}

/// What becomes of the optimizer's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OptimizerState {
    /// It is imported.
    #[default]
    Keep,
    /// It is left out, and the optimizer starts anew: its config must be understood.
    Fresh,
    /// It is left out with the optimizer.
    Leave,
}

/// What an import has made.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The name: of the Rust module, its files and the namespace of its parameters.
    pub name: String,
    /// The files, as they stand in the output folder; the source is the last.
    pub files: Vec<PathBuf>,
    /// Keras's summary.
    pub summary: Summary,
    /// The plan behind the files.
    pub plan: Plan,
}

impl Imported {
    /// The Rust source.
    pub fn source(&self) -> Option<&Path> {
        self.files.last().map(PathBuf::as_path)
    }

    /// The optimizer record, where the file has state.
    pub fn optimizer(&self) -> Option<&Path> {
        let suffix = format!("{}{OPTIMIZER}", self.name);
        let mut files = self.files.iter().map(PathBuf::as_path);
        files.find(|file| file.file_name().is_some_and(|name| name == suffix.as_str()))
    }
}

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Reading the Keras file.
    Read,
    /// Lowering it to Burn.
    Lower,
    /// Writing the weights.
    Weights,
    /// Writing the optimizer's state.
    Optimizer,
    /// Writing the source.
    Source,
}

/// Why nothing was imported. What was in the output folder before is there still.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The model, with every problem that it has.
    #[error(transparent)]
    Model(#[from] Report),
    /// A name that is no Rust module.
    #[error("{name:?} cannot name a Rust module; {suggestion:?} can")]
    Name {
        /// The name.
        name: String,
        /// One that is close.
        suggestion: String,
    },
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
    /// A record that cannot be written.
    #[error(transparent)]
    Record(#[from] WriteError),
}

impl From<OutputError> for ImportError {
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

const WEIGHTS: &str = ".bpk";
const OPTIMIZER: &str = ".optimizer.bpk";
const SUMMARY: &str = ".summary.txt";
const SOURCE: &str = ".rs";

impl Import {
    /// The import of the model in the file `input`, into the current folder, under the name of the
    /// file.
    pub fn new(input: impl Into<PathBuf>) -> Self {
        Self {
            input: input.into(),
            out_dir: PathBuf::from("."),
            name: None,
            read: ReadOptions::default(),
            optimizer: OptimizerState::Keep,
            options: CodegenOptions::default(),
        }
    }

    /// The folder to write to; it is made if it is not there.
    #[must_use]
    pub fn out_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out_dir = folder.into();
        self
    }

    /// The name of the Rust module, its files and the namespace of its parameters; by default the
    /// file's name without its ending, or the folder's, as a Rust identifier.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether to keep layers apart that look shared between models although the file does not
    /// say so. Default: false.
    #[must_use]
    pub fn untie(mut self, untie: bool) -> Self {
        self.read.untie = untie;
        self
    }

    /// How the model is read, in place of [`untie`](Self::untie): the files of weights and of the
    /// architecture too.
    #[must_use]
    pub fn read_options(mut self, options: ReadOptions) -> Self {
        self.read = options;
        self
    }

    /// What becomes of the optimizer's state. Default: it is imported.
    #[must_use]
    pub fn optimizer(mut self, state: OptimizerState) -> Self {
        self.optimizer = state;
        self
    }

    /// How the source is made.
    #[must_use]
    pub fn codegen(mut self, options: CodegenOptions) -> Self {
        self.options = options;
        self
    }

    /// Imports.
    ///
    /// Writes `NAME.rs`, `NAME.bpk`, `NAME.summary.txt` and, where the file holds the state of an
    /// optimizer, `NAME.optimizer.bpk`; an older `NAME.optimizer.bpk` goes otherwise. The files are
    /// made beside each other and put in place together, the source last. The same file gives the
    /// same bytes.
    ///
    /// # Errors
    ///
    /// A report of everything in the model that cannot be imported, or a file that cannot be
    /// written. The output folder is as it was then.
    pub fn run(&self) -> Result<Imported, ImportError> {
        self.run_with(|_| ())
    }

    /// [`run`](Self::run), and says before each stage what comes.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_with(&self, mut progress: impl FnMut(Stage)) -> Result<Imported, ImportError> {
        let name = self.module_name()?;
        progress(Stage::Read);
        let graph = keras_ir::read(&self.input, self.read.clone())?;
        progress(Stage::Lower);
        let (plan, weights, optimizer) = self.lower(&graph, &name)?;

        let mut staging = Staging::new(&self.out_dir)?;
        let path = |suffix: &str| format!("{name}{suffix}");
        progress(Stage::Weights);
        write(weights, &staging.stage(&path(WEIGHTS)), &graph.file)?;
        match optimizer {
            Some(optimizer) => {
                progress(Stage::Optimizer);
                write(optimizer, &staging.stage(&path(OPTIMIZER)), &graph.file)?;
            }
            None => staging.remove(&path(OPTIMIZER)),
        }
        progress(Stage::Source);
        let summary = Summary::with_nested(&graph, true);
        staging.write(&path(SUMMARY), &summary.to_string())?;
        let source = codegen::generate(&plan, &self.options);
        staging.write(&path(SOURCE), &source)?;
        let files = staging.publish()?;
        Ok(Imported {
            name,
            files,
            summary,
            plan,
        })
    }

    fn module_name(&self) -> Result<String, ImportError> {
        match &self.name {
            Some(name) => {
                let suggestion = names::module_name(name);
                if *name == suggestion {
                    Ok(suggestion)
                } else {
                    Err(ImportError::Name {
                        name: name.clone(),
                        suggestion,
                    })
                }
            }
            None => Ok(names::module_name(&self.default_name())),
        }
    }

    /// The name of the file without its ending, or of the folder; the file in a SavedModel says nothing.
    fn default_name(&self) -> String {
        let input = self.input.as_path();
        let folder = match input.file_name() {
            Some(name) if name == "saved_model.pb" => input.parent(),
            _ => Some(input).filter(|input| input.is_dir()),
        };
        let name = match folder.and_then(Path::file_name) {
            Some(name) => Some(name),
            None => input.file_stem(),
        };
        name.unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The plan and its records, or every problem of all three.
    fn lower(
        &self,
        graph: &Graph,
        name: &str,
    ) -> Result<(Plan, Record, Option<Record>), ImportError> {
        let mut problems = Vec::new();
        let state = match (self.optimizer, &graph.optimizer) {
            (OptimizerState::Keep, Ok(state)) => state.as_ref(),
            (OptimizerState::Keep, Err(found)) => {
                problems.extend(found.iter().cloned());
                None
            }
            (OptimizerState::Fresh, _) => {
                let config = graph.optimizer_config();
                problems.extend(config.err().into_iter().flatten());
                None
            }
            (OptimizerState::Leave, _) => None,
        };
        let mut keep = |report: Report| problems.extend(report.problems);
        let mut plan = lower::lower(graph, name).map_err(&mut keep).ok();
        let training = plan.as_mut().and_then(|plan| plan.training.as_mut());
        if let Some(training) = training.filter(|_| self.optimizer == OptimizerState::Leave) {
            training.optimizer = None;
        }
        let weights = plan
            .as_ref()
            .and_then(|plan| record::weights(plan, graph).map_err(&mut keep).ok());
        let optimizer = plan.as_ref().zip(state).and_then(|(plan, state)| {
            let record = record::optimizer(plan, graph, state);
            record.map_err(&mut keep).ok().flatten()
        });
        match plan.zip(weights) {
            Some((plan, weights)) if problems.is_empty() => Ok((plan, weights, optimizer)),
            _ => Err(ImportError::Model(Report {
                file: graph.file.clone(),
                problems,
            })),
        }
    }
}

/// Writes a record to a new file; what cannot be read is the fault of `source`.
fn write(record: Record, to: &Path, source: &str) -> Result<(), ImportError> {
    record.write_new(to).map_err(|error| match error {
        WriteError::Read(error) => ImportError::Model(
            Problem::new(ProblemKind::Container)
                .found(error.to_string())
                .in_file(source),
        ),
        error => ImportError::Record(error),
    })
}
