//! Where everything stands: boxes in rows by their distance from the inputs, groups around what is in
//! them, and edges by right angles between.
//!
//! `graphlay` does all of it, with the same numbers on every machine. Other crates fall short:
//! `rust-sugiyama` 0.4 gives another drawing on each run, panics at an edge of a box to itself and
//! overflows the stack at 10,000 boxes in a row; `dagre` 0.1 takes half a minute for a U-Net of 1,000
//! layers; `layout-rs` 0.1 knows no groups; `dugong` 0.9 is meant for its own project alone.

#[cfg(test)]
mod tests;

use graphlay::{
    BranchStyle, CrossPlacement, Direction, Edge, Effort, Graph, LayoutError, LayoutOptions,
    Limits, Node, NodeId, Point, PortSides, Rect, Size,
};

/// What is placed: a box, or what others are in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// What it is in, which stands before it.
    pub parent: Option<usize>,
    /// Its size; of what others are in, the least.
    pub size: Size,
}

/// What holds of a drawing as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub direction: Direction,
    /// The height of the titles of groups.
    pub header: f64,
    /// The place that the end of an edge takes at a box.
    pub port: f64,
}

/// Where everything stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    pub size: Size,
    /// Of each item.
    pub rects: Vec<Rect>,
    /// Of each edge: its points, from its source to its target.
    pub routes: Vec<Vec<Point>>,
}

/// Around the contents of groups, and of the whole.
const MARGIN: f64 = 14.0;
/// Edges keep clear of the boxes that they go by at no more than so many places in a group.
const MOST_BENDS: usize = 100_000;
/// In drawings of up to so many boxes and edges, lines are straightened and moved apart over and over;
/// that takes minutes where a row has 1,000 boxes, or where layers take from all before them.
const MOST_REFINED: usize = 150;

/// Places items and routes edges. Both ends of an edge are boxes.
///
/// Where edges go by too many boxes, the longest of them are drawn right across.
pub(super) fn layout(items: &[Item], edges: &[(usize, usize)], style: &Style) -> Layout {
    let options = options(items.len() + edges.len(), style);
    let mut shortest_first: Vec<usize> = (0..edges.len()).collect();
    shortest_first.sort_by_key(|edge| edges[*edge].0.abs_diff(edges[*edge].1));
    loop {
        match graphlay::layout(&graph(items, edges, &shortest_first), &options) {
            Ok(placed) => return assemble(items, edges, &shortest_first, placed, style.direction),
            Err(LayoutError::TooLarge { .. }) if !shortest_first.is_empty() => {
                shortest_first.truncate(shortest_first.len() / 2);
            }
            // Sizes and parents are as they should be.
            Err(_) => return Layout::default(),
        }
    }
}

fn options(count: usize, style: &Style) -> LayoutOptions {
    let mut options = LayoutOptions {
        direction: style.direction,
        limits: Limits {
            max_dummies: Some(MOST_BENDS),
            ..Limits::default()
        },
        ..LayoutOptions::layered_default()
    };
    options.spacing.layer_gap = 40.0;
    options.spacing.node_gap = 24.0;
    options.spacing.dummy_gap = 14.0;
    options.spacing.port_gap = style.port;
    options.spacing.compound_padding = MARGIN;
    options.spacing.compound_header = style.header;
    options.routing.port_sides = PortSides::FacingOnly;
    if count > MOST_REFINED {
        options.effort = Effort::Fast;
        options.coords.branch_style = BranchStyle::Free;
        options.coords.placement = CrossPlacement::BrandesKoepf;
        options.tuning.order.chain_lane_rounds = 0;
        options.tuning.order.balance_rounds = 0;
        options.tuning.coords.flatten_room = 0;
        options.tuning.coords.main_path_room = 0;
        options.tuning.coords.snap_rounds = 0;
        options.tuning.routing.port_relax_rounds = 0;
        options.tuning.routing.step_flatten = 0.0;
        options.tuning.routing.overlap_repair_rounds = 0;
    }
    options
}

fn graph(items: &[Item], edges: &[(usize, usize)], routed: &[usize]) -> Graph {
    let mut graph = Graph::new();
    graph.nodes.extend(items.iter().map(|item| Node {
        size: item.size,
        parent: item.parent.map(id),
        ..Node::default()
    }));
    graph.edges.extend(routed.iter().map(|edge| {
        let (upper, lower) = downwards(items, edges[*edge]);
        Edge::new(id(upper), id(lower))
    }));
    graph
}

fn id(item: usize) -> NodeId {
    NodeId(u32::try_from(item).unwrap_or(u32::MAX))
}

/// The ends of an edge: the upper one stands earlier, or what is around it beside what is around the
/// other does. So there are no circles.
fn downwards(items: &[Item], (from, to): (usize, usize)) -> (usize, usize) {
    let (mut a, mut b) = (from, to);
    while items[a].parent != items[b].parent {
        // What others are in stands before them.
        match (items[a].parent, items[b].parent) {
            (Some(around), other) if other.is_none_or(|other| around > other) => a = around,
            (_, Some(around)) => b = around,
            _ => break,
        }
    }
    if b < a { (to, from) } else { (from, to) }
}

fn assemble(
    items: &[Item],
    edges: &[(usize, usize)],
    routed: &[usize],
    placed: graphlay::Layout,
    direction: Direction,
) -> Layout {
    let bounds = placed.bounds;
    let shift = |point: Point| {
        Point::new(
            point.x - bounds.min.x + MARGIN,
            point.y - bounds.min.y + MARGIN,
        )
    };
    let nodes = placed.nodes.iter();
    let rects: Vec<Rect> = nodes
        .map(|node| Rect::from_center(shift(node.center), node.size))
        .collect();
    let mut routes = vec![Vec::new(); edges.len()];
    for (edge, route) in routed.iter().zip(placed.edges) {
        routes[*edge] = route.points.into_iter().map(shift).collect();
    }
    for (ends, route) in edges.iter().zip(&mut routes) {
        let (upper, lower) = downwards(items, *ends);
        if route.is_empty() {
            *route = across(rects[upper], rects[lower], direction);
        }
        if (upper, lower) != *ends {
            route.reverse();
        }
    }
    Layout {
        size: Size::new(
            bounds.width() + 2.0 * MARGIN,
            bounds.height() + 2.0 * MARGIN,
        ),
        rects,
        routes,
    }
}

/// From one box to another, whatever is between.
fn across(upper: Rect, lower: Rect, direction: Direction) -> Vec<Point> {
    let (start, end) = (upper.center(), lower.center());
    match direction {
        Direction::TopBottom => vec![
            Point::new(start.x, upper.max.y),
            Point::new(end.x, lower.min.y),
        ],
        Direction::LeftRight => vec![
            Point::new(upper.max.x, start.y),
            Point::new(lower.min.x, end.y),
        ],
    }
}
