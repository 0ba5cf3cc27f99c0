//! Freeze and unfreeze: Keras's `layer.trainable = …` by patterns of paths.

use glob::{MatchOptions, Pattern};
use serde_json::Value;

use crate::graph::{Graph, LayerId, LayerKind};
use crate::problem::{Problem, ProblemKind, Report};

use super::settle::settle;

impl Graph {
    /// The model whose layers with paths like `pattern` are not trained, as after `layer.trainable =
    /// False`: with everything in them, if they are models or wrappers. A frozen
    /// `BatchNormalization` normalises by its running statistics in training too.
    ///
    /// In a pattern `*` and `?` stand for anything but `/`, `**` for any number of models, and `[ab]`
    /// for one of these characters. The optimizer's state of what is not trained any more is left
    /// out.
    ///
    /// ```no_run
    /// let graph = keras_ir::read("resnet50.h5", keras_ir::ReadOptions::default())?;
    /// let graph = graph.freeze("conv[123]_*")?;
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A pattern that is none, or that no layer fits.
    pub fn freeze(&self, pattern: &str) -> Result<Self, Report> {
        self.with_trainable(pattern, false)
    }

    /// The model whose layers with paths like `pattern` are trained, as after `layer.trainable =
    /// True`: see [`freeze`](Self::freeze). In tf.keras and before, what is in a frozen model is not
    /// trained whatever its own flag says. The optimizer's state of what is trained anew is zero.
    ///
    /// # Errors
    ///
    /// A pattern that is none, or that no layer fits.
    pub fn unfreeze(&self, pattern: &str) -> Result<Self, Report> {
        self.with_trainable(pattern, true)
    }

    fn with_trainable(&self, pattern: &str, trainable: bool) -> Result<Self, Report> {
        const OPTIONS: MatchOptions = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: false,
        };
        let refuse = |expected: &str, found: String| {
            let problem = Problem::new(ProblemKind::Place).key(pattern);
            self.refuse(problem.expected(expected).found(found))
        };
        let glob = Pattern::new(pattern)
            .map_err(|error| refuse("a pattern of paths", error.to_string()))?;
        let all = (0..self.layers.len()).map(LayerId);
        let fitting: Vec<LayerId> = all
            .filter(|id| {
                let layer = self.layer(*id);
                let is_layer = !matches!(layer.kind, LayerKind::Input) && !layer.is_operation();
                is_layer && glob.matches_with(&layer.path, OPTIONS)
            })
            .collect();
        if fitting.is_empty() {
            return Err(refuse("a pattern that a layer's path fits", "none".into()));
        }
        let mut graph = self.clone();
        for id in fitting {
            set_trainable(&mut graph, id, trainable);
        }
        settle(graph, self)
    }
}

/// Keras's setter: the flag of a layer, and of all that is in it.
fn set_trainable(graph: &mut Graph, id: LayerId, trainable: bool) {
    let layer = &mut graph.layers[id.0];
    layer.trainable = trainable;
    if !layer.config.is_empty() {
        layer
            .config
            .insert("trainable".into(), Value::Bool(trainable));
    }
    let inside = match &layer.kind {
        LayerKind::Model(inner) => {
            let model = &mut graph.models[inner.0];
            model.trainable = trainable;
            model.layers.clone()
        }
        LayerKind::Wrapper(_, parts) => parts.clone(),
        _ => Vec::new(),
    };
    for layer in inside {
        set_trainable(graph, layer, trainable);
    }
}
