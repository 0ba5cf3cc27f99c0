//! The drawing as an SVG image.

use std::fmt::{self, Write};

use graphlay::{Point, Rect, Size};

use super::layout::{Item, Layout, Style, layout};
use super::text::{Escaped, rows, shown, visible, width};
use super::{Direction, Edge, Node, NodeKind, Plot};

/// Of the line with the name, and of the others.
const NAME: f64 = 12.5;
const SMALL: f64 = 11.0;
/// From a line to the next.
const LINE: f64 = 16.0;
/// Between a box and its text.
const INSIDE: f64 = 11.0;
/// The size of labels of edges.
const LABEL: f64 = 9.5;
/// The least place that the end of an edge takes at a box.
const PORT: f64 = 22.0;
/// The most that it takes.
const WIDEST_PORT: f64 = 80.0;
/// How round the corners of edges are.
const CORNER: f64 = 6.0;
/// Boxes with many labelled edges grow, but not without end.
const WIDEST: f64 = 1500.0;

/// How boxes look; the page of `html` has other colours for the dark.
const STYLE: &str = "\
text{font-family:Helvetica,Arial,'Liberation Sans',sans-serif;font-size:11px;fill:#3c4450;white-space:pre}
.name{font-size:12.5px;font-weight:bold;fill:#15181d}
.class{font-weight:normal;fill:#6a7280}
.box{fill:#e4eefb;stroke:#4a7fc1}
.plain .box{fill:#f4f4f5;stroke:#a3a9b3}
.input .box{fill:#e6f4ea;stroke:#4c9a64}
.operation .box{fill:#fdf3d6;stroke:#c9992c}
.model .box{fill:#f1e6f7;stroke:#9457b5}
.group .box{fill:#9457b5;fill-opacity:.05;stroke:#9457b5;stroke-opacity:.6}
.frozen .box{stroke-dasharray:5 3}
.output .box{stroke-width:2.5}
.edge{fill:none;stroke:#6a7280;stroke-width:1.2;stroke-linejoin:round}
.mask{stroke-dasharray:4 3}
.arrow{fill:#6a7280}
.label{font-size:9.5px;fill:#6a7280;stroke:#fff;stroke-width:3px;stroke-linejoin:round;paint-order:stroke}
";

pub(super) fn print(plot: &Plot) -> String {
    let mut text = String::new();
    // Nothing fails that is written to a string.
    let _ = image(plot, &mut text);
    text
}

fn image(plot: &Plot, out: &mut String) -> fmt::Result {
    let boxes: Vec<Content> = plot.nodes.iter().map(|node| content(plot, node)).collect();
    let layout = place(plot, &boxes);
    let (x, y) = (layout.size.width, layout.size.height);
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{x:.0}\" height=\"{y:.0}\" viewBox=\"0 0 {x:.0} {y:.0}\">"
    )?;
    writeln!(out, "<title>{}</title>", Escaped(&shown(&plot.name)))?;
    writeln!(out, "<style>\n{STYLE}</style>")?;
    writeln!(
        out,
        "<marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path class=\"arrow\" d=\"M0 0.5L8 4L0 7.5z\"/></marker>"
    )?;
    writeln!(
        out,
        "<rect class=\"page\" width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
    )?;
    let nodes = plot.nodes.iter().zip(&boxes).zip(&layout.rects);
    let all: Vec<_> = nodes.enumerate().collect();
    // Groups are behind everything, the outer ones behind the inner ones.
    let (groups, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(_, ((node, _), _))| node.kind == NodeKind::Group);
    for (position, ((node, content), rect)) in groups {
        write_box(position, node, content, *rect, out)?;
    }
    for (edge, route) in plot.edges.iter().zip(&layout.routes) {
        write_edge(edge, route, out)?;
    }
    for (position, ((node, content), rect)) in others {
        write_box(position, node, content, *rect, out)?;
    }
    for (edge, route) in plot.edges.iter().zip(&layout.routes) {
        write_labels(edge, route, plot.options.direction, out)?;
    }
    writeln!(out, "</svg>")
}

/// What a box says.
struct Content {
    name: String,
    class: String,
    rows: Vec<String>,
}

fn content(plot: &Plot, node: &Node) -> Content {
    Content {
        name: shown(&node.name),
        class: shown(&node.class),
        rows: rows(node, plot.options.shapes),
    }
}

impl Content {
    fn size(&self) -> Size {
        let title = width(&self.name) * NAME * 1.06 + width(&self.class) * SMALL + 8.0;
        let rows = self.rows.iter().map(|row| width(row) * SMALL);
        Size {
            width: (rows.fold(title, f64::max) + 2.0 * INSIDE).ceil(),
            height: LINE * (self.rows.len() + 1) as f64 + INSIDE,
        }
    }
}

fn place(plot: &Plot, boxes: &[Content]) -> Layout {
    let direction = plot.options.direction;
    // How many labels there are at each side of a box, and how much place the largest takes.
    let mut labels = vec![[0_usize; 2]; boxes.len()];
    let mut port = PORT;
    for edge in &plot.edges {
        // An edge to what stands earlier goes up.
        let goes_up = edge.to < edge.from;
        for (is_head, node, label) in [(false, edge.from, &edge.tail), (true, edge.to, &edge.head)]
        {
            if !label.is_empty() {
                labels[node][usize::from(is_head == goes_up)] += 1;
                let of_label = match direction {
                    Direction::TopToBottom => width(&shown(label)) * LABEL + 8.0,
                    Direction::LeftToRight => LABEL + 6.0,
                };
                port = of_label.min(WIDEST_PORT).max(port);
            }
        }
    }
    let items = plot.nodes.iter().zip(boxes).zip(labels);
    let items = items.map(|((node, content), [above, below])| {
        let mut size = content.size();
        if node.kind != NodeKind::Group {
            let places = ((above.max(below) + 2) as f64 * port).min(WIDEST);
            match direction {
                Direction::TopToBottom => size.width = size.width.max(places),
                Direction::LeftToRight => size.height = size.height.max(places),
            }
        }
        Item {
            parent: node.group,
            size,
        }
    });
    let groups = plot.nodes.iter().zip(boxes);
    let groups = groups.filter(|(node, _)| node.kind == NodeKind::Group);
    let style = Style {
        direction: match direction {
            Direction::TopToBottom => graphlay::Direction::TopBottom,
            Direction::LeftToRight => graphlay::Direction::LeftRight,
        },
        header: groups.fold(0.0, |most, (_, content)| content.size().height.max(most)),
        port,
    };
    let edges = plot.edges.iter().map(|edge| (edge.from, edge.to));
    layout(
        &items.collect::<Vec<_>>(),
        &edges.collect::<Vec<_>>(),
        &style,
    )
}

fn write_box(
    position: usize,
    node: &Node,
    content: &Content,
    rect: Rect,
    out: &mut String,
) -> fmt::Result {
    let kind = match node.kind {
        NodeKind::Input => "input",
        NodeKind::Operation => "operation",
        NodeKind::Model => "model",
        NodeKind::Group => "group",
        NodeKind::Layer if node.params == 0 => "plain",
        NodeKind::Layer => "layer",
    };
    let frozen = if node.frozen { " frozen" } else { "" };
    let output = if node.outputs.is_empty() {
        ""
    } else {
        " output"
    };
    let corner = rect.min;
    writeln!(
        out,
        "<g id=\"n{position}\" class=\"node {kind}{frozen}{output}\">"
    )?;
    writeln!(out, "<title>{}</title>", Escaped(&visible(&node.path)))?;
    writeln!(
        out,
        "<rect class=\"box\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"5\"/>",
        corner.x,
        corner.y,
        rect.width(),
        rect.height()
    )?;
    let x = corner.x + INSIDE;
    let mut y = corner.y + LINE + 1.0;
    writeln!(
        out,
        "<text class=\"name\" x=\"{x:.1}\" y=\"{y:.1}\">{}<tspan class=\"class\" dx=\"8\" font-size=\"11\">{}</tspan></text>",
        Escaped(&content.name),
        Escaped(&content.class)
    )?;
    for row in &content.rows {
        y += LINE;
        writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
            Escaped(row)
        )?;
    }
    writeln!(out, "</g>")
}

fn write_edge(edge: &Edge, route: &[Point], out: &mut String) -> fmt::Result {
    let (Some(first), Some(last)) = (route.first(), route.last()) else {
        return Ok(());
    };
    let mask = if edge.is_mask { " mask" } else { "" };
    write!(
        out,
        "<path class=\"edge{mask}\" marker-end=\"url(#arrow)\" d=\"M{:.1} {:.1}",
        first.x, first.y
    )?;
    for corner in route.windows(3) {
        let [before, at, after] = [corner[0], corner[1], corner[2]];
        let (start, end) = (beside(at, before), beside(at, after));
        write!(
            out,
            "L{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}",
            start.x, start.y, at.x, at.y, end.x, end.y
        )?;
    }
    writeln!(out, "L{:.1} {:.1}\"/>", last.x, last.y)
}

/// Where the round of a corner meets the line to `other`.
fn beside(corner: Point, other: Point) -> Point {
    let (x, y) = (other.x - corner.x, other.y - corner.y);
    let length = x.abs().max(y.abs());
    let share = if length > 0.0 {
        (CORNER / length).min(0.5)
    } else {
        0.0
    };
    Point::new(corner.x + x * share, corner.y + y * share)
}

/// The labels stand beside the ends of the edge.
fn write_labels(
    edge: &Edge,
    route: &[Point],
    direction: Direction,
    out: &mut String,
) -> fmt::Result {
    let ends = [
        (&edge.tail, route.first(), route.get(1)),
        (&edge.head, route.last(), route.iter().rev().nth(1)),
    ];
    for (label, end, next) in ends {
        let (false, Some(end), Some(next)) = (label.is_empty(), end, next) else {
            continue;
        };
        let down = next.y - end.y;
        // The edge of a box to itself goes out at its side.
        let is_upright = match direction {
            Direction::TopToBottom => down.abs() >= 0.05,
            Direction::LeftToRight => (next.x - end.x).abs() < 0.05,
        };
        let (x, y, anchor) = if is_upright {
            let away = if down > 0.0 { LABEL + 2.0 } else { -8.0 };
            (end.x + 4.0, end.y + away, "")
        } else if next.x > end.x {
            (end.x + 4.0, end.y - 3.0, "")
        } else {
            (end.x - 9.0, end.y - 3.0, " text-anchor=\"end\"")
        };
        writeln!(
            out,
            "<text class=\"label\" x=\"{x:.1}\" y=\"{y:.1}\"{anchor}>{}</text>",
            Escaped(&shown(label))
        )?;
    }
    Ok(())
}
