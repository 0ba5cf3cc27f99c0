//! How to load a model.

use std::path::PathBuf;

use keras_ir::ReadOptions;
use keras_ir::surgery::Edit;

/// How to load a model.
///
/// ```
/// use burn_keras::LoadOptions;
///
/// let options = LoadOptions::new().with_name("encoder").with_untie(true);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// What the model is called: the stem of its source and records, and unless
    /// [`namespace`](Self::namespace) says otherwise the namespace of its parameters' ids. The
    /// file's name by default.
    pub name: Option<String>,
    /// The namespace of the parameters' ids: a second instance of a model that is trained beside
    /// the first needs one of its own.
    pub namespace: Option<String>,
    /// How the file is read: whether ties are taken, and where weights or architecture are if
    /// they are in another file.
    pub read: ReadOptions,
}

impl LoadOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`name`](Self::name).
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets [`namespace`](Self::namespace).
    #[must_use]
    pub fn with_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Sets [`ReadOptions::untie`].
    #[must_use]
    pub fn with_untie(mut self, untie: bool) -> Self {
        self.read.untie = untie;
        self
    }

    /// Sets [`ReadOptions::weights`]: the file that has the weights.
    #[must_use]
    pub fn with_weights(mut self, path: impl Into<PathBuf>) -> Self {
        self.read.weights = Some(path.into());
        self
    }

    /// Sets [`ReadOptions::architecture`]: the file that has the architecture.
    #[must_use]
    pub fn with_architecture(mut self, path: impl Into<PathBuf>) -> Self {
        self.read.architecture = Some(path.into());
        self
    }

    /// Sets [`ReadOptions::from`] and [`ReadOptions::to`]: what of the model is loaded.
    ///
    /// ```
    /// use burn_keras::LoadOptions;
    ///
    /// let options = LoadOptions::new().between(["conv4_block1_add"], ["predictions"]);
    /// ```
    #[must_use]
    pub fn between<'a>(
        mut self,
        from: impl IntoIterator<Item = &'a str>,
        to: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.read = self.read.between(from, to);
        self
    }

    /// Sets [`ReadOptions::edits`] and [`ReadOptions::seed`]: what is changed in the model.
    ///
    /// ```
    /// use burn_keras::LoadOptions;
    /// use burn_keras::keras_ir::surgery::Edit;
    ///
    /// let layer = r#"Dense{"units": 3, "activation": "softmax"}"#.parse()?;
    /// let head = Edit::Replace { path: "predictions".into(), layer };
    /// let options = LoadOptions::new().edited([head], 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn edited(mut self, edits: impl IntoIterator<Item = Edit>, seed: u64) -> Self {
        self.read = self.read.edited(edits, seed);
        self
    }
}
