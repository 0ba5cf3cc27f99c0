//! The drawing in Graphviz's language.

use std::fmt::{self, Write};

use super::text::{rows, shown};
use super::{Direction, Edge, Node, NodeKind, Plot};

pub(super) fn print(plot: &Plot) -> String {
    let mut text = String::new();
    // Nothing fails that is written to a string.
    let _ = digraph(plot, &mut text);
    text
}

fn digraph(plot: &Plot, out: &mut String) -> fmt::Result {
    let direction = match plot.options.direction {
        Direction::TopToBottom => "TB",
        Direction::LeftToRight => "LR",
    };
    writeln!(out, "digraph {} {{", Quoted(&[shown(&plot.name)]))?;
    writeln!(
        out,
        "  graph [rankdir={direction}, fontname=\"Helvetica\", fontsize=11];"
    )?;
    writeln!(
        out,
        "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"Helvetica\", fontsize=11];"
    )?;
    writeln!(
        out,
        "  edge [fontname=\"Helvetica\", fontsize=9, arrowsize=0.7];"
    )?;
    let mut inside: Vec<Vec<usize>> = vec![Vec::new(); plot.nodes.len()];
    let mut outermost = Vec::new();
    for (position, node) in plot.nodes.iter().enumerate() {
        match node.group {
            Some(group) => inside[group].push(position),
            None => outermost.push(position),
        }
    }
    nodes(plot, &outermost, &inside, 1, out)?;
    for edge in &plot.edges {
        write_edge(edge, out)?;
    }
    writeln!(out, "}}")
}

fn nodes(
    plot: &Plot,
    positions: &[usize],
    inside: &[Vec<usize>],
    depth: usize,
    out: &mut String,
) -> fmt::Result {
    let indent = "  ".repeat(depth);
    for position in positions {
        let node = &plot.nodes[*position];
        let label = label(node, plot.options.shapes);
        if node.kind == NodeKind::Group {
            writeln!(out, "{indent}subgraph cluster_{position} {{")?;
            writeln!(out, "{indent}  label={};", Quoted(&label))?;
            writeln!(out, "{indent}  style=rounded;")?;
            nodes(plot, &inside[*position], inside, depth + 1, out)?;
            writeln!(out, "{indent}}}")?;
            continue;
        }
        write!(out, "{indent}n{position} [label={}", Quoted(&label))?;
        let fill = match node.kind {
            NodeKind::Input => "#e6f4ea",
            NodeKind::Operation => "#fdf3d6",
            NodeKind::Model => "#f1e6f7",
            _ if node.params > 0 => "#e4eefb",
            _ => "#f4f4f5",
        };
        write!(out, ", fillcolor=\"{fill}\"")?;
        if node.frozen {
            write!(out, ", style=\"rounded,filled,dashed\"")?;
        }
        if !node.outputs.is_empty() {
            write!(out, ", penwidth=2")?;
        }
        writeln!(out, "];")?;
    }
    Ok(())
}

fn label(node: &Node, shapes: bool) -> Vec<String> {
    let title = format!("{} ({})", shown(&node.name), shown(&node.class));
    [vec![title], rows(node, shapes)].concat()
}

fn write_edge(edge: &Edge, out: &mut String) -> fmt::Result {
    let mut attributes = Vec::new();
    for (key, label) in [("taillabel", &edge.tail), ("headlabel", &edge.head)] {
        if !label.is_empty() {
            attributes.push(format!("{key}={}", Quoted(&[shown(label)])));
        }
    }
    if edge.is_mask {
        attributes.push("style=dashed".to_owned());
    }
    write!(out, "  n{} -> n{}", edge.from, edge.to)?;
    if !attributes.is_empty() {
        write!(out, " [{}]", attributes.join(", "))?;
    }
    writeln!(out, ";")
}

/// Lines as one string: Graphviz has escapes that begin with a backslash, and knows the entities of HTML.
struct Quoted<'a>(&'a [String]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for (index, line) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\\n")?;
            }
            for char in line.chars() {
                match char {
                    '\\' => f.write_str("\\\\")?,
                    '"' => f.write_str("\\\"")?,
                    '&' => f.write_str("&amp;")?,
                    char => f.write_char(char)?,
                }
            }
        }
        f.write_char('"')
    }
}
