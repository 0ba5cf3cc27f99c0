//! What is in one container, in rows.

use super::{Point, order, place};

/// A box, or a group that is arranged already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub size: Point,
    /// How much of its width edges can end at.
    pub side: f64,
    /// The place that the end of an edge takes.
    pub port: f64,
}

/// Where a link ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub item: usize,
    /// How far from the middle, where that is settled.
    pub port: Option<f64>,
}

/// From an item, or the upper border, to a later item, or the lower border.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub upper: Option<End>,
    pub lower: Option<End>,
}

/// Where items and links are, from the corner of the container on.
#[derive(Clone, Debug, Default)]
pub(super) struct Arranged {
    pub size: Point,
    pub middles: Vec<Point>,
    pub routes: Vec<Vec<Point>>,
}

impl Arranged {
    pub fn shift(&mut self, by: Point) {
        let points = self.routes.iter_mut().flatten();
        for point in self.middles.iter_mut().chain(points) {
            point.x += by.x;
            point.y += by.y;
        }
    }
}

/// Between rows.
const GAP: f64 = 40.0;
/// Between a row and a border.
const BORDER_GAP: f64 = 16.0;
/// Edges that go by rows are kept apart from the boxes there, as long as they are no more than this in
/// all; others, the longest, are drawn right across.
const MOST_BENDS: usize = 100_000;
/// What is left free of edges at both ends of a side together.
const CORNERS: f64 = 20.0;

/// What stands in a row: an item, or the place where a link goes through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vertex {
    pub row: usize,
    pub size: Point,
    pub is_item: bool,
}

/// A part of a link, from one row to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub upper: usize,
    pub lower: usize,
    /// How far from the middles it ends, where that is settled.
    pub upper_port: f64,
    pub lower_port: f64,
}

/// All vertices and segments.
pub(super) struct Net {
    pub vertices: Vec<Vertex>,
    pub segments: Vec<Segment>,
    pub rows: usize,
    /// The vertices of each link, from its upper end to its lower one.
    chains: Vec<Vec<usize>>,
}

pub(super) fn arrange(items: &[Item], links: &[Link]) -> Arranged {
    let net = Net::of(items, links);
    let rows = order::order(&net);
    let xs = place::place(&net, &rows);
    net.settle(items, links, &rows, &xs)
}

impl Net {
    fn of(items: &[Item], links: &[Link]) -> Self {
        let (item_rows, rows) = item_rows(items.len(), links);
        let mut vertices: Vec<Vertex> = items
            .iter()
            .zip(item_rows)
            .map(|(item, row)| Vertex {
                row,
                size: item.size,
                is_item: true,
            })
            .collect();
        let mut chains = Vec::with_capacity(links.len());
        let between = |row: usize, vertices: &mut Vec<Vertex>| {
            vertices.push(Vertex {
                row,
                size: Point { x: 2.0, y: 0.0 },
                is_item: false,
            });
            vertices.len() - 1
        };
        for link in links {
            let upper = match link.upper {
                Some(end) => end.item,
                None => between(0, &mut vertices),
            };
            let lower = match link.lower {
                Some(end) => end.item,
                None => between(rows - 1, &mut vertices),
            };
            chains.push(vec![upper, lower]);
        }
        let length = |chain: &Vec<usize>, vertices: &[Vertex]| {
            let end = |at: usize| chain.get(at).map_or(0, |vertex| vertices[*vertex].row);
            end(1).saturating_sub(end(0) + 1)
        };
        let mut shortest_first: Vec<usize> = (0..chains.len()).collect();
        shortest_first.sort_by_key(|index| length(&chains[*index], &vertices));
        let mut bends = 0;
        for index in shortest_first {
            let chain = &mut chains[index];
            bends += length(chain, &vertices);
            if bends > MOST_BENDS {
                break;
            }
            let (first, last) = (chain[0], chain[1]);
            let rows = vertices[first].row + 1..vertices[last].row;
            chain.truncate(1);
            chain.extend(rows.map(|row| between(row, &mut vertices)));
            chain.push(last);
        }
        let mut segments = Vec::new();
        for (chain, link) in chains.iter().zip(links) {
            let port = |end: Option<End>| end.and_then(|end| end.port).unwrap_or_default();
            for (index, pair) in chain.windows(2).enumerate() {
                if vertices[pair[0]].row + 1 != vertices[pair[1]].row {
                    continue;
                }
                segments.push(Segment {
                    upper: pair[0],
                    lower: pair[1],
                    upper_port: if index == 0 { port(link.upper) } else { 0.0 },
                    lower_port: if index + 2 == chain.len() {
                        port(link.lower)
                    } else {
                        0.0
                    },
                });
            }
        }
        Self {
            vertices,
            segments,
            rows,
            chains,
        }
    }

    /// Heights of rows, the ports of boxes and the routes between them.
    fn settle(&self, items: &[Item], links: &[Link], rows: &[Vec<usize>], xs: &[f64]) -> Arranged {
        let half = |vertex: usize| self.vertices[vertex].size.x / 2.0;
        let ends = |sign: f64| {
            let all = xs.iter().enumerate();
            all.map(move |(vertex, x)| x + sign * half(vertex))
        };
        let left = ends(-1.0).fold(f64::INFINITY, f64::min);
        let right = ends(1.0).fold(f64::NEG_INFINITY, f64::max);
        let is_border = |row: &Vec<usize>| row.iter().all(|vertex| !self.vertices[*vertex].is_item);
        let mut spans: Vec<(f64, f64)> = Vec::with_capacity(rows.len());
        let mut y = 0.0;
        for (index, row) in rows.iter().enumerate() {
            let heights = row.iter().map(|vertex| self.vertices[*vertex].size.y);
            let height = heights.fold(0.0, f64::max);
            spans.push((y, y + height));
            y += height;
            if let Some(next) = rows.get(index + 1) {
                let close = is_border(row) || is_border(next);
                y += if close { BORDER_GAP } else { GAP };
            }
        }
        let at = |vertex: usize| {
            let (top, bottom) = spans[self.vertices[vertex].row];
            Point {
                x: xs[vertex] - left,
                y: (top + bottom) / 2.0,
            }
        };
        let ports = self.ports(items, links, xs);
        let routes = self.chains.iter().zip(ports).map(|(chain, ports)| {
            let mut route = Vec::with_capacity(2 * chain.len());
            for (index, vertex) in chain.iter().enumerate() {
                let Point { x, y } = at(*vertex);
                let Vertex { row, size, .. } = self.vertices[*vertex];
                let (top, bottom) = spans[row];
                let [top, bottom] = match index {
                    0 => [y + size.y / 2.0, bottom],
                    _ if index + 1 == chain.len() => [top, y - size.y / 2.0],
                    _ => [top, bottom],
                };
                let x = match index {
                    0 => x + ports[0],
                    _ if index + 1 == chain.len() => x + ports[1],
                    _ => x,
                };
                for y in [top, bottom] {
                    let point = Point { x, y };
                    if route.last() != Some(&point) {
                        route.push(point);
                    }
                }
            }
            route
        });
        Arranged {
            size: Point {
                x: (right - left).max(0.0),
                y,
            },
            middles: (0..items.len()).map(at).collect(),
            routes: routes.collect(),
        }
    }

    /// How far from the middles of its ends each link goes out and comes in: side by side, in the order
    /// of where they come from.
    fn ports(&self, items: &[Item], links: &[Link], xs: &[f64]) -> Vec<[f64; 2]> {
        let mut ports = vec![[0.0; 2]; links.len()];
        let mut sides: Vec<[Vec<(f64, usize)>; 2]> = vec![Default::default(); items.len()];
        for (index, (link, chain)) in links.iter().zip(&self.chains).enumerate() {
            let next = [chain.get(1), chain.iter().rev().nth(1)];
            for (side, (end, next)) in [link.upper, link.lower].into_iter().zip(next).enumerate() {
                match (end, next) {
                    (
                        Some(End {
                            port: Some(port), ..
                        }),
                        _,
                    ) => ports[index][side] = port,
                    (Some(end), Some(next)) => sides[end.item][side].push((xs[*next], index)),
                    _ => {}
                }
            }
        }
        for (item, sides) in items.iter().zip(&mut sides) {
            for (side, ends) in sides.iter_mut().enumerate() {
                ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let count = ends.len() as f64;
                let room = (item.side - CORNERS).max(0.0) / count;
                let step = room.min(item.port);
                for (position, (_, index)) in ends.iter().enumerate() {
                    ports[*index][side] = (position as f64 - (count - 1.0) / 2.0) * step;
                }
            }
        }
        ports
    }
}

/// The row of each item, and how many rows there are, with those of the borders that links end at.
fn item_rows(items: usize, links: &[Link]) -> (Vec<usize>, usize) {
    let first = usize::from(links.iter().any(|link| link.upper.is_none()));
    let mut below: Vec<Vec<Option<usize>>> = vec![Vec::new(); items];
    let mut above = vec![0; items];
    for link in links {
        if let Some(end) = link.lower {
            above[end.item] += 1;
        }
        if let Some(end) = link.upper {
            below[end.item].push(link.lower.map(|end| end.item));
        }
    }
    // Each as far up as it can be. Links go to later items.
    let mut rows = vec![first; items];
    for item in 0..items {
        for lower in below[item].iter().flatten() {
            rows[*lower] = rows[*lower].max(rows[item] + 1);
        }
    }
    let last = rows.iter().copied().max().unwrap_or(first);
    // And down again to where it is needed, where that makes links shorter.
    for item in (0..items).rev() {
        let lowest = below[item]
            .iter()
            .map(|lower| lower.map_or(last, |lower| rows[lower] - 1))
            .min();
        if let (Some(lowest), true) = (lowest, above[item] <= below[item].len()) {
            rows[item] = lowest;
        }
    }
    let has_end = links.iter().any(|link| link.lower.is_none());
    (rows, last + 1 + usize::from(has_end))
}
