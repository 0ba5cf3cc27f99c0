//! Imports in build scripts.

use std::collections::HashSet;
use std::env;
use std::io;
use std::path::{Path, PathBuf};

use crate::codegen::CodegenOptions;
use crate::import::{Import, ImportError, Imported};
use keras_ir::ReadOptions;
use keras_ir::surgery::Edit;

use crate::names;

/// Imports Keras models when a crate is built, from its `build.rs`:
///
/// ```no_run
/// use burn_keras_import::ModelGen;
///
/// ModelGen::new()
///     .input("src/model/siamese.h5")
///     .out_dir("model/")
///     .embed(true)
///     .run_from_script();
/// ```
///
/// and in the crate:
///
/// ```ignore
/// mod siamese {
///     include!(concat!(env!("OUT_DIR"), "/model/siamese.rs"));
/// }
///
/// let model = siamese::Siamese::from_embedded(&device)?;
/// ```
#[derive(Clone, Debug, Default)]
pub struct ModelGen {
    inputs: Vec<Input>,
    out_dir: PathBuf,
    options: CodegenOptions,
    untie: bool,
}

/// A model to import.
#[derive(Clone, Debug)]
struct Input {
    model: PathBuf,
    read: ReadOptions,
}

impl ModelGen {
    /// Nothing to import yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a Keras model. It gets the name of its file.
    #[must_use]
    pub fn input(mut self, path: impl Into<PathBuf>) -> Self {
        self.inputs.push(Input {
            model: path.into(),
            read: ReadOptions::default(),
        });
        self
    }

    /// Adds a Keras model whose architecture (`model.to_json()`) and weights are in two files. It
    /// gets the name of the former.
    #[must_use]
    pub fn input_with_weights(
        mut self,
        architecture: impl Into<PathBuf>,
        weights: impl Into<PathBuf>,
    ) -> Self {
        self.inputs.push(Input {
            model: architecture.into(),
            read: ReadOptions {
                weights: Some(weights.into()),
                ..ReadOptions::default()
            },
        });
        self
    }

    /// Of the model that was added last, only what lies between the tensors `from`, which become its
    /// inputs, and `to`: see [`ReadOptions::from`] and [`ReadOptions::to`].
    ///
    /// ```no_run
    /// use burn_keras_import::ModelGen;
    ///
    /// let features = ModelGen::new().input("resnet50.h5").between([], ["avg_pool"]);
    /// ```
    #[must_use]
    pub fn between<'a>(
        mut self,
        from: impl IntoIterator<Item = &'a str>,
        to: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        if let Some(input) = self.inputs.last_mut() {
            input.read = std::mem::take(&mut input.read).between(from, to);
        }
        self
    }

    /// The model that was added last, changed: see [`ReadOptions::edits`]. Weights of new layers are
    /// made from `seed`.
    ///
    /// ```no_run
    /// use burn_keras_import::ModelGen;
    /// use burn_keras_import::keras_ir::surgery::Edit;
    ///
    /// let head = r#"Dense{"units": 3, "activation": "softmax"}"#.parse()?;
    /// let tuned = ModelGen::new().input("resnet50.h5").edited(
    ///     [
    ///         Edit::Freeze { pattern: "conv[123]_*".into() },
    ///         Edit::Replace { path: "predictions".into(), layer: head },
    ///     ],
    ///     7,
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn edited(mut self, edits: impl IntoIterator<Item = Edit>, seed: u64) -> Self {
        if let Some(input) = self.inputs.last_mut() {
            input.read = std::mem::take(&mut input.read).edited(edits, seed);
        }
        self
    }

    /// The folder to write to; in build scripts, a folder in `OUT_DIR`. Default: that itself.
    #[must_use]
    pub fn out_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out_dir = folder.into();
        self
    }

    /// Whether the program holds the weights itself: see [`CodegenOptions::embed`].
    #[must_use]
    pub fn embed(mut self, embed: bool) -> Self {
        self.options = self.options.embed(embed);
        self
    }

    /// Whether layers that only look shared are kept apart: see [`Import::untie`].
    #[must_use]
    pub fn untie(mut self, untie: bool) -> Self {
        self.untie = untie;
        self
    }

    /// Imports all models into the folder.
    ///
    /// # Errors
    ///
    /// What is wrong with the first model that cannot be imported, or two models of one name.
    pub fn run(&self) -> Result<Vec<Imported>, ImportError> {
        self.import_to(&self.out_dir)
    }

    /// Imports all models into the folder in `OUT_DIR`, and tells cargo to do so again when one of
    /// them changes.
    ///
    /// # Panics
    ///
    /// If a model cannot be imported, with everything that is wrong with it, or outside of a build
    /// script: that is how build scripts fail.
    #[allow(clippy::panic)]
    pub fn run_from_script(&self) {
        for input in &self.inputs {
            for file in std::iter::once(&input.model).chain(&input.read.weights) {
                println!("cargo:rerun-if-changed={}", file.display());
            }
        }
        let Some(out_dir) = env::var_os("OUT_DIR") else {
            panic!("OUT_DIR is not set: `run_from_script` is for build scripts");
        };
        if let Err(error) = self.import_to(&Path::new(&out_dir).join(&self.out_dir)) {
            panic!("{error}");
        }
    }

    fn import_to(&self, folder: &Path) -> Result<Vec<Imported>, ImportError> {
        let mut taken = HashSet::new();
        for input in &self.inputs {
            let name = names::value_name(
                &input
                    .model
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy(),
            );
            if !taken.insert(name) {
                let message = "another model has this name";
                return Err(ImportError::Output {
                    path: input.model.clone(),
                    action: "import it into the same folder",
                    source: io::Error::new(io::ErrorKind::AlreadyExists, message),
                });
            }
        }
        let imports = self.inputs.iter().map(|input| {
            let read = ReadOptions {
                untie: self.untie,
                ..input.read.clone()
            };
            Import::new(&input.model)
                .out_dir(folder)
                .read_options(read)
                .codegen(self.options.clone())
                .run()
        });
        imports.collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sample(name: &str) -> PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        root.join("models/keras").join(name)
    }

    #[test]
    fn several_models_go_into_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let imported = ModelGen::new()
            .input(sample("siamese_k3.h5"))
            .input(sample("chain_k2.h5"))
            .out_dir(folder.path())
            .embed(true)
            .run()
            .unwrap();
        let sources: Vec<_> = imported.iter().filter_map(Imported::source).collect();
        assert_eq!(sources.len(), 2);
        for (imported, source) in imported.iter().zip(sources) {
            let text = std::fs::read_to_string(source).unwrap();
            assert!(text.contains(&format!("include_bytes!(\"{}.bpk\")", imported.name)));
        }
    }

    #[test]
    fn two_models_of_one_name_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = ModelGen::new()
            .input(sample("siamese_k3.h5"))
            .input("elsewhere/siamese-k3.keras")
            .out_dir(folder.path())
            .run()
            .unwrap_err();
        assert!(
            error.to_string().contains("elsewhere/siamese-k3.keras"),
            "{error}"
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
