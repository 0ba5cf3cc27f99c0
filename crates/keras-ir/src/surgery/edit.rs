//! Edits as data: what a command line or a build script asks for.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::graph::Graph;
use crate::json;
use crate::problem::{Problem, ProblemKind, Report};

use super::builder::NewLayer;

/// One change of a model. Paths, places and patterns are those of the operation that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Edit {
    /// [`Graph::insert_after`].
    InsertAfter {
        /// The tensor.
        place: String,
        /// What comes behind it.
        layer: NewLayer,
    },
    /// [`Graph::insert_before`].
    InsertBefore {
        /// The layer.
        path: String,
        /// What comes in front of it.
        layer: NewLayer,
    },
    /// [`Graph::replace`].
    Replace {
        /// The layer.
        path: String,
        /// What takes its place.
        layer: NewLayer,
    },
    /// [`Graph::remove`].
    Remove {
        /// The layer.
        path: String,
    },
    /// [`Graph::rename`].
    Rename {
        /// The layer.
        path: String,
        /// What it is called from then on.
        name: String,
    },
    /// [`Graph::tie`].
    Tie {
        /// The dense layer.
        path: String,
        /// The embedding whose table it takes for its kernel.
        embedding: String,
    },
    /// [`Graph::freeze`].
    Freeze {
        /// The pattern.
        pattern: String,
    },
    /// [`Graph::unfreeze`].
    Unfreeze {
        /// The pattern.
        pattern: String,
    },
    /// [`Graph::fold_batch_normalization`].
    FoldBatchNormalization,
    /// [`Graph::with_fresh_weights`].
    FreshWeights,
}

impl Graph {
    /// The model after all of these, one after the other. Weights of new layers are made from `seed`.
    ///
    /// ```no_run
    /// use keras_ir::surgery::Edit;
    ///
    /// let graph = keras_ir::read("resnet50.h5", keras_ir::ReadOptions::default())?;
    /// let edits = [
    ///     Edit::Freeze { pattern: "conv[123]_*".into() },
    ///     Edit::Replace { path: "predictions".into(), layer: r#"Dense{"units": 3}"#.parse()? },
    /// ];
    /// let graph = graph.edit(&edits, 7)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the first operation that is refused.
    pub fn edit(&self, edits: &[Edit], seed: u64) -> Result<Self, Report> {
        let mut graph = self.clone();
        for edit in edits {
            graph = graph.edited(edit, seed)?;
        }
        Ok(graph)
    }

    fn edited(&self, edit: &Edit, seed: u64) -> Result<Self, Report> {
        match edit {
            Edit::InsertAfter { place, layer } => self.insert_after(place, layer, seed),
            Edit::InsertBefore { path, layer } => self.insert_before(path, layer, seed),
            Edit::Replace { path, layer } => self.replace(path, layer, seed),
            Edit::Remove { path } => self.remove(path),
            Edit::Rename { path, name } => self.rename(path, name),
            Edit::Tie { path, embedding } => self.tie(path, embedding),
            Edit::Freeze { pattern } => self.freeze(pattern),
            Edit::Unfreeze { pattern } => self.unfreeze(pattern),
            Edit::FreshWeights => self.with_fresh_weights(seed),
            Edit::FoldBatchNormalization => {
                let (graph, folded) = self.fold_batch_normalization()?;
                if folded.is_empty() {
                    return Err(self.refuse(
                        Problem::new(ProblemKind::Surgery)
                            .key("BatchNormalization")
                            .expected("one behind a convolution or dense layer without activation")
                            .found("none that can be folded"),
                    ));
                }
                Ok(graph)
            }
        }
    }
}

/// Why a text is no layer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a class of Keras and its config, Dense{{\"units\": 3}}, or the JSON of \
     keras.layers.serialize(); found {found}"
)]
pub struct NewLayerError {
    found: String,
}

/// `Dropout`, `Dense{"units": 3, "activation": "softmax"}`, or Keras's own
/// `{"class_name": "Dense", "config": {"units": 3}}`.
impl FromStr for NewLayer {
    type Err = NewLayerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let failed = |found: String| NewLayerError { found };
        let (class, config) = text.split_at(text.find('{').unwrap_or(text.len()));
        let class = class.trim_end();
        let config = match config {
            "" => Value::Object(Map::new()),
            config => json::parse(config).map_err(|error| failed(format!("{text}: {error}")))?,
        };
        if class.is_empty() {
            return match (&config["class_name"], &config["config"]) {
                (Value::String(class), config @ Value::Object(_)) => {
                    Ok(Self::new(class, config.clone()))
                }
                _ => Err(failed(format!("{text:?}"))),
            };
        }
        let is_class = |c: char| c.is_alphanumeric() || matches!(c, '_' | '>' | '.');
        match class.chars().all(is_class) {
            true => Ok(Self::new(class, config)),
            false => Err(failed(format!("{text:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_layer_is_its_class_and_config() {
        let dense = NewLayer::new("Dense", json!({"units": 3, "activation": "softmax"}));
        for text in [
            r#"Dense{"units": 3, "activation": "softmax"}"#,
            r#" Dense {"units":3,"activation":"softmax"} "#,
            r#"{"class_name": "Dense", "config": {"units": 3, "activation": "softmax"},
                "module": "keras.layers", "registered_name": null}"#,
        ] {
            assert_eq!(text.parse(), Ok(dense.clone()), "{text}");
        }
        assert_eq!("Flatten".parse(), Ok(NewLayer::new("Flatten", json!({}))));
    }

    #[test]
    fn what_is_no_layer_is_refused() {
        for text in [
            "",
            "Dense(3)",
            r#"Dense{"units": 3"#,
            r#"Dense{"units": 3} and more"#,
            r#"{"units": 3}"#,
            r#"{"class_name": "Dense", "config": 3}"#,
        ] {
            let error = text.parse::<NewLayer>();
            assert!(error.is_err(), "{text}: {error:?}");
        }
    }
}
