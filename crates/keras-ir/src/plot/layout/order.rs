//! The order in each row, so that few edges cross.

use super::rows::Net;

/// Passes over all rows, for nets of up to so many segments; fewer for larger ones.
const SEGMENT_PASSES: usize = 2_000_000;
const MOST_PASSES: usize = 24;

/// The vertices of each row, from left to right.
pub(super) fn order(net: &Net) -> Vec<Vec<usize>> {
    let near = Near::of(net);
    let mut rows = first(net, &near);
    let mut positions = vec![0; net.vertices.len()];
    number(&rows, &mut positions);
    let mut best = (crossings(net, &rows, &positions), rows.clone());
    let passes = (SEGMENT_PASSES / net.segments.len().max(1)).clamp(2, MOST_PASSES);
    for pass in 0..passes {
        if best.0 == 0 {
            break;
        }
        let downwards = pass % 2 == 0;
        for index in 0..rows.len() {
            let index = if downwards {
                index
            } else {
                rows.len() - 1 - index
            };
            let neighbours = if downwards { &near.above } else { &near.below };
            sort(&mut rows[index], neighbours, &mut positions);
        }
        let count = crossings(net, &rows, &positions);
        if count < best.0 {
            best = (count, rows.clone());
        }
    }
    best.1
}

/// What each vertex is connected to in the rows beside its own.
struct Near {
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
}

impl Near {
    fn of(net: &Net) -> Self {
        let mut near = Self {
            above: vec![Vec::new(); net.vertices.len()],
            below: vec![Vec::new(); net.vertices.len()],
        };
        for segment in &net.segments {
            near.below[segment.upper].push(segment.lower);
            near.above[segment.lower].push(segment.upper);
        }
        near
    }
}

/// In the order of a walk down from each vertex that nothing is above.
fn first(net: &Net, near: &Near) -> Vec<Vec<usize>> {
    let mut rows = vec![Vec::new(); net.rows];
    let mut seen = vec![false; net.vertices.len()];
    let mut from: Vec<usize> = (0..net.vertices.len()).collect();
    from.sort_by_key(|vertex| net.vertices[*vertex].row);
    for start in from {
        let mut stack = vec![start];
        while let Some(vertex) = stack.pop() {
            if !std::mem::replace(&mut seen[vertex], true) {
                rows[net.vertices[vertex].row].push(vertex);
                let below = near.below[vertex].iter().rev();
                stack.extend(below.filter(|below| !seen[**below]));
            }
        }
    }
    rows
}

fn number(rows: &[Vec<usize>], positions: &mut [usize]) {
    for (position, vertex) in rows.iter().flat_map(|row| row.iter().enumerate()) {
        positions[*vertex] = position;
    }
}

/// Puts each vertex of a row where its neighbours are on average.
fn sort(row: &mut [usize], neighbours: &[Vec<usize>], positions: &mut [usize]) {
    let key = |vertex: usize| {
        let near = &neighbours[vertex];
        match near.len() {
            0 => positions[vertex] as f64,
            count => near.iter().map(|near| positions[*near]).sum::<usize>() as f64 / count as f64,
        }
    };
    let mut keyed: Vec<(f64, usize)> = row.iter().map(|vertex| (key(*vertex), *vertex)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (position, (place, (_, vertex))) in row.iter_mut().zip(keyed).enumerate() {
        *place = vertex;
        positions[vertex] = position;
    }
}

/// How many pairs of segments cross.
fn crossings(net: &Net, rows: &[Vec<usize>], positions: &[usize]) -> usize {
    let mut by_row: Vec<Vec<(usize, usize)>> = vec![Vec::new(); rows.len()];
    for segment in &net.segments {
        let ends = (positions[segment.upper], positions[segment.lower]);
        by_row[net.vertices[segment.lower].row].push(ends);
    }
    let rows = rows.iter().zip(&mut by_row);
    rows.map(|(row, segments)| {
        segments.sort_unstable();
        inversions(segments, row.len())
    })
    .sum()
}

/// How many of the pairs, which are in the order of their first numbers, are not in that of their second
/// ones: by a tree of counts.
fn inversions(pairs: &[(usize, usize)], length: usize) -> usize {
    let mut counts = vec![0; length + 1];
    let mut inversions = 0;
    for (before, (_, second)) in pairs.iter().enumerate() {
        let mut at = second + 1;
        let mut not_greater = 0;
        while at > 0 {
            not_greater += counts[at];
            at &= at - 1;
        }
        inversions += before - not_greater;
        let mut at = second + 1;
        while at <= length {
            counts[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    inversions
}
