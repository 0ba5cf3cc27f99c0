//! Names of layers: each once in a model.

use crate::graph::{Graph, LayerId, LayerKind};
use crate::layer::Wrapper;

/// `wanted`, or with the first number behind it that makes a name which is not taken.
pub(super) fn unique_name(wanted: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = wanted.to_owned();
    let mut number = 1_usize;
    while is_taken(&name) {
        name = format!("{wanted}_{number}");
        number += 1;
    }
    name
}

/// Gives a layer another name; the parts of a wrapper are called after it.
pub(super) fn set_name(graph: &mut Graph, id: LayerId, name: &str) {
    let layer = &mut graph.layers[id.0];
    let old = std::mem::replace(&mut layer.name, name.to_owned());
    if !layer.config.is_empty() {
        layer.config.insert("name".into(), name.into());
    }
    let parts = match &layer.kind {
        LayerKind::Wrapper(_, parts) => parts.clone(),
        LayerKind::Model(model) => {
            let model = *model;
            graph.models[model.0].name = name.to_owned();
            Vec::new()
        }
        _ => Vec::new(),
    };
    for part in parts {
        // `bidirectional_forward`, or the wrapper's own name where there is one part.
        let of_part = graph.layers[part.0].name.clone();
        let is_named_after = of_part == old || of_part.starts_with(&format!("{old}_"));
        if let (Some(role), true) = (
            of_part.strip_prefix(&old),
            is_named_after && !is_tied(graph, id, part),
        ) {
            set_part_name(graph, part, &format!("{name}{role}"));
        }
    }
}

/// Whether a part is the table of a tied layer: a layer of its own.
fn is_tied(graph: &Graph, wrapper: LayerId, part: LayerId) -> bool {
    match &graph.layer(wrapper).kind {
        LayerKind::Wrapper(Wrapper::TiedDense(_), parts) => parts.first() == Some(&part),
        _ => false,
    }
}

/// A part keeps the name of its own, which its config has.
fn set_part_name(graph: &mut Graph, id: LayerId, name: &str) {
    let layer = &mut graph.layers[id.0];
    let old = std::mem::replace(&mut layer.name, name.to_owned());
    if let LayerKind::Wrapper(_, parts) = layer.kind.clone() {
        for part in parts {
            let of_part = graph.layers[part.0].name.clone();
            if let Some(role) = of_part.strip_prefix(&old) {
                set_part_name(graph, part, &format!("{name}{role}"));
            }
        }
    }
}
