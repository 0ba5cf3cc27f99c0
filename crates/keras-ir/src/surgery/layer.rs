//! Layers by their paths.

use crate::graph::{Graph, LayerId, LayerKind, ModelId};
use crate::problem::{Problem, ProblemKind};

use super::place::layers;

/// A layer, and the model on the way whose layer it is or belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub model: ModelId,
    pub layer: LayerId,
    /// Whether it is a part of a wrapper: then it is in no model's list.
    pub is_part: bool,
}

impl Graph {
    /// The layer at `path`: its name behind those of the models and wrappers around it, with `/`
    /// between them.
    ///
    /// ```no_run
    /// let graph = keras_ir::read("siamese.h5", keras_ir::ReadOptions::default())?;
    /// let layer = graph.layer_at("encoder/dense_1").map_err(|problem| problem.in_file("siamese.h5"))?;
    /// println!("{}", graph.layer(layer).class);
    /// # Ok::<(), keras_ir::Report>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn layer_at(&self, path: &str) -> Result<LayerId, Problem> {
        self.find_layer(path).map(|found| found.layer)
    }

    pub(super) fn find_layer(&self, path: &str) -> Result<Found, Problem> {
        self.layer_in(self.root, path).ok_or_else(|| {
            Problem::new(ProblemKind::Place)
                .key(path)
                .expected("the path of a layer, with / into nested models and wrappers")
                .found(path)
                .help("`burn-keras summary --expand-nested` lists the layers")
        })
    }

    fn layer_in(&self, model: ModelId, path: &str) -> Option<Found> {
        let mut fitting: Vec<(LayerId, &str)> = layers(self.model(model))
            .filter_map(|id| Some((id, path.strip_prefix(self.layer(id).name.as_str())?)))
            .collect();
        fitting.sort_by_key(|(_, rest)| rest.len());
        let mut found = fitting.into_iter().filter_map(|(layer, rest)| {
            let here = Found {
                model,
                layer,
                is_part: false,
            };
            self.layer_behind(here, rest)
        });
        found.next()
    }

    fn layer_behind(&self, found: Found, rest: &str) -> Option<Found> {
        if rest.is_empty() {
            return Some(found);
        }
        let inside = rest.strip_prefix('/')?;
        match &self.layer(found.layer).kind {
            LayerKind::Model(inner) => self.layer_in(*inner, inside),
            LayerKind::Wrapper(_, parts) => parts.iter().find_map(|part| {
                let part = Found {
                    layer: *part,
                    is_part: true,
                    ..found
                };
                self.layer_behind(part, inside.strip_prefix(self.own_name(part.layer))?)
            }),
            _ => None,
        }
    }
}
