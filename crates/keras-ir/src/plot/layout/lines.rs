//! Lines through several rows that are straight where there is room.

use super::place::distance;
use super::rows::{Net, Segment};

/// How often lines are straightened that others were in the way of.
const ROUNDS: usize = 6;

/// What would be straight: edges that go by rows, and the way from box to box that other edges only leave
/// and join.
pub(super) struct Lines {
    /// The vertices of each, from top to bottom.
    lines: Vec<Vec<usize>>,
    /// Whether each segment is a part of one.
    is_part: Vec<bool>,
}

impl Lines {
    /// `near` has the segments above and below each vertex.
    pub fn of(net: &Net, near: &[[Vec<usize>; 2]]) -> Self {
        let is_item = |vertex: usize| net.vertices[vertex].is_item;
        // How many items are right above and right below each vertex.
        let mut items = vec![[0; 2]; net.vertices.len()];
        for Segment { upper, lower, .. } in &net.segments {
            items[*lower][0] += usize::from(is_item(*upper));
            items[*upper][1] += usize::from(is_item(*lower));
        }
        let goes_on = |from: usize, side: usize, to: usize| {
            near[from][side].len() == 1 || is_item(to) && items[from][side] == 1
        };
        let segments = net.segments.iter();
        let is_part: Vec<bool> = segments
            .map(|Segment { upper, lower, .. }| {
                goes_on(*upper, 1, *lower) && goes_on(*lower, 0, *upper)
            })
            .collect();
        let part = |vertex: usize, side: usize| {
            let near = near[vertex][side].iter();
            near.copied().find(|index| is_part[*index])
        };
        let firsts = (0..net.vertices.len()).filter(|vertex| part(*vertex, 0).is_none());
        let lines = firsts.map(|first| {
            let mut line = vec![first];
            let mut last = first;
            while let Some(index) = part(last, 1) {
                last = net.segments[index].lower;
                line.push(last);
            }
            line
        });
        let lines = lines.filter(|line| line.len() > 1).collect();
        Self { lines, is_part }
    }

    /// How much a segment would be straight.
    pub fn weight(&self, net: &Net, segment: usize) -> f64 {
        let Segment { upper, lower, .. } = net.segments[segment];
        match (
            self.is_part[segment],
            net.vertices[upper].is_item,
            net.vertices[lower].is_item,
        ) {
            (true, ..) => 8.0,
            (_, true, true) => 1.0,
            _ => 2.0,
        }
    }

    /// Puts all of a line where it is on average, or as close to it as its neighbours leave room.
    pub fn straighten(&self, net: &Net, rows: &[Vec<usize>], xs: &mut [f64]) {
        let mut neighbours = vec![[None; 2]; net.vertices.len()];
        for pair in rows.iter().flat_map(|row| row.windows(2)) {
            neighbours[pair[0]][1] = Some(pair[1]);
            neighbours[pair[1]][0] = Some(pair[0]);
        }
        for _ in 0..ROUNDS {
            for line in &self.lines {
                let (mut least, mut most, mut sum) = (f64::NEG_INFINITY, f64::INFINITY, 0.0);
                for vertex in line {
                    let [left, right] = neighbours[*vertex];
                    if let Some(left) = left {
                        least = least.max(xs[left] + distance(net, left, *vertex));
                    }
                    if let Some(right) = right {
                        most = most.min(xs[right] - distance(net, *vertex, right));
                    }
                    sum += xs[*vertex];
                }
                if least <= most {
                    let x = (sum / line.len() as f64).max(least).min(most);
                    line.iter().for_each(|vertex| xs[*vertex] = x);
                }
            }
        }
    }
}
