//! The drawing as a page: the SVG, and what each layer is.

use std::fmt::{self, Write};

use super::text::{Escaped, visible};
use super::{Node, NodeKind, Plot, Signature, svg};
use crate::shape::Shape;
use crate::summary::grouped;

/// Nothing is loaded, and nothing runs but what is written here.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// More calls of a layer are not listed.
const MOST_CALLS: usize = 50;
/// Longer configs are cut.
const LONGEST_CONFIG: usize = 20_000;

pub(super) fn print(plot: &Plot) -> String {
    let mut text = String::new();
    // Nothing fails that is written to a string.
    let _ = page(plot, &mut text);
    text
}

fn page(plot: &Plot, out: &mut String) -> fmt::Result {
    let name = visible(&plot.name);
    let title = Escaped(&name);
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">"
    )?;
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">"
    )?;
    writeln!(
        out,
        "<meta name=\"viewport\" content=\"width=device-width\">"
    )?;
    writeln!(out, "<title>{title}</title>\n<style>\n{STYLE}</style>")?;
    writeln!(out, "<main>\n{}</main>", svg::print(plot))?;
    writeln!(out, "<aside>\n<section id=\"about\">\n<h1>{title}</h1>")?;
    let is_layer = |node: &&Node| node.kind != NodeKind::Group;
    let layers = plot.nodes.iter().filter(is_layer).count();
    let outermost = plot.nodes.iter().filter(|node| node.group.is_none());
    let params: usize = outermost.map(|node| node.params).sum();
    writeln!(
        out,
        "<p>{} layers, {} params</p>",
        grouped(layers),
        grouped(params)
    )?;
    for note in &plot.notes {
        writeln!(out, "<p>Note: {}</p>", Escaped(&visible(note)))?;
    }
    writeln!(
        out,
        "<p class=\"hint\">Wheel: closer and farther. Drag: move. Double click: all of it. Click on a box: \
         keep its layer here.</p>\n</section>"
    )?;
    for (position, node) in plot.nodes.iter().enumerate() {
        section(position, node, out)?;
    }
    writeln!(out, "</aside>\n<script>\n{SCRIPT}</script>\n</html>")
}

fn section(position: usize, node: &Node, out: &mut String) -> fmt::Result {
    writeln!(out, "<section id=\"about-n{position}\" hidden>")?;
    writeln!(out, "<h1>{}</h1>", Escaped(&visible(&node.path)))?;
    writeln!(out, "<p>{}</p>", Escaped(&visible(&node.class)))?;
    let mut facts = vec![format!("{} params", grouped(node.params))];
    if node.trainable_params < node.params {
        facts.push(format!("{} trainable", grouped(node.trainable_params)));
    }
    if node.frozen {
        facts.push("frozen".to_owned());
    }
    facts.extend(node.dtype.as_deref().map(visible));
    writeln!(out, "<p>{}</p>", Escaped(&facts.join(", ")))?;
    if !node.calls.is_empty() {
        writeln!(out, "<h2>Calls</h2>\n<ol start=\"0\">")?;
        for Signature { inputs, outputs } in node.calls.iter().take(MOST_CALLS) {
            let arrow = if inputs.is_empty() { "" } else { " → " };
            writeln!(out, "<li>{}{arrow}{}</li>", list(inputs), list(outputs))?;
        }
        writeln!(out, "</ol>")?;
        if let Some(more) = node
            .calls
            .len()
            .checked_sub(MOST_CALLS)
            .filter(|more| *more > 0)
        {
            writeln!(out, "<p>and {more} more</p>")?;
        }
    }
    if !node.weights.is_empty() {
        writeln!(out, "<h2>Weights</h2>\n<table>")?;
        for weight in &node.weights {
            let shape = weight.shape.iter().map(|dim| Some(*dim)).collect();
            let trainable = if weight.trainable { "" } else { "not trained" };
            writeln!(
                out,
                "<tr><td>{}<td>{}<td>{}<td>{trainable}",
                Escaped(&visible(&weight.path)),
                Shape(shape),
                Escaped(&visible(&weight.dtype))
            )?;
        }
        writeln!(out, "</table>")?;
    }
    if !node.config.is_empty() {
        let config = serde_json::to_string_pretty(&node.config).unwrap_or_default();
        let end = config.char_indices().nth(LONGEST_CONFIG);
        let (shown, more) = match end {
            Some((end, _)) => (&config[..end], "\n…"),
            None => (config.as_str(), ""),
        };
        let lines: Vec<String> = shown.split('\n').map(visible).collect();
        writeln!(
            out,
            "<h2>Config</h2>\n<pre>{}{more}</pre>",
            Escaped(&lines.join("\n"))
        )?;
    }
    writeln!(out, "</section>")
}

fn list(shapes: &[Shape]) -> String {
    let shapes: Vec<String> = shapes.iter().map(Shape::to_string).collect();
    shapes.join(", ")
}
