//! Where everything stands in its row, so that edges are straight where they can be.

use super::lines::Lines;
use super::rows::Net;

/// Passes down and up, for nets of up to so many segments; fewer for larger ones.
const SEGMENT_PASSES: usize = 2_000_000;
const MOST_PASSES: usize = 24;
/// Between boxes.
const SPACE: f64 = 24.0;
/// Between edges that go by.
const EDGE_SPACE: f64 = 14.0;

/// The middle of each vertex.
pub(super) fn place(net: &Net, rows: &[Vec<usize>]) -> Vec<f64> {
    let mut xs = vec![0.0; net.vertices.len()];
    let mut offsets: Vec<Vec<f64>> = Vec::with_capacity(rows.len());
    for row in rows {
        let mut offset = 0.0;
        let mut of_row = Vec::with_capacity(row.len());
        for (index, vertex) in row.iter().enumerate() {
            if let Some(before) = index.checked_sub(1) {
                offset += distance(net, row[before], *vertex);
            }
            of_row.push(offset);
            xs[*vertex] = offset;
        }
        for vertex in row {
            xs[*vertex] -= offset / 2.0;
        }
        offsets.push(of_row);
    }
    // The segments above and below each vertex.
    let mut near: Vec<[Vec<usize>; 2]> = vec![Default::default(); net.vertices.len()];
    for (index, segment) in net.segments.iter().enumerate() {
        near[segment.lower][0].push(index);
        near[segment.upper][1].push(index);
    }
    let lines = Lines::of(net, &near);
    let weights: Vec<f64> = (0..net.segments.len())
        .map(|index| lines.weight(net, index))
        .collect();
    let passes = (SEGMENT_PASSES / net.segments.len().max(1)).clamp(4, MOST_PASSES);
    for pass in 0..passes {
        // Down by what is above, up by what is below, and in the end by both.
        let is_last = pass + 2 >= passes;
        let downwards = pass % 2 == 0;
        for index in 0..rows.len() {
            let index = if downwards {
                index
            } else {
                rows.len() - 1 - index
            };
            let wishes = rows[index].iter().zip(&offsets[index]);
            let wishes: Vec<Wish> = wishes
                .map(|(vertex, offset)| {
                    let [above, below] = &near[*vertex];
                    let above = above.iter().filter(|_| downwards || is_last);
                    let below = below.iter().filter(|_| !downwards || is_last);
                    let mut wish = Wish {
                        // Where nothing asks for another place.
                        at: xs[*vertex] - offset,
                        weight: 0.01,
                    };
                    for index in above {
                        let segment = &net.segments[*index];
                        let at = xs[segment.upper] + segment.upper_port - segment.lower_port;
                        wish.add(at - offset, weights[*index]);
                    }
                    for index in below {
                        let segment = &net.segments[*index];
                        let at = xs[segment.lower] + segment.lower_port - segment.upper_port;
                        wish.add(at - offset, weights[*index]);
                    }
                    wish
                })
                .collect();
            let places = rows[index].iter().zip(&offsets[index]);
            for ((vertex, offset), at) in places.zip(closest_ascending(&wishes)) {
                xs[*vertex] = at + offset;
            }
        }
    }
    lines.straighten(net, rows, &mut xs);
    xs
}

/// How far apart the middles of neighbours in a row are at least.
pub(super) fn distance(net: &Net, left: usize, right: usize) -> f64 {
    let (left, right) = (net.vertices[left], net.vertices[right]);
    let space = if left.is_item && right.is_item {
        SPACE
    } else {
        EDGE_SPACE
    };
    (left.size.x + right.size.x) / 2.0 + space
}

/// Where a vertex would be, and how much.
#[derive(Clone, Copy, Debug)]
struct Wish {
    at: f64,
    weight: f64,
}

impl Wish {
    fn add(&mut self, at: f64, weight: f64) {
        let sum = self.weight + weight;
        self.at += (at - self.at) * (weight / sum);
        self.weight = sum;
    }
}

/// The numbers closest to the wishes, by squared and weighted distance, of which none is less than the one
/// before: neighbours that would be in the wrong order meet where they wish on average.
fn closest_ascending(wishes: &[Wish]) -> Vec<f64> {
    let mut blocks: Vec<(Wish, usize)> = Vec::with_capacity(wishes.len());
    for wish in wishes {
        let (mut wish, mut length) = (*wish, 1);
        while let Some((before, more)) = blocks.pop_if(|(before, _)| before.at > wish.at) {
            wish.add(before.at, before.weight);
            length += more;
        }
        blocks.push((wish, length));
    }
    let blocks = blocks.into_iter();
    blocks
        .flat_map(|(wish, length)| std::iter::repeat_n(wish.at, length))
        .collect()
}
