//! Where everything stands: boxes in rows by their distance from the inputs, groups laid out by
//! themselves and then placed like boxes.
//!
//! Of the crates for this, `dagre` alone knows groups, and takes more than half a minute for a U-Net of
//! 1,000 layers; `rust-sugiyama` and `layout-rs` have none.
//!
//! Positions come from additions, multiplications and divisions in a fixed order, which are the same on
//! every machine.

mod lines;
mod order;
mod place;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

/// A point, or a size.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub x: f64,
    pub y: f64,
}

/// What is placed: a box, or what others are in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// What it is in, which stands before it.
    pub parent: Option<usize>,
    /// Its size; of what others are in, the least.
    pub size: Point,
    /// Where in it the others begin.
    pub inset: Point,
    /// The place that the label at an end of an edge takes.
    pub port: f64,
}

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rect {
    pub corner: Point,
    pub size: Point,
}

/// Where everything stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    pub size: Point,
    /// Of each item.
    pub rects: Vec<Rect>,
    /// Of each edge: its points, from its source to its target. Between rows it bends.
    pub routes: Vec<Vec<Point>>,
}

/// Around the contents of groups, and of the whole.
pub(super) const MARGIN: f64 = 14.0;
/// How far the edge of a box to itself goes out.
pub(super) const LOOP: f64 = 26.0;

/// Places items and routes edges from top to bottom. Both ends of an edge are boxes.
pub(super) fn layout(items: &[Item], edges: &[(usize, usize)]) -> Layout {
    let mut containers = Containers::of(items, edges.len());
    for (edge, (from, to)) in edges.iter().enumerate() {
        containers.add(items, edge, *from, *to);
    }
    containers.arrange(items);
    containers.assemble(items, edges)
}

/// The outermost container, and one for each item; those of boxes stay empty.
struct Containers {
    all: Vec<Container>,
    depths: Vec<usize>,
    /// The items with an edge to themselves.
    looped: Vec<bool>,
    /// The edges that go up.
    reversed: Vec<bool>,
    sizes: Vec<Point>,
}

#[derive(Default)]
struct Container {
    items: Vec<usize>,
    pieces: Vec<Piece>,
    arranged: rows::Arranged,
}

/// The part of an edge in one container, from top to bottom; an end is an item, or the border.
struct Piece {
    edge: usize,
    upper: Option<usize>,
    lower: Option<usize>,
}

/// The container of what is in `parent`: the outermost is the first.
fn container(parent: Option<usize>) -> usize {
    parent.map_or(0, |parent| parent + 1)
}

impl Containers {
    fn of(items: &[Item], edges: usize) -> Self {
        let mut containers = Self {
            all: Vec::new(),
            depths: Vec::with_capacity(items.len()),
            looped: vec![false; items.len()],
            reversed: vec![false; edges],
            sizes: items.iter().map(|item| item.size).collect(),
        };
        containers
            .all
            .resize_with(items.len() + 1, Container::default);
        for (position, item) in items.iter().enumerate() {
            let depth = item
                .parent
                .map_or(0, |parent| containers.depths[parent] + 1);
            containers.depths.push(depth);
            containers.all[container(item.parent)].items.push(position);
        }
        containers
    }

    /// Takes an edge apart: out of the groups around its upper end, over to what is around its lower
    /// one, and in. What stands later is lower, whichever way the edge goes, so that there are no circles.
    fn add(&mut self, items: &[Item], edge: usize, from: usize, to: usize) {
        if from == to {
            self.looped[from] = true;
            return;
        }
        let (mut a, mut b) = (from, to);
        let mut around = (Vec::new(), Vec::new());
        while items[a].parent != items[b].parent {
            let deeper = if self.depths[a] >= self.depths[b] {
                (&mut a, &mut around.0)
            } else {
                (&mut b, &mut around.1)
            };
            let Some(parent) = items[*deeper.0].parent else {
                return;
            };
            deeper.1.push((parent, *deeper.0));
            *deeper.0 = parent;
        }
        if b < a {
            self.reversed[edge] = true;
            (a, b) = (b, a);
            around = (around.1, around.0);
        }
        for (parent, item) in around.0 {
            self.all[container(Some(parent))].pieces.push(Piece {
                edge,
                upper: Some(item),
                lower: None,
            });
        }
        for (parent, item) in around.1 {
            self.all[container(Some(parent))].pieces.push(Piece {
                edge,
                upper: None,
                lower: Some(item),
            });
        }
        self.all[container(items[a].parent)].pieces.push(Piece {
            edge,
            upper: Some(a),
            lower: Some(b),
        });
    }

    /// Arranges the insides of each item before the item itself.
    fn arrange(&mut self, items: &[Item]) {
        // For each edge, where it goes through the border of the group that was arranged last.
        let mut ports: HashMap<(usize, usize), f64> = HashMap::new();
        for index in (0..self.all.len()).rev() {
            let mut content = std::mem::take(&mut self.all[index]);
            if content.items.is_empty() {
                continue;
            }
            let local: HashMap<usize, usize> = content.items.iter().copied().zip(0..).collect();
            let end = |item: Option<usize>, edge: usize| {
                let item = item?;
                Some(rows::End {
                    item: *local.get(&item)?,
                    port: ports.get(&(item, edge)).copied(),
                })
            };
            let pieces = content.pieces.iter();
            let links: Vec<rows::Link> = pieces
                .map(|piece| rows::Link {
                    upper: end(piece.upper, piece.edge),
                    lower: end(piece.lower, piece.edge),
                })
                .collect();
            let boxes = content.items.iter().map(|item| rows::Item {
                size: Point {
                    x: self.sizes[*item].x + if self.looped[*item] { 2.0 * LOOP } else { 0.0 },
                    y: self.sizes[*item].y,
                },
                side: self.sizes[*item].x,
                port: items[*item].port,
            });
            content.arranged = rows::arrange(&boxes.collect::<Vec<_>>(), &links);
            if let Some(group) = index.checked_sub(1) {
                let Item {
                    size: least, inset, ..
                } = items[group];
                let inside = content.arranged.size;
                let needed = Point {
                    x: inset.x + inside.x + MARGIN,
                    y: inset.y + inside.y + MARGIN,
                };
                let size = Point {
                    x: needed.x.max(least.x),
                    y: needed.y.max(least.y),
                };
                // In the middle of what is left.
                let shift = Point {
                    x: inset.x + (size.x - needed.x) / 2.0,
                    y: inset.y + (size.y - needed.y) / 2.0,
                };
                content.arranged.shift(shift);
                for (piece, route) in content.pieces.iter().zip(&mut content.arranged.routes) {
                    // To the border itself.
                    match (piece.upper, piece.lower, route.as_mut_slice()) {
                        (None, _, [first, ..]) => first.y = 0.0,
                        (_, None, [.., last]) => last.y = size.y,
                        _ => continue,
                    }
                    let at_border = match piece.upper {
                        None => route.first(),
                        Some(_) => route.last(),
                    };
                    let from_middle = at_border.map_or(0.0, |point| point.x - size.x / 2.0);
                    ports.insert((group, piece.edge), from_middle);
                }
                self.sizes[group] = size;
            }
            self.all[index] = content;
        }
    }

    /// Everything in the coordinates of the whole.
    fn assemble(mut self, items: &[Item], edges: &[(usize, usize)]) -> Layout {
        let margin = Point {
            x: MARGIN,
            y: MARGIN,
        };
        let mut layout = Layout {
            size: Point {
                x: self.all[0].arranged.size.x + 2.0 * MARGIN,
                y: self.all[0].arranged.size.y + 2.0 * MARGIN,
            },
            rects: vec![Rect::default(); items.len()],
            routes: vec![Vec::new(); edges.len()],
        };
        let mut parts: Vec<Vec<(bool, usize, Vec<Point>)>> = vec![Vec::new(); edges.len()];
        for index in 0..self.all.len() {
            let mut content = std::mem::take(&mut self.all[index]);
            let origin = index.checked_sub(1).map(|group| layout.rects[group].corner);
            content.arranged.shift(origin.unwrap_or(margin));
            for (item, middle) in content.items.iter().zip(&content.arranged.middles) {
                let size = self.sizes[*item];
                let corner = Point {
                    x: middle.x - size.x / 2.0,
                    y: middle.y - size.y / 2.0,
                };
                layout.rects[*item] = Rect { corner, size };
            }
            for (piece, route) in content.pieces.iter().zip(content.arranged.routes) {
                // Out of the groups from the innermost on, over, and in from the outermost on.
                let depth = index
                    .checked_sub(1)
                    .map_or(0, |group| self.depths[group] + 1);
                let (goes_in, step) = match piece.lower {
                    None => (false, self.depths.len() - depth),
                    Some(_) => (true, depth),
                };
                parts[piece.edge].push((goes_in, step, route));
            }
        }
        for (edge, (mut parts, (from, to))) in parts.into_iter().zip(edges).enumerate() {
            let route = &mut layout.routes[edge];
            if from == to {
                *route = around(layout.rects[*from]);
                continue;
            }
            parts.sort_by_key(|(goes_in, step, _)| (*goes_in, *step));
            for point in parts.into_iter().flat_map(|(_, _, points)| points) {
                if route.last() != Some(&point) {
                    route.push(point);
                }
            }
            if self.reversed[edge] {
                route.reverse();
            }
        }
        layout
    }
}

/// From a box to itself.
fn around(rect: Rect) -> Vec<Point> {
    let x = rect.corner.x + rect.size.x;
    let y = rect.corner.y + rect.size.y / 2.0;
    let half = (rect.size.y / 4.0).min(LOOP / 2.0);
    let outside = x + LOOP * 0.6;
    [
        (x, y + half),
        (outside, y + half),
        (outside, y - half),
        (x, y - half),
    ]
    .map(|(x, y)| Point { x, y })
    .to_vec()
}
