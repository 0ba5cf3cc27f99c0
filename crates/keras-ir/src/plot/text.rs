//! What a box says, and how names of strangers are made fit to be shown.

use std::fmt;

use super::{Node, NodeKind};
use crate::shape::Shape;
use crate::summary::grouped;

/// Longer names are cut in a drawing.
const LONGEST: usize = 60;
/// More shapes than this are not told apart in a box.
const MOST: usize = 4;

/// The text without what has no place in any format: control characters, and marks that turn the
/// direction of what follows.
pub(super) fn visible(text: &str) -> String {
    let chars = text.chars();
    let chars = chars.map(|char| match char {
        '\t' | '\n' | '\r' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        char if char.is_control() => '\u{fffd}',
        char => char,
    });
    chars.collect()
}

/// The text as a drawing shows it: [`visible`], and cut.
pub(super) fn shown(text: &str) -> String {
    let mut chars = text.char_indices();
    match chars.nth(LONGEST) {
        None => visible(text),
        Some((end, _)) => format!("{}…", visible(&text[..end])),
    }
}

/// Text for XML and HTML, in elements and in attributes.
pub(super) struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                char => write!(f, "{char}")?,
            }
        }
        Ok(())
    }
}

/// What a box says under the name and the class of its layer.
pub(super) fn rows(node: &Node, shapes: bool) -> Vec<String> {
    // Those of a group are on the boxes of its inputs and outputs.
    let shapes = shapes && node.kind != NodeKind::Group;
    let mut rows = if shapes { shape_rows(node) } else { Vec::new() };
    let mut facts = Vec::new();
    if node.params > 0 {
        facts.push(format!("{} params", grouped(node.params)));
        if node.frozen {
            facts.push("frozen".to_owned());
        } else if node.trainable_params < node.params {
            facts.push(format!("{} trainable", grouped(node.trainable_params)));
        }
    }
    facts.extend(node.activation.as_deref().map(shown));
    facts.extend(node.dtype.as_deref().map(shown));
    if !facts.is_empty() {
        rows.push(facts.join(" · "));
    }
    for output in node.outputs.iter().take(MOST) {
        rows.push(format!("output {}", shown(output)).trim_end().to_owned());
    }
    if node.outputs.len() > MOST {
        rows.push(format!("and {} outputs more", node.outputs.len() - MOST));
    }
    rows
}

/// The shapes that calls take and give, those that are alike once.
fn shape_rows(node: &Node) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for call in &node.calls {
        let outputs = list(&call.outputs);
        let row = match call.inputs.as_slice() {
            [] => outputs,
            inputs => format!("{} → {outputs}", list(inputs)),
        };
        if rows.contains(&row) {
            continue;
        }
        if rows.len() == MOST {
            rows.push("…".to_owned());
            break;
        }
        rows.push(row);
    }
    rows
}

fn list(shapes: &[Shape]) -> String {
    let mut list: Vec<String> = shapes
        .iter()
        .take(MOST)
        .map(|shape| shown(&shape.to_string()))
        .collect();
    if shapes.len() > MOST {
        list.push(format!("{} more", shapes.len() - MOST));
    }
    list.join(", ")
}

/// About how wide a line is at a size of 1: by the widths of Helvetica, and a little more for what takes
/// its place.
pub(super) fn width(text: &str) -> f64 {
    let of = |char: char| match char {
        'i' | 'j' | 'l' | '|' | '.' | ',' | ':' | ';' | '\'' | '!' | ' ' | '·' => 0.28,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '{' | '}' | '/' | '\\' | '-' | '"' => 0.37,
        'm' | 'M' | 'w' | 'W' | '@' | '%' | '→' | '…' => 0.95,
        'A'..='Z' | '&' => 0.72,
        '\u{1100}'.. => 1.05,
        _ => 0.56,
    };
    text.chars().map(of).sum::<f64>() * 1.06
}
