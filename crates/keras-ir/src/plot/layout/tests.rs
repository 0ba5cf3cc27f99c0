use super::*;

fn item(parent: Option<usize>) -> Item {
    Item {
        parent,
        size: Point { x: 60.0, y: 20.0 },
        inset: Point { x: 14.0, y: 20.0 },
        port: 10.0,
    }
}

fn is_inside(inner: Rect, outer: Rect) -> bool {
    inner.corner.x >= outer.corner.x
        && inner.corner.y >= outer.corner.y
        && inner.corner.x + inner.size.x <= outer.corner.x + outer.size.x
        && inner.corner.y + inner.size.y <= outer.corner.y + outer.size.y
}

fn are_apart(a: Rect, b: Rect) -> bool {
    a.corner.x + a.size.x <= b.corner.x
        || b.corner.x + b.size.x <= a.corner.x
        || a.corner.y + a.size.y <= b.corner.y
        || b.corner.y + b.size.y <= a.corner.y
}

fn is_at(point: Point, rect: Rect) -> bool {
    let from = |at: f64, start: f64, size: f64| (start - 0.01..=start + size + 0.01).contains(&at);
    from(point.x, rect.corner.x, rect.size.x) && from(point.y, rect.corner.y, rect.size.y)
}

/// What holds of every layout.
fn checked(items: &[Item], edges: &[(usize, usize)]) -> Layout {
    let layout = layout(items, edges);
    let all = Rect {
        corner: Point::default(),
        size: layout.size,
    };
    for (position, item) in items.iter().enumerate() {
        let rect = layout.rects[position];
        let outer = item.parent.map_or(all, |parent| layout.rects[parent]);
        assert!(is_inside(rect, outer), "{position}: {rect:?} in {outer:?}");
        let before = items.iter().zip(&layout.rects).take(position);
        for (other, rect_of_other) in before {
            if other.parent == item.parent {
                assert!(are_apart(rect, *rect_of_other), "{position}: {rect:?}");
            }
        }
    }
    for ((from, to), route) in edges.iter().zip(&layout.routes) {
        let (Some(first), Some(last)) = (route.first(), route.last()) else {
            unreachable!("no route from {from} to {to}");
        };
        assert!(
            is_at(*first, layout.rects[*from]),
            "{from} to {to}: {route:?}"
        );
        assert!(is_at(*last, layout.rects[*to]), "{from} to {to}: {route:?}");
        assert!(route.iter().all(|point| is_at(*point, all)), "{route:?}");
    }
    layout
}

#[test]
fn nothing_is_a_layout_too() {
    assert_eq!(layout(&[], &[]).rects.len(), 0);
    checked(&[item(None)], &[]);
    checked(&[item(None), item(None)], &[]);
}

#[test]
fn what_takes_stands_under_what_gives() {
    let items = vec![item(None); 5];
    let edges = [(0, 1), (0, 2), (1, 3), (2, 3), (0, 3), (3, 4)];
    let layout = checked(&items, &edges);
    for (from, to) in edges {
        assert!(layout.rects[from].corner.y < layout.rects[to].corner.y);
    }
    // An edge that goes by a row keeps clear of the boxes in it.
    let past = &layout.routes[4];
    for rect in &layout.rects[1..3] {
        let middle = rect.corner.y + rect.size.y / 2.0;
        let beside = past
            .windows(2)
            .find(|pair| pair[0].y <= middle && middle <= pair[1].y);
        assert!(beside.is_some_and(|pair| !is_at(pair[0], *rect) && pair[0].x == pair[1].x));
    }
}

#[test]
fn a_late_input_stands_above_what_takes_it() {
    let items = vec![item(None); 5];
    let layout = checked(&items, &[(0, 2), (2, 3), (3, 4), (1, 4)]);
    assert_eq!(layout.rects[1].corner.y, layout.rects[3].corner.y);
}

#[test]
fn circles_and_edges_to_themselves_have_routes() {
    let items = vec![item(None); 3];
    let layout = checked(
        &items,
        &[(0, 0), (0, 1), (1, 0), (1, 2), (2, 0), (2, 2), (2, 2)],
    );
    let up = &layout.routes[2];
    assert!(up[0].y > up[up.len() - 1].y);
}

#[test]
fn edges_go_in_and_out_of_groups() {
    // 0, the group 1 with 2, 3 and the group 4 with 5; 6.
    let parents = [None, None, Some(1), Some(1), Some(1), Some(4), None];
    let items: Vec<Item> = parents.into_iter().map(item).collect();
    let edges = [
        (0, 2),
        (0, 2),
        (2, 5),
        (5, 3),
        (3, 6),
        (6, 2),
        (6, 5),
        (0, 6),
        (5, 0),
    ];
    checked(&items, &edges);
}

/// Whatever the edges are.
#[test]
fn every_layout_keeps_boxes_apart_and_inside() {
    let mut state: u32 = 1;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for _ in 0..200 {
        let count = 1 + random(24);
        let mut items: Vec<Item> = Vec::new();
        for position in 0..count {
            let parent = (position > 0).then(|| random(2 * position));
            let mut item = item(parent.filter(|parent| *parent < position));
            item.size.x = 20.0 + random(200) as f64;
            items.push(item);
        }
        let is_box = |at: &usize| items.iter().all(|item| item.parent != Some(*at));
        let boxes: Vec<usize> = (0..count).filter(is_box).collect();
        let edges: Vec<(usize, usize)> = (0..random(40))
            .map(|_| (boxes[random(boxes.len())], boxes[random(boxes.len())]))
            .collect();
        checked(&items, &edges);
    }
}
